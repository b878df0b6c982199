"""What the payer does on the bank's page: sign in, see what is due, confirm. No partner can call anything here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer, SignIn
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.limits import Reached
from openteller_sandbox.money import Money
from openteller_sandbox.payments import amounts, lifecycle, posting, records, velocity
from openteller_sandbox.payments.model import Attempt, Choice, Fee, Held
from openteller_sandbox.payments.states import Status
from openteller_sandbox.payments.velocity import Paying
from openteller_sandbox.settings import NO_PAYMENT_LIMITS

MOST_ATTEMPTS = 5
MOST_SIGN_INS = 10
"""However many browsers sign in and leave: after these the link has served its time."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What the payer is asked to confirm. ``amount`` is None where the payer still has to name it."""

    biller: Biller
    chosen: list[FetchedBill] = field(repr=False)
    parts: Mapping[str | None, Money] = field(repr=False)
    amount: Money | None
    fees: list[Fee]
    total: Money | None


class Confirmed(Enum):
    """How a confirmation ended."""

    DONE = auto()
    INSUFFICIENT_FUNDS = auto()
    GAVE_UP = auto()


class LimitReached(Problem):
    """A payment was not taken because of a limit; nothing was held, and its attempt has ended."""

    def __init__(self, reached: Reached) -> None:
        super().__init__("LIMIT_EXCEEDED")
        self.reached = reached


def sign_in(
    bank: Bank, world: World, payment_id: str, number: str, code: str, now: int
) -> tuple[SignIn, Customer | None, str]:
    """Sign a customer in to pay; give how it ended, who it is, and the attempt.

    A wrong code ends an attempt, not the payment; after five attempts the payment has failed.

    Raises:
        Problem: LINK_EXPIRED, LINK_USED.
    """
    with bank.db.act(world.world_id) as tx:
        held = open_payment(tx, payment_id, now)
        if len(held.payment.attempts) >= MOST_SIGN_INS:
            _use_up(bank, tx, world, held, now)
            return SignIn.LOCKED, None, ""
        result, customer = customers.sign_in(tx, world, number, code, now)
        attempt = Attempt(ids.new("att"), "STARTED", now)
        held.payment.attempts.append(attempt)
        if held.payment.status is Status.CREATED:
            lifecycle.move(bank, tx, world, held, Status.AUTHORISING, "PAYER", now)
        else:
            records.save(bank, tx, held, now)
        if result is not SignIn.DONE:
            _fail(bank, tx, world, held, attempt, now)
    return result, customer, attempt.attempt_id


def open_payment(tx: Tx, payment_id: str, now: int) -> Held:
    """Give a payment whose link can be used.

    Raises:
        Problem: LINK_EXPIRED, LINK_USED.
    """
    held = records.get(tx, payment_id)
    if held is None:
        raise Problem("LINK_NOT_FOUND")
    status = held.payment.status
    if status in {Status.CANCELLED, Status.EXPIRED, Status.FAILED}:
        raise Problem("LINK_EXPIRED")
    if status not in {Status.CREATED, Status.AUTHORISING}:
        raise Problem("LINK_USED")
    grace = lifecycle.OPEN_PAGE_MS if status is Status.AUTHORISING else 0
    if now >= held.expires_at + grace:
        raise Problem("LINK_EXPIRED")
    return held


def quote(tx: Tx, held: Held, choice: Choice, now: int) -> Quote:
    """Work out what the payer would confirm.

    Raises:
        Problem: what is wrong with the biller, the bills or the amount.
    """
    assert choice.biller_id
    biller = bills.payable_biller(tx, choice.biller_id, now, hours=True)
    named = None if choice.amount_minor is None else Money.from_minor(choice.amount_minor)
    chosen = _chosen(tx, held, choice, now)
    parts = _parts(biller, chosen, named)
    if parts is None:
        return Quote(biller, chosen, {}, None, [], None)
    amount = sum_of(parts)
    fees = amounts.fees(biller, amount, now)
    total = amount
    for fee in fees:
        total = total + fee.amount
    return Quote(biller, chosen, parts, amount, fees, total)


def confirm(
    bank: Bank,
    world: World,
    payment_id: str,
    attempt_id: str,
    customer: Customer,
    choice: Choice,
    now: int,
    *,
    seen: Money,
    send: bool = True,
    limited: bool = True,
) -> Confirmed:
    """Take the payer's confirmation, hold the money and send the payment to the biller.

    Args:
        bank: the bank.
        world: of the payment.
        payment_id: which payment.
        attempt_id: in which attempt.
        customer: who is signed in.
        choice: what is paid.
        now: bank time, epoch milliseconds.
        seen: the sum that the page showed; another one now is not confirmed.
        send: at once; else when it is due.
        limited: whether the limits on payers count; not for one whom the sandbox plays itself.

    Raises:
        LimitReached: a limit of the bank on payers; the attempt has ended.
        Problem: LINK_EXPIRED, LINK_USED, BILL_CHANGED, BILL_ALREADY_PAID, and what the biller refuses.
    """
    held = open_payment(bank.db.read(), payment_id, now)
    quoted = quote(bank.db.read(), held, choice, now)
    if quoted.total != seen:
        raise Problem("BILL_CHANGED")
    ask_again(bank, world, quoted, choice, now)
    behaviour = bills.port_of(bank).behaviour(quoted.biller, choice.inputs)
    paying = Paying(customer, bills.account_digest(world, quoted.biller, choice.inputs), seen, clock.bank_date(now))
    limits = bank.settings.payment_limits if limited else NO_PAYMENT_LIMITS
    with bank.db.act(world.world_id) as tx:
        held = open_payment(tx, payment_id, now)
        attempt = _open_attempt(held, attempt_id)
        reached = velocity.reached(limits, tx, world, paying)
        if reached:
            _fail(bank, tx, world, held, attempt, now, "LIMIT_EXCEEDED")
        elif behaviour is port.Behaviour.PAYER_GIVES_UP:
            _fail(bank, tx, world, held, attempt, now)
            return Confirmed.GAVE_UP
        elif behaviour is port.Behaviour.INSUFFICIENT_FUNDS or not posting.authorise(
            bank,
            tx,
            world,
            held,
            attempt=attempt,
            customer=customer,
            biller=quoted.biller,
            choice=choice,
            parts=quoted.parts,
            chosen=quoted.chosen,
            total=seen,
            now=now,
        ):
            _fail(bank, tx, world, held, attempt, now)
            return Confirmed.INSUFFICIENT_FUNDS
        else:
            velocity.count(limits, tx, world, paying)
    if reached:  # raised out here, so that the end of the attempt is kept
        raise LimitReached(reached)
    if send:
        posting.send(bank, Due(world, posting.SEND, payment_id, now))
    return Confirmed.DONE


