"""The wire of payments under a mandate."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILL_ID
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import MoneyField
from openteller_sandbox.payments.schemas import REFERENCE, metadata_field
from openteller_sandbox.saved_billers.schemas import SAVED_BILLER_ID


class MandatePaymentCreateSchema(ContractSchema):
    component = "MandatePaymentCreate"

    partner_reference = fields.String(required=True, validate=REFERENCE)
    saved_biller_id = fields.String(required=True, validate=SAVED_BILLER_ID)
    bill_ids = fields.List(fields.String(validate=BILL_ID), validate=validate.Length(1, 12))
    amount = MoneyField(required=True, metadata={"component": "MoneyInput"})
    metadata = metadata_field()
