"""How often accounts are asked about, so that nobody finds out by trying which there are. Counts and refuses; asks no
biller.

A question is counted in an act of its own before the biller is asked: acts of a world come one after the other, so that
of questions at once no more get through than one by one. What is refused is not counted.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import scenarios
from openteller_sandbox.biller_port.simulated import digest
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import store
from openteller_sandbox.bills.neighbours import longest_run
from openteller_sandbox.clock import DAY, SECOND
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.limits import Reached

REMEMBERED_MS = 30 * DAY
"""How long an account that an end user has asked about is not new, and a suspension counts for the next one."""
PAGE = ""
"""The ``app_id`` of what a payer asks on the bank's page; the ``end_user_ref`` is the customer then."""
_MOST_DIGITS = 18


class Limit(StrEnum):
    """Which limit a question has met. The values stand in the contract."""

    NEW_ACCOUNTS = "NEW_ACCOUNTS_PER_END_USER"
    PER_ACCOUNT = "FETCHES_PER_ACCOUNT"
    MISSES = "MISSES"
    RUN = "NEIGHBOURING_NUMBERS"
    ON_PAGE = "ACCOUNTS_PER_PAYER"


_DETAILS = {
    Limit.NEW_ACCOUNTS: "This end user has asked about as many new accounts today as are allowed. Accounts that it has "
    "asked about in the last 30 days, and a payment link whose page asks for the account, still work.",
    Limit.PER_ACCOUNT: "This account was fetched today as often as is allowed, over all partners. A payment link whose "
    "page asks for the account still works.",
    Limit.MISSES: "Too many of the app's latest fetches named accounts that cannot be paid: its fetches are suspended. "
    "Payment links still work; let the page ask for the account.",
    Limit.RUN: "The app has gone through neighbouring account numbers: its fetches are suspended. Payment links still "
    "work; let the page ask for the account.",
}


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: an end user of an app, or a payer on the page."""

    app_id: str
    end_user_ref: str


class Refused(Exception):
    """A limit was met, and nothing of it is to be kept: it ends the act."""

    def __init__(self, reached: Reached) -> None:
        super().__init__(reached.limit)
        self.reached = reached


@dataclass(frozen=True, slots=True)
class _Ask:
    """A question. is_new: its asker has not asked about the account lately; number: one that is looked for in runs."""

    asker: Asker
    biller_id: str
    account_digest: str
    is_new: bool
    number: int | None = field(repr=False)
    now: int

    @property
    def day(self) -> str:
        return clock.bank_date(self.now).isoformat()


def admit(
    bank: Bank, tx: Tx, world: World, asker: Asker, biller: Biller, inputs: Mapping[str, str], now: int
) -> str | Reached:
    """Count a question; give the identifier of the fetch that it is, or the limit that suspends the app from now on.

    Raises:
        Refused: another limit was met; nothing is counted.
    """
    ask = _ask(tx, world, asker, biller, inputs, now)
    reached = _suspension(bank, tx, world, asker.app_id, now) or _of_the_day(bank, tx, world, ask)
    if reached:
        raise Refused(reached)
    reached = _run(bank, tx, world, ask)
    if reached:
        return reached
    fetch_id = ids.new("bft")
    tx.run(
        store.INSERT_ASK,
        bill_fetch_id=fetch_id,
        **_of(world, asker),
        biller_id=ask.biller_id,
        account_digest=ask.account_digest,
        asked_at=now,
        asked_on=ask.day,
        is_new=int(ask.is_new),
        missed=0,
        number=ask.number,
    )
    return fetch_id


def missed(bank: Bank, tx: Tx, world: World, fetch_id: str, now: int) -> None:
    """Note that an account could not be paid, and suspend an app's fetches after too many of them."""
    tx.run(store.MISSED, f=fetch_id)
    row = tx.one(store.ASK, bill_fetch_id=fetch_id)
    if row is None or row["app_id"] == PAGE:
        return
    if sum(each["missed"] for each in _latest(bank, tx, world, row["app_id"])) > bank.settings.fetch_limits.misses:
        _suspend(bank, tx, world, row["app_id"], Limit.MISSES, now)


def forget(tx: Tx, world: World, fetch_id: str, now: int) -> None:
    """Forget the number that was asked about 24 hours ago, and what its asker's app has asked 30 days ago."""
    row = tx.one(store.ASK, bill_fetch_id=fetch_id)
    if row is None:
        return
    tx.run(store.FORGET_NUMBER, f=fetch_id)
    tx.run(store.FORGET_ASKS, world_id=world.world_id, app_id=row["app_id"], before=now - REMEMBERED_MS)


