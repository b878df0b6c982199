"""The day's reconciliation: what the bank has sent to a biller against what the biller says it has posted.

It is made two hours after a day has ended in the bank's calendar (Asia/Shanghai), when every status query of the day
has been asked. A biller's list is authoritative; nothing is guessed:

    the biller has it, we do not know      长款  it was posted: the payment succeeds
    the biller has it, we gave it back     长款  posted late: the bank's, got back from the biller
    the biller has it twice                      the second is the bank's, got back from the biller
    the biller has it, we never sent it    长款  booked to suspense, for a person to look into
    we do not know, the biller has it not        it was not posted: the payer gets everything back
    we have it, the biller has it not      短款  asked once more; where it has not, the payer gets everything back

What cannot be decided, because a list or an answer cannot be had, is compared again a day later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.biller_port.port import Listed, PostingAnswer, PostingState, Reversal
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bills import service as bills
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.http import json_text
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import lifecycle, moves, posting, records, returning, store
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Posting, Status

CLOSE_AGAIN_MS = clock.HOUR
"""How much later the day is closed again, with what was decided."""
_BACK_DAYS = 7
"""A biller that was paid in these days before is asked for its list, too: it may have posted late."""
_UNDECIDED = frozenset({Status.PROCESSING, Status.UNKNOWN})
_GOING_BACK = frozenset({Status.REFUND_PENDING, Status.REFUND_FAILED})


@dataclass(frozen=True, slots=True)
class Difference:
    """What one side had and the other had not.

    Attributes:
        posting_id: the payment, or what the biller calls it.
        kind: LONG (长款), SHORT (短款), DOUBLE, or UNDECIDED: neither side knew.
        amount: in minor units.
        outcome: what became of it; OPEN where it is compared again.
    """

    posting_id: str
    kind: str
    amount: int
    outcome: str


@dataclass(slots=True)
class Report:
    """What came of comparing a day with a biller. status: CLOSED, OPEN, or UNAVAILABLE where there was no list."""

    biller_id: str
    status: str = "CLOSED"
    matched: int = 0
    matched_minor: int = 0
    differences: list[Difference] = field(default_factory=list)

    def add(self, posting_id: str, kind: str, amount: int, outcome: str) -> None:
        """Note a difference."""
        self.differences.append(Difference(posting_id, kind, amount, outcome))
        if outcome == "OPEN":
            self.status = "OPEN"


@dataclass(frozen=True, slots=True)
class _Compared:
    """One biller's day at work."""

    bank: Bank
    act: Due
    biller: Biller
    report: Report


def run(bank: Bank, act: Due) -> None:
    """Reconcile a day with every biller."""
    day = date.fromisoformat(act.subject)
    reports = [_with_biller(bank, act, day, biller_id) for biller_id in _billers(bank, act.world, day)]
    with bank.db.act(act.world.world_id) as tx:
        for report in reports:
            _keep(tx, act, report)
        if any(report.status != "CLOSED" for report in reports):
            due.schedule(tx, act.world, act.at + clock.DAY, lifecycle.RECONCILE, act.subject)
        due.cancel(tx, act.world, lifecycle.CLOSE_DAY, act.subject)
        due.schedule(tx, act.world, act.at + CLOSE_AGAIN_MS, lifecycle.CLOSE_DAY, act.subject)


def reports(tx: Tx, world: World, day: date) -> list[Report]:
    """Give what came of a day's reconciliation, by biller."""
    rows = tx.all(store.RECONCILIATIONS, world_id=world.world_id, business_date=day.isoformat())
    return [
        Report(
            row["biller_id"],
            row["status"],
            row["matched"],
            row["matched_minor"],
            [Difference(**each) for each in json.loads(row["differences"])],
        )
        for row in rows
    ]


def _billers(bank: Bank, world: World, day: date) -> list[str]:
    since = (day - timedelta(days=_BACK_DAYS)).isoformat()
    rows = bank.db.read().all(store.BILLERS_PAID, world_id=world.world_id, since=since, until=day.isoformat())
    return [row["biller_id"] for row in rows]


