"""How fast places are found: the nearest of a million with a filter, two Chinese characters of a hundred thousand.

In one process, without HTTP: the sandbox's own search over its own tables, and a peer over a table of its own in the
same run. Both are measured by the processor time of a search, which other programs on the machine do not lengthen.
"""

from __future__ import annotations

import json
import math
import random
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from statistics import quantiles
from typing import Any

from measures import FULL, Lab, Row

from openteller_sandbox import clock
from openteller_sandbox.app import declare_tables
from openteller_sandbox.branches import place_sets, search, service, store
from openteller_sandbox.branches.nearest import EARTH_RADIUS_M, Point
from openteller_sandbox.branches.service import BRANCHES, Filters
from openteller_sandbox.db import Database, open_database

_NOW = clock.parse("2026-09-29T10:30:00+08:00")
_CITIES, _SPREAD = 340, 0.15  # degrees
_OFFERED = 0.2
_SEED = 20260929
_AT_ONCE = 20_000
_METRES_A_DEGREE = EARTH_RADIUS_M * math.pi / 180
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦许何吕张孔曹严华金魏陶姜"
_GIVEN = "东南西北中山河湖海江安宁平和兴盛德福长永光明春秋文武学政民生国庆建新"
_KINDS = ("路", "街", "大道", "巷")


class _Map:
    """Made-up branches around made-up cities: most are in a few of them, as they are in a country."""

    def __init__(self, count: int) -> None:
        self.draw = random.Random(_SEED)
        self.cities = [(self.draw.uniform(20, 50), self.draw.uniform(75, 130)) for _ in range(_CITIES)]
        self.sizes = [self.draw.paretovariate(1.2) for _ in range(_CITIES)]
        self.points = [self.around() for _ in range(count)]
        self.offers = [self.draw.random() < _OFFERED for _ in range(count)]

    def around(self) -> Point:
        """Give a position somewhere in a city."""
        north, east = self.draw.choices(self.cities, self.sizes)[0]
        return Point(self.draw.gauss(north, _SPREAD), self.draw.gauss(east, _SPREAD))

    def questions(self, count: int) -> list[Point]:
        """Give positions that people ask from: four in five in a city, the others anywhere in the country."""
        anywhere = (Point(self.draw.uniform(20, 50), self.draw.uniform(75, 130)) for _ in range(count))
        return [spot if number % 5 == 0 else self.around() for number, spot in enumerate(anywhere)]


def places(lab: Lab) -> list[Row]:
    """Find the nearest of a million, and words among a hundred thousand."""
    full = lab.pace == FULL
    many, few, worded, asked = (1_000_000, 10_000, 100_000, 2_000) if full else (100_000, 10_000, 20_000, 300)
    folder = Path(lab.folder)
    small, _ = _nearest(folder / "small", few, asked)
    large, naive = _nearest(folder / "large", many, asked)
    (p50, p99), (naive_p50, naive_p99) = _halves(large), _halves(naive)
    detail = {"branches": many, "questions": asked, "p50": p50, "p99": p99, "box p50": naive_p50, "box p99": naive_p99}
    name = f"ten nearest with a filter, of {many:,}"
    note = (
        "embedded, exact, a filter that a fifth of the branches pass; processor time of a search with the records of "
        f"its ten rows. p99 is {p99:.2f} ms. The box doubles until it has ten, and is asked again with the tenth"
    )
    return [
        Row(f"{name}: p50", "ms", p50, "", None, [p50], 0.3, "less", detail, note),
        Row(f"{name}: p99", "ms", p99, "expanding box", naive_p99, [p99 / naive_p99], 0.2, "less", detail),
        Row(
            f"{name}: p50 over that of {few:,}",
            "",
            p50 / _halves(small)[0],
            "",
            None,
            [p50 / _halves(small)[0]],
            3.0,
            "less",
            detail,
        ),
        *_words(folder / "words", worded, 200 if full else 60),
    ]


