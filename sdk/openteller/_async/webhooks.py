"""Webhooks: where the app wants to hear of its events, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.webhooks import (
    WebhookDelivery,
    WebhookDeliveryList,
    WebhookEndpoint,
    WebhookEndpointList,
    WebhookTest,
)

__all__ = ["AsyncWebhookDeliveries", "AsyncWebhookEndpoints"]

DeliveryStatus = Literal["PENDING", "RETRYING", "DELIVERED", "EXHAUSTED", "DISABLED"]


class AsyncWebhookEndpoints:
    """``client.webhook_endpoints``. Scope ``webhooks``; ``test`` has ``sandbox``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self,
        *,
        url: str,
        event_types: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        signatures: Sequence[str] | None = None,
    ) -> WebhookEndpoint:
        """Add an endpoint. ``endpoint.secret`` is shown this once: keep it where your server finds it.

        Args:
            url: where to send; a public address, or one of this machine where the bank is a sandbox on it.
            event_types: such as ``payment.succeeded`` or ``payment.*``; everything unless told.
            description: for your eyes.
            enabled: whether anything is sent; yes unless told.
            signatures: the schemes to sign with; ``v1a`` gives the endpoint an Ed25519 key of its own beside ``v1``.

        Raises:
            InvalidRequest: ``WEBHOOK_URL_REFUSED``, or a type of event that there is not.
            Conflict: ``WEBHOOK_ENDPOINTS_EXCEEDED``.
        """
        body = {
            "url": url,
            "event_types": event_types,
            "description": description,
            "enabled": enabled,
            "signatures": signatures,
        }
        return await self._caller.post(catalogue.CREATE_WEBHOOK_ENDPOINT, WebhookEndpoint, body=body)

    def list(
        self, *, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[WebhookEndpointList, WebhookEndpoint]:
        """List the app's endpoints, the oldest first, without secrets."""
        query = {"after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_WEBHOOK_ENDPOINTS, WebhookEndpointList, WebhookEndpoint, query)

    async def get(self, webhook_endpoint_id: str) -> WebhookEndpoint:
        """Get an endpoint, without its secret.

        Raises:
            NotFound: there is none for this app.
        """
        identifiers = {"webhook_endpoint_id": webhook_endpoint_id}
        return await self._caller.get(catalogue.GET_WEBHOOK_ENDPOINT, WebhookEndpoint, identifiers=identifiers)

    async def update(
        self,
        webhook_endpoint_id: str,
        *,
        url: str | None = None,
        event_types: Sequence[str] | None = None,
        description: str | None = None,
        enabled: bool | None = None,
    ) -> WebhookEndpoint:
        """Change an endpoint; what is not told stays as it is.

        Args:
            enabled: False stops deliveries; True takes them up again, those that were stopped first.

        Raises:
            InvalidRequest: ``WEBHOOK_URL_REFUSED``, a type of event that there is not, or nothing to change.
            NotFound: there is no such endpoint for this app.
        """
        body = {"url": url, "event_types": event_types, "description": description, "enabled": enabled}
        identifiers = {"webhook_endpoint_id": webhook_endpoint_id}
        return await self._caller.post(
            catalogue.UPDATE_WEBHOOK_ENDPOINT, WebhookEndpoint, identifiers=identifiers, body=body
        )

    async def delete(self, webhook_endpoint_id: str) -> None:
        """Remove an endpoint with its deliveries.

        Raises:
            NotFound: there is no such endpoint for this app.
        """
        identifiers = {"webhook_endpoint_id": webhook_endpoint_id}
        await self._caller.send(catalogue.DELETE_WEBHOOK_ENDPOINT, identifiers=identifiers)

    async def rotate_secret(self, webhook_endpoint_id: str) -> WebhookEndpoint:
        """Give an endpoint a new secret, which is shown this once; the old one signs beside it for 24 hours.

        Raises:
            NotFound: there is no such endpoint for this app.
        """
        identifiers = {"webhook_endpoint_id": webhook_endpoint_id}
        return await self._caller.post(catalogue.ROTATE_WEBHOOK_SECRET, WebhookEndpoint, identifiers=identifiers)

    async def test(self, webhook_endpoint_id: str) -> WebhookTest:
        """Send a test event now, and get what the server answered. A sandbox has it; scope ``sandbox``.

        Raises:
            NotFound: there is no such endpoint for this app.
        """
        identifiers = {"webhook_endpoint_id": webhook_endpoint_id}
        return await self._caller.post(catalogue.TEST_WEBHOOK_ENDPOINT, WebhookTest, identifiers=identifiers)


class AsyncWebhookDeliveries:
    """``client.webhook_deliveries``. Scope ``webhooks``; ``resend`` has ``sandbox``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        webhook_endpoint_id: str | None = None,
        event_id: str | None = None,
        status: DeliveryStatus | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[WebhookDeliveryList, WebhookDelivery]:
        """List the app's deliveries, the newest first, without their attempts."""
        query = {
            "webhook_endpoint_id": webhook_endpoint_id,
            "event_id": event_id,
            "status": status,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_WEBHOOK_DELIVERIES, WebhookDeliveryList, WebhookDelivery, query)

    async def get(self, webhook_delivery_id: str) -> WebhookDelivery:
        """Get a delivery with its last attempts, and what the server answered to each.

        Raises:
            NotFound: there is none for this app.
        """
        identifiers = {"webhook_delivery_id": webhook_delivery_id}
        return await self._caller.get(catalogue.GET_WEBHOOK_DELIVERY, WebhookDelivery, identifiers=identifiers)

    async def resend(self, webhook_delivery_id: str) -> WebhookDelivery:
        """Send a delivery again, whatever came of it before. A sandbox has it; scope ``sandbox``.

        Raises:
            Conflict: ``WEBHOOK_ENDPOINT_DISABLED``.
            NotFound: there is no such delivery for this app.
        """
        identifiers = {"webhook_delivery_id": webhook_delivery_id}
        return await self._caller.post(catalogue.RESEND_WEBHOOK_DELIVERY, WebhookDelivery, identifiers=identifiers)
