"""Asking a biller what an account owes, keeping the answer for 24 hours, and marking bills paid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.biller_port import port
from openteller_sandbox.biller_port.faulty import FaultyBiller
from openteller_sandbox.biller_port.port import DueBill
from openteller_sandbox.biller_port.remote import RemoteBiller
from openteller_sandbox.biller_port.simulated import SimulatedBiller, digest
from openteller_sandbox.biller_port.wire import bill_from_json, bill_to_json
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller, masked
from openteller_sandbox.bills import presentment, store, velocity
from openteller_sandbox.bills.presentment import status_of
from openteller_sandbox.bills.schemas import BillFetchSchema, BillSchema
from openteller_sandbox.bills.velocity import Asker
from openteller_sandbox.clock import DAY, SECOND, to_wire
from openteller_sandbox.contract import Fault, showable
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.faults import service as faults
from openteller_sandbox.http import Problem, idempotency, json_text
from openteller_sandbox.limits import Reached
from openteller_sandbox.money import Money
from openteller_sandbox.worlds import service as worlds

KEEP_MS = DAY
ON_PAGE = ""
"""The ``end_user_ref`` of what a payer asks on the bank's page: no partner sees the answer."""
ANSWER = "bill_fetch.answer"
PURGE = "bill_fetch.purge"
_FETCH = BillFetchSchema()
_BILL = BillSchema()


@dataclass(frozen=True, slots=True)
class FetchedBill:
    """A bill that was fetched, with what only the bank may know of it."""

    bill_id: str
    bill_fetch_id: str
    biller_id: str
    account_digest: str
    status: str
    valid_until: int
    due: DueBill

    @property
    def payable(self) -> bool:
        """Whether something of it is left to pay."""
        return self.status in {"OPEN", "PARTLY_PAID"}


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a biller: whose app asks, for which account."""

    app_id: str
    biller: Biller
    inputs: Mapping[str, str] = field(repr=False)
    end_user_ref: str = ON_PAGE


@dataclass(frozen=True, slots=True)
class Answered:
    """A fetch as it stands, with its bills."""

    bill_fetch_id: str
    status: str
    wire: str = field(repr=False)


def port_of(bank: Bank) -> port.BillerPort:
    """Give the way to the billers, with the faults that were ordered for it."""
    return FaultyBiller(_behind(bank), partial(faults.strike_leg, bank))


def _behind(bank: Bank) -> port.BillerPort:
    def began_at(world: World) -> int | None:
        return worlds.began_at(bank.db.read(), world)

    leg = bank.settings.billers
    return SimulatedBiller(bank.db, began_at) if leg is None else RemoteBiller(leg, began_at)


def payable_biller(tx: Tx, biller_id: str, now: int, *, hours: bool) -> Biller:
    """Give a biller that takes payments now.

    Args:
        tx: a reader.
        biller_id: which.
        now: bank time, epoch milliseconds.
        hours: whether its hours and maintenance windows count.

    Raises:
        Problem: BILLER_NOT_FOUND, BILLER_INACTIVE, BILLER_MAINTENANCE, BILLER_CUTOFF.
    """
    biller = billers.get(tx, biller_id)
    if not biller.active:
        raise Problem("BILLER_INACTIVE")
    if hours:
        until = biller.maintenance_until(now)
        if until is not None:
            raise Problem("BILLER_MAINTENANCE", retry_after=min(86_400, -((now - until) // SECOND)))
        if not biller.takes_payments_at(now):
            raise Problem("BILLER_CUTOFF")
    return biller


def shows_bills(biller: Biller) -> bool:
    """Tell whether a biller has bills that a partner can ask for, with what a partner may know of an account."""
    asks_page = any(each.high and each.facts["required"] for each in biller.input_fields)
    return biller.fetch_mode == "FETCH" and biller.presentment != "NONE" and not asks_page


def check_inputs(biller: Biller, inputs: Mapping[str, str], *, on_page: bool) -> None:
    """Check inputs against the format that the biller publishes.

    Raises:
        Problem: FIELD_INVALID, FIELD_MISSING, naming the fields and never their values.
    """
    faults = [
        Fault("body", f"/inputs/{showable(name)}", code, message)
        for name, code, message in biller.input_faults(inputs, on_page=on_page)
    ]
    if not faults and not any(
        each.name in inputs for each in biller.input_fields if each.serial_format or not each.high
    ):
        faults = [Fault("body", "/inputs", "FIELD_MISSING", "Names no account.")]
    if faults:
        missing = all(fault.code == "FIELD_MISSING" for fault in faults)
        raise Problem("FIELD_MISSING" if missing else "FIELD_INVALID", "See errors[].", faults=faults)


def question(
    bank: Bank, app_id: str, biller_id: str, inputs: Mapping[str, str], end_user_ref: str, now: int
) -> Question:
    """Check that a partner may ask this.

    Raises:
        Problem: what ``payable_biller`` and ``check_inputs`` raise; FIELD_INVALID for a biller that has nothing to
        fetch.
    """
    biller = payable_biller(bank.db.read(), biller_id, now, hours=True)
    if biller.fetch_mode == "DIRECT" or biller.presentment == "NONE":
        fault = Fault(
            "body", "/biller_id", "FIELD_INVALID", "This biller shows no bills to partners: create a payment for it."
        )
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    check_inputs(biller, inputs, on_page=False)
    if any(each.high and each.facts["required"] for each in biller.input_fields):
        fault = Fault(
            "body",
            "/biller_id",
            "FIELD_INVALID",
            "This biller needs a field of HIGH sensitivity: only the page of the bank can ask.",
        )
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    return Question(app_id, biller, inputs, end_user_ref)


def admit(bank: Bank, world: World, asked: Question, now: int) -> str:
    """Count a partner's question before it is put; give the identifier of its fetch.

    Raises:
        Problem: FETCH_LIMIT, with the limit and until when.
    """
    asker = Asker(asked.app_id, asked.end_user_ref)
    admitted = _admit(bank, world, asker, asked, now)
    if isinstance(admitted, Reached):
        raise velocity.problem(admitted, now)
    return admitted


def admit_on_page(bank: Bank, world: World, asked: Question, customer_id: str, now: int) -> str | Reached:
    """Count a payer's question; give the identifier of its fetch, or the limit that the payer has met."""
    return _admit(bank, world, Asker(velocity.PAGE, customer_id), asked, now)


