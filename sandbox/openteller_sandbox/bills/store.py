"""The tables of bill fetches and bills. ``inputs`` and ``bill_number`` are personal: they stay here, and are purged
after 24 hours unless paid. A fetch that the page has made for a payer has an empty ``end_user_ref``.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, metadata

bill_fetches = Table(
    "bill_fetches",
    metadata,
    Column("bill_fetch_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("end_user_ref", String, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("wire", Text, nullable=False),
    Index("bill_fetches_world", "world_id"),
)
bills = Table(
    "bills",
    metadata,
    Column("bill_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("bill_fetch_id", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("account_digest", String, nullable=False),
    Column("bill_number", String, nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("valid_until", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
    Column("wire", Text, nullable=False),
    Index("bills_fetch", "bill_fetch_id", "position"),
    Index("bills_number", "world_id", "biller_id", "account_digest", "bill_number"),
)

INSERT_FETCH = Insert(bill_fetches)
INSERT_BILL = Insert(bills)
_MY_FETCH = (bill_fetches.c.bill_fetch_id == bindparam("bill_fetch_id"), bill_fetches.c.app_id == bindparam("app_id"))
FIND_FETCH = Statement(select(bill_fetches).where(*_MY_FETCH))
FETCH_BY_ID = Statement(select(bill_fetches).where(bill_fetches.c.bill_fetch_id == bindparam("bill_fetch_id")))
ANSWER_FETCH = Statement(
    update(bill_fetches)
    .where(bill_fetches.c.bill_fetch_id == bindparam("f"), bill_fetches.c.status == "PROCESSING")
    .values(status=bindparam("to"), version=bindparam("v"), wire=bindparam("w"))
)
FIND_BILL = Statement(
    select(bills).where(bills.c.bill_id == bindparam("bill_id"), bills.c.app_id == bindparam("app_id"))
)
FIND_ASKED_BILL = Statement(
    select(bills)
    .join(bill_fetches, bill_fetches.c.bill_fetch_id == bills.c.bill_fetch_id)
    .where(
        bills.c.bill_id == bindparam("bill_id"),
        bills.c.app_id == bindparam("app_id"),
        bill_fetches.c.end_user_ref != bindparam("on_page"),
    )
)
BILLS_OF_FETCH = Statement(
    select(bills).where(bills.c.bill_fetch_id == bindparam("bill_fetch_id")).order_by(bills.c.position)
)
BILLS_OF_NUMBER = Statement(
    select(bills).where(
        bills.c.world_id == bindparam("world_id"),
        bills.c.biller_id == bindparam("biller_id"),
        bills.c.account_digest == bindparam("account_digest"),
        bills.c.bill_number == bindparam("bill_number"),
    )
)
SET_BILL = Statement(
    update(bills)
    .where(bills.c.bill_id == bindparam("b"))
    .values(status=bindparam("to"), version=bindparam("v"), facts=bindparam("f"), wire=bindparam("w"))
)
# Version 1: nothing was paid of it since it was fetched.
PURGE_BILLS = Statement(
    delete(bills).where(
        bills.c.bill_fetch_id == bindparam("bill_fetch_id"), or_(bills.c.status == "OPEN", bills.c.version == 1)
    )
)
COUNT_BILLS = Statement(select(func.count().label("count")).where(bills.c.bill_fetch_id == bindparam("bill_fetch_id")))
FORGET_INPUTS = Statement(
    update(bill_fetches).where(bill_fetches.c.bill_fetch_id == bindparam("f")).values(inputs="{}")
)
PURGE_FETCH = Statement(delete(bill_fetches).where(bill_fetches.c.bill_fetch_id == bindparam("bill_fetch_id")))
COUNT = Statement(select(func.count().label("count")).where(bill_fetches.c.world_id == bindparam("world_id")))
RESET_FETCHES = Statement(delete(bill_fetches).where(bill_fetches.c.world_id == bindparam("world_id")))
RESET_BILLS = Statement(delete(bills).where(bills.c.world_id == bindparam("world_id")))
