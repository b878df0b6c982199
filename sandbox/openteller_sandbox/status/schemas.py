"""The wire of status and official accounts."""

from __future__ import annotations

from marshmallow import fields

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema


class ServiceHealthSchema(ContractSchema):
    component = "ServiceHealth"

    service = fields.String(required=True)
    status = fields.String(required=True)


class ServiceStatusSchema(ContractSchema):
    component = "ServiceStatus"

    status = fields.String(required=True)
    environment = fields.String(required=True)
    contract_version = fields.String(required=True)
    bank_time = InstantField(required=True)
    services = fields.List(fields.Nested(ServiceHealthSchema), required=True)


class OfficialAccountSchema(ContractSchema):
    component = "OfficialAccount"

    official_account_id = fields.String(required=True)
    channel = fields.String(required=True)
    handle = fields.String(required=True)
    name = fields.Nested(LocalizedTextSchema, required=True)
    purpose = fields.Nested(LocalizedTextSchema, required=True)
    valid_from = DayField(required=True)
