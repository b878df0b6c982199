"""A few facts about the database itself: where bank time began, which seed was loaded, the bank's keys."""

from __future__ import annotations

from sqlalchemy import Column, String, Table, Text, bindparam, delete, select

from openteller_sandbox.db.engine import Tx
from openteller_sandbox.db.statements import Insert, Statement, metadata

bank_facts = Table(
    "bank_facts", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False)
)

_GET = Statement(select(bank_facts).where(bank_facts.c.name == bindparam("name")))
_DELETE = Statement(delete(bank_facts).where(bank_facts.c.name == bindparam("name")))
_INSERT = Insert(bank_facts)


def get(tx: Tx, name: str) -> str | None:
    """Give a fact, or None."""
    row = tx.one(_GET, name=name)
    return row["value"] if row else None


def put(tx: Tx, name: str, value: str) -> None:
    """Set a fact."""
    tx.run(_DELETE, name=name)
    tx.run(_INSERT, name=name, value=value)


def drop(tx: Tx, name: str) -> None:
    """Forget a fact, if there is one."""
    tx.run(_DELETE, name=name)