def _with_biller(bank: Bank, act: Due, day: date, biller_id: str) -> Report:
    biller = billers.get(bank.db.read(), biller_id)
    work = _Compared(bank, act, biller, Report(biller_id))
    listed = bills.port_of(bank).reconcile(act.world, biller, day, act.at)
    if listed is None:
        work.report.status = "UNAVAILABLE"
        _wait_another_day(work, day)
        return work.report
    theirs = {entry.posting_id: entry for entry in listed}
    for row in _ours(bank, act.world, day, biller_id):
        _compare(work, row, theirs.pop(row["payment_id"], None))
    for entry in theirs.values():
        _find(work, entry)
    return work.report


def _ours(bank: Bank, world: World, day: date, biller_id: str) -> Sequence[Mapping[str, Any]]:
    return bank.db.read().all(store.SENT_TO, world_id=world.world_id, sent_on=day.isoformat(), biller_id=biller_id)  # type: ignore[return-value] # rows are read by name only


def _compare(work: _Compared, row: Mapping[str, Any], entry: Listed | None) -> None:
    """Compare one payment of the day with what the biller has of it."""
    status, agrees = Status(row["status"]), entry is not None and entry.amount.minor == row["amount_minor"]
    if entry is None:
        if status in _UNDECIDED:
            _decide(work, row["payment_id"], PostingAnswer(PostingState.NOT_FOUND))
            work.report.add(row["payment_id"], "UNDECIDED", row["amount_minor"], "NOT_POSTED")
        elif status is Status.SUCCEEDED:
            work.report.add(row["payment_id"], "SHORT", row["amount_minor"], _short(work, row["payment_id"]))
        else:
            _gone(work, row["payment_id"])
    elif status in _UNDECIDED:
        _decide(work, row["payment_id"], PostingAnswer(PostingState.POSTED, entry.reference, entry.times))
        work.report.add(row["payment_id"], "LONG", entry.amount.minor, "SUCCEEDED")
        _surplus(work, row["payment_id"], entry)
    elif status is Status.SUCCEEDED and entry.times == 1 and agrees and not row["doubled"]:
        _match(work, entry)
    elif status is Status.SUCCEEDED and not agrees:
        work.report.add(row["payment_id"], "LONG", entry.amount.minor, "OPEN")
    else:
        _surplus(work, row["payment_id"], entry)


def _find(work: _Compared, entry: Listed) -> None:
    """Look into what the biller has listed and we did not send on that day."""
    if records.get(work.bank.db.read(), entry.posting_id):
        _surplus(work, entry.posting_id, entry)
        return
    act, amount = work.act, entry.amount.minor
    with work.bank.db.act(act.world.world_id) as tx:
        if not ledger.lines_of(tx, act.world, entry.posting_id):
            lines = {ledger.SUSPENSE: -amount, ledger.biller(work.biller.biller_id): amount}
            ledger.book(tx, act.world, reason="not ours", subject=entry.posting_id, lines=lines, now=act.at)
    work.report.add(entry.posting_id, "LONG", amount, "SUSPENSE")


def _decide(work: _Compared, payment_id: str, answer: PostingAnswer) -> None:
    """Decide a payment of which nobody knew."""
    act = work.act
    posting.settle(work.bank, Due(act.world, lifecycle.RECONCILE, payment_id, act.at), answer, by_list=True)


def _short(work: _Compared, payment_id: str) -> str:
    """Ask once more for what the biller had said to have posted, and has not listed; give what became of it."""
    bank, act = work.bank, work.act
    held = records.get(bank.db.read(), payment_id)
    assert held is not None
    answer = bills.port_of(bank).query_posting(act.world, moves.at_biller(bank.db.read(), held), act.at)
    if answer.state in {PostingState.POSTED, PostingState.NO_ANSWER}:
        return "OPEN"
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, payment_id)
        if held is not None and held.payment.status is Status.SUCCEEDED:
            returning.never_posted(bank, tx, act.world, held, reason="NOT_POSTED", now=act.at)
    return "RETURNED"


