"""SQLite: a file, for one server process.

WAL mode with full sync: an answer that has left is on disk. There is one writer at a time; a transaction begins
IMMEDIATE, so that a conflict shows at its beginning and not in its middle.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

from openteller_sandbox.db import schema, serving
from openteller_sandbox.db.engine import Database, DatabaseError, EngineError, EngineUnavailable, Row, Tx
from openteller_sandbox.db.statements import SQLITE, Statement, metadata

_BEFORE_REVISIONS = 5
"""What ``user_version`` is in a file that was made before there were revisions; it stays. Whoever changes a table adds
a revision: ``python tools/make_migration.py "WHAT CHANGES"``."""
_BUSY_TIMEOUT_MS = 5000
_BREATH_S = 0.025
_MOST_KNOWN = 4096
"""Look-ups of a thread whose results are kept."""

_PRIMARY = 0xFF
_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""What SQLite cannot do now and may do later, by the primary code."""

T = TypeVar("T")
_Steps = tuple[str, tuple[str, ...], str]  # begin, undo, keep
_ALONE: _Steps = ("BEGIN IMMEDIATE", ("ROLLBACK",), "COMMIT")
_GATHERED: _Steps = ("SAVEPOINT act", ("ROLLBACK TO act", "RELEASE act"), "RELEASE act")


