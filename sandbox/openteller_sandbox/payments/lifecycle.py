"""Moving a payment: the state table is asked, the record written, the event recorded, all in the caller's act."""

from __future__ import annotations

from datetime import date

from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.clock import DAY, HOUR, MINUTE, bank_date, start_of_day
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem, idempotency
from openteller_sandbox.payments import records, store
from openteller_sandbox.payments.model import Attempt, Held, HistoryEntry, Payment
from openteller_sandbox.payments.states import FINAL, TRANSITIONS, Status

EXPIRE = "payment.expire"
FORGET_CONTEXT = "payment.forget_context"
FORGET_KEYS = "payment.forget_keys"
SEND = "payment.send"
QUERY = "payment.query"
CLOSE_DAY = "day.close"
"""What makes the statements of a day: when it is over, and after its reconciliation."""
RECONCILE = "reconciliation.run"
RECONCILE_MS = 2 * HOUR
"""How long after a day's end in the bank's calendar it is reconciled with the billers."""
OPEN_PAGE_MS = 10 * MINUTE
"""How long a page that is open outlives its link."""


def not_possible(status: Status) -> Problem:
    """Refuse a move that the table does not have."""
    return Problem("INVALID_TRANSITION", f"The payment is {status}.", members={"allowed": sorted(TRANSITIONS[status])})


def move(bank: Bank, tx: Tx, world: World, held: Held, to: Status, actor: str, now: int) -> None:
    """Move a payment and record the event.

    Args:
        bank: checks the record.
        tx: the act.
        world: of the payment.
        held: the payment, changed otherwise as the move needs.
        to: where to.
        actor: PARTNER, PAYER, BANK, BILLER or CLOCK.
        now: bank time, epoch milliseconds.

    Raises:
        Problem: INVALID_TRANSITION.
        Conflict: somebody else was faster.
    """
    payment = held.payment
    if to not in TRANSITIONS[payment.status]:
        raise not_possible(payment.status)
    payment.status = to
    payment.history.append(HistoryEntry(to.value, now, actor))
    records.save(bank, tx, held, now)
    tell(bank, tx, world, held, now)
    if to in FINAL:
        due.cancel(tx, world, EXPIRE, payment.payment_id)
        due.schedule(tx, world, now + DAY, FORGET_KEYS, payment.payment_id)


def tell(bank: Bank, tx: Tx, world: World, held: Held, now: int) -> None:
    """Record the event of the status that a payment has taken."""
    payment = held.payment
    data = {
        "payment_id": payment.payment_id,
        "partner_reference": payment.partner_reference,
        "status": payment.status.value,
        "version": payment.version,
    }
    events.record(bank, tx, world, held.app_id, f"payment.{payment.status.value}", data, now)


def close_day(tx: Tx, world: World, day: date) -> None:
    """Schedule the close of a day, once: its end in the bank's calendar, or at once where that has passed."""
    if due.when(tx, world, CLOSE_DAY, day.isoformat()) is None:
        due.schedule(tx, world, start_of_day(day) + DAY, CLOSE_DAY, day.isoformat())


def reconcile_day(tx: Tx, world: World, now: int) -> None:
    """Schedule the reconciliation of a day on which money moves, once."""
    day = bank_date(now)
    if due.when(tx, world, RECONCILE, day.isoformat()) is None:
        due.schedule(tx, world, start_of_day(day) + DAY + RECONCILE_MS, RECONCILE, day.isoformat())


def close_attempts(payment: Payment, winner: Attempt | None = None) -> None:
    """End every attempt that is still open; all but the winner have failed."""
    for attempt in payment.attempts:
        if attempt.status == "STARTED":
            attempt.status = "SUCCEEDED" if attempt is winner else "FAILED"
            attempt.reason = None if attempt is winner else "PAYER_NOT_COMPLETED"


def expire(bank: Bank, act: Due) -> None:
    """Let a link expire: at once where nobody has the page open, else ten minutes later."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in {Status.CREATED, Status.AUTHORISING}:
            return
        if held.payment.status is Status.AUTHORISING and act.at < held.expires_at + OPEN_PAGE_MS:
            due.schedule(tx, act.world, held.expires_at + OPEN_PAGE_MS, EXPIRE, act.subject)
            return
        end_link(bank, tx, act.world, held, act.at)


def end_link(bank: Bank, tx: Tx, world: World, held: Held, now: int) -> None:
    """Let a link be over, and every attempt with it."""
    close_attempts(held.payment)
    held.payment.status_reason = "LINK_EXPIRED"
    move(bank, tx, world, held, Status.EXPIRED, "CLOCK", now)


def forget_context(bank: Bank, act: Due) -> None:
    """Forget where in the social channel a payment came from, 30 days later."""
    with bank.db.act(act.world.world_id) as tx:
        tx.run(store.FORGET_CONTEXT, payment_id=act.subject)


def forget_keys(bank: Bank, act: Due) -> None:
    """Forget the idempotency keys of a payment and its account number, 24 hours after it was final."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in FINAL:
            return
        idempotency.forget(tx, act.world.world_id, act.subject)
        records.forget_account(tx, held)


DUE_HANDLERS = {EXPIRE: expire, FORGET_CONTEXT: forget_context, FORGET_KEYS: forget_keys}
