"""What the bank has written: compared before and after an attack."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Statement, metadata

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


def snapshot(bank: Bank) -> dict[str, Any]:
    """Give the content of every table that a request could write to, and the number of rows of the others."""
    tx = bank.db.read()
    found: dict[str, Any] = {}
    for name, table in metadata.tables.items():
        if name == "request_log":  # has every request, and is written later
            continue
        if name in SEEDED:
            found[name] = tx.one(Statement(select(func.count()).select_from(table)))[0]  # type: ignore[index]
        else:
            in_order = select(table).order_by(*table.primary_key.columns)  # a table itself has none that lasts
            found[name] = [tuple(row) for row in tx.all(Statement(in_order))]
    return found
