"""The table of faults. A fault that is used up stays listed until the world's next one is ordered."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, metadata
from openteller_sandbox.worlds.store import worlds

faults = Table(
    "faults",
    metadata,
    Column("fault_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column(
        "ordinal", Integer, nullable=False
    ),  # the how-manieth of its world: chance is drawn from it, not from the id
    Column("operation_id", String),
    Column("path", String),
    Column("leg", String),
    Column("biller_id", String),
    Column("payment_id", String),
    Column("code", String),
    Column("status", Integer),
    Column("delay_ms", Integer, nullable=False),
    Column("drop", String),
    Column("times_left", Integer),
    Column("probability", String),
    Column("expires_at", BigInteger),
    Column("draws", Integer, nullable=False),
    Column("hits", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("faults_world", "world_id", "ordinal"),
)

_OF_WORLD = faults.c.world_id == bindparam("world_id")
_LEFT = or_(faults.c.times_left.is_(None), faults.c.times_left > 0)
_IN_FORCE = (_LEFT, or_(faults.c.expires_at.is_(None), faults.c.expires_at > bindparam("now")))

INSERT = Insert(faults)
LAST_ORDINAL = Statement(select(func.max(faults.c.ordinal).label("ordinal")).where(_OF_WORLD))
COUNT = Statement(select(func.count().label("count")).where(_OF_WORLD))
PAGE = Statement(
    select(faults)
    .where(_OF_WORLD, faults.c.ordinal > bindparam("after"))
    .order_by(faults.c.ordinal)
    .limit(bindparam("count"))
)
FIND = Statement(select(faults).where(_OF_WORLD, faults.c.fault_id == bindparam("fault_id")))
OF_REQUESTS = Statement(select(faults).where(_OF_WORLD, faults.c.leg.is_(None), *_IN_FORCE).order_by(faults.c.ordinal))
OF_LEG = Statement(
    select(faults).where(_OF_WORLD, faults.c.leg == bindparam("leg"), *_IN_FORCE).order_by(faults.c.ordinal)
)
OF_BILLERS = Statement(
    select(faults).where(_OF_WORLD, faults.c.leg.is_not(None), *_IN_FORCE).order_by(faults.c.ordinal)
)
DRAW = Statement(
    update(faults)
    .where(faults.c.fault_id == bindparam("f"), faults.c.draws == bindparam("seen"))
    .values(draws=faults.c.draws + 1)
)
HIT = Statement(
    update(faults)
    .where(faults.c.fault_id == bindparam("f"), _LEFT)
    .values(hits=faults.c.hits + 1, times_left=faults.c.times_left - 1)
)
DELETE = Statement(delete(faults).where(_OF_WORLD, faults.c.fault_id == bindparam("fault_id")))
PURGE = Statement(
    delete(faults).where(_OF_WORLD, or_(faults.c.times_left == 0, faults.c.expires_at <= bindparam("now")))
)
RESET = Statement(delete(faults).where(_OF_WORLD))
RECOUNT = Statement(
    update(worlds)
    .where(worlds.c.world_id == bindparam("w"))
    .values(faults=select(func.count()).where(faults.c.world_id == bindparam("w"), _LEFT).scalar_subquery())
)
"""Keep beside the world how many of its faults may still strike, so that a world without one asks for none."""
