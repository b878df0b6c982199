"""The table of events."""

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
)

from openteller_sandbox.db import Insert, Statement, metadata

events = Table(
    "events",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("event_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("happened_at", BigInteger, nullable=False),
    Column("wire", Text, nullable=False),
    Index("events_app", "app_id", "seq"),
    sqlite_autoincrement=True,  # after a reset or a purge the order goes on
)

INSERT = Insert(events, without=("seq",))
SEQ_OF = Statement(
    select(events.c.seq).where(events.c.app_id == bindparam("app_id"), events.c.event_id == bindparam("event_id"))
)
PAGE = Statement(
    select(events.c.event_id, events.c.wire)
    .where(
        events.c.app_id == bindparam("app_id"),
        events.c.seq > bindparam("after"),
        or_(bindparam("type") == "", events.c.type == bindparam("type")),
    )
    .order_by(events.c.seq)
    .limit(bindparam("count"))
)
FIND = Statement(select(events.c.wire).where(events.c.event_id == bindparam("event_id")))
LAST = Statement(
    select(events.c.event_id, events.c.wire)
    .where(events.c.app_id == bindparam("app_id"), events.c.type == bindparam("type"))
    .order_by(events.c.seq.desc())
    .limit(1)
)
COUNT = Statement(select(func.count().label("count")).where(events.c.world_id == bindparam("world_id")))
PURGE = Statement(
    delete(events).where(events.c.world_id == bindparam("world_id"), events.c.happened_at < bindparam("before"))
)
RESET = Statement(delete(events).where(events.c.world_id == bindparam("world_id")))
