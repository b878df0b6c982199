"""A demo customer who pays at once: signs in, takes what is due, and confirms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import count

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import port, scenarios
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller, money
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import Question
from openteller_sandbox.customers.service import CUSTOMERS, Customer, SignIn
from openteller_sandbox.http import Problem
from openteller_sandbox.money import Money
from openteller_sandbox.payments import amounts, authorisation
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.authorisation import Confirmed
from openteller_sandbox.payments.model import Choice, Held

RICH = CUSTOMERS[0]
_FIRST_ORDINARY = 1000
"""Serial numbers from here on play no scenario."""
_MOST_ASKED = 60
_USUAL = Money(Decimal(50))
_NOBODY = "69999999"


class NothingToPay(Exception):
    """No biller has a bill due for this."""


class NotConfirmed(Problem):
    """The account number has its payer give up, or lack the money; the attempt is over."""

    def __init__(self, came_of_it: Confirmed) -> None:
        super().__init__("INVALID_TRANSITION", "This account number has its payer give up, or lack the money.")
        self.came_of_it = came_of_it


def sign_in(bank: Bank, world: World, payment_id: str, customer: Customer = RICH) -> str:
    """Sign in at a link; give the attempt.

    Raises:
        Problem: LINK_EXPIRED, LINK_USED, INVALID_TRANSITION.
    """
    now = bank.now(world)
    result, _, attempt_id = authorisation.sign_in(
        bank, world, payment_id, customer.customer_number, customer.demo_code, now
    )
    if result is not SignIn.DONE:
        raise Problem("INVALID_TRANSITION", "The demo customer is locked out for a quarter of an hour of bank time.")
    return attempt_id


def mistype(bank: Bank, world: World, payment_id: str) -> None:
    """Sign in with a number that nobody has."""
    authorisation.sign_in(bank, world, payment_id, _NOBODY, "000000", bank.now(world))


def confirm(bank: Bank, world: World, held: Held, attempt_id: str, *, send: bool = True) -> None:
    """Confirm what is due; an open link pays what its first biller has.

    Raises:
        NotConfirmed: the attempt has failed.
        Problem: what the page would have shown.
    """
    now = bank.now(world)
    choice = _choice(bank, world, held, now)
    quoted = authorisation.quote(bank.db.read(), held, choice, now)
    assert quoted.total is not None
    done = authorisation.confirm(
        bank, world, held.payment.payment_id, attempt_id, RICH, choice, now, seen=quoted.total, send=send, limited=False
    )
    if done is not Confirmed.DONE:
        raise NotConfirmed(done)


def pay(bank: Bank, world: World, payment_id: str) -> None:
    """Sign in and confirm."""
    attempt_id = sign_in(bank, world, payment_id)
    held = payments.held(bank.db.read(), payment_id)
    assert held is not None
    confirm(bank, world, held, attempt_id)


def due_bills(
    bank: Bank,
    world: World,
    app_id: str,
    now: int,
    scenario: Scenario | None = None,
    *,
    category: str = "",
    accept: Callable[[Biller], bool] = lambda _: True,
    good_until: int = 0,
) -> tuple[Biller, dict[str, str], str, str]:
    """Find an account with a bill due, as a partner would fetch it; give its biller, inputs, the bill and the fetch.

    scenario: a magic account; without one an ordinary account that nobody has paid for yet. good_until: up to when the
    bill shall not grow (bank time, epoch milliseconds).

    Raises:
        NothingToPay: they have all been paid.
    """
    for biller in usable_billers(bank, category):
        if not (open_at(biller, now) and accept(biller)):
            continue
        for inputs in _accounts(biller, scenario):
            question = Question(app_id, biller, inputs, "scenario-payer-0001")
            answer = bills.ask_on_page(bank, world, question, now)
            if not isinstance(answer, port.Found):
                break  # the biller is down: other accounts of it fare no better
            position = _payable(biller, answer.bills, good_until)
            if position is None:
                continue
            with bank.db.act(world.world_id) as tx:
                kept = bills.keep(bank, tx, world, question, answer, now)
            chosen = bills.bills_of_fetch(bank.db.read(), kept.bill_fetch_id)[position]
            if chosen.payable:
                return biller, inputs, chosen.bill_id, kept.bill_fetch_id
    raise NothingToPay


def _payable(biller: Biller, found: Sequence[port.DueBill], good_until: int) -> int | None:
    """Say which of an account's bills, oldest first, can be paid alone and does not grow too early."""
    if not found or (biller.selection == "ALL" and len(found) > 1):
        return None
    position = 0 if biller.selection == "OLDEST_FIRST" else len(found) - 1
    return position if not good_until or found[position].due_date >= clock.bank_date(good_until) else None


