"""The wire of worlds' logs and replays."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern


class WorldLogQuery(ContractSchema):
    query_of = "listWorldLog"

    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))


class DeedSchema(ContractSchema):
    component = "Deed"

    number = fields.Integer(required=True)
    at = InstantField(required=True)
    actor = fields.String(required=True)
    app_id = fields.String()
    name = fields.String(required=True)
    subject = fields.String()


class ReplayDifferenceSchema(ContractSchema):
    component = "ReplayDifference"

    what = fields.String(required=True)
    subject = fields.String(required=True)
    members = fields.List(fields.String(), required=True)


class NotRepeatedSchema(ContractSchema):
    component = "NotRepeated"

    number = fields.Integer(required=True)
    name = fields.String(required=True)
    reason = fields.String(required=True)


class ReplayReportSchema(ContractSchema):
    component = "ReplayReport"

    world_id = fields.String(required=True)
    seed = fields.String(required=True)
    deeds = fields.Integer(required=True)
    same = fields.Boolean(required=True)
    state_hash = fields.String(required=True)
    replayed_hash = fields.String(required=True)
    differences = fields.List(fields.Nested(ReplayDifferenceSchema), required=True)
    not_repeated = fields.List(fields.Nested(NotRepeatedSchema), required=True)
