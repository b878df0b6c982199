"""The payer's way over the page, step by step. Decides which step comes next and what a form does; knows no HTML.

A step is derived from what is known, so that nothing has to be kept in order: a browser that goes back, or comes a
day later, gets the step that is really next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill, Question
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import SignIn
from openteller_sandbox.hosted import sessions
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.http import Problem
from openteller_sandbox.limits import Reached
from openteller_sandbox.money import Money
from openteller_sandbox.payments import amounts, authorisation
from openteller_sandbox.payments.authorisation import Confirmed, LimitReached
from openteller_sandbox.payments.model import Choice, Held
from openteller_sandbox.payments.states import Status

MOST_WRONG_DIGITS = 3
_AMOUNT_FAULTS = frozenset({"AMOUNT_OUT_OF_RANGE", "AMOUNT_NOT_EXACT"})  # told beside the field, which gives the range
_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,2})?")


class Step(StrEnum):
    """Where a payer is."""

    PLACE = "place"
    BILLER = "biller"
    ACCOUNT = "account"
    SIGN_IN = "sign_in"
    DIGITS = "digits"
    RETRY = "retry"
    WAIT = "wait"
    NOTHING_DUE = "nothing_due"
    BILLS = "bills"
    AMOUNT = "amount"
    CONFIRM = "confirm"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Visit:
    """A form that was sent: whose session, for which payment, now (bank time, epoch milliseconds)."""

    bank: Bank
    world: World
    held: Held
    session: Session
    form: Mapping[str, str] = field(repr=False)
    lists: Mapping[str, list[str]] = field(repr=False)
    now: int


class FieldFaults(Exception):
    """Inputs that do not fit; by field name, a message for a developer that payers see beside the field."""

    def __init__(self, faults: Mapping[str, str], notice: str = "FIELD") -> None:
        super().__init__("inputs do not fit")
        self.faults = dict(faults)
        self.notice = notice


def step(bank: Bank, held: Held, session: Session, now: int) -> Step:
    """Say which step is next.

    Raises:
        Problem: LINK_EXPIRED, LINK_USED.
    """
    if step_without_session(bank, held, now) is Step.RESULT:
        return Step.RESULT
    choice = session.choice
    if choice.biller_id is None:
        return Step.BILLER if session.category_code and session.adcode else Step.PLACE
    biller = billers.get(bank.db.read(), choice.biller_id)
    if not choice.inputs or (not choice.bill_ids and biller.input_faults(choice.inputs, on_page=True)):
        return Step.ACCOUNT
    if session.customer_id is None:
        return Step.SIGN_IN
    if not session.digits_confirmed:
        return Step.DIGITS
    return _money_step(bank, held, biller, choice)


def step_without_session(bank: Bank, held: Held, now: int) -> Step:
    """Say what a browser without a session sees: the beginning, or that the link was used.

    Raises:
        Problem: LINK_EXPIRED.
    """
    if held.payment.status in {Status.CREATED, Status.AUTHORISING, Status.CANCELLED, Status.EXPIRED, Status.FAILED}:
        authorisation.open_payment(bank.db.read(), held.payment.payment_id, now)
        return Step.PLACE
    return Step.RESULT


def _money_step(bank: Bank, held: Held, biller: Biller, choice: Choice) -> Step:
    if biller.fetch_mode == "FETCH" and not choice.bill_ids:
        if choice.bill_fetch_id is None:
            return Step.RETRY
        fetched = bills.find_fetch(bank.db.read(), held.app_id, choice.bill_fetch_id, on_page=True)
        if fetched is None or fetched.status == "FAILED":
            return Step.RETRY
        if fetched.status == "PROCESSING":
            return Step.WAIT
        return Step.BILLS if offered_bills(bank, choice) else Step.NOTHING_DUE
    if choice.amount_minor is None:
        return Step.AMOUNT
    return Step.CONFIRM


def offered_bills(bank: Bank, choice: Choice) -> list[FetchedBill]:
    """Give the bills that were found and of which something is left to pay, oldest first."""
    found = bills.bills_of_fetch(bank.db.read(), choice.bill_fetch_id or "")
    return [bill for bill in found if bill.payable]


def choose_place(visit: Visit) -> None:
    """Take category and city."""
    tx = visit.bank.db.read()
    category, adcode = visit.form.get("category_code", ""), visit.form.get("adcode", "")
    if not (billers.has_category(tx, category) and billers.has_division(tx, adcode)):
        raise FieldFaults({"category_code": "", "adcode": ""})
    visit.session.category_code, visit.session.adcode = category, adcode


def choose_biller(visit: Visit) -> None:
    """Take a biller of the chosen place."""
    biller = bills.payable_biller(visit.bank.db.read(), visit.form.get("biller_id", ""), visit.now, hours=True)
    visit.session.choice = Choice(biller.biller_id)


def choose_again(visit: Visit) -> None:
    """Forget what was chosen on the page; what the partner has fixed stays."""
    session, payment = visit.session, visit.held.payment
    session.choice = visit.held.choice
    if not session.choice.biller_id:
        session.category_code, session.adcode = payment.category_code, payment.adcode
        if session.category_code and session.adcode:
            session.category_code = session.adcode = None


def fill_account(visit: Visit) -> None:
    """Take the inputs that the biller needs."""
    choice = visit.session.choice
    assert choice.biller_id
    biller = bills.payable_biller(visit.bank.db.read(), choice.biller_id, visit.now, hours=True)
    typed = {each.name: visit.form.get(f"in_{each.name}", "").strip() for each in biller.input_fields}
    inputs = {name: _plain(value) for name, value in typed.items() if value}
    faults = biller.input_faults(inputs, on_page=True)
    if faults or not inputs:
        raise FieldFaults({name: message for name, _, message in faults})
    if choice.from_partner and any(inputs.get(name) != value for name, value in choice.inputs.items()):
        raise FieldFaults(dict.fromkeys(choice.inputs, "Not the account that the app has filled in."))
    amount_minor = choice.amount_minor if choice.from_partner else None
    visit.session.choice = Choice(biller.biller_id, inputs, amount_minor=amount_minor, from_partner=choice.from_partner)
    if visit.session.customer_id:
        _fetch(visit, biller)


def sign_in(visit: Visit) -> None:
    """Take a customer's number and code.

    Raises:
        FieldFaults: they are wrong.
        Problem: LINK_EXPIRED, this was the last attempt; LINK_USED.
    """
    session = visit.session
    number, code = typed_to_sign_in(visit.form)
    result, customer, attempt_id = authorisation.sign_in(
        visit.bank, visit.world, visit.held.payment.payment_id, number, code, visit.now
    )
    if customer is None:
        authorisation.open_payment(visit.bank.db.read(), visit.held.payment.payment_id, visit.now)
        raise FieldFaults({}, "LOCKED" if result is SignIn.LOCKED else "WRONG_SIGN_IN")
    session.customer_id, session.attempt_id = customer.customer_id, attempt_id
    sessions.renew(visit.bank, session)
    _fetch_when_ready(visit)


def typed_to_sign_in(form: Mapping[str, str]) -> tuple[str, str]:
    """Give the number and the code of a form."""
    return _plain(form.get("customer_number", "").strip()), _plain(form.get("demo_code", "").strip())


def confirm_digits(visit: Visit) -> None:
    """Take the last four digits of an account that the partner has filled in."""
    session = visit.session
    biller = billers.get(visit.bank.db.read(), session.choice.biller_id or "")
    if _plain(visit.form.get("digits", "").strip()) == biller.account(session.choice.inputs)[-4:]:
        session.digits = -1
        _fetch_when_ready(visit)
        return
    session.digits += 1
    session.notice = "WRONG_DIGITS"
    if session.digits >= MOST_WRONG_DIGITS:
        session.digits = 0
        leave(visit)


def choose_bills(visit: Visit) -> None:
    """Take which of several bills are paid."""
    choice = visit.session.choice
    assert choice.biller_id
    biller = billers.get(visit.bank.db.read(), choice.biller_id)
    offered = offered_bills(visit.bank, choice)
    wanted = visit.lists.get("bill_id", [])
    chosen = [bill for bill in offered if bill.bill_id in wanted]
    if not chosen:
        visit.session.notice = "NO_BILL"
        return
    try:
        amounts.check_selection(biller, chosen, offered)
    except Problem:
        visit.session.notice = "BILLS"
        return
    _take_bills(choice, chosen)


def name_amount(visit: Visit) -> None:
    """Take the amount that the payer names; a typed one goes before a plan, whose choice a browser cannot undo."""
    choice = visit.session.choice
    text = _folded(visit.form.get("amount", "")) or _folded(visit.form.get("plan", ""))
    if not _AMOUNT.fullmatch(text):
        raise FieldFaults({"amount": ""})
    choice.amount_minor = Money(Decimal(text)).minor
    try:
        authorisation.quote(visit.bank.db.read(), visit.held, choice, visit.now)
    except Problem as problem:
        choice.amount_minor = None
        if problem.code in _AMOUNT_FAULTS:
            raise FieldFaults({"amount": problem.code}) from problem
        raise


def change_amount(visit: Visit) -> None:
    """Go back from the confirmation to the amount, where it is the payer's to choose."""
    choice = visit.session.choice
    if choice.biller_id is None:
        return
    tx = visit.bank.db.read()
    found = (bills.find_bill(tx, visit.held.app_id, bill_id) for bill_id in choice.bill_ids)
    chosen = [bill for bill in found if bill is not None]
    if payer_chooses_amount(billers.get(tx, choice.biller_id), choice, chosen):
        choice.amount_minor = None


