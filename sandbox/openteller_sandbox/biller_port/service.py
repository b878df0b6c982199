"""What the bank does to the simulated billers' books: a remote biller would do it by itself."""

from __future__ import annotations

from openteller_sandbox.bank import World
from openteller_sandbox.biller_port import store
from openteller_sandbox.db import Tx


def take_back(tx: Tx, world: World, posting_id: str) -> None:
    """Let the biller take a posting back (冲正): its bill is due again."""
    tx.run(store.SET_STATE, w=world.world_id, p=posting_id, to="REVERSED")


def post_late(tx: Tx, world: World, posting_id: str, now: int) -> None:
    """Let the biller post what it had not found: its bill is paid."""
    tx.run(store.POST_LATE, w=world.world_id, p=posting_id, at=now)


def find(tx: Tx, world: World, posting_id: str) -> None:
    """Let the biller have posted what it got, whatever it has said."""
    tx.run(store.SET_STATE, w=world.world_id, p=posting_id, to="POSTED")


def lose(tx: Tx, world: World, posting_id: str) -> None:
    """Let the biller not have posted what it got."""
    tx.run(store.SET_STATE, w=world.world_id, p=posting_id, to="NOT_FOUND")


def reset(tx: Tx, world_id: str) -> None:
    """Forget what the billers have posted in a world."""
    tx.run(store.RESET, world_id=world_id)
