"""The naive way to durable payments, as a peer: threads, a connection to SQLite and a commit with a sync per request.

It is this very application, so that each payment is the same work: token, contract, rules, record, event, due act and
idempotency key. Only what is around it differs: the same HTTP server calls it in 32 threads instead of inline in its
loop, each request opens a connection of its own and closes it, and each act is a transaction of its own, synced when it
ends; who finds the file locked waits as SQLite waits. ``python benchmarks/naive.py PORT DATABASE`` serves it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from granian import Granian
from granian.constants import Interfaces

from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import Clock, parse
from openteller_sandbox.db.sqlite import SqliteDatabase
from openteller_sandbox.settings import NO_FETCH_LIMITS, NO_PAYMENT_LIMITS, RateLimits, Settings

THREADS = 32
_PATIENCE_MS = 120_000
"""How long SQLite lets a writer wait for others: nobody shall fail."""
_NO_QUOTA = 10**9
_DATABASE = "OPENTELLER_NAIVE_DATABASE"
_CLOCK = "OPENTELLER_NAIVE_CLOCK"


class _Nobody:
    """Where threads of a process do not wait for each other."""

    def acquire(self, timeout: float) -> bool:  # noqa: ARG002 - as a lock has it
        return True

    def release(self) -> None:
        """Nothing was taken."""


class ConnectionPerRequest(SqliteDatabase):
    """Connections that a request opens and closes."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self._writing: Any = _Nobody()

    def _connect(self) -> Any:
        connection = super()._connect()
        connection.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
        return connection

    def let_go(self) -> None:
        """Close this thread's connection."""
        connection, self._thread.connection = self._thread.connection, None
        if connection is not None:
            self._connections.remove(connection)
            connection.close()


def make() -> Callable[..., Iterable[bytes]]:
    """Make the application over the database that the environment names; called by the server's process."""
    bank = _open(os.environ[_DATABASE], os.environ[_CLOCK])
    database = ConnectionPerRequest(bank.settings.database)
    bank.db.close()
    bank.db = database
    app = create_app(bank).wsgi_app

    def naive(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return list(app(environ, start_response))
        finally:
            database.let_go()

    return naive


def _open(database: str, begin: str) -> Bank:
    limits = RateLimits(app=_NO_QUOTA, anonymous=_NO_QUOTA)
    clock = Clock(parse(begin) - Clock().wall())
    settings = Settings(
        database=database, rate_limits=limits, fetch_limits=NO_FETCH_LIMITS, payment_limits=NO_PAYMENT_LIMITS
    )
    return create_bank(settings, clock)


def main(port: int, database: str, begin: str) -> None:
    """Serve until SIGTERM."""
    os.environ |= {_DATABASE: database, _CLOCK: begin}
    Granian(
        "naive:make",
        address="127.0.0.1",
        port=port,
        interface=Interfaces.WSGI,
        blocking_threads=THREADS,
        factory=True,
        websockets=False,
        log_enabled=False,
        working_dir=Path(__file__).parent,
    ).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
