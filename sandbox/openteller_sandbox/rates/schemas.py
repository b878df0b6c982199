"""The wire of rates: query parameters. What goes out is stored as it is and needs no schema here."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, Pattern

CURRENCY = (validate.Length(3, 3), Pattern("^[A-Z]{3}$"))
_CURSOR = (validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$"))


class RateSheetQuery(ContractSchema):
    query_of = "listRateSheets"

    kind = fields.String(validate=validate.OneOf(["DEPOSIT", "LOAN", "FX"]))
    rows = fields.Boolean(load_default=False)
    as_of = InstantField()
    known_at = InstantField()
    after = fields.String(validate=_CURSOR)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)


class DepositRateQuery(ContractSchema):
    query_of = "listDepositRates"

    date = DayField()
    as_of = InstantField()
    known_at = InstantField()
    currency = fields.String(validate=CURRENCY)
    product_type = fields.String(
        validate=validate.OneOf(["DEMAND", "TIME", "INSTALMENT", "NOTICE", "CERTIFICATE_OF_DEPOSIT"])
    )


class LoanRateQuery(ContractSchema):
    query_of = "listLoanRates"

    date = DayField()
    as_of = InstantField()
    known_at = InstantField()
    loan_purpose = fields.String(
        validate=validate.OneOf(
            ["HOME_PURCHASE", "HOME_IMPROVEMENT", "CAR", "CONSUMPTION", "EDUCATION", "BUSINESS", "AGRICULTURE"]
        )
    )


class FxQuoteQuery(ContractSchema):
    query_of = "listFxQuotes"

    date = DayField()
    as_of = InstantField()
    known_at = InstantField()
    base = fields.String(validate=CURRENCY)


class FxHistoryQuery(ContractSchema):
    query_of = "listFxHistory"

    base = fields.String(required=True, validate=CURRENCY)
    from_ = DayField(data_key="from")
    to = DayField()
    group = fields.String(validate=validate.OneOf(["day", "week", "month"]), load_default="day")
    known_at = InstantField()
    after = fields.String(validate=_CURSOR)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
