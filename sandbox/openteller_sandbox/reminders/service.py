"""Reminders as others see them: finding them, the customer's answers, and what ends them from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.billers import service as billers
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.db import Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.reminders import looking, moves, paying, store
from openteller_sandbox.reminders.model import Reminder, Status
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.saved_billers.service import SavedBiller

ANSWER = "answerReminder"
"""A deed of a customer's."""
ASKING = frozenset({Status.OPEN, Status.POSTPONED, Status.PAYING})
"""Reminders that a customer still has to do with."""
_NOTHING_CAME = frozenset({f"payment.{status}" for status in ("failed", "cancelled", "expired", "refund_pending")})


def watch(tx: Tx, world: World, saved: SavedBiller, now: int) -> None:
    """Look at a saved account from now on, where its biller shows bills; one that is looked at stays as it is."""
    biller = billers.get(tx, saved.biller_id)
    if bills.shows_bills(biller) and not looking.is_scheduled(tx, world, saved.saved_biller_id):
        looking.schedule(tx, world, saved.saved_biller_id, looking.next_at(saved.saved_biller_id, now))


def find_wire(tx: Tx, caller: Caller, reminder_id: str) -> str:
    """Give a reminder of the caller's customer, as JSON.

    Raises:
        Problem: NOT_FOUND.
    """
    return paying.own(tx, caller, reminder_id).wire


def page(
    tx: Tx, caller: Caller, *, before: int | None, status: str | None, saved_biller_id: str | None, count: int
) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of the reminders of the caller's customer, newest first."""
    rows = tx.all(
        store.PAGE,
        app_id=caller.app_id,
        customer_id=caller.customer_id,
        before=2**62 if before is None else before,
        status=status or "",
        saved_biller_id=saved_biller_id or "",
        count=count,
    )
    return [(row["seq"], row["wire"]) for row in rows]


def postpone(bank: Bank, tx: Tx, caller: Caller, reminder_id: str, request: Mapping[str, Any], now: int) -> str:
    """Let a reminder come again later; give it as JSON.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION; FIELD_INVALID, not in the future, or too late.
    """
    reminder = paying.own(tx, caller, reminder_id)
    if not reminder.may(Status.POSTPONED):
        raise moves.not_possible(reminder)
    name = "remind_on" if "remind_on" in request else "remind_at"
    at, latest = _instant(request[name]), reminder.latest(now)
    if not now < at < latest:
        message = f"Must be after {clock.to_wire(now)} and before {clock.to_wire(latest)}."
        raise field_invalid(f"/{name}", message)
    return moves.change(bank, tx, caller.world, reminder, now, Status.POSTPONED, remind_at=at).wire


def decline(bank: Bank, tx: Tx, caller: Caller, reminder_id: str, now: int) -> str:
    """Remind of a bill no more; give its reminder as JSON. One that was declined stays as it is.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION.
    """
    reminder = paying.own(tx, caller, reminder_id)
    if reminder.status is Status.DECLINED:
        return reminder.wire
    return moves.change(bank, tx, caller.world, reminder, now, Status.DECLINED).wire


def _instant(named: date | int) -> int:
    """Give when a reminder shall come again: of a day, when the bank begins to look at accounts."""
    return clock.start_of_day(named) + looking.FROM_MS if isinstance(named, date) else named


ask_to_pay = paying.ask
pay_under_mandate = paying.pay_under_mandate
make_link = paying.make_link
leads_to_page = paying.leads_to_page


# What the customer does at the bank.


def of_customer(bank: Bank, tx: Tx, world_id: str, customer_id: str) -> list[Reminder]:
    """Give what a customer has in a world over all apps that they allow it, newest first."""
    found = [moves.read(row) for row in tx.all(store.OF_CUSTOMER, world_id=world_id, customer_id=customer_id)]
    return [each for each in found if _holds(bank, tx, each)]


def days(reminder: Reminder, now: int) -> tuple[date, date]:
    """Give the first and the last day on which a reminder can come again."""
    first = clock.bank_date(now - looking.FROM_MS + clock.DAY)
    return first, clock.bank_date(reminder.latest(now) - looking.FROM_MS - 1)


