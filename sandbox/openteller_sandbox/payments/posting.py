"""From the payer's confirmation to the biller's answer; the way back is in ``returning``.

Each step is one act: record, history, ledger lines, event, outbox row and what is due next. No act is open while the
biller is asked. A kill between two steps loses
nothing: a note of what to do next is part of the step before.
"""

from __future__ import annotations

from collections.abc import Mapping

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Due, World
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
from openteller_sandbox.payments import amounts, lifecycle, moves, receipts, records, returning
from openteller_sandbox.payments.model import Attempt, Choice, Held, Payment, Resolution
from openteller_sandbox.payments.states import Debit, Posting, Status

SEND = lifecycle.SEND
QUERY = lifecycle.QUERY

QUERIES_MS = (1 * clock.MINUTE, 5 * clock.MINUTE, 30 * clock.MINUTE)
"""When an unanswered posting is asked about, counted from its sending; after the last the day's reconciliation
decides."""


def check_unpaid(tx: Tx, world: World, bill: FetchedBill) -> None:
    """Check that something is left of a bill, and nobody is paying it.

    Raises:
        Problem: BILL_ALREADY_PAID.
    """
    if not bill.payable or bills.is_locked(tx, world, bill):
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
    actor: str = "PAYER",
) -> bool:
    """Hold the payer's money; False, and nothing done or learnt of the payer, when it is not there.

    actor: the payer, or the bank under the payer's mandate.

    Raises:
        Problem: BILL_ALREADY_PAID, BILL_CHANGED, INVALID_TRANSITION.
    """
    payment = held.payment
    if not customers.take(tx, world, customer.customer_id, total):
        return False
    for bill in chosen:
        _lock(tx, world, held, bill)
    choice.bill_numbers = {bill.bill_id: bill.due.bill_number for bill in chosen}
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
    moves.book(tx, world, payment, "authorise", lines, now)
    due.schedule(tx, world, now, SEND, payment.payment_id)
    lifecycle.move(bank, tx, world, held, Status.AUTHORISED, actor, now)
    return True


def send(bank: Bank, act: Due) -> None:
    """Debit the payer and send the payment to the biller; where the biller has closed since it was confirmed, let go of
    the money.
    """
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status is not Status.AUTHORISED:
            return
        payment = held.payment
        if not _is_open(billers.get(tx, moves.biller_id(payment)), act.at):
            returning.do_not_send(bank, tx, act.world, held, act.at)
            return
        payment.debit.status, payment.debit.at = Debit.DEBITED.value, act.at
        held.sent_on = clock.bank_date(act.at).isoformat()
        moves.set_posting(payment, Posting.SENT, act.at)
        total = moves.total(payment).minor
        moves.book(tx, act.world, payment, "send", {ledger.HOLDS: -total, ledger.CLEARING: total}, act.at)
        due.cancel(tx, act.world, SEND, payment.payment_id)
        due.schedule(tx, act.world, act.at + QUERIES_MS[0], QUERY, payment.payment_id)
        lifecycle.close_day(tx, act.world, clock.bank_date(act.at))
        lifecycle.reconcile_day(tx, act.world, act.at)
        lifecycle.move(bank, tx, act.world, held, Status.PROCESSING, "BANK", act.at)
        posting = moves.at_biller(tx, held)
    bank.db.commit()  # that it was sent must be on disk before the biller hears of it, also where acts are gathered
    settle(bank, act, bills.port_of(bank).post(act.world, posting, act.at))


def _is_open(biller: Biller, at: int) -> bool:
    return biller.maintenance_until(at) is None and biller.takes_payments_at(at)


def query(bank: Bank, act: Due) -> None:
    """Ask the biller what became of a payment that it has not answered."""
    held = records.get(bank.db.read(), act.subject)
    if held is None or held.payment.status not in {Status.PROCESSING, Status.UNKNOWN}:
        return
    posting = moves.at_biller(bank.db.read(), held)
    settle(bank, act, bills.port_of(bank).query_posting(act.world, posting, act.at))


def settle(bank: Bank, act: Due, answer: PostingAnswer, *, by_list: bool = False) -> None:
    """Act on what the biller says of a posting. by_list: it was found so in the biller's list of the day."""
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, act.subject)
        if held is None or held.payment.status not in {Status.PROCESSING, Status.UNKNOWN}:
            return
        match answer.state:
            case PostingState.POSTED:
                if by_list:
                    moves.note(held.payment, "FOUND_AT_BILLER", act.at, moves.amount(held.payment))
                _succeed(bank, tx, act, held, answer)
            case PostingState.NO_ANSWER:
                _wait(bank, tx, act, held, answer.answers_after_ms)
            case PostingState.REJECTED:
                _give_back(bank, tx, act, held, "POSTING_REJECTED", "BILLER")
            case PostingState.NOT_FOUND:
                _give_back(bank, tx, act, held, "NOT_POSTED", "BANK")
                if answer.posts_late_after_ms is not None:
                    late = act.at + answer.posts_late_after_ms
                    due.schedule(tx, act.world, late, returning.POSTED_LATE, act.subject)


