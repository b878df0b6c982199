"""Connections and transactions.

SQLite in WAL mode with full sync: an answer that has left is on disk. There is one writer at a time; a transaction
begins IMMEDIATE, so that a conflict shows at its beginning and not in its middle.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from openteller_sandbox.db.statements import Statement, metadata

SCHEMA_VERSION = 1
_BUSY_TIMEOUT_MS = 5000

Row = sqlite3.Row


class DatabaseError(Exception):
    """The database cannot be used as it is; the message says what to do."""


class Tx:
    """A transaction (or, outside an act, a reader) to run statements on."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Run and give the first row, or None."""
        row: Row | None = self._run(statement, parameters).fetchone()
        return row

    def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Run and give every row."""
        return self._run(statement, parameters).fetchall()

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run and give the number of rows that it changed."""
        return self._run(statement, parameters).rowcount

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]], /) -> None:
        """Run once for each row of parameters."""
        sql, constants = statement.sql()
        self._connection.executemany(sql, ({**constants, **row} for row in rows) if constants else rows)

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        sql, constants = statement.sql()
        return self._connection.execute(sql, {**constants, **parameters} if constants else parameters)


class Database:
    """An SQLite file, with one connection for each thread that uses it."""

    def __init__(self, url: str) -> None:
        self.path = _path(url)
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []

    @contextmanager
    def act(self) -> Iterator[Tx]:
        """Open a transaction: kept whole when the block ends, undone when it raises."""
        connection = self._connection()
        if connection.in_transaction:
            raise RuntimeError("an act is running: hand its tx on instead of opening another")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield Tx(connection)
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def read(self) -> Tx:
        """Give a reader. Each statement sees what is committed by then."""
        return Tx(self._connection())

    def prepare(self) -> bool:
        """Make the tables where they are missing; give whether the database was new.

        Raises:
            DatabaseError: the file is of another version, or no database.
        """
        try:
            version = self._connection().execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{self.path} is not a sandbox database: {error}") from error
        if version == SCHEMA_VERSION:
            return False
        if version:
            advice = "delete it, or name another file"
            raise DatabaseError(f"{self.path} has schema {version}, this sandbox needs {SCHEMA_VERSION}: {advice}")
        with self.act() as tx:
            self._create(tx)
        return True

    def discard(self) -> None:
        """Delete the database, which could not be made ready."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            self._connections.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, isolation_level=None, check_same_thread=False, cached_statements=512
            )
            connection.row_factory = sqlite3.Row
            for pragma in (
                "journal_mode=WAL",
                "synchronous=FULL",
                "foreign_keys=ON",
                f"busy_timeout={_BUSY_TIMEOUT_MS}",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise DatabaseError(f"cannot open {self.path}: {error}") from error
        return connection

    def _create(self, tx: Tx) -> None:
        dialect = sqlite_dialect()
        connection = tx._connection
        for table in metadata.sorted_tables:
            connection.execute(str(CreateTable(table).compile(dialect=dialect)))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(str(CreateIndex(index).compile(dialect=dialect)))
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _path(url: str) -> str:
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    if scheme != "sqlite" or not rest.startswith("/"):
        raise DatabaseError("this sandbox runs on SQLite: give a file, or sqlite:///file")
    path = rest[1:]
    if path in {"", ":memory:"}:
        raise DatabaseError("the database must be a file, so that what was acknowledged is kept")
    return str(Path(path))
