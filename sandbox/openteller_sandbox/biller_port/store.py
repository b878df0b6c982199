"""What the simulated billers have posted."""

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
    select,
    update,
)

from openteller_sandbox.db import Statement, insert_or_ignore, metadata

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
    Column("scenario", String),  # of a magic account: what is played at later questions, too
    Column("times", Integer, nullable=False),  # how often it was posted
    Column("taken_back", Integer, nullable=False),  # how often of these it was taken back, while it stayed posted once
    Column("asked", Integer, nullable=False),
    Column("posted_at", BigInteger, nullable=False),
    Index("biller_postings_account", "world_id", "biller_id", "account_digest"),
)

biller_calendars = Table(
    "biller_calendars",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("biller_id", String, primary_key=True),
    Column("closed_until", BigInteger, nullable=False),  # the end of the last day that was listed
)

INSERT_ONCE = insert_or_ignore(biller_postings)
_KEY = (biller_postings.c.world_id == bindparam("w"), biller_postings.c.posting_id == bindparam("p"))
FIND = Statement(select(biller_postings).where(*_KEY))
ASKED = Statement(update(biller_postings).where(*_KEY).values(asked=biller_postings.c.asked + 1))
SET_STATE = Statement(update(biller_postings).where(*_KEY).values(state=bindparam("to")))
SET_STATE_FROM = Statement(
    update(biller_postings).where(*_KEY, biller_postings.c.state == bindparam("since")).values(state=bindparam("to"))
)
POST_LATE = Statement(
    update(biller_postings)
    .where(*_KEY, biller_postings.c.state == "NOT_FOUND")
    .values(state="POSTED", posted_at=bindparam("at"), times=1, taken_back=0)
)
BEGIN_CALENDAR = insert_or_ignore(biller_calendars)
_CALENDAR = (biller_calendars.c.world_id == bindparam("w"), biller_calendars.c.biller_id == bindparam("b"))
CLOSE_DAY = Statement(
    update(biller_calendars)
    .where(*_CALENDAR, biller_calendars.c.closed_until < bindparam("until"))
    .values(closed_until=bindparam("until"))
)
CLOSED = Statement(
    select(biller_calendars.c.closed_until).where(*_CALENDAR, biller_calendars.c.closed_until > bindparam("at"))
)
OF_DAY = Statement(
    select(biller_postings)
    .where(
        biller_postings.c.world_id == bindparam("world_id"),
        biller_postings.c.biller_id == bindparam("biller_id"),
        biller_postings.c.state == "POSTED",
        biller_postings.c.posted_at >= bindparam("since"),
        biller_postings.c.posted_at < bindparam("until"),
    )
    .order_by(biller_postings.c.posting_id)
)
TAKE_BACK_SURPLUS = Statement(update(biller_postings).where(*_KEY).values(taken_back=biller_postings.c.times - 1))
TWINS = Statement(
    select(biller_postings.c.posting_id)
    .where(
        biller_postings.c.world_id == bindparam("world_id"),
        biller_postings.c.biller_id == bindparam("biller_id"),
        biller_postings.c.account_digest == bindparam("account_digest"),
        biller_postings.c.state == "POSTED",
        biller_postings.c.amount == bindparam("amount"),
        biller_postings.c.posting_id != bindparam("posting_id"),
        biller_postings.c.posted_at.between(bindparam("since"), bindparam("until")),
    )
    .limit(1)
)
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
RESET_CALENDARS = Statement(delete(biller_calendars).where(biller_calendars.c.world_id == bindparam("world_id")))
