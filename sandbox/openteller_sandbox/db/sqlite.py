"""SQLite: a file, for one server process.

WAL mode with full sync: an answer that has left is on disk. There is one writer at a time; a transaction begins
IMMEDIATE, so that a conflict shows at its beginning and not in its middle.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy.schema import CreateIndex, CreateTable

from openteller_sandbox.db.engine import Database, DatabaseError, EngineError, Row, Tx
from openteller_sandbox.db.statements import SQLITE, Statement, dialect, metadata

SCHEMA_VERSION = 5
_BUSY_TIMEOUT_MS = 5000

_Steps = tuple[str, tuple[str, ...], str]  # begin, undo, keep
_ALONE: _Steps = ("BEGIN IMMEDIATE", ("ROLLBACK",), "COMMIT")
_GATHERED: _Steps = ("SAVEPOINT act", ("ROLLBACK TO act", "RELEASE act"), "RELEASE act")


class SqliteTx(Tx):
    """Runs statements on a connection of the standard library's driver."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Run and give the first row, or None."""
        try:
            row: Row | None = self._run(statement, parameters).fetchone()
        except sqlite3.Error as error:
            raise _told(error) from error
        return row

    def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Run and give every row."""
        try:
            rows: list[Row] = self._run(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise _told(error) from error
        return rows

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run and give the number of rows that it changed."""
        try:
            return self._run(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise _told(error) from error

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]], /) -> None:
        """Run once for each row of parameters."""
        sql, constants = statement.sql()
        try:
            self._connection.executemany(sql, ({**constants, **row} for row in rows) if constants else rows)
        except sqlite3.Error as error:
            raise _told(error) from error

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        sql, constants = statement.sql()
        return self._connection.execute(sql, {**constants, **parameters} if constants else parameters)


class _Thread(threading.local):
    """What a thread has of a database. gathered: acts that wait for ``commit`` are in the connection's transaction."""

    connection: sqlite3.Connection | None = None
    on_gather: Callable[[], None] | None = None
    gathered = False


class SqliteDatabase(Database):
    """An SQLite file, with one connection for each thread that uses it."""

    shared: ClassVar[bool] = False

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = self.name = path
        self._thread = _Thread()
        self._connections: list[sqlite3.Connection] = []

    @contextmanager
    def _transaction(self, world_id: str | None) -> Iterator[Tx]:  # noqa: ARG002 - there is one writer anyway
        connection, thread = self._connection(), self._thread
        begin, undo, keep = _ALONE if thread.on_gather is None else self._join(connection, thread.on_gather)
        _execute(connection, begin)
        try:
            yield SqliteTx(connection)
            _execute(connection, keep)
        except BaseException:
            if connection.in_transaction:  # a full disk, for one, has undone everything already
                for statement in undo:
                    connection.execute(statement)
            raise

    def gather(self, on_gather: Callable[[], None] | None) -> None:
        """From now on, keep what acts of this thread do in one transaction until ``commit``; see ``Database``."""
        self._thread.on_gather = on_gather

    def commit(self) -> None:
        """Make durable what was gathered.

        Raises:
            DatabaseError: it cannot be; all of it is undone.
        """
        connection, thread = self._connection(), self._thread
        if not thread.gathered:
            return
        thread.gathered = False
        try:
            if not connection.in_transaction:
                raise DatabaseError("a fault has undone the whole transaction")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise DatabaseError(f"cannot commit: {error}") from error

    def _join(self, connection: sqlite3.Connection, on_gather: Callable[[], None]) -> _Steps:
        thread = self._thread
        if not thread.gathered:
            _execute(connection, "BEGIN IMMEDIATE")
            thread.gathered = True
            on_gather()
        elif not connection.in_transaction:
            raise DatabaseError("a fault has undone the transaction that this act would be part of")
        return _GATHERED

    def read(self) -> Tx:
        """Give a reader. Each statement sees what is committed by then, and what this thread has gathered."""
        return SqliteTx(self._connection())

    def alone(self, name: str, *, wait: bool = True) -> nullcontext[bool]:  # noqa: ARG002 - as the interface has it
        """Do something that only one process at a time does: there is one."""
        return nullcontext(True)

    def is_missing(self) -> bool:
        """Tell whether there is no file."""
        return not Path(self.path).exists()

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
        with self.act():
            self._create(self._connection())
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
        self._thread = _Thread()

    def _connection(self) -> sqlite3.Connection:
        connection = self._thread.connection
        if connection is None:
            connection = self._thread.connection = self._connect()
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
                "temp_store=MEMORY",  # else what acts can be undone with goes through a file
                f"busy_timeout={_BUSY_TIMEOUT_MS}",
            ):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error as error:
            raise DatabaseError(f"cannot open {self.path}: {error}") from error
        return connection

    def _create(self, connection: sqlite3.Connection) -> None:
        known = {row["name"] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        for table in metadata.sorted_tables:
            if table.name in known:  # of a prebuilt seed, or made by another start that was faster
                continue
            connection.execute(str(CreateTable(table).compile(dialect=dialect(SQLITE))))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                connection.execute(str(CreateIndex(index).compile(dialect=dialect(SQLITE))))
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")


def _execute(connection: sqlite3.Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.Error as error:
        raise _told(error) from error


def _told(error: sqlite3.Error) -> EngineError:
    return EngineError(str(error))