def payer_chooses_amount(biller: Biller, choice: Choice, chosen: Sequence[FetchedBill]) -> bool:
    """Tell whether the payer names the amount: neither the partner nor the biller has fixed it."""
    if choice.from_partner and not choice.bill_ids:
        return False
    return len(chosen) <= 1 and (biller.exactness != "EXACT" or not chosen or chosen[0].due.balance is not None)


def confirm(visit: Visit) -> None:
    """Take the payer's confirmation."""
    session = visit.session
    assert session.customer_id and session.attempt_id
    shown = visit.form.get("total", "")
    quoted = authorisation.quote(visit.bank.db.read(), visit.held, session.choice, visit.now)
    if quoted.total is None or str(quoted.total) != shown:
        raise Problem("BILL_CHANGED")
    try:
        result = authorisation.confirm(
            visit.bank,
            visit.world,
            visit.held.payment.payment_id,
            session.attempt_id,
            customers.by_id(session.customer_id),
            session.choice,
            visit.now,
            seen=quoted.total,
        )
    except LimitReached as limit:
        session.notice = limit_notice(limit.reached)
    else:
        if result is Confirmed.DONE:
            session.choice = Choice()  # the account number is the payment's now, and forgotten with it
            return
        session.notice = "INSUFFICIENT_FUNDS" if result is Confirmed.INSUFFICIENT_FUNDS else "GAVE_UP"
    session.customer_id = session.attempt_id = None


