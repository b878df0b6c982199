"""Making reminders and changing them, each in the caller's act: the table of moves is asked, the record written, and
the app told where there is something to tell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port.port import DueBill
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.clock import to_wire
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.oauth.model import Consent
from openteller_sandbox.reminders import store
from openteller_sandbox.reminders.model import TRANSITIONS, Reminder, Status
from openteller_sandbox.reminders.schemas import ReminderSchema
from openteller_sandbox.saved_billers.service import SavedBiller

REMIND = "reminder.remind"
ISSUED, DUE = "bill.issued", "bill.due"
_REMINDER = ReminderSchema()
_READ = frozenset({"status", "due_on", "due_told", "record"})
_SHOWN = ("period", "amount", "penalty", "outstanding", "min_amount", "max_amount", "payment_options")
"""What a biller may state otherwise of a bill that is known, as far as the app is shown it."""


def bill_key(account_digest: str, bill_number: str) -> str:
    """Name a bill without holding its number, which often holds the account's."""
    return sha256(f"{account_digest}:{bill_number}".encode()).hexdigest()


def make(
    bank: Bank, tx: Tx, world: World, saved: SavedBiller, biller: Biller, bill: DueBill, key: str, now: int
) -> Reminder:
    """Make the reminder of a bill."""
    facts = {
        **bills.shown_to_partner(biller, bill, biller.account(saved.inputs)),
        "reminder_id": ids.new("rmd"),
        "saved_biller_id": saved.saved_biller_id,
        "label": saved.label,
        "status": Status.OPEN.value,
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    record = _REMINDER.present(facts)
    bank.contract.check_record("Reminder", record)
    tx.run(
        store.INSERT,
        reminder_id=facts["reminder_id"],
        world_id=world.world_id,
        app_id=saved.app_id,
        customer_id=saved.customer_id,
        saved_biller_id=saved.saved_biller_id,
        biller_id=biller.biller_id,
        bill_key=key,
        status=Status.OPEN.value,
        due_on=bill.due_date.isoformat(),
        due_told=0,
        remind_at=None,
        payment_id=None,
        stated_at=now,
        updated_at=now,
        version=1,
        wire=json_text(record),
    )
    return get(tx, facts["reminder_id"])


def get(tx: Tx, reminder_id: str) -> Reminder:
    """Give a reminder that there is."""
    row = tx.one(store.BY_ID, reminder_id=reminder_id)
    assert row is not None
    return read(row)


def read(row: Row) -> Reminder:
    """Read a row of the table."""
    same = {name: row[name] for name in Reminder.__dataclass_fields__ if name not in _READ}
    status, due_on, record = Status(row["status"]), date.fromisoformat(row["due_on"]), json.loads(row["wire"])
    return Reminder(**same, status=status, due_on=due_on, due_told=bool(row["due_told"]), record=record)


def stated(biller: Biller, bill: DueBill) -> dict[str, Any]:
    """Give what a biller states of a bill now, as it stands in a record."""
    record = _REMINDER.present(bills.shown_to_partner(biller, bill, ""))
    return {name: record[name] for name in _SHOWN if name in record}


def change(
    bank: Bank,
    tx: Tx,
    world: World,
    reminder: Reminder,
    now: int,
    to: Status | None = None,
    *,
    remind_at: int | None = None,
    payment_id: str | None = None,
    due_told: bool | None = None,
    record: Mapping[str, Any] | None = None,
) -> Reminder:
    """Change a reminder; give it as it stands then.

    Args:
        bank: checks the record.
        tx: the act.
        world: of the reminder.
        reminder: as it was read.
        now: bank time, epoch milliseconds.
        to: where it moves; it stays where it is without it.
        remind_at: of one that is postponed.
        payment_id: of one that is being paid; the last one stays.
        due_told: whether its due date was told; it stays without it.
        record: what the biller states now.

    Raises:
        Problem: INVALID_TRANSITION, the table does not have the move, or somebody else was faster.
    """
    if to is not None and not reminder.may(to):
        raise not_possible(reminder)
    status = to or reminder.status
    at = (remind_at if to else reminder.remind_at) if status is Status.POSTPONED else None
    payment = payment_id or reminder.payment_id
    told = reminder.due_told if due_told is None else due_told
    wire = {**reminder.record, **(record or {}), "status": status.value, "updated_at": to_wire(now)}
    wire |= {"version": reminder.version + 1} | ({"payment_id": payment} if payment else {})
    wire.pop("remind_at", None)
    if at is not None:
        wire["remind_at"] = to_wire(at)
    bank.contract.check_record("Reminder", wire)
    changed = tx.run(
        store.CHANGE,
        r=reminder.reminder_id,
        was=reminder.version,
        to_status=status.value,
        to_due_told=int(told),
        to_remind_at=at,
        to_payment_id=payment,
        to_updated_at=now,
        to_version=reminder.version + 1,
        to_wire=json_text(wire),
    )
    if not changed:
        raise not_possible(get(tx, reminder.reminder_id))
    if reminder.remind_at is not None and at != reminder.remind_at:
        due.cancel(tx, world, REMIND, reminder.reminder_id)
    if at is not None and at != reminder.remind_at:
        due.schedule(tx, world, at, REMIND, reminder.reminder_id)
    return get(tx, reminder.reminder_id)


def tell(bank: Bank, tx: Tx, world: World, reminder: Reminder, consent: Consent, type_: str, now: int) -> None:
    """Tell the app of a reminder."""
    data = {
        "reminder_id": reminder.reminder_id,
        "consent_id": consent.consent_id,
        "status": reminder.status.value,
        "version": reminder.version,
    }
    events.record(bank, tx, world, reminder.app_id, type_, data, now)


def tell_due(
    bank: Bank, tx: Tx, world: World, reminder: Reminder, consent: Consent, now: int, to: Status | None = None
) -> Reminder:
    """Let a reminder ask again: its due date has come, or the time that the customer has asked for."""
    has_come = reminder.due_told or clock.bank_date(now) >= reminder.due_on
    reminder = change(bank, tx, world, reminder, now, to, due_told=has_come)
    tell(bank, tx, world, reminder, consent, DUE, now)
    return reminder


def not_possible(reminder: Reminder) -> Problem:
    """Refuse a move that the table does not have from where a reminder stands."""
    allowed = sorted(status.value for status in TRANSITIONS[reminder.status])
    return Problem("INVALID_TRANSITION", f"The reminder is {reminder.status.value}.", members={"allowed": allowed})