def answer_at_bank(
    bank: Bank, world: World, customer_id: str, reminder_id: str, answer: str, *, remind_on: str = "", locale: str = ""
) -> str | None:
    """Take a customer's answer on the bank's page; give the payment where it is PAY.

    Args:
        bank: the bank.
        world: of the customer's visit.
        customer_id: who is signed in.
        reminder_id: a reminder of theirs.
        answer: PAY, LATER or DECLINE.
        remind_on: with LATER, the day, as it was typed.
        locale: with PAY, the language of the page.

    Raises:
        Problem: NOT_FOUND, INVALID_TRANSITION, FIELD_INVALID; with PAY, what keeps the bill from being paid.
    """
    kept = {"reminder_id": reminder_id, "customer_id": customer_id, "answer": answer}
    kept |= {"remind_on": remind_on, "locale": locale}
    with deeds.doing(bank, world, deeds.PAYER, ANSWER, lambda: kept):
        caller, now = _caller(bank, world, customer_id, reminder_id), bank.now(world)
        if answer == "PAY":
            return _pay_at_bank(bank, caller, reminder_id, locale, now)
        with bank.db.act(world.world_id) as tx:
            if answer == "LATER":
                postpone(bank, tx, caller, reminder_id, {"remind_on": _day(remind_on)}, now)
            else:
                decline(bank, tx, caller, reminder_id, now)
    return None


def _day(typed: str) -> date:
    try:
        return date.fromisoformat(typed)
    except ValueError as error:
        raise field_invalid("/remind_on", "Must be a day, such as 2026-09-30.") from error


def repeat(bank: Bank, world: World, deed: Mapping[str, Any]) -> None:
    """Do again what a customer has answered in another life of the world."""
    who = deed["customer_id"], deed["reminder_id"]
    with suppress(Problem):  # what was refused left its trace, too, and is refused again
        answer_at_bank(bank, world, *who, deed["answer"], remind_on=deed["remind_on"], locale=deed["locale"])


def _pay_at_bank(bank: Bank, caller: Caller, reminder_id: str, locale: str, now: int) -> str:
    version = paying.own(bank.db.read(), caller, reminder_id).version
    request = {"partner_reference": f"{reminder_id}-{version}", "metadata": {}, "locale": locale}
    asked = paying.ask(bank, caller, reminder_id, request, now, on_page=True)
    with bank.db.act(caller.world.world_id) as tx:
        return paying.make_link(bank, tx, caller, asked, now)


def _caller(bank: Bank, world: World, customer_id: str, reminder_id: str) -> Caller:
    """Give the app of a customer's reminder, as it would call for the customer.

    Raises:
        Problem: NOT_FOUND, not the customer's, or not allowed any more.
    """
    tx = bank.db.read()
    row = tx.one(store.BY_ID, reminder_id=reminder_id)
    if row is None or (row["world_id"], row["customer_id"]) != (world.world_id, customer_id):
        raise Problem("NOT_FOUND")
    saved, app = saved_billers.by_id(tx, row["saved_biller_id"]), partners.find(tx, row["app_id"])
    consent = saved_billers.allowed_by(bank, tx, saved) if saved else None
    if app is None or consent is None:
        raise Problem("NOT_FOUND")
    subject = oauth.subject(bank, app.partner_id, world.world_id, customer_id)
    return Caller(world, frozenset(), app.app_id, app.partner_id, consent.consent_id, customer_id, subject)


def _holds(bank: Bank, tx: Tx, reminder: Reminder) -> bool:
    saved = saved_billers.by_id(tx, reminder.saved_biller_id)
    return saved is not None and saved_billers.allowed_by(bank, tx, saved) is not None


# What happens elsewhere.


def remind(bank: Bank, act: Due) -> None:
    """Let a reminder that was postponed ask again. Of one that nobody allows now nobody is told."""
    with bank.db.act(act.world.world_id) as tx:
        row = tx.one(store.BY_ID, reminder_id=act.subject)
        if row is None or row["status"] != Status.POSTPONED or row["remind_at"] > act.at:
            return
        bring_back(bank, tx, act.world, moves.read(row), act.at)