def leave(visit: Visit) -> None:
    """End the attempt: the payer signs out, the link stays good."""
    session = visit.session
    if session.attempt_id:
        authorisation.give_up(visit.bank, visit.world, visit.held.payment.payment_id, session.attempt_id, visit.now)
    session.customer_id = session.attempt_id = None
    session.notice = session.notice or "GAVE_UP"


def _fetch_when_ready(visit: Visit) -> None:
    choice = visit.session.choice
    if visit.session.digits_confirmed and choice.biller_id and not choice.bill_ids:
        _fetch(visit, billers.get(visit.bank.db.read(), choice.biller_id))


def _fetch(visit: Visit, biller: Biller) -> None:
    """Ask the biller what the account owes, for the payer, who may know why it cannot be paid.

    Another account can be typed then; where the partner has filled it in, the payer can only leave.
    """
    session = visit.session
    if biller.fetch_mode == "DIRECT":
        return
    bills.payable_biller(visit.bank.db.read(), biller.biller_id, visit.now, hours=True)
    question = Question(visit.held.app_id, biller, session.choice.inputs)
    assert session.customer_id
    fetch_id = bills.admit_on_page(visit.bank, visit.world, question, session.customer_id, visit.now)
    if not isinstance(fetch_id, str):
        _refuse_account(visit, biller, limit_notice(fetch_id))
        return
    answer = bills.ask_on_page(visit.bank, visit.world, question, visit.now)
    if isinstance(answer, port.NotPayable):
        _refuse_account(visit, biller, answer.reason.value)
        return
    if isinstance(answer, port.Failed):
        session.choice.bill_fetch_id = None
        raise Problem("BILLER_QUERY_FAILED")
    if biller.fetch_mode == "FETCH":
        with visit.bank.db.act(visit.world.world_id) as tx:
            kept = bills.keep(visit.bank, tx, visit.world, question, answer, visit.now, fetch_id)
        session.choice.bill_fetch_id = kept.bill_fetch_id
        _take_only_bill(visit, biller)


def _refuse_account(visit: Visit, biller: Biller, notice: str) -> None:
    """Say why an account cannot be paid now, and let the payer type another one, where it is theirs to choose."""
    visit.session.notice = notice
    if visit.session.choice.from_partner:
        leave(visit)
    else:
        visit.session.choice = Choice(biller.biller_id)


def limit_notice(reached: Reached) -> str:
    """Name a limit that was met, with what its text tells."""
    return f"LIMIT {reached.limit} {reached.most} {reached.left} {reached.until}"


def retry(visit: Visit) -> None:
    """Ask a biller again that has answered with an error."""
    choice = visit.session.choice
    assert choice.biller_id
    _fetch(visit, billers.get(visit.bank.db.read(), choice.biller_id))


def take_only_bill(visit: Visit) -> None:
    """Spare the payer a choice where there is one bill; called when a slow biller has answered, too."""
    choice = visit.session.choice
    if choice.biller_id and choice.bill_fetch_id and not choice.bill_ids:
        _take_only_bill(visit, billers.get(visit.bank.db.read(), choice.biller_id))


def _take_only_bill(visit: Visit, biller: Biller) -> None:
    choice = visit.session.choice
    offered = offered_bills(visit.bank, choice)
    if len(offered) == 1 or (offered and biller.selection == "ALL"):
        _take_bills(choice, offered)


def _take_bills(choice: Choice, chosen: Sequence[FetchedBill]) -> None:
    choice.bill_ids = [bill.bill_id for bill in chosen]
    choice.amount_minor = choice.owed_minor = amounts.owed_minor(chosen)


def _folded(text: str) -> str:
    """Fold full-width forms, as a Chinese keyboard makes them, and drop spaces."""
    folded = "".join(chr(ord(char) - 0xFEE0) if "！" <= char <= "～" else char for char in text)
    return "".join(folded.split())


def _plain(text: str) -> str:
    """Fold what people type for a number: full-width digits, spaces, and dashes between groups of digits."""
    folded = _folded(text)
    digits = folded.replace("-", "")
    is_day = len(folded) == 10 and folded[4] == folded[7] == "-"
    return digits if digits.isdigit() and not is_day else folded
