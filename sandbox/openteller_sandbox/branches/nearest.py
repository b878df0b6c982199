"""The nearest places to a point, exactly: no nearer one is missed, and over pages none comes twice.

Pure: the search of a box is passed in. A box search alone is wrong at its corners: what it finds there may be farther
away than a place just outside. So rows count only within the circle that the box holds; when the box has enough rows
but the circle has not, a second pass at the distance of the last wanted row settles it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

EARTH_RADIUS_M = 6_371_008.8
_DIAMETER_MM = 2000 * EARTH_RADIUS_M
_DEGREE = math.pi / 180
_HALF_DEGREE = _DEGREE / 2
_MARGIN_M = 0.01  # rows exactly on the circle must not fall out of the box by rounding
_LEAST_GROWTH = 1.3
_MOST_GROWTH = 2.5
_GENEROUS = 1.2  # one pass that is a little wide is cheaper than two
_WHOLE_EARTH_MM = math.ceil(math.pi * EARTH_RADIUS_M * 1000)


class Point(NamedTuple):
    """A position in degrees of WGS-84."""

    latitude: float
    longitude: float


class Box(NamedTuple):
    """A box in degrees, its sides included."""

    south: float
    north: float
    west: float
    east: float


Rows = Iterable[Iterable[Any]]  # of number, latitude, longitude: rows of the driver as they are
BoxSearch = Callable[[Box], Rows]
"""Gives number, latitude and longitude of every place in a box."""

Nearby = tuple[int, int]
"""Distance in millimetres and number of a place. Lists are in the order of these pairs; plain, as many are made."""

START: Nearby = (-1, -1)
"""Comes before every place."""


def parse_point(text: str) -> Point:
    """Read ``latitude,longitude``.

    Raises:
        ValueError: not two numbers.
    """
    latitude, longitude = text.split(",")
    return Point(float(latitude), float(longitude))


def nearest(
    origin: Point,
    count: int,
    search: BoxSearch,
    *,
    first_radius_m: float,
    after: Nearby = START,
    within_m: float | None = None,
) -> list[Nearby]:
    """Give the nearest places that come after one of them, at most ``count``.

    Args:
        origin: from where.
        count: how many, at least one.
        search: looks into a box.
        first_radius_m: a guess of how far ``count`` places reach; a bad one costs time only.
        after: the last row of the page before.
        within_m: the farthest that is wanted; None for anywhere.
    """
    farthest_mm = _WHOLE_EARTH_MM if within_m is None else round(within_m * 1000)
    # On later pages: with the ring around the last page's circle that has the area of the first guess.
    seen_mm = min(max(after[0], 0), _WHOLE_EARTH_MM)
    radius_mm = min(math.ceil(math.hypot(first_radius_m * 1000, seen_mm)) + 1, farthest_mm)
    while True:
        rows = measure(origin, search(box_around(origin, radius_mm / 1000)))
        found = sorted(rows if after is START else [row for row in rows if row > after])[:count]
        reached = [row for row in found if row[0] <= radius_mm]
        if len(reached) == count or radius_mm == farthest_mm:
            return reached
        grown_mm = found[-1][0] if len(found) == count else radius_mm * _growth(count, len(found))
        radius_mm = min(math.ceil(grown_mm), farthest_mm)


def _growth(count: int, found: int) -> float:
    """How much farther to look when a box had too few: as if the land went on as it was seen, within bounds."""
    return min(_MOST_GROWTH, max(_LEAST_GROWTH, _GENEROUS * math.sqrt(count / found))) if found else _MOST_GROWTH


def box_around(origin: Point, radius_m: float) -> Box:
    """Give a box that holds a circle; where that reaches a pole or the 180th meridian it spans every longitude."""
    angle = (radius_m + _MARGIN_M) / EARTH_RADIUS_M
    south, north = origin.latitude - math.degrees(angle), origin.latitude + math.degrees(angle)
    west, east = -180.0, 180.0
    if south > -90 and north < 90:
        sine = math.sin(angle) / math.cos(math.radians(origin.latitude))
        aside = math.degrees(math.asin(min(1.0, sine)))
        if origin.longitude - aside >= -180 and origin.longitude + aside <= 180:
            west, east = origin.longitude - aside, origin.longitude + aside
    return Box(south, north, west, east)


def measure(origin: Point, rows: Rows) -> list[Nearby]:
    """Measure the distance to each row, by the haversine formula on the mean earth.

    Kept lean, as it is worked out for dozens of rows in a request.
    """
    north, east = origin
    sin, cos, asin, sqrt = math.sin, math.cos, math.asin, math.sqrt
    shrink = cos(north * _DEGREE)
    haversines = [
        (
            sin((latitude - north) * _HALF_DEGREE) ** 2
            + shrink * cos(latitude * _DEGREE) * sin((longitude - east) * _HALF_DEGREE) ** 2,
            number,
        )
        for number, latitude, longitude in rows
    ]
    return [(round(_DIAMETER_MM * asin(sqrt(min(haversine, 1.0)))), number) for haversine, number in haversines]
