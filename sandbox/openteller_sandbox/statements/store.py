"""The tables of statements and their rows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, delete, or_, select

from openteller_sandbox.db import Insert, Statement, metadata

statements = Table(
    "statements",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("statement_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("business_date", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("wire", Text, nullable=False),
    Column("csv", Text, nullable=False),  # the file as it was hashed
    Index("statements_partner", "world_id", "partner_id", "seq"),
    Index("statements_day", "world_id", "partner_id", "business_date", "version", unique=True),
    sqlite_autoincrement=True,
)
statement_rows = Table(
    "statement_rows",
    metadata,
    Column("statement_id", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("wire", Text, nullable=False),
    Index("statement_rows_world", "world_id"),
)

INSERT = Insert(statements, without=("seq",))
INSERT_ROW = Insert(statement_rows)
_OF_PARTNER = (
    statements.c.world_id == bindparam("world_id"),
    statements.c.partner_id == bindparam("partner_id"),
)
_ONE = (*_OF_PARTNER, statements.c.statement_id == bindparam("statement_id"))
FIND = Statement(select(statements.c.made_at, statements.c.wire).where(*_ONE))
FILE = Statement(select(statements.c.business_date, statements.c.version, statements.c.csv).where(*_ONE))
LATEST = Statement(
    select(statements.c.statement_id, statements.c.version, statements.c.csv)
    .where(*_OF_PARTNER, statements.c.business_date == bindparam("business_date"))
    .order_by(statements.c.version.desc())
    .limit(1)
)
PARTNERS = Statement(
    select(statements.c.partner_id)
    .where(statements.c.world_id == bindparam("world_id"), statements.c.business_date < bindparam("business_date"))
    .distinct()
)
PAGE = Statement(
    select(statements.c.seq, statements.c.wire)
    .where(
        *_OF_PARTNER,
        statements.c.seq < bindparam("before"),
        or_(bindparam("business_date") == "", statements.c.business_date == bindparam("business_date")),
    )
    .order_by(statements.c.seq.desc())
    .limit(bindparam("count"))
)
ROWS = Statement(
    select(statement_rows.c.position, statement_rows.c.wire)
    .where(
        statement_rows.c.statement_id == bindparam("statement_id"),
        statement_rows.c.position > bindparam("after"),
    )
    .order_by(statement_rows.c.position)
    .limit(bindparam("count"))
)
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("world_id"))) for table in (statements, statement_rows)
]
