"""SQL written once in Core and compiled for the engine that runs it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData, Table, bindparam
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.sql import ClauseElement

metadata = MetaData()
_SQLITE = sqlite_dialect(paramstyle="named")


class Statement:
    """A Core clause with its compiled text, made when it is first run.

    Parameters are named: ``Statement(select(t).where(t.c.id == bindparam("id")))`` is run with ``id=…``.
    """

    __slots__ = ("_clause", "_compiled")

    def __init__(self, clause: ClauseElement) -> None:
        self._clause = clause
        self._compiled: tuple[str, dict[str, Any]] | None = None

    def sql(self) -> tuple[str, dict[str, Any]]:
        """Give the SQL text with named parameters, and the values that the clause itself brings."""
        if self._compiled is None:
            compiled = self._clause.compile(dialect=_SQLITE)
            constants = {name: value for name, value in compiled.params.items() if value is not None}
            self._compiled = (str(compiled), constants)
        return self._compiled


class Insert(Statement):
    """``INSERT`` of every column of a table but those left out; parameters bear the columns' names."""

    __slots__ = ()

    def __init__(self, table: Table, *, without: tuple[str, ...] = ()) -> None:
        columns = [column.name for column in table.columns if column.name not in without]
        super().__init__(table.insert().values({name: bindparam(name) for name in columns}))
