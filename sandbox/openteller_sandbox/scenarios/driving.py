"""Driving a payment from one status to the next: every move of the state table that anything here can bring about.

A way is what brings a move about: an act of the payer or the partner, a fault of the biller for this one payment, the
world's clock, or something that is due later and is done now.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.biller_port.port import BillerUnreachable, Turn
from openteller_sandbox.bills import service as bills
from openteller_sandbox.clock import HOUR
from openteller_sandbox.due import service as due
from openteller_sandbox.faults import service as faults
from openteller_sandbox.http import Problem
from openteller_sandbox.payments import lifecycle
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import TRANSITIONS, Status
from openteller_sandbox.scenarios import payer
from openteller_sandbox.worlds import service as worlds

HELD_BACK_MS = HOUR
"""How long a payment that was brought to ``authorised`` stays there by itself."""
_LATE_MS = 24 * HOUR


@dataclass(slots=True)
class Drive:
    """A payment on its way. The world is read again where its clock has moved."""

    bank: Bank
    caller: Caller
    world: World
    payment_id: str

    @property
    def held(self) -> Held:
        """The payment as it stands."""
        held = payments.held(self.bank.db.read(), self.payment_id)
        assert held is not None
        return held

    @property
    def status(self) -> Status:
        """Where it stands."""
        return self.held.payment.status

    @property
    def now(self) -> int:
        """Bank time."""
        return self.bank.now(self.world)

    def do(self, kind: str) -> None:
        """Have the bank do now what is due later."""
        self.bank.due_handlers[kind](self.bank, Due(self.world, kind, self.payment_id, self.now))

    def wait_until(self, at: int) -> None:
        """Move the world's clock, unless it is as late already."""
        if at > self.now:
            self.world = worlds.advance(self.bank, self.world, at)

    def fault(self, leg: str, **effect: object) -> None:
        """Let the biller's leg fail once for this payment."""
        faults.once(self.bank, self.world, leg, self.payment_id, effect, self.now)

    def let_biller(self, turn: Turn) -> None:
        """Have the simulated biller do something by itself.

        Raises:
            Problem: INVALID_TRANSITION, it cannot be reached.
        """
        try:
            bills.port_of(self.bank).play(self.world, self.payment_id, turn, self.now)
        except BillerUnreachable:
            raise _impossible(self.status, "The biller cannot be reached.") from None


def _sign_in(drive: Drive) -> None:
    payer.sign_in(drive.bank, drive.world, drive.payment_id)


def _cancel(drive: Drive) -> None:
    with drive.bank.db.act(drive.world.world_id) as tx:
        payments.cancel(drive.bank, tx, drive.caller, drive.payment_id, drive.now)


def _expire(drive: Drive) -> None:
    grace = lifecycle.OPEN_PAGE_MS if drive.status is Status.AUTHORISING else 0
    drive.wait_until(drive.held.expires_at + grace)


def _authorise(drive: Drive) -> None:
    """Confirm, and hold back the sending, which would follow at once."""
    attempt_id = _open_attempt(drive)
    payer.confirm(drive.bank, drive.world, drive.held, attempt_id, send=False)
    with drive.bank.db.act(drive.world.world_id) as tx:
        due.cancel(tx, drive.world, "payment.send", drive.payment_id)
        due.schedule(tx, drive.world, drive.now + HELD_BACK_MS, "payment.send", drive.payment_id)


def _leave(drive: Drive) -> None:
    for attempt in drive.held.payment.attempts:
        if attempt.status == "STARTED":
            payments.give_up(drive.bank, drive.world, drive.payment_id, attempt.attempt_id, drive.now)


def _use_up(drive: Drive) -> None:
    while drive.status in {Status.AUTHORISING, Status.CREATED}:
        payer.mistype(drive.bank, drive.world, drive.payment_id)


def _send(drive: Drive) -> None:
    drive.fault("post", delay_ms=_LATE_MS)
    drive.do("payment.send")


def _release(drive: Drive) -> None:
    drive.do("payment.release")


def _lose_track(drive: Drive) -> None:
    drive.fault("query_posting", drop="BEFORE")
    _ask(drive)


def _ask(drive: Drive) -> None:
    """Ask the biller; it may take two questions until it is clear."""
    since = drive.status
    for _ in range(2):
        if drive.status is since:
            drive.do("payment.query")


def _find_posted(drive: Drive) -> None:
    drive.let_biller(Turn.FIND)
    _ask(drive)


def _find_nothing(drive: Drive) -> None:
    drive.let_biller(Turn.LOSE)
    _ask(drive)


def _reverse(drive: Drive) -> None:
    drive.do("payment.reverse")


def _refund(drive: Drive) -> None:
    drive.do("payment.refund")


