"""Which engine a database has: the address says it."""

from __future__ import annotations

from pathlib import Path

from openteller_sandbox.db.engine import Database, DatabaseError
from openteller_sandbox.db.sqlite import SqliteDatabase

_POSTGRESQL = frozenset({"postgresql", "postgres", "postgresql+psycopg"})  # as libpq and SQLAlchemy write it


def open_database(url: str) -> Database:
    """Give the database of an address, which is not reached or made yet.

    Args:
        url: a path, ``sqlite:///path``, or ``postgresql://user:password@host:port/database``.

    Raises:
        DatabaseError: no engine has such an address, or the driver of its engine is missing.
    """
    if "://" not in url and url != ":memory:":
        return SqliteDatabase(url)
    scheme, _, rest = url.partition("://")
    if scheme in _POSTGRESQL:
        return _postgresql(f"postgresql://{rest}")
    if scheme != "sqlite" or not rest.startswith("/"):
        raise DatabaseError("give a file, sqlite:///file, or postgresql://user@host/database")
    return SqliteDatabase(_path(rest[1:]))


def in_memory() -> Database:
    """Give a new database for the thread that asks, which forgets it when it is closed; no acknowledged thing may be in
    it.
    """
    database = SqliteDatabase(":memory:")
    database.prepare()
    return database


def _postgresql(url: str) -> Database:
    try:
        from openteller_sandbox.db.postgresql import PostgresqlDatabase  # noqa: PLC0415 - an extra
    except ImportError as error:
        extra = 'pip install "openteller[sandbox,postgres]"'
        raise DatabaseError(f"PostgreSQL needs an extra ({error.name or 'psycopg'} is missing): {extra}") from error
    return PostgresqlDatabase(url)


def _path(path: str) -> str:
    if path in {"", ":memory:"}:
        raise DatabaseError("the database must be a file, so that what was acknowledged is kept")
    return str(Path(path))
