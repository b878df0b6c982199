"""The wire of statements."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern

_AFTER = (validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$"))


class StatementQuery(ContractSchema):
    query_of = "listStatements"

    after = fields.String(validate=_AFTER)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    business_date = DayField()


class StatementRowQuery(ContractSchema):
    query_of = "listStatementRows"

    after = fields.String(validate=_AFTER)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)


class StatementRowSchema(ContractSchema):
    component = "StatementRow"

    type = fields.String(required=True)
    payment_id = fields.String(required=True)
    partner_reference = fields.String(required=True)
    amount = MoneyField(required=True)
    fee = MoneyField(required=True)
    status = fields.String(required=True)
    value_date = DayField(required=True)
    available_at = InstantField()


class StatementSchema(ContractSchema):
    component = "Statement"

    statement_id = fields.String(required=True)
    business_date = DayField(required=True)
    timezone = fields.String(required=True)
    cut_at = InstantField(required=True)
    version = fields.Integer(required=True)
    supersedes = fields.String()
    count = fields.Integer(required=True)
    undecided = fields.Integer(required=True)
    sum = MoneyField(required=True)
    fee_sum = MoneyField(required=True)
    sha256 = fields.String(required=True)
    made_at = InstantField(required=True)
