"""Recording what happened, and reading it back in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import store
from openteller_sandbox.events.schemas import EventSchema
from openteller_sandbox.http import json_text

KEEP_MS = 30 * DAY
PURGE = "events.purge"
_EVENT = EventSchema()


def record(bank: Bank, tx: Tx, world: World, app_id: str, type_: str, data: Mapping[str, Any], now: int) -> str:
    """Record an event of an app, and let others hear of it, in the act of what happened; give its identifier.

    Args:
        bank: checks the event against the contract.
        tx: the act.
        world: where it happened.
        app_id: who is told.
        type_: a type of the contract's catalogue.
        data: members of the contract's ``EventData``; no personal data.
        now: bank time, epoch milliseconds.
    """
    event_id, wire = compose(bank, type_, data, now)
    tx.run(
        store.INSERT,
        event_id=event_id,
        world_id=world.world_id,
        app_id=app_id,
        type=type_,
        happened_at=now,
        wire=wire,
    )
    for hear in bank.listeners:
        hear(bank, tx, world, app_id, event_id, type_, now)
    return event_id


def compose(bank: Bank, type_: str, data: Mapping[str, Any], now: int) -> tuple[str, str]:
    """Give a new event as JSON, with its identifier; nothing is recorded."""
    event_id = ids.new("evt")
    wire = _EVENT.present({"event_id": event_id, "type": type_, "timestamp": now, "data": data})
    bank.contract.check_record("Event", wire)
    return event_id, json_text(wire)


def is_known(bank: Bank, type_: str) -> bool:
    """Tell whether the contract has a type: a list of a misspelt one would be empty, and look like a real one."""
    return type_ in bank.contract.at("/components/schemas/EventType")["x-extensible-enum"]


def page(tx: Tx, app_id: str, *, after: str | None, type_: str | None, count: int) -> list[tuple[str, str]] | None:
    """Give (event_id, wire) of an app's events after one of them; None when ``after`` names none of the app's."""
    seq = 0
    if after is not None:
        row = tx.one(store.SEQ_OF, app_id=app_id, event_id=after)
        if row is None:
            return None
        seq = row["seq"]
    rows = tx.all(store.PAGE, app_id=app_id, after=seq, type=type_ or "", count=count)
    return [(row["event_id"], row["wire"]) for row in rows]


def data(tx: Tx, event_id: str) -> dict[str, Any]:
    """Give what an event is about: the contract's ``EventData``."""
    row = tx.one(store.FIND, event_id=event_id)
    assert row is not None
    told: dict[str, Any] = json.loads(row["wire"])["data"]
    return told


def last(tx: Tx, app_id: str, type_: str) -> tuple[str, str] | None:
    """Give (event_id, wire) of the last event of a type that an app was told; None where there is none."""
    row = tx.one(store.LAST, app_id=app_id, type=type_)
    return (row["event_id"], row["wire"]) if row else None


def last_id(tx: Tx, app_id: str, type_: str) -> str | None:
    """Give its identifier."""
    found = last(tx, app_id, type_)
    return found[0] if found else None


def begin_purging(tx: Tx, world: World, now: int) -> None:
    """Schedule the daily purge of a world's old events; once, however often the act of today is done."""
    due.cancel(tx, world, PURGE, world.world_id)
    due.schedule(tx, world, now + DAY, PURGE, world.world_id)


def purge(bank: Bank, act: Due) -> None:
    """Delete events older than 30 days of bank time, and come again tomorrow."""
    with bank.db.act(act.world.world_id) as tx:
        tx.run(store.PURGE, world_id=act.world.world_id, before=act.at - KEEP_MS)
        begin_purging(tx, act.world, act.at)


def reset(tx: Tx, world_id: str) -> int:
    """Delete every event of a world; give how many there were."""
    row = tx.one(store.COUNT, world_id=world_id)
    assert row is not None
    tx.run(store.RESET, world_id=world_id)
    return int(row["count"])


DUE_HANDLERS = {PURGE: purge}
