"""Opening disputes, and the clerk's rules.

A day after it was opened the clerk looks at the bank's books, asks the biller, and decides:

    DUPLICATE             the biller has it twice: it gives one back, the payer has paid once
                          the same sum was paid to the account within a day: the biller gives it back, refunded
                          otherwise rejected
    ACCOUNT_NOT_UPDATED   the biller finds the posting: its books are brought up to date
                          it does not: refunded in full
    the other types       the biller is asked to take it back, and agrees or refuses

A biller that does not answer is asked again an hour later: nothing is guessed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.biller_port.port import Ground, PostingState, Reversal
from openteller_sandbox.bills import service as bills
from openteller_sandbox.clock import DAY, HOUR, to_wire
from openteller_sandbox.db import Tx
from openteller_sandbox.disputes import store
from openteller_sandbox.disputes.schemas import DisputeSchema
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem, idempotency, json_text
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Status

DECIDE = "dispute.decide"
FORGET_KEYS = "dispute.forget_keys"
DECIDE_MS = DAY
ASK_AGAIN_MS = HOUR
TIME_LIMIT_MS = 90 * DAY
MOST_PER_PAYMENT = 3
_DISPUTE = DisputeSchema()

_NOTES = {
    "REFUNDED": ("缴费单位已同意退回，款项将退还付款人。", "The biller gives it back; the payer gets the money back."),
    "RECOVERED_FROM_BILLER": (
        "缴费单位重复入账，多入账的一笔已追回；付款人只支付了一次。",
        "The biller had posted it twice and gave one back; the payer has paid once.",
    ),
    "UPDATED_BY_BILLER": (
        "缴费单位已入账，并已更新其账务。",
        "The biller has the payment and has brought its books up to date.",
    ),
    "ALREADY_RETURNED": (
        "在核查结束之前，该笔款项已在退回。",
        "The money was on its way back before this was decided.",
    ),
    "REFUSED_BY_BILLER": (
        "缴费单位确认缴费有效，不同意退回。",
        "The biller says that the payment is right, and keeps it.",
    ),
    "NOT_A_DUPLICATE": (
        "银行与缴费单位均未发现重复缴费。",
        "Neither the bank nor the biller has it twice.",
    ),
}
_AGAINST = frozenset({"REFUSED_BY_BILLER", "NOT_A_DUPLICATE"})


@dataclass(frozen=True, slots=True)
class _Finding:
    """What the clerk has found. ``book``: what that does to the payment, in the act of the decision."""

    outcome: str
    book: Callable[[Tx, Held], Mapping[str, Any]] = lambda *_: {}


def create(bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any], now: int) -> tuple[str, str]:
    """Open a dispute; give its identifier and record.

    Raises:
        Problem: FIELD_INVALID, no such payment; DISPUTE_NOT_POSSIBLE, DISPUTE_OPEN.
    """
    payment_id = request["payment_id"]
    held = payments.own(tx, caller, payment_id)
    if held is None:
        raise field_invalid("/payment_id", "Names no payment of this app.")
    _check(tx, held, now)
    dispute_id = ids.new("dsp")
    if taken := payments.begin_dispute(tx, payment_id, dispute_id):
        raise Problem("DISPUTE_OPEN", members={"dispute_id": taken})
    facts = {
        "dispute_id": dispute_id,
        "payment_id": payment_id,
        "partner_reference": held.payment.partner_reference,
        "type": request["type"],
        "status": "ASSIGNED",
        "description": request.get("description"),
        "decide_by": now + DECIDE_MS,
        "history": [{"status": "ASSIGNED", "at": now, "actor": "PARTNER"}],
        "created_at": now,
        "updated_at": now,
        "version": 1,
    }
    record = _DISPUTE.present(facts)
    bank.contract.check_record("Dispute", record)
    wire = json_text(record)
    tx.run(
        store.INSERT,
        dispute_id=dispute_id,
        world_id=held.world_id,
        app_id=held.app_id,
        payment_id=payment_id,
        status="ASSIGNED",
        version=1,
        wire=wire,
    )
    due.schedule(tx, caller.world, now + DECIDE_MS, DECIDE, dispute_id)
    _tell(bank, tx, caller.world, held.app_id, record, now)
    return dispute_id, wire


def _check(tx: Tx, held: Held, now: int) -> None:
    payment = held.payment
    if payment.status is not Status.SUCCEEDED:
        raise Problem("DISPUTE_NOT_POSSIBLE", f"The payment is {payment.status}.")
    if now > (payment.posting.at or 0) + TIME_LIMIT_MS:
        raise Problem("DISPUTE_NOT_POSSIBLE", "It was posted more than 90 days ago.")
    row = tx.one(store.OF_PAYMENT, payment_id=payment.payment_id)
    if row and row["count"] >= MOST_PER_PAYMENT and not payments.is_disputed(tx, payment.payment_id):
        raise Problem("DISPUTE_NOT_POSSIBLE", "It has been disputed three times.")


def find_wire(tx: Tx, caller: Caller, dispute_id: str) -> str | None:
    """Give a dispute of the caller's payment, as JSON."""
    row = tx.one(store.FIND, dispute_id=dispute_id, app_id=caller.app_id)
    return row["wire"] if row and payments.own(tx, caller, row["payment_id"]) else None