def problem(reached: Reached, now: int) -> Problem:
    """Give what a partner is told of a limit that it has met."""
    members = {"limit": reached.limit, "resets_at": clock.to_wire(reached.until)}
    wait_s = min(86_400, max(1, -((now - reached.until) // SECOND)))
    return Problem("FETCH_LIMIT", _DETAILS[Limit(reached.limit)], members=members, retry_after=wait_s)


def counted_as(world: World, biller: Biller, inputs: Mapping[str, str]) -> str:
    """Name the account among inputs, the same however it was typed, without holding its number."""
    return digest(world, biller, plain(biller.account_key(inputs)))


def plain(account: str) -> str:
    """Write an account as it is counted: however it is spaced, and in whatever letters it was typed."""
    folded = unicodedata.normalize("NFKC", account).casefold()
    return "".join(char for char in folded if char.isalnum())


def number_of(biller: Biller, inputs: Mapping[str, str]) -> int | None:
    """Give the number whose neighbours are looked for: the serial number, without check digits, or what digits an
    account ends with; None where it has none.
    """
    serial = biller.serial(inputs)
    if serial is not None:
        return serial
    account = plain(biller.account(inputs))
    digits = account[len(account.rstrip("0123456789")) :][-_MOST_DIGITS:]
    return int(digits) if digits else None


def _ask(tx: Tx, world: World, asker: Asker, biller: Biller, inputs: Mapping[str, str], now: int) -> _Ask:
    account_digest = counted_as(world, biller, inputs)
    since = now - REMEMBERED_MS
    known = tx.one(store.ASKED_BEFORE, **_of(world, asker), account_digest=account_digest, since=since)
    # Magic accounts stand side by side, published by the bank itself; a manager's known flats do so in a house.
    watched = known is None and asker.app_id != PAGE and scenarios.of(biller, inputs) is None
    number = number_of(biller, inputs) if watched else None
    return _Ask(asker, biller.biller_id, account_digest, known is None, number, now)


def _of(world: World, asker: Asker) -> dict[str, str]:
    return {"world_id": world.world_id, "app_id": asker.app_id, "end_user_ref": asker.end_user_ref}


def _of_the_day(bank: Bank, tx: Tx, world: World, ask: _Ask) -> Reached | None:
    """Look at what a day allows: to an asker, and of an account."""
    limits, on_page = bank.settings.fetch_limits, ask.asker.app_id == PAGE
    tomorrow = clock.start_of_day(clock.bank_date(ask.now) + timedelta(days=1))
    most = limits.page_accounts if on_page else limits.new_accounts
    if ask.is_new and _count(tx.one(store.COUNT_NEW, **_of(world, ask.asker), asked_on=ask.day)) >= most:
        return Reached(Limit.ON_PAGE if on_page else Limit.NEW_ACCOUNTS, most, tomorrow)
    account = {"world_id": world.world_id, "account_digest": ask.account_digest, "asked_on": ask.day}
    if not on_page and _count(tx.one(store.COUNT_OF_ACCOUNT, **account)) >= limits.per_account:
        return Reached(Limit.PER_ACCOUNT, limits.per_account, tomorrow)
    return None


def _run(bank: Bank, tx: Tx, world: World, ask: _Ask) -> Reached | None:
    """Look whether an app goes through the numbers of a biller within a day."""
    limits, asker = bank.settings.fetch_limits, ask.asker
    if ask.number is None:
        return None
    others = {
        row["number"]
        for row in _latest(bank, tx, world, asker.app_id)
        if row["number"] is not None and row["biller_id"] == ask.biller_id and row["asked_on"] == ask.day
    }
    if longest_run(ask.number, others, limits.distance) < limits.run:
        return None
    return _suspend(bank, tx, world, asker.app_id, Limit.RUN, ask.now)


def _latest(bank: Bank, tx: Tx, world: World, app_id: str) -> list[Row]:
    """Give an app's latest questions, those of before its last suspension left out."""
    last = tx.one(store.LAST_SUSPENSION, world_id=world.world_id, app_id=app_id)
    since = last["until"] if last else 0
    count = bank.settings.fetch_limits.window
    return tx.all(store.LATEST_ASKS, world_id=world.world_id, app_id=app_id, since=since, count=count)


def _suspension(bank: Bank, tx: Tx, world: World, app_id: str, now: int) -> Reached | None:
    last = tx.one(store.LAST_SUSPENSION, world_id=world.world_id, app_id=app_id)
    if last is None or now >= last["until"]:
        return None
    limit = Limit(last["reason"])
    return Reached(limit, _most(bank, limit), last["until"])


def _most(bank: Bank, limit: Limit) -> int:
    limits = bank.settings.fetch_limits
    return limits.run - 1 if limit is Limit.RUN else limits.misses


def _suspend(bank: Bank, tx: Tx, world: World, app_id: str, limit: Limit, now: int) -> Reached:
    limits = bank.settings.fetch_limits
    last = tx.one(store.LAST_SUSPENSION, world_id=world.world_id, app_id=app_id)
    again = last is not None and last["until"] > now - REMEMBERED_MS
    until = now + (limits.again_days if again else limits.suspension_days) * DAY
    tx.run(
        store.INSERT_SUSPENSION,
        world_id=world.world_id,
        app_id=app_id,
        since=now,
        until=until,
        reason=limit.value,
    )
    return Reached(limit, _most(bank, limit), until)


def _count(row: Row | None) -> int:
    return int(row["count"]) if row else 0