def bring_back(bank: Bank, tx: Tx, world: World, reminder: Reminder, now: int) -> None:
    """Let a reminder ask again now.

    Raises:
        Problem: INVALID_TRANSITION.
    """
    saved = saved_billers.by_id(tx, reminder.saved_biller_id)
    consent = saved_billers.allowed_by(bank, tx, saved) if saved else None
    to = None if reminder.status is Status.OPEN else Status.OPEN
    if reminder.status not in {Status.OPEN, Status.POSTPONED}:
        raise moves.not_possible(reminder)
    if consent is None:
        moves.change(bank, tx, world, reminder, now, to)
    else:
        moves.tell_due(bank, tx, world, reminder, consent, now, to)


def hear(bank: Bank, tx: Tx, world: World, app_id: str, event_id: str, type_: str, now: int) -> None:  # noqa: ARG001
    """Close reminders of bills that were paid, and open those again of whose payment nothing came, in the act of what
    happened.
    """
    if type_ == "payment.succeeded":
        if tx.one(store.ANY, world_id=world.world_id):
            _count_paid(bank, tx, world, events.data(tx, event_id)["payment_id"], now)
    elif type_ in _NOTHING_CAME:
        _nothing_came(bank, tx, world, events.data(tx, event_id)["payment_id"], now)


def forget(tx: Tx, world: World, saved_biller_id: str) -> None:
    """Forget the reminders of a saved account that is forgotten."""
    looking.forget(tx, world, saved_biller_id)


def _count_paid(bank: Bank, tx: Tx, world: World, payment_id: str, now: int) -> None:
    held = payments.held(tx, payment_id)
    assert held is not None
    for bill_id in held.choice.bill_ids:
        bill = bills.find_bill(tx, held.app_id, bill_id)
        if bill is None:
            continue
        key = moves.bill_key(bill.account_digest, bill.due.bill_number)
        for row in tx.all(store.OF_BILL, world_id=world.world_id, bill_key=key):
            _count_for(bank, tx, world, moves.read(row), bill, (held.app_id, payment_id), now)


def _count_for(
    bank: Bank, tx: Tx, world: World, reminder: Reminder, bill: FetchedBill, paid: tuple[str, str], now: int
) -> None:
    """Count a payment in a reminder of its bill. paid: whose payment, and which; others' apps are not told which."""
    app_id, payment_id = paid
    known = payment_id if reminder.app_id == app_id else None
    if bill.status == "PAID":
        if reminder.may(Status.PAID):
            moves.change(bank, tx, world, reminder, now, Status.PAID, payment_id=known)
        return
    if reminder.status in ASKING:
        stated = moves.stated(billers.get(tx, bill.biller_id), bill.due)
        own = reminder.status is Status.PAYING and reminder.payment_id == payment_id
        moves.change(bank, tx, world, reminder, now, Status.OPEN if own else None, record=stated)


def _nothing_came(bank: Bank, tx: Tx, world: World, payment_id: str, now: int) -> None:
    for row in tx.all(store.OF_PAYMENT, payment_id=payment_id):
        reminder = moves.read(row)
        if reminder.status is Status.PAYING:
            moves.change(bank, tx, world, reminder, now, Status.OPEN)


def look_now(bank: Bank, caller: Caller, saved_biller_id: str, now: int) -> None:
    """Look at an account of the caller's app out of turn, for the sandbox.

    Raises:
        Problem: NOT_FOUND; the biller cannot be asked, or a limit is met.
    """
    saved = saved_billers.by_id(bank.db.read(), saved_biller_id)
    if saved is None or saved.app_id != caller.app_id:
        raise Problem("NOT_FOUND")
    looking.look_now(bank, caller.world, saved, now)


def of_app(tx: Tx, app_id: str, reminder_id: str) -> Reminder | None:
    """Give a reminder to the sandbox, whose customer's it is whoever asks."""
    row = tx.one(store.BY_ID, reminder_id=reminder_id)
    return moves.read(row) if row and row["app_id"] == app_id else None


def of_saved(tx: Tx, saved_biller_id: str) -> list[Reminder]:
    """Give the reminders of a saved account, oldest first."""
    return [moves.read(row) for row in tx.all(store.OF_SAVED, saved_biller_id=saved_biller_id)]


def reset(tx: Tx, world_id: str) -> None:
    """Forget every reminder of a world."""
    tx.run(store.RESET, world_id=world_id)


DUE_HANDLERS: dict[str, Callable[[Bank, Due], None]] = {moves.REMIND: remind, **looking.DUE_HANDLERS}
