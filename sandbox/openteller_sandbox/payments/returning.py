"""Money on its way back: to the payer, because nothing was posted or the posting was taken back, and to the bank, which
a biller had given too much.

A refund is part of its payment and a record of its own; both change in one act.
"""

from __future__ import annotations

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills import service as bills
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.faults import service as faults
from openteller_sandbox.http import json_text
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money
from openteller_sandbox.payments import lifecycle, moves, records, store, velocity
from openteller_sandbox.payments.model import Held, Refund
from openteller_sandbox.payments.schemas import RefundSchema
from openteller_sandbox.payments.states import Debit, Posting, Status

REFUND = "payment.refund"
RELEASE = "payment.release"
RETURN_AGAIN = "payment.return_again"
PAY_OUT = "payment.pay_out"
REVERSE = "payment.reverse"
REVERSED_LATE = "payment.reversed_late"
POSTED_LATE = "payment.posted_late"

REFUND_MS = 30 * clock.SECOND
COUNTER_OPENS_MS = 10 * clock.HOUR
"""When, on the day after, a clerk looks after what could not be put back on an account."""
_MOST_RETURNS = 2
"""How often an account is tried before a clerk pays out by hand."""
_SURPLUS = ("LATE_POSTING", "DOUBLE_POSTING")
_REFUND = RefundSchema()


def give_back(
    bank: Bank,
    tx: Tx,
    world: World,
    held: Held,
    *,
    posting: Posting,
    reason: str,
    actor: str,
    now: int,
    amount: Money | None = None,
    dispute_id: str | None = None,
) -> Refund:
    """Send an amount back to the payer, who gets everything where none is said."""
    payment = held.payment
    amount = amount or moves.total(payment)
    moves.set_posting(payment, posting, now)
    moves.book(tx, world, payment, "give back", {ledger.CLEARING: -amount.minor, ledger.REFUNDS: amount.minor}, now)
    due.cancel(tx, world, lifecycle.QUERY, payment.payment_id)
    return _begin(bank, tx, world, held, amount, reason=reason, actor=actor, now=now, dispute_id=dispute_id)


def do_not_send(bank: Bank, tx: Tx, world: World, held: Held, now: int) -> None:
    """Let go of what is held for a payment that will not be sent; the hold stands until it is released."""
    due.cancel(tx, world, lifecycle.SEND, held.payment.payment_id)
    _begin(bank, tx, world, held, moves.total(held.payment), reason="NOT_SENT", actor="BANK", now=now)


def _begin(
    bank: Bank,
    tx: Tx,
    world: World,
    held: Held,
    amount: Money,
    *,
    reason: str,
    actor: str,
    now: int,
    dispute_id: str | None = None,
) -> Refund:
    payment = held.payment
    payment.status_reason = reason
    payment.resolution = None
    payment.expected_posting_at = None
    refund = Refund(ids.new("ref"), "PENDING", amount, reason, now)
    payment.refunds.append(refund)
    due.schedule(tx, world, now + REFUND_MS, REFUND, payment.payment_id)
    lifecycle.move(bank, tx, world, held, Status.REFUND_PENDING, actor, now)
    facts = {"dispute_id": dispute_id} if dispute_id else {}
    wire = _record(bank, held, refund, "ACCOUNT", 1, facts)
    tx.run(
        store.INSERT_REFUND,
        refund_id=refund.refund_id,
        world_id=held.world_id,
        app_id=held.app_id,
        partner_id=held.partner_id,
        payment_id=payment.payment_id,
        returned_on=None,
        version=1,
        wire=wire,
    )
    _tell(bank, tx, world, held, refund, 1, now)
    return refund


def release(bank: Bank, act: Due) -> None:
    """Stop a payment that was confirmed and not sent yet."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is not None and held.payment.status is Status.AUTHORISED:
            do_not_send(bank, tx, act.world, held, act.at)


def refund(bank: Bank, act: Due) -> None:
    """Put the money back on the payer's account; where that is closed, keep it aside for a clerk."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status is not Status.REFUND_PENDING:
        return
    closed = not _is_held(held) and _account_is_closed(bank, act, held)
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.REFUND_PENDING or held.customer_id is None:
            return
        if closed:
            _keep_aside(bank, tx, act, held)
            return
        amount = held.payment.refunds[-1].amount
        customers.give_back(tx, act.world, held.customer_id, amount)
        velocity.give_back(tx, act.world, held, amount)
        source, reason = (ledger.HOLDS, "release") if _is_held(held) else (ledger.REFUNDS, "return")
        lines = {source: -amount.minor, ledger.customer(held.customer_id): amount.minor}
        moves.book(tx, act.world, held.payment, reason, lines, act.at)
        _returned(bank, tx, act, held, "ACCOUNT")