def _admit(bank: Bank, world: World, asker: Asker, asked: Question, now: int) -> str | Reached:
    try:
        with bank.db.act(world.world_id) as tx:
            admitted = velocity.admit(bank, tx, world, asker, asked.biller, asked.inputs, now)
            if isinstance(admitted, str):
                due.schedule(tx, world, now + KEEP_MS, PURGE, admitted)
    except velocity.Refused as refused:
        return refused.reached
    return admitted


def ask(
    bank: Bank, world: World, asked: Question, fetch_id: str, now: int, asking: port.Asking = port.Asking.FIRST
) -> port.Found | port.Later:
    """Put a counted question to the biller. No transaction is open.

    Raises:
        Problem: ACCOUNT_NOT_PAYABLE, BILLER_QUERY_FAILED.
    """
    answer = port_of(bank).query(world, asked.biller, asked.inputs, now, asking)
    if isinstance(answer, port.NotPayable):
        with bank.db.act(world.world_id) as tx:
            velocity.missed(bank, tx, world, fetch_id, now)
        raise Problem("ACCOUNT_NOT_PAYABLE")
    if isinstance(answer, port.Failed):
        raise Problem("BILLER_QUERY_FAILED")
    return answer


def ask_on_page(bank: Bank, world: World, asked: Question, now: int) -> port.QueryAnswer:
    """Put a question for the payer, who may know why an account cannot be paid."""
    return port_of(bank).query(world, asked.biller, asked.inputs, now, port.Asking.FIRST)


def keep(
    bank: Bank,
    tx: Tx,
    world: World,
    asked: Question,
    answer: port.Found | port.Later,
    now: int,
    fetch_id: str | None = None,
) -> Answered:
    """Keep a question and its answer, and schedule its purge; a slow biller's answer is scheduled, too.

    fetch_id: of a question that was counted, whose purge is scheduled already.
    """
    if fetch_id is None:
        fetch_id = ids.new("bft")
        due.schedule(tx, world, now + KEEP_MS, PURGE, fetch_id)
    facts: dict[str, Any] = {
        "bill_fetch_id": fetch_id,
        "status": _status(asked.biller, answer),
        "biller_id": asked.biller.biller_id,
        "account_ref_masked": masked(asked.biller.account(asked.inputs)),
        "created_at": now,
        "ready_at": now if isinstance(answer, port.Found) else None,
        "expires_at": now + KEEP_MS,
        "version": 1,
    }
    tx.run(
        store.INSERT_FETCH,
        bill_fetch_id=fetch_id,
        world_id=world.world_id,
        app_id=asked.app_id,
        biller_id=asked.biller.biller_id,
        end_user_ref=asked.end_user_ref,
        inputs=json_text(dict(asked.inputs)),
        status=facts["status"],
        version=1,
        created_at=now,
        expires_at=facts["expires_at"],
        wire=_fetch_wire(bank, facts),
    )
    if isinstance(answer, port.Found):
        _keep_bills(bank, tx, world, asked, fetch_id, answer.bills, facts["expires_at"])
    else:
        due.schedule(tx, world, now + answer.after_ms, ANSWER, fetch_id)
    found = find_fetch(tx, asked.app_id, fetch_id, on_page=asked.end_user_ref == ON_PAGE)
    assert found is not None
    return found


