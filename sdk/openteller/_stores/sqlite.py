"""Tokens in a file, for all processes of one machine."""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from openteller._core.store import Kept
from openteller.errors import ConfigurationError

__all__ = ["SqliteTokenStore"]

_TABLE = """
    CREATE TABLE IF NOT EXISTS openteller_tokens (
        name TEXT PRIMARY KEY,
        version INTEGER NOT NULL,
        content BLOB NOT NULL,
        expires_at REAL,
        claimed_until REAL NOT NULL DEFAULT 0
    ) WITHOUT ROWID
"""
_BUSY_SECONDS = 10.0


class SqliteTokenStore:
    """Keeps tokens in a file of SQLite, for all threads, tasks and processes of this machine.

    The file is made when it is missing, and only its owner can read it (mode 0600). A connection lives for one step, so
    that a process may fork at any time.

    Args:
        path: of the file.
        clock: wall time in seconds, the same for all processes.

    Raises:
        ConfigurationError: others can read the file, or it cannot be made.
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self._path = os.fspath(path)
        self._clock = clock
        _make_private(self._path)
        with self._step() as connection:
            connection.execute(_TABLE)

    def load(self, name: str) -> Kept | None:
        """Give what is kept under a name; None where nothing is."""
        with self._step(writes=False) as connection:
            row = self._row(connection, name)
            return Kept(row[0], row[1]) if row else None

    def swap(self, name: str, content: bytes | None, *, version: int, seconds: float | None = None) -> bool:
        """Keep something in the place of what has this version; False where that is not there any more."""
        with self._step() as connection:
            row, now = self._row(connection, name), self._clock()
            if (row[0] if row else 0) != version:
                return False
            connection.execute("DELETE FROM openteller_tokens WHERE name = ? OR expires_at <= ?", (name, now))
            if content is not None:
                # By chance: a name that is forgotten and comes again has no version that it had before.
                number, ends = secrets.randbits(62) + 1, None if seconds is None else now + seconds
                connection.execute(
                    "INSERT INTO openteller_tokens (name, version, content, expires_at) VALUES (?, ?, ?, ?)",
                    (name, number, content, ends),
                )
            return True

    def claim(self, name: str, *, version: int, seconds: float) -> bool:
        """Claim the right to replace what has this version; False where somebody else's claim holds."""
        with self._step() as connection:
            now = self._clock()
            done = connection.execute(
                "UPDATE openteller_tokens SET claimed_until = ? WHERE name = ? AND version = ? AND claimed_until <= ?",
                (now + seconds, name, version, now),
            )
            return done.rowcount == 1

    def release(self, name: str, *, version: int) -> None:
        """Give up a claim."""
        with self._step() as connection:
            connection.execute(
                "UPDATE openteller_tokens SET claimed_until = 0 WHERE name = ? AND version = ?", (name, version)
            )

    @contextmanager
    def _step(self, *, writes: bool = True) -> Iterator[sqlite3.Connection]:
        """Give a connection for one transaction, which is kept unless something is raised."""
        with closing(sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)) as connection:
            connection.execute("PRAGMA secure_delete = ON")  # what is replaced does not stay in the file
            connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
            yield connection
            connection.execute("COMMIT")

    def _row(self, connection: sqlite3.Connection, name: str) -> tuple[int, bytes] | None:
        found: tuple[int, bytes] | None = connection.execute(
            "SELECT version, content FROM openteller_tokens WHERE name = ? AND (expires_at IS NULL OR expires_at > ?)",
            (name, self._clock()),
        ).fetchone()
        return found

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path!r})"


def _make_private(path: str) -> None:
    """Make a file that only its owner can read; look that one which is there is such a file.

    Raises:
        ConfigurationError: it is not, or cannot be made.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 - beside the others
    except OSError as error:
        reason = error.strerror
    else:
        if os.name == "posix" and mode & 0o077:
            raise ConfigurationError(f"the token store {path} can be read by others: chmod 600 it")
        return
    raise ConfigurationError(f"the token store {path} cannot be opened: {reason}")
