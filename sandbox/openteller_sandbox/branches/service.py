"""Finding branches and ATMs, and the calendar of working days.

Each filter is a set of places; a list is what all of them have in common, by distance where a position is given, else
by how well the words fit where there are some, and then in order of code. A position is worked with and forgotten: it
is not stored, logged or put into an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from openteller_sandbox.bank import PUBLIC_WORLD, World
from openteller_sandbox.billers import service as billers
from openteller_sandbox.branches import datum, feed, opening_hours, openings, place_sets, search, store, tickets
from openteller_sandbox.branches.contradictions import FAR_M, Contradictions, Where
from openteller_sandbox.branches.directory import Directory, Key, page_path
from openteller_sandbox.branches.directory import of as directory_of
from openteller_sandbox.branches.nearest import START, Point, Window
from openteller_sandbox.branches.opening_hours import Day
from openteller_sandbox.branches.store import ATMS, BRANCHES, Places
from openteller_sandbox.contract import Fault
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.folding import fold
from openteller_sandbox.http import Problem
from openteller_sandbox.worlds import service as worlds

__all__ = [
    "ATMS",
    "BRANCHES",
    "Day",
    "Directory",
    "Filters",
    "Found",
    "Place",
    "Places",
    "Point",
    "branch_to_wait_at",
    "copy_waited_at",
    "days_of",
    "directory_of",
    "find",
    "is_gone",
    "is_known",
    "is_working_day",
    "page_path",
    "present",
    "read",
    "reset",
    "seed_of",
    "walk",
]

_SATURDAY = 5
_AT_A_TIME = 64
"""Rows of a long list that are made without anybody else having a turn: a few milliseconds."""


_AT_ONCE = 32
"""Names that are read at once to see whether they have what is asked for in one piece."""
_LONGEST = 100
"""More than any name's length: how well words fit is the kind of fit times this, and the length of the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which places are asked for; what is left out asks for all.

    near: in WGS-84, in which distances are measured. bbox_crs: the datum of bbox, and of the positions that have to be
    in it. open_at: epoch milliseconds.
    """

    near: Point | None = field(default=None, repr=False)  # nobody's position or words shall reach a log
    radius_m: int | None = None
    bbox: Window | None = field(default=None, repr=False)
    bbox_crs: str = datum.WGS84
    adcode: str | None = None
    city: str | None = None
    q: str | None = field(default=None, repr=False)
    service: str | None = None
    accessibility: str | None = None
    segment: str | None = None
    type: str | None = None
    serving: bool = False
    open_now: bool = False
    open_at: int | None = None


class Place(NamedTuple):
    """A place as it is stored: the contract's JSON without what is computed, and what that is computed from."""

    wire: bytes
    hours: str | None
    changed_at: int
    code: str
    place_id: str


class Found(NamedTuple):
    """A place of a list. Lists are ordered by rank and code; the rank is the distance in millimetres, or how well the
    words fit (the less, the better), or 0.
    """

    rank: int
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
    return Place(row["wire"], row["hours"], row["changed_at"], row["code"], place_id)


def present(database: Database, directory: Directory, place: Place, now: int, *, seed: int | None = None) -> bytes:
    """Give a place as the contract's JSON at an instant; a branch, with the ``seed`` of a world, with its wait."""
    opening = directory.opening(place.place_id, place.wire)
    wait = b"" if seed is None else feed.of(database).tail(seed, place.code, place.hours, place.wire, now)
    return b"%b,%b%b" % (opening, wait, openings.of(database).tails(now)[place.hours])


def is_gone(tx: Tx, places: Places, place_id: str) -> bool:
    """Tell whether the bank had a place, of the tables that are read, that it does not list any more."""
    return tx.one(places.IS_GONE, place_id=place_id) is not None


def is_known(database: Database, places: Places, place_id: str) -> bool:
    """Tell whether the bank lists a place, or did."""
    tx, read_now = database.read(), directory_of(database, places).places
    return tx.one(read_now.FIND, place_id=place_id) is not None or is_gone(tx, read_now, place_id)


