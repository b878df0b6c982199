"""Searches by going through every record of the seed as it stands in its file, and random questions to ask both ways.

Nothing of the index is used here: filters are read off the wire records, words looked for in their texts, hours told by
the contract's three rules, and every distance measured.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from tests.sandbox.branches.conftest import seed

from openteller_sandbox import clock
from openteller_sandbox.branches.nearest import Point, Window
from openteller_sandbox.branches.service import Filters
from openteller_sandbox.folding import fold
from openteller_sandbox.pinyin import syllables
from openteller_sandbox.settings import SEED_FOLDER

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
DIAMETER_MM = 2 * 6_371_008.8 * 1000
LATIN = re.compile("[a-z0-9]+")
Answer = list[tuple[int, str]]
"""Rank and code of each row."""


def vector(latitude: float, longitude: float) -> tuple[float, float, float]:
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


@dataclass
class Place:
    """A record with all that a question needs of it."""

    record: dict[str, Any]
    code: str
    terms: str
    cities: set[str]

    @cached_property
    def at(self) -> tuple[float, float, float]:
        return vector(self.record["location"]["latitude"], self.record["location"]["longitude"])

    @cached_property
    def name(self) -> str:
        return fold("\n".join(self.record["name"].values()))

    @cached_property
    def spoken(self) -> set[str]:
        """Pinyin and initials of every part of the name, but for bank, office and the city that it begins with."""
        own = re.split("[0-9]", self.record["name"]["zh-CN"])[0].removeprefix("示范银行").strip()
        own = re.sub("([支分]行|自助银行|营业部)+$", "", own)
        city = max((name for name in self.cities if own.startswith(name)), key=len, default="")
        parts, first = syllables(own), len(city) if own.removeprefix(city).strip("市区县州盟旗") else 0
        ranges = [parts[a:b] for a in range(len(parts)) for b in range(max(a, first) + 1, len(parts) + 1)]
        found = {"".join(each) for each in ranges}
        found |= {"".join(part[0] for part in each) for each in ranges if len(each) > 1}
        return found | {word.replace("v", "u") for word in found}

    @cached_property
    def text(self) -> str:
        address = self.record["postal_address"]
        return "\n".join([self.name, fold("\n".join([*address["address_lines"], address["town_name"], self.terms]))])

    @cached_property
    def length(self) -> int:
        return sum(letter.isalnum() for letter in self.record["name"]["zh-CN"])

    @cached_property
    def is_serving(self) -> bool:
        return self.record["status"] in {"OPEN", "IN_SERVICE", "CASH_OUT"}


def says(word: str, text: str) -> bool:
    """Whether a text has a word: Latin letters and digits as a whole word; Chinese anywhere, a longer one in pieces of
    two characters.
    """
    if word.isascii():
        return word in LATIN.findall(text.replace("'", ""))
    return all(word[at : at + 2] in text for at in range(max(1, len(word) - 1)))


class Brute:
    """All branches, or all ATMs."""

    def __init__(self, name: str) -> None:
        called = {row["id"]: row for row in seed("search_terms")}
        thing = {"branches": "branch", "atms": "atm"}[name]
        self.places = sorted(
            (
                Place(
                    record,
                    record[f"{thing}_code"],
                    called[record[f"{thing}_id"]]["terms"],
                    set(called[record[f"{thing}_id"]]["cities"]),
                )
                for record in seed(name)
            ),
            key=lambda place: place.code,
        )
        lines = (SEED_FOLDER / "workdays.jsonl").read_text(encoding="utf-8").splitlines()
        self.workdays = {row["date"]: not row["off"] for row in map(json.loads, lines)}

    def find(self, filters: Filters, now: int) -> Answer:
        """Give every row of a list, in order."""
        found = [place for place in self.places if self.fits(place, filters, now)]
        if filters.near is not None:
            at = vector(*filters.near)
            rows = [(distance_mm(at, place.at), place.code) for place in found]
            return sorted(row for row in rows if filters.radius_m is None or row[0] <= filters.radius_m * 1000)
        return sorted((rank(place, filters.q), place.code) for place in found)

    def fits(self, place: Place, filters: Filters, now: int) -> bool:
        """Whether a place passes every filter but the distance; the cheap ones first."""
        record = place.record
        services = {each["code"]: each for each in record.get("services", ())}
        offered = services.keys() | set(record.get("atm_services", ()))
        instant = now if filters.open_now else filters.open_at
        return (
            (filters.service is None or filters.service in offered)
            and (filters.accessibility is None or filters.accessibility in record["accessibility"])
            and (filters.segment is None or filters.segment in record.get("customer_segments", ()))
            and (filters.type is None or filters.type == record.get("branch_type", record.get("location_category")))
            and (place.is_serving or not filters.serving)
            and is_of(place, filters)
            and (filters.bbox is None or is_inside(record["location"], filters.bbox))
            and (filters.q is None or all(says(word, place.text) for word in words(filters.q)))
            and (instant is None or self.is_open(place, services.get(filters.service or "", {}), instant))
        )

    def contradicts(self, filters: Filters) -> bool:
        """Whether the contract refuses what is asked for of where."""
        here = [place for place in self.places if is_of(place, filters)]
        near, radius_m, window = filters.near, filters.radius_m, filters.bbox
        if near and abs(near.longitude) <= 90:
            away, turned = (least_m(vector(*at), here) for at in (near, near[::-1]))
            if away > 1_000_000 and turned <= 100_000:
                return True
        if window and max(abs(window.west), abs(window.east)) <= 90 and window.west < window.east:
            turned_window = Window(window.south, window.west, window.north, window.east)
            if not around(window, here, 9.0) and around(turned_window, here, 0.0):
                return True
        if near and radius_m and window and metres_to(window, near) > radius_m + 1:
            return True
        if not here or (filters.city, filters.adcode) == (None, None):
            return False
        if window and not around(window, here, 0.25 if around(window, self.places, 0.0) else 2.0):
            return True
        if not (near and radius_m):
            return False
        margin = 25_000 if least_m(vector(*near), self.places) <= radius_m else 200_000
        return least_m(vector(*near), here) > radius_m + margin

    def is_open(self, place: Place, service: dict[str, Any], now: int) -> bool:
        if not place.is_serving or not self.says_open(place.record["availability"], now):
            return False
        return "availability" not in service or self.says_open(service["availability"], now)

    def says_open(self, availability: dict[str, Any], now: int) -> bool:
        """The contract's three rules; the seed is in one zone."""
        local = clock.to_datetime(now)
        day, time = local.date().isoformat(), local.strftime("%H:%M")
        weekday = DAYS[date.fromisoformat(day).weekday()]
        entry = next((each for each in availability["special"] if each["start_date"] <= day <= each["end_date"]), None)
        if entry is None and day in self.workdays:
            weekday = "MONDAY" if self.workdays[day] else "SUNDAY"
        listed = availability["standard"] if entry is None else entry["days"]
        hours = next((each["opening_hours"] for each in listed if each["day"] == weekday), [])
        return any(each["opens"] <= time < each["closes"] for each in hours)