def find_fetch(tx: Tx, app_id: str, bill_fetch_id: str, *, on_page: bool = False) -> Answered | None:
    """Give an app's fetch with its bills as they stand, or one that the page has made for the app's payer."""
    row = tx.one(store.FIND_FETCH, bill_fetch_id=bill_fetch_id, app_id=app_id)
    if row is None or (row["end_user_ref"] == ON_PAGE) is not on_page:
        return None
    bills = ",".join(bill["wire"] for bill in tx.all(store.BILLS_OF_FETCH, bill_fetch_id=bill_fetch_id))
    return Answered(bill_fetch_id, row["status"], f'{row["wire"][:-1]},"bills":[{bills}]}}')


def find_own_fetch(tx: Tx, caller: Caller, bill_fetch_id: str) -> Answered | None:
    """Give a fetch of the caller: of the app, or of the customer that it calls for."""
    row = tx.one(store.FIND_FETCH, bill_fetch_id=bill_fetch_id, app_id=caller.app_id)
    if row is None or (caller.subject and row["end_user_ref"] != caller.subject):
        return None
    return find_fetch(tx, caller.app_id, bill_fetch_id)


def seconds_to_answer(tx: Tx, world: World, bill_fetch_id: str, now: int) -> int:
    """Give after how many seconds it is worth asking for the answer of a slow biller; at least one."""
    at = due.when(tx, world, ANSWER, bill_fetch_id)
    return 1 if at is None else max(1, -((now - at) // SECOND))


def find_bill_wire(tx: Tx, caller: Caller, bill_id: str) -> str | None:
    """Give the record of a bill that the caller has fetched."""
    row = _asked_bill(tx, caller, bill_id)
    return row["wire"] if row else None


def find_asked_bill(tx: Tx, caller: Caller, bill_id: str) -> FetchedBill | None:
    """Give a bill that the caller has fetched, with what only the bank may know."""
    row = _asked_bill(tx, caller, bill_id)
    return _fetched(row) if row else None


def find_bill(tx: Tx, app_id: str, bill_id: str) -> FetchedBill | None:
    """Give a bill of a payment of an app to the bank itself, whoever has fetched it."""
    row = tx.one(store.FIND_BILL, bill_id=bill_id, app_id=app_id)
    return _fetched(row) if row else None


def account(tx: Tx, world: World, biller_id: str, inputs: Mapping[str, str]) -> tuple[Biller, str]:
    """Give a biller, and the name of an account there by which its bills are known, without its number."""
    biller = billers.get(tx, biller_id)
    return biller, digest(world, biller, biller.bills_key(inputs))


def is_being_paid(tx: Tx, world: World, biller: Biller, account_digest: str, bill_number: str) -> bool:
    """Tell whether somebody is paying a bill, in whatever fetch they have it."""
    of_bill = {"biller_id": biller.biller_id, "account_digest": account_digest, "bill_number": bill_number}
    return tx.one(store.LOCKED, world_id=world.world_id, **of_bill) is not None


def is_of(tx: Tx, world: World, bill_id: str, biller: Biller, inputs: Mapping[str, str]) -> bool:
    """Tell whether a bill that was fetched is of an account."""
    row = tx.one(store.BILL_BY_ID, bill_id=bill_id)
    own = digest(world, biller, biller.bills_key(inputs))
    return row is not None and (row["biller_id"], row["account_digest"]) == (biller.biller_id, own)


def bills_of_fetch(tx: Tx, bill_fetch_id: str) -> list[FetchedBill]:
    """Give the bills of a fetch, oldest first."""
    return [_fetched(row) for row in tx.all(store.BILLS_OF_FETCH, bill_fetch_id=bill_fetch_id)]


def inputs_of_fetch(tx: Tx, bill_fetch_id: str) -> dict[str, str]:
    """Give what was asked; empty once it was purged."""
    row = tx.one(store.FETCH_BY_ID, bill_fetch_id=bill_fetch_id)
    return dict(json.loads(row["inputs"])) if row else {}


def count_paid(bank: Bank, tx: Tx, world: World, bill: FetchedBill, amount: Money) -> None:
    """Count what was paid of a bill (below zero: what was taken back), in every fetch of the world that holds it."""
    biller = billers.get(tx, bill.biller_id)
    closed = status_of(_with_paid(biller, bill.due, amount)) == "PAID"
    rows = tx.all(
        store.BILLS_OF_NUMBER,
        world_id=world.world_id,
        biller_id=bill.biller_id,
        account_digest=bill.account_digest,
        bill_number=bill.due.bill_number,
    )
    for row in rows:
        due_now = _with_paid(biller, bill_from_json(json.loads(row["facts"])), amount)
        status = "PAID" if closed else status_of(due_now)  # a fetch of a later day may have had a larger penalty
        _rewrite(bank, tx, row, due_now, status)


def _with_paid(biller: Biller, bill: DueBill, amount: Money) -> DueBill:
    """Give a bill of which so much more is paid, with the bounds for what is left."""
    bill = replace(bill, paid=max(bill.paid + amount, Money(Decimal(0)), key=lambda money: money.amount))
    if bill.balance is not None:
        return bill
    least, most = biller.bill_bounds(bill.outstanding)
    return replace(bill, min_amount=least, max_amount=most)


def _rewrite(bank: Bank, tx: Tx, row: Any, bill: DueBill, status: str) -> None:
    """Write a bill as it stands now; its record shows no more members than before."""
    version = row["version"] + 1
    outstanding = Money(Decimal(0)) if status == "PAID" else bill.outstanding
    amounts = {"outstanding": outstanding, "min_amount": bill.min_amount, "max_amount": bill.max_amount}
    record = json.loads(row["wire"])
    record |= {name: amount.wire() for name, amount in amounts.items() if name in record}
    record |= {"status": status, "version": version}
    bank.contract.check_record("Bill", record)
    facts = json_text(bill_to_json(bill))
    tx.run(store.SET_BILL, b=row["bill_id"], to=status, v=version, f=facts, w=json_text(record))


def answer_late(bank: Bank, act: Due) -> None:
    """Ask a slow biller again, and tell the app what it says, where the app has asked."""
    row = bank.db.read().one(store.FETCH_BY_ID, bill_fetch_id=act.subject)
    if row is None or row["status"] != "PROCESSING":
        return
    biller = billers.get(bank.db.read(), row["biller_id"])
    asked = Question(row["app_id"], biller, json.loads(row["inputs"]), row["end_user_ref"])
    answer = port_of(bank).query(act.world, biller, asked.inputs, act.at, port.Asking.AGAIN)
    if isinstance(answer, port.Later):
        with bank.db.act(act.world.world_id) as tx:
            due.schedule(tx, act.world, act.at + answer.after_ms, ANSWER, act.subject)
        return
    status = _status(biller, answer)
    version = row["version"] + 1
    facts = json.loads(row["wire"]) | {"status": status, "version": version}
    with bank.db.act(act.world.world_id) as tx:
        if status == "FAILED":
            facts["status_reason"] = (
                "ACCOUNT_NOT_PAYABLE" if isinstance(answer, port.NotPayable) else "BILLER_QUERY_FAILED"
            )
        facts["ready_at"] = to_wire(act.at)
        bank.contract.check_record("BillFetch", facts)
        if tx.run(store.ANSWER_FETCH, f=act.subject, to=status, v=version, w=json_text(facts)) != 1:
            return
        if isinstance(answer, port.NotPayable):
            velocity.missed(bank, tx, act.world, act.subject, act.at)
        if isinstance(answer, port.Found):
            _keep_bills(bank, tx, act.world, asked, act.subject, answer.bills, row["expires_at"])
        if asked.end_user_ref == ON_PAGE:
            return
        data = {"bill_fetch_id": act.subject, "status": status, "version": version}
        events.record(bank, tx, act.world, row["app_id"], "bill_fetch.ready", data, act.at)


def purge(bank: Bank, act: Due) -> None:
    """Delete a fetch, its bills that nothing was paid of since, and its idempotency key, which holds both, 24 hours
    later; of one with a paid bill, and of what was only counted, the account number goes. A bill that somebody is
    paying stays, and is looked at again a day later.
    """
    with bank.db.act(act.world.world_id) as tx:
        velocity.forget(tx, act.world, act.subject, act.at)
        idempotency.forget(tx, act.world.world_id, act.subject)
        tx.run(store.PURGE_BILLS, bill_fetch_id=act.subject)
        if tx.one(store.UNPAID_LEFT, bill_fetch_id=act.subject):
            due.schedule(tx, act.world, act.at + KEEP_MS, PURGE, act.subject)
        left = tx.one(store.COUNT_BILLS, bill_fetch_id=act.subject)
        if left and left["count"]:
            tx.run(store.FORGET_INPUTS, f=act.subject)
        else:
            tx.run(store.PURGE_FETCH, bill_fetch_id=act.subject)


def lock(tx: Tx, world: World, bill: FetchedBill, payment_id: str) -> bool:
    """Keep everybody else from paying a bill, in whatever fetch they have it; False when somebody else does."""
    return tx.run(store.LOCK, **_lock_key(world, bill), payment_id=payment_id) == 1


def is_locked(tx: Tx, world: World, bill: FetchedBill) -> bool:
    """Tell whether somebody is paying a bill."""
    return tx.one(store.LOCKED, **_lock_key(world, bill)) is not None


def unlock(tx: Tx, payment_id: str) -> None:
    """Let others pay what a payment has left of its bills."""
    tx.run(store.UNLOCK, payment_id=payment_id)


def reset(tx: Tx, world_id: str) -> int:
    """Delete every fetch and bill of a world; give how many fetches there were."""
    row = tx.one(store.COUNT, world_id=world_id)
    assert row is not None
    for statement in store.RESET:
        tx.run(statement, world_id=world_id)
    return int(row["count"])


def _status(biller: Biller, answer: port.QueryAnswer) -> str:
    if isinstance(answer, port.Later):
        return "PROCESSING"
    if isinstance(answer, port.Found):
        return "READY" if answer.bills or biller.fetch_mode == "VALIDATE" else "NO_BILL"
    return "FAILED"


def _fetch_wire(bank: Bank, facts: Mapping[str, Any]) -> str:
    wire = _FETCH.present(facts)
    bank.contract.check_record("BillFetch", wire)
    return json_text(wire)


def _keep_bills(
    bank: Bank, tx: Tx, world: World, asked: Question, fetch_id: str, found: Sequence[DueBill], valid_until: int
) -> None:
    account = asked.biller.account(asked.inputs)
    for position, bill in enumerate(found):
        bill_id = ids.new("bil")
        seen = presentment.for_partner(asked.biller, bill, account)
        status = status_of(bill)
        own = {
            "bill_id": bill_id,
            "bill_fetch_id": fetch_id,
            "status": status,
            "valid_until": valid_until,
            "version": 1,
        }
        wire = _BILL.present(seen | own)
        bank.contract.check_record("Bill", wire)
        tx.run(
            store.INSERT_BILL,
            bill_id=bill_id,
            world_id=world.world_id,
            app_id=asked.app_id,
            bill_fetch_id=fetch_id,
            biller_id=asked.biller.biller_id,
            account_digest=digest(world, asked.biller, asked.biller.bills_key(asked.inputs)),
            bill_number=bill.bill_number,
            position=position,
            status=status,
            version=1,
            valid_until=valid_until,
            facts=json_text(bill_to_json(bill)),
            wire=json_text(wire),
        )


def _lock_key(world: World, bill: FetchedBill) -> dict[str, str]:
    return {
        "world_id": world.world_id,
        "biller_id": bill.biller_id,
        "account_digest": bill.account_digest,
        "bill_number": bill.due.bill_number,
    }


def _asked_bill(tx: Tx, caller: Caller, bill_id: str) -> Row | None:
    own = {"app_id": caller.app_id, "asker": caller.subject}
    return tx.one(store.FIND_ASKED_BILL, bill_id=bill_id, on_page=ON_PAGE, **own)


def _fetched(row: Any) -> FetchedBill:
    return FetchedBill(
        bill_id=row["bill_id"],
        bill_fetch_id=row["bill_fetch_id"],
        biller_id=row["biller_id"],
        account_digest=row["account_digest"],
        status=row["status"],
        valid_until=row["valid_until"],
        due=bill_from_json(json.loads(row["facts"])),
    )


account_digest = velocity.counted_as
shown_to_partner = presentment.for_partner

DUE_HANDLERS = {ANSWER: answer_late, PURGE: purge}