def days_of(
    database: Database, record: Mapping[str, Any], now: int, count: int, *, offer: Mapping[str, Any] | None = None
) -> list[Day]:
    """Give the hours of so many days, from the local day of an instant on.

    Args:
        database: whose calendar of holidays holds.
        record: a branch or an ATM, as the contract has it.
        now: bank time, epoch milliseconds.
        count: how many days.
        offer: one of its services that has hours of its own: the hours in which both are open.
    """
    known, zone = openings.of(database), record["timezone"]
    days = known.days(opening_hours.compact(record["availability"], zone), now, count)
    if offer is None:
        return days
    own = known.days(opening_hours.compact(offer["availability"], zone), now, count)
    return [
        replace(day, hours=opening_hours.in_common(day.hours, other.hours))
        for day, other in zip(days, own, strict=True)
    ]


def branch_to_wait_at(database: Database, branch_id: str) -> tickets.Branch:
    """Give a branch with the hours of what it offers.

    Raises:
        Problem: NOT_FOUND.
    """
    place = read(database.read(), directory_of(database, BRANCHES).places, branch_id)
    record = json.loads(place.wire)
    # Where there are machines only, nobody stands at a counter, whatever the machines do.
    counters = record["services"] if record["branch_type"] != "SELF_SERVICE" else ()
    own = {
        offer["code"]: opening_hours.compact(offer["availability"], record["timezone"])
        if "availability" in offer
        else None
        for offer in counters
    }
    return tickets.Branch(record, place.code, place.hours, own)


def seed_of(database: Database, world: World) -> int:
    """Give what the lines of a world's branches are drawn from."""
    if world.world_id == PUBLIC_WORLD.world_id:
        return 0
    return database.while_unchanged(f"seed:{world.world_id}", lambda tx: worlds.seed(tx, world))


def copy_waited_at(source: Database, target: Tx, world_id: str) -> None:
    """Copy the branches that a world's tickets are of into a bank that has none."""
    places, reader = directory_of(source, BRANCHES).places, source.read()
    found = [reader.one(places.WHOLE, place_id=branch_id) for branch_id in tickets.branches(reader, world_id)]
    target.run_many(BRANCHES.INSERT, [dict(zip(row.keys(), row, strict=True)) for row in found if row])


def reset(tx: Tx, world_id: str) -> None:
    """Forget every ticket of a world."""
    tickets.reset(tx, world_id)


def find(
    database: Database,
    directory: Directory,
    filters: Filters,
    *,
    now: int,
    count: int,
    after: tuple[int, str] | None = None,
    seed: int | None = None,
    from_place: bool = False,
) -> list[Found]:
    """Give the places that pass every filter, at most ``count``, in the order of their list.

    Args:
        database: where they are.
        directory: the branches or ATMs of the database.
        filters: what is asked for.
        now: bank time, epoch milliseconds.
        count: how many.
        after: rank and code of the last row of the page before.
        seed: of the world whose lines branches are shown with; None for none, as of ATMs.
        from_place: whether the position is a place's, which nobody has typed: then nothing near is nothing wrong.

    Raises:
        Problem: FIELD_INVALID, a city that there is not, words without a word, or what contradicts itself.
    """
    tx = database.read()
    search_ = _Search(database, tx, directory, filters, now)
    last = START if after is None else (after[0], _number(tx, directory.places, after[1]))
    chosen = search_.by_distance(filters.near, count, last) if filters.near else search_.by_rank(count, last)
    if not from_place:
        search_.check(chosen)
    records = directory.records(tx, [number for _, number in chosen])
    known, waits, found = openings.of(database), feed.of(database), []
    tails = known.tails(now)
    for rank, number in chosen:
        code, hours, opening = records[number]
        distance = b"," if filters.near is None else b',"distance_m":%d,' % round(rank / 1000)
        then = b"" if filters.open_at is None else known.tail_at(hours, filters.open_at)
        wait = b"" if seed is None else waits.tail(seed, code, hours, opening, now)
        found.append(Found(rank, code, b"".join((opening, distance, then, wait, tails[hours]))))
    return found


