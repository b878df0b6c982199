"""What this process keeps of the branches or ATMs of a database, for as long as their data is the same.

Positions are read and put in order (10 ms for 3,000 places, some seconds for a million) when somebody first asks for
the nearest, in a thread beside a server's own. Sets and records are kept as they are asked for, up to a number of them:
most people ask for the same few things around the same few cities.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from openteller_sandbox.branches import place_sets, store
from openteller_sandbox.branches.nearest import Marks, Positions
from openteller_sandbox.branches.store import Places
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.http import json_text

MOST_RECORDS = 1024
"""How many are kept, of 2.4 kB each: a few large cities. All of a bank would cost every process more than it saves."""
_MOST_SETS = 512
_FEWEST_SETS = 16
_MOST_MARKED = 24_000_000  # places in all of the sets that are kept marked, of a byte each
_AT_ONCE = 20_000

Key = tuple[Any, ...]
T = TypeVar("T")


class Record(NamedTuple):
    """A place as it is listed: ``opening`` is its JSON up to, but not including, the last brace."""

    code: str
    hours: str | None
    opening: bytes


class _Latest(Generic[T]):
    """What was lately asked for, up to a number."""

    __slots__ = ("_kept", "most")

    def __init__(self) -> None:
        self.most = _FEWEST_SETS
        self._kept: dict[Key, T] = {}

    def get(self, key: Key, make: Callable[[], T]) -> T:
        """Give what is kept under a key, or make it."""
        kept = self._kept.pop(key, None)
        found = make() if kept is None else kept
        self._kept[key] = found  # at the end: what was asked for longest ago stands first
        if len(self._kept) > self.most:
            del self._kept[next(iter(self._kept))]
        return found


class Directory:
    """The branches or the ATMs of a database at one version.

    Args:
        places: the tables of branches or of ATMs that are read.
        version: since when they are, or when any of them last changed, epoch milliseconds.
        public_url: what the addresses of their pages begin with; empty for records without those.
    """

    __slots__ = (
        "_hours",
        "_lengths",
        "_marks",
        "_pages",
        "_positions",
        "_records",
        "_sets",
        "places",
        "public_url",
        "version",
    )

    def __init__(self, places: Places, version: int, public_url: str = "") -> None:
        self.places = places
        self.version = version
        self.public_url = public_url
        self._pages = json_text(f"{public_url}{page_path(places, '')}")[1:-1].encode()
        self._positions: Positions | None = None
        self._records: dict[int, Record] = {}
        self._sets = _Latest[int]()
        self._marks = _Latest[Marks]()
        self._hours: dict[str, list[tuple[str, bytes]]] = {}
        self._lengths: list[tuple[int, int]] | None = None

    def positions(self, tx: Tx) -> Positions:
        """Give where they are."""
        if self._positions is None:
            self._positions = Positions(self._points(tx))
        return self._positions

    @property
    def has_positions(self) -> bool:
        """Whether ``positions`` gives them at once."""
        return self._positions is not None

    def _points(self, tx: Tx) -> Iterator[tuple[float, float]]:
        """Read where they are, some at a time: rows take more room than what is made of them."""
        after = -1
        while rows := tx.all(self.places.POSITIONS, after=after, count=_AT_ONCE):
            yield from ((latitude, longitude) for _, latitude, longitude in rows)
            after = rows[-1]["number"]

    def members(self, tx: Tx, about: str, value: str) -> int:
        """Give the set of places that a value stands for (see ``store``)."""

        def read() -> int:
            row = tx.one(self.places.SET, about=about, value=value)
            return place_sets.unpack(row["members"]) if row else 0

        return self.remember((about, value), read)

    def found_by(self, tx: Tx, word: str) -> int:
        """Give the set of places that have a word, in their names or elsewhere."""

        def read() -> int:
            return place_sets.union(row["members"] for row in tx.all(self.places.FOUND_BY, word=word))

        return self.remember(("FOUND_BY", word), read)

    def remember(self, key: Key, make: Callable[[], int]) -> int:
        """Give the set that is kept under a key, or make it."""
        return self._sets.get(key, make)

    def marks(self, tx: Tx, key: Key, members: int) -> Marks:
        """Give a set, marked among the positions.

        Args:
            tx: reads positions.
            key: what nothing but this set is kept under.
            members: the set.
        """
        positions = self.positions(tx)
        most = _MOST_MARKED // max(1, len(positions))
        self._marks.most = min(max(most, _FEWEST_SETS), _MOST_SETS)
        return self._marks.get(key, lambda: positions.mark(members))

    def hours(self, tx: Tx, value: str) -> list[tuple[str, bytes]]:
        """Give all hours, compact, with the packed set of those that have them: of the places themselves, or (with a
        service) of a service that has other ones.
        """
        if value not in self._hours:
            rows = tx.all(self.places.SETS, about=store.HOURS, value=value)
            self._hours[value] = [(row["detail"], row["members"]) for row in rows]
        return self._hours[value]

    def serving(self, tx: Tx) -> int:
        """Give the set of places that serve anybody at any time: those that have hours at all."""
        return self.remember(("SERVING",), lambda: place_sets.union(members for _, members in self.hours(tx, "")))

    def lengths(self, tx: Tx) -> list[tuple[int, int]]:
        """Give how long names are, the shortest first, with the set of the places whose names are so long."""
        if self._lengths is None:
            rows = tx.all(self.places.VALUES, about=store.LENGTH)
            self._lengths = sorted((int(row["value"]), place_sets.unpack(row["members"])) for row in rows)
        return self._lengths

    def records(self, tx: Tx, numbers: Sequence[int]) -> Mapping[int, Record]:
        """Give the records of places, at least, by number."""
        records = self._records
        missing = [number for number in numbers if number not in records]
        if missing:
            if len(records) + len(missing) > MOST_RECORDS:
                missing = list(numbers)
                records = self._records = {}
            for number, place_id, code, hours, wire in self.places.records(tx, missing):
                # Many places have the same hours: the text is kept once.
                records[number] = Record(code, hours and sys.intern(hours), self.opening(place_id, wire))
        return records

    def opening(self, place_id: str, wire: bytes) -> bytes:
        """Give the JSON of a place up to what depends on the request, without the last brace: as stored, and where its
        page is.
        """
        if not self.public_url:
            return wire[:-1]
        return b'%b,"page_url":"%b%b"' % (wire[:-1], self._pages, place_id.encode())


def page_path(places: Places, place_id: str) -> str:
    """Give where the page of a place for people is."""
    return f"/{places.kind}/{place_id}"


_known: WeakKeyDictionary[Database, dict[tuple[str, str], Directory]] = WeakKeyDictionary()


def of(database: Database, places: Places, public_url: str = "") -> Directory:
    """Give the directory of the data as it is now: of the tables that are read, whichever of the two.

    public_url: of the bank, where records are asked for that say where their pages are.
    """
    slot, version = database.while_unchanged(f"places:{places.kind}", lambda tx: current(tx, places))
    known = _known.setdefault(database, {})
    directory = known.get((places.kind, public_url))
    if directory is None or directory.version != version:
        directory = known[places.kind, public_url] = Directory(places.slots[slot], version, public_url)
    return directory


def current(tx: Tx, places: Places) -> tuple[int, int]:
    """Give which tables are read, and since when what is in them is as it is: the seed's since its last change."""
    row = tx.one(places.slots[0].VERSION, kind=places.kind)
    assert row is not None  # a SELECT of values
    return (row["slot"] or 0, int(row["version"] or row["changed_at"] or 0))