def return_again(bank: Bank, act: Due) -> None:
    """Try the payer's account once more; where it is still closed, or has been tried often, pay out by hand."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status is not Status.REFUND_FAILED:
        return
    tried = sum(exception.type == "RETURN_FAILED" for exception in held.payment.exceptions)
    if tried >= _MOST_RETURNS or _account_is_closed(bank, act, held):
        pay_out(bank, act)
        return
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.REFUND_FAILED:
            return
        payment, refund_ = held.payment, held.payment.refunds[-1]
        lines = {ledger.SUSPENSE: -refund_.amount.minor, ledger.REFUNDS: refund_.amount.minor}
        moves.book(tx, act.world, payment, "try again", lines, act.at)
        payment.status_reason, refund_.status = refund_.reason, "PENDING"
        due.cancel(tx, act.world, RETURN_AGAIN, payment.payment_id)
        due.schedule(tx, act.world, act.at + REFUND_MS, REFUND, payment.payment_id)
        lifecycle.move(bank, tx, act.world, held, Status.REFUND_PENDING, "BANK", act.at)
        _follow(bank, tx, act, held, "ACCOUNT", None)


def pay_out(bank: Bank, act: Due) -> None:
    """Let a clerk pay out by hand what could not be put back on an account."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.REFUND_FAILED:
            return
        amount = held.payment.refunds[-1].amount.minor
        moves.book(tx, act.world, held.payment, "pay out", {ledger.SUSPENSE: -amount, ledger.PAYOUTS: amount}, act.at)
        _returned(bank, tx, act, held, "MANUAL")


def reverse(bank: Bank, act: Due) -> None:
    """Let a biller take a posting back (冲正), and follow it when the bank hears of it."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status is not Status.SUCCEEDED:
        return
    biller = billers.get(bank.db.read(), moves.biller_id(held.payment))
    late_by = bills.port_of(bank).reversal_late_by(act.world, biller, act.subject, act.at)
    if not late_by:
        follow_reversal(bank, act)
        return
    with bank.db.act(act.world.world_id) as tx:
        due.cancel(tx, act.world, REVERSED_LATE, act.subject)
        due.schedule(tx, act.world, act.at + late_by, REVERSED_LATE, act.subject)


def follow_reversal(bank: Bank, act: Due) -> None:
    """Follow a biller that has taken a posting back."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status is not Status.SUCCEEDED:
        return
    bills.port_of(bank).play(act.world, act.subject, port.Turn.TAKE_BACK, act.at)
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.SUCCEEDED:
            return
        take_back(bank, tx, act.world, held, reason="BILLER_REVERSED", actor="BILLER", now=act.at)


def take_back(
    bank: Bank, tx: Tx, world: World, held: Held, *, reason: str, actor: str, now: int, dispute_id: str | None = None
) -> Refund:
    """Send back what a biller has posted and no longer has. A fee that is not refundable was earned by the posting."""
    payment = held.payment
    assert payment.value_date
    amount, total = moves.amount(payment), moves.total(payment)
    biller = billers.get(tx, moves.biller_id(payment))
    returned = amount if biller.keeps_payer_fee(payment.value_date) else total
    lines = {
        ledger.biller(biller.biller_id): -amount.minor,
        ledger.FEES: amount.minor - returned.minor,
        ledger.CLEARING: returned.minor,
    }
    moves.book(tx, world, payment, "reverse", lines, now)
    moves.note(payment, "BILLER_REVERSED", now, amount)
    moves.count(bank, tx, world, held, taken_back=True)
    return give_back(
        bank,
        tx,
        world,
        held,
        posting=Posting.REVERSED,
        reason=reason,
        actor=actor,
        now=now,
        amount=returned,
        dispute_id=dispute_id,
    )


