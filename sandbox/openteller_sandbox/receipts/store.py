"""The tables of wrong guesses at receipts, and of receipts on paper.

Guesses are kept by a hash of the number that was typed, whether there is such a receipt or not. What is printed holds
the payer's name and account in full: it is kept for a day.
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
    and_,
    bindparam,
    delete,
    func,
    null,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, insert_or_ignore, metadata

receipt_guesses = Table(
    "receipt_guesses",
    metadata,
    Column("number_hash", String, primary_key=True),
    Column("wrong", Integer, nullable=False),
    Column("since", BigInteger, nullable=False),
    Index("receipt_guesses_age", "since"),
)
receipt_prints = Table(
    "receipt_prints",
    metadata,
    Column("payment_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("edition", String, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("lease", String),
    Column("lease_until", BigInteger, nullable=False),
    Column("pdf", Text),
    Index("receipt_prints_age", "asked_at"),
    Index("receipt_prints_world", "world_id"),
)

GUESSES = Statement(select(receipt_guesses).where(receipt_guesses.c.number_hash == bindparam("number_hash")))
FIRST_GUESS = insert_or_ignore(receipt_guesses)
NEXT_GUESS = Statement(
    update(receipt_guesses)
    .where(receipt_guesses.c.number_hash == bindparam("n"))
    .values(wrong=receipt_guesses.c.wrong + 1)
)
PURGE_GUESSES = Statement(delete(receipt_guesses).where(receipt_guesses.c.since <= bindparam("before")))

ASK = Insert(receipt_prints)
FIND = Statement(select(receipt_prints).where(receipt_prints.c.payment_id == bindparam("payment_id")))
FORGET = Statement(delete(receipt_prints).where(receipt_prints.c.payment_id == bindparam("payment_id")))
OLDEST = Statement(select(func.min(receipt_prints.c.asked_at).label("asked_at")))
PURGE = Statement(delete(receipt_prints).where(receipt_prints.c.asked_at < bindparam("before")))
RESET = Statement(delete(receipt_prints).where(receipt_prints.c.world_id == bindparam("world_id")))
_WAITS = and_(
    receipt_prints.c.pdf.is_(None),
    receipt_prints.c.tries < bindparam("most"),
    or_(receipt_prints.c.lease.is_(None), receipt_prints.c.lease_until <= bindparam("wall")),
)
NEXT = Statement(select(receipt_prints).where(_WAITS).order_by(receipt_prints.c.asked_at).limit(1))
CLAIM = Statement(
    update(receipt_prints)
    .where(receipt_prints.c.payment_id == bindparam("p"), _WAITS)
    .values(lease=bindparam("new_lease"), lease_until=bindparam("new_until"), tries=receipt_prints.c.tries + 1)
)
_HELD = and_(
    receipt_prints.c.payment_id == bindparam("p"),
    receipt_prints.c.edition == bindparam("asked_edition"),
    receipt_prints.c.lease == bindparam("held"),
)
KEEP = Statement(update(receipt_prints).where(_HELD).values(pdf=bindparam("made"), lease=null()))
RELEASE = Statement(update(receipt_prints).where(_HELD).values(lease=null()))
