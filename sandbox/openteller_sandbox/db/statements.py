"""SQL written once in Core and compiled for the engine that runs it.

What SQLite takes, PostgreSQL takes: numbers have 64 bits on both, and texts are compared and sorted by code point on
both, whatever the collation of the database is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, bindparam, event
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

SQLITE, POSTGRESQL = "sqlite", "postgresql"

metadata = MetaData()


@event.listens_for(Column, "after_parent_attach")
def _fit_to_both(column: Column[Any], parent: object) -> None:
    if not isinstance(parent, Table) or parent.metadata is not metadata:
        return
    if isinstance(column.type, Integer) and not isinstance(column.type, BigInteger):
        column.type = column.type.with_variant(BigInteger(), POSTGRESQL)
    elif isinstance(column.type, String):
        column.type = column.type.with_variant(type(column.type)(collation="C"), POSTGRESQL)


@cache
def dialect(engine: str) -> Dialect:
    """Give what statements are compiled with, so that parameters are named as the engine's driver wants it."""
    if engine == SQLITE:
        from sqlalchemy.dialects.sqlite import dialect as sqlite  # noqa: PLC0415 - each start needs one of them

        return sqlite(paramstyle="named")
    from sqlalchemy.dialects.postgresql.psycopg import dialect as postgresql  # noqa: PLC0415

    return postgresql()  # type: ignore[no-untyped-call]


class Statement:
    """A Core clause with its compiled text, made when it is first run.

    Parameters are named: ``Statement(select(t).where(t.c.id == bindparam("id")))`` is run with ``id=…``.

    Args:
        clause: the statement.
        postgresql: makes another one for PostgreSQL, where one text cannot serve both.
    """

    __slots__ = ("_clause", "_compiled", "_postgresql")

    def __init__(self, clause: ClauseElement, *, postgresql: Callable[[], ClauseElement] | None = None) -> None:
        self._clause = clause
        self._postgresql = postgresql
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def sql(self, engine: str = SQLITE) -> tuple[str, dict[str, Any]]:
        """Give the SQL text with named parameters, and the values that the clause itself brings."""
        compiled = self._compiled.get(engine)
        if compiled is None:
            compiled = self._compiled[engine] = self._compile(engine)
        return compiled

    def _compile(self, engine: str) -> tuple[str, dict[str, Any]]:
        clause = self._postgresql() if self._postgresql and engine == POSTGRESQL else self._clause
        compiled = clause.compile(dialect=dialect(engine), compile_kwargs={"render_postcompile": True})
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return str(compiled), constants


class Insert(Statement):
    """``INSERT`` of every column of a table but those left out; parameters bear the columns' names."""

    __slots__ = ()

    def __init__(self, table: Table, *, without: tuple[str, ...] = ()) -> None:
        super().__init__(table.insert().values(_values(table, without)).inline())


def insert_or_ignore(table: Table, *, without: tuple[str, ...] = ()) -> Statement:
    """Make an ``INSERT`` that does nothing where a row with one of the table's unique keys is there: it gives 1 for a
    new row and 0 for a known one.
    """
    from sqlalchemy.dialects.sqlite import insert  # noqa: PLC0415 - the other engine's is not needed beside it

    values = _values(table, without)

    def for_postgresql() -> ClauseElement:
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert  # noqa: PLC0415

        return postgresql_insert(table).values(values).on_conflict_do_nothing()

    return Statement(insert(table).values(values).on_conflict_do_nothing(), postgresql=for_postgresql)


def _values(table: Table, without: tuple[str, ...]) -> dict[str, Any]:
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in without}
