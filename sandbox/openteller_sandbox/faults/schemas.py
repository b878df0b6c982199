"""The wire of faults."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILLER_ID
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern

_PAYMENT_ID = (validate.Length(8, 48), Pattern("^pay_[0-9a-z]{4,44}$"))
_LEGS = ("query", "post", "query_posting", "reverse", "reconcile")
_DROPS = ("BEFORE", "AFTER")


class FaultMatchSchema(ContractSchema):
    component = "FaultMatch"

    operation_id = fields.String(validate=(validate.Length(1, 64), Pattern("^[a-z][A-Za-z]*$")))
    path = fields.String(validate=(validate.Length(1, 200), Pattern("^/[A-Za-z0-9_.:*/-]*$")))
    leg = fields.String(validate=validate.OneOf(_LEGS))
    biller_id = fields.String(validate=BILLER_ID)
    payment_id = fields.String(validate=_PAYMENT_ID)


class FaultEffectSchema(ContractSchema):
    component = "FaultEffect"

    status = fields.Integer(strict=True, validate=validate.Range(400, 599))
    code = fields.String(validate=(validate.Length(1, 40), Pattern("^[A-Z][A-Z_]*$")))
    delay_ms = fields.Integer(strict=True, validate=validate.Range(1, 86_400_000))
    drop = fields.String(validate=validate.OneOf(_DROPS))


class FaultCreateSchema(ContractSchema):
    component = "FaultCreate"

    match = fields.Nested(FaultMatchSchema, required=True)
    effect = fields.Nested(FaultEffectSchema, required=True)
    times = fields.Integer(strict=True, validate=validate.Range(1, 1000))
    probability = fields.String(validate=(validate.Length(1, 8), Pattern(r"^(?:0\.[0-9]{1,6}|1(?:\.0{1,6})?)$")))
    expires_at = InstantField()


class StruckMatchSchema(ContractSchema):
    component = "StruckMatch"

    operation_id = fields.String()
    path = fields.String()
    leg = fields.String()
    biller_id = fields.String()
    payment_id = fields.String()


class StruckEffectSchema(ContractSchema):
    component = "StruckEffect"

    status = fields.Integer()
    code = fields.String()
    delay_ms = fields.Integer()
    drop = fields.String()


class FaultSchema(ContractSchema):
    component = "Fault"

    fault_id = fields.String(required=True)
    match = fields.Nested(StruckMatchSchema, required=True)
    effect = fields.Nested(StruckEffectSchema, required=True)
    times_left = fields.Integer()
    probability = fields.String()
    expires_at = InstantField()
    hits = fields.Integer(required=True)
    active = fields.Boolean(required=True)
    created_at = InstantField(required=True)


class FaultQuery(ContractSchema):
    query_of = "listFaults"

    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
