"""The wire of events."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, ExactInstantField, InstantField, Pattern

_EVENT_ID = (validate.Length(8, 48), Pattern("^evt_[0-9a-z]{4,44}$"))
_EVENT_TYPE = (validate.Length(3, 40), Pattern("^[a-z][a-z_]*[.][a-z][a-z_]*$"))


class EventDataSchema(ContractSchema):
    component = "EventData"

    payment_id = fields.String()
    partner_reference = fields.String()
    consent_id = fields.String()
    reminder_id = fields.String()
    bill_fetch_id = fields.String()
    dispute_id = fields.String()
    refund_id = fields.String()
    statement_id = fields.String()
    account_link_id = fields.String()
    business_date = DayField()
    rate_sheet_id = fields.String()
    webhook_endpoint_id = fields.String()
    kind = fields.String()
    added = fields.Integer()
    changed = fields.Integer()
    removed = fields.Integer()
    changed_since = ExactInstantField()
    status = fields.String()
    version = fields.Integer(required=True)


class EventSchema(ContractSchema):
    component = "Event"

    event_id = fields.String(required=True)
    type = fields.String(required=True)
    timestamp = InstantField(required=True)
    data = fields.Nested(EventDataSchema, required=True)


class EventQuery(ContractSchema):
    query_of = "listEvents"

    after = fields.String(validate=_EVENT_ID)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    type = fields.String(validate=_EVENT_TYPE)