def _succeed(bank: Bank, tx: Tx, act: Due, held: Held, answer: PostingAnswer) -> None:
    payment = held.payment
    assert payment.amount and payment.total
    payment.posting.biller_reference = masked(answer.reference)
    moves.set_posting(payment, Posting.POSTED, act.at)
    payment.resolution = None
    payment.status_reason = None
    payment.expected_posting_at = None
    fee = payment.total.minor - payment.amount.minor
    lines = {
        ledger.CLEARING: -payment.total.minor,
        ledger.biller(moves.biller_id(payment)): payment.amount.minor,
        ledger.FEES: fee,
    }
    moves.book(tx, act.world, payment, "post", lines, act.at)
    if answer.times > 1:
        returning.note_surplus(tx, act.world, held, "DOUBLE_POSTING", act.at)
    moves.count(bank, tx, act.world, held)
    bills.unlock(tx, payment.payment_id)  # what is left of a bill can be paid now
    payment.receipt_id = receipts.issue(bank, tx, held, billers.get(tx, moves.biller_id(payment)), act.at)
    due.cancel(tx, act.world, QUERY, payment.payment_id)
    if answer.reverses_after_ms is not None:
        due.schedule(tx, act.world, act.at + answer.reverses_after_ms, returning.REVERSE, payment.payment_id)
    lifecycle.move(bank, tx, act.world, held, Status.SUCCEEDED, "BILLER", act.at)


def _wait(bank: Bank, tx: Tx, act: Due, held: Held, answers_after_ms: int | None = None) -> None:
    """Nobody knows: ask again at 1, 5 and 30 minutes, then leave it to the day's reconciliation. Nothing is sent again,
    nothing is given back. A biller that answers late is waited for until the first of these; its answer is due when it
    comes.
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
    due.cancel(tx, act.world, QUERY, payment.payment_id)
    if moments:
        due.schedule(tx, act.world, moments[0], QUERY, payment.payment_id)
        payment.resolution = Resolution("STATUS_QUERY", moments[-1])
    else:
        payment.resolution = Resolution("RECONCILIATION", _reconciled_at(tx, act, held))
    if payment.status is Status.UNKNOWN:
        records.save(bank, tx, held, act.at)
        return
    payment.status_reason = "BILLER_TIMEOUT"
    moves.set_posting(payment, Posting.UNKNOWN, act.at)
    lifecycle.move(bank, tx, act.world, held, Status.UNKNOWN, "BANK", act.at)


def _give_back(bank: Bank, tx: Tx, act: Due, held: Held, reason: str, actor: str) -> None:
    """Send everything back to the payer: the biller has not posted it."""
    returning.give_back(bank, tx, act.world, held, posting=Posting.REJECTED, reason=reason, actor=actor, now=act.at)


def _reconciled_at(tx: Tx, act: Due, held: Held) -> int:
    """Say when the day on which a payment was sent is reconciled; scheduled anew, where that has been done already."""
    assert held.sent_on
    at = due.when(tx, act.world, lifecycle.RECONCILE, held.sent_on)
    if at is None:
        at = clock.start_of_day(clock.bank_date(act.at)) + clock.DAY + lifecycle.RECONCILE_MS
        due.schedule(tx, act.world, at, lifecycle.RECONCILE, held.sent_on)
    return at


def _sent_at(payment: Payment) -> int:
    return next(entry.at for entry in payment.history if entry.status == Status.PROCESSING.value)


def _lock(tx: Tx, world: World, held: Held, bill: FetchedBill) -> None:
    """Keep everybody else from paying a bill, when it is still as the payer has seen it."""
    if not bills.lock(tx, world, bill, held.payment.payment_id):
        raise Problem("BILL_ALREADY_PAID")
    now = bills.find_bill(tx, held.app_id, bill.bill_id)
    if now is None or not now.payable:
        raise Problem("BILL_ALREADY_PAID")
    if now.due.outstanding != bill.due.outstanding:
        raise Problem("BILL_CHANGED")


DUE_HANDLERS = {SEND: send, QUERY: query}
