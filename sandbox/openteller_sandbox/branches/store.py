"""The tables of branches, ATMs and working days.

Open data: shared by all worlds, written when the seed is loaded and at no other time. Branches and ATMs have tables
of one shape. A place's number is its rank by code; ``…_sets`` holds, packed, the numbers of the places for each value
that a list can be filtered by (see ``place_sets``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    bindparam,
    func,
    select,
)

from openteller_sandbox.db import Insert, Statement, Tx, metadata
from openteller_sandbox.db.engine import Row

ALL, CELL, CITY, HOURS, SERVICE, WORD = "ALL", "CELL", "CITY", "HOURS", "SERVICE", "WORD"
"""What a set is about.

HOURS has the hours, compact, as its detail, and as its value nothing for a place's own hours, or the service that has
other ones.
"""

_NOBODY = -1


class Places:
    """The tables and statements of one kind of place."""

    def __init__(self, name: str) -> None:
        self.name = name
        places = Table(
            name,
            metadata,
            Column("number", Integer, primary_key=True, autoincrement=False),
            Column("place_id", String, nullable=False, unique=True),
            Column("code", String, nullable=False, unique=True),
            Column("latitude", Double, nullable=False),
            Column("longitude", Double, nullable=False),
            Column("changed_at", BigInteger, nullable=False),
            # As opening_hours.compact writes them; NULL where the status says that it is never open.
            Column("hours", Text),
            # JSON, as bytes: long pages are joined of them, and neither decoded nor encoded.
            Column("wire", LargeBinary, nullable=False),
            Index(f"{name}_position", "latitude", "longitude"),
            Index(f"{name}_changed", "changed_at"),
        )
        sets = Table(
            f"{name}_sets",
            metadata,
            Column("about", String, primary_key=True),
            Column("value", String, primary_key=True),
            Column("detail", Text, primary_key=True),
            Column("members", LargeBinary, nullable=False),
            sqlite_with_rowid=False,  # the key is the row's place: half the tree, half the time
        )
        columns = places.c
        self.INSERT = Insert(places)
        self.INSERT_SET = Insert(sets)
        self.LAST_CHANGE = Statement(select(func.max(columns.changed_at).label("changed_at")))
        self.FIND = Statement(
            select(columns.wire, columns.hours, columns.changed_at).where(columns.place_id == bindparam("place_id"))
        )
        self.RANK = Statement(select(func.max(columns.number).label("number")).where(columns.code <= bindparam("code")))
        self.IN_BOX = Statement(
            select(columns.number, columns.latitude, columns.longitude).where(
                columns.latitude.between(bindparam("south"), bindparam("north")),
                columns.longitude.between(bindparam("west"), bindparam("east")),
            )
        )
        self.SET = Statement(
            select(sets.c.members).where(
                sets.c.about == bindparam("about"), sets.c.value == bindparam("value"), sets.c.detail == ""
            )
        )
        self.SETS = Statement(
            select(sets.c.detail, sets.c.members).where(
                sets.c.about == bindparam("about"), sets.c.value == bindparam("value")
            )
        )
        self._cells = Statement(
            select(sets.c.value, sets.c.members).where(
                sets.c.about == CELL, sets.c.value.in_([bindparam(name) for name in _CELL_SLOTS]), sets.c.detail == ""
            )
        )
        self._records = {
            size: Statement(
                select(columns.number, columns.code, columns.hours, columns.wire).where(
                    columns.number.in_(_slots(size))
                )
            )
            for size in _SIZES
        }
        self._points = Statement(
            select(columns.number, columns.latitude, columns.longitude).where(columns.number.in_(_slots(_SIZES[-1])))
        )

    def records(self, tx: Tx, numbers: Sequence[int]) -> dict[int, Row]:
        """Give number, code, hours and wire of at most 101 places, by number."""
        size = next(size for size in _SIZES if size >= len(numbers))
        rows = tx.all(self._records[size], **_filled(numbers, size))
        return {row["number"]: row for row in rows}

    def cells(self, tx: Tx, names: Sequence[str]) -> dict[str, bytes]:
        """Give the packed sets of three cells, by name, where there are any."""
        rows = tx.all(self._cells, **dict(zip(_CELL_SLOTS, names, strict=True)))
        return {row["value"]: row["members"] for row in rows}

    def points(self, tx: Tx, numbers: Sequence[int]) -> list[Row]:
        """Give number, latitude and longitude of at most 101 places."""
        return tx.all(self._points, **_filled(numbers, _SIZES[-1]))


MOST_NUMBERS = 101  # a page of 100, and one more to know whether another follows
_CELL_SLOTS = ("c0", "c1", "c2")
_SIZES = (2, 6, 11, 26, MOST_NUMBERS)


def _slots(size: int) -> list[BindParameter[int]]:
    return [bindparam(f"n{index}", type_=Integer) for index in range(size)]


def _filled(numbers: Sequence[int], size: int) -> dict[str, int]:
    """Fill the slots of a statement; what is left over asks for nobody."""
    slots = dict.fromkeys(_SLOT_NAMES[:size], _NOBODY)
    slots.update(zip(_SLOT_NAMES, numbers, strict=False))
    return slots


_SLOT_NAMES = tuple(f"n{index}" for index in range(MOST_NUMBERS))

BRANCHES = Places("branches")
ATMS = Places("atms")

workdays = Table(
    "workdays",
    metadata,
    Column("day", String, primary_key=True),
    Column("is_working", Boolean, nullable=False),
    Column("holiday", String, nullable=False),
)
INSERT_WORKDAY = Insert(workdays)
WORKDAY = Statement(select(workdays.c.is_working).where(workdays.c.day == bindparam("day")))
WORKDAYS = Statement(select(workdays.c.day, workdays.c.is_working))
