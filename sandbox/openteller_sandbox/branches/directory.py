"""What this process keeps of the branches or ATMs of a database, for as long as their data is the same.

Positions are read and put in order (20 ms for 3,000 places) when somebody first asks for the nearest. Records are kept
as they are asked for, up to a number of them: most people ask around the same few cities.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from openteller_sandbox.branches.nearest import Positions
from openteller_sandbox.branches.store import Places
from openteller_sandbox.db import Database, Tx

MOST_RECORDS = 1024
"""How many are kept, of 2.4 kB each: a few large cities. All of a bank would cost every process more than it saves."""


class Record(NamedTuple):
    """A place as it is listed: ``opening`` is its JSON up to, but not including, the last brace."""

    code: str
    hours: str | None
    opening: bytes


class Directory:
    """The branches or the ATMs of a database at one version.

    Args:
        places: the tables of branches or of ATMs that are read.
        version: since when they are, or when any of them last changed, epoch milliseconds.
    """

    __slots__ = ("_positions", "_records", "places", "version")

    def __init__(self, places: Places, version: int) -> None:
        self.places = places
        self.version = version
        self._positions: Positions | None = None
        self._records: dict[int, Record] = {}

    def positions(self, tx: Tx) -> Positions:
        """Give where they are."""
        if self._positions is None:
            self._positions = Positions(map(tuple, tx.all(self.places.POSITIONS)))
        return self._positions

    def records(self, tx: Tx, numbers: Sequence[int]) -> Mapping[int, Record]:
        """Give the records of places, at least, by number."""
        records = self._records
        missing = [number for number in numbers if number not in records]
        if missing:
            if len(records) + len(missing) > MOST_RECORDS:
                missing = list(numbers)
                records = self._records = {}
            for number, code, hours, wire in self.places.records(tx, missing):
                # Many places have the same hours: the text is kept once.
                records[number] = Record(code, hours and sys.intern(hours), wire[:-1])
        return records


_known: WeakKeyDictionary[Database, dict[str, Directory]] = WeakKeyDictionary()


def of(database: Database, places: Places) -> Directory:
    """Give the directory of the data as it is now: of the tables that are read, whichever of the two."""
    slot, version = database.while_unchanged(f"places:{places.kind}", lambda tx: current(tx, places))
    known = _known.setdefault(database, {})
    directory = known.get(places.kind)
    if directory is None or directory.version != version:
        directory = known[places.kind] = Directory(places.slots[slot], version)
    return directory


def current(tx: Tx, places: Places) -> tuple[int, int]:
    """Give which tables are read, and since when what is in them is as it is: the seed's since its last change."""
    row = tx.one(places.slots[0].VERSION, kind=places.kind)
    assert row is not None  # a SELECT of values
    return (row["slot"] or 0, int(row["version"] or row["changed_at"] or 0))
