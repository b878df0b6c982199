"""Endpoints, and what becomes of deliveries: the rules. Who sends them is the dispatcher."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from openteller_sandbox import guard, ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.webhooks import signing, store
from openteller_sandbox.webhooks.dispatcher import LEASE_MS, Dispatcher
from openteller_sandbox.webhooks.outgoing import outgoing
from openteller_sandbox.webhooks.sender import Attempt, Outgoing, Sender

MOST_ENDPOINTS = 16
MOST_ATTEMPTS_SHOWN = 50
OLD_SECRET_MS = DAY
TEST_EVENT = "webhook_endpoint.test"


@dataclass(frozen=True, slots=True)
class Test:
    """A test event on its way to an endpoint."""

    webhook_endpoint_id: str
    event: str
    outgoing: Outgoing


def create(bank: Bank, world: World, app_id: str, form: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Make an endpoint; give its facts, the secret among them this once.

    Raises:
        Problem: FIELD_INVALID, there is no such type of event; WEBHOOK_URL_REFUSED, the bank does not send there;
            WEBHOOK_ENDPOINTS_EXCEEDED.
    """
    _check_url(bank, form["url"])
    _check_event_types(bank, form["event_types"])
    endpoint_id = ids.new("whe")
    with bank.db.act(world.world_id) as tx:
        count = tx.one(store.COUNT_ENDPOINTS, app_id=app_id)
        assert count is not None
        if count["count"] >= MOST_ENDPOINTS:
            raise Problem("WEBHOOK_ENDPOINTS_EXCEEDED")
        tx.run(
            store.INSERT_ENDPOINT,
            webhook_endpoint_id=endpoint_id,
            world_id=world.world_id,
            app_id=app_id,
            url=form["url"],
            event_types=json.dumps(form["event_types"]),
            description=form["description"],
            enabled=int(form["enabled"]),
            disabled_reason=None if form["enabled"] else "PARTNER",
            secret=signing.new_secret(),
            private_key=signing.new_private_key() if "v1a" in form["signatures"] else None,
            previous_secret=None,
            previous_private_key=None,
            previous_expires_at=None,
            created_at=now,
            updated_at=now,
        )
        return _facts(_found(tx, app_id, endpoint_id), now, with_secret=True)


def page(tx: Tx, app_id: str, *, after: int, count: int, now: int) -> list[tuple[int, dict[str, Any]]]:
    """Give an app's endpoints with their places in order."""
    rows = tx.all(store.ENDPOINT_PAGE, app_id=app_id, after=after, count=count)
    return [(row["seq"], _facts(row, now)) for row in rows]


def get(tx: Tx, app_id: str, endpoint_id: str, now: int) -> dict[str, Any]:
    """Give an endpoint, without its secret.

    Raises:
        Problem: NOT_FOUND.
    """
    return _facts(_found(tx, app_id, endpoint_id), now)