def _fail_to_refund(drive: Drive) -> None:
    drive.fault("return", status=500)
    drive.do("payment.refund")


def _return_again(drive: Drive) -> None:
    drive.do("payment.return_again")


def _pay_out(drive: Drive) -> None:
    drive.do("payment.pay_out")


WAYS: dict[tuple[Status, Status], Callable[[Drive], None]] = {
    (Status.CREATED, Status.AUTHORISING): _sign_in,
    (Status.CREATED, Status.CANCELLED): _cancel,
    (Status.CREATED, Status.EXPIRED): _expire,
    (Status.AUTHORISING, Status.AUTHORISED): _authorise,
    (Status.AUTHORISING, Status.CREATED): _leave,
    (Status.AUTHORISING, Status.FAILED): _use_up,
    (Status.AUTHORISING, Status.CANCELLED): _cancel,
    (Status.AUTHORISING, Status.EXPIRED): _expire,
    (Status.AUTHORISED, Status.PROCESSING): _send,
    (Status.AUTHORISED, Status.REFUND_PENDING): _release,
    (Status.PROCESSING, Status.SUCCEEDED): _find_posted,
    (Status.PROCESSING, Status.REFUND_PENDING): _find_nothing,
    (Status.PROCESSING, Status.UNKNOWN): _lose_track,
    (Status.UNKNOWN, Status.SUCCEEDED): _find_posted,
    (Status.UNKNOWN, Status.REFUND_PENDING): _find_nothing,
    (Status.SUCCEEDED, Status.REFUND_PENDING): _reverse,
    (Status.REFUND_PENDING, Status.REFUNDED): _refund,
    (Status.REFUND_PENDING, Status.REFUND_FAILED): _fail_to_refund,
    (Status.REFUND_FAILED, Status.REFUND_PENDING): _return_again,
    (Status.REFUND_FAILED, Status.REFUNDED): _pay_out,
}
"""What brings each move of the table about."""
_ON_THE_WAY = [move for move in WAYS if move != (Status.AUTHORISED, Status.REFUND_PENDING)]
"""Where longer ways lead along. What was never sent is let go of in one move, and its refund cannot fail."""


def transition(bank: Bank, caller: Caller, payment_id: str, to: Status) -> Held:
    """Bring a payment of the caller to a status that may follow its own.

    Raises:
        Problem: NOT_FOUND; INVALID_TRANSITION, the table has no such move, nothing can bring it about, or it came out
            otherwise.
    """
    drive = _begin(bank, caller, payment_id)
    _move(drive, to)
    return drive.held


def bring(bank: Bank, caller: Caller, payment_id: str, to: Status) -> Held:
    """Bring a payment of the caller to a status by as many moves as it takes.

    Raises:
        Problem: NOT_FOUND; INVALID_TRANSITION, no way leads there, or one ended elsewhere.
    """
    drive = _begin(bank, caller, payment_id)
    for step in _route(drive.status, to):
        _move(drive, step)
    return drive.held


def _begin(bank: Bank, caller: Caller, payment_id: str) -> Drive:
    if payments.get_wire(bank, bank.db.read(), caller.app_id, payment_id) is None:
        raise Problem("NOT_FOUND")
    return Drive(bank, caller, caller.world, payment_id)


def _move(drive: Drive, to: Status) -> None:
    since = drive.status
    if to not in TRANSITIONS[since]:
        raise lifecycle.not_possible(since)
    try:
        WAYS[since, to](drive)
    except Problem as problem:
        if problem.code == "INVALID_TRANSITION":
            raise
        raise _impossible(drive.status, f"The page of the bank would say {problem.code}.") from problem
    if drive.status is not to:
        detail = f"It became {drive.status}: the account number or a fault of this world has another outcome."
        raise _impossible(drive.status, detail)


def _route(since: Status, to: Status) -> list[Status]:
    """Find the shortest way."""
    routes: deque[list[Status]] = deque([[since]])
    seen = {since}
    while routes:
        route = routes.popleft()
        for start, end in _ON_THE_WAY:
            if start is route[-1] and end is to:
                return [*route[1:], end]
            if start is route[-1] and end not in seen:
                seen.add(end)
                routes.append([*route, end])
    raise _impossible(since, f"No way leads from {since} to {to}.")


def _impossible(status: Status, detail: str) -> Problem:
    allowed = sorted(end for start, end in WAYS if start is status)
    return Problem("INVALID_TRANSITION", detail, members={"allowed": allowed})


def _open_attempt(drive: Drive) -> str:
    attempts = [each.attempt_id for each in drive.held.payment.attempts if each.status == "STARTED"]
    return attempts[-1] if attempts else payer.sign_in(drive.bank, drive.world, drive.payment_id)