def slow_account(bank: Bank, now: int) -> tuple[Biller, dict[str, str]]:
    """Give a biller that is open, and its account that is answered for late.

    Raises:
        Problem: INVALID_TRANSITION, none is open.
    """
    for biller in usable_billers(bank):
        inputs = scenarios.inputs_for(biller, Scenario.SLOW)
        if inputs is not None and open_at(biller, now):
            return biller, inputs
    raise Problem("INVALID_TRANSITION", "No biller is open now: fetch a bill when one is.", members={"allowed": []})


def due_accounts(bank: Bank, now: int) -> Iterator[tuple[Biller, dict[str, str]]]:
    """Give billers that are open, each with its account at which one bill is due."""
    for biller in usable_billers(bank):
        inputs = scenarios.inputs_for(biller, Scenario.DUE_BILL)
        if inputs is not None and open_at(biller, now):
            yield biller, inputs


def usable_billers(bank: Bank, category: str = "") -> Iterator[Biller]:
    """Give the billers whose bills a partner may fetch and see."""
    place = billers.FIRST
    while rows := billers.page(bank.db.read(), billers.Filters(category_code=category), after=place, count=100):
        for place, wire in rows:  # noqa: B007 - where the next page begins
            biller = billers.model_of(wire)
            page_only = any(field.high and field.facts["required"] for field in biller.input_fields)
            shows = biller.fetch_mode == "FETCH" and biller.presentment in {"AMOUNT", "FULL"}
            if biller.active and shows and not page_only:
                yield biller


def open_at(biller: Biller, at: int) -> bool:
    """Tell whether a biller takes payments at an instant."""
    return biller.maintenance_until(at) is None and biller.takes_payments_at(at)


def _accounts(biller: Biller, scenario: Scenario | None) -> Iterator[dict[str, str]]:
    magic = scenarios.inputs_for(biller, scenario or Scenario.DUE_BILL)
    if magic is None:
        return
    if scenario is not None:
        yield magic
        return
    numbered = next(field for field in biller.input_fields if field.name in magic and field.with_serial(1) is not None)
    for serial in (_FIRST_ORDINARY + step for step in count()):
        if serial >= _FIRST_ORDINARY + _MOST_ASKED:
            return
        number = numbered.with_serial(serial)
        if number is not None and numbered.fault(number) is None:
            yield {**magic, numbered.name: number}


def _choice(bank: Bank, world: World, held: Held, now: int) -> Choice:
    """Choose as the payer would on the page, where the partner has left it open."""
    choice = held.choice
    if choice.bill_ids or (choice.biller_id and choice.inputs and choice.amount_minor is not None):
        if choice.bill_ids and choice.amount_minor is None:  # a prepaid meter
            return Choice(**{name: getattr(choice, name) for name in _NAMES} | {"amount_minor": _USUAL.minor})
        return choice
    if choice.biller_id is None:
        category = held.payment.category_code or ""
        return _first_due(bank, world, held, now, category)
    biller = billers.get(bank.db.read(), choice.biller_id)
    inputs = dict(choice.inputs) or scenarios.inputs_for(biller, Scenario.DUE_BILL)
    if inputs is None:
        raise Problem("INVALID_TRANSITION", "The biller has no account number that could be made up.")
    if biller.fetch_mode != "FETCH":
        plans = biller.facts["plans"]
        amount = money(plans[0]["amount"]) if plans else max(_USUAL, biller.min_amount, key=lambda each: each.amount)
        return Choice(biller.biller_id, inputs, amount_minor=amount.minor)
    answer = bills.ask_on_page(bank, world, Question(held.app_id, biller, inputs), now)
    if not isinstance(answer, port.Found) or not answer.bills:
        raise Problem("INVALID_TRANSITION", "Nothing is due at the biller's magic account: link to a bill instead.")
    with bank.db.act(world.world_id) as tx:
        kept = bills.keep(bank, tx, world, Question(held.app_id, biller, inputs), answer, now)
    return _of_bills(bank, biller, inputs, kept.bill_fetch_id)


_NAMES = ("biller_id", "inputs", "bill_ids", "bill_fetch_id", "owed_minor", "from_partner")


def _first_due(bank: Bank, world: World, held: Held, now: int, category: str) -> Choice:
    try:
        biller, inputs, _, fetch_id = due_bills(bank, world, held.app_id, now, category=category)
    except NothingToPay:
        detail = "No biller of this category has bills: link to a biller or a bill instead."
        raise Problem("INVALID_TRANSITION", detail) from None
    return _of_bills(bank, biller, inputs, fetch_id)


def _of_bills(bank: Bank, biller: Biller, inputs: dict[str, str], fetch_id: str) -> Choice:
    chosen = [bill for bill in bills.bills_of_fetch(bank.db.read(), fetch_id) if bill.payable]
    chosen = chosen if biller.selection == "ALL" else chosen[:1]
    owed = amounts.owed_minor(chosen)
    amount = _USUAL.minor if owed is None else owed
    return Choice(biller.biller_id, inputs, [bill.bill_id for bill in chosen], fetch_id, amount, owed)
