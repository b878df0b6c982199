"""The wire of webhook endpoints and deliveries."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.events.schemas import EventSchema
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern

STATUSES = ("PENDING", "RETRYING", "DELIVERED", "EXHAUSTED", "DISABLED")
_ENDPOINT_ID = (validate.Length(8, 48), Pattern("^whe_[0-9a-z]{4,44}$"))
_EVENT_ID = (validate.Length(8, 48), Pattern("^evt_[0-9a-z]{4,44}$"))
_URL = (validate.Length(10, 500), Pattern("^https?://[!-~]+$"))
_FILTER = (validate.Length(1, 40), Pattern("^(?:[*]|[a-z][a-z_]*[.][*]|[a-z][a-z_]*[.][a-z][a-z_]*)$"))
_LINE = (validate.Length(1, 100), Pattern(r"^[^\x00-\x1F\x7F]+$"))


class WebhookEndpointCreateSchema(ContractSchema):
    component = "WebhookEndpointCreate"

    url = fields.String(required=True, validate=_URL)
    event_types = fields.List(
        fields.String(validate=_FILTER), validate=validate.Length(1, 50), load_default=lambda: ["*"]
    )
    description = fields.String(validate=_LINE, load_default=None)
    enabled = fields.Boolean(load_default=True)
    signatures = fields.List(
        fields.String(validate=validate.OneOf(["v1", "v1a"])),
        validate=validate.Length(1, 2),
        load_default=lambda: ["v1"],
    )


class WebhookEndpointUpdateSchema(ContractSchema):
    component = "WebhookEndpointUpdate"

    url = fields.String(validate=_URL)
    event_types = fields.List(fields.String(validate=_FILTER), validate=validate.Length(1, 50))
    description = fields.String(validate=_LINE)
    enabled = fields.Boolean()


class WebhookEndpointSchema(ContractSchema):
    component = "WebhookEndpoint"

    webhook_endpoint_id = fields.String(required=True)
    url = fields.String(required=True)
    event_types = fields.List(fields.String(), required=True)
    description = fields.String()
    enabled = fields.Boolean(required=True)
    disabled_reason = fields.String()
    signatures = fields.List(fields.String(), required=True)
    secret = fields.String()
    public_key = fields.String()
    previous_secret_expires_at = InstantField()
    created_at = InstantField(required=True)
    updated_at = InstantField(required=True)


class WebhookAttemptSchema(ContractSchema):
    component = "WebhookAttempt"

    number = fields.Integer(required=True)
    at = InstantField(required=True)
    outcome = fields.String(required=True)
    status_code = fields.Integer()
    duration_ms = fields.Integer(required=True)
    answer_excerpt = fields.String()


class WebhookDeliverySchema(ContractSchema):
    component = "WebhookDelivery"

    webhook_delivery_id = fields.String(required=True)
    webhook_endpoint_id = fields.String(required=True)
    event_id = fields.String(required=True)
    event_type = fields.String(required=True)
    status = fields.String(required=True)
    attempt_count = fields.Integer(required=True)
    next_attempt_at = InstantField()
    delivered_at = InstantField()
    created_at = InstantField(required=True)
    attempts = fields.List(fields.Nested(WebhookAttemptSchema))


class WebhookTestSchema(ContractSchema):
    component = "WebhookTest"

    webhook_endpoint_id = fields.String(required=True)
    webhook_id = fields.String(required=True)
    event = fields.Nested(EventSchema, required=True)
    attempt = fields.Nested(WebhookAttemptSchema, required=True)


class WebhookEndpointQuery(ContractSchema):
    query_of = "listWebhookEndpoints"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)


class WebhookDeliveryQuery(ContractSchema):
    query_of = "listWebhookDeliveries"

    webhook_endpoint_id = fields.String(validate=_ENDPOINT_ID)
    event_id = fields.String(validate=_EVENT_ID)
    status = fields.String(validate=validate.OneOf(STATUSES))
    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
