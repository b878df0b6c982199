"""The tables of bill fetches and bills, of who is paying which bill, and of what was asked, by which questions are
counted. ``inputs``, ``bill_number`` and ``number`` are personal: they stay here, and are purged after 24 hours unless
paid. A fetch that the page has made for a payer has an empty ``end_user_ref``; in ``fetch_asks`` it has no app, and the
payer in its place.
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
    exists,
    func,
    null,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, insert_or_ignore, metadata

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
fetch_asks = Table(
    "fetch_asks",
    metadata,
    Column("bill_fetch_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("end_user_ref", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("account_digest", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("asked_on", String, nullable=False),
    Column("is_new", Integer, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("number", BigInteger),
    Index("fetch_asks_account", "world_id", "account_digest", "asked_on"),
    Index("fetch_asks_asker", "world_id", "app_id", "end_user_ref", "asked_on"),
    Index("fetch_asks_latest", "world_id", "app_id", "asked_at"),
)
fetch_suspensions = Table(
    "fetch_suspensions",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("app_id", String, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("until", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
)

bill_locks = Table(
    "bill_locks",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("biller_id", String, primary_key=True),
    Column("account_digest", String, primary_key=True),
    Column("bill_number", String, primary_key=True),
    Column("payment_id", String, nullable=False),
    Index("bill_locks_payment", "payment_id"),
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
BILL_BY_ID = Statement(select(bills).where(bills.c.bill_id == bindparam("bill_id")))
FIND_ASKED_BILL = Statement(
    select(bills)
    .join(bill_fetches, bill_fetches.c.bill_fetch_id == bills.c.bill_fetch_id)
    .where(
        bills.c.bill_id == bindparam("bill_id"),
        bills.c.app_id == bindparam("app_id"),
        bill_fetches.c.end_user_ref != bindparam("on_page"),
        or_(bindparam("asker") == "", bill_fetches.c.end_user_ref == bindparam("asker")),
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
_OF_BILL = ("world_id", "biller_id", "account_digest", "bill_number")
LOCK = insert_or_ignore(bill_locks)
LOCKED = Statement(select(bill_locks.c.payment_id).where(*(bill_locks.c[name] == bindparam(name) for name in _OF_BILL)))
UNLOCK = Statement(delete(bill_locks).where(bill_locks.c.payment_id == bindparam("payment_id")))
# Version 1: nothing was paid of it since it was fetched.
_UNPAID = (bills.c.bill_fetch_id == bindparam("bill_fetch_id"), or_(bills.c.status == "OPEN", bills.c.version == 1))
_IS_LOCKED = exists().where(*(bill_locks.c[name] == bills.c[name] for name in _OF_BILL))
PURGE_BILLS = Statement(delete(bills).where(*_UNPAID, ~_IS_LOCKED))
UNPAID_LEFT = Statement(select(bills.c.bill_id).where(*_UNPAID).limit(1))
COUNT_BILLS = Statement(select(func.count().label("count")).where(bills.c.bill_fetch_id == bindparam("bill_fetch_id")))
FORGET_INPUTS = Statement(
    update(bill_fetches).where(bill_fetches.c.bill_fetch_id == bindparam("f")).values(inputs="{}")
)
PURGE_FETCH = Statement(delete(bill_fetches).where(bill_fetches.c.bill_fetch_id == bindparam("bill_fetch_id")))
COUNT = Statement(select(func.count().label("count")).where(bill_fetches.c.world_id == bindparam("world_id")))
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("world_id")))
    for table in (bill_fetches, bills, bill_locks, fetch_asks, fetch_suspensions)
]

INSERT_ASK = Insert(fetch_asks)
_ASKED_BY = (
    fetch_asks.c.world_id == bindparam("world_id"),
    fetch_asks.c.app_id == bindparam("app_id"),
    fetch_asks.c.end_user_ref == bindparam("end_user_ref"),
)
ASKED_BEFORE = Statement(
    select(fetch_asks.c.bill_fetch_id)
    .where(
        *_ASKED_BY,
        fetch_asks.c.account_digest == bindparam("account_digest"),
        fetch_asks.c.asked_at >= bindparam("since"),
    )
    .limit(1)
)
COUNT_NEW = Statement(
    select(func.count().label("count")).where(
        *_ASKED_BY, fetch_asks.c.asked_on == bindparam("asked_on"), fetch_asks.c.is_new == 1
    )
)
COUNT_OF_ACCOUNT = Statement(
    select(func.count().label("count")).where(
        fetch_asks.c.world_id == bindparam("world_id"),
        fetch_asks.c.account_digest == bindparam("account_digest"),
        fetch_asks.c.asked_on == bindparam("asked_on"),
        fetch_asks.c.app_id != "",
    )
)
LATEST_ASKS = Statement(
    select(fetch_asks.c.biller_id, fetch_asks.c.asked_on, fetch_asks.c.missed, fetch_asks.c.number)
    .where(
        fetch_asks.c.world_id == bindparam("world_id"),
        fetch_asks.c.app_id == bindparam("app_id"),
        fetch_asks.c.asked_at >= bindparam("since"),
    )
    .order_by(fetch_asks.c.asked_at.desc())
    .limit(bindparam("count"))
)
MISSED = Statement(update(fetch_asks).where(fetch_asks.c.bill_fetch_id == bindparam("f")).values(missed=1))
FORGET_NUMBER = Statement(update(fetch_asks).where(fetch_asks.c.bill_fetch_id == bindparam("f")).values(number=null()))
FORGET_ASKS = Statement(
    delete(fetch_asks).where(
        fetch_asks.c.world_id == bindparam("world_id"),
        fetch_asks.c.app_id == bindparam("app_id"),
        fetch_asks.c.asked_at < bindparam("before"),
    )
)
ASK = Statement(select(fetch_asks.c.app_id).where(fetch_asks.c.bill_fetch_id == bindparam("bill_fetch_id")))
INSERT_SUSPENSION = insert_or_ignore(fetch_suspensions)
LAST_SUSPENSION = Statement(
    select(fetch_suspensions)
    .where(fetch_suspensions.c.world_id == bindparam("world_id"), fetch_suspensions.c.app_id == bindparam("app_id"))
    .order_by(fetch_suspensions.c.until.desc())
    .limit(1)
)
