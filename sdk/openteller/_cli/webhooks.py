"""``openteller webhooks``: where the app hears of its events, and what became of each delivery."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant, more

if TYPE_CHECKING:
    from openteller.models import (
        WebhookAttempt,
        WebhookDelivery,
        WebhookDeliveryList,
        WebhookEndpoint,
        WebhookEndpointList,
        WebhookTest,
    )

__all__ = ["events_option", "split", "webhooks"]

_STATUSES = ("PENDING", "RETRYING", "DELIVERED", "EXHAUSTED", "DISABLED")

events_option = click.option(
    "--events",
    multiple=True,
    metavar="TYPES",
    help="Only these, such as payment.succeeded or 'payment.*'; several with commas. [default: everything]",
)


def split(events: Sequence[str]) -> list[str] | None:
    """Read ``--events``; None where it was not given."""
    return [name.strip() for text in events for name in text.split(",") if name.strip()] or None


@click.group()
def webhooks() -> None:
    """Say where the bank sends events, and see what became of them."""


@webhooks.command()
@click.argument("address", metavar="ADDRESS")
@events_option
@click.option("--description", metavar="TEXT", help="For your eyes.")
@click.option("--ed25519", is_flag=True, help="Sign with an Ed25519 key of the endpoint's own, too (v1a).")
@calling
def add(session: Session, *, address: str, events: tuple[str, ...], description: str | None, ed25519: bool) -> None:
    """Add an endpoint at ADDRESS, a URL. Its secret is shown this once: put it where your server finds it."""
    answer = session.ask(
        session.client.webhook_endpoints.create,
        url=address,
        event_types=split(events),
        description=description,
        signatures=["v1", "v1a"] if ed25519 else None,
    )
    session.show(answer, _endpoint)


@webhooks.command()
@paged
@calling
def endpoints(session: Session, *, limit: int, after: str | None) -> None:
    """List the endpoints, without their secrets."""
    session.show(session.ask(session.client.webhook_endpoints.list(limit=limit, after=after).page), _endpoints)


@webhooks.command()
@click.option("--endpoint", "webhook_endpoint_id", metavar="ID", help="Only to this endpoint.")
@click.option("--event", "event_id", metavar="ID", help="Only of this event.")
@click.option("--status", type=click.Choice(_STATUSES), help="Only in this status.")
@paged
@calling
def deliveries(
    session: Session,
    *,
    webhook_endpoint_id: str | None,
    event_id: str | None,
    status: str | None,
    limit: int,
    after: str | None,
) -> None:
    """List deliveries, the newest first."""
    rows = session.client.webhook_deliveries.list(
        webhook_endpoint_id=webhook_endpoint_id,
        event_id=event_id,
        status=status,  # type: ignore[arg-type] # one of the choices
        limit=limit,
        after=after,
    )
    session.show(session.ask(rows.page), _deliveries)


@webhooks.command()
@click.argument("webhook_delivery_id")
@calling
def show(session: Session, *, webhook_delivery_id: str) -> None:
    """Show a delivery, and what the server answered to each attempt."""
    session.show(session.ask(session.client.webhook_deliveries.get, webhook_delivery_id), _delivery)


@webhooks.command()
@click.argument("webhook_endpoint_id")
@calling
def test(session: Session, *, webhook_endpoint_id: str) -> None:
    """Send a test event to an endpoint now, and show what its server answers."""
    session.show(session.ask(session.client.webhook_endpoints.test, webhook_endpoint_id), _test)


@webhooks.command()
@click.argument("webhook_delivery_id")
@calling
def resend(session: Session, *, webhook_delivery_id: str) -> None:
    """Send a delivery again, whatever came of it before."""
    session.show(session.ask(session.client.webhook_deliveries.resend, webhook_delivery_id), _delivery)


@webhooks.command()
@click.argument("webhook_endpoint_id")
@calling
def rotate(session: Session, *, webhook_endpoint_id: str) -> None:
    """Give an endpoint a new secret, shown this once; the old one is good for 24 hours more."""
    session.show(session.ask(session.client.webhook_endpoints.rotate_secret, webhook_endpoint_id), _endpoint)


@webhooks.command()
@click.argument("webhook_endpoint_id")
@calling
def enable(session: Session, *, webhook_endpoint_id: str) -> None:
    """Send to an endpoint again, first of all what was stopped."""
    session.show(session.ask(session.client.webhook_endpoints.update, webhook_endpoint_id, enabled=True), _endpoint)


@webhooks.command()
@click.argument("webhook_endpoint_id")
@calling
def disable(session: Session, *, webhook_endpoint_id: str) -> None:
    """Send nothing to an endpoint for now."""
    session.show(session.ask(session.client.webhook_endpoints.update, webhook_endpoint_id, enabled=False), _endpoint)


@webhooks.command()
@click.argument("webhook_endpoint_id")
@calling
def remove(session: Session, *, webhook_endpoint_id: str) -> None:
    """Remove an endpoint with its deliveries."""
    session.client.webhook_endpoints.delete(webhook_endpoint_id)
    if not session.as_json:
        click.echo(f"Removed {webhook_endpoint_id}.")


def _endpoint(found: WebhookEndpoint) -> str:
    return facts(
        [
            ("Endpoint", found.webhook_endpoint_id),
            ("URL", found.url),
            ("Events", " ".join(found.event_types)),
            ("Description", found.description),
            ("Enabled", _enabled(found)),
            ("Secret", found.secret),
            ("Public key", found.public_key),
            ("Old secret until", instant(found.previous_secret_expires_at)),
        ]
    )


def _enabled(found: WebhookEndpoint) -> str:
    return "yes" if found.enabled else f"no ({found.disabled_reason})"


def _endpoints(page: WebhookEndpointList) -> str:
    rows = [(one.url, " ".join(one.event_types), _enabled(one), one.webhook_endpoint_id) for one in page.data]
    return table(["URL", "EVENTS", "ENABLED", "ENDPOINT ID"], rows) + more(page.links)


def _deliveries(page: WebhookDeliveryList) -> str:
    rows = [
        (
            instant(one.created_at),
            one.status,
            one.event_type,
            one.attempt_count,
            instant(one.next_attempt_at),
            one.webhook_delivery_id,
        )
        for one in page.data
    ]
    titles = ["CREATED", "STATUS", "EVENT", "ATTEMPTS", "NEXT", "DELIVERY ID"]
    return table(titles, rows, right={"ATTEMPTS"}) + more(page.links)


def _delivery(found: WebhookDelivery) -> str:
    told = facts(
        [
            ("Delivery", found.webhook_delivery_id),
            ("Endpoint", found.webhook_endpoint_id),
            ("Event", f"{found.event_type} {found.event_id}"),
            ("Status", found.status),
            ("Delivered at", instant(found.delivered_at)),
            ("Next attempt", instant(found.next_attempt_at)),
        ]
    )
    return f"{told}\n\n{_attempts(found.attempts)}" if found.attempts else told


def _attempts(attempts: Sequence[WebhookAttempt]) -> str:
    rows = [
        (one.number, instant(one.at), one.outcome, one.status_code, f"{one.duration_ms} ms", one.answer_excerpt)
        for one in attempts
    ]
    return table(["NO", "AT", "OUTCOME", "STATUS", "TIME", "ANSWER"], rows, right={"NO", "STATUS", "TIME"})


def _test(found: WebhookTest) -> str:
    return f"Sent {found.event.type} {found.event.event_id} as {found.webhook_id}\n\n{_attempts([found.attempt])}"
