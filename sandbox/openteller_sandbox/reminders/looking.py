"""Looking at saved accounts: once a day the bank asks the biller what is due, and compares it with the reminders.

A look counts as one of the app's questions for this customer, so that saving accounts finds out no more about them than
asking does. No act is open while the biller is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.biller_port.port import Asking, DueBill
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import Question
from openteller_sandbox.clock import DAY, HOUR, MINUTE
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import Consent
from openteller_sandbox.partners import service as partners
from openteller_sandbox.reminders import moves, store
from openteller_sandbox.reminders.model import Reminder, Status
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.saved_billers.service import SavedBiller

LOOK = "saved_biller.look"
LOOK_AGAIN = "saved_biller.look_again"
FROM_MS, WITHIN_MINUTES = 9 * HOUR, 120
"""When in the day an account is looked at: each at a minute of its own from nine until eleven, always the same."""
SOON_MS, UNTIL_MS = 3 * HOUR, 20 * HOUR
"""A biller that is closed or has failed is asked again so much later, until this time of the day."""
SELDOM_MS = 6 * DAY
"""How much later than tomorrow an account is looked at that the biller does not take."""
KEEP_MS = 30 * DAY
"""How long a closed reminder is kept after its bill was stated for the last time."""
_SOON = frozenset({"BILLER_CUTOFF", "BILLER_MAINTENANCE", "BILLER_QUERY_FAILED"})
_SELDOM = frozenset({"ACCOUNT_NOT_PAYABLE", "BILLER_INACTIVE", "FIELD_INVALID", "FIELD_MISSING"})


def next_at(saved_biller_id: str, after: int) -> int:
    """Give when an account is looked at next, after an instant (bank time, epoch milliseconds)."""
    minute = int.from_bytes(sha256(saved_biller_id.encode()).digest()[:4]) % WITHIN_MINUTES
    at = clock.start_of_day(clock.bank_date(after)) + FROM_MS + minute * MINUTE
    return at if at > after else at + DAY


def schedule(tx: Tx, world: World, saved_biller_id: str, at: int) -> None:
    """Note when an account is looked at next, once."""
    due.cancel(tx, world, LOOK, saved_biller_id)
    due.schedule(tx, world, at, LOOK, saved_biller_id)


def is_scheduled(tx: Tx, world: World, saved_biller_id: str) -> bool:
    """Tell whether an account is looked at."""
    return due.when(tx, world, LOOK, saved_biller_id) is not None


def look(bank: Bank, act: Due) -> None:
    """Look at a saved account, and note when to come again. Where nobody allows it now nothing is asked."""
    saved = saved_billers.by_id(bank.db.read(), act.subject)
    if saved is None:
        with bank.db.act(act.world.world_id) as tx:
            forget(tx, act.world, act.subject)
        return
    again_at = next_at(saved.saved_biller_id, act.at)
    if saved_billers.allowed_by(bank, bank.db.read(), saved):
        try:
            _ask(bank, act.world, saved, act.at)
        except Problem as problem:
            again_at = _after(problem.code, again_at, act.at)
    with bank.db.act(act.world.world_id) as tx:
        schedule(tx, act.world, saved.saved_biller_id, again_at)


def look_again(bank: Bank, act: Due) -> None:
    """Ask a slow biller again."""
    saved_biller_id, _, fetch_id = act.subject.partition(" ")
    saved = saved_billers.by_id(bank.db.read(), saved_biller_id)
    if saved is None or saved_billers.allowed_by(bank, bank.db.read(), saved) is None:
        return
    try:
        answer = bills.ask(bank, act.world, _question(bank, saved, act.at), fetch_id, act.at, Asking.AGAIN)
    except Problem:
        return  # tomorrow
    _keep(bank, act.world, saved, fetch_id, answer, act.at)


def look_now(bank: Bank, world: World, saved: SavedBiller, now: int) -> None:
    """Look at a saved account out of turn, as a developer asks for it; a slow biller is not waited for.

    Raises:
        Problem: the biller cannot be asked now, does not take the account, or a limit is met.
    """
    later = _ask(bank, world, saved, now)
    if later:
        with bank.db.act(world.world_id) as tx:
            due.cancel(tx, world, LOOK_AGAIN, later)
        look_again(bank, Due(world, LOOK_AGAIN, later, now))


def forget(tx: Tx, world: World, saved_biller_id: str) -> None:
    """Forget the reminders of an account, and look at it no more."""
    due.cancel(tx, world, LOOK, saved_biller_id)
    for row in tx.all(store.OF_SAVED, saved_biller_id=saved_biller_id):
        due.cancel(tx, world, moves.REMIND, row["reminder_id"])
    tx.run(store.FORGET, saved_biller_id=saved_biller_id)


def _ask(bank: Bank, world: World, saved: SavedBiller, now: int) -> str | None:
    """Ask the biller of an account; give what ``look_again`` is noted for where it is slow.

    Raises:
        Problem: the biller cannot be asked now, does not take the account, or a limit is met.
    """
    asked = _question(bank, saved, now)
    fetch_id = bills.admit(bank, world, asked, now)
    return _keep(bank, world, saved, fetch_id, bills.ask(bank, world, asked, fetch_id, now), now)


def _question(bank: Bank, saved: SavedBiller, now: int) -> Question:
    """Give the question as the app would put it."""
    app = partners.find(bank.db.read(), saved.app_id)
    assert app is not None
    subject = oauth.subject(bank, app.partner_id, saved.world_id, saved.customer_id)
    return bills.question(bank, saved.app_id, saved.biller_id, saved.inputs, subject, now)


def _keep(
    bank: Bank, world: World, saved: SavedBiller, fetch_id: str, answer: port.Found | port.Later, now: int
) -> str | None:
    with bank.db.act(world.world_id) as tx:
        if isinstance(answer, port.Later):
            later = f"{saved.saved_biller_id} {fetch_id}"
            due.schedule(tx, world, now + answer.after_ms, LOOK_AGAIN, later)
            return later
        consent = saved_billers.allowed_by(bank, tx, saved)
        if consent and saved_billers.by_id(tx, saved.saved_biller_id):
            _compare(bank, tx, world, saved, consent, answer.bills, now)
    return None


def _compare(
    bank: Bank, tx: Tx, world: World, saved: SavedBiller, consent: Consent, found: Sequence[DueBill], now: int
) -> None:
    """Make a reminder of each bill that is new, and bring those that are known up to date."""
    rows = tx.all(store.OF_SAVED, saved_biller_id=saved.saved_biller_id)
    known = {reminder.bill_key: reminder for reminder in map(moves.read, rows)}
    biller, account = bills.account(tx, world, saved.biller_id, saved.inputs)
    for bill in found:
        key = moves.bill_key(account, bill.bill_number)
        reminder = known.pop(key, None)
        if reminder is not None:
            tx.run(store.STATED, r=reminder.reminder_id, at=now)
            reminder = _stated_again(bank, tx, world, consent, reminder, moves.stated(biller, bill), now)
        elif bill.outstanding.amount and not bills.is_being_paid(tx, world, biller, account, bill.bill_number):
            reminder = moves.make(bank, tx, world, saved, biller, bill, key, now)
            moves.tell(bank, tx, world, reminder, consent, moves.ISSUED, now)
        if reminder and reminder.status is Status.OPEN and _has_come(reminder, now):
            moves.tell_due(bank, tx, world, reminder, consent, now)
    for reminder in known.values():
        if reminder.status in {Status.OPEN, Status.POSTPONED}:
            moves.change(bank, tx, world, reminder, now, Status.WITHDRAWN)
    tx.run(store.FORGET_OLD, saved_biller_id=saved.saved_biller_id, before=now - KEEP_MS)


def _stated_again(
    bank: Bank, tx: Tx, world: World, consent: Consent, reminder: Reminder, stated: dict[str, object], now: int
) -> Reminder:
    """Bring a reminder up to date with what the biller states. One that was closed as paid or gone is opened again,
    unless that was meanwhile, while the biller was asked.
    """
    if reminder.status in {Status.PAID, Status.WITHDRAWN} and reminder.updated_at < now:
        reminder = moves.change(bank, tx, world, reminder, now, Status.OPEN, due_told=False, record=stated)
        moves.tell(bank, tx, world, reminder, consent, moves.ISSUED, now)
    elif reminder.status in {Status.OPEN, Status.POSTPONED} and any(
        reminder.record.get(name) != value for name, value in stated.items()
    ):
        reminder = moves.change(bank, tx, world, reminder, now, record=stated)
    return reminder


def _has_come(reminder: Reminder, now: int) -> bool:
    return not reminder.due_told and clock.bank_date(now) >= reminder.due_on


def _after(code: str, tomorrow: int, now: int) -> int:
    """Give when to look again after a refusal."""
    if code in _SELDOM:
        return tomorrow + SELDOM_MS
    soon = now + SOON_MS
    is_today = soon <= clock.start_of_day(clock.bank_date(now)) + UNTIL_MS
    return soon if code in _SOON and is_today else tomorrow


DUE_HANDLERS = {LOOK: look, LOOK_AGAIN: look_again}
