"""The tables of branches, ATMs and working days.

Open data: shared by all worlds, written when the seed is loaded and by imports, and at no other time. Branches and ATMs
have tables of one shape. A place's number is its rank by code; ``…_sets`` holds, packed, the numbers of the places for
each value that a list can be filtered by (see ``place_sets``), ``…_gone`` what an import took away, and when.

Each kind has its tables twice. An import fills those that nobody reads, in acts of its own, and then ``place_data`` is
told to use them: readers see all of it with one row, or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    Function,
    Index,
    Integer,
    LargeBinary,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    null,
    or_,
    select,
    tuple_,
    update,
)

from openteller_sandbox.db import Insert, Row, Statement, Tx, metadata

ALL, CITY, SERVICE, ACCESSIBILITY = "ALL", "CITY", "SERVICE", "ACCESSIBILITY"
SEGMENT, TYPE, HOURS = "SEGMENT", "TYPE", "HOURS"
NAMED, WORD, LENGTH = "NAMED", "WORD", "LENGTH"
"""What a set is about.

HOURS has the hours, compact, as its detail, and as its value nothing for a place's own hours, or the service that has
other ones. NAMED has the words of names, pinyin and initials among them; WORD those that a place is found by but is not
called. LENGTH is how many letters a Chinese name has.
"""


place_data = Table(
    "place_data",
    metadata,
    Column("kind", String, primary_key=True),
    # Which of the two sets of tables is read, and since when (bank time, above whatever was read before).
    Column("slot", Integer, nullable=False),
    Column("version", BigInteger, nullable=False),
    # Of the import that fills the other tables now, or did when it was killed.
    Column("filled_by", String),
)


class Places:
    """The tables and statements of one kind of place.

    kind: what it is, whichever of its tables these are. slots: both of them.
    """

    slots: tuple[Places, Places]

    def __init__(self, name: str, kind: str = "") -> None:
        self.name = name
        self.kind = kind or name
        places, sets, gone = _places_table(name), _sets_table(name), _gone_table(name)
        self._say_how_to_read(places, sets)
        self._say_how_to_tell_changes(places, gone)
        self._say_how_to_import(places, sets, gone)

    def _say_how_to_read(self, places: Table, sets: Table) -> None:
        columns = places.c
        self.VERSION = Statement(
            select(
                _data("slot"),
                _data("version"),
                select(func.max(columns.changed_at)).scalar_subquery().label("changed_at"),
            )
        )
        self.FIND = Statement(
            select(columns.wire, columns.hours, columns.changed_at, columns.code).where(
                columns.place_id == bindparam("place_id")
            )
        )
        self.WHOLE = Statement(select(places).where(columns.place_id == bindparam("place_id")))
        self.RANK = Statement(select(func.max(columns.number).label("number")).where(columns.code <= bindparam("code")))
        self.POSITIONS = Statement(
            select(columns.number, columns.latitude, columns.longitude)
            .where(columns.number > bindparam("after"))
            .order_by(columns.number)
            .limit(bindparam("count"))
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
        about_word = (and_(sets.c.about == about, sets.c.value == bindparam("word")) for about in (NAMED, WORD))
        self.FOUND_BY = Statement(select(sets.c.members).where(or_(*about_word)))
        self.VALUES = Statement(select(sets.c.value, sets.c.members).where(sets.c.about == bindparam("about")))
        self._records = Statement(
            _numbered(places, func.json_each(_numbers)),
            postgresql=lambda: _numbered(places, func.json_array_elements_text(cast(_numbers, JSON))),
        )

    def _say_how_to_tell_changes(self, places: Table, gone: Table) -> None:
        columns = places.c
        # Numbers are in the order of codes, and on SQLite within the index of what changed when.
        self.CHANGED_SINCE = Statement(
            select(columns.place_id, columns.code, columns.changed_at, columns.hours, columns.wire)
            .where(
                tuple_(columns.changed_at, columns.number) > tuple_(bindparam("since"), bindparam("after")),
                columns.changed_at <= bindparam("until"),
            )
            .order_by(columns.changed_at, columns.number)
            .limit(bindparam("count"))
        )
        self.GONE_SINCE = Statement(
            select(gone)
            .where(tuple_(gone.c.gone_at, gone.c.place_id) > tuple_(bindparam("since"), bindparam("after")))
            .order_by(gone.c.gone_at, gone.c.place_id)
            .limit(bindparam("count"))
        )
        self.IS_GONE = Statement(select(gone.c.gone_at).where(gone.c.place_id == bindparam("place_id")))

    def _say_how_to_import(self, places: Table, sets: Table, gone: Table) -> None:
        """What an import writes, and what it reads and clears in pieces."""
        columns = places.c
        self.INSERT = Insert(places)
        self.INSERT_SET = Insert(sets)
        self.INSERT_GONE = Insert(gone)
        self.ROWS = Statement(
            select(places).where(columns.number > bindparam("after")).order_by(columns.number).limit(bindparam("count"))
        )
        self.NUMBERS = Statement(
            select(columns.number)
            .where(columns.number > bindparam("after"))
            .order_by(columns.number)
            .limit(bindparam("count"))
        )
        self.CODE_OF_ID = Statement(select(columns.code).where(columns.place_id == bindparam("place_id")))
        self.CLEAR = Statement(delete(places).where(columns.number < bindparam("below")))
        key, last = tuple_(*sets.primary_key), tuple_(*(bindparam(column.name) for column in sets.primary_key))
        self.SET_ROWS = Statement(select(sets).where(key > last).order_by(*sets.primary_key).limit(bindparam("count")))
        self.SET_KEYS = Statement(
            select(*sets.primary_key).where(key > last).order_by(*sets.primary_key).limit(bindparam("count"))
        )
        self.CLEAR_SETS = Statement(delete(sets).where(key <= last))
        self.GONE = Statement(
            select(gone).where(gone.c.place_id > bindparam("after")).order_by(gone.c.place_id).limit(bindparam("count"))
        )
        self.CLEAR_GONE = Statement(delete(gone).where(gone.c.place_id <= bindparam("last")))

    def records(self, tx: Tx, numbers: Sequence[int]) -> list[Row]:
        """Give number, identifier, code, hours and wire of places, in any order."""
        return tx.all(self._records, numbers=str(numbers))


def _places_table(name: str) -> Table:
    return Table(
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
        Index(f"{name}_changed", "changed_at"),
    )


def _sets_table(name: str) -> Table:
    return Table(
        f"{name}_sets",
        metadata,
        Column("about", String, primary_key=True),
        Column("value", String, primary_key=True),
        Column("detail", Text, primary_key=True),
        Column("members", LargeBinary, nullable=False),
        sqlite_with_rowid=False,  # the key is the row's place: half the tree, half the time
    )


def _gone_table(name: str) -> Table:
    return Table(
        f"{name}_gone",
        metadata,
        Column("place_id", String, primary_key=True),
        Column("code", String, nullable=False),
        Column("gone_at", BigInteger, nullable=False),
        Index(f"{name}_gone_since", "gone_at", "place_id"),
    )


# One parameter for any count: a list of slots to fill would take longer than the look-up.
_numbers = bindparam("numbers", type_=String)


def _numbered(places: Table, numbers: Function[Any]) -> Select[Any]:
    """Select the places whose numbers a function takes out of a JSON list; PostgreSQL's gives them as texts."""
    listed, columns = numbers.table_valued("value"), places.c
    number = listed.c.value if numbers.name == "json_each" else cast(listed.c.value, Integer)
    wanted = select(columns.number, columns.place_id, columns.code, columns.hours, columns.wire)
    return wanted.select_from(listed.join(places, columns.number == number))


def _data(column: str) -> ColumnElement[Any]:
    found = select(place_data.c[column]).where(place_data.c.kind == bindparam("kind"))
    return found.scalar_subquery().label(column)


def _both(kind: str) -> Places:
    first, second = Places(kind), Places(f"{kind}_2", kind)
    first.slots = second.slots = (first, second)
    return first


BRANCHES = _both("branches")
ATMS = _both("atms")

_KIND = place_data.c.kind == bindparam("kind")
FORGET_DATA = Statement(delete(place_data).where(_KIND))
INSERT_DATA = Insert(place_data)
CLAIM = Statement(update(place_data).where(_KIND).values(filled_by=bindparam("by")))
STILL_MINE = Statement(
    update(place_data).where(_KIND, place_data.c.filled_by == bindparam("by")).values(filled_by=bindparam("by"))
)
SWITCH = Statement(
    update(place_data)
    .where(_KIND, place_data.c.filled_by == bindparam("by"))
    .values(slot=bindparam("new_slot"), version=bindparam("new_version"), filled_by=null())
)

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
