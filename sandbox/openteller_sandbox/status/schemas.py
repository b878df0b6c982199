"""The wire of status and official accounts."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILLER_ID
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema, Pattern


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


class OutageQuery(ContractSchema):
    query_of = "listOutages"

    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    biller_id = fields.String(validate=BILLER_ID)


class OutageSchema(ContractSchema):
    component = "Outage"

    outage_id = fields.String(required=True)
    kind = fields.String(required=True)
    status = fields.String(required=True)
    service = fields.String(required=True)
    biller_id = fields.String()
    biller_name = fields.Nested(LocalizedTextSchema)
    effect = fields.String(required=True)
    starts_at = InstantField(required=True)
    ends_at = InstantField()
