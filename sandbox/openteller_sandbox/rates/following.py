"""Waiting for the next sheet, in the bank time of each world. Knows nothing of partners: they call it."""

from __future__ import annotations

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.rates import store
from openteller_sandbox.worlds import service as worlds

CHANGED = "rates.changed"
_AFTER_ALL_OF_AN_INSTANT = "~"


def follow(tx: Tx, world: World, now: int, rate_sheet_id: str = _AFTER_ALL_OF_AN_INSTANT) -> None:
    """Note when the first sheet after an instant begins to count: as it takes effect, or as it is published where it
    corrects one that has; with an identifier, after that sheet of that instant.

    Called for a new world, and again when it is reset. After the last sheet that is known there is nothing to wait for.
    """
    row = tx.one(store.NEXT, holds_from=now, rate_sheet_id=rate_sheet_id)
    if row is not None:
        due.schedule(tx, world, row["holds_from"], CHANGED, row["rate_sheet_id"])


def follow_all(bank: Bank, tx: Tx) -> None:
    """Let every world that waits for nothing, as no further sheet was known, wait for the next one."""
    for world in worlds.all_of(tx):
        if not due.is_waiting(tx, world, CHANGED):
            follow(tx, world, bank.now(world))
