"""The wire of the calculators' requests."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern

_PRODUCT_CODE = (validate.Length(2, 40), Pattern("^[A-Z][A-Z0-9_]*$"))
_CURRENCY = (validate.Length(3, 3), Pattern("^[A-Z]{3}$"))
_TERM = (validate.Length(3, 8), Pattern("^P(?:[1-9][0-9]?Y(?:[1-9][0-9]?M)?|[1-9][0-9]{0,2}M)$"))
_RATE = (validate.Length(1, 16), Pattern(r"^-?(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,10})?$"))


class EarlyWithdrawalInputSchema(ContractSchema):
    component = "EarlyWithdrawalInput"

    date = DayField(required=True)
    amount = MoneyField()


class DepositCalculationRequestSchema(ContractSchema):
    component = "DepositCalculationRequest"

    product_code = fields.String(required=True, validate=_PRODUCT_CODE)
    amount = MoneyField(required=True)
    start_date = DayField()
    end_date = DayField()
    early_withdrawal = fields.Nested(EarlyWithdrawalInputSchema)


class RateChangeInputSchema(ContractSchema):
    component = "RateChangeInput"

    from_number = fields.Integer(required=True, strict=True, validate=validate.Range(2, 360))
    rate = fields.String(required=True, validate=_RATE)


class ExtraRepaymentInputSchema(ContractSchema):
    component = "ExtraRepaymentInput"

    number = fields.Integer(required=True, strict=True, validate=validate.Range(1, 359))
    amount = MoneyField(required=True)
    effect = fields.String(load_default="LOWER_PAYMENT", validate=validate.OneOf(["LOWER_PAYMENT", "SHORTER_TERM"]))


class LoanCalculationRequestSchema(ContractSchema):
    component = "LoanCalculationRequest"

    product_code = fields.String(required=True, validate=_PRODUCT_CODE)
    amount = MoneyField(required=True)
    term = fields.String(required=True, validate=_TERM)
    rate = fields.String(validate=_RATE)
    repayment_type = fields.String(validate=validate.OneOf(["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"]))
    start_date = DayField()
    upfront_fee = MoneyField()
    rate_changes = fields.List(fields.Nested(RateChangeInputSchema), validate=validate.Length(max=40))
    extra_repayments = fields.List(fields.Nested(ExtraRepaymentInputSchema), validate=validate.Length(max=40))


class FxCalculationRequestSchema(ContractSchema):
    component = "FxCalculationRequest"

    side = fields.String(required=True, validate=validate.OneOf(["SELL", "BUY"]))
    amount = MoneyField(required=True)
    counter_currency = fields.String(required=True, validate=_CURRENCY)
    settlement = fields.String(validate=validate.OneOf(["TT", "NOTES"]))
    date = DayField()
    as_of = InstantField()