def never_posted(
    bank: Bank, tx: Tx, world: World, held: Held, *, reason: str, now: int, dispute_id: str | None = None
) -> Refund:
    """Send back what our books had as posted and the biller does not have (短款): nothing was earned, no fee stays."""
    payment = held.payment
    amount, total = moves.amount(payment), moves.total(payment)
    lines = {
        ledger.biller(moves.biller_id(payment)): -amount.minor,
        ledger.FEES: amount.minor - total.minor,
        ledger.CLEARING: total.minor,
    }
    moves.book(tx, world, payment, "reverse", lines, now)
    moves.note(payment, "NOT_AT_BILLER", now, amount)
    moves.count(bank, tx, world, held, taken_back=True)
    return give_back(
        bank,
        tx,
        world,
        held,
        posting=Posting.REJECTED,
        reason=reason,
        actor="BILLER",
        now=now,
        dispute_id=dispute_id,
    )


def posted_late(bank: Bank, act: Due) -> None:
    """Note that a biller has posted a payment whose money went back already; the bank recovers it from the biller."""
    held = records.get(bank.db.read(), act.subject)
    if held is not None and _can_post_late(held):
        bills.port_of(bank).play(act.world, act.subject, port.Turn.POST_LATE, act.at)
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in _GOING_BACK:
            return
        if held.payment.status is not Status.REFUNDED:
            due.schedule(tx, act.world, act.at + REFUND_MS, POSTED_LATE, act.subject)
            return
        if not _can_post_late(held):
            return
        lifecycle.reconcile_day(tx, act.world, act.at)
        note_late(bank, tx, act.world, held, act.at)


def _can_post_late(held: Held) -> bool:
    """Tell whether it has not: what was posted late and recovered is not posted once more."""
    return held.payment.status is Status.REFUNDED and not any(
        exception.type == "LATE_POSTING" for exception in held.payment.exceptions
    )


_GOING_BACK = frozenset({Status.REFUND_PENDING, Status.REFUND_FAILED, Status.REFUNDED})


def note_late(bank: Bank, tx: Tx, world: World, held: Held, now: int) -> None:
    """Note a posting that came after the money had gone back."""
    moves.set_posting(held.payment, Posting.POSTED, now)
    moves.count(bank, tx, world, held)
    note_surplus(tx, world, held, "LATE_POSTING", now)
    records.save(bank, tx, held, now)


def note_surplus(tx: Tx, world: World, held: Held, type_: str, now: int) -> None:
    """Book what the biller has too much: it is the bank's to recover, not the payer's to lose."""
    payment = held.payment
    amount = moves.amount(payment)
    moves.note(payment, type_, now, amount)
    reason = "post late" if type_ == "LATE_POSTING" else "post twice"
    lines = {ledger.SUSPENSE: -amount.minor, ledger.biller(moves.biller_id(payment)): amount.minor}
    moves.book(tx, world, payment, reason, lines, now)


def has_surplus(held: Held) -> bool:
    """Tell whether the biller has more of a payment than it should, which was not recovered yet."""
    types = [exception.type for exception in held.payment.exceptions]
    return sum(types.count(type_) for type_ in _SURPLUS) > types.count("RECOVERED")


def ask_for_surplus(bank: Bank, world: World, held: Held, now: int) -> port.Reversal:
    """Ask the biller for what it has too much. No act is open."""
    late = held.payment.status is Status.REFUNDED
    ground = port.Ground.RETURNED if late else port.Ground.SURPLUS
    return bills.port_of(bank).reverse(world, moves.at_biller(bank.db.read(), held), now, ground)


def recover(bank: Bank, tx: Tx, world: World, held: Held, now: int) -> None:
    """Book that the biller has given back what it had too much."""
    payment = held.payment
    amount = moves.amount(payment)
    lines = {ledger.biller(moves.biller_id(payment)): -amount.minor, ledger.SUSPENSE: amount.minor}
    moves.book(tx, world, payment, "recover", lines, now)
    moves.note(payment, "RECOVERED", now, amount)
    if payment.status is Status.REFUNDED and payment.posting.status == Posting.POSTED.value:  # it was posted late
        moves.set_posting(payment, Posting.REVERSED, now)
        moves.count(bank, tx, world, held, taken_back=True)
    records.save(bank, tx, held, now)


