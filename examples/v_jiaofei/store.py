"""What must survive a crash: messages that came in, answers that go out, open questions, links and events to follow.

One SQLite file, one transaction for each act; threads and processes may share it. A message is in ``inbox`` once,
however often it is delivered; what is to be said is in ``outbox`` once, under a name that says what it answers. Whoever
takes a row has it for `LEASE_S`; when the taker dies the row is due again.

What somebody wrote is overwritten as soon as it is answered, an open question after ten minutes, and for whom a link
was when two days have passed: Weibo lets nobody be written to after that.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .records import (
    Arrival,
    Happening,
    Hook,
    Incoming,
    Link,
    Outgoing,
    Question,
    incoming_of,
    link_of,
    outgoing_of,
    read,
    written,
)

__all__ = ["LEASE_S", "QUESTION_S", "REMEMBERED_S", "REPLY_WINDOW_S", "Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS inbox (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, sender TEXT, is_public INTEGER NOT NULL,
    account_like INTEGER NOT NULL, status_id INTEGER, comment_id INTEGER, text TEXT, position TEXT,
    received_at REAL NOT NULL, state TEXT NOT NULL, due_at REAL, tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS inbox_due ON inbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS inbox_sender ON inbox (sender, seq) WHERE sender IS NOT NULL;
CREATE INDEX IF NOT EXISTS inbox_age ON inbox (received_at);
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, receiver TEXT, status_id INTEGER, comment_id INTEGER, text TEXT,
    until REAL NOT NULL, state TEXT NOT NULL, due_at REAL, tries INTEGER NOT NULL DEFAULT 0,
    maybe_said INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_receiver ON outbox (receiver, seq) WHERE receiver IS NOT NULL;
CREATE INDEX IF NOT EXISTS outbox_age ON outbox (until);
CREATE TABLE IF NOT EXISTS questions (
    sender TEXT PRIMARY KEY, reading TEXT NOT NULL, language TEXT NOT NULL, until REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS links (
    subject TEXT PRIMARY KEY, code4 TEXT NOT NULL, key TEXT NOT NULL, sender TEXT NOT NULL, is_public INTEGER NOT NULL,
    language TEXT NOT NULL, made_at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS links_age ON links (made_at);
CREATE TABLE IF NOT EXISTS happenings (
    seq INTEGER PRIMARY KEY, event_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, subject TEXT NOT NULL,
    version INTEGER NOT NULL, at REAL NOT NULL, state TEXT NOT NULL, due_at REAL, tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS happenings_due ON happenings (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS happenings_subject ON happenings (subject, version);
CREATE INDEX IF NOT EXISTS happenings_age ON happenings (at);
CREATE TABLE IF NOT EXISTS nonces (nonce TEXT PRIMARY KEY, digest TEXT NOT NULL, at REAL NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS nonces_age ON nonces (at);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
# secure_delete overwrites what is deleted; the write-ahead log is cut by `forget`.
_PRAGMAS = ("busy_timeout=2000", "journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY")

LEASE_S = 30.0
QUESTION_S = 600.0
REPLY_WINDOW_S = 48 * 3600.0
REMEMBERED_S = 7 * 86_400.0
"""How long the key of a message is known, and the name of an event. Weibo delivers again within seconds, the bank for
three days and some hours."""
_NONCE_S = 3600.0

Table = Literal["inbox", "outbox", "happenings"]


class Store:
    """The account's memory. Threads share it; one of them writes at a time."""

    def __init__(self, path: Path | str) -> None:
        Path(path).touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._lock = threading.RLock()
        self._is_durable = True
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _act(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """One transaction. Without ``durable`` a power cut may undo it; what ends this process alone does not."""
        with self._lock:
            if durable != self._is_durable:
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._is_durable = durable
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    # Messages

    def receive(self, message: Incoming, now: float, *, polled: tuple[str, int] | None = None) -> Arrival:
        """Keep a message.

        A private one is taken for the caller, unless one of the same sender has yet to be answered: an answer to a
        question must not overtake it. A public one waits for a worker. What waits is on disk; what is taken will be
        with its answer, or when it is put back, and must not be acknowledged before.

        Args:
            polled: kind and id of the mention, when polling found it: kept in the same act.
        """
        position = json.dumps(message.position) if message.position else None
        with self._lock, self._act(durable=message.is_public or self._is_before(message.sender)) as sql:
            waits = message.is_public or self._is_before(message.sender)
            done = sql.execute(
                "INSERT INTO inbox (key, sender, is_public, account_like, status_id, comment_id, text, position,"
                " received_at, state, due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    message.key,
                    message.sender,
                    message.is_public,
                    message.account_like,
                    message.status_id,
                    message.comment_id,
                    message.text,
                    position,
                    message.received_at,
                    "WAITING" if waits else "TAKEN",
                    now if waits else now + LEASE_S,
                ),
            )
            if polled is not None:
                _set_fact(sql, f"since {polled[0]}", str(polled[1]))
        if done.rowcount != 1:
            return Arrival.KNOWN
        return Arrival.WAITING if waits else Arrival.TAKEN

    def _is_before(self, sender: str) -> bool:
        query = "SELECT 1 FROM inbox WHERE sender = ? AND NOT is_public AND due_at IS NOT NULL LIMIT 1"
        return self._connection.execute(query, (sender,)).fetchone() is not None

    def put_back(self, key: str, due_at: float, *, counts: bool = True) -> None:
        """Let a message wait until later; ``counts`` when the try says something of the message itself."""
        with self._act() as sql:
            sql.execute(
                "UPDATE inbox SET state = 'WAITING', due_at = ?, tries = tries + ? WHERE key = ? AND state = 'TAKEN'",
                (due_at, counts, key),
            )

    def take_message(self, now: float) -> Incoming | None:
        """Take the message that has been due the longest, for the caller alone; of one sender, in order.

        A message whose taker has died has been tried once more.
        """
        if not self.is_due("inbox", now):
            return None
        with self._act(durable=False) as sql:
            row = sql.execute(
                "UPDATE inbox SET due_at = ?, tries = tries + (state = 'TAKEN'), state = 'TAKEN' WHERE seq = ("
                " SELECT seq FROM inbox AS one WHERE due_at <= ? AND (is_public OR NOT EXISTS ("
                "  SELECT 1 FROM inbox AS earlier WHERE earlier.sender = one.sender AND earlier.seq < one.seq"
                "  AND NOT earlier.is_public AND earlier.due_at IS NOT NULL)) ORDER BY due_at, seq LIMIT 1)"
                " RETURNING *",
                (now + LEASE_S, now),
            ).fetchone()
        return incoming_of(row) if row else None

    def is_due(self, table: Table, now: float) -> bool:
        """Tell whether there may be something to take; reading hinders nobody."""
        with self._lock:
            row = self._connection.execute(f"SELECT 1 FROM {table} WHERE due_at <= ? LIMIT 1", (now,)).fetchone()  # noqa: S608 - our own names
        return row is not None

    def answered(
        self,
        key: str,
        now: float,
        *,
        outgoing: Outgoing,
        say_at: float,
        question: Question | None = None,
        link: Link | None = None,
    ) -> bool:
        """Keep an answer with all that follows from it, and forget what was asked; False if it was answered before.

        Args:
            outgoing: what is to be said.
            say_at: when by API: now, or somewhat later when the caller is about to say it, and will call `said`.
            question: what stays open, for the sender's next message.
            link: what to follow.
        """
        with self._act() as sql:
            row = sql.execute(
                "UPDATE inbox SET state = 'DONE', due_at = NULL, text = NULL, position = NULL"
                " WHERE key = ? AND due_at IS NOT NULL RETURNING sender, is_public",
                (key,),
            ).fetchone()
            if row is None:
                return False
            if not row["is_public"]:
                self._ask(sql, row["sender"], question, now)
            self._put(sql, outgoing, say_at)
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
    def _ask(sql: sqlite3.Connection, sender: str, question: Question | None, now: float) -> None:
        if question is None:
            sql.execute("DELETE FROM questions WHERE sender = ?", (sender,))
            return
        sql.execute(
            "INSERT OR REPLACE INTO questions VALUES (?, ?, ?, ?)",
            (sender, written(question.reading), question.language, now + QUESTION_S),
        )

    def question(self, sender: str, now: float) -> Question | None:
        """Give the question that is open with somebody."""
        with self._lock:
            row = self._connection.execute(
                "SELECT reading, language FROM questions WHERE sender = ? AND until > ?", (sender, now)
            ).fetchone()
        return Question(read(row["reading"]), row["language"]) if row else None

    # What goes out

    @staticmethod
    def _put(sql: sqlite3.Connection, one: Outgoing, due_at: float) -> None:
        sql.execute(
            "INSERT INTO outbox (name, receiver, status_id, comment_id, text, until, state, due_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'WAITING', ?) ON CONFLICT DO NOTHING",
            (one.name, one.receiver, one.status_id, one.comment_id, one.text, one.until, due_at),
        )

    def take_outgoing(self, now: float, *, comments: bool = True, messages: bool = True) -> Outgoing | None:
        """Take what has been due the longest, for the caller alone; to one receiver, in order.

        Args:
            comments, messages: which kinds may be said now.
        """
        if not self.is_due("outbox", now):
            return None
        with self._act(durable=False) as sql:
            row = sql.execute(
                "UPDATE outbox SET due_at = ?, tries = tries + 1, maybe_said = maybe_said OR state = 'TAKEN',"
                " state = 'TAKEN' WHERE seq = ("
                " SELECT seq FROM outbox AS one WHERE due_at <= ? AND iif(receiver IS NULL, ?, ?) AND NOT EXISTS ("
                "  SELECT 1 FROM outbox AS earlier WHERE earlier.receiver = one.receiver AND earlier.seq < one.seq"
                "  AND earlier.due_at IS NOT NULL) ORDER BY due_at, seq LIMIT 1) RETURNING *",
                (now + LEASE_S, now, comments, messages),
            ).fetchone()
        return outgoing_of(row) if row else None

    def said(self, name: str, state: str = "SAID") -> None:
        """Note that it has been said, or (``SHED``, ``REFUSED``) never will be; and forget what it was."""
        with self._act(durable=False) as sql:
            sql.execute(
                "UPDATE outbox SET state = ?, due_at = NULL, text = NULL, receiver = NULL"
                " WHERE name = ? AND due_at IS NOT NULL",
                (state, name),
            )

    def say_later(self, name: str, due_at: float, *, maybe_said: bool = False) -> None:
        """Let it wait; ``maybe_said`` when it is not known whether the try worked."""
        with self._act(durable=False) as sql:
            sql.execute(
                "UPDATE outbox SET state = 'WAITING', due_at = ?, maybe_said = maybe_said OR ?"
                " WHERE name = ? AND state = 'TAKEN'",
                (due_at, maybe_said, name),
            )

    # What to follow

    @staticmethod
    def _follow(sql: sqlite3.Connection, link: Link, now: float) -> None:
        """Keep a link; what has happened to it already is due now."""
        sql.execute(
            "INSERT INTO links VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (link.subject, link.code4, link.key, link.sender, link.is_public, link.language, now),
        )
        sql.execute(
            "UPDATE happenings SET due_at = ? WHERE subject = ? AND state = 'WAITING' AND due_at IS NULL",
            (now, link.subject),
        )

    def hook(self) -> Hook | None:
        """Give the endpoint that the bank sends to."""
        with self._lock:
            return _hook(self._connection)

    def keep_hook(self, endpoint_id: str, secret: str) -> bool:
        """Keep an endpoint with a secret, beside the one before; False where another endpoint is kept."""
        with self._act() as sql:
            kept = _hook(sql)
            if kept is not None and kept.endpoint_id != endpoint_id:
                return False
            secrets = [secret, *(kept.secrets[:1] if kept else ())]
            _set_fact(sql, "hook", json.dumps([endpoint_id, secrets]))
            return True

    def forget_hook(self, endpoint_id: str) -> None:
        """Forget an endpoint that the bank does not have any more."""
        with self._act() as sql:
            kept = _hook(sql)
            if kept is not None and kept.endpoint_id == endpoint_id:
                sql.execute("DELETE FROM facts WHERE name = 'hook'")

    def cursor(self) -> str | None:
        """Give the last of the bank's events up to which all were read."""
        with self._lock:
            return _fact(self._connection, "read up to")

    def forget_cursor(self) -> None:
        """Begin with the first event again; what has been said of those before is not said again."""
        with self._act() as sql:
            sql.execute("DELETE FROM facts WHERE name = 'read up to'")

    def keep_events(self, events: Iterable[Happening], now: float, *, cursor: str | None = None) -> int:
        """Keep events, each once however often and by whichever way it comes; give how many are new.

        An event may come before the link that it is about is written: it waits for that. It may come after one that
        happened later: once that has been told, it is old news.

        Args:
            cursor: what all events up to which were read.
        """
        with self._act() as sql:
            count = sum(_keep_event(sql, event, now) for event in events)
            if cursor is not None:
                _set_fact(sql, "read up to", cursor)
        return count

    def take_event(self, now: float) -> Happening | None:
        """Take the event that has been due the longest, for the caller alone; of one payment, in order.

        While one of a payment is in hand no other is taken, not even one that happened before it and came later.
        """
        if not self.is_due("happenings", now):
            return None
        with self._act(durable=False) as sql:
            row = sql.execute(
                "UPDATE happenings SET due_at = ?, tries = tries + 1, state = 'TAKEN' WHERE seq = ("
                " SELECT seq FROM happenings AS one WHERE due_at <= ? AND NOT EXISTS ("
                "  SELECT 1 FROM happenings AS other WHERE other.subject = one.subject AND other.seq != one.seq"
                "  AND other.state != 'DONE' AND (other.state = 'TAKEN' AND other.due_at > ?"
                "   OR (other.version, other.seq) < (one.version, one.seq)))"
                " ORDER BY due_at, seq LIMIT 1) RETURNING *",
                (now + LEASE_S, now, now),
            ).fetchone()
            link = sql.execute("SELECT * FROM links WHERE subject = ?", (row["subject"],)).fetchone() if row else None
        if row is None:
            return None
        return Happening(
            row["event_id"],
            row["type"],
            row["subject"],
            row["version"],
            row["tries"] - 1,
            link_of(link) if link else None,
        )

    def hear_later(self, event_id: str, due_at: float, *, counts: bool = True) -> None:
        """Let an event wait; ``counts`` when the try says something of the event itself."""
        with self._act(durable=False) as sql:
            sql.execute(
                "UPDATE happenings SET state = 'WAITING', due_at = ?, tries = tries - ?"
                " WHERE event_id = ? AND state = 'TAKEN'",
                (due_at, not counts, event_id),
            )

    def heard(self, event_id: str, now: float, *, outgoing: Outgoing | None = None, link: Link | None = None) -> None:
        """Keep what an event led to, and that it is done with: in one act, so that no crash comes between.

        What happened before it and has not been told is done with, too.
        """
        with self._act() as sql:
            row = sql.execute(
                "UPDATE happenings SET state = 'DONE', due_at = NULL WHERE event_id = ? AND state != 'DONE'"
                " RETURNING subject, version",
                (event_id,),
            ).fetchone()
            if row is None:
                return
            sql.execute(
                "UPDATE happenings SET state = 'DONE', due_at = NULL WHERE subject = ? AND version < ?",
                (row["subject"], row["version"]),
            )
            if outgoing is not None:
                self._put(sql, outgoing, now)
            if link is not None:
                self._follow(sql, link, now)

    def since(self, kind: str) -> int:
        """Give the last mention of a kind that polling has seen."""
        with self._lock:
            return int(_fact(self._connection, f"since {kind}") or 0)

    def passed_over(self, kind: str, mention_id: int) -> None:
        """Note a mention that polling has seen and nobody will answer."""
        with self._act() as sql:
            _set_fact(sql, f"since {kind}", str(mention_id))

    # Upkeep

    def claim(self, nonce: str, digest: str, now: float) -> bool:
        """Tell whether a push's nonce is new or was used for this very body; remember it. See ``weibo.Nonces``."""
        with self._act(durable=False) as sql:
            sql.execute("INSERT INTO nonces VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (nonce, digest, now))
            row = sql.execute("SELECT digest FROM nonces WHERE nonce = ?", (nonce,)).fetchone()
            return bool(row["digest"] == digest)

    def forget(self, now: float) -> None:
        """Delete what is not needed any more, and overwrite where it stood."""
        with self._act() as sql:
            sql.execute("DELETE FROM questions WHERE until <= ?", (now,))
            sql.execute("DELETE FROM nonces WHERE at <= ?", (now - _NONCE_S,))
            sql.execute("DELETE FROM links WHERE made_at <= ?", (now - REPLY_WINDOW_S,))
            sql.execute("DELETE FROM happenings WHERE at <= ?", (now - REMEMBERED_S,))
            sql.execute("DELETE FROM inbox WHERE received_at <= ? AND due_at IS NULL", (now - REMEMBERED_S,))
            sql.execute("DELETE FROM outbox WHERE until <= ? AND due_at IS NULL", (now - REMEMBERED_S,))
        with self._lock:
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def counts(self) -> dict[str, int]:
        """Count what came in and what goes out, by state: for a health page."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT 'inbox ' || state AS what, count(*) AS n FROM inbox GROUP BY state"
                " UNION ALL SELECT 'outbox ' || state, count(*) FROM outbox GROUP BY state"
            ).fetchall()
        return {row["what"]: row["n"] for row in rows}


def _keep_event(sql: sqlite3.Connection, event: Happening, now: float) -> int:
    done = sql.execute(
        "INSERT INTO happenings (event_id, type, subject, version, at, state, due_at)"
        " SELECT :event_id, :type, :subject, :version, :now,"
        "  iif(is_old, 'DONE', 'WAITING'), iif(is_awaited AND NOT is_old, :now, NULL) FROM (SELECT"
        "   EXISTS (SELECT 1 FROM happenings WHERE subject = :subject AND version > :version AND state = 'DONE')"
        "    AS is_old,"
        "   EXISTS (SELECT 1 FROM links WHERE subject = :subject) AS is_awaited)"
        " WHERE true ON CONFLICT DO NOTHING",
        {
            "event_id": event.event_id,
            "type": event.type,
            "subject": event.subject,
            "version": event.version,
            "now": now,
        },
    )
    return done.rowcount


def _hook(sql: sqlite3.Connection) -> Hook | None:
    text = _fact(sql, "hook")
    if text is None:
        return None
    endpoint_id, secrets = json.loads(text)
    return Hook(endpoint_id, tuple(secrets))


def _fact(sql: sqlite3.Connection, name: str) -> str | None:
    row = sql.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return row["value"] if row else None


def _set_fact(sql: sqlite3.Connection, name: str, value: str) -> None:
    sql.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
