"""Scheduling and doing what falls due."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from math import inf
from typing import Any

from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.db import DatabaseError, EngineError, Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.due import store

log = logging.getLogger("openteller_sandbox.due")
_MOST_DOUBLINGS = 10
_EVER = 2**62
PIECE, PIECE_S = 50, 0.05
"""How many acts are done, and for how long, before whoever else there is has a turn."""
TURN = 4
"""Acts of a world before the next world has its turn."""


def schedule(tx: Tx, world: World, at: int, kind: str, subject: str) -> None:
    """Note that ``kind`` shall happen to ``subject`` at ``at`` (bank time, epoch milliseconds)."""
    tx.run(store.INSERT, world_id=world.world_id, due_at=at, kind=kind, subject=subject)


def cancel(tx: Tx, world: World, kind: str, subject: str) -> int:
    """Take a note back; give how many there were."""
    return tx.run(store.CANCEL, world_id=world.world_id, subject=subject, kind=kind)


def when(tx: Tx, world: World, kind: str, subject: str) -> int | None:
    """Give when ``kind`` shall happen to ``subject`` (bank time, epoch milliseconds), or None where it shall not."""
    row = tx.one(store.WHEN, world_id=world.world_id, kind=kind, subject=subject)
    return row["due_at"] if row else None


def is_waiting(tx: Tx, world: World, kind: str) -> bool:
    """Tell whether anything of a kind shall happen in a world."""
    return tx.one(store.ANY, world_id=world.world_id, kind=kind) is not None


def waiting(tx: Tx, world: World) -> tuple[int, int | None]:
    """Give how many acts wait in a world, and when the next is due."""
    row = tx.one(store.COUNT, world_id=world.world_id)
    assert row is not None
    return int(row["count"]), row["next_due_at"]


def next_at(tx: Tx, world: World) -> int | None:
    """Give when the next act of a world is due (bank time, epoch milliseconds)."""
    row = tx.one(store.NEXT_IN_WORLD, world_id=world.world_id, until=_EVER)
    return row["due_at"] if row else None


def reset(tx: Tx, world_id: str) -> None:
    """Forget all that is due in a world."""
    tx.run(store.RESET, world_id=world_id)


def alone(bank: Bank, world: World) -> AbstractContextManager[bool]:
    """Keep every other process from doing what is due in a world, and from moving its clock."""
    return bank.db.alone(f"due {world.world_id}")


class Piece:
    """What is done in one go, so that others have their turn: so many acts, or as many as there is time for; one in any
    case.

    Args:
        acts: how many, at most.
        seconds: of wall time after which none is begun.
    """

    __slots__ = ("_ends", "_left", "_whole")

    def __init__(self, acts: int, seconds: float) -> None:
        self._left = self._whole = acts
        self._ends = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """Whether there is no room for a further act."""
        return self._left <= 0 or (self._left < self._whole and time.monotonic() >= self._ends)

    def take(self) -> None:
        """Take the room of an act."""
        self._left -= 1


def run_world(
    bank: Bank,
    world: World,
    until: int,
    *,
    most: int | None = None,
    piece: Piece | None = None,
    failures: Counter[int] | None = None,
) -> int:
    """Do all that is due in a world up to an instant, in order, or the first ``most`` of it; give how many acts were
    done. What they schedule on the way is done too. Whoever calls it is ``alone`` with the world.

    piece: which the acts are a part of; what it has no room for is left.
    failures: how often each act has failed, where a way through time is gone in several stretches.
    """
    done, failures = 0, Counter() if failures is None else failures
    while (most is None or done < most) and not (piece and piece.is_over):
        row = bank.db.read().one(store.NEXT_IN_WORLD, world_id=world.world_id, until=until)
        if row is None:
            break
        if piece:
            piece.take()
        _do(bank, Due(world, row["kind"], row["subject"], row["due_at"]), row["due_id"], failures)
        done += 1
    return done


class Rounds:
    """What is due by now in every world, done in rounds: in each, every world where something is due has its turn of a
    few acts, so that what one of them has waiting delays no other's by more than a turn.

    Args:
        bank: whose worlds.
    """

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._waiting: deque[str] = deque()

    def go(self, acts: int = 100, seconds: float = inf) -> int:
        """Go on with the rounds, for so many acts, or so long; give how many were done. A world that another process
        is at is left to it.

        A full disk or a locked database ends it, not the server: everything waits, and the next call tries again.
        """
        piece, done = Piece(acts, seconds), 0
        try:
            while not piece.is_over and (did := self._round(piece)):
                done += did
        except (EngineError, DatabaseError) as error:
            log.error("due acts wait: %s", error)  # noqa: TRY400 - it says all
        return done

    def _round(self, piece: Piece) -> int:
        """Go on with a round that a piece has ended, or with the next: the world that has waited longest begins."""
        done = 0
        if not self._waiting:
            found = self._bank.db.read().all(store.WORLDS, now=self._bank.now())
            self._waiting.extend(row["world_id"] for row in found)
        while self._waiting and not piece.is_over:
            done += _run_unless_taken(self._bank, self._waiting.popleft(), piece)
        return done


def run_all(bank: Bank, most: int = 100) -> int:
    """Do what is due by now in every world, at most so many acts; give how many."""
    return Rounds(bank).go(most)


def _run_unless_taken(bank: Bank, world_id: str, piece: Piece) -> int:
    with bank.db.alone(f"due {world_id}", wait=False) as mine:
        clock = bank.db.read().one(store.CLOCK, world_id=world_id) if mine else None
        if clock is None:
            return 0
        world = World(world_id, clock["offset_ms"])
        return run_world(bank, world, bank.now(world), most=TURN, piece=piece)


def repeat(bank: Bank, world: World, deed: Mapping[str, Any]) -> bool:
    """Do an act that was done at this place in another life of the world, or put it off where it failed there; False
    where it is not due here.
    """
    kind, subject, at = deed["kind"], deed["subject"], deed["at"]
    row = bank.db.read().one(store.FIND, world_id=world.world_id, kind=kind, subject=subject, due_at=at)
    if row is None:
        return False
    if "put_off_ms" in deed:
        with bank.db.act(world.world_id) as tx:
            tx.run(store.POSTPONE, id=row["due_id"], at=at + deed["put_off_ms"])
    else:
        _do(bank, Due(world, kind, subject, at), row["due_id"], Counter())
    return True


def _do(bank: Bank, due: Due, due_id: int, failures: Counter[int]) -> None:
    """Do one act, which is a deed."""
    deed: dict[str, Any] = {"kind": due.kind, "subject": due.subject, "at": due.at}
    with deeds.doing(bank, due.world, deeds.BANK, due.kind, lambda: deed):
        _do_once(bank, due, due_id, failures, deed)


def _do_once(bank: Bank, due: Due, due_id: int, failures: Counter[int], deed: dict[str, Any]) -> None:
    """Do one act, then take its note away.

    A kill between the two does the act again at the next start: handlers look at the state first and do nothing when
    it has moved on. A handler that fails is tried again a minute of bank time later, and in a round that covers much
    time, such as an advance by months, ever more rarely, so that it holds up nobody else.
    """
    try:
        bank.due_handlers[due.kind](bank, due)
    except Exception as error:  # noqa: BLE001 - whatever it was, the queue goes on
        delay = MINUTE << min(failures[due_id], _MOST_DOUBLINGS)
        failures[due_id] += 1
        log.error("%s failed: %s; again in %d min", due.kind, type(error).__name__, delay // MINUTE)  # noqa: TRY400 - a traceback may show values
        deed["put_off_ms"] = delay  # a replay, where nothing fails, does the same
        with bank.db.act(due.world.world_id) as tx:
            tx.run(store.POSTPONE, id=due_id, at=due.at + delay)
        return
    with bank.db.act(due.world.world_id) as tx:
        tx.run(store.DELETE, due_id=due_id)
