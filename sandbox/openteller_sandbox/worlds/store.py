"""The table of worlds."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table, bindparam, func, select, update

from openteller_sandbox.db import Insert, Statement, metadata

worlds = Table(
    "worlds",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("offset_ms", BigInteger, nullable=False),
    Column("began_at", BigInteger, nullable=False),  # made or last reset
    Column("seed", BigInteger, nullable=False),  # of all that is left to chance
    Column("faults", Integer, nullable=False),  # how many may still strike
)

INSERT = Insert(worlds)
FIND = Statement(select(worlds).where(worlds.c.world_id == bindparam("world_id")))
ALL = Statement(select(worlds).order_by(worlds.c.world_id))
COUNT = Statement(select(func.count().label("count")).select_from(worlds))
MOVE_CLOCK = Statement(
    update(worlds).where(worlds.c.world_id == bindparam("w")).values(offset_ms=worlds.c.offset_ms + bindparam("by"))
)
BEGIN_AGAIN = Statement(
    update(worlds).where(worlds.c.world_id == bindparam("w")).values(offset_ms=0, began_at=bindparam("at"))
)
