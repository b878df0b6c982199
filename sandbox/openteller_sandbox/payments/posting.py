"""From the payer's confirmation to the biller's answer and, where it must be, back again.

Each step is one act: record, history, ledger lines, event, outbox row and what is due next. No act is open while the
biller is asked. A kill between two steps loses
nothing: a note of what to do next is part of the step before.
"""

from __future__ import annotations

from collections.abc import Mapping

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.biller_port import service as biller_books
from openteller_sandbox.biller_port.port import PostingAnswer, PostingState
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller, masked
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money
from openteller_sandbox.payments import amounts, lifecycle, receipts, records, store
from openteller_sandbox.payments.model import Attempt, Choice, ExceptionNote, Held, Payment, Refund, Resolution
from openteller_sandbox.payments.states import Debit, Posting, Status

SEND = "payment.send"
QUERY = "payment.query"
REFUND = "payment.refund"
REVERSE = "payment.reverse"
REVERSED_LATE = "payment.reversed_late"
POSTED_LATE = "payment.posted_late"

QUERIES_MS = (1 * clock.MINUTE, 5 * clock.MINUTE, 30 * clock.MINUTE)
"""When an unanswered posting is asked about, counted from its sending; after the last the next day's reconciliation
decides."""
REFUND_MS = 30 * clock.SECOND


def check_unpaid(tx: Tx, world: World, bill: FetchedBill) -> None:
    """Check that something is left of a bill, and nobody is paying it.

    Raises:
        Problem: BILL_ALREADY_PAID.
    """
    if not bill.payable or tx.one(store.LOCKED, **_lock_key(world, bill)):
        raise Problem("BILL_ALREADY_PAID")


def authorise(
    bank: Bank,
    tx: Tx,
    world: World,
    held: Held,
    *,
    attempt: Attempt,
    customer: Customer,
    biller: Biller,
    choice: Choice,
    parts: Mapping[str | None, Money],
    chosen: list[FetchedBill],
    total: Money,
    now: int,
) -> bool:
    """Hold the payer's money; False, and nothing done or learnt of the payer, when it is not there.

    Raises:
        Problem: BILL_ALREADY_PAID, BILL_CHANGED, INVALID_TRANSITION.
    """
    payment = held.payment
    if not customers.take(tx, world, customer.customer_id, total):
        return False
    for bill in chosen:
        _lock(tx, world, held, bill)
    held.choice, held.customer_id = choice, customer.customer_id
    amounts.show(payment, biller, parts, now)
    assert payment.total == total
    payment.biller_id, payment.category_code = biller.biller_id, biller.category_code
    payment.account_ref_masked = masked(biller.account(choice.inputs))
    payment.debit.status, payment.debit.at = Debit.HELD.value, now
    payment.business_date, payment.value_date = clock.bank_date(now), biller.value_date(now)
    payment.expected_posting_at = now
    lifecycle.close_attempts(payment, attempt)
    lines = {ledger.customer(customer.customer_id): -total.minor, ledger.HOLDS: total.minor}
    _book(tx, world, payment, "authorise", lines, now)
    due.schedule(tx, world, now, SEND, payment.payment_id)
    lifecycle.move(bank, tx, world, held, Status.AUTHORISED, "PAYER", now)
    return True


def send(bank: Bank, act: Due) -> None:
    """Debit the payer and send the payment to the biller."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.AUTHORISED:
            return
        payment = held.payment
        payment.debit.status, payment.debit.at = Debit.DEBITED.value, act.at
        _set_posting(payment, Posting.SENT, act.at)
        total = _total(payment)
        _book(tx, act.world, payment, "send", {ledger.HOLDS: -total, ledger.CLEARING: total}, act.at)
        due.cancel(tx, act.world, SEND, payment.payment_id)
        due.schedule(tx, act.world, act.at + QUERIES_MS[0], QUERY, payment.payment_id)
        lifecycle.move(bank, tx, act.world, held, Status.PROCESSING, "BANK", act.at)
        posting = _posting(bank, tx, held)
    bank.db.commit()  # that it was sent must be on disk before the biller hears of it, also where acts are gathered
    settle(bank, act, bills.port_of(bank).post(act.world, posting, act.at))


def query(bank: Bank, act: Due) -> None:
    """Ask the biller what became of a payment that it has not answered."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status not in {Status.PROCESSING, Status.UNKNOWN}:
        return
    posting = _posting(bank, bank.db.read(), held)
    resolution = held.payment.resolution
    port_ = bills.port_of(bank)
    ask = port_.reconcile if resolution and resolution.method == "RECONCILIATION" else port_.query_posting
    settle(bank, act, ask(act.world, posting, act.at))


