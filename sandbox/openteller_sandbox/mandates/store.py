"""The table of uses of mandates. A use is a row whose key is its place among the uses of its mandate: of several that
are made at once with the same place, one is kept.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    String,
    Table,
    and_,
    bindparam,
    cast,
    delete,
    func,
    select,
)
from sqlalchemy.sql import ClauseElement

from openteller_sandbox.db import Statement, metadata

mandate_uses = Table(
    "mandate_uses",
    metadata,
    Column("consent_id", String, primary_key=True),
    Column("mandate", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("payment_id", String, nullable=False, unique=True),
    Column("saved_biller_id", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("used_on", String, nullable=False),
    Column("used_at", BigInteger, nullable=False),
    Index("mandate_uses_customer", "world_id", "customer_id", "used_at"),
)
_NAMED = [column.name for column in mandate_uses.columns]


def _count() -> ColumnElement[int]:
    uses = mandate_uses.alias()
    counted = select(func.count()).select_from(uses)
    return counted.where(
        uses.c.consent_id == _text("consent_id"), uses.c.mandate == _number("mandate")
    ).scalar_subquery()


def _spent(period_type: str) -> ColumnElement[int]:
    uses, name = mandate_uses.alias(), period_type.lower()
    spent = select(func.coalesce(func.sum(uses.c.amount_minor), 0)).where(
        uses.c.consent_id == _text("consent_id"),
        uses.c.mandate == _number("mandate"),
        uses.c.used_on >= _text(f"{name}_since"),
        uses.c.used_on < _text(f"{name}_until"),
    )
    return cast(spent.scalar_subquery(), BigInteger)


def _text(name: str) -> ColumnElement[str]:
    return cast(bindparam(name), String)


def _number(name: str) -> ColumnElement[int]:
    return cast(bindparam(name), BigInteger)


def _use(insert: object) -> ClauseElement:
    values = [cast(bindparam(column.name), column.type).label(column.name) for column in mandate_uses.columns]
    allowed = and_(
        _count() + 1 == _number("number"),
        _number("number") <= _number("most_uses"),
        *(
            _spent(period_type) + _number("amount_minor") <= _number(f"{period_type.lower()}_most")
            for period_type in ("DAY", "WEEK", "MONTH", "YEAR")
        ),
    )
    return insert(mandate_uses).from_select(_NAMED, select(*values).where(allowed)).on_conflict_do_nothing()  # type: ignore[operator, no-any-return]


def _use_on_sqlite() -> ClauseElement:
    from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - the other engine's is not needed beside it

    return _use(insert)


def _use_on_postgresql() -> ClauseElement:
    from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415 - likewise

    return _use(insert)


USE = Statement(_use_on_sqlite(), postgresql=_use_on_postgresql)
"""Counts a use where it is the next one, and none of the bounds is broken by what the uses so far come to."""
COUNT = Statement(
    select(func.count().label("count")).where(
        mandate_uses.c.consent_id == bindparam("consent_id"), mandate_uses.c.mandate == bindparam("mandate")
    )
)
SPENT = Statement(
    select(func.coalesce(func.sum(mandate_uses.c.amount_minor), 0).label("spent")).where(
        mandate_uses.c.consent_id == bindparam("consent_id"),
        mandate_uses.c.mandate == bindparam("mandate"),
        mandate_uses.c.used_on >= bindparam("since"),
        mandate_uses.c.used_on < bindparam("until"),
    )
)
OF_CUSTOMER = Statement(
    select(mandate_uses)
    .where(mandate_uses.c.world_id == bindparam("world_id"), mandate_uses.c.customer_id == bindparam("customer_id"))
    .order_by(mandate_uses.c.used_at.desc(), mandate_uses.c.payment_id.desc())
    .limit(bindparam("count"))
)
RESET = Statement(delete(mandate_uses).where(mandate_uses.c.world_id == bindparam("world_id")))
