"""Where the demo bank's branches and ATMs stand: how many a county gets, and a point, a street and a number for each.

It decides places only, not what stands there. The county and its point are real; the point of a branch is drawn around
it (there is no coastline or street map here, so a few may lie in water). Streets, numbers and the last four digits of
post codes are made up. Deterministic: each county has its own random stream, seeded by its code.
"""

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from .branch_words import POST_PREFIX, STREETS
from .opening import Record
from .places import Place, joined, syllables

BEIJING = timezone(timedelta(hours=8))
KM_PER_DEGREE = 111.195  # of latitude, on the mean earth
# Towns at a border, where a point must not be drawn across it (prefixes of division codes).
ON_A_BORDER = (
    "4403",
    "4404",
    "2106",
    "2311",
    "150781",
    "152501",
    "222402",
    "222404",
    "231081",
    "450681",
    "451481",
    "532532",
    "533102",
    "654004",
)
DIRECTIONS = {"东": "East", "西": "West", "南": "South", "北": "North"}
ROADS = (("大道", "Avenue"), ("大街", "Street"), ("路", "Road"), ("街", "Street"))
Point = tuple[float, float]  # latitude, longitude; six decimals, about 0.1 m


@dataclass(frozen=True)
class Site:
    """Where something stands; `is_alone` when nothing else of its kind is in the county."""

    place: Place
    street: str
    number: int
    latitude: float
    longitude: float
    is_alone: bool


def public_id(prefix: str, kind: str, code: str) -> str:
    """Opaque id: the prefix and 12 characters of base 36 from the hash of the stable code."""
    number = int.from_bytes(hashlib.sha256(f"{kind}:{code}".encode()).digest())
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    letters = []
    for _ in range(12):
        number, digit = divmod(number, 36)
        letters.append(digits[digit])
    return prefix + "".join(letters)


def stream(kind: str, code: str) -> random.Random:
    """The random stream of one county or machine; a change elsewhere does not move it."""
    return random.Random(f"openteller:{kind}:{code}")  # noqa: S311 - repeatable, not secret


def chosen(rng: random.Random, odds: Sequence[tuple[str, float]]) -> list[str]:
    """Of `odds`, each value with its own probability."""
    return [value for value, chance in odds if rng.random() < chance]


def last_updated(rng: random.Random) -> str:
    """An instant in the eight weeks before the autumn holidays, when their hours were put in."""
    start = datetime(2026, 7, 27, 0, 30, tzinfo=UTC)
    return (start + timedelta(days=rng.randrange(56), minutes=rng.randrange(540))).astimezone(BEIJING).isoformat()


def allot(places: Sequence[Place], total: int) -> dict[str, int]:
    """How many of `total` each county gets, by systematic sampling: every stretch of the list gets its share."""
    step = sum(place.population for place in places) / total
    counts, reached = {}, 0.5 * step
    for place in places:
        before = math.floor(reached / step)
        reached += place.population
        counts[place.adcode] = math.floor(reached / step) - before
    return counts


def near_point(rng: random.Random, centre: Point, spread_km: float) -> Point:
    """A point around another one, normally distributed and cut off at two and a half standard deviations."""
    north, east = rng.gauss(0, 1), rng.gauss(0, 1)
    while math.hypot(north, east) > 2.5:
        north, east = rng.gauss(0, 1), rng.gauss(0, 1)
    km_per_degree_east = KM_PER_DEGREE * math.cos(math.radians(centre[0]))
    return round(centre[0] + north * spread_km / KM_PER_DEGREE, 6), round(
        centre[1] + east * spread_km / km_per_degree_east, 6
    )


class Ground:
    """Points already taken: no two records share one."""

    def __init__(self) -> None:
        self._taken: set[Point] = set()

    def point(self, rng: random.Random, centre: Point, spread_km: float) -> Point:
        """A free point around `centre`."""
        point = near_point(rng, centre, spread_km)
        while point in self._taken:
            point = near_point(rng, centre, spread_km)
        self._taken.add(point)
        return point


def spread_km(place: Place) -> float:
    """How far from its county's point a branch may stand, as one standard deviation per axis."""
    if place.adcode.startswith(ON_A_BORDER):
        return 0.4
    return 2.4 if place.is_urban else 0.9


def sites(place: Place, count: int, rng: random.Random, ground: Ground) -> list[Site]:
    """`count` sites in a county, each in a street of its own as long as there are streets."""
    streets = [*rng.sample(STREETS, min(count, len(STREETS))), *rng.choices(STREETS, k=max(0, count - len(STREETS)))]
    made = []
    for street in streets:
        latitude, longitude = ground.point(rng, (place.latitude, place.longitude), spread_km(place))
        made.append(Site(place, street, rng.randint(1, 899), latitude, longitude, count == 1))
    return made


def address(site: Site, second_line: str | None = None) -> Record:
    """The wire record of a postal address."""
    place = site.place
    middle = int(hashlib.sha256(place.adcode.encode()).hexdigest()[:4], 16) % 100
    return {
        "address_lines": [f"{place.full_name}{site.street}{site.number}号", *([second_line] if second_line else [])],
        "street_name": site.street,
        "building_number": f"{site.number}号",
        "town_name": place.city,
        "country_subdivision": place.province,
        "country": "CN",
        "post_code": f"{POST_PREFIX[place.adcode[:2]]}{middle:02}00",
        "adcode": place.adcode,
    }


def location(latitude: float, longitude: float) -> Record:
    """The wire record of a point."""
    return {"latitude": latitude, "longitude": longitude, "crs": "wgs84"}


def english_street(street: str) -> str:
    """人民东路 -> Renmin East Road."""
    suffix, road = next(pair for pair in ROADS if street.endswith(pair[0]))
    base = street.removesuffix(suffix)
    direction = DIRECTIONS[base[-1]] + " " if len(base) > 2 and base[-1] in DIRECTIONS else ""
    length = len(base) - (1 if direction else 0)
    return f"{joined(syllables(street, length))} {direction}{road}"