def update(
    bank: Bank, world: World, app_id: str, endpoint_id: str, changes: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """Change an endpoint; stop its deliveries, or take them up again, where it is disabled or enabled.

    Raises:
        Problem: NOT_FOUND; FIELD_INVALID and WEBHOOK_URL_REFUSED as in ``create``.
    """
    if "url" in changes:
        _check_url(bank, changes["url"])
    _check_event_types(bank, changes.get("event_types", ()))
    with bank.db.act(world.world_id) as tx:
        row = _found(tx, app_id, endpoint_id)
        enabled = changes.get("enabled", bool(row["enabled"]))
        reason = None if enabled else row["disabled_reason"] or "PARTNER"
        types = json.dumps(changes["event_types"]) if "event_types" in changes else row["event_types"]
        tx.run(
            store.UPDATE_ENDPOINT,
            id=endpoint_id,
            new_url=changes.get("url", row["url"]),
            new_event_types=types,
            new_description=changes.get("description", row["description"]),
            new_enabled=int(enabled),
            new_disabled_reason=reason,
            now=now,
        )
        if enabled and not row["enabled"]:
            bank.news += tx.run(store.TAKE_UP, id=endpoint_id, now=now)
        elif not enabled:
            tx.run(store.STOP, id=endpoint_id)
        return _facts(_found(tx, app_id, endpoint_id), now)


def delete(bank: Bank, world: World, app_id: str, endpoint_id: str) -> None:
    """Remove an endpoint with its deliveries.

    Raises:
        Problem: NOT_FOUND.
    """
    with bank.db.act(world.world_id) as tx:
        _found(tx, app_id, endpoint_id)
        tx.run(store.DELETE_ENDPOINT, id=endpoint_id)


def rotate_secret(bank: Bank, world: World, app_id: str, endpoint_id: str, now: int) -> dict[str, Any]:
    """Give an endpoint new keys; the old ones sign beside them for a day. The facts have the secret, this once.

    Raises:
        Problem: NOT_FOUND.
    """
    with bank.db.act(world.world_id) as tx:
        row = _found(tx, app_id, endpoint_id)
        tx.run(
            store.ROTATE,
            id=endpoint_id,
            new_secret=signing.new_secret(),
            new_private_key=signing.new_private_key() if row["private_key"] else None,
            expires_at=now + OLD_SECRET_MS,
            now=now,
        )
        return _facts(_found(tx, app_id, endpoint_id), now, with_secret=True)


def fan_out(bank: Bank, tx: Tx, world: World, app_id: str, event_id: str, type_: str, now: int) -> None:
    """Write one delivery for each endpoint that wants an event, in the event's own act."""
    for row in tx.all(store.WANTING, app_id=app_id):
        if not _wants(row["event_types"], type_):
            continue
        tx.run(
            store.INSERT_DELIVERY,
            webhook_delivery_id=ids.new_apart("dlv"),
            webhook_endpoint_id=row["webhook_endpoint_id"],
            event_id=event_id,
            world_id=world.world_id,
            app_id=app_id,
            event_type=type_,
            status="PENDING",
            step=0,
            attempt_count=0,
            due_at=now,
            lease="",
            lease_until=0,
            delivered_at=None,
            created_at=now,
        )
        bank.news += 1


def delivery_page(
    tx: Tx, app_id: str, *, before: int, endpoint_id: str, event_id: str, status: str, count: int
) -> list[tuple[int, dict[str, Any]]]:
    """Give an app's deliveries, newest first, with their places in order; empty filters let all through."""
    rows = tx.all(
        store.DELIVERY_PAGE,
        app_id=app_id,
        before=before,
        endpoint=endpoint_id,
        event=event_id,
        status=status,
        count=count,
    )
    return [(row["seq"], _delivery_facts(row)) for row in rows]


def delivery(tx: Tx, app_id: str, delivery_id: str) -> dict[str, Any]:
    """Give a delivery with its last attempts.

    Raises:
        Problem: NOT_FOUND.
    """
    row = _found_delivery(tx, app_id, delivery_id)
    attempts = tx.all(store.LAST_ATTEMPTS, webhook_delivery_id=delivery_id, count=MOST_ATTEMPTS_SHOWN)
    return _delivery_facts(row) | {"attempts": [dict(zip(each.keys(), each, strict=True)) for each in attempts[::-1]]}


def resend(bank: Bank, world: World, app_id: str, delivery_id: str, now: int) -> dict[str, Any]:
    """Make a delivery due now, with a schedule that begins anew.

    Raises:
        Problem: NOT_FOUND; WEBHOOK_ENDPOINT_DISABLED.
    """
    with bank.db.act(world.world_id) as tx:
        row = _found_delivery(tx, app_id, delivery_id)
        if not _found(tx, app_id, row["webhook_endpoint_id"])["enabled"]:
            raise Problem("WEBHOOK_ENDPOINT_DISABLED")
        tx.run(store.RESEND, id=delivery_id, now=now)
        bank.news += 1
        return _delivery_facts(_found_delivery(tx, app_id, delivery_id))


def prepare_test(bank: Bank, app_id: str, endpoint_id: str, now: int) -> Test:
    """Make a test event for an endpoint, ready to be sent; nothing is kept.

    Raises:
        Problem: NOT_FOUND.
    """
    row = _found(bank.db.read(), app_id, endpoint_id)
    _, wire = events.compose(bank, TEST_EVENT, {"webhook_endpoint_id": endpoint_id, "version": 1}, now)
    return Test(endpoint_id, wire, outgoing(bank, row, ids.new("dlv"), wire, now))


def test(bank: Bank, prepared: Test) -> Attempt:
    """Send a test event; this waits for the server, and no act may be open."""
    send = Sender(allow_loopback=bank.settings.webhook_loopback, wall_s=lambda: bank.clock.wall() / 1000)
    try:
        return send(prepared.outgoing)
    finally:
        send.close()


def next_due(tx: Tx, world: World) -> int | None:
    """Give when the next attempt in a world is due (bank time, epoch milliseconds), which may have passed."""
    row = tx.one(store.NEXT_DUE, world_id=world.world_id)
    return row["due_at"] if row else None


def deliver(bank: Bank, world: World, deadline: float) -> None:
    """See to it that what is due in a world has been sent; no act may be open.

    deadline: on the monotonic clock; what is left then is left.
    """
    inline = Dispatcher(bank)
    try:
        inline.deliver_world(world, deadline)
    finally:
        inline.close()


def dispatcher(bank: Bank, *, lease_s: float = LEASE_MS / 1000) -> Dispatcher:
    """Make a dispatcher of every world's deliveries, to be started or run; see the class."""
    return Dispatcher(bank, lease_ms=int(lease_s * 1000))


def reset(tx: Tx, world_id: str, now: int) -> None:
    """Begin a world afresh: deliveries have gone with their events; endpoints stay, and old secrets end in a day."""
    tx.run(store.SHORTEN_OLD_SECRETS, world=world_id, latest=now + OLD_SECRET_MS)


def _check_url(bank: Bank, url: str) -> None:
    try:
        guard.parse(url, allow_loopback=bank.settings.webhook_loopback)
    except guard.Refused as error:
        raise Problem("WEBHOOK_URL_REFUSED", str(error)) from error
    except ValueError as error:
        raise field_invalid("/url", "Must be a URL.") from error


def _check_event_types(bank: Bank, filters: list[str] | tuple[()]) -> None:
    """Refuse what would never be sent: a misspelt type would be missed in silence."""
    known = bank.contract.at("/components/schemas/EventType")["x-extensible-enum"]
    resources = {name.partition(".")[0] for name in known}
    for index, text in enumerate(filters):
        resource, _, rest = text.partition(".")
        if text != "*" and text not in known and not (rest == "*" and resource in resources):
            raise field_invalid(f"/event_types/{index}", "There is no such type of event; EventType lists them.")


@lru_cache(256)
def _patterns(event_types: str) -> frozenset[str]:
    return frozenset(json.loads(event_types))


def _wants(event_types: str, type_: str) -> bool:
    patterns = _patterns(event_types)
    return "*" in patterns or type_ in patterns or f"{type_.partition('.')[0]}.*" in patterns


def _found(tx: Tx, app_id: str, endpoint_id: str) -> Row:
    row = tx.one(store.FIND_ENDPOINT, app_id=app_id, webhook_endpoint_id=endpoint_id)
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def _found_delivery(tx: Tx, app_id: str, delivery_id: str) -> Row:
    row = tx.one(store.FIND_DELIVERY, app_id=app_id, webhook_delivery_id=delivery_id)
    if row is None:
        raise Problem("NOT_FOUND")
    return row


def _facts(row: Row, now: int, *, with_secret: bool = False) -> dict[str, Any]:
    """Give an endpoint as its schema presents it."""
    key = row["private_key"]
    old_until = row["previous_expires_at"]
    return {
        "webhook_endpoint_id": row["webhook_endpoint_id"],
        "url": row["url"],
        "event_types": json.loads(row["event_types"]),
        "description": row["description"],
        "enabled": bool(row["enabled"]),
        "disabled_reason": row["disabled_reason"],
        "signatures": ["v1", "v1a"] if key else ["v1"],
        "secret": row["secret"] if with_secret else None,
        "public_key": signing.public_key(key) if key else None,
        "previous_secret_expires_at": old_until if old_until and old_until > now else None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _delivery_facts(row: Row) -> dict[str, Any]:
    """Give a delivery as its schema presents it."""
    names = ("webhook_delivery_id", "webhook_endpoint_id", "event_id", "event_type", "status", "attempt_count")
    return {
        **{name: row[name] for name in names},
        "next_attempt_at": row["due_at"],
        "delivered_at": row["delivered_at"],
        "created_at": row["created_at"],
    }
