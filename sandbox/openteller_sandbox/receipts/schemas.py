"""The wire of verdicts and keys."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema, MoneyField, Pattern
from openteller_sandbox.payments.schemas import ReceiptBillerSchema

_TYPED = (validate.Length(1, 40), Pattern("^[0-9A-Za-z][0-9A-Za-z -]*$"))


class ReceiptVerifySchema(ContractSchema):
    component = "ReceiptVerify"

    receipt_number = fields.String(validate=_TYPED)
    verification_code = fields.String(validate=_TYPED)
    compact = fields.String(validate=(validate.Length(1, 400), Pattern("^[0-9A-Za-z.-]+$")))


class CheckedReceiptSchema(ContractSchema):
    component = "CheckedReceipt"

    receipt_number = fields.String(required=True)
    standing = fields.String(required=True)
    biller = fields.Nested(ReceiptBillerSchema, required=True)
    amount = MoneyField(required=True)
    total = MoneyField(required=True)
    paid_at = InstantField(required=True)
    value_date = DayField(required=True)


class ReceiptVerdictSchema(ContractSchema):
    component = "ReceiptVerdict"

    verdict = fields.String(required=True)
    receipt = fields.Nested(CheckedReceiptSchema)
    message = fields.Nested(LocalizedTextSchema, required=True)
    checked_at = InstantField(required=True)


class ReceiptKeySchema(ContractSchema):
    component = "ReceiptKey"

    kty = fields.String(required=True)
    crv = fields.String(required=True)
    x = fields.String(required=True)
    kid = fields.String(required=True)
    use = fields.String(required=True)
    alg = fields.String(required=True)
    status = fields.String(required=True)
    created_at = InstantField(required=True)
    retired_at = InstantField()


class ReceiptKeySetSchema(ContractSchema):
    component = "ReceiptKeySet"

    keys = fields.List(fields.Nested(ReceiptKeySchema), required=True)