class _Search:
    """One search: the sets of its filters, and what they have in common.

    Raises:
        Problem: FIELD_INVALID, a place that there is not, or words without a word.
    """

    def __init__(self, database: Database, tx: Tx, directory: Directory, filters: Filters, now: int) -> None:
        self._tx = tx
        self._directory = directory
        self._filters = filters
        self._words = _words(filters.q)
        self._runs = search.runs_asked(filters.q or "")
        self._sets: dict[Key, int] = {key: directory.members(tx, *key) for key in _asked(filters)}
        if self._words:
            self._sets["Q", *self._words] = self._with_words()
        if filters.serving:
            self._sets["SERVING",] = directory.serving(tx)
        instant = now if filters.open_now else filters.open_at
        if instant is not None:
            key, members = openings.of(database).open_places(tx, directory, filters.service, instant)
            self._sets[key] = members
        if filters.bbox is not None and filters.bbox_crs != datum.WGS84:
            key, members = self._within(filters.bbox, filters.bbox_crs)
            self._sets[key] = members
        self._check_divisions()

    def by_distance(self, origin: Point, count: int, last: tuple[int, int]) -> list[tuple[int, int]]:
        """Give distance and number of places, the nearest first."""
        if not all(self._sets.values()):
            return []
        marks = [self._directory.marks(self._tx, key, members) for key, members in self._sets.items()]
        positions = self._directory.positions(self._tx)
        filters = self._filters
        window = filters.bbox if filters.bbox_crs == datum.WGS84 else None  # another is one of the sets
        return positions.nearest(origin, count, among=marks, window=window, after=last, within_m=filters.radius_m)

    def by_rank(self, count: int, last: tuple[int, int]) -> list[tuple[int, int]]:
        """Give rank and number of places, the best first."""
        members = self._common()
        if not self._words:
            return [(0, number) for number in place_sets.first(members, count, after=last[1])]
        return list(islice(self._ranked(members, last), count))

    def check(self, chosen: Sequence[tuple[int, int]]) -> None:
        """Look for a contradiction where nothing was found, or nothing near.

        Raises:
            Problem: FIELD_INVALID.
        """
        filters = self._filters
        if (filters.near is None and filters.bbox is None) or (chosen and chosen[0][0] <= FAR_M * 1000):
            return
        divisions = {name: (key, self._sets[key]) for name, key in _divisions(filters) if self._sets[key]}
        where = Where(filters.near, filters.radius_m, filters.bbox, filters.bbox_crs, divisions)
        faults = [_fault(*found) for found in Contradictions(self._tx, self._directory, where).find()]
        if faults:
            raise Problem("FIELD_INVALID", "See errors[].", faults=faults)

    def _common(self) -> int:
        """Give the set of places that pass every filter."""
        sets, filters = list(self._sets.values()), self._filters
        if filters.bbox is not None and filters.bbox_crs == datum.WGS84:
            sets.append(self._within(filters.bbox, datum.WGS84)[1])
        members = sets.pop() if sets else self._directory.members(self._tx, store.ALL, "")
        for each in sets:
            members &= each
        return members

    def _within(self, window: Window, crs: str) -> tuple[Key, int]:
        """Give the set of places in a part of the map, and what it is kept under."""
        key, positions = ("BBOX", crs, *window), self._directory.positions(self._tx)
        return key, self._directory.remember(key, lambda: datum.inside(positions, window, crs))

    def _with_words(self) -> int:
        """Give the set of places that are found by every word."""
        found = -1
        for word in self._words:
            found &= self._directory.found_by(self._tx, word)
        return found

    def _ranked(self, members: int, last: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """Give rank and number: first those whose names have every word, longer ones in one piece, then those with
        every word, then some, then none; of each the shortest names first, which have least beside the words, and of
        those in order of code.
        """
        every, some = -1, 0
        for word in self._words:
            every &= self._called(word)
            some |= self._called(word)
        every &= members
        scattered = every if self._runs else 0
        tiers = ((every, True), (scattered, False), (members & some & ~every, None), (members & ~some, None))
        for fit, (tier, whole) in enumerate(tiers):
            for length, as_long in self._directory.lengths(self._tx) if tier else ():
                rank = fit * _LONGEST + length
                if rank >= last[0] and (equals := tier & as_long):
                    numbers = place_sets.numbers(equals, after=last[1] if rank == last[0] else -1)
                    yield from ((rank, number) for number in self._with_runs(numbers, whole))

    def _with_runs(self, numbers: Iterator[int], whole: bool | None) -> Iterator[int]:
        """Give those whose names have the longer words in one piece, or (with False) those whose names have not; with
        None, and where no word is longer, all. Names are read as rows are wanted: most have them.
        """
        if whole is None or not self._runs:
            yield from numbers
            return
        while some := list(islice(numbers, _AT_ONCE)):
            records = self._directory.records(self._tx, some)
            yield from (number for number in some if self._has_runs(records[number].opening) is whole)

    def _has_runs(self, opening: bytes) -> bool:
        """Tell whether the name of a record, given without its last brace, has the longer words in one piece."""
        name = fold("\n".join(json.loads(b"%b}" % opening)["name"].values()))
        return all(run in name for run in self._runs)

    def _called(self, word: str) -> int:
        return self._directory.members(self._tx, store.NAMED, word)

    def _check_divisions(self) -> None:
        """Refuse a city or a code that nobody knows: no branches there would be an answer to another question."""
        for name, key in _divisions(self._filters):
            value = getattr(self._filters, name)
            if value and not self._sets[key] and not billers.is_division(self._tx, value):
                raise _refused(name, "There is no such division.")


def _divisions(filters: Filters) -> Iterator[tuple[str, tuple[str, str]]]:
    """Give the parameters that name a division, with (about, value) of its set."""
    if filters.adcode is not None:
        yield "adcode", (store.CITY, filters.adcode)
    if filters.city is not None:
        yield "city", (store.CITY, search.city_key(filters.city))


def _asked(filters: Filters) -> Iterator[tuple[str, str]]:
    """Give (about, value) of the stored sets that are asked for."""
    yield from (key for _, key in _divisions(filters))
    stored: Mapping[str, str | None] = {
        store.SERVICE: filters.service,
        store.ACCESSIBILITY: filters.accessibility,
        store.SEGMENT: filters.segment,
        store.TYPE: filters.type,
    }
    yield from ((about, value) for about, value in stored.items() if value is not None)


def _words(q: str | None) -> list[str]:
    if q is None:
        return []
    words = search.words_asked(q)
    if not words:
        raise _refused("q", "Has no word to look for.")
    return words


def _refused(name: str, message: str) -> Problem:
    return Problem("FIELD_INVALID", "See errors[].", faults=[_fault(name, message)])


def _fault(name: str, message: str) -> Fault:
    return Fault("query", name, "FIELD_INVALID", message)


def walk(
    database: Database, directory: Directory, filters: Filters, *, now: int, seed: int | None = None
) -> Iterator[list[Found]]:
    """Give every place that passes every filter, a few at a time, as ``find`` does.

    Raises:
        Problem: BANK_UNAVAILABLE; the places have changed meanwhile, and what was given is no list of any moment.
    """
    after: tuple[int, str] | None = None
    while found := find(database, directory, filters, now=now, count=_AT_A_TIME, after=after, seed=seed):
        if directory_of(database, directory.places, directory.public_url) is not directory:
            raise Problem("BANK_UNAVAILABLE", "The directory has changed meanwhile; ask again.", retry_after=1)
        yield found
        if len(found) < _AT_A_TIME:
            return
        after = found[-1][:2]


def is_working_day(tx: Tx, day: date) -> bool:
    """Say whether the bank works on a day: as announced for holidays and make-up days, else from Monday to Friday."""
    row = tx.one(store.WORKDAY, day=day.isoformat())
    return day.weekday() < _SATURDAY if row is None else bool(row["is_working"])


def _number(tx: Tx, places: Places, code: str) -> int:
    """Give the number of a code, or of the last one before it where it is not there any more."""
    row = tx.one(places.RANK, code=code)
    return START[1] if row is None or row["number"] is None else int(row["number"])
