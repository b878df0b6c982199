"""What an import has read, on disk until all of it is known to be right.

A database of its own without a name: it lies where temporary files do, and is gone with the process, however that ends.
Memory holds a part of it.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from openteller_sandbox.imports.refusals import Refusal, SourceError, wrong

SetKey = tuple[str, str, str]

_SCHEMA = """
CREATE TABLE known (code TEXT PRIMARY KEY, identifier TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE codes (code TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE identifiers (identifier TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE staged (
    number INTEGER PRIMARY KEY, place TEXT, code TEXT, identifier TEXT, stamped INTEGER, body BLOB, marks BLOB
);
CREATE TABLE names (number INTEGER, field TEXT, target TEXT);
CREATE TABLE refused (code TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE parts (about TEXT, value TEXT, detail TEXT, members BLOB);
"""
_CACHE_KIB = 48 * 1024
_MOST_HELD = 96 << 20
_OF_A_KEY, _OF_A_MEMBER = 450, 5
"""Bytes of sets in memory: what a file's words are, nobody knows, and each may be in one place only."""


class Staged(NamedTuple):
    """A record that may be kept.

    where: its row in the file. stamped: whether the file says when it last changed. body: its JSON. marks: whatever
    the feature keeps beside it.
    """

    where: str
    code: str
    identifier: str
    stamped: bool
    body: bytes
    marks: bytes


class Staging:
    """The work file of one import.

    Raises:
        SourceError: there is no room for it, at any call.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIB}"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._count = 0
        self._knows = False

    def close(self) -> None:
        """Forget all of it."""
        self._db.close()

    def know(self, rows: Iterable[tuple[str, str]]) -> None:
        """Note (code, identifier) of what the bank has already."""
        self._many("INSERT INTO known VALUES (?, ?)", rows)
        self._knows = True

    def known_identifier(self, code: str) -> str | None:
        """Give the identifier that the bank has for a code."""
        return self._value("SELECT identifier FROM known WHERE code = ?", code) if self._knows else None

    def known_code(self, identifier: str) -> str | None:
        """Give the code that the bank has for an identifier."""
        return self._value("SELECT code FROM known WHERE identifier = ?", identifier) if self._knows else None

    def index_known(self) -> None:
        """Make what is known quick to find by identifier."""
        self._run("CREATE INDEX known_identifiers ON known (identifier)")

    def unlike(self, thing: str, code: str, identifier: str) -> Refusal | None:
        """Find a code or an identifier that is somebody else's, in the file or in the bank; take both if not."""
        if (known := self.known_identifier(code)) and known != identifier:
            return wrong(
                f"{thing}_id", "ID_OTHER", f"the bank knows this code as {known}: leave the id out, or mend it"
            )
        if not known and (other := self.known_code(identifier)):
            return wrong(f"{thing}_code", "CODE_OTHER", f"the bank knows this id with the code {other}, which stays")
        if not self._changes("INSERT OR IGNORE INTO codes VALUES (?, ?)", code, self._count + 1):
            return wrong(f"{thing}_code", "CODE_DUPLICATE", f"is that of {self._row_of('code', code)}, too")
        if not self._changes("INSERT OR IGNORE INTO identifiers VALUES (?, ?)", identifier, self._count + 1):
            self._run("DELETE FROM codes WHERE code = ?", code)
            return wrong(f"{thing}_id", "ID_DUPLICATE", f"is that of {self._row_of('identifier', identifier)}, too")
        return None

    def add(self, row: Staged, named: Iterable[tuple[str, str]] = ()) -> None:
        """Keep a record whose code and identifier are taken, with (field, identifier) of what it names."""
        self._count += 1
        self._run("INSERT INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)", self._count, *row)
        for field, target in named:
            self._run("INSERT INTO names VALUES (?, ?, ?)", self._count, field, target)

    def refuse(self, code: str) -> None:
        """Note the code of a row that is not taken."""
        self._run("INSERT OR IGNORE INTO refused VALUES (?)", code)

    def is_refused(self, code: str) -> bool:
        """Tell whether a row with this code was not taken."""
        return self._value("SELECT code FROM refused WHERE code = ?", code) is not None

    def is_staged(self, identifier: str) -> bool:
        """Tell whether the file has an identifier."""
        return self._value("SELECT number FROM identifiers WHERE identifier = ?", identifier) is not None

    def targets(self) -> list[str]:
        """Give every identifier that records name, and that is none of the file's own."""
        outside = "SELECT DISTINCT target FROM names WHERE target NOT IN (SELECT identifier FROM identifiers)"
        return [target for (target,) in self._all(outside)]

    def drop_naming(self, target: str) -> Iterator[tuple[str, str, str]]:
        """Take out the records that name something; give where each stood, its code, and the field that names it."""
        find = "SELECT number, place, code, identifier, field FROM names JOIN staged USING (number) WHERE target = ?"
        while found := self._all(f"{find} LIMIT 1000", target):
            for number, where, code, identifier, field in found:
                self._run("DELETE FROM names WHERE number = ?", number)
                self._run("DELETE FROM staged WHERE number = ?", number)
                self._run("DELETE FROM codes WHERE code = ?", code)
                self._run("DELETE FROM identifiers WHERE identifier = ?", identifier)
                yield where, code, field

    def index_names(self) -> None:
        """Make quick to find who names what."""
        self._run("CREATE INDEX names_targets ON names (target)")
        self._run("CREATE INDEX names_numbers ON names (number)")

    @property
    def count(self) -> int:
        """How many records there are."""
        return int(self._value("SELECT count(*) FROM codes") or 0)

    def in_order(self) -> Iterator[Staged]:
        """Give the records in the order of their codes."""
        columns = "place, code, identifier, stamped, body, marks"
        yield from (
            Staged(*row)
            for row in self._each(
                f"SELECT {columns} FROM (SELECT number FROM codes ORDER BY code) JOIN staged USING (number)"  # noqa: S608
            )
        )

    def put_parts(self, sets: Iterable[tuple[SetKey, array[int]]]) -> None:
        """Keep parts of sets."""
        rows = ((*key, members.tobytes()) for key, members in sets)
        self._many("INSERT INTO parts VALUES (?, ?, ?, ?)", rows)

    def parts(self) -> Iterator[tuple[SetKey, array[int]]]:
        """Give the sets that were kept in parts, each whole, by key."""
        held: SetKey | None = None
        members = array("I")
        for about, value, detail, packed in self._each("SELECT * FROM parts ORDER BY about, value, detail"):
            if (about, value, detail) != held:
                if held:
                    yield held, members
                held, members = (about, value, detail), array("I")
            members.frombytes(packed)
        if held:
            yield held, members

    def _row_of(self, name: str, value: str) -> str | None:
        """Give the row of the file that has a code or an identifier."""
        found = f"SELECT place FROM {name}s JOIN staged USING (number) WHERE {name}s.{name} = ?"  # noqa: S608 - of the callers
        return self._value(found, value)

    def _changes(self, sql: str, *values: object) -> bool:
        try:
            return self._db.execute(sql, values).rowcount > 0
        except sqlite3.OperationalError as error:
            raise _no_room(error) from error

    def _run(self, sql: str, *values: object) -> None:
        try:
            self._db.execute(sql, values)
        except sqlite3.OperationalError as error:
            raise _no_room(error) from error

    def _many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        try:
            self._db.executemany(sql, rows)
        except sqlite3.OperationalError as error:
            raise _no_room(error) from error

    def _value(self, sql: str, *values: object) -> str | None:
        found = self._db.execute(sql, values).fetchone()
        return None if found is None else str(found[0])

    def _all(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def _each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(sql)
        except sqlite3.OperationalError as error:
            raise _no_room(error) from error


class Sets:
    """Sets of numbers that grow, in memory up to a size and then in the work file."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._held: defaultdict[SetKey, array[int]] = defaultdict(lambda: array("I"))
        self._count = 0

    def add(self, keys: Iterable[SetKey], number: int) -> None:
        """Put a number into sets."""
        held = self._held
        for key in keys:
            held[key].append(number)
            self._count += 1
        self._put_down_if_large()

    def extend(self, key: SetKey, numbers: Iterable[int]) -> None:
        """Put numbers into a set."""
        before = len(self._held[key])
        self._held[key].extend(numbers)
        self._count += len(self._held[key]) - before
        self._put_down_if_large()

    def whole(self) -> Iterator[tuple[SetKey, list[int]]]:
        """Give every set that has members, by key, its numbers ascending."""
        self._put_down()
        for key, members in self._staging.parts():
            if members:
                yield key, sorted(members)

    def _put_down_if_large(self) -> None:
        if self._count * _OF_A_MEMBER + len(self._held) * _OF_A_KEY > _MOST_HELD:
            self._put_down()

    def _put_down(self) -> None:
        self._staging.put_parts(self._held.items())
        self._held.clear()
        self._count = 0


def _no_room(error: sqlite3.Error) -> SourceError:
    advice = "make room there, or name another folder in SQLITE_TMPDIR"
    return SourceError(f"the work file in the folder for temporary files cannot be written ({error}): {advice}")
