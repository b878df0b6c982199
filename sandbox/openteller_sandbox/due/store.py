"""The table of due acts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, and_, bindparam, delete, func, select, update

from openteller_sandbox.db import Insert, Statement, metadata
from openteller_sandbox.worlds.store import worlds

due_acts = Table(
    "due_acts",
    metadata,
    Column("due_id", Integer, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Index("due_acts_time", "world_id", "due_at", "due_id"),
    Index("due_acts_subject", "world_id", "subject", "kind"),
    sqlite_autoincrement=True,  # a number is never given twice: the note of an act that ran is deleted by it
)

INSERT = Insert(due_acts, without=("due_id",))
DELETE = Statement(delete(due_acts).where(due_acts.c.due_id == bindparam("due_id")))
POSTPONE = Statement(update(due_acts).where(due_acts.c.due_id == bindparam("id")).values(due_at=bindparam("at")))
CANCEL = Statement(
    delete(due_acts).where(
        due_acts.c.world_id == bindparam("world_id"),
        due_acts.c.subject == bindparam("subject"),
        due_acts.c.kind == bindparam("kind"),
    )
)
RESET = Statement(delete(due_acts).where(due_acts.c.world_id == bindparam("world_id")))
NEXT_IN_WORLD = Statement(
    select(due_acts)
    .where(due_acts.c.world_id == bindparam("world_id"), due_acts.c.due_at <= bindparam("until"))
    .order_by(due_acts.c.due_at, due_acts.c.due_id)
    .limit(1)
)
FIND = Statement(
    select(due_acts.c.due_id)
    .where(
        due_acts.c.world_id == bindparam("world_id"),
        due_acts.c.subject == bindparam("subject"),
        due_acts.c.kind == bindparam("kind"),
        due_acts.c.due_at == bindparam("due_at"),
    )
    .order_by(due_acts.c.due_id)
    .limit(1)
)
WORLDS = Statement(
    select(worlds.c.world_id)
    .join(
        due_acts,
        and_(due_acts.c.world_id == worlds.c.world_id, due_acts.c.due_at <= bindparam("now") + worlds.c.offset_ms),
    )
    .group_by(worlds.c.world_id)
    .order_by(func.min(due_acts.c.due_at - worlds.c.offset_ms), func.min(due_acts.c.due_id))
)
CLOCK = Statement(select(worlds.c.offset_ms).where(worlds.c.world_id == bindparam("world_id")))
ANY = Statement(
    select(due_acts.c.due_id)
    .where(due_acts.c.world_id == bindparam("world_id"), due_acts.c.kind == bindparam("kind"))
    .limit(1)
)
WHEN = Statement(
    select(func.min(due_acts.c.due_at).label("due_at")).where(
        due_acts.c.world_id == bindparam("world_id"),
        due_acts.c.subject == bindparam("subject"),
        due_acts.c.kind == bindparam("kind"),
    )
)
COUNT = Statement(
    select(func.count().label("count"), func.min(due_acts.c.due_at).label("next_due_at")).where(
        due_acts.c.world_id == bindparam("world_id")
    )
)