def distance_mm(one: tuple[float, float, float], other: tuple[float, float, float]) -> int:
    chord = math.dist(one, other)
    return round(DIAMETER_MM * (math.asin(chord / 2) if chord < 2 else math.pi / 2))


def least_m(at: tuple[float, float, float], places: list[Place]) -> float:
    """How far the nearest is."""
    return min((distance_mm(at, place.at) for place in places), default=10**12) / 1000


def is_of(place: Place, filters: Filters) -> bool:
    """Whether a place is of the city or the division that is named."""
    adcode = place.record["postal_address"]["adcode"]
    return (filters.adcode is None or adcode.startswith(re.sub("0000$|00$", "", filters.adcode))) and (
        filters.city is None or filters.city in place.cities
    )


def around(window: Window, places: list[Place], degrees: float) -> bool:
    """Whether one of them is in a window or at most so many degrees beside it."""
    return any(
        window.south - degrees <= place.record["location"]["latitude"] <= window.north + degrees
        and degrees_beside(window, place.record["location"]["longitude"]) <= degrees
        for place in places
    )


def degrees_beside(window: Window, longitude: float) -> float:
    """How far a meridian is from those of a window, around the earth."""
    if (longitude - window.west) % 360 <= (window.east - window.west) % 360:
        return 0.0
    return min((window.west - longitude) % 360, (longitude - window.east) % 360)


