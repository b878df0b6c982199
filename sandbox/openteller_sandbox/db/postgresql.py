"""PostgreSQL: a server, for any number of processes that are one bank.

An act is a READ COMMITTED transaction that first takes the lock of its world, an advisory one: acts of a world come one
after the other, as they do on SQLite, and acts of different worlds do not wait for each other. So a rule that reads
and then writes is right without a retry, nothing deadlocks as each act takes one lock and takes it first, and events
are committed in the order of their numbers: whoever reads on after a number misses none. (SERIALIZABLE would have to
repeat whole requests, which have asked billers in between; and the numbers would still be committed out of order.)

Locks end with the connection: what a killed process has begun is undone at once and holds up nobody.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from hashlib import blake2b
from typing import Any, ClassVar, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from openteller_sandbox.db import schema
from openteller_sandbox.db.engine import Database, DatabaseError, EngineError, EngineUnavailable, Row, Tx
from openteller_sandbox.db.statements import POSTGRESQL, Statement, metadata

OLDEST_SERVER = 15
_CONNECT_TIMEOUT_S = 10
_PREPARED = 512
# Of a healthy bank an act takes milliseconds: who holds a lock for so long hangs, and loses it.
_SETTINGS = "SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '20s'; SET client_encoding = 'UTF8'"

_RELAXED = "SET synchronous_commit = off"

# Advisory locks have two numbers: what kind, and which one.
_BANK = "1869900801, 0"  # shared by acts of a scope, alone for the others
_SCOPE = 1869900802
_ALONE = 1869900803
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_ACT = f"{_BEGIN}; SELECT pg_advisory_xact_lock({_BANK})"

Connection = psycopg.Connection["NamedRow"]


class NamedRow(tuple[Any, ...]):
    """A row: a tuple whose values have names, too."""

    __slots__ = ()
    places: ClassVar[Mapping[str, int]] = {}

    def __getitem__(self, key: Any, /) -> Any:
        """Give a value by its name or position."""
        return tuple.__getitem__(self, self.places[key] if isinstance(key, str) else key)

    def keys(self) -> Iterable[str]:
        """Give the names."""
        return self.places.keys()


class PostgresqlTx(Tx):
    """Runs statements on the connection of a running act."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def one(self, statement: Statement, /, **parameters: Any) -> Row | None:
        """Run and give the first row, or None."""
        return self._run(statement, parameters).fetchone()

    def all(self, statement: Statement, /, **parameters: Any) -> list[Row]:
        """Run and give every row."""
        return cast("list[Row]", self._run(statement, parameters).fetchall())

    def run(self, statement: Statement, /, **parameters: Any) -> int:
        """Run and give the number of rows that it changed."""
        self._about_to_write()
        return self._run(statement, parameters).rowcount

    def run_many(self, statement: Statement, rows: Iterable[Mapping[str, Any]], /) -> None:
        """Run once for each row of parameters."""
        self._about_to_write()
        sql, constants = statement.sql(POSTGRESQL)
        try:
            self._connection.cursor().executemany(sql, [{**constants, **row} for row in rows])
        except psycopg.Error as error:
            raise _told(error) from error

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> psycopg.Cursor[NamedRow]:
        sql, constants = statement.sql(POSTGRESQL)
        try:
            return self._connection.execute(sql, {**constants, **parameters})
        except psycopg.DataError as error:
            if not any(map(_has_nul, parameters.values())):
                raise _told(error) from error
            return self._run(statement, {name: _without_nul(value) for name, value in parameters.items()})
        except psycopg.Error as error:
            raise _told(error) from error


class _Reader(PostgresqlTx):
    """Runs statements outside of acts, on a new connection where the server has ended the old one."""

    __slots__ = ("_database",)

    def __init__(self, database: PostgresqlDatabase) -> None:
        super().__init__(database.connection())
        self._database = database

    def _run(self, statement: Statement, parameters: dict[str, Any]) -> psycopg.Cursor[NamedRow]:
        try:
            return super()._run(statement, parameters)
        except EngineError:
            if not self._connection.closed or self._database.acting:
                raise
            self._connection = self._database.connection()
            return super()._run(statement, parameters)


class _Thread(threading.local):
    connection: Connection | None = None
    is_relaxed = False