def settle(bank: Bank, act: Due, answer: PostingAnswer) -> None:
    """Act on what the biller says of a posting."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in {Status.PROCESSING, Status.UNKNOWN}:
            return
        match answer.state:
            case PostingState.POSTED:
                _succeed(bank, tx, act, held, answer)
            case PostingState.NO_ANSWER:
                _wait(bank, tx, act, held, answer.answers_after_ms)
            case PostingState.REJECTED:
                _give_back(bank, tx, act, held, Posting.REJECTED, "POSTING_REJECTED", "BILLER")
            case PostingState.NOT_FOUND:
                _give_back(bank, tx, act, held, Posting.REJECTED, "NOT_POSTED", "BANK")
                if answer.posts_late_after_ms is not None:
                    due.schedule(tx, act.world, act.at + answer.posts_late_after_ms, POSTED_LATE, act.subject)


def refund(bank: Bank, act: Due) -> None:
    """Put the money back on the payer's account."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.REFUND_PENDING or held.customer_id is None:
            return
        payment = held.payment
        amount = payment.refunds[-1].amount
        customers.give_back(tx, act.world, held.customer_id, amount)
        lines = {ledger.REFUNDS: -amount.minor, ledger.customer(held.customer_id): amount.minor}
        _book(tx, act.world, payment, "return", lines, act.at)
        payment.debit.status, payment.debit.at = Debit.RETURNED.value, act.at
        payment.refunds[-1].status, payment.refunds[-1].completed_at = "SUCCEEDED", act.at
        tx.run(store.UNLOCK, payment_id=payment.payment_id)
        lifecycle.move(bank, tx, act.world, held, Status.REFUNDED, "BANK", act.at)


def reverse(bank: Bank, act: Due) -> None:
    """Let a biller take a posting back (冲正), and follow it when the bank hears of it."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status is not Status.SUCCEEDED:
        return
    biller = billers.get(bank.db.read(), _biller_id(held.payment))
    late_by = bills.port_of(bank).reversal_late_by(act.world, biller, act.subject, act.at)
    if not late_by:
        follow_reversal(bank, act)
        return
    with bank.db.act(act.world.world_id) as tx:
        due.cancel(tx, act.world, REVERSED_LATE, act.subject)
        due.schedule(tx, act.world, act.at + late_by, REVERSED_LATE, act.subject)


def follow_reversal(bank: Bank, act: Due) -> None:
    """Follow a biller that has taken a posting back. A fee that is not refundable was earned by the posting."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.SUCCEEDED:
            return
        payment = held.payment
        assert payment.amount and payment.total and payment.value_date
        biller = billers.get(tx, _biller_id(payment))
        returned = payment.amount if biller.keeps_payer_fee(payment.value_date) else payment.total
        lines = {
            ledger.biller(biller.biller_id): -payment.amount.minor,
            ledger.FEES: payment.amount.minor - returned.minor,
            ledger.CLEARING: returned.minor,
        }
        _book(tx, act.world, payment, "reverse", lines, act.at)
        payment.exceptions.append(ExceptionNote("BILLER_REVERSED", act.at, payment.amount))
        _count(bank, tx, act.world, held, taken_back=True)
        biller_books.take_back(tx, act.world, payment.payment_id)
        _give_back(bank, tx, act, held, Posting.REVERSED, "BILLER_REVERSED", "BILLER", returned)


