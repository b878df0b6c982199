"""What the bank has written: compared before and after an attack."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Database, Statement, metadata
from openteller_sandbox.db.sqlite import SqliteDatabase

SEEDED = {
    "atms",
    "atms_sets",
    "biller_categories",
    "biller_words",
    "billers",
    "branches",
    "branches_sets",
    "division_words",
    "divisions",
    "rate_sheets",
    "workdays",
}
"""Tables of open data: large, and written when the seed is loaded; counted, while the others are read in full."""


Snapshot = dict[str, list[tuple[Any, ...]]]

_Mark = tuple[sqlite3.Connection, int, int]
_last: WeakKeyDictionary[Database, tuple[_Mark, Snapshot]] = WeakKeyDictionary()


def snapshot(bank: Bank) -> Snapshot:
    """Give the content of every table that a request could write to, and the number of rows of the others.

    Where SQLite says that nobody has written since the last one, that is given again: reading takes far longer.
    """
    if not isinstance(bank.db, SqliteDatabase):
        return _read(bank.db)
    mark = _mark(bank.db)
    known = _last.get(bank.db)
    if known is None or known[0] != mark:
        _last[bank.db] = known = (mark, _read(bank.db))
    return known[1]


def snapshot_of(bank: Bank, tables: Collection[str]) -> Snapshot:
    """Give the content of some tables."""
    return _read(bank.db, tables)


def _mark(database: SqliteDatabase) -> _Mark:
    """Give a connection and two numbers: one changes when another commits, the other with each row that it writes."""
    connection = database._connection()
    assert not connection.in_transaction, "what is undone would be remembered"
    return connection, connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes


def _read(database: Database, tables: Collection[str] | None = None) -> Snapshot:
    tx = database.read()
    return {
        name: [tuple(row) for row in tx.all(statement)]
        for name, statement in _statements().items()
        if tables is None or name in tables
    }


@cache
def _statements() -> dict[str, Statement]:
    """Give what reads each table. Kept, since compiling costs more than reading, and attacks look very often."""
    return {
        name: Statement(
            select(func.count()).select_from(table)
            if name in SEEDED
            else select(table).order_by(*table.primary_key.columns)  # a table itself has no order that lasts
        )
        for name, table in metadata.tables.items()
        if name != "request_log"  # has every request, and is written later
    }
