"""Finding branches and ATMs, and the calendar of working days.

Each filter is a set of places; a list is what all of them have in common, in order of code, or by distance where a
position is given. A position is worked with and forgotten: it is not stored, logged or put into an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from openteller_sandbox.branches import openings, place_sets, search, store
from openteller_sandbox.branches.nearest import START, Box, Nearby, Point, measure, nearest
from openteller_sandbox.branches.store import ATMS, BRANCHES, MOST_NUMBERS, Places
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.db.engine import Row
from openteller_sandbox.http import Problem

__all__ = [
    "ATMS",
    "BRANCHES",
    "Filters",
    "Found",
    "Place",
    "Places",
    "find",
    "is_working_day",
    "last_change",
    "present",
    "read",
]

_SATURDAY = 5
_DEGREE_M = 111_195  # of latitude
_CELL_SIDES = (0.25, 1.0, 4.0)  # degrees
_WIDE_M = 200_000.0
_GENEROUS = 1.2  # one pass that is a little wide is cheaper than two


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


def last_change(tx: Tx, places: Places) -> int:
    """Give when any place last changed, epoch milliseconds."""
    row = tx.one(places.LAST_CHANGE)
    return int(row["changed_at"] or 0) if row else 0


def read(tx: Tx, places: Places, place_id: str) -> Place:
    """Give one place.

    Raises:
        Problem: NOT_FOUND.
    """
    row = tx.one(places.FIND, place_id=place_id)
    if row is None:
        raise Problem("NOT_FOUND")
    return Place(row["wire"], row["hours"], row["changed_at"])


def present(database: Database, place: Place, now: int) -> bytes:
    """Give a place as the contract's JSON at an instant."""
    return b"%b,%b" % (place.wire[:-1], openings.of(database).tail(place.hours, now))


def find(
    database: Database, places: Places, filters: Filters, *, now: int, count: int, after: tuple[int, str] | None = None
) -> list[Found]:
    """Give the places that pass every filter, at most ``count``, in the order of their list.

    Args:
        database: where they are.
        places: branches or ATMs.
        filters: what is asked for.
        now: bank time, epoch milliseconds.
        count: how many, 101 at most.
        after: distance (millimetres) and code of the last row of the page before.
    """
    tx = database.read()
    wanted = _wanted(database, tx, places, filters, now)
    last = START if after is None else (after[0], _rank(tx, places, after[1]))
    if filters.near is None:
        members = _set(tx, places, store.ALL, "") if wanted is None else wanted
        chosen = [(0, number) for number in place_sets.first(members, count, after=last[1])]
    else:
        chosen = _Search(tx, places, wanted, filters.near, filters.radius_m).nearest(count, last)
    rows = places.records(tx, [number for _, number in chosen])
    tail = openings.of(database).tail
    found = []
    for distance_mm, number in chosen:
        _, code, hours, wire = rows[number]
        distance = b"" if filters.near is None else b'"distance_m":%d,' % round(distance_mm / 1000)
        found.append(Found(distance_mm, code, b"%b,%b%b" % (wire[:-1], distance, tail(hours, now))))
    return found


def is_working_day(tx: Tx, day: date) -> bool:
    """Say whether the bank works on a day: as announced for holidays and make-up days, else from Monday to Friday."""
    row = tx.one(store.WORKDAY, day=day.isoformat())
    return day.weekday() < _SATURDAY if row is None else bool(row["is_working"])


def _wanted(database: Database, tx: Tx, places: Places, filters: Filters, now: int) -> int | None:
    """Give the set of places that pass every filter but the distance; None when there is no filter."""
    wanted: int | None = None
    for about, value in _asked(filters):
        members = _set(tx, places, about, value)
        wanted = members if wanted is None else wanted & members
        if not wanted:
            return 0
    if filters.open_now:
        members = openings.of(database).open_places(tx, places, filters.service, now)
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


@dataclass(frozen=True, slots=True)
class _Search:
    """Looks for wanted places (None: all) around a point."""

    tx: Tx
    places: Places
    wanted: int | None
    origin: Point = field(repr=False)
    radius_m: int | None

    def nearest(self, count: int, after: Nearby) -> list[Nearby]:
        """Give the nearest ones that come after a row."""
        if self.wanted is not None and self.wanted.bit_count() <= MOST_NUMBERS:
            return self._of_few(self.wanted, after)[:count]
        return nearest(
            self.origin,
            count,
            self._in_box,
            first_radius_m=self._reach(count),
            after=after,
            within_m=self.radius_m,
        )

    def _of_few(self, wanted: int, after: Nearby) -> list[Nearby]:
        """Measure every one: with so few that costs less than to look for them."""
        farthest_mm = math.inf if self.radius_m is None else self.radius_m * 1000
        rows = sorted(measure(self.origin, self.places.points(self.tx, place_sets.first(wanted, MOST_NUMBERS))))
        return [row for row in rows if row > after and row[0] <= farthest_mm]

    def _in_box(self, box: Box) -> list[Row]:
        rows = self.tx.all(self.places.IN_BOX, south=box.south, north=box.north, west=box.west, east=box.east)
        wanted = self.wanted
        return rows if wanted is None else [row for row in rows if wanted >> row[0] & 1]

    def _reach(self, count: int) -> float:
        """Guess the metres around the point that hold ``count`` places, from the smallest cell that has so many."""
        names = cells_of(self.origin)
        members = self.places.cells(self.tx, names)
        for side, name in zip(_CELL_SIDES, names, strict=True):
            cell = members.get(name, b"")
            wanted = self.wanted
            held = place_sets.size(cell) if wanted is None else (place_sets.unpack(cell) & wanted).bit_count()
            if held >= count:
                square_m = (side * _DEGREE_M) ** 2 * math.cos(math.radians(self.origin.latitude))
                return _GENEROUS * math.sqrt(count / held * square_m / math.pi)
        return _WIDE_M


def cells_of(point: Point) -> list[str]:
    """Name the cells in which a point lies, the smallest first."""
    return [f"{side}:{math.floor(point.latitude / side)},{math.floor(point.longitude / side)}" for side in _CELL_SIDES]
