"""What is compared of two lives of a world, and what a bank in memory needs to begin one. No tables of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from openteller_sandbox.db import Insert, Row, Statement, Tx, metadata


class Compared(NamedTuple):
    """A table. key: the columns that name a row; order: by which rows stand, where the key does not say it; without:
    columns that differ in every life.
    """

    key: tuple[str, ...]
    order: str | None = None
    without: tuple[str, ...] = ()


COMPARED: Mapping[str, Compared] = {
    "worlds": Compared(("world_id",)),
    "partners": Compared(("partner_id",)),
    "apps": Compared(("app_id",), without=("secret_hash",)),
    "payments": Compared(("payment_id",), "seq", ("seq",)),
    "payment_contexts": Compared(("payment_id",)),
    "bill_locks": Compared(("payment_id", "bill_number")),
    "receipts": Compared(("receipt_id",)),
    "refunds": Compared(("refund_id",)),
    "disputes": Compared(("dispute_id",), "seq", ("seq",)),
    "statements": Compared(("statement_id",), "seq", ("seq",)),
    "statement_rows": Compared(("statement_id", "position")),
    "account_links": Compared(("account_link_id",), "seq", ("seq", "consent_id")),
    "consent_extensions": Compared(("extension_id",)),
    "reconciliations": Compared(("business_date", "biller_id")),
    "ledger_lines": Compared(("entry_id", "account", "amount"), without=("line_id",)),
    "customer_accounts": Compared(("customer_id", "currency")),
    "events": Compared(("event_id",), "seq", ("seq",)),
    "bill_fetches": Compared(("bill_fetch_id",)),
    "bills": Compared(("bill_id",)),
    "fetch_asks": Compared(("bill_fetch_id",)),
    "fetch_suspensions": Compared(("app_id", "since")),
    "payer_days": Compared(("customer_id", "day")),
    "payer_accounts": Compared(("customer_id", "account_digest")),
    "saved_billers": Compared(("saved_biller_id",), "seq", ("seq",)),
    "reminders": Compared(("reminder_id",), "seq", ("seq",)),
    "tickets": Compared(("ticket_id",), "seq", ("seq",)),
    "mandate_uses": Compared(("consent_id", "mandate", "number")),
    "customer_notices": Compared(("notice_id",), "seq", ("seq",)),
    "biller_postings": Compared(("posting_id",)),
    "biller_calendars": Compared(("biller_id",)),
    "faults": Compared(("fault_id",)),
    "due_acts": Compared(("due_at", "kind", "subject"), without=("due_id",)),
    "idempotency_keys": Compared(("app_id", "key"), without=("body",)),  # has the public URL of its time
}
"""All that an app, a payer or the bank can see of a world. Not compared: browsers' sessions and failed sign-ins, which
name what was typed, tokens and consents, and webhooks, which depend on what partners' servers answer.
"""
OPEN_DATA = (
    "bank_facts",
    "rate_sheets",
    "workdays",
    "biller_categories",
    "billers",
    "biller_words",
    "divisions",
    "division_words",
)
_MOST_AT_ONCE = 500
_OWNED = {
    "acl_": ("account_links",),
    "bft_": ("bill_fetches", "fetch_asks"),
    "dsp_": ("disputes",),
    "pay_": ("payments",),
    "rmd_": ("reminders",),
    "svb_": ("saved_billers",),
    "tkt_": ("tickets",),
}
"""Where the app stands that what a deed is about belongs to, by the prefix of its identifier."""

Rows = dict[str, list[tuple[Any, ...]]]
"""By table, in a fixed order; values as ``columns`` names them."""


def columns(name: str) -> list[str]:
    """Give the columns of a table that are compared."""
    return [column.name for column in metadata.tables[name].columns if column.name not in COMPARED[name].without]


def state(tx: Tx, world_id: str) -> Rows:
    """Read all of a world that is compared."""
    return {name: [tuple(row) for row in tx.all(_of_world(name), world_id=world_id)] for name in COMPARED}


def is_owned(subject: str) -> bool:
    """Tell whether a subject of a deed names what an app has made."""
    return subject[:4] in _OWNED


def owner(tx: Tx, world_id: str, subject: str) -> str | None:
    """Give the app that has made what a deed is about; None where it is gone."""
    for name in _OWNED[subject[:4]]:
        row = tx.one(_owner(name), world_id=world_id, subject=subject)
        if row:
            return str(row["app_id"])
    return None


def copy_open_data(source: Tx, target: Tx) -> None:
    """Copy what every world of a bank shares, as far as payments need it, and the bank's keys."""
    for name in OPEN_DATA:
        _copy(target, name, source.all(_everything(name)))


def copy_apps(source: Tx, target: Tx, world_id: str, app_ids: Collection[str]) -> None:
    """Copy apps with their partners."""
    apps = [row for row in source.all(_whole_world("apps"), world_id=world_id) if row["app_id"] in app_ids]
    partner_ids = {row["partner_id"] for row in apps}
    partners = source.all(_whole_world("partners"), world_id=world_id)
    _copy(target, "partners", [row for row in partners if row["partner_id"] in partner_ids])
    _copy(target, "apps", apps)


def _copy(target: Tx, name: str, rows: Sequence[Row]) -> None:
    for first in range(0, len(rows), _MOST_AT_ONCE):
        part = rows[first : first + _MOST_AT_ONCE]
        target.run_many(_insert(name), [dict(zip(row.keys(), row, strict=True)) for row in part])


@cache
def _of_world(name: str) -> Statement:
    table, compared = metadata.tables[name], COMPARED[name]
    order = (compared.order,) if compared.order else compared.key
    shown = [table.c[column] for column in columns(name)]
    return Statement(
        select(*shown).where(table.c.world_id == bindparam("world_id")).order_by(*(table.c[column] for column in order))
    )


@cache
def _whole_world(name: str) -> Statement:
    table = metadata.tables[name]
    return Statement(select(table).where(table.c.world_id == bindparam("world_id")))


@cache
def _everything(name: str) -> Statement:
    return Statement(select(metadata.tables[name]))


@cache
def _owner(name: str) -> Statement:
    table = metadata.tables[name]
    (key,) = COMPARED[name].key
    return Statement(
        select(table.c.app_id).where(table.c[key] == bindparam("subject"), table.c.world_id == bindparam("world_id"))
    )


@cache
def _insert(name: str) -> Insert:
    return Insert(metadata.tables[name])
