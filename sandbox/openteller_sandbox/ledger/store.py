"""The table of ledger lines."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, bindparam, delete, func, select

from openteller_sandbox.db import Insert, Statement, metadata

ledger_lines = Table(
    "ledger_lines",
    metadata,
    Column("line_id", Integer, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("entry_id", String, nullable=False),
    Column("account", String, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("currency", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("booked_at", BigInteger, nullable=False),
    Column("business_date", String, nullable=False),
    Index("ledger_lines_subject", "world_id", "subject"),
    Index("ledger_lines_account", "world_id", "account"),
    Index("ledger_lines_day", "world_id", "business_date"),
)

INSERT = Insert(ledger_lines, without=("line_id",))
OF_SUBJECT = Statement(
    select(ledger_lines)
    .where(ledger_lines.c.world_id == bindparam("world_id"), ledger_lines.c.subject == bindparam("subject"))
    .order_by(ledger_lines.c.line_id)
)
OF_DAY = Statement(
    select(
        ledger_lines.c.reason,
        ledger_lines.c.subject,
        ledger_lines.c.booked_at,
        func.sum(ledger_lines.c.amount).label("minor"),
    )
    .where(
        ledger_lines.c.world_id == bindparam("world_id"),
        ledger_lines.c.business_date == bindparam("business_date"),
        ledger_lines.c.amount > 0,
    )
    .group_by(ledger_lines.c.entry_id, ledger_lines.c.reason, ledger_lines.c.subject, ledger_lines.c.booked_at)
    .order_by(func.min(ledger_lines.c.line_id))
)
BALANCES = Statement(
    select(ledger_lines.c.account, ledger_lines.c.currency, func.sum(ledger_lines.c.amount).label("balance"))
    .where(ledger_lines.c.world_id == bindparam("world_id"))
    .group_by(ledger_lines.c.account, ledger_lines.c.currency)
    .order_by(ledger_lines.c.account)
)
_UNBALANCED = (
    select(ledger_lines.c.entry_id)
    .group_by(ledger_lines.c.entry_id, ledger_lines.c.currency)
    .having(func.sum(ledger_lines.c.amount) != 0)
    .limit(1)
)
UNBALANCED = Statement(_UNBALANCED)
UNBALANCED_OF_WORLD = Statement(_UNBALANCED.where(ledger_lines.c.world_id == bindparam("world_id")))
RESET = Statement(delete(ledger_lines).where(ledger_lines.c.world_id == bindparam("world_id")))
