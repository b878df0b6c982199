"""The table of customers' accounts; who the customers are is published in ``service``."""

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
    Column("failed_sign_ins", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
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
SIGN_IN_FAILED = Statement(
    update(customer_accounts)
    .where(*_OF_CUSTOMER)
    .values(failed_sign_ins=bindparam("failures"), locked_until=bindparam("until"))
)
RESET = Statement(delete(customer_accounts).where(customer_accounts.c.world_id == bindparam("w")))