def page(
    tx: Tx, app_id: str, *, before: int | None, status: str | None, payment_id: str | None, count: int
) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of an app's disputes, newest first."""
    rows = tx.all(
        store.PAGE,
        app_id=app_id,
        before=2**62 if before is None else before,
        status=status or "",
        payment_id=payment_id or "",
        count=count,
    )
    return [(row["seq"], row["wire"]) for row in rows]


def decide(bank: Bank, act: Due) -> None:
    """Let the clerk decide a dispute."""
    row = bank.db.read().one(store.BY_ID, dispute_id=act.subject)
    if row is None or row["status"] != "ASSIGNED":
        return
    record = json.loads(row["wire"])
    held = payments.get(bank.db.read(), record["payment_id"])
    assert held is not None
    finding = _look_into(bank, act, record, held)
    with bank.db.act(act.world.world_id) as tx:
        if finding is None:
            due.schedule(tx, act.world, act.at + ASK_AGAIN_MS, DECIDE, act.subject)
            return
        held = payments.get(tx, record["payment_id"])
        assert held is not None
        _close(bank, tx, act, record, held, finding)


def _look_into(bank: Bank, act: Due, record: Mapping[str, Any], held: Held) -> _Finding | None:
    """Look at the books and ask the biller; None where it does not answer. No act is open."""
    if held.payment.status is not Status.SUCCEEDED:
        return _Finding("ALREADY_RETURNED")
    if record["type"] == "ACCOUNT_NOT_UPDATED":
        return _look_up(bank, act, held)
    if record["type"] != "DUPLICATE":
        return _ask_back(bank, act, held, Ground.DISPUTED, "REFUSED_BY_BILLER")
    if payments.has_surplus(held):
        return _ask_for_surplus(bank, act, held)
    if any(exception.type == "RECOVERED" for exception in held.payment.exceptions):
        return _Finding("RECOVERED_FROM_BILLER", lambda _, held: {"amount": held.payment.amount})
    return _ask_back(bank, act, held, Ground.PAID_TWICE, "NOT_A_DUPLICATE")


def _look_up(bank: Bank, act: Due, held: Held) -> _Finding | None:
    answer = bills.port_of(bank).query_posting(act.world, payments.posting_of(bank, held), act.at)
    if answer.state is PostingState.NO_ANSWER:
        return None
    if answer.state is PostingState.POSTED:
        return _Finding("UPDATED_BY_BILLER")

    def book(tx: Tx, held: Held) -> Mapping[str, Any]:
        refund = payments.never_posted(
            bank, tx, act.world, held, reason="DISPUTE_RESOLVED", now=act.at, dispute_id=act.subject
        )
        return {"amount": refund.amount, "refund_id": refund.refund_id}

    return _Finding("REFUNDED", book)