def _is_held(held: Held) -> bool:
    """Tell whether the money never left the payer's account."""
    return held.payment.debit.status == Debit.HELD.value


def _account_is_closed(bank: Bank, act: Due, held: Held) -> bool:
    biller = billers.get(bank.db.read(), moves.biller_id(held.payment))
    if faults.strike_leg(bank, act.world, "return", biller.biller_id, act.subject, act.at, delays=False):
        return True
    if not held.choice.inputs:
        return False
    return bills.port_of(bank).behaviour(biller, held.choice.inputs) is port.Behaviour.ACCOUNT_CLOSES


def _keep_aside(bank: Bank, tx: Tx, act: Due, held: Held) -> None:
    payment = held.payment
    refund_ = payment.refunds[-1]
    lines = {ledger.REFUNDS: -refund_.amount.minor, ledger.SUSPENSE: refund_.amount.minor}
    moves.book(tx, act.world, payment, "keep aside", lines, act.at)
    moves.note(payment, "RETURN_FAILED", act.at, refund_.amount)
    payment.status_reason = "RETURN_FAILED"
    refund_.status = "FAILED"
    tomorrow = clock.start_of_day(clock.bank_date(act.at)) + clock.DAY
    due.schedule(tx, act.world, tomorrow + COUNTER_OPENS_MS, RETURN_AGAIN, payment.payment_id)
    lifecycle.move(bank, tx, act.world, held, Status.REFUND_FAILED, "BANK", act.at)
    _follow(bank, tx, act, held, "ACCOUNT", None)


def _returned(bank: Bank, tx: Tx, act: Due, held: Held, method: str) -> None:
    """Say that the payer has the money."""
    payment = held.payment
    payment.debit.status = (Debit.RELEASED if _is_held(held) else Debit.RETURNED).value
    payment.debit.at = act.at
    payment.refunds[-1].status, payment.refunds[-1].completed_at = "SUCCEEDED", act.at
    bills.unlock(tx, payment.payment_id)
    lifecycle.reconcile_day(tx, act.world, act.at)
    lifecycle.move(bank, tx, act.world, held, Status.REFUNDED, "BANK", act.at)
    _follow(bank, tx, act, held, method, clock.bank_date(act.at).isoformat())


def _follow(bank: Bank, tx: Tx, act: Due, held: Held, method: str, returned_on: str | None) -> None:
    """Bring the record of the latest refund of a payment up to date, and tell."""
    refund_ = held.payment.refunds[-1]
    row = tx.one(store.REFUND_BY_ID, refund_id=refund_.refund_id)
    assert row is not None
    version = row["version"] + 1
    wire = _record(bank, held, refund_, method, version, records.parsed(row["wire"], "dispute_id"))
    tx.run(store.SET_REFUND, r=refund_.refund_id, v=version, on=returned_on, w=wire)
    _tell(bank, tx, act.world, held, refund_, version, act.at)


def _record(bank: Bank, held: Held, refund_: Refund, method: str, version: int, facts: dict[str, str]) -> str:
    payment = held.payment
    wire = _REFUND.present(
        {
            **facts,
            "refund_id": refund_.refund_id,
            "payment_id": payment.payment_id,
            "partner_reference": payment.partner_reference,
            "status": refund_.status,
            "amount": refund_.amount,
            "reason": refund_.reason,
            "method": method,
            "created_at": refund_.created_at,
            "completed_at": refund_.completed_at,
            "version": version,
        }
    )
    bank.contract.check_record("Refund", wire)
    return json_text(wire)


def _tell(bank: Bank, tx: Tx, world: World, held: Held, refund_: Refund, version: int, now: int) -> None:
    data = {
        "refund_id": refund_.refund_id,
        "payment_id": held.payment.payment_id,
        "partner_reference": held.payment.partner_reference,
        "status": refund_.status,
        "version": version,
    }
    events.record(bank, tx, world, held.app_id, f"refund.{refund_.status.lower()}", data, now)


DUE_HANDLERS = {
    REFUND: refund,
    RELEASE: release,
    RETURN_AGAIN: return_again,
    PAY_OUT: pay_out,
    REVERSE: reverse,
    REVERSED_LATE: follow_reversal,
    POSTED_LATE: posted_late,
}