def metres_to(window: Window, point: Point) -> float:
    """How far a window is from a position, told by many positions along its edges."""
    if is_inside({"latitude": point.latitude, "longitude": point.longitude}, window):
        return 0.0
    at, wide = vector(*point), (window.east - window.west) % 360
    edges = [
        (lambda share, east=east: (window.south + (window.north - window.south) * share, east))
        for east in (window.west, window.east)
    ]
    edges += [
        (lambda share, north=north: (north, window.west + wide * share)) for north in (window.south, window.north)
    ]
    return min(least_along(lambda share, edge=edge: distance_mm(at, vector(*edge(share))) / 1000) for edge in edges)


def least_along(metres: Callable[[float], float]) -> float:
    """The least of a distance along an edge, by shares of its length: around the nearest of many, many more, twice."""
    begin, end, least = 0.0, 1.0, math.inf
    for _ in range(3):
        step = (end - begin) / 400
        least, nearest = min((metres(begin + step * number), begin + step * number) for number in range(401))
        begin, end = max(0.0, nearest - step), min(1.0, nearest + step)
    return least


def is_inside(location: dict[str, Any], window: Window) -> bool:
    if not window.south <= location["latitude"] <= window.north:
        return False
    west, east, here = window.west, window.east, location["longitude"]
    return west <= here <= east if west <= east else here >= west or here <= east


def words(q: str) -> list[str]:
    """Cut a question as its writer meant it: at spaces."""
    return fold(q).split()


def rank(place: Place, q: str | None) -> int:
    if q is None:
        return 0
    named = [says(word, place.name) or word in place.spoken for word in words(q)]
    scattered = any(len(word) > 2 and not word.isascii() and word not in place.name for word in words(q))
    return ((1 if scattered else 0) if all(named) else 2 if any(named) else 3) * 100 + place.length


# --- random questions -------------------------------------------------------------------------------------------------

BRANCH_SERVICES = ("CASH", "FOREIGN_EXCHANGE", "CORPORATE", "SAFE_DEPOSIT", "SELF_SERVICE", "WEALTH")
ATM_SERVICES = ("CASH_WITHDRAWAL", "CASH_DEPOSIT", "CARDLESS_WITHDRAWAL", "CONTACTLESS")
HELP = ("WHEELCHAIR_ACCESS", "SENIOR_COUNTER", "INDUCTION_LOOP", "LEVEL_ACCESS", "SIGN_LANGUAGE")


def questions(seed_: int, brute: Brute, count: int) -> Iterator[tuple[Filters, int]]:
    """Give random filters and instants of bank time, the same for each seed."""
    draw = random.Random(seed_)
    for _ in range(count):
        yield Filters(**a_question(draw, brute)), an_instant(draw)


def a_question(draw: random.Random, brute: Brute) -> dict[str, Any]:
    is_branch = "branch_type" in brute.places[0].record
    place = draw.choice(brute.places)
    makers: dict[str, Any] = {
        "near": lambda: a_point(draw, place),
        "bbox": lambda: a_window(draw, place),
        "service": lambda: draw.choice(BRANCH_SERVICES if is_branch else ATM_SERVICES),
        "accessibility": lambda: draw.choice(HELP),
        "type": lambda: place.record.get("branch_type") or place.record["location_category"],
        "q": lambda: a_phrase(draw, place),
    }
    if is_branch:
        makers["segment"] = lambda: draw.choice(("PERSONAL", "PRIVATE", "CORPORATE", "PREMIER"))
    asked = {name: make() for name, make in makers.items() if draw.random() < (0.7 if name == "near" else 0.25)}
    if "near" in asked and draw.random() < 0.4:
        asked["radius_m"] = draw.choice((50, 900, 5_000, 60_000, 500_000))
    if draw.random() < 0.25:
        asked["serving"] = True
    match draw.randrange(6):
        case 0:
            adcode = place.record["postal_address"]["adcode"]
            asked["adcode"] = draw.choice((adcode, f"{adcode[:4]}00", f"{adcode[:2]}0000"))
        case 1:
            asked["city"] = draw.choice(sorted(place.cities))
    match draw.randrange(5):
        case 0:
            asked["open_now"] = True
        case 1:
            asked["open_at"] = an_instant(draw)
    return asked


