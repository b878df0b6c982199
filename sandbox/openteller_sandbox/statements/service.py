"""Making a day's statements from the ledger, and reading them.

A statement is made when its day is over, and once more after the day's reconciliation with the billers: where a row
differs by then, that is a further version. A row is an entry of the ledger, by its reason:

    send                                  PAYMENT
    return                                REFUND, or REVERSAL where the biller took its posting back
    pay out                               ADJUSTMENT, PAID_OUT
    post late, post twice, recover        ADJUSTMENT, between bank and biller

so that the rows of all days, fees included, add up to what billers and fees have and what is on its way.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Caller, Due
from openteller_sandbox.billers.model import money
from openteller_sandbox.db import Tx
from openteller_sandbox.events import service as events
from openteller_sandbox.http import json_text
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.ledger.service import Entry
from openteller_sandbox.money import Money
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.statements import store
from openteller_sandbox.statements.schemas import StatementRowSchema, StatementSchema

SCOPE = "statements:read"
TIMEZONE = str(clock.BANK_ZONE)
COLUMNS = (
    "type",
    "payment_id",
    "partner_reference",
    "amount",
    "fee",
    "currency",
    "status",
    "value_date",
    "available_at",
)
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""
_ROW = StatementRowSchema()
_STATEMENT = StatementSchema()
_UNDECIDED = "UNDECIDED"
_WAITING = frozenset({"processing", "unknown"})
_BETWEEN_BANK_AND_BILLER = {
    "post late": (1, "POSTED_LATE"),
    "post twice": (1, "POSTED_TWICE"),
    "recover": (-1, "RECOVERED"),
}
"""Which way the amount of such an entry went, and what its row says."""
_REASONS = ("send", "return", "pay out", *_BETWEEN_BANK_AND_BILLER)


@dataclass(frozen=True, slots=True)
class Found:
    """A version of a partner's statement. made_at: bank time, epoch milliseconds."""

    statement_id: str
    made_at: int
    wire: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class File:
    """The CSV of a version."""

    name: str
    body: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """``Content-Digest`` (RFC 9530)."""
        return f"sha-256=:{b64encode(sha256(self.body).digest()).decode()}:"


def make(bank: Bank, act: Due) -> None:
    """Make the statements of a day that is over, or further versions of them; the next day's follow a day later.

    Every partner for whom money has moved by then gets one, whether something moved on this day or not.
    """
    day = date.fromisoformat(act.subject)
    with bank.db.act(act.world.world_id) as tx:
        rows: dict[str, list[dict[str, Any]]] = {partner_id: [] for partner_id in _known(tx, act)}
        for entry in ledger.entries_of(tx, act.world, day, _REASONS):
            partner_id, payment = payments.facts(tx, entry.subject)
            rows.setdefault(partner_id, []).append(_row(entry, payment))
        for partner_id in sorted(rows):
            _make(bank, tx, act, partner_id, rows[partner_id])
        payments.close_day(tx, act.world, day + timedelta(days=1))


def _known(tx: Tx, act: Due) -> list[str]:
    """Give the partners who have had statements before."""
    rows = tx.all(store.PARTNERS, world_id=act.world.world_id, business_date=act.subject)
    return [row["partner_id"] for row in rows]