class SqliteTx(Tx):
    """Runs statements on a connection of the standard library's driver."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
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
        self._about_to_write()
        try:
            return self._run(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise _told(error) from error

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]], /) -> None:
        """Run once for each row of parameters."""
        self._about_to_write()
        sql, constants = statement.sql()
        try:
            self._connection.executemany(sql, ({**constants, **row} for row in rows) if constants else rows)
        except sqlite3.Error as error:
            raise _told(error) from error

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        sql, constants = statement.sql()
        return self._connection.execute(sql, {**constants, **parameters} if constants else parameters)


class _Thread(threading.local):
    """What a thread has of a database. gathered: acts that wait for ``commit`` are in the connection's transaction.
    known: what look-ups gave when the database was as ``mark`` says.
    """

    connection: sqlite3.Connection | None = None
    on_gather: Callable[[], None] | None = None
    on_end: Callable[[bool], None] = staticmethod(lambda _: None)
    gathered = False
    mark: tuple[int, int] | None = None
    known: dict[str, Any]

    def __init__(self) -> None:
        self.known = {}


class _Alone:
    """What a thread holds, perhaps several times, while it does something alone."""

    def __init__(self) -> None:
        self.held = threading.RLock()


class SqliteDatabase(Database):
    """An SQLite file, with one connection for each thread that uses it."""

    shared: ClassVar[bool] = False

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = self.name = path
        self._thread = _Thread()
        self._connections: list[sqlite3.Connection] = []
        self._writing = threading.Lock()
        self._naming = threading.Lock()
        self._alone: WeakValueDictionary[str, _Alone] = WeakValueDictionary()

    @contextmanager
    def served(self) -> Iterator[None]:
        """Be the one process that serves it; see ``Database``. Dispatchers and tools may use it beside that."""
        with serving.served(self.path):
            yield

    @contextmanager
    def _transaction(self, scope: str | None) -> Iterator[Tx]:  # noqa: ARG002 - there is one writer anyway
        connection, on_gather = self._connection(), self._thread.on_gather
        if on_gather is not None:
            with _kept(connection, self._join(connection, on_gather)) as tx:
                yield tx
            return
        self._wait_to_write()
        try:
            with _kept(connection, _ALONE) as tx:
                yield tx
        finally:
            self._writing.release()

    def _wait_to_write(self) -> None:
        """Wait for the other threads of this process, which SQLite would make sleep and try again.

        Raises:
            EngineUnavailable: one has been writing for too long.
        """
        if not self._writing.acquire(timeout=_BUSY_TIMEOUT_MS / 1000):
            raise EngineUnavailable("database is locked")

    def gather(self, on_gather: Callable[[], None] | None, on_end: Callable[[bool], None] = lambda _: None) -> None:
        """From now on, keep what acts of this thread do in one transaction until ``commit``; see ``Database``."""
        self._thread.on_gather, self._thread.on_end = on_gather, on_end

    def commit(self) -> None:
        """Make durable what was gathered.

        Raises:
            DatabaseError: it cannot be; all of it is undone.
        """
        connection, thread = self._connection(), self._thread
        if not thread.gathered:
            return
        thread.gathered = kept = False
        try:
            if not connection.in_transaction:
                raise DatabaseError("a fault has undone the whole transaction")
            connection.execute("COMMIT")
            kept = True
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise DatabaseError(f"cannot commit: {error}") from error
        finally:
            self._writing.release()
            thread.on_end(kept)

    def relax(self) -> None:
        """Do not wait for the disk when acts of this thread end: the next one that does waits for them, too."""
        _execute(self._connection(), "PRAGMA synchronous=NORMAL")

    def _join(self, connection: sqlite3.Connection, on_gather: Callable[[], None]) -> _Steps:
        thread = self._thread
        if not thread.gathered:
            self._begin_to_gather(connection)
            thread.gathered = True
            on_gather()
        elif not connection.in_transaction:
            raise DatabaseError("a fault has undone the transaction that this act would be part of")
        return _GATHERED

    def _begin_to_gather(self, connection: sqlite3.Connection) -> None:
        self._wait_to_write()
        try:
            _execute(connection, "BEGIN IMMEDIATE")
        except BaseException:
            self._writing.release()
            raise

    def read(self) -> Tx:
        """Give a reader. Each statement sees what is committed by then, and what this thread has gathered."""
        return SqliteTx(self._connection())

    def while_unchanged(self, key: str, look: Callable[[Tx], T]) -> T:
        """Give what a look-up gives, or gave before, where nothing was written since: not by this connection, and not
        by another one, in whatever process. What a transaction sees is not kept: it may be undone.
        """
        connection, thread = self._connection(), self._thread
        if connection.in_transaction:
            return look(SqliteTx(connection))
        mark = (connection.execute("PRAGMA data_version").fetchone()[0], connection.total_changes)
        if mark != thread.mark or len(thread.known) >= _MOST_KNOWN:
            thread.mark, thread.known = mark, {}
        try:
            found: T = thread.known[key]
        except KeyError:
            found = thread.known[key] = look(SqliteTx(connection))
        return found

    @contextmanager
    def alone(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Do something that only one thread at a time does: there is one process."""
        with self._naming:
            lock = self._alone.setdefault(name, _Alone())
        mine = lock.held.acquire(blocking=wait)
        try:
            yield mine
        finally:
            if mine:
                lock.held.release()

    @contextmanager
    def alone_of_all(self, name: str) -> Iterator[None]:
        """Do something that only one process at a time does; see ``Database``."""
        with serving.held(self.path, name):
            yield

    def breathe(self) -> None:
        """Let a server write, if there may be one: who waits for a file looks again after some time only."""
        if serving.may_be_served(self.path):
            time.sleep(_BREATH_S)

    def is_missing(self) -> bool:
        """Tell whether there is no file."""
        return not Path(self.path).exists()

    def prepare(self) -> bool:
        """Make the tables where they are missing; give whether the database was new.

        Raises:
            DatabaseError: the file is of another version, or no database.
        """
        try:
            revision = self._revision()
        except sqlite3.DatabaseError as error:
            raise DatabaseError(f"{self.path} is not a sandbox database: {error}") from error
        if revision == schema.newest():
            return False
        if revision is not None:
            schema.check_known(self.path, revision)
            self._upgrade()
            return False
        with self.act() as tx:
            return self._create(tx, self._connection())

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
        self._writing = threading.Lock()

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

    def _revision(self) -> str | None:
        """Give the revision of the schema; None for a new file, and for one that only holds a prebuilt seed.

        Raises:
            DatabaseError: another one than this sandbox knows has made it.
        """
        connection = self._connection()
        if _tables(connection, "alembic_version"):
            row = connection.execute(schema.REVISION.sql()[0]).fetchone()
            return str(row["version_num"]) if row else None
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == _BEFORE_REVISIONS:
            self._stamp_first()
            return schema.FIRST
        if version:
            schema.check_known(self.path, str(version))
        return None

    def _stamp_first(self) -> None:
        with self.act() as tx:
            connection = self._connection()
            if not _tables(connection, "alembic_version"):  # another start may have been faster
                for statement in schema.definitions(SQLITE, _tables(connection) | set(metadata.tables)):
                    connection.execute(statement)
                tx.run(schema.STAMP, version_num=schema.FIRST)

    def _create(self, tx: Tx, connection: sqlite3.Connection) -> bool:
        known = _tables(connection)
        if "alembic_version" in known:  # another start was faster
            return False
        for statement in schema.definitions(SQLITE, known):
            connection.execute(statement)
        tx.run(schema.STAMP, version_num=schema.newest())
        return True

    def _upgrade(self) -> None:
        from sqlalchemy import create_engine, event  # noqa: PLC0415 - most starts need none
        from sqlalchemy.pool import StaticPool  # noqa: PLC0415

        connection = self._connect()
        connection.execute("PRAGMA foreign_keys=OFF")  # a table that is made anew is not its children's end
        engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
        event.listen(engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
        try:
            with engine.begin() as begun:
                schema.upgrade(begun)
        finally:
            connection.close()


def _tables(connection: sqlite3.Connection, name: str | None = None) -> set[str]:
    """Give the names of the tables that there are, or of one if it is there."""
    rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name = ifnull(?, name)", (name,))
    return {row["name"] for row in rows}


@contextmanager
def _kept(connection: sqlite3.Connection, steps: _Steps) -> Iterator[Tx]:
    """Keep what is done inside, or undo it."""
    begin, undo, keep = steps
    _execute(connection, begin)
    try:
        yield SqliteTx(connection)
        _execute(connection, keep)
    except BaseException:
        if connection.in_transaction:  # a full disk, for one, has undone everything already
            for statement in undo:
                connection.execute(statement)
        raise


def _execute(connection: sqlite3.Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except sqlite3.Error as error:
        raise _told(error) from error


def _told(error: sqlite3.Error) -> EngineError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    return EngineUnavailable(str(error)) if code in _PASSING else EngineError(str(error))
