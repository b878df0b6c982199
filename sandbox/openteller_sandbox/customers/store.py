"""The tables of customers' accounts and of failed sign-ins; who the customers are is published in ``service``.

A failed sign-in is kept by a hash of the number that was typed, whether somebody has that number or not.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, bindparam, delete, select, update

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
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("w"))) for table in (customer_accounts, failed_sign_ins)
]