def _nearest(folder: Path, count: int, asked: int) -> tuple[list[float], list[float]]:
    """Ask for the ten nearest, and the peer, too; give the milliseconds of each search."""
    folder.mkdir()
    made = _Map(count)
    questions = made.questions(asked)
    with closing(sqlite3.connect(folder / "box.db")) as box, _bank(folder) as database:
        _fill(database, made)
        _fill_box(box, made)
        directory = service.directory_of(database, BRANCHES)

        def ours(origin: Point) -> list[int]:
            filters = Filters(near=origin, service="FOREIGN_EXCHANGE")
            found = service.find(database, directory, filters, now=_NOW, count=10)
            return [int(row.code) for row in found]

        def naive(origin: Point) -> list[int]:
            return [number for number, _ in _in_boxes(box, origin, 10)]

        for origin in questions[:20]:
            if ours(origin) != naive(origin):
                raise AssertionError("the two do not find the same branches")
        return _timed(ours, questions), _timed(naive, questions)


def _timed(find: Callable[[Any], object], questions: Sequence[Any]) -> list[float]:
    times = []
    for question in questions:
        began = time.process_time_ns()
        find(question)
        times.append((time.process_time_ns() - began) / 1e6)
    return times


def _halves(times: Sequence[float]) -> tuple[float, float]:
    """Give p50 and p99."""
    parts = quantiles(times, n=100)
    return parts[49], parts[98]