def give_up(bank: Bank, world: World, payment_id: str, attempt_id: str, now: int) -> None:
    """Let the payer leave: the attempt has failed, the link stays good."""
    with bank.db.act(world.world_id) as tx:
        held = open_payment(tx, payment_id, now)
        _fail(bank, tx, world, held, _open_attempt(held, attempt_id), now)


def sum_of(parts: Mapping[str | None, Money]) -> Money:
    """Add up what goes where."""
    amounts_ = list(parts.values())
    total = amounts_[0]
    for amount in amounts_[1:]:
        total = total + amount
    return total


def _fail(
    bank: Bank,
    tx: Tx,
    world: World,
    held: Held,
    attempt: Attempt,
    now: int,
    reason: str = "PAYER_NOT_COMPLETED",
) -> None:
    """End an attempt; the link stays good until the attempts are used up, or its time was over while the page was
    open.
    """
    payment = held.payment
    attempt.status, attempt.reason = "FAILED", reason
    if payment.failed_attempts >= MOST_ATTEMPTS:
        _use_up(bank, tx, world, held, now, reason)
    elif any(each.status == "STARTED" for each in payment.attempts):
        records.save(bank, tx, held, now)
    elif now >= held.expires_at:
        lifecycle.end_link(bank, tx, world, held, now)
    else:
        lifecycle.move(bank, tx, world, held, Status.CREATED, "PAYER", now)


def _use_up(bank: Bank, tx: Tx, world: World, held: Held, now: int, reason: str = "PAYER_NOT_COMPLETED") -> None:
    """End a payment whose attempts are used up."""
    held.payment.status_reason = reason
    lifecycle.close_attempts(held.payment)
    if held.payment.status is Status.CREATED:
        lifecycle.move(bank, tx, world, held, Status.AUTHORISING, "PAYER", now)
    lifecycle.move(bank, tx, world, held, Status.FAILED, "PAYER", now)


def _open_attempt(held: Held, attempt_id: str) -> Attempt:
    found = next(
        (each for each in held.payment.attempts if each.attempt_id == attempt_id and each.status == "STARTED"), None
    )
    if found is None:
        raise Problem("LINK_USED")
    return found


def _chosen(tx: Tx, held: Held, choice: Choice, now: int) -> list[FetchedBill]:
    chosen = []
    for bill_id in choice.bill_ids:
        bill = bills.find_bill(tx, held.app_id, bill_id)
        if bill is None or bill.valid_until <= now:
            raise Problem("BILL_EXPIRED")
        posting.check_unpaid(tx, records.world(tx, held.world_id), bill)
        chosen.append(bill)
    if choice.owed_minor is not None and amounts.owed_minor(chosen) != choice.owed_minor:
        raise Problem("BILL_CHANGED")
    return chosen


def _parts(biller: Biller, chosen: list[FetchedBill], named: Money | None) -> dict[str | None, Money] | None:
    """Say what goes to which bill; None where the payer has to name the amount first."""
    if not chosen:
        if named is None:
            return None
        amounts.check(biller, named)
        return {None: named}
    outstanding = amounts.outstanding(chosen)
    if len(chosen) == 1 and (named is not None or outstanding is None):
        if named is None:
            return None
        amounts.check_for_bill(biller, chosen[0], named)
        return {chosen[0].bill_id: named}
    parts: dict[str | None, Money] = {bill.bill_id: bill.due.outstanding for bill in chosen}
    amounts.check(biller, sum_of(parts), with_bill=True)
    return parts


def ask_again(bank: Bank, world: World, quoted: Quote, choice: Choice, now: int) -> None:
    """Ask the biller once more before money is held. A biller of fetch mode DIRECT is not asked.

    Raises:
        Problem: BILL_CHANGED, BILL_ALREADY_PAID, ACCOUNT_NOT_PAYABLE, BILLER_QUERY_FAILED.
    """
    if quoted.biller.fetch_mode == "DIRECT":
        return
    answer = bills.port_of(bank).query(world, quoted.biller, choice.inputs, now, port.Asking.TO_PAY)
    if isinstance(answer, port.NotPayable):
        raise Problem("ACCOUNT_NOT_PAYABLE")
    if not isinstance(answer, port.Found):
        raise Problem("BILLER_QUERY_FAILED")
    by_number = {bill.bill_number: bill for bill in answer.bills}
    for bill in quoted.chosen:
        now_due = by_number.get(bill.due.bill_number)
        if now_due is None:
            raise Problem("BILL_ALREADY_PAID")
        if now_due.outstanding != bill.due.outstanding:
            raise Problem("BILL_CHANGED")