class PostgresqlDatabase(Database):
    """A database of a server, with one connection for each thread that uses it.

    Raises:
        DatabaseError: the address cannot be read; the message does not repeat it, as it may hold a password.
    """

    shared: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            self._where = conninfo_to_dict(url)
        except psycopg.Error as error:
            hint = "give postgresql://USER@HOST:PORT/DATABASE, special characters percent-encoded"
            raise DatabaseError(f"the database's address cannot be read: {hint}") from error
        self.name = _readable(self._where)
        self._thread = _Thread()
        self._connections: list[Connection] = []

    @property
    def acting(self) -> bool:
        """Whether this thread is in an act."""
        return self._acting.now

    @contextmanager
    def _transaction(self, scope: str | None) -> Iterator[Tx]:
        connection, _ = self._on_a_living_one(_ACT if scope is None else _act_in(scope))
        try:
            yield PostgresqlTx(connection)
            _execute(connection, "COMMIT")
        except BaseException:
            _undo(connection)
            raise

    def _on_a_living_one(self, sql: str) -> tuple[Connection, psycopg.Cursor[NamedRow]]:
        """Begin something on a connection that lives: the server may have ended the old one since it was last used."""
        connection = self.connection()
        try:
            return connection, _execute(connection, sql)
        except EngineError:
            if not connection.closed:
                _undo(connection)
                raise
        connection = self.connection()
        return connection, _execute(connection, sql)

    def read(self) -> Tx:
        """Give a reader. Each statement sees what is committed by then."""
        return _Reader(self)

    def gather(self, on_gather: Callable[[], None] | None, on_end: Callable[[bool], None] = lambda _: None) -> None:
        """Gather nothing: worlds' locks that are held to the end of a turn would hold up other processes' turns, and
        turns of two processes each other.
        """

    def commit(self) -> None:
        """Do nothing: each act was durable when it ended."""

    def relax(self) -> None:
        """Do not wait for the disk when acts of this thread end."""
        self._thread.is_relaxed = True
        _execute(self.connection(), _RELAXED)

    @contextmanager
    def alone(self, name: str, *, wait: bool = True) -> Iterator[bool]:
        """Do something that only one process at a time does; see ``Database``."""
        if self.acting:
            raise RuntimeError("an act is running: what is done alone is begun before it")
        lock = f"{_ALONE}, {_number(name)}"
        function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        connection, cursor = self._on_a_living_one(f"SELECT {function}({lock})")
        got = cursor.fetchone()
        mine = got is not None and got[0] is not False
        try:
            yield mine
        finally:
            if mine:
                _unlock(connection, lock)

    @contextmanager
    def alone_of_all(self, name: str) -> Iterator[None]:
        """Do something that only one process at a time does; see ``Database``."""
        with self.alone(name, wait=False) as mine:
            if not mine:
                raise DatabaseError(f"{self.name}: another process is at {name}: wait until it is done")
            yield

    def breathe(self) -> None:
        """Do nothing: who writes elsewhere does not wait."""

    def is_missing(self) -> bool:
        """Never: the operator makes the database, and the first start its tables."""
        return False

    def prepare(self) -> bool:
        """Make the tables where they are missing; give whether the database was new.

        Raises:
            DatabaseError: it is of another version, or cannot be reached.
        """
        try:
            return self._prepare(self.connection())
        except BaseException:
            self.close()
            raise

    def _prepare(self, connection: Connection) -> bool:
        if connection.info.server_version < OLDEST_SERVER * 10_000:
            found = connection.info.server_version // 10_000
            raise DatabaseError(f"{self.name} runs PostgreSQL {found}: this sandbox needs {OLDEST_SERVER} or newer")
        if connection.info.parameter_status("server_encoding") != "UTF8":
            raise DatabaseError(f"{self.name} does not store UTF-8: make it with ENCODING 'UTF8' TEMPLATE template0")
        revision = self._revision()
        if revision == schema.newest():
            return False
        if revision is not None:
            schema.check_known(self.name, revision)
            self._upgrade()
            return False
        with self.act() as tx:
            return self._create(tx)

    def discard(self) -> None:
        """Leave the server: what was begun is undone, and tables without rows are filled by the next start."""
        self.close()

    def close(self) -> None:
        """Close every connection."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._thread = _Thread()

    def connection(self) -> Connection:
        """Give this thread's connection, another one where it has ended.

        Raises:
            DatabaseError: the server cannot be reached, or refuses.
        """
        connection = self._thread.connection
        if connection is None or connection.closed:
            if connection is not None:
                self._thread.connection = None  # also where the server cannot be reached now
                self._connections.remove(connection)
            connection = self._thread.connection = self._connect()
            self._connections.append(connection)
            if self._thread.is_relaxed:
                _execute(connection, _RELAXED)
        return connection

    def _connect(self) -> Connection:
        options = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "openteller"} | self._where
        try:
            connection = psycopg.connect(
                autocommit=True, prepare_threshold=0, row_factory=_named_rows, **cast("dict[str, Any]", options)
            )
            connection.prepared_max = _PREPARED
            connection.execute(_SETTINGS, prepare=False)
        except psycopg.Error as error:
            raise DatabaseError(f"cannot open {self.name}: {_in_a_line(error)}") from error
        return connection

    def _revision(self) -> str | None:
        """Give the revision of the schema, None where there is none."""
        found = _execute(self.connection(), "SELECT to_regclass('alembic_version')").fetchone()
        if found is None or found[0] is None:
            return None
        row = self.read().one(schema.REVISION)
        return str(row["version_num"]) if row else None

    def _create(self, tx: Tx) -> bool:
        if self._revision() is not None:  # another start was faster
            return False
        connection = self.connection()
        rows = _execute(connection, "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()").fetchall()
        if taken := {row[0] for row in rows} & set(metadata.tables):
            hint = "give the sandbox a database of its own"
            raise DatabaseError(f"{self.name} has a table {min(taken)} that is not the sandbox's: {hint}")
        for statement in schema.definitions(POSTGRESQL, ()):
            _execute(connection, statement)
        tx.run(schema.STAMP, version_num=schema.newest())
        return True

    def _upgrade(self) -> None:
        from sqlalchemy import create_engine, text  # noqa: PLC0415 - most starts need none
        from sqlalchemy.pool import NullPool  # noqa: PLC0415

        where = cast("dict[str, Any]", self._where)
        engine = create_engine(f"{POSTGRESQL}+psycopg://", creator=lambda: psycopg.connect(**where), poolclass=NullPool)
        with engine.begin() as begun:
            begun.execute(text(f"SELECT pg_advisory_xact_lock({_BANK})"))
            schema.upgrade(begun)


def _act_in(scope: str) -> str:
    lock = f"pg_advisory_xact_lock({_SCOPE}, {_number(scope)})"
    return f"{_BEGIN}; SELECT pg_advisory_xact_lock_shared({_BANK}), {lock}"


@lru_cache(maxsize=4096)
def _number(name: str) -> int:
    """Give the number of a lock. Two names may have one number, and wait for each other then."""
    return int.from_bytes(blake2b(name.encode(), digest_size=4).digest(), signed=True)


def _execute(connection: Connection, sql: str) -> psycopg.Cursor[NamedRow]:
    try:
        return connection.execute(sql, prepare=False)
    except psycopg.Error as error:
        raise _told(error) from error


def _has_nul(value: object) -> bool:
    return isinstance(value, str) and "\0" in value


def _without_nul(value: Any) -> Any:
    """Write what no text of PostgreSQL holds as U+FFFD, so that who looks for it finds nothing, as on SQLite."""
    return value.replace("\0", "\ufffd") if _has_nul(value) else value


def _unlock(connection: Connection, lock: str) -> None:
    """Give a lock back. Where the connection has ended the server has done so already."""
    if connection.closed:
        return
    try:
        _execute(connection, f"SELECT pg_advisory_unlock({lock})")
    except EngineError:
        if not connection.closed:
            raise


def _undo(connection: Connection) -> None:
    """End a transaction that must not be kept. Where the connection has ended the server has done so already."""
    if connection.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        _execute(connection, "ROLLBACK")
    elif not connection.closed and connection.info.transaction_status is not TransactionStatus.IDLE:
        connection.close()  # somebody has left in the middle of a statement: nothing can be asked any more


def _named_rows(cursor: psycopg.Cursor[Any]) -> Callable[[Iterable[Any]], NamedRow]:
    described = cursor.description
    return _row_class(tuple(column.name for column in described)) if described else NamedRow


@lru_cache(maxsize=512)
def _row_class(names: tuple[str, ...]) -> type[NamedRow]:
    places = {name: place for place, name in enumerate(names)}
    return type("NamedRow", (NamedRow,), {"__slots__": (), "places": places})


def _told(error: psycopg.Error) -> EngineError:
    """Tell what the server says, without the detail, which may repeat what somebody has typed."""
    kind = EngineUnavailable if isinstance(error, psycopg.OperationalError) else EngineError
    return kind(error.diag.message_primary or _in_a_line(error))


def _in_a_line(error: psycopg.Error) -> str:
    """Give the last thing that was tried, as the server or the system says it."""
    lines = [line.strip() for line in str(error).splitlines() if "failed: " in line]
    text = lines[-1] if lines else (str(error).splitlines() or [type(error).__name__])[0]
    return text.rpartition("failed: ")[2].removeprefix("FATAL:").strip()


def _readable(where: Mapping[str, Any]) -> str:
    """Give an address without its password."""
    user = f"{where['user']}@" if where.get("user") else ""
    port = f":{where['port']}" if where.get("port") else ""
    return f"postgresql://{user}{where.get('host', '')}{port}/{where.get('dbname', '')}"
