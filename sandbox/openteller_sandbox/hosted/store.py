"""The tables of browser sessions on the payment page and on a customer's own pages. ``choice`` holds what the payer
typed; a session is deleted when it ends.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, delete, select, update

from openteller_sandbox.db import Insert, Statement, metadata

page_sessions = Table(
    "page_sessions",
    metadata,
    Column("session_hash", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("browser", String),
    Column("locale", String, nullable=False),
    Column("category_code", String),
    Column("adcode", String),
    Column("choice", Text, nullable=False),
    Column("digits", Integer, nullable=False),
    Column("customer_id", String),
    Column("attempt_id", String),
    Column("notice", String),
    Column("expires_at", BigInteger, nullable=False),
    Index("page_sessions_expiry", "expires_at"),
    Index("page_sessions_world", "world_id"),
)
customer_sessions = Table(
    "customer_sessions",
    metadata,
    Column("session_hash", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("customer_sessions_expiry", "expires_at"),
    Index("customer_sessions_world", "world_id"),
)

_CHANGING = (
    "locale",
    "category_code",
    "adcode",
    "choice",
    "digits",
    "customer_id",
    "attempt_id",
    "notice",
    "expires_at",
)
INSERT = Insert(page_sessions)
FIND = Statement(
    select(page_sessions).where(
        page_sessions.c.session_hash == bindparam("session_hash"), page_sessions.c.payment_id == bindparam("payment_id")
    )
)
OF_BROWSER = Statement(
    select(page_sessions).where(
        page_sessions.c.world_id == bindparam("world_id"), page_sessions.c.browser == bindparam("browser")
    )
)
SAVE = Statement(
    update(page_sessions)
    .where(page_sessions.c.session_hash == bindparam("s"))
    .values({name: bindparam(f"to_{name}") for name in _CHANGING})
)
RENEW = Statement(
    update(page_sessions)
    .where(page_sessions.c.session_hash == bindparam("s"))
    .values(session_hash=bindparam("to_session_hash"), csrf=bindparam("to_csrf"))
)
DELETE = Statement(delete(page_sessions).where(page_sessions.c.session_hash == bindparam("session_hash")))
# Whose turn it is to be purged by another act is left to it: two that purge would wait for each other.
_EXPIRED = (
    select(page_sessions.c.session_hash)
    .where(page_sessions.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE = Statement(delete(page_sessions).where(page_sessions.c.session_hash.in_(_EXPIRED)))
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("world_id")))
    for table in (page_sessions, customer_sessions)
]

INSERT_CUSTOMER = Insert(customer_sessions)
FIND_CUSTOMER = Statement(
    select(customer_sessions).where(
        customer_sessions.c.session_hash == bindparam("session_hash"),
        customer_sessions.c.world_id == bindparam("world_id"),
    )
)
DELETE_CUSTOMER = Statement(
    delete(customer_sessions).where(customer_sessions.c.session_hash == bindparam("session_hash"))
)
_CUSTOMERS_EXPIRED = (
    select(customer_sessions.c.session_hash)
    .where(customer_sessions.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE_CUSTOMERS = Statement(delete(customer_sessions).where(customer_sessions.c.session_hash.in_(_CUSTOMERS_EXPIRED)))
