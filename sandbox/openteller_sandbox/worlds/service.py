"""Making worlds, moving their clocks, and starting them afresh."""

from __future__ import annotations

import secrets

from openteller_sandbox import ids
from openteller_sandbox.bank import PUBLIC_WORLD, Bank, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.db import Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem
from openteller_sandbox.worlds import store

MOST_ADVANCE_MS = 400 * DAY


_SEEDS = 2**53
"""What is left to chance begins with one of so many numbers, each of which JSON can carry."""


def create(tx: Tx, now: int, world_id: str | None = None, *, seed: int | None = None) -> World:
    """Make a world whose clock stands at the sandbox's own, with a seed of its own or a given one."""
    world = World(world_id or ids.new("wld"))
    seed = secrets.randbelow(_SEEDS) if seed is None else seed
    tx.run(store.INSERT, world_id=world.world_id, offset_ms=0, began_at=now, seed=seed, faults=0)
    return world


def find(tx: Tx, world_id: str) -> World | None:
    """Give a world as it stands."""
    row = tx.one(store.FIND, world_id=world_id)
    return World(row["world_id"], row["offset_ms"], row["faults"]) if row else None


def all_of(tx: Tx) -> list[World]:
    """Give every world as it stands."""
    return [World(row["world_id"], row["offset_ms"], row["faults"]) for row in tx.all(store.ALL)]


def seed(tx: Tx, world: World) -> int:
    """Give what all that is left to chance in a world is drawn from."""
    row = tx.one(store.FIND, world_id=world.world_id)
    assert row is not None
    return int(row["seed"])


def began_at(tx: Tx, world: World) -> int | None:
    """Give when a world was made or last reset (bank time, epoch milliseconds); None where there is no such world."""
    row = tx.one(store.FIND, world_id=world.world_id)
    return row["began_at"] if row else None


def advance(bank: Bank, world: World, to: int | None = None, *, by_ms: int = 0) -> World:
    """Move a world's clock forward to an instant of bank time, or by so much, doing on the way all that falls due.

    Raises:
        Problem: CLOCK_BACKWARD, the instant has passed or is too far away.
    """
    with due.alone(bank, world):
        world = find(bank.db.read(), world.world_id) or world  # another process may have moved it meanwhile
        until = destination(bank, world, to, by_ms=by_ms)
        due.run_world(bank, world, until)
        return move(bank, world, until)


def destination(bank: Bank, world: World, to: int | None = None, *, by_ms: int = 0) -> int:
    """Give the instant of bank time that an advance of a world's clock leads to.

    Raises:
        Problem: CLOCK_BACKWARD, the instant has passed or is too far away.
    """
    now = bank.now(world)
    by = by_ms if to is None else to - now
    if not 0 < by <= MOST_ADVANCE_MS:
        raise Problem("CLOCK_BACKWARD", "Bank time moves forward only, by at most 400 days in one step.")
    return now + by


def move(bank: Bank, world: World, to: int) -> World:
    """Set a world's clock to an instant, unless that has passed; what fell due on the way is done already. Whoever
    calls it is ``alone`` with the world.
    """
    with deeds.doing(bank, world, deeds.CLOCK, "move", lambda: {"to": to}):
        by = max(to - bank.now(world), 0)
        if by:
            with bank.db.act(world.world_id) as tx:
                tx.run(store.MOVE_CLOCK, w=world.world_id, by=by)
    return World(world.world_id, world.offset_ms + by)


def rewind(tx: Tx, world: World, now: int) -> World:
    """Set a world's clock back to the sandbox's own (``now``), as part of its reset."""
    assert world.world_id != PUBLIC_WORLD.world_id
    tx.run(store.BEGIN_AGAIN, w=world.world_id, at=now)
    return World(world.world_id)
