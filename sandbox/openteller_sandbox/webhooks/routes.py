"""``/v1/webhook-endpoints``, ``/v1/webhook-deliveries`` and their control in a sandbox."""

from __future__ import annotations

import json

from openteller_sandbox.http import (
    Answer,
    Call,
    Later,
    Routes,
    decode_cursor,
    encode_cursor,
    json_answer,
    json_text,
    page,
)
from openteller_sandbox.webhooks import service
from openteller_sandbox.webhooks.schemas import (
    WebhookDeliveryQuery,
    WebhookDeliverySchema,
    WebhookEndpointCreateSchema,
    WebhookEndpointQuery,
    WebhookEndpointSchema,
    WebhookEndpointUpdateSchema,
    WebhookTestSchema,
)
from openteller_sandbox.webhooks.sender import Attempt

routes = Routes()
_ENDPOINT = WebhookEndpointSchema()
_DELIVERY = WebhookDeliverySchema()
_TEST = WebhookTestSchema()
_NEWEST = 2**62


@routes.operation("createWebhookEndpoint", body=WebhookEndpointCreateSchema)
def create_webhook_endpoint(call: Call) -> Answer:
    """Make an endpoint; the answer has its secret."""
    facts = service.create(call.bank, call.caller.world, call.caller.app_id, call.body, call.now)
    location = f"/v1/webhook-endpoints/{facts['webhook_endpoint_id']}"
    return json_answer(_ENDPOINT.present(facts), 201, Location=location)


@routes.operation("listWebhookEndpoints", query=WebhookEndpointQuery)
def list_webhook_endpoints(call: Call) -> Answer:
    """List the app's endpoints, oldest first."""
    cursor = decode_cursor(call, int)
    after = cursor[0] if cursor else 0
    rows = service.page(call.bank.db.read(), call.caller.app_id, after=after, count=call.limit + 1, now=call.now)
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [json_text(_ENDPOINT.present(facts)) for _, facts in rows[: call.limit]], more)


@routes.operation("getWebhookEndpoint")
def get_webhook_endpoint(call: Call) -> Answer:
    """Read an endpoint."""
    facts = service.get(call.bank.db.read(), call.caller.app_id, call.path["webhook_endpoint_id"], call.now)
    return json_answer(_ENDPOINT.present(facts))


@routes.operation("updateWebhookEndpoint", body=WebhookEndpointUpdateSchema)
def update_webhook_endpoint(call: Call) -> Answer:
    """Change an endpoint."""
    caller, endpoint_id = call.caller, call.path["webhook_endpoint_id"]
    facts = service.update(call.bank, caller.world, caller.app_id, endpoint_id, call.body, call.now)
    return json_answer(_ENDPOINT.present(facts))


@routes.operation("deleteWebhookEndpoint")
def delete_webhook_endpoint(call: Call) -> Answer:
    """Remove an endpoint."""
    service.delete(call.bank, call.caller.world, call.caller.app_id, call.path["webhook_endpoint_id"])
    return Answer(b"", 204)


@routes.operation("rotateWebhookSecret")
def rotate_webhook_secret(call: Call) -> Answer:
    """Give an endpoint a new secret; the answer has it."""
    caller, endpoint_id = call.caller, call.path["webhook_endpoint_id"]
    facts = service.rotate_secret(call.bank, caller.world, caller.app_id, endpoint_id, call.now)
    return json_answer(_ENDPOINT.present(facts))


@routes.operation("listWebhookDeliveries", query=WebhookDeliveryQuery)
def list_webhook_deliveries(call: Call) -> Answer:
    """List the app's deliveries, newest first."""
    cursor = decode_cursor(call, int)
    rows = service.delivery_page(
        call.bank.db.read(),
        call.caller.app_id,
        before=cursor[0] if cursor else _NEWEST,
        endpoint_id=call.query.get("webhook_endpoint_id", ""),
        event_id=call.query.get("event_id", ""),
        status=call.query.get("status", ""),
        count=call.limit + 1,
    )
    more = encode_cursor(call, [rows[call.limit - 1][0]]) if len(rows) > call.limit else None
    return page(call, [json_text(_DELIVERY.present(facts)) for _, facts in rows[: call.limit]], more)


@routes.operation("getWebhookDelivery")
def get_webhook_delivery(call: Call) -> Answer:
    """Read a delivery with its attempts."""
    facts = service.delivery(call.bank.db.read(), call.caller.app_id, call.path["webhook_delivery_id"])
    return json_answer(_DELIVERY.present(facts))


@routes.operation("testWebhookEndpoint")
def test_webhook_endpoint(call: Call) -> Later[Attempt]:
    """Send a test event and tell what the server answered."""
    prepared = service.prepare_test(call.bank, call.caller.app_id, call.path["webhook_endpoint_id"], call.now)

    def tell(attempt: Attempt) -> Answer:
        facts = {
            "webhook_endpoint_id": prepared.webhook_endpoint_id,
            "webhook_id": prepared.outgoing.webhook_id,
            "attempt": {
                "number": 1,
                "at": call.now,
                "outcome": attempt.outcome,
                "status_code": attempt.status_code,
                "duration_ms": attempt.duration_ms,
                "answer_excerpt": attempt.excerpt or None,
            },
        }
        return json_answer(_TEST.present(facts) | {"event": json.loads(prepared.event)})

    return Later(lambda: service.test(call.bank, prepared), tell)


@routes.operation("resendWebhookDelivery")
def resend_webhook_delivery(call: Call) -> Answer:
    """Send a delivery again."""
    caller, delivery_id = call.caller, call.path["webhook_delivery_id"]
    return json_answer(_DELIVERY.present(service.resend(call.bank, caller.world, caller.app_id, delivery_id, call.now)))