def _make(bank: Bank, tx: Tx, act: Due, partner_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make a version of a partner's statement, unless the latest one says the same."""
    key = {"world_id": act.world.world_id, "partner_id": partner_id, "business_date": act.subject}
    latest = tx.one(store.LATEST, **key)
    records = [_ROW.present(row) for row in rows]
    csv = to_csv(records)
    if latest is not None and latest["csv"] == csv:
        return
    statement_id, version = ids.new("stm"), latest["version"] + 1 if latest else 1
    day = date.fromisoformat(act.subject)
    record = _STATEMENT.present(
        {
            "statement_id": statement_id,
            "business_date": day,
            "timezone": TIMEZONE,
            "cut_at": clock.start_of_day(day + timedelta(days=1)),
            "version": version,
            "supersedes": latest["statement_id"] if latest else None,
            "count": len(rows),
            "undecided": sum(row["status"] == _UNDECIDED for row in rows),
            "sum": Money.from_minor(sum(row["amount"].minor for row in rows)),
            "fee_sum": Money.from_minor(sum(row["fee"].minor for row in rows)),
            "sha256": sha256(csv.encode()).hexdigest(),
            "made_at": act.at,
        }
    )
    bank.contract.check_record("Statement", record)
    tx.run(
        store.INSERT,
        **key,
        statement_id=statement_id,
        version=version,
        made_at=act.at,
        wire=json_text(record),
        csv=csv,
    )
    _keep_rows(bank, tx, act, statement_id, records)
    data = {"statement_id": statement_id, "business_date": day, "version": version}
    for app_id in partners.app_ids_of_partner(tx, partner_id, scope=SCOPE):
        events.record(bank, tx, act.world, app_id, "statement.ready", data, act.at)


def _keep_rows(bank: Bank, tx: Tx, act: Due, statement_id: str, records: Sequence[Mapping[str, Any]]) -> None:
    for record in records:
        bank.contract.check_record("StatementRow", record)
    key = {"world_id": act.world.world_id, "statement_id": statement_id}
    numbered = enumerate(records, start=1)
    tx.run_many(
        store.INSERT_ROW, [{**key, "position": position, "wire": json_text(record)} for position, record in numbered]
    )


def _row(entry: Entry, payment: Mapping[str, Any]) -> dict[str, Any]:
    """Give the facts of an entry's row."""
    amount = money(payment["amount"]).minor
    facts = {"payment_id": payment["payment_id"], "partner_reference": payment["partner_reference"]}
    if entry.reason == "send":
        return {**facts, "type": "PAYMENT", **_money(amount, entry.minor - amount), **_posting(payment)}
    facts |= {"value_date": clock.bank_date(entry.booked_at), "available_at": entry.booked_at}
    if entry.reason in _BETWEEN_BANK_AND_BILLER:
        sign, status = _BETWEEN_BANK_AND_BILLER[entry.reason]
        return {**facts, "type": "ADJUSTMENT", **_money(sign * entry.minor, 0), "status": status}
    # A fee that the bank keeps does not come back.
    facts |= _money(-amount, amount - entry.minor)
    if entry.reason == "pay out":
        return {**facts, "type": "ADJUSTMENT", "status": "PAID_OUT"}
    reversed_ = payment["refunds"][-1]["reason"] == "BILLER_REVERSED"
    return {**facts, "type": "REVERSAL" if reversed_ else "REFUND", "status": "RETURNED"}


def _posting(payment: Mapping[str, Any]) -> dict[str, Any]:
    """Say what became of a payment at the biller, as far as it is known; what is undone later changes nothing."""
    posted_at = next((entry["at"] for entry in payment["history"] if entry["status"] == "succeeded"), None)
    not_posted = _UNDECIDED if payment["status"] in _WAITING else "NOT_POSTED"
    return {
        "status": "SUCCEEDED" if posted_at else not_posted,
        "value_date": date.fromisoformat(payment["value_date"]),
        "available_at": clock.parse(posted_at) if posted_at else None,
    }


def _money(amount: int, fee: int) -> dict[str, Money]:
    return {"amount": Money.from_minor(amount), "fee": Money.from_minor(fee)}


def to_csv(records: Sequence[Mapping[str, Any]]) -> str:
    """Write rows as the contract's CSV. No value needs quoting: none has a comma, a quote or a line break."""
    lines = [",".join(COLUMNS), *(",".join(_cells(record)) for record in records)]
    return "".join(f"{line}\r\n" for line in lines)


def _cells(record: Mapping[str, Any]) -> list[str]:
    reference = record["partner_reference"]
    values = {
        **record,
        "partner_reference": f"'{reference}" if reference.startswith(_FORMULA) else reference,
        "amount": record["amount"]["amount"],
        "fee": record["fee"]["amount"],
        "currency": record["amount"]["currency"],
    }
    return [values.get(name, "") for name in COLUMNS]


def page(tx: Tx, caller: Caller, *, before: int | None, day: date | None, count: int) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of a partner's statements, the one made last first."""
    rows = tx.all(
        store.PAGE,
        **_partner(caller),
        before=2**62 if before is None else before,
        business_date=day.isoformat() if day else "",
        count=count,
    )
    return [(row["seq"], row["wire"]) for row in rows]


def find(tx: Tx, caller: Caller, statement_id: str) -> Found | None:
    """Give a version of a partner's statement."""
    row = tx.one(store.FIND, **_partner(caller), statement_id=statement_id)
    return Found(statement_id, row["made_at"], row["wire"]) if row else None


def rows(tx: Tx, statement_id: str, *, after: int, count: int) -> list[tuple[int, str]]:
    """Give (position, JSON) of a version's rows, from behind one of them on."""
    found = tx.all(store.ROWS, statement_id=statement_id, after=after, count=count)
    return [(row["position"], row["wire"]) for row in found]


def file(tx: Tx, caller: Caller, statement_id: str) -> File:
    """Give the file of a version that was found."""
    row = tx.one(store.FILE, **_partner(caller), statement_id=statement_id)
    assert row is not None
    return File(f"statement-{row['business_date']}-v{row['version']}.csv", row["csv"].encode())


def tell_again(bank: Bank, caller: Caller, statement_id: str, now: int) -> bool:
    """Tell an app once more of a statement of its partner; False where it has none of that name."""
    with bank.db.act(caller.world.world_id) as tx:
        found = find(tx, caller, statement_id)
        if found is None:
            return False
        record = _STATEMENT.loads(found.wire)
        data = {name: record[name] for name in ("statement_id", "business_date", "version")}
        events.record(bank, tx, caller.world, caller.app_id, "statement.ready", data, now)
    return True


def _partner(caller: Caller) -> dict[str, str]:
    return {"world_id": caller.world.world_id, "partner_id": caller.partner_id}


def reset(tx: Tx, world_id: str) -> None:
    """Delete every statement of a world."""
    for statement in store.RESET:
        tx.run(statement, world_id=world_id)


DUE_HANDLERS = {payments.CLOSE_DAY: make}
