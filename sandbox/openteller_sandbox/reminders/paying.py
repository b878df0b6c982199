"""The answer to pay: what the reminder states, or a part of it, under a mandate where one allows it, otherwise by a
link to the bank's page. The biller is asked first, with no act open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.biller_port import port
from openteller_sandbox.biller_port.port import Asking, DueBill
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import Question
from openteller_sandbox.clock import DAY, SECOND
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.mandates import service as mandates
from openteller_sandbox.mandates.service import Prepared
from openteller_sandbox.money import Money
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.payments import service as payments
from openteller_sandbox.reminders import moves, store
from openteller_sandbox.reminders.model import Reminder, Status
from openteller_sandbox.saved_billers import service as saved_billers

_NOT_ALLOWED = frozenset({"CONSENT_REQUIRED", "CONSENT_EXPIRED", "MANDATE_NOT_IN_FORCE", "MANDATE_EXCEEDED"})
"""What a mandate refuses, and the page does not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A bill about which the biller was asked. part: None for the whole; mandated: None where no mandate allows it."""

    reminder_id: str
    bill_id: str
    part: Money | None
    request: Mapping[str, Any] = field(repr=False)
    mandated: Prepared | None = field(repr=False)


def own(tx: Tx, caller: Caller, reminder_id: str) -> Reminder:
    """Give a reminder of the caller's customer, for the caller's app.

    Raises:
        Problem: NOT_FOUND.
    """
    row = tx.one(store.FIND, reminder_id=reminder_id, app_id=caller.app_id, customer_id=caller.customer_id)
    if row is None:
        raise Problem("NOT_FOUND")
    return moves.read(row)


def ask(
    bank: Bank, caller: Caller, reminder_id: str, request: Mapping[str, Any], now: int, *, on_page: bool = False
) -> Asked:
    """Ask the biller about the bill of a reminder, and say how it can be paid; nothing is held, and no act is open.

    on_page: the customer is at the bank, and pays there.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION; BILL_CHANGED, BILL_ALREADY_PAID, which the reminder then tells, too;
            what the biller, the amount, a limit or the customer's account refuses.
    """
    reminder = own(bank.db.read(), caller, reminder_id)
    part: Money | None = request.get("amount")
    if not reminder.may(Status.PAYING):
        raise moves.not_possible(reminder)
    if part is not None and reminder.outstanding is None:
        raise field_invalid("/amount", "The app is not shown what is due: leave the amount to the bank's page.")
    payments.check_return_url(bank.db.read(), caller, request.get("return_url"))
    bill_id = _fetch(bank, caller, reminder, now)
    order = {"bill_ids": [bill_id], "saved_biller_id": reminder.saved_biller_id}
    order |= {name: request[name] for name in ("partner_reference", "metadata")}
    whole = part or reminder.outstanding
    mandated = None
    if whole is not None and not on_page:
        mandated = _under_mandate(bank, caller, order | {"amount": whole}, now)
    return Asked(reminder_id, bill_id, part, request, mandated)


def pay_under_mandate(bank: Bank, tx: Tx, caller: Caller, asked: Asked, now: int) -> str:
    """Pay a bill under the mandate that allows it; give the payment.

    Raises:
        Problem: INVALID_TRANSITION, another answer was faster; what the mandate or the account no longer allows.
    """
    assert asked.mandated
    _begin(bank, tx, caller, asked, asked.mandated.order.payment_id, now)
    return mandates.pay(bank, tx, caller, asked.mandated, now).payment.payment_id


def make_link(bank: Bank, tx: Tx, caller: Caller, asked: Asked, now: int) -> str:
    """Make a link on which the customer pays a bill; give the payment.

    Raises:
        Problem: INVALID_TRANSITION, another answer was faster; what is wrong with the bill, the amount or the request.
    """
    names = ("partner_reference", "metadata", "locale", "return_url")
    request = {name: asked.request[name] for name in names if name in asked.request}
    request |= {"bill_ids": [asked.bill_id], "expires_in": DAY // SECOND}
    held = payments.create(bank, tx, caller, request, now, part=asked.part)
    _begin(bank, tx, caller, asked, held.payment.payment_id, now)
    return held.payment.payment_id


def leads_to_page(bank: Bank, caller: Caller, problem: Problem) -> bool:
    """Tell whether a customer whose mandate refuses a payment can decide on the page instead.

    Raises:
        Problem: TOKEN_INVALID, the consent has ended meanwhile, and the token with it.
    """
    if problem.code not in _NOT_ALLOWED:
        return False
    consent = oauth.find_consent(bank, caller.consent_id)
    if consent is None or consent.status_at(bank.clock.wall()) != "ACTIVE":
        raise Problem("TOKEN_INVALID") from problem
    return True


def _begin(bank: Bank, tx: Tx, caller: Caller, asked: Asked, payment_id: str, now: int) -> None:
    reminder = own(tx, caller, asked.reminder_id)
    moves.change(bank, tx, caller.world, reminder, now, Status.PAYING, payment_id=payment_id)


def _under_mandate(bank: Bank, caller: Caller, order: Mapping[str, Any], now: int) -> Prepared | None:
    try:
        return mandates.prepare(bank, caller, order, now)
    except Problem as problem:
        if leads_to_page(bank, caller, problem):
            return None
        raise


def _fetch(bank: Bank, caller: Caller, reminder: Reminder, now: int) -> str:
    """Fetch the bill of a reminder as one of the app's; give it."""
    saved = saved_billers.by_id(bank.db.read(), reminder.saved_biller_id)
    if saved is None:
        raise Problem("NOT_FOUND")
    question = bills.question(bank, saved.app_id, saved.biller_id, saved.inputs, caller.subject, now)
    fetch_id = bills.admit(bank, caller.world, question, now)
    answer = _ask(bank, caller, question, fetch_id, now)
    with bank.db.act(caller.world.world_id) as tx:
        refusal = _compare(bank, tx, caller, reminder, answer.bills, now)
        if refusal is None:
            bills.keep(bank, tx, caller.world, question, answer, now, fetch_id)
            return next(  # in the same act: the world may be reset after it
                bill.bill_id
                for bill in bills.bills_of_fetch(tx, fetch_id)
                if moves.bill_key(bill.account_digest, bill.due.bill_number) == reminder.bill_key
            )
    raise refusal  # out here, so that what the biller states now is kept


