"""Finding branches and ATMs, and the calendar of working days.

Each filter is a set of places; a list is what all of them have in common, in order of code, or by distance where a
position is given. A position is worked with and forgotten: it is not stored, logged or put into an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from openteller_sandbox.branches import openings, place_sets, search, store
from openteller_sandbox.branches.directory import Directory
from openteller_sandbox.branches.directory import of as directory_of
from openteller_sandbox.branches.nearest import START, Point
from openteller_sandbox.branches.store import ATMS, BRANCHES, Places
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.http import Problem

__all__ = [
    "ATMS",
    "BRANCHES",
    "Directory",
    "Filters",
    "Found",
    "Place",
    "Places",
    "directory_of",
    "find",
    "is_working_day",
    "present",
    "read",
]

_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which places are asked for; what is left out asks for all."""

    near: Point | None = field(default=None, repr=False)  # nobody's position or words shall reach a log
    radius_m: int | None = None
    city: str | None = None
    q: str | None = field(default=None, repr=False)
    service: str | None = None
    open_now: bool = False


class Place(NamedTuple):
    """A place as it is stored: the contract's JSON without what is computed, and what that is computed from."""

    wire: bytes
    hours: str | None
    changed_at: int


class Found(NamedTuple):
    """A place of a list. Lists are ordered by distance, which is 0 where there is no position, then by code."""

    distance_mm: int
    code: str
    wire: bytes


def read(tx: Tx, places: Places, place_id: str) -> Place:
    """Give one place, of the tables that are read (``directory_of``).

    Raises:
        Problem: NOT_FOUND.
    """
    row = tx.one(places.FIND, place_id=place_id)
    if row is None:
        raise Problem("NOT_FOUND")
    return Place(row["wire"], row["hours"], row["changed_at"])


def present(database: Database, place: Place, now: int) -> bytes:
    """Give a place as the contract's JSON at an instant."""
    return b"%b,%b" % (place.wire[:-1], openings.of(database).tails(now)[place.hours])


def find(
    database: Database,
    directory: Directory,
    filters: Filters,
    *,
    now: int,
    count: int,
    after: tuple[int, str] | None = None,
) -> list[Found]:
    """Give the places that pass every filter, at most ``count``, in the order of their list.

    Args:
        database: where they are.
        directory: the branches or ATMs of the database.
        filters: what is asked for.
        now: bank time, epoch milliseconds.
        count: how many.
        after: distance (millimetres) and code of the last row of the page before.
    """
    tx, places = database.read(), directory.places
    wanted = _wanted(database, tx, directory, filters, now)
    last = START if after is None else (after[0], _rank(tx, places, after[1]))
    if filters.near is None:
        members = _set(tx, places, store.ALL, "") if wanted is None else wanted
        chosen = [(0, number) for number in place_sets.first(members, count, after=last[1])]
    else:
        positions = directory.positions(tx)
        chosen = positions.nearest(filters.near, count, wanted=wanted, after=last, within_m=filters.radius_m)
    records = directory.records(tx, [number for _, number in chosen])
    tails = openings.of(database).tails(now)
    found = []
    for distance_mm, number in chosen:
        code, hours, opening = records[number]
        distance = b"," if filters.near is None else b',"distance_m":%d,' % round(distance_mm / 1000)
        found.append(Found(distance_mm, code, b"".join((opening, distance, tails[hours]))))
    return found


def is_working_day(tx: Tx, day: date) -> bool:
    """Say whether the bank works on a day: as announced for holidays and make-up days, else from Monday to Friday."""
    row = tx.one(store.WORKDAY, day=day.isoformat())
    return day.weekday() < _SATURDAY if row is None else bool(row["is_working"])


def _wanted(database: Database, tx: Tx, directory: Directory, filters: Filters, now: int) -> int | None:
    """Give the set of places that pass every filter but the distance; None when there is no filter."""
    places = directory.places
    wanted: int | None = None
    for about, value in _asked(filters):
        members = _set(tx, places, about, value)
        wanted = members if wanted is None else wanted & members
        if not wanted:
            return 0
    if filters.open_now:
        members = openings.of(database).open_places(tx, places, directory.version, filters.service, now)
        wanted = members if wanted is None else wanted & members
    return wanted


def _asked(filters: Filters) -> Iterator[tuple[str, str]]:
    if filters.city is not None:
        yield store.CITY, search.city_key(filters.city)
    if filters.service is not None:
        yield store.SERVICE, filters.service
    if filters.q is not None:
        # A query without a single word finds nothing: there is nothing that could be found.
        for word in search.words_asked(filters.q) or [""]:
            yield store.WORD, word


def _set(tx: Tx, places: Places, about: str, value: str) -> int:
    row = tx.one(places.SET, about=about, value=value)
    return place_sets.unpack(row["members"]) if row else 0


def _rank(tx: Tx, places: Places, code: str) -> int:
    """Give the number of a code, or of the last one before it where it is not there any more."""
    row = tx.one(places.RANK, code=code)
    return START[1] if row is None or row["number"] is None else int(row["number"])
