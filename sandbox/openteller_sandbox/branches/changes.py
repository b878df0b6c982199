"""What has changed in the directory since an instant: first what is gone, then what is new or other than before.

Each in the order of when, so that a place that changes again on the way comes once more with the next question, and
none is missed. The walk ends at the version with which it began.
"""

from __future__ import annotations

from typing import NamedTuple

from openteller_sandbox.branches import service
from openteller_sandbox.branches.directory import Directory
from openteller_sandbox.branches.service import Place
from openteller_sandbox.db import Database

GONE, CHANGED = 0, 1
_EVERY_NUMBER = 2**31 - 1
_EVERY_ID = "~"  # comes after all of them


class At(NamedTuple):
    """How far somebody has come: until when the walk goes, what they were reading, when it changed, and what it is: an
    identifier of what is gone, or a code.
    """

    until: int
    part: int
    instant: int
    key: str


class Gone(NamedTuple):
    """A place that the bank does not list any more."""

    place_id: str
    code: str
    gone_at: int


class Changes(NamedTuple):
    """A page. more: where the next one begins, or None."""

    gone: list[Gone]
    rows: list[bytes]
    until: int
    more: At | None


def since(
    database: Database, directory: Directory, instant: int, *, now: int, count: int, at: At | None, seed: int | None
) -> Changes:
    """Give what changed after an instant.

    Args:
        database: where the places are.
        directory: the branches or ATMs of it.
        instant: epoch milliseconds.
        now: bank time, for what is computed.
        count: how many, gone and changed together.
        at: the end of the page before.
        seed: of the world whose lines branches are shown with; None for none.
    """
    at = at or At(directory.version, GONE, instant, _EVERY_ID)
    gone = _gone(database, directory, at, count + 1) if at.part == GONE else []
    if len(gone) > count:
        last = gone[count - 1]
        return Changes(gone[:count], [], at.until, At(at.until, GONE, last.gone_at, last.place_id))
    begin = at if at.part == CHANGED else At(at.until, CHANGED, instant, "")
    left = count - len(gone)
    changed = _changed(database, directory, begin, left + 1)
    more = None
    if len(changed) > left:
        more = changed[left - 1].at(at.until) if left else begin
    rows = [service.present(database, directory, row.place(), now, seed=seed) for row in changed[:left]]
    return Changes(gone, rows, at.until, more)


class _Changed(NamedTuple):
    place_id: str
    code: str
    changed_at: int
    hours: str | None
    wire: bytes

    def at(self, until: int) -> At:
        return At(until, CHANGED, self.changed_at, self.code)

    def place(self) -> Place:
        return Place(self.wire, self.hours, self.changed_at, self.code, self.place_id)


def _gone(database: Database, directory: Directory, at: At, count: int) -> list[Gone]:
    rows = database.read().all(directory.places.GONE_SINCE, since=at.instant, after=at.key, count=count)
    return [Gone(row["place_id"], row["code"], row["gone_at"]) for row in rows if row["gone_at"] <= at.until]


def _changed(database: Database, directory: Directory, at: At, count: int) -> list[_Changed]:
    tx, places = database.read(), directory.places
    number = _EVERY_NUMBER
    if at.key:
        row = tx.one(places.RANK, code=at.key)
        number = -1 if row is None or row["number"] is None else int(row["number"])
    rows = tx.all(places.CHANGED_SINCE, since=at.instant, after=number, until=at.until, count=count)
    return [_Changed(*row) for row in rows]
