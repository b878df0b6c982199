"""The wire of payments under a mandate, and of what was used of it."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILL_ID
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField
from openteller_sandbox.payments.schemas import REFERENCE, metadata_field
from openteller_sandbox.saved_billers.schemas import SAVED_BILLER_ID


class MandatePaymentCreateSchema(ContractSchema):
    component = "MandatePaymentCreate"

    partner_reference = fields.String(required=True, validate=REFERENCE)
    saved_biller_id = fields.String(required=True, validate=SAVED_BILLER_ID)
    bill_ids = fields.List(fields.String(validate=BILL_ID), validate=validate.Length(1, 12))
    amount = MoneyField(required=True, metadata={"component": "MoneyInput"})
    metadata = metadata_field()


class PeriodUsageSchema(ContractSchema):
    component = "PeriodUsage"

    period_type = fields.String(required=True)
    period_alignment = fields.String(required=True)
    begins_on = DayField(required=True)
    resets_at = InstantField(required=True)
    amount = MoneyField(required=True)
    used = MoneyField(required=True)
    remaining = MoneyField(required=True)


class MandateUsageSchema(ContractSchema):
    component = "MandateUsage"

    state = fields.String(required=True)
    usable_from = InstantField()
    uses = fields.Integer(required=True)
    maximum_uses = fields.Integer()
    maximum_individual_amount = MoneyField(required=True)
    payable_now = MoneyField(required=True)
    periods = fields.List(fields.Nested(PeriodUsageSchema), required=True)


class ConsentUsageSchema(ContractSchema):
    component = "ConsentUsage"

    consent_id = fields.String(required=True)
    mandates = fields.List(fields.Nested(MandateUsageSchema), required=True)
    as_of = InstantField(required=True)
