"""The tables of customers' accounts, of failed sign-ins, and of what customers were told; who they are is published
in ``service``.

A failed sign-in is kept by a hash of the number that was typed, whether somebody has that number or not.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, delete, select, update

from openteller_sandbox.db import Insert, Statement, metadata

customer_accounts = Table(
    "customer_accounts",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("customer_id", String, primary_key=True),
    Column("currency", String, nullable=False),
    Column("available", BigInteger, nullable=False),
)
failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("number_hash", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
    Column("last_at", BigInteger, nullable=False),
)
customer_notices = Table(
    "customer_notices",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("notice_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("facts", Text, nullable=False),
    Column("told_at", BigInteger, nullable=False),
    Index("customer_notices_customer", "world_id", "customer_id", "seq"),
    sqlite_autoincrement=True,
)

INSERT = Insert(customer_accounts)
_OF_CUSTOMER = (
    customer_accounts.c.world_id == bindparam("w"),
    customer_accounts.c.customer_id == bindparam("c"),
)
FIND = Statement(select(customer_accounts).where(*_OF_CUSTOMER))
TAKE = Statement(
    update(customer_accounts)
    .where(*_OF_CUSTOMER, customer_accounts.c.available >= bindparam("amount"))
    .values(available=customer_accounts.c.available - bindparam("amount"))
)
GIVE = Statement(
    update(customer_accounts).where(*_OF_CUSTOMER).values(available=customer_accounts.c.available + bindparam("amount"))
)
_OF_NUMBER = (failed_sign_ins.c.world_id == bindparam("w"), failed_sign_ins.c.number_hash == bindparam("n"))
FAILURES = Statement(select(failed_sign_ins).where(*_OF_NUMBER))
FORGIVE = Statement(delete(failed_sign_ins).where(*_OF_NUMBER))
INSERT_FAILURE = Insert(failed_sign_ins)
PURGE_FAILURES = Statement(
    delete(failed_sign_ins).where(
        failed_sign_ins.c.world_id == bindparam("w"), failed_sign_ins.c.last_at < bindparam("before")
    )
)
INSERT_NOTICE = Insert(customer_notices, without=("seq",))
NOTICES = Statement(
    select(customer_notices)
    .where(
        customer_notices.c.world_id == bindparam("world_id"), customer_notices.c.customer_id == bindparam("customer_id")
    )
    .order_by(customer_notices.c.seq.desc())
    .limit(bindparam("count"))
)
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("w")))
    for table in (customer_accounts, failed_sign_ins, customer_notices)
]
