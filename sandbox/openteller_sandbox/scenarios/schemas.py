"""The wire of scenarios, transitions and triggers."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern

_STATUSES = (
    "created",
    "authorising",
    "authorised",
    "processing",
    "unknown",
    "succeeded",
    "refund_pending",
    "refund_failed",
    "refunded",
    "failed",
    "cancelled",
    "expired",
)


class TransitionSchema(ContractSchema):
    component = "Transition"

    to = fields.String(required=True, validate=validate.OneOf(_STATUSES))


class EventTriggerSchema(ContractSchema):
    component = "EventTrigger"

    new = fields.Boolean(validate=validate.OneOf([True]))
    payment_id = fields.String(validate=(validate.Length(8, 48), Pattern("^pay_[0-9a-z]{4,44}$")))
    bill_fetch_id = fields.String(validate=(validate.Length(8, 48), Pattern("^bft_[0-9a-z]{4,44}$")))
    rate_sheet_id = fields.String(validate=(validate.Length(8, 48), Pattern("^rsh_[0-9a-z]{4,44}$")))
    dispute_id = fields.String(validate=(validate.Length(8, 48), Pattern("^dsp_[0-9a-z]{4,44}$")))
    statement_id = fields.String(validate=(validate.Length(8, 48), Pattern("^stm_[0-9a-z]{4,44}$")))
    webhook_endpoint_id = fields.String(validate=(validate.Length(8, 48), Pattern("^whe_[0-9a-z]{4,44}$")))
    consent_id = fields.String(validate=(validate.Length(8, 48), Pattern("^cns_[0-9a-z]{4,44}$")))
    saved_biller_id = fields.String(validate=(validate.Length(8, 48), Pattern("^svb_[0-9a-z]{4,44}$")))
    reminder_id = fields.String(validate=(validate.Length(8, 48), Pattern("^rmd_[0-9a-z]{4,44}$")))
    account_link_id = fields.String(validate=(validate.Length(8, 48), Pattern("^acl_[0-9a-z]{4,44}$")))


class ScenarioExpectationSchema(ContractSchema):
    component = "ScenarioExpectation"

    status = fields.String(required=True)
    money_at = fields.String(required=True)
    exceptions = fields.List(fields.String(), required=True)


class ScenarioSchema(ContractSchema):
    component = "Scenario"

    name = fields.String(required=True)
    title = fields.String(required=True)
    needs = fields.String(required=True)
    happens = fields.String(required=True)
    reaction = fields.String(required=True)
    expected = fields.Nested(ScenarioExpectationSchema, required=True)


class ScenarioStepSchema(ContractSchema):
    component = "ScenarioStep"

    at = InstantField(required=True)
    actor = fields.String(required=True)
    text = fields.String(required=True)


class ScenarioRunSchema(ContractSchema):
    component = "ScenarioRun"

    name = fields.String(required=True)
    reaction = fields.String(required=True)
    expected = fields.Nested(ScenarioExpectationSchema, required=True)
    steps = fields.List(fields.Nested(ScenarioStepSchema), required=True)
    payment_ids = fields.List(fields.String(), required=True)