class _bank:  # noqa: N801 - with _bank(folder)
    """A database with the sandbox's tables and nothing in them."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "bank.db"

    def __enter__(self) -> Database:
        declare_tables()
        self._database = open_database(str(self._path))
        self._database.prepare()
        return self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def _fill(database: Database, made: _Map, names: Sequence[tuple[str, str]] = ()) -> None:
    """Write branches as an import does: rows, and a set for what they are found by."""
    sets: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, offers in enumerate(made.offers):
        sets[store.ALL, ""].append(number)
        if offers:
            sets[store.SERVICE, "FOREIGN_EXCHANGE"].append(number)
        if names:
            name, line = names[number]
            named = search.words_of(name)
            sets[store.LENGTH, str(search.length_of(name))].append(number)
            for word in named:
                sets[store.NAMED, word].append(number)
            for word in search.words_of(line) - named:
                sets[store.WORD, word].append(number)
    rows = _rows(made, names)
    with database.act() as tx:
        while part := list(islice(rows, _AT_ONCE)):
            tx.run_many(BRANCHES.INSERT, part)
        tx.run_many(
            BRANCHES.INSERT_SET,
            (
                {"about": about, "value": value, "detail": "", "members": place_sets.pack(numbers)}
                for (about, value), numbers in sets.items()
            ),
        )


def _rows(made: _Map, names: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    for number, point in enumerate(made.points):
        name, line = names[number] if names else ("示范银行支行", "文化街42号")
        record = {
            "branch_id": f"brn_{number}",
            "name": {"zh-CN": name, "en": "Demo Bank Sub-branch"},
            "branch_type": "PHYSICAL",
            "postal_address": {"address_lines": [line]},
            "location": {"latitude": point.latitude, "longitude": point.longitude, "crs": "wgs84"},
        }
        yield {
            "number": number,
            "place_id": record["branch_id"],
            "code": f"{number:09d}",
            "latitude": point.latitude,
            "longitude": point.longitude,
            "changed_at": _NOW,
            "hours": None,
            "wire": json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode(),
        }


# --- the naive way to the nearest -------------------------------------------------------------------------------------


def _fill_box(box: sqlite3.Connection, made: _Map) -> None:
    box.execute(
        "CREATE TABLE places (number INTEGER PRIMARY KEY, latitude REAL, longitude REAL, offers INTEGER, wire BLOB)"
    )
    rows = ((row["number"], row["latitude"], row["longitude"], row["wire"]) for row in _rows(made, ()))
    box.executemany(
        "INSERT INTO places VALUES (?, ?, ?, ?, ?)",
        ((number, north, east, made.offers[number], wire) for number, north, east, wire in rows),
    )
    box.execute("CREATE INDEX places_at ON places (latitude, longitude)")
    box.commit()


def _in_boxes(box: sqlite3.Connection, origin: Point, count: int) -> list[tuple[int, bytes]]:
    """Look into a box of a kilometre, and one twice as large, until it has enough; then once more, as a place beyond an
    edge may be nearer than one in a corner.
    """
    radius = 1000.0
    while len(found := _in_box(box, origin, radius)) < count:
        radius *= 2
    found = _in_box(box, origin, found[count - 1][0] + 1)
    return [(number, wire) for _, number, wire in found[:count]]


def _in_box(box: sqlite3.Connection, origin: Point, radius: float) -> list[tuple[float, int, bytes]]:
    high = radius / _METRES_A_DEGREE
    wide = high / max(0.01, math.cos(math.radians(min(89.0, abs(origin.latitude) + high))))
    rows = box.execute(
        "SELECT latitude, longitude, number, wire FROM places "
        "WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? AND offers",
        (origin.latitude - high, origin.latitude + high, origin.longitude - wide, origin.longitude + wide),
    )
    return sorted((_metres(origin, Point(north, east)), number, wire) for north, east, number, wire in rows)


def _metres(one: Point, other: Point) -> float:
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    across = math.sin((other_north - north) / 2)
    along = math.sin(math.radians(other.longitude - one.longitude) / 2)
    half = across * across + math.cos(north) * math.cos(other_north) * along * along
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(half))


# --- words ------------------------------------------------------------------------------------------------------------


def _words(folder: Path, count: int, asked: int) -> list[Row]:
    """Look for two characters, among names and addresses: all that have them, and the best twenty."""
    folder.mkdir()
    made = _Map(count)
    names = [_named(made.draw) for _ in range(count)]
    words = list(dict.fromkeys(_two_of(made.draw, names) for _ in range(asked)))
    with closing(sqlite3.connect(folder / "like.db")) as like, _bank(folder) as database:
        _fill(database, made, names)
        like.execute("CREATE TABLE texts (number INTEGER PRIMARY KEY, name TEXT, line TEXT)")
        like.executemany("INSERT INTO texts VALUES (?, ?, ?)", ((number, *texts) for number, texts in enumerate(names)))
        directory, tx = service.directory_of(database, BRANCHES), database.read()

        def every(word: str) -> int:
            return directory.found_by(tx, word)

        def best(word: str) -> list[int]:
            found = service.find(database, directory, Filters(q=word), now=_NOW, count=20)
            return [int(row.code) for row in found]

        def liked(word: str) -> list[int]:
            rows = like.execute("SELECT number FROM texts WHERE name LIKE ?1 OR line LIKE ?1", (f"%{word}%",))
            return [number for (number,) in rows]

        def liked_best(word: str) -> list[int]:
            rows = like.execute(
                "SELECT number FROM texts WHERE name LIKE ?1 OR line LIKE ?1 "
                "ORDER BY name LIKE ?1 DESC, length(name), number LIMIT 20",
                (f"%{word}%",),
            )
            return [number for (number,) in rows]

        wanted = found = 0
        for word in words:
            there = set(liked(word))
            members = directory.found_by(tx, word)
            wanted += len(there)
            found += len(there.intersection(place_sets.numbers(members)))
            if best(word) != liked_best(word):
                raise AssertionError("the two do not rank alike")
        times = [sum(_timed(find, words)) / len(words) for find in (every, liked, best, liked_best)]
    detail = {"branches": count, "words": len(words)}
    name = f"two Chinese characters among {count:,}"
    note = "unranked: all that have them, as a set; LIKE gives them all. ranked: the best twenty"
    return [
        Row(f"{name}: found of what LIKE finds", "", found / wanted, "", None, [found / wanted], 1.0, "more", detail),
        Row(
            f"{name}: unranked", "ms", times[0], "LIKE", times[1], [times[0] / times[1]], 1 / 300, "less", detail, note
        ),
        Row(f"{name}: ranked", "ms", times[2], "LIKE", times[3], [times[2] / times[3]], 1 / 15, "less", detail),
    ]


def _named(draw: random.Random) -> tuple[str, str]:
    """Make up the name and the address of a branch."""
    city, street = (draw.choice(_SURNAMES) + draw.choice(_GIVEN) for _ in range(2))
    way = street + draw.choice(_GIVEN) + draw.choice(_KINDS)
    at = way if draw.random() < 0.5 else draw.choice(_SURNAMES) + draw.choice(_GIVEN) + draw.choice(_KINDS)
    return (
        f"示范银行{city}{way}支行",
        f"{city}市{draw.choice(_GIVEN)}{draw.choice(_GIVEN)}区{at}{draw.randrange(1, 999)}号",
    )


def _two_of(draw: random.Random, names: Sequence[tuple[str, str]]) -> str:
    """Give two characters after each other of a name behind the bank's own, or of an address before its number."""
    name, line = draw.choice(names)
    text = draw.choice((name.removeprefix("示范银行"), line.rstrip("0123456789号")))
    begin = draw.randrange(len(text) - 1)
    return text[begin : begin + 2]


PLACE_MEASURES = {"places": places}
