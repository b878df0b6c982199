"""Which engine a database has: the address says it."""

from __future__ import annotations

from pathlib import Path

from openteller_sandbox.db.engine import Database, DatabaseError
from openteller_sandbox.db.sqlite import SqliteDatabase


def open_database(url: str) -> Database:
    """Give the database of an address, which is not reached or made yet: a path or ``sqlite:///path``.

    Raises:
        DatabaseError: no engine has such an address.
    """
    return SqliteDatabase(_path(url))


def _path(url: str) -> str:
    if "://" not in url and url != ":memory:":
        return url
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite" or not rest.startswith("/"):
        raise DatabaseError("this sandbox runs on SQLite: give a file, or sqlite:///file")
    path = rest[1:]
    if path in {"", ":memory:"}:
        raise DatabaseError("the database must be a file, so that what was acknowledged is kept")
    return str(Path(path))