def posted_late(bank: Bank, act: Due) -> None:
    """Note that a biller has posted a payment whose money went back already; the bank recovers it from the biller."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in {Status.REFUND_PENDING, Status.REFUNDED}:
            return
        if held.payment.status is Status.REFUND_PENDING:
            due.schedule(tx, act.world, act.at + REFUND_MS, POSTED_LATE, act.subject)
            return
        if held.payment.posting.status == Posting.POSTED.value:
            return
        _set_posting(held.payment, Posting.POSTED, act.at)
        biller_books.post_late(tx, act.world, act.subject)
        _count(bank, tx, act.world, held)
        _note_exception(tx, act, held.payment, "LATE_POSTING", "post late")
        records.save(bank, tx, held, act.at)


def _succeed(bank: Bank, tx: Tx, act: Due, held: Held, answer: PostingAnswer) -> None:
    payment = held.payment
    assert payment.amount and payment.total
    payment.posting.biller_reference = masked(answer.reference)
    _set_posting(payment, Posting.POSTED, act.at)
    payment.resolution = None
    payment.status_reason = None
    payment.expected_posting_at = None
    fee = payment.total.minor - payment.amount.minor
    lines = {
        ledger.CLEARING: -payment.total.minor,
        ledger.biller(_biller_id(payment)): payment.amount.minor,
        ledger.FEES: fee,
    }
    _book(tx, act.world, payment, "post", lines, act.at)
    if answer.times > 1:
        _note_exception(tx, act, payment, "DOUBLE_POSTING", "post twice")
    _count(bank, tx, act.world, held)
    tx.run(store.UNLOCK, payment_id=payment.payment_id)  # what is left of a bill can be paid now
    payment.receipt_id = receipts.issue(bank, tx, held, billers.get(tx, _biller_id(payment)), act.at)
    due.cancel(tx, act.world, QUERY, payment.payment_id)
    if answer.reverses_after_ms is not None:
        due.schedule(tx, act.world, act.at + answer.reverses_after_ms, REVERSE, payment.payment_id)
    lifecycle.move(bank, tx, act.world, held, Status.SUCCEEDED, "BILLER", act.at)


def _wait(bank: Bank, tx: Tx, act: Due, held: Held, answers_after_ms: int | None = None) -> None:
    """Nobody knows: ask again at 1, 5 and 30 minutes, and then after the day's end. Nothing is sent again, nothing is
    given back. A biller that answers late is waited for until the first of these; its answer is due when it comes.
    """
    payment = held.payment
    if (
        answers_after_ms is not None
        and payment.status is Status.PROCESSING
        and act.at < _sent_at(payment) + QUERIES_MS[0]
    ):
        if answers_after_ms < QUERIES_MS[0]:
            due.schedule(tx, act.world, act.at + answers_after_ms, QUERY, payment.payment_id)
        return
    sent_at = _sent_at(payment)
    moments = [sent_at + delay for delay in QUERIES_MS if sent_at + delay > act.at]
    tomorrow = clock.start_of_day(clock.bank_date(act.at)) + clock.DAY + 2 * clock.HOUR
    due.cancel(tx, act.world, QUERY, payment.payment_id)
    due.schedule(tx, act.world, moments[0] if moments else tomorrow, QUERY, payment.payment_id)
    method = "STATUS_QUERY" if moments else "RECONCILIATION"
    payment.resolution = Resolution(method, moments[-1] if moments else tomorrow)
    if payment.status is Status.UNKNOWN:
        records.save(bank, tx, held, act.at)
        return
    payment.status_reason = "BILLER_TIMEOUT"
    _set_posting(payment, Posting.UNKNOWN, act.at)
    lifecycle.move(bank, tx, act.world, held, Status.UNKNOWN, "BANK", act.at)


def _give_back(
    bank: Bank, tx: Tx, act: Due, held: Held, posting: Posting, reason: str, actor: str, amount: Money | None = None
) -> None:
    """Send an amount back to the payer, who gets everything where none is said."""
    payment = held.payment
    amount = amount or Money.from_minor(_total(payment))
    _set_posting(payment, posting, act.at)
    payment.status_reason = reason
    payment.resolution = None
    payment.expected_posting_at = None
    payment.refunds.append(Refund(ids.new("ref"), "PENDING", amount, reason, act.at))
    lines = {ledger.CLEARING: -amount.minor, ledger.REFUNDS: amount.minor}
    _book(tx, act.world, payment, "give back", lines, act.at)
    due.cancel(tx, act.world, QUERY, payment.payment_id)
    due.schedule(tx, act.world, act.at + REFUND_MS, REFUND, payment.payment_id)
    lifecycle.move(bank, tx, act.world, held, Status.REFUND_PENDING, actor, act.at)


def _note_exception(tx: Tx, act: Due, payment: Payment, type_: str, reason: str) -> None:
    """Book what the biller has too much: it is the bank's to recover, not the payer's to lose."""
    assert payment.amount
    payment.exceptions.append(ExceptionNote(type_, act.at, payment.amount))
    amount = payment.amount.minor
    _book(
        tx, act.world, payment, reason, {ledger.SUSPENSE: -amount, ledger.biller(_biller_id(payment)): amount}, act.at
    )


def _sent_at(payment: Payment) -> int:
    return next(entry.at for entry in payment.history if entry.status == Status.PROCESSING.value)


def _set_posting(payment: Payment, posting: Posting, now: int) -> None:
    payment.posting.status, payment.posting.at = posting.value, now
    for allocation in payment.allocations:
        allocation.posting = posting.value


def _lock(tx: Tx, world: World, held: Held, bill: FetchedBill) -> None:
    """Keep everybody else from paying a bill, when it is still as the payer has seen it."""
    if tx.run(store.LOCK, **_lock_key(world, bill), payment_id=held.payment.payment_id) != 1:
        raise Problem("BILL_ALREADY_PAID")
    now = bills.find_bill(tx, held.app_id, bill.bill_id)
    if now is None or not now.payable:
        raise Problem("BILL_ALREADY_PAID")
    if now.due.outstanding != bill.due.outstanding:
        raise Problem("BILL_CHANGED")


def _count(bank: Bank, tx: Tx, world: World, held: Held, *, taken_back: bool = False) -> None:
    """Count what a payment has paid of its bills, or no longer has."""
    paid = {part.bill_id: part.amount for part in held.payment.allocations}
    for bill in _chosen(tx, held):
        amount = paid[bill.bill_id]
        bills.count_paid(bank, tx, world, bill, Money(-amount.amount, amount.currency) if taken_back else amount)


def _posting(bank: Bank, tx: Tx, held: Held) -> port.Posting:
    payment = held.payment
    numbers = {bill.bill_id: bill.due.bill_number for bill in _chosen(tx, held)}
    return port.Posting(
        posting_id=payment.payment_id,
        biller=billers.get(bank.db.read(), _biller_id(payment)),
        inputs=held.choice.inputs,
        amounts={numbers.get(part.bill_id or "", ""): part.amount for part in payment.allocations},
    )


def _chosen(tx: Tx, held: Held) -> list[FetchedBill]:
    found = (bills.find_bill(tx, held.app_id, bill_id) for bill_id in held.choice.bill_ids)
    return [bill for bill in found if bill is not None]


def _lock_key(world: World, bill: FetchedBill) -> dict[str, str]:
    return {
        "world_id": world.world_id,
        "biller_id": bill.biller_id,
        "account_digest": bill.account_digest,
        "bill_number": bill.due.bill_number,
    }


def _book(tx: Tx, world: World, payment: Payment, reason: str, lines: dict[str, int], now: int) -> None:
    ledger.book(tx, world, reason=reason, subject=payment.payment_id, lines=lines, now=now)


def _total(payment: Payment) -> int:
    assert payment.total
    return payment.total.minor


def _biller_id(payment: Payment) -> str:
    assert payment.biller_id
    return payment.biller_id


DUE_HANDLERS = {
    SEND: send,
    QUERY: query,
    REFUND: refund,
    REVERSE: reverse,
    REVERSED_LATE: follow_reversal,
    POSTED_LATE: posted_late,
}