def a_point(draw: random.Random, place: Place) -> Point:
    """Near a place, on it, in the country, anywhere, at a pole, or at the date line."""
    north, east = place.record["location"]["latitude"], place.record["location"]["longitude"]
    return Point(
        *draw.choice(
            (
                (north + draw.gauss(0, 0.05), east + draw.gauss(0, 0.05)),
                (north, east),
                (draw.uniform(18, 53), draw.uniform(74, 134)),
                (draw.uniform(-90, 90), draw.uniform(-180, 180)),
                (draw.choice((-90.0, 90.0)), draw.choice((-180.0, 0.0, 121.5))),
                (draw.uniform(-60, 60), draw.choice((-180.0, 180.0))),
            )
        )
    )


def a_window(draw: random.Random, place: Place) -> Window:
    """Around a place, with a place on its corner, of half of the country, or across the date line."""
    north, east = place.record["location"]["latitude"], place.record["location"]["longitude"]
    high, wide = draw.choice((0.02, 0.3, 4.0, 20.0)), draw.choice((0.02, 0.3, 6.0, 40.0))
    return draw.choice(
        (
            Window(max(east - wide, -180), north - high, min(east + wide, 180), min(north + high, 90)),
            Window(east, north, east + 1, north + 1),
            Window(east, -10.0, east - 1, 60.0),
            Window(draw.uniform(74, 100), 10.0, draw.uniform(101, 134), draw.uniform(30, 50)),
        )
    )


def a_phrase(draw: random.Random, place: Place) -> str:
    """Two characters of a name or an address, more of a name, what two parts of a name make, several words, one
    character, pinyin, initials, or English.
    """
    name = place.record["name"]["zh-CN"].replace(" ", "")
    line = re.sub("[^一-鿿]", "", "".join(place.record["postal_address"]["address_lines"]))
    begin, there = draw.randrange(len(name) - 1), draw.randrange(len(line) - 1)
    pairs = [pair for pair in (name[begin : begin + 2], line[there : there + 2]) if not re.search("[0-9A-Za-z]", pair)]
    other = draw.choice(brute_terms(place))
    english = draw.choice(re.findall("[A-Za-z]+", place.record["name"]["en"].replace("'", "")))
    longer = re.split("[0-9A-Za-z]", name[begin : begin + draw.randrange(3, 7)])
    ends = [at for at in range(2, len(name)) if name[at - 1] in name[:begin]]
    made = name[name.index(name[ends[0] - 1]) - 1 :][:2] + name[ends[0] : ends[0] + 2] if ends else ""
    choices = (
        *pairs,
        *longer,
        made if not re.search("[0-9A-Za-z]", made) else "",
        " ".join(pairs),
        line[there],
        other,
        other.upper(),
        english,
        f"{line[there]} {other}",
    )
    return draw.choice([choice for choice in choices if choice])


def brute_terms(place: Place) -> list[str]:
    return place.terms.split()


def an_instant(draw: random.Random) -> int:
    """Any minute of the year with the holidays that are known, or of one without."""
    first = clock.parse(draw.choice(("2026-01-01T00:00:00+08:00", "2026-09-20T00:00:00+08:00")))
    return first + draw.randrange(110 * 24 * 60) * clock.MINUTE
