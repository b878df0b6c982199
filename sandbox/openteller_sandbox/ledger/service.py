"""Booking the moves of money.

An amount is what an account gains; a customer's account is ``customer:<customer_id>``, a biller's
``biller:<biller_id>``. The moves of one payment:

    authorise   customer -> holds                      the payer confirmed
    send        holds -> clearing                      debited, and sent to the biller
    post        clearing -> biller, fees               the biller posted it
    release     holds -> customer                      nothing was sent
    give back   clearing -> refunds                    the biller did not post it, or no longer has it
    return      refunds -> customer                    the payer has it back
    keep aside  refunds -> suspense                    the payer's account could not be credited
    try again   suspense -> refunds                    it is tried once more
    pay out     suspense -> payouts                    paid out by hand
    reverse     biller, fees -> clearing               the biller took it back; a fee that is not refundable stays
    post late   suspense -> biller                     posted after the money went back: the bank's to recover
    post twice  suspense -> biller                     posted twice: likewise
    not ours    suspense -> biller                     in the biller's list of the day, and never sent
    recover     biller -> suspense                     the biller has given back what it had too much
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import World
from openteller_sandbox.db import Tx
from openteller_sandbox.ledger import store
from openteller_sandbox.money import Money


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry. minor: what it moved, in minor units; booked_at: bank time, epoch milliseconds."""

    reason: str
    subject: str
    minor: int
    booked_at: int


HOLDS = "holds"
CLEARING = "clearing"
FEES = "fees"
REFUNDS = "refunds"
SUSPENSE = "suspense"
PAYOUTS = "payouts"
EQUITY = "equity"


def customer(customer_id: str) -> str:
    """Name a customer's account."""
    return f"customer:{customer_id}"


def biller(biller_id: str) -> str:
    """Name a biller's account."""
    return f"biller:{biller_id}"


def book(
    tx: Tx, world: World, *, reason: str, subject: str, lines: Mapping[str, int], now: int, currency: str = "CNY"
) -> None:
    """Book an entry.

    Args:
        tx: the act that the entry belongs to.
        world: whose ledger.
        reason: why, such as ``authorise``.
        subject: the payment.
        lines: what each account gains, in minor units.
        now: bank time, epoch milliseconds.
        currency: of all lines.

    Raises:
        ValueError: the lines do not sum to zero.
    """
    if sum(lines.values()):
        raise ValueError("the lines of an entry must sum to zero")
    entry_id = ids.new("ent")
    for account, amount in lines.items():
        if amount:
            tx.run(
                store.INSERT,
                world_id=world.world_id,
                entry_id=entry_id,
                account=account,
                amount=amount,
                currency=currency,
                reason=reason,
                subject=subject,
                booked_at=now,
                business_date=clock.bank_date(now).isoformat(),
            )


def book_opening(tx: Tx, world: World, customer_id: str, amount: Money, now: int) -> None:
    """Book what a demo customer begins with."""
    lines = {customer(customer_id): amount.minor, EQUITY: -amount.minor}
    book(tx, world, reason="opening", subject=customer_id, lines=lines, now=now, currency=amount.currency)


def lines_of(tx: Tx, world: World, subject: str) -> list[tuple[str, str, int]]:
    """Give (reason, account, gain in minor units) of every line of a subject, oldest first."""
    rows = tx.all(store.OF_SUBJECT, world_id=world.world_id, subject=subject)
    return [(row["reason"], row["account"], row["amount"]) for row in rows]


def entries_of(tx: Tx, world: World, day: date, reasons: Collection[str]) -> Iterator[Entry]:
    """Give the entries that were booked for some reasons on a day of the bank's calendar, oldest first."""
    for row in tx.all(store.OF_DAY, world_id=world.world_id, business_date=day.isoformat()):
        if row["reason"] in reasons:
            yield Entry(row["reason"], row["subject"], int(row["minor"]), row["booked_at"])


def balances(tx: Tx, world: World) -> dict[str, int]:
    """Give the balance of every account in minor units."""
    return {row["account"]: row["balance"] for row in tx.all(store.BALANCES, world_id=world.world_id)}


def is_balanced(tx: Tx, world: World | None = None) -> bool:
    """Tell whether every entry sums to zero: of a world, or of the whole database."""
    if world is None:
        return tx.one(store.UNBALANCED) is None
    return tx.one(store.UNBALANCED_OF_WORLD, world_id=world.world_id) is None


def reset(tx: Tx, world_id: str) -> None:
    """Delete the ledger of a world."""
    tx.run(store.RESET, world_id=world_id)