def _ask(bank: Bank, caller: Caller, question: Question, fetch_id: str, now: int) -> port.Found:
    """Ask the biller; one that does not take the account any more states none of its bills."""
    try:
        answer = bills.ask(bank, caller.world, question, fetch_id, now, Asking.TO_PAY)
    except Problem as problem:
        if problem.code != "ACCOUNT_NOT_PAYABLE":
            raise
        return port.Found(())
    if isinstance(answer, port.Later):
        raise Problem("BILLER_QUERY_FAILED")
    return answer


def _compare(
    bank: Bank, tx: Tx, caller: Caller, reminder: Reminder, found: tuple[DueBill, ...], now: int
) -> Problem | None:
    """Compare what a reminder states with what the biller does now; where they differ, say so in the reminder."""
    reminder = own(tx, caller, reminder.reminder_id)
    if not reminder.may(Status.PAYING):
        return moves.not_possible(reminder)
    saved = saved_billers.by_id(tx, reminder.saved_biller_id)
    assert saved is not None
    biller, account = bills.account(tx, caller.world, saved.biller_id, saved.inputs)
    bill = next((each for each in found if moves.bill_key(account, each.bill_number) == reminder.bill_key), None)
    if bill is None:
        moves.change(bank, tx, caller.world, reminder, now, Status.WITHDRAWN)
        return Problem("BILL_ALREADY_PAID", "The biller does not state this bill any more.")
    stated = moves.stated(biller, bill)
    if stated.get("outstanding") != reminder.record.get("outstanding"):
        moves.change(bank, tx, caller.world, reminder, now, record=stated)
        return Problem("BILL_CHANGED", "The reminder states now what the bill has become.")
    return None
