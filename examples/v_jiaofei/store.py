"""What must survive a crash: messages that came in, answers that go out, open questions, links to follow.

One SQLite file, one transaction for each act. A message is in ``inbox`` once, however often it is delivered; what goes
out by API is in ``outbox`` once, under a name that says what it answers. What somebody wrote is forgotten as soon as it
is answered, an open question after ten minutes, and whom a link was for when two days have passed: Weibo lets nobody be
written to after that.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .reading import Ask, Intent, Place, Reading

__all__ = ["Incoming", "Link", "Outgoing", "Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
    key TEXT PRIMARY KEY, sender TEXT, is_public INTEGER NOT NULL, account_like INTEGER NOT NULL, status_id INTEGER,
    comment_id INTEGER, text TEXT, position TEXT, received_at REAL NOT NULL, state TEXT NOT NULL, due_at REAL,
    tries INTEGER NOT NULL DEFAULT 0, apologised INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS outbox (
    name TEXT PRIMARY KEY, receiver TEXT, status_id INTEGER, comment_id INTEGER, text TEXT, until REAL NOT NULL,
    state TEXT NOT NULL, due_at REAL, tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS questions (sender TEXT PRIMARY KEY, reading TEXT NOT NULL, until REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS links (
    subject TEXT PRIMARY KEY, code4 TEXT NOT NULL, key TEXT NOT NULL, sender TEXT NOT NULL, is_public INTEGER NOT NULL,
    language TEXT NOT NULL, made_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, digest TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""

LEASE_S = 30.0
"""How long whoever takes a row may work on it before another may take it: its taker has died."""
QUESTION_S = 600.0
REPLY_WINDOW_S = 48 * 3600.0
REMEMBERED_S = 7 * 86_400.0
"""How long the key of a message is known; Weibo delivers it again within seconds."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to answer."""

    key: str
    sender: str
    is_public: bool
    account_like: bool
    text: str = field(repr=False)
    status_id: int | None = None
    comment_id: int | None = None
    position: tuple[float, float] | None = field(default=None, repr=False)
    received_at: float = 0.0
    tries: int = 0
    apologised: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to say by API: a private message to ``receiver``, or a comment under ``status_id``."""

    name: str
    text: str = field(repr=False)
    until: float
    receiver: str | None = None
    status_id: int | None = None
    comment_id: int | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """For whom a payment link was made, or a fetch begun."""

    subject: str
    code4: str
    key: str
    sender: str
    is_public: bool
    language: str


class Store:
    """The account's memory. Threads share it; one of them writes at a time."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _act(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Messages

    def receive(self, message: Incoming, now: float) -> bool:
        """Keep a message and take it for the caller; False when it has been here before."""
        position = json.dumps(message.position) if message.position else None
        with self._act() as sql:
            done = sql.execute(
                "INSERT INTO inbox (key, sender, is_public, account_like, status_id, comment_id, text, position,"
                " received_at, state, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'TAKEN', ?) ON CONFLICT DO NOTHING",
                (
                    message.key,
                    message.sender,
                    message.is_public,
                    message.account_like,
                    message.status_id,
                    message.comment_id,
                    message.text,
                    position,
                    now,
                    now + LEASE_S,
                ),
            )
            return done.rowcount == 1

    def put_back(self, key: str, due_at: float, *, apologised: bool = False) -> None:
        """Let a message wait until later."""
        with self._act() as sql:
            sql.execute(
                "UPDATE inbox SET state = 'WAITING', due_at = ?, tries = tries + 1, apologised = max(apologised, ?)"
                " WHERE key = ? AND state = 'TAKEN'",
                (due_at, apologised, key),
            )

    def take_message(self, now: float) -> Incoming | None:
        """Take the message that has been due the longest, for the caller alone."""
        with self._act() as sql:
            row = sql.execute(
                "UPDATE inbox SET state = 'TAKEN', due_at = ? WHERE key = (SELECT key FROM inbox WHERE due_at <= ?"
                " ORDER BY due_at LIMIT 1) RETURNING *",
                (now + LEASE_S, now),
            ).fetchone()
        return _incoming(row) if row else None

    def answered(
        self, key: str, now: float, *, outgoing: Outgoing | None, question: Reading | None, link: Link | None
    ) -> bool:
        """Keep an answer with all that follows from it, and forget what was asked; False if it was answered before.

        Args:
            outgoing: what is to be said by API; None when the caller says it at once.
            question: what stays open, for the sender's next message.
            link: what to follow.
        """
        with self._act() as sql:
            row = sql.execute(
                "UPDATE inbox SET state = 'DONE', due_at = NULL, text = NULL, position = NULL"
                " WHERE key = ? AND state != 'DONE' RETURNING sender, is_public",
                (key,),
            ).fetchone()
            if row is None:
                return False
            if not row["is_public"]:
                self._ask(sql, row["sender"], question, now)
            if outgoing is not None:
                self._put(sql, outgoing, now)
            if link is not None:
                self._follow(sql, link, now)
            sql.execute("UPDATE inbox SET sender = NULL WHERE key = ?", (key,))
            return True

    def drop(self, key: str) -> None:
        """Give a message up: its window has closed."""
        with self._act() as sql:
            sql.execute(
                "UPDATE inbox SET state = 'DROPPED', due_at = NULL, text = NULL, position = NULL, sender = NULL"
                " WHERE key = ?",
                (key,),
            )

    @staticmethod
    def _ask(sql: sqlite3.Connection, sender: str, question: Reading | None, now: float) -> None:
        if question is None:
            sql.execute("DELETE FROM questions WHERE sender = ?", (sender,))
            return
        sql.execute(
            "INSERT INTO questions VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET reading = excluded.reading, until = excluded.until",
            (sender, _written(question), now + QUESTION_S),
        )

    def question(self, sender: str, now: float) -> Reading | None:
        """Give the question that is open with somebody."""
        with self._lock:
            row = self._connection.execute(
                "SELECT reading FROM questions WHERE sender = ? AND until > ?", (sender, now)
            ).fetchone()
        return _read(row["reading"]) if row else None

    # What goes out

    @staticmethod
    def _put(sql: sqlite3.Connection, one: Outgoing, now: float) -> None:
        sql.execute(
            "INSERT INTO outbox (name, receiver, status_id, comment_id, text, until, state, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'WAITING', ?) ON CONFLICT DO NOTHING",
            (one.name, one.receiver, one.status_id, one.comment_id, one.text, one.until, now),
        )

    def take_outgoing(self, now: float) -> Outgoing | None:
        """Take what has been due the longest, for the caller alone."""
        with self._act() as sql:
            row = sql.execute(
                "UPDATE outbox SET state = 'TAKEN', due_at = ?, tries = tries + 1 WHERE name ="
                " (SELECT name FROM outbox WHERE due_at <= ? ORDER BY due_at LIMIT 1) RETURNING *",
                (now + LEASE_S, now),
            ).fetchone()
        if row is None:
            return None
        return Outgoing(
            row["name"], row["text"], row["until"], row["receiver"], row["status_id"], row["comment_id"], row["tries"]
        )

    def said(self, name: str, state: str = "SAID") -> None:
        """Note that it has been said, or (``SHED``, ``REFUSED``) never will be; and forget what it was."""
        with self._act() as sql:
            sql.execute(
                "UPDATE outbox SET state = ?, due_at = NULL, text = NULL, receiver = NULL WHERE name = ?", (state, name)
            )

    def say_later(self, name: str, due_at: float) -> None:
        """Let it wait."""
        with self._act() as sql:
            sql.execute("UPDATE outbox SET state = 'WAITING', due_at = ? WHERE name = ?", (due_at, name))

    # What to follow

    @staticmethod
    def _follow(sql: sqlite3.Connection, link: Link, now: float) -> None:
        sql.execute(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (link.subject, link.code4, link.key, link.sender, link.is_public, link.language, now),
        )

    def link(self, subject: str) -> Link | None:
        """Give for whom a link was made."""
        with self._lock:
            row = self._connection.execute("SELECT * FROM links WHERE subject = ?", (subject,)).fetchone()
        if row is None:
            return None
        return Link(row["subject"], row["code4"], row["key"], row["sender"], bool(row["is_public"]), row["language"])

    def cursor(self) -> str | None:
        """Give the last of the bank's events that was handled."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM facts WHERE name = 'cursor'").fetchone()
        return row["value"] if row else None

    def since(self, kind: str) -> int:
        """Give the last mention of a kind that polling has seen."""
        with self._lock:
            row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (f"since {kind}",)).fetchone()
        return int(row["value"]) if row else 0

    def seen(self, kind: str, mention_id: int) -> None:
        """Note that a mention is kept, after it is."""
        with self._act() as sql:
            sql.execute(
                "INSERT INTO facts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (f"since {kind}", str(mention_id)),
            )

    def handled(self, event_id: str, now: float, *, outgoing: Outgoing | None = None, link: Link | None = None) -> None:
        """Keep what an event led to, and that it was handled: in one act, so that no crash comes between."""
        with self._act() as sql:
            if outgoing is not None:
                self._put(sql, outgoing, now)
            if link is not None:
                self._follow(sql, link, now)
            sql.execute(
                "INSERT INTO facts VALUES ('cursor', ?) ON CONFLICT DO UPDATE SET value = excluded.value", (event_id,)
            )

    # Upkeep

    def claim(self, nonce: str, digest: str, now: float) -> bool:
        """Tell whether a push's nonce is new or was used for this very body; remember it. See ``weibo.Nonces``."""
        with self._act() as sql:
            sql.execute("INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (nonce, digest, now))
            row = sql.execute("SELECT digest FROM nonces WHERE nonce = ?", (nonce,)).fetchone()
            return bool(row["digest"] == digest)

    def forget(self, now: float) -> None:
        """Delete what is not needed any more."""
        with self._act() as sql:
            sql.execute("DELETE FROM questions WHERE until <= ?", (now,))
            sql.execute("DELETE FROM nonces WHERE at <= ?", (now - 3600,))
            sql.execute("DELETE FROM links WHERE made_at <= ?", (now - REPLY_WINDOW_S,))
            sql.execute("DELETE FROM inbox WHERE due_at IS NULL AND received_at <= ?", (now - REMEMBERED_S,))
            sql.execute("DELETE FROM outbox WHERE due_at IS NULL AND until <= ?", (now - REMEMBERED_S,))

    def counts(self) -> dict[str, int]:
        """Count messages and what goes out, by state: for a health page."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT 'inbox ' || state AS what, count(*) AS n FROM inbox GROUP BY state"
                " UNION ALL SELECT 'outbox ' || state, count(*) FROM outbox GROUP BY state"
            ).fetchall()
        return {row["what"]: row["n"] for row in rows}


def _incoming(row: sqlite3.Row) -> Incoming:
    position = json.loads(row["position"]) if row["position"] else None
    return Incoming(
        key=row["key"],
        sender=row["sender"],
        is_public=bool(row["is_public"]),
        account_like=bool(row["account_like"]),
        text=row["text"],
        status_id=row["status_id"],
        comment_id=row["comment_id"],
        position=(position[0], position[1]) if position else None,
        received_at=row["received_at"],
        tries=row["tries"],
        apologised=bool(row["apologised"]),
    )


def _written(reading: Reading) -> str:
    plain = asdict(reading) | {"intent": reading.intent.value, "ask": reading.ask.value if reading.ask else None}
    return json.dumps(plain, ensure_ascii=False)


def _read(text: str) -> Reading:
    plain = json.loads(text)
    at = plain["position"]
    return Reading(
        intent=Intent(plain["intent"]),
        places=tuple(Place(**place) for place in plain["places"]),
        categories=tuple(plain["categories"]),
        accounts=tuple(plain["accounts"]),
        words=plain["words"],
        currencies=tuple(plain["currencies"]),
        position=(at[0], at[1]) if at else None,
        phone_given=plain["phone_given"],
        ask=Ask(plain["ask"]) if plain["ask"] else None,
    )
