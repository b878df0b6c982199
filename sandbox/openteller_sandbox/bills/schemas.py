"""The wire of bill fetches and bills."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema, MoneyField, Pattern

BILLER_ID = (validate.Length(8, 48), Pattern("^blr_[0-9a-z]{4,44}$"))
BILL_ID = (validate.Length(8, 48), Pattern("^bil_[0-9a-z]{4,44}$"))
INPUT_NAME = (validate.Length(1, 32), Pattern("^[a-z][a-z0-9_]*$"))


def inputs_field(*, required: bool = False) -> fields.Dict:
    """Make the field ``inputs``: strings by field name."""
    return fields.Dict(
        keys=fields.String(validate=INPUT_NAME),
        values=fields.String(validate=validate.Length(1, 64)),
        required=required,
        validate=validate.Length(1, 10),
    )


class BillFetchCreateSchema(ContractSchema):
    component = "BillFetchCreate"

    biller_id = fields.String(required=True, validate=BILLER_ID)
    inputs = inputs_field(required=True)
    end_user_ref = fields.String(required=True, validate=(validate.Length(16, 128), Pattern("^[A-Za-z0-9_=-]+$")))


class PeriodSchema(ContractSchema):
    component = "Period"

    from_ = DayField(required=True, data_key="from")
    to = DayField(required=True)


class BillItemSchema(ContractSchema):
    component = "BillItem"

    label = fields.Nested(LocalizedTextSchema, required=True)
    amount = MoneyField(required=True)


class BillSchema(ContractSchema):
    component = "Bill"

    bill_id = fields.String(required=True)
    bill_fetch_id = fields.String(required=True)
    biller_id = fields.String(required=True)
    status = fields.String(required=True)
    bill_number = fields.String(required=True)
    account_ref_masked = fields.String(required=True)
    bill_date = DayField()
    due_date = DayField()
    period = fields.Nested(PeriodSchema)
    amount = MoneyField()
    outstanding = MoneyField()
    balance = MoneyField()
    penalty = MoneyField()
    min_amount = MoneyField()
    max_amount = MoneyField()
    items = fields.List(fields.Nested(BillItemSchema), required=True)
    payment_options = fields.List(fields.String(), required=True)
    valid_until = InstantField(required=True)
    version = fields.Integer(required=True)


class BillFetchSchema(ContractSchema):
    """Without its bills, which are joined to it as they stand."""

    component = "BillFetch"

    bill_fetch_id = fields.String(required=True)
    status = fields.String(required=True)
    status_reason = fields.String()
    biller_id = fields.String(required=True)
    account_ref_masked = fields.String(required=True)
    created_at = InstantField(required=True)
    ready_at = InstantField()
    expires_at = InstantField(required=True)
    version = fields.Integer(required=True)
