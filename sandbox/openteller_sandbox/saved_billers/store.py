"""The table of saved billers. ``inputs`` holds account numbers: it never leaves the bank."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, UniqueConstraint, bindparam, delete, func, select

from openteller_sandbox.db import Statement, insert_or_ignore, metadata

saved_billers = Table(
    "saved_billers",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("saved_biller_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("account_digest", String, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("wire", Text, nullable=False),
    UniqueConstraint("app_id", "customer_id", "biller_id", "account_digest", name="saved_billers_account"),
    Index("saved_billers_customer", "world_id", "customer_id"),
    sqlite_autoincrement=True,
)

_OWN = (saved_billers.c.app_id == bindparam("app_id"), saved_billers.c.customer_id == bindparam("customer_id"))
INSERT = insert_or_ignore(saved_billers, without=("seq",))
FIND = Statement(select(saved_billers).where(*_OWN, saved_billers.c.saved_biller_id == bindparam("saved_biller_id")))
BY_ID = Statement(select(saved_billers).where(saved_billers.c.saved_biller_id == bindparam("saved_biller_id")))
BY_ACCOUNT = Statement(
    select(saved_billers).where(
        *_OWN,
        saved_billers.c.biller_id == bindparam("biller_id"),
        saved_billers.c.account_digest == bindparam("account_digest"),
    )
)
PAGE = Statement(
    select(saved_billers)
    .where(*_OWN, saved_billers.c.seq < bindparam("before"))
    .order_by(saved_billers.c.seq.desc())
    .limit(bindparam("count"))
)
COUNT = Statement(select(func.count().label("count")).select_from(saved_billers).where(*_OWN))
OF_CUSTOMER = Statement(
    select(saved_billers)
    .where(saved_billers.c.world_id == bindparam("world_id"), saved_billers.c.customer_id == bindparam("customer_id"))
    .order_by(saved_billers.c.seq.desc())
)
DELETE = Statement(delete(saved_billers).where(saved_billers.c.saved_biller_id == bindparam("saved_biller_id")))
CUSTOMERS_OF_APP = Statement(
    select(saved_billers.c.customer_id).where(saved_billers.c.app_id == bindparam("app_id")).distinct()
)
FORGET = Statement(
    delete(saved_billers).where(
        saved_billers.c.app_id == bindparam("app_id"), saved_billers.c.customer_id == bindparam("customer_id")
    )
)
RESET = Statement(delete(saved_billers).where(saved_billers.c.world_id == bindparam("world_id")))
