"""What the simulated billers have posted."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from openteller_sandbox.db import Statement, metadata

biller_postings = Table(
    "biller_postings",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("posting_id", String, primary_key=True),
    Column("biller_id", String, nullable=False),
    Column("account_digest", String, nullable=False),
    Column("amounts", Text, nullable=False),  # in minor units, by bill number
    Column("amount", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("posted_at", BigInteger, nullable=False),
    Index("biller_postings_account", "world_id", "biller_id", "account_digest"),
)

_COLUMNS: dict[str, BindParameter[Any]] = {column.name: bindparam(column.name) for column in biller_postings.columns}
INSERT_ONCE = Statement(sqlite_insert(biller_postings).values(_COLUMNS).on_conflict_do_nothing())
_KEY = (biller_postings.c.world_id == bindparam("w"), biller_postings.c.posting_id == bindparam("p"))
FIND = Statement(select(biller_postings).where(*_KEY))
ASKED = Statement(update(biller_postings).where(*_KEY).values(asked=biller_postings.c.asked + 1))
SET_STATE = Statement(update(biller_postings).where(*_KEY).values(state=bindparam("to")))
OF_ACCOUNT = Statement(
    select(biller_postings.c.amounts, biller_postings.c.posted_at)
    .where(
        biller_postings.c.world_id == bindparam("world_id"),
        biller_postings.c.biller_id == bindparam("biller_id"),
        biller_postings.c.account_digest == bindparam("account_digest"),
        biller_postings.c.state == "POSTED",
    )
    .order_by(biller_postings.c.posted_at)
)
RESET = Statement(delete(biller_postings).where(biller_postings.c.world_id == bindparam("world_id")))
