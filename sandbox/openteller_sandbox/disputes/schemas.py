"""The wire of disputes."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, LocalizedTextSchema, MoneyField, Pattern

TYPES = ("SERVICE_NOT_RECEIVED", "PAID_WRONG_ACCOUNT", "DUPLICATE", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED")
_PAYMENT_ID = (validate.Length(8, 48), Pattern("^pay_[0-9a-z]{4,44}$"))


class DisputeCreateSchema(ContractSchema):
    component = "DisputeCreate"

    payment_id = fields.String(required=True, validate=_PAYMENT_ID)
    type = fields.String(required=True, validate=validate.OneOf(TYPES))
    description = fields.String(validate=validate.Length(1, 500))


class DisputeQuery(ContractSchema):
    query_of = "listDisputes"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    status = fields.String(validate=validate.OneOf(["ASSIGNED", "RESOLVED", "REJECTED"]))
    payment_id = fields.String(validate=_PAYMENT_ID)


class DisputeResolutionSchema(ContractSchema):
    component = "DisputeResolution"

    outcome = fields.String(required=True)
    amount = MoneyField()
    refund_id = fields.String()
    note = fields.Nested(LocalizedTextSchema, required=True)


class DisputeHistoryEntrySchema(ContractSchema):
    component = "DisputeHistoryEntry"

    status = fields.String(required=True)
    at = InstantField(required=True)
    actor = fields.String(required=True)


class DisputeSchema(ContractSchema):
    component = "Dispute"

    dispute_id = fields.String(required=True)
    payment_id = fields.String(required=True)
    partner_reference = fields.String(required=True)
    type = fields.String(required=True)
    status = fields.String(required=True)
    description = fields.String()
    resolution = fields.Nested(DisputeResolutionSchema)
    decide_by = InstantField(required=True)
    history = fields.List(fields.Nested(DisputeHistoryEntrySchema), required=True)
    created_at = InstantField(required=True)
    updated_at = InstantField(required=True)
    version = fields.Integer(required=True)