def _ask_back(bank: Bank, act: Due, held: Held, ground: Ground, refusal: str) -> _Finding | None:
    answer = bills.port_of(bank).reverse(act.world, payments.posting_of(bank, held), act.at, ground)
    if answer is Reversal.NO_ANSWER:
        return None
    if answer is Reversal.REFUSED:
        return _Finding(refusal)

    def book(tx: Tx, held: Held) -> Mapping[str, Any]:
        refund = payments.take_back(
            bank,
            tx,
            act.world,
            held,
            reason="DISPUTE_RESOLVED",
            actor="BANK",
            now=act.at,
            dispute_id=act.subject,
        )
        return {"amount": refund.amount, "refund_id": refund.refund_id}

    return _Finding("REFUNDED", book)


def _ask_for_surplus(bank: Bank, act: Due, held: Held) -> _Finding | None:
    answer = payments.ask_for_surplus(bank, act.world, held, act.at)
    if answer is Reversal.NO_ANSWER:
        return None
    if answer is Reversal.REFUSED:
        return _Finding("REFUSED_BY_BILLER")

    def book(tx: Tx, held: Held) -> Mapping[str, Any]:
        payments.recover(bank, tx, act.world, held, act.at)
        return {"amount": held.payment.amount}

    return _Finding("RECOVERED_FROM_BILLER", book)


def _close(bank: Bank, tx: Tx, act: Due, record: dict[str, Any], held: Held, finding: _Finding) -> None:
    """Keep the decision and what follows from it."""
    if held.payment.status is not Status.SUCCEEDED:  # the biller was faster
        finding = _Finding("ALREADY_RETURNED")
    status = "REJECTED" if finding.outcome in _AGAINST else "RESOLVED"
    note = dict(zip(("zh_cn", "en"), _NOTES[finding.outcome], strict=True))
    resolution = {"outcome": finding.outcome, "note": note, **finding.book(tx, held)}
    seen = record["version"]
    record |= {
        "status": status,
        "resolution": _DISPUTE.present({"resolution": resolution})["resolution"],
        "history": [*record["history"], {"status": status, "at": to_wire(act.at), "actor": "BANK"}],
        "updated_at": to_wire(act.at),
        "version": seen + 1,
    }
    bank.contract.check_record("Dispute", record)
    changed = tx.run(store.DECIDE, i=act.subject, seen=seen, to=status, v=seen + 1, w=json_text(record))
    if changed != 1:
        raise RuntimeError("somebody else has decided it")
    payments.end_dispute(tx, held.payment.payment_id)
    due.schedule(tx, act.world, act.at + DAY, FORGET_KEYS, act.subject)
    _tell(bank, tx, act.world, held.app_id, record, act.at)


def _tell(bank: Bank, tx: Tx, world: World, app_id: str, record: Mapping[str, Any], now: int) -> None:
    members = ("dispute_id", "payment_id", "partner_reference", "status", "version")
    data = {name: record[name] for name in members}
    events.record(bank, tx, world, app_id, f"dispute.{record['status'].lower()}", data, now)


def forget_keys(bank: Bank, act: Due) -> None:
    """Forget the idempotency key of a dispute, 24 hours after it was decided."""
    with bank.db.act(act.world.world_id) as tx:
        idempotency.forget(tx, act.world.world_id, act.subject)


def reset(tx: Tx, world_id: str) -> None:
    """Delete every dispute of a world."""
    tx.run(store.RESET, world_id=world_id)


DUE_HANDLERS = {DECIDE: decide, FORGET_KEYS: forget_keys}