def _surplus(work: _Compared, payment_id: str, entry: Listed) -> None:
    """Note what the biller has too much of a payment, and get it back."""
    bank, act = work.bank, work.act
    with bank.db.act(act.world.world_id) as tx:
        held = records.get(tx, payment_id)
        assert held is not None
        kind = _note(bank, tx, act, held, entry)
    if kind is None:
        _match(work, entry)
        return
    if held.payment.status in _GOING_BACK:
        work.report.add(payment_id, kind, entry.amount.minor, "OPEN")
        return
    recovered = returning.ask_for_surplus(bank, act.world, held, act.at) is Reversal.REVERSED
    if recovered:
        with bank.db.act(act.world.world_id) as tx:
            held = records.get(tx, payment_id)
            assert held is not None
            if returning.has_surplus(held):
                returning.recover(bank, tx, act.world, held, act.at)
    work.report.add(payment_id, kind, entry.amount.minor, "RECOVERED" if recovered else "OPEN")


def _gone(work: _Compared, payment_id: str) -> None:
    """Where a payment went back with a posting that the biller had twice: what it had too much went with it, or not."""
    bank, act = work.bank, work.act
    held = records.get(bank.db.read(), payment_id)
    if held is None or not returning.has_surplus(held):
        return
    amount = moves.amount(held.payment).minor
    answer = bills.port_of(bank).query_posting(act.world, moves.at_biller(bank.db.read(), held), act.at)
    gone = answer.state in {PostingState.REJECTED, PostingState.NOT_FOUND}
    if gone:
        with bank.db.act(act.world.world_id) as tx:
            held = records.get(tx, payment_id)
            if held is not None and returning.has_surplus(held):
                returning.recover(bank, tx, act.world, held, act.at)
    work.report.add(payment_id, "DOUBLE", amount, "RECOVERED" if gone else "OPEN")


def _match(work: _Compared, entry: Listed) -> None:
    work.report.matched += 1
    work.report.matched_minor += entry.amount.minor


def _note(bank: Bank, tx: Tx, act: Due, held: Held, entry: Listed) -> str | None:
    """Note a surplus that was not known; give what kind of one there is, or None."""
    status = held.payment.status
    if status in _GOING_BACK:
        return "LONG"
    if status is Status.REFUNDED:
        if held.payment.posting.status != Posting.POSTED.value and not returning.has_surplus(held):
            returning.note_late(bank, tx, act.world, held, act.at)
        return "LONG"
    if entry.times > 1 and not returning.has_surplus(held):
        returning.note_surplus(tx, act.world, held, "DOUBLE_POSTING", act.at)
        records.save(bank, tx, held, act.at)
    return "DOUBLE" if returning.has_surplus(held) else None


def _wait_another_day(work: _Compared, day: date) -> None:
    """Say of what is not decided when it will be."""
    bank, act = work.bank, work.act
    for row in _ours(bank, act.world, day, work.biller.biller_id):
        if Status(row["status"]) in _UNDECIDED:
            with bank.db.act(act.world.world_id) as tx:
                held = records.get(tx, row["payment_id"])
                if held is not None and held.payment.resolution and held.payment.status is Status.UNKNOWN:
                    held.payment.resolution.expected_by = act.at + clock.DAY
                    records.save(bank, tx, held, act.at)


def _keep(tx: Tx, act: Due, report: Report) -> None:
    key = {"world_id": act.world.world_id, "business_date": act.subject, "biller_id": report.biller_id}
    tx.run(store.FORGET_RECONCILIATION, **key)
    tx.run(
        store.KEEP_RECONCILIATION,
        **key,
        run_at=act.at,
        status=report.status,
        matched=report.matched,
        matched_minor=report.matched_minor,
        differences=json_text([asdict(each) for each in report.differences]),
    )


DUE_HANDLERS = {lifecycle.RECONCILE: run}
