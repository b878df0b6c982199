"""What the bank has written: compared before and after an attack."""

from __future__ import annotations

from functools import cache
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
    return {name: [tuple(row) for row in tx.all(statement)] for name, statement in _statements().items()}


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
