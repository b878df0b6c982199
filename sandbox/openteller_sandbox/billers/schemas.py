"""The wire of the directory. Billers and categories are stored as they go out; only the query is converted."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import Pattern


class BillerQuery(ContractSchema):
    """Which billers are asked for."""

    query_of = "listBillers"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    category_code = fields.String(validate=(validate.Length(1, 24), Pattern("^[A-Z][A-Z_]{0,23}$")))
    adcode = fields.String(validate=(validate.Length(6, 6), Pattern("^[0-9]{6}$")))
    city = fields.String(validate=validate.Length(1, 40))
    q = fields.String(validate=validate.Length(1, 60))
