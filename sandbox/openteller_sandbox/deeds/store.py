"""The table of deeds, and the statements on it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    update,
)

from openteller_sandbox.db import Statement, metadata

deeds = Table(
    "deeds",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("wall_at", BigInteger, nullable=False),
    Column("base_ms", BigInteger, nullable=False),  # bank time of a world whose clock nobody has moved, less wall time
    Column("bank_at", BigInteger, nullable=False),
    Column("actor", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("salt", String, nullable=False),
    Column("details", Text, nullable=False),
    sqlite_with_rowid=False,
)

_names = [column.name for column in deeds.columns if column.name != "number"]
_values: list[Any] = [bindparam(name, type_=deeds.c[name].type) for name in _names]
_newest = (
    select(deeds.c.number)
    .where(deeds.c.world_id == bindparam("world_id"))
    .order_by(deeds.c.number.desc())  # one step in the index, which max() beside other columns would not be
    .limit(1)
    .scalar_subquery()
)
_last = func.coalesce(_newest, 0)
APPEND = Statement(
    deeds.insert().from_select([*_names, "number"], select(*_values, _last + 1).where(_last <= bindparam("most")))
)
"""One more than ``most`` says that there were more."""
_of_world = deeds.c.world_id == bindparam("w")
MOVE_ON = Statement(
    update(deeds)
    .where(
        _of_world,
        deeds.c.number == select(func.max(deeds.c.number)).where(_of_world).scalar_subquery(),
        deeds.c.actor == "CLOCK",
    )
    .values({name: bindparam(f"to_{name}") for name in ("wall_at", "base_ms", "salt", "details")})
)
"""Let the clock go further, where the last deed was a move of it: an advance stops wherever a delivery is due."""
PAGE = Statement(
    select(deeds)
    .where(deeds.c.world_id == bindparam("world_id"), deeds.c.number > bindparam("after"))
    .order_by(deeds.c.number)
    .limit(bindparam("count"))
)
RESET = Statement(delete(deeds).where(deeds.c.world_id == bindparam("world_id")))
