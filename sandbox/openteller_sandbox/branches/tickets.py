"""Numbers in the line of a branch that apps draw for their users. No name, no number of an account.

A number has its place when it is drawn: so many of the branch's own are before it, and so many that apps have drawn.
From that and bank time alone follows what becomes of it: it waits, is called, and lapses a quarter of an hour later
where nobody comes. Nothing falls due, and nothing of it is written again but that it was given back.

The line is simulated, and what stands in it can only be held up by those who draw numbers: so an app's user holds one
number at a branch and two in all, an app twenty at a branch, and a user draws ten a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.branches import feed, openings
from openteller_sandbox.branches import ticket_store as store
from openteller_sandbox.branches.schemas import TicketSchema
from openteller_sandbox.branches.waiting import Line
from openteller_sandbox.clock import DAY, MINUTE
from openteller_sandbox.db import Row, Statement, Tx
from openteller_sandbox.http import Problem, with_tail

MOST_OF_A_USER, MOST_OF_A_USER_A_DAY, MOST_AT_A_BRANCH = 2, 10, 20
LAPSES_AFTER_MS = 15 * MINUTE
KEPT_MS = 30 * DAY
_RETRY_AFTER_S = 60
_SCHEMA = TicketSchema()

_AFTER_ALL = 2**62


def draw(
    bank: Bank, tx: Tx, caller: Caller, branch: Branch, request: Mapping[str, Any], seed: int, now: int
) -> tuple[str, str]:
    """Draw a number; give its identifier, and the ticket as JSON.

    Raises:
        Problem: SERVICE_NOT_OFFERED, BRANCH_CLOSED, TICKET_HELD, TICKET_LIMIT.
    """
    holder = caller.subject or request["end_user_ref"]
    where = {"world_id": caller.world.world_id, "branch_id": branch.branch_id}
    whose = {"world_id": caller.world.world_id, "app_id": caller.app_id, "holder": holder}
    line, opened_at = _line(bank, branch, request["service"], seed, now)
    _check_limits(tx, whose, where, now)
    place = line.given_out(now)
    call_at = _call_at(tx, line, where, place, now)
    if call_at is None or not branch.serves(bank, request["service"], call_at):
        raise Problem("BRANCH_CLOSED", "Who draws a number now would be called after closing.")
    facts = {
        "ticket_id": ids.new("tkt"),
        "branch_id": branch.branch_id,
        "service": request["service"],
        "ticket_number": _number(bank, tx, branch, where, place, opened_at, now),
        "estimated_call_at": call_at,
        "expires_at": call_at + LAPSES_AFTER_MS,
        "created_at": now,
    }
    record = _SCHEMA.present(facts)
    bank.contract.check_record("Ticket", record)
    tx.run(store.FORGET, world_id=caller.world.world_id, before=now - KEPT_MS)
    tx.run(
        store.INSERT,
        **{name: facts[name] for name in ("ticket_id", "branch_id", "created_at")},
        **{name: whose[name] for name in ("world_id", "app_id", "holder")},
        branch_code=branch.code,
        hours=branch.hours,
        opened_at=opened_at,
        place=place,
        call_at=call_at,
        cancelled_at=None,
        wire=json.dumps(record, separators=(",", ":")),
    )
    return str(facts["ticket_id"]), read(bank, tx, caller, str(facts["ticket_id"]), seed, now)


def read(bank: Bank, tx: Tx, caller: Caller, ticket_id: str, seed: int, now: int) -> str:
    """Give a ticket of the caller's as JSON, as it stands.

    Raises:
        Problem: NOT_FOUND.
    """
    row = _own(tx, caller, ticket_id)
    status = _status(row, now)
    ahead = _ahead(bank, tx, row, seed, now) if status == "WAITING" else 0
    return with_tail(row["wire"], {"status": status, "ahead": ahead})


def cancel(bank: Bank, tx: Tx, caller: Caller, ticket_id: str, seed: int, now: int) -> str:
    """Give a number back, once; give the ticket as JSON.

    Raises:
        Problem: NOT_FOUND; INVALID_TRANSITION, it was called already.
    """
    row = _own(tx, caller, ticket_id)
    status = _status(row, now)
    if status not in {"WAITING", "CANCELLED"}:
        raise Problem("INVALID_TRANSITION", f"The ticket is {status}.", members={"allowed": []})
    tx.run(store.CANCEL, which=ticket_id, at=now)
    return read(bank, tx, caller, ticket_id, seed, now)


def reset(tx: Tx, world_id: str) -> None:
    """Forget every ticket of a world."""
    tx.run(store.RESET, world_id=world_id)


def branches(tx: Tx, world_id: str) -> list[str]:
    """Give the branches at which numbers were drawn in a world."""
    return [row["branch_id"] for row in tx.all(store.BRANCHES, world_id=world_id)]


class Branch:
    """A branch as far as somebody waits there.

    Args:
        record: its JSON.
        code: the bank's code of it.
        hours: its hours, compact; None where it does not serve.
    """

    __slots__ = ("_offers", "branch_id", "code", "hours")

    def __init__(
        self, record: Mapping[str, Any], code: str, hours: str | None, own_hours: Mapping[str, str | None]
    ) -> None:
        self.branch_id = str(record["branch_id"])
        self.code = code
        self.hours = hours
        self._offers = own_hours

    def offers(self, service: str) -> bool:
        """Whether a service is among what can be done there."""
        return service in self._offers

    def serves(self, bank: Bank, service: str, now: int) -> bool:
        """Whether the branch, and the service where it has hours of its own, are open at an instant."""
        known, own = openings.of(bank.db), self._offers[service]
        return self.hours is not None and all(known.is_open(hours, now) for hours in (self.hours, own) if hours)


def _line(bank: Bank, branch: Branch, service: str, seed: int, now: int) -> tuple[Line, int]:
    """Give the line that one can stand in now, and the instant at which the branch has opened."""
    if not branch.offers(service):
        raise Problem("SERVICE_NOT_OFFERED")
    if branch.hours is None or not branch.serves(bank, service, now):
        raise Problem("BRANCH_CLOSED")
    line = feed.of(bank.db).line(seed, branch.code, branch.hours, now)
    assert line is not None  # it is open
    return line, openings.of(bank.db).day(branch.hours, now)[0][0]


def _check_limits(tx: Tx, whose: Mapping[str, str], where: Mapping[str, str], now: int) -> None:
    held = tx.all(store.WAITING_OF_HOLDER, **whose, now=now)
    here = next((row["ticket_id"] for row in held if row["branch_id"] == where["branch_id"]), None)
    if here:
        raise Problem("TICKET_HELD", members={"ticket_id": here})
    if len(held) >= MOST_OF_A_USER:
        raise _limit(f"This end user waits at {MOST_OF_A_USER} branches already.")
    if _count(tx, store.DRAWN_SINCE, **whose, since=now - DAY) >= MOST_OF_A_USER_A_DAY:
        raise _limit(f"This end user has drawn {MOST_OF_A_USER_A_DAY} numbers within a day.")
    if _count(tx, store.WAITING_OF_APP, **where, app_id=whose["app_id"], now=now) >= MOST_AT_A_BRANCH:
        raise _limit(f"{MOST_AT_A_BRANCH} numbers of the app wait at this branch.")


def _limit(detail: str) -> Problem:
    return Problem("TICKET_LIMIT", detail, retry_after=_RETRY_AFTER_S)


def _number(bank: Bank, tx: Tx, branch: Branch, where: Mapping[str, str], place: int, opened_at: int, now: int) -> str:
    """Give the number that comes after those of the day: the branch's own, and those that apps have drawn. It is never
    one of these again, though an import may give the branch other hours on that day, and so another line.
    """
    assert branch.hours is not None  # it is open
    number = place + _count(tx, store.DRAWN_OF_DAY, **where, opened_at=opened_at) + 1
    last = tx.one(store.LAST_OF_DAY, **where, begins=openings.of(bank.db).day_begins(branch.hours, now))
    if last:
        number = max(number, int(json.loads(last["wire"])["ticket_number"][1:]) + 1)
    return f"A{number:03d}"


def _call_at(tx: Tx, line: Line, where: Mapping[str, str], place: int, now: int) -> int | None:
    """Give the instant at which a number that is drawn now will be called: when the branch's own before it have been,
    and those that apps have drawn; after the last of these. None where the day ends before.
    """
    before = _count(tx, store.BEFORE, **where, now=now, seq=_AFTER_ALL)
    call_at = line.call_of(place + before)
    if call_at is None:
        return None
    last = tx.one(store.LAST_CALL, **where, now=now, seq=_AFTER_ALL)
    return max(call_at, now + MINUTE, (last["call_at"] or 0) + 1 if last else 0)


def _ahead(bank: Bank, tx: Tx, row: Row, seed: int, now: int) -> int:
    """Count who is before a number that waits: the branch's own that are not called yet, and those of apps."""
    line = feed.of(bank.db).line(seed, row["branch_code"], row["hours"], row["created_at"])
    assert line is not None  # it was open when the number was drawn
    others = _count(tx, store.BEFORE, world_id=row["world_id"], branch_id=row["branch_id"], now=now, seq=row["seq"])
    return max(0, int(row["place"]) - line.called(now)) + others


def _status(row: Row, now: int) -> str:
    if row["cancelled_at"] is not None:
        return "CANCELLED"
    if now < row["call_at"]:
        return "WAITING"
    return "CALLED" if now < row["call_at"] + LAPSES_AFTER_MS else "EXPIRED"


def _own(tx: Tx, caller: Caller, ticket_id: str) -> Row:
    """Give the row of a ticket that the caller has drawn: with a customer's token, for that customer."""
    row = tx.one(store.FIND, ticket_id=ticket_id, world_id=caller.world.world_id, app_id=caller.app_id)
    if row is None or (caller.subject and row["holder"] != caller.subject):
        raise Problem("NOT_FOUND")
    return row


def _count(tx: Tx, statement: Statement, **parameters: Any) -> int:
    row = tx.one(statement, **parameters)
    return int(row["count"]) if row else 0
