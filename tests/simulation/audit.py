"""What always holds of a bank's books, whatever has happened to it: read from its tables, and told as what is wrong.

The kill rig, the state machine and the simulation ask it. It knows what it has seen before, so that a history that was
told once cannot be told otherwise later.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, or_, select

from openteller_sandbox.customers.store import customer_accounts
from openteller_sandbox.db import Statement, Tx
from openteller_sandbox.events.store import events
from openteller_sandbox.ledger.store import ledger_lines
from openteller_sandbox.money import Money
from openteller_sandbox.payments.states import LEGAL, TRANSITIONS, Debit, Posting, Status, money_at
from openteller_sandbox.payments.store import payments, refunds
from openteller_sandbox.webhooks.store import deliveries, endpoints

_SUM = func.sum(ledger_lines.c.amount)


def _within(column: ColumnElement[str]) -> ColumnElement[bool]:
    """Take one world, or every one."""
    return or_(bindparam("world") == "", column == bindparam("world"))


_UNBALANCED = {
    part: Statement(
        select(column.label("part"))
        .where(_within(ledger_lines.c.world_id))
        .group_by(column, ledger_lines.c.currency, ledger_lines.c.world_id)
        .having(_SUM != 0)
    )
    for part, column in {
        "entry": ledger_lines.c.entry_id,
        "payment": ledger_lines.c.subject,
        "world": ledger_lines.c.world_id,
    }.items()
}
_LINES = Statement(
    select(ledger_lines.c.subject, ledger_lines.c.account, ledger_lines.c.reason, _SUM.label("gain"))
    .where(_within(ledger_lines.c.world_id))
    .group_by(ledger_lines.c.subject, ledger_lines.c.account, ledger_lines.c.reason)
)
_CUSTOMERS = Statement(
    select(
        customer_accounts.c.world_id,
        customer_accounts.c.customer_id,
        customer_accounts.c.available,
        select(func.coalesce(_SUM, 0))
        .where(
            ledger_lines.c.world_id == customer_accounts.c.world_id,
            ledger_lines.c.account == "customer:" + customer_accounts.c.customer_id,
        )
        .scalar_subquery()
        .label("booked"),
    ).where(_within(customer_accounts.c.world_id))
)
_PAYMENTS = Statement(
    select(
        payments.c.payment_id,
        payments.c.partner_id,
        payments.c.partner_reference,
        payments.c.status,
        payments.c.debit_status,
        payments.c.posting_status,
        payments.c.version,
        payments.c.wire,
    )
    .where(_within(payments.c.world_id))
    .order_by(payments.c.seq)
)
_EVENTS = Statement(
    select(events.c.seq, events.c.type, events.c.wire)
    .where(events.c.seq > bindparam("after"), _within(events.c.world_id))
    .order_by(events.c.seq)
)
_REFUNDS = Statement(
    select(refunds.c.refund_id, refunds.c.payment_id, refunds.c.version, refunds.c.wire).where(
        _within(refunds.c.world_id)
    )
)
_WANTED = select(endpoints.c.app_id, func.count().label("count")).group_by(endpoints.c.app_id).subquery()
_UNSENT = Statement(
    select(events.c.event_id)
    .join(_WANTED, _WANTED.c.app_id == events.c.app_id)
    .outerjoin(deliveries, deliveries.c.event_id == events.c.event_id)
    .where(
        _within(events.c.world_id), or_(*(events.c.type.like(f"{kind}.%") for kind in ("payment", "refund", "dispute")))
    )
    .group_by(events.c.event_id, _WANTED.c.count)
    .having(func.count(deliveries.c.webhook_delivery_id) != _WANTED.c.count)
)
_SURPLUS = {"LATE_POSTING": "post late", "DOUBLE_POSTING": "post twice", "RECOVERED": "recover"}


@dataclass
class Audit:
    """Looks at everything, as often as asked.

    world_id: of one world, or of all. outbox: whether each app's endpoints want every event and were there before its
    first payment. Events must be younger than what the bank keeps of them when they are first looked at.
    """

    world_id: str = ""

    outbox: bool = False
    histories: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    statuses: dict[str, Status] = field(default_factory=dict)
    references: dict[tuple[str, str], str] = field(default_factory=dict)
    looks: int = 0
    _told: defaultdict[str, list[tuple[str, int]]] = field(default_factory=lambda: defaultdict(list))
    _seq: int = 0

    def look(self, tx: Tx) -> list[str]:
        """Give what is wrong, which should be nothing. What is read must be of one moment: hand it an act."""
        self.looks += 1
        here = {"world": self.world_id}
        self._read_events(tx)
        wrong = [
            f"{part} {row['part']} does not sum to zero"
            for part, each in _UNBALANCED.items()
            for row in tx.all(each, **here)
        ]
        wrong += [
            f"{row['customer_id']} of {row['world_id']} has {row['available']}, booked are {row['booked']}"
            for row in tx.all(_CUSTOMERS, **here)
            if row["available"] != row["booked"] or row["available"] < 0
        ]
        lines = _lines(tx, self.world_id)
        for row in tx.all(_PAYMENTS, **here):
            wrong += [f"{row['payment_id']}: {text}" for text in self._payment(row, lines)]
        wrong += [f"{row['refund_id']}: {text}" for row in tx.all(_REFUNDS, **here) for text in self._refund(row)]
        if self.outbox:
            wrong += [
                f"{row['event_id']} is not in the outbox once for each endpoint" for row in tx.all(_UNSENT, **here)
            ]
        return wrong

    def _read_events(self, tx: Tx) -> None:
        for row in tx.all(_EVENTS, after=self._seq, world=self.world_id):
            self._seq = row["seq"]
            data = json.loads(row["wire"])["data"]
            subject = data.get("refund_id") if row["type"].startswith("refund.") else data.get("payment_id")
            if subject and row["type"].startswith(("payment.", "refund.")):
                self._told[subject].append((row["type"], data["version"]))

    def _payment(self, row: Any, lines: Mapping[str, Counter[tuple[str, str]]]) -> Iterator[str]:
        payment_id, wire = row["payment_id"], json.loads(row["wire"])
        status, debit, posting = Status(row["status"]), Debit(row["debit_status"]), Posting(row["posting_status"])
        moves = tuple((entry["status"], entry["at"]) for entry in wire["history"])
        before = self.histories.get(payment_id, ())
        if moves[: len(before)] != before:
            yield f"the history was {before} and is {moves}"
        self.histories[payment_id], self.statuses[payment_id] = moves, status
        first = self.references.setdefault((row["partner_id"], row["partner_reference"]), payment_id)
        if first != payment_id:
            yield f"it has the reference of {first}"
        names = [Status(name) for name, _ in moves]
        if any(to not in TRANSITIONS[since] for since, to in pairwise(names)) or names[0] is not Status.CREATED:
            yield f"the history is not legal: {names}"
        if names[-1] is not status or wire["status"] != status:
            yield f"it is {status}, and its history ends with {names[-1]}"
        if (debit, posting) not in LEGAL[status]:
            yield f"{status} with {debit} and {posting}"
        if wire["money_at"] != money_at(debit, posting):
            yield f"the money is said to be at {wire['money_at']}"
        if wire["version"] != row["version"]:
            yield f"version {row['version']} is written down as {wire['version']}"
        yield from self._events(payment_id, [f"payment.{name}" for name in names], row["version"])
        yield from _books(wire, status, debit, posting, lines.get(payment_id, Counter()))

    def _refund(self, row: Any) -> Iterator[str]:
        wire, told = json.loads(row["wire"]), self._told[row["refund_id"]]
        versions = [version for _, version in told]
        if versions != list(range(1, row["version"] + 1)):
            yield f"of versions up to {row['version']} these were told: {versions}"
        if not told or told[-1][0] != f"refund.{wire['status'].lower()}":
            yield f"it is {wire['status']}, and the last event is {told[-1:]}"

    def _events(self, subject: str, expected: list[str], version: int) -> Iterator[str]:
        """One event for each status, in order, with versions that grow."""
        told = self._told[subject]
        if [type_ for type_, _ in told] != expected:
            yield f"moves {expected}, events {told}"
        versions = [number for _, number in told]
        if versions != sorted(set(versions)) or versions[-1:] > [version]:
            yield f"versions of events: {versions}, of the payment: {version}"


def _lines(tx: Tx, world_id: str) -> Mapping[str, Counter[tuple[str, str]]]:
    """Give what each account has gained from each payment, by reason."""
    found: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in tx.all(_LINES, world=world_id):
        found[row["subject"]][row["account"].partition(":")[0], row["reason"]] += int(row["gain"])
    return found


def _books(
    wire: Mapping[str, Any], status: Status, debit: Debit, posting: Posting, lines: Counter[tuple[str, str]]
) -> Iterator[str]:
    """Hold a payment against its ledger lines: where the record says that the money is, there it is booked."""
    gains: Counter[str] = Counter()
    for (account, _), gain in lines.items():
        gains[account] += gain
    noted = Counter(each["type"] for each in wire["exceptions"])
    surplus = noted["LATE_POSTING"] + noted["DOUBLE_POSTING"] - noted["RECOVERED"]
    amount, total = _minor(wire.get("amount")), _minor(wire.get("total"))
    going = _minor(wire["refunds"][-1]["amount"]) if wire["refunds"] else 0
    sent = status in {Status.PROCESSING, Status.UNKNOWN}
    back = going if debit in {Debit.RELEASED, Debit.RETURNED} else 0
    by_hand = gains["payouts"]
    taken = total if debit is not Debit.NOT_STARTED else 0
    expected = {
        "holds": total if debit is Debit.HELD else 0,
        "clearing": total if sent else 0,
        "refunds": going if status is Status.REFUND_PENDING and debit is Debit.DEBITED else 0,
        "biller": amount * ((status is Status.SUCCEEDED) + surplus),
        "suspense": (going if status is Status.REFUND_FAILED else 0) - amount * surplus,
        "customer": back - by_hand - taken,
    }
    for account, gain in expected.items():
        if gains[account] != gain:
            yield f"{account} has {gains[account]} and should have {gain} ({status}, {debit}, {posting}, {dict(noted)})"
    if by_hand not in {0, back}:
        yield f"paid out by hand: {by_hand} of {back}"
    for type_, reason in _SURPLUS.items():
        if noted[type_] and not any(why == reason for _, why in lines):
            yield f"{type_} has no ledger lines"
    if status is Status.REFUNDED and posting is Posting.POSTED and surplus != 1:
        yield "refunded and posted, and nobody has noted it"


def _minor(money: Mapping[str, str] | None) -> int:
    return Money(Decimal(money["amount"])).minor if money else 0
