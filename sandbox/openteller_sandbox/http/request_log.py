"""The last requests of each world, for ``GET /sandbox/v1/requests``: bounded, without anything that a caller sent.

Where one process is the bank they are in its memory: a log is worth no sync to disk. Where several are, each writes its
own together into one table, after so many, or so long, and before it shows any: a request costs no statement of its
own. PostgreSQL syncs that table to no disk and empties it after a crash; a process that is killed takes the last second
of its log with it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, bindparam, delete, func, or_, select, tuple_

from openteller_sandbox.db import Database, DatabaseError, EngineError, Insert, Statement, metadata

log = logging.getLogger("openteller_sandbox.http")

MOST_ROWS = 500
"""Of a world; the oldest give way."""
_MOST_WORLDS = 200
_MOST_WAITING = 64
_LONGEST_WAIT_S = 1.0

Place = tuple[int, int]
"""Where a row stands in its world's log: when it was received (wall time, epoch milliseconds), and its number."""
_NEWEST: Place = (2**62, 2**62)

requests = Table(
    "request_log",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("request_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("operation_id", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("code", String),
    Column("duration_ms", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("bank_time", BigInteger, nullable=False),
    Index("request_log_world", "world_id", "received_at", "seq"),
    info={"unlogged": True},
)
_INSERT = Insert(requests, without=("seq",))
_newest_first = (requests.c.received_at.desc(), requests.c.seq.desc())
_PAGE = Statement(
    select(requests)
    .where(
        requests.c.world_id == bindparam("world_id"),
        tuple_(requests.c.received_at, requests.c.seq) < tuple_(bindparam("at"), bindparam("seq")),
    )
    .order_by(*_newest_first)
    .limit(bindparam("count"))
)
_one_too_many = (
    select(requests.c.seq)
    .where(requests.c.world_id == bindparam("world_id"))
    .order_by(requests.c.seq.desc())
    .offset(bindparam("most"))
    .limit(1)
    .scalar_subquery()
)
_long_ago = select(func.max(requests.c.seq) - bindparam("most_of_all", type_=BigInteger)).scalar_subquery()
_gone = (
    select(requests.c.seq)
    .where(
        or_(
            requests.c.seq <= _long_ago,
            (requests.c.world_id == bindparam("world_id")) & (requests.c.seq <= _one_too_many),
        )
    )
    .with_for_update(skip_locked=True)  # of two processes that purge, each row has one
)
_PURGE = Statement(delete(requests).where(requests.c.seq.in_(_gone)))


class RequestLog(Protocol):
    """Keeps the last requests of each world."""

    def note(self, world_id: str, row: dict[str, Any]) -> None:
        """Keep a row; ``received_at`` is wall time in epoch milliseconds."""

    def flush(self) -> None:
        """Write what waits to be written."""

    def newest_first(
        self, world_id: str, count: int, before: Place | None = None
    ) -> list[tuple[Place, Mapping[str, Any]]]:
        """Give so many of a world's rows with their places, from the newest on, or from before a place on."""


def request_log(database: Database) -> RequestLog:
    """Give the log of a bank: its own, or that of all its processes."""
    return SharedRequestLog(database) if database.shared else MemoryRequestLog()


class MemoryRequestLog:
    """A ring of rows for each world; the world that was quiet longest gives way."""

    def __init__(self) -> None:
        self._worlds: OrderedDict[str, deque[tuple[Place, dict[str, Any]]]] = OrderedDict()
        self._noted = 0
        self._noting = threading.Lock()

    def note(self, world_id: str, row: dict[str, Any]) -> None:
        """Keep a row."""
        with self._noting:
            rows = self._worlds.get(world_id)
            if rows is None:
                rows = self._worlds[world_id] = deque(maxlen=MOST_ROWS)
                if len(self._worlds) > _MOST_WORLDS:
                    self._worlds.popitem(last=False)
            self._worlds.move_to_end(world_id)
            self._noted += 1
            rows.append(((row["received_at"], self._noted), row))

    def flush(self) -> None:
        """Nothing waits."""

    def newest_first(
        self, world_id: str, count: int, before: Place | None = None
    ) -> list[tuple[Place, Mapping[str, Any]]]:
        """Give so many of a world's rows with their places."""
        with self._noting:
            kept = list(self._worlds.get(world_id, ()))
        return [(place, row) for place, row in reversed(kept) if place < (before or _NEWEST)][:count]


class SharedRequestLog:
    """A table that is purged on the way: of each world's rows, and of all, so many are left."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[dict[str, Any]] = deque()
        self._since = 0.0
        self._unpurged = 0
        self._writing = threading.Lock()

    def note(self, world_id: str, row: dict[str, Any]) -> None:
        """Keep a row, and write it when enough wait, or long enough."""
        now = time.monotonic()
        if not self._waiting:
            self._since = now
        self._waiting.append({"world_id": world_id, **row})
        if len(self._waiting) >= _MOST_WAITING or now - self._since >= _LONGEST_WAIT_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits. A database that fails is the trouble of those who need it: the rows are forgotten."""
        if not self._waiting:
            return
        with self._writing:
            rows = [self._waiting.popleft() for _ in range(len(self._waiting))]
            try:
                self._write(rows)
            except (EngineError, DatabaseError) as error:
                log.warning("%d requests are missing in the log: %s", len(rows), error)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        """Write outside of acts: a log waits for nobody's lock."""
        tx = self._database.read()
        tx.run_many(_INSERT, rows)
        self._unpurged += len(rows)
        if self._unpurged >= _MOST_WAITING:
            self._unpurged = 0
            for world_id in {row["world_id"] for row in rows}:
                tx.run(_PURGE, world_id=world_id, most=MOST_ROWS, most_of_all=MOST_ROWS * _MOST_WORLDS)

    def newest_first(
        self, world_id: str, count: int, before: Place | None = None
    ) -> list[tuple[Place, Mapping[str, Any]]]:
        """Give so many of a world's rows with their places."""
        self.flush()
        at, seq = before or _NEWEST
        rows = self._database.read().all(_PAGE, world_id=world_id, at=at, seq=seq, count=count)
        return [((row["received_at"], row["seq"]), dict(zip(row.keys(), row, strict=True))) for row in rows]
