"""Positions in the three datums of Chinese maps. Pure.

Satellites, and this bank's records, speak WGS-84. Chinese maps draw in GCJ-02, which moves every place in China by some
hundred metres with sums of sines, and Baidu's in BD-09, which moves it once more. The sums are public; their way back
has no closed form and is found by going forward from a guess and correcting it by what it misses.

China is a rectangle in these sums, as in every map that draws with them: beyond it all three datums are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

from openteller_sandbox.branches import place_sets
from openteller_sandbox.branches.nearest import Point, Positions, Window

WGS84, GCJ02, BD09 = "wgs84", "gcj02", "bd09"

_SOUTH, _NORTH, _WEST, _EAST = 0.8293, 55.8271, 72.004, 137.8347
_HALF_AXIS_M = 6_378_245.0  # Krasovsky's ellipsoid
_ECCENTRICITY_SQUARED = 0.006_693_421_622_965_943
_BD_TURN = math.pi * 3000 / 180
_BD_NORTH, _BD_EAST = 0.006, 0.0065
_CLOSE_ENOUGH = 1e-11  # degrees: a micrometre
_DECIMALS = 6  # as many as records have: a tenth of a metre
_HALF_A_UNIT = 0.5001 * 10**-_DECIMALS
FARTHEST = 0.02  # degrees: by more than that no datum moves anything (0.0173 at most)
_MOST_STEPS = 60  # each step leaves less than a hundredth of the miss; six are usual

Change = Callable[[Point], Point]


def to_wgs84(point: Point, crs: str) -> Point:
    """Read a position that is given in a datum."""
    return _TO_WGS84[crs](point)


def from_wgs84(point: Point, crs: str) -> Point:
    """Write a position in a datum."""
    return _FROM_WGS84[crs](point)


def shown(point: Point, crs: str) -> Point:
    """Write a place's position as it goes out: in WGS-84 as it is stored, else with six decimals."""
    if crs == WGS84:
        return point
    latitude, longitude = from_wgs84(point, crs)
    return Point(round(latitude, _DECIMALS), round(longitude, _DECIMALS))


def is_shown_as(point: Point, given: Point, crs: str) -> bool:
    """Tell whether a place goes out in a datum as a position that is given: there and back, it is where it was."""
    there = from_wgs84(point, crs)
    return all(abs(one - other) < _HALF_A_UNIT for one, other in zip(there, given, strict=True))


def inside(positions: Positions, window: Window, crs: str) -> int:
    """Give the set of places whose positions, as they are shown in a datum, are in a window of that datum.

    What is a rectangle in one datum is none in another: places that are well within it in WGS-84 are taken, and of
    those around its edges each is looked at.
    """
    if crs == WGS84:
        return positions.inside(window)
    certain = window.smaller(FARTHEST)
    found = 0 if certain is None else positions.inside(certain)
    near_an_edge = place_sets.numbers(positions.inside(window.larger(FARTHEST)) & ~found)
    edged = window.straight()
    return found | place_sets.of([number for number in near_an_edge if edged.holds(*shown(positions.at(number), crs))])


def is_in_china(point: Point) -> bool:
    """Whether maps move what is there."""
    return _SOUTH <= point.latitude <= _NORTH and _WEST <= point.longitude <= _EAST


def _shifted(point: Point) -> Point:
    """Go from WGS-84 to GCJ-02, wherever it is."""
    x, y = point.longitude - 105, point.latitude - 35
    # Both sums share the waves along the parallel; lengths are metres on the ellipsoid, which the last lines turn into
    # degrees.
    shared = 20 * _wave(x, 6) + 20 * _wave(x, 2)
    waves_north = 20 * _wave(y, 1) + 40 * _wave(y, 1 / 3) + 160 * _wave(y, 1 / 12) + 320 * _wave(y, 1 / 30)
    waves_east = 20 * _wave(x, 1) + 40 * _wave(x, 1 / 3) + 150 * _wave(x, 1 / 12) + 300 * _wave(x, 1 / 30)
    bow = 0.1 * math.sqrt(abs(x))
    metres_north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 2 * bow + (shared + waves_north) * 2 / 3
    metres_east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + bow + (shared + waves_east) * 2 / 3

    latitude = math.radians(point.latitude)
    flatness = 1 - _ECCENTRICITY_SQUARED * math.sin(latitude) ** 2
    across = _HALF_AXIS_M / math.sqrt(flatness)  # radius of curvature along the parallel's plane
    along = across * (1 - _ECCENTRICITY_SQUARED) / flatness  # and along the meridian
    return Point(
        point.latitude + math.degrees(metres_north / along),
        point.longitude + math.degrees(metres_east / (across * math.cos(latitude))),
    )


def _wave(degrees: float, frequency: float) -> float:
    return math.sin(degrees * frequency * math.pi)


def _turned(point: Point) -> Point:
    """Go from GCJ-02 to BD-09, wherever it is."""
    y, x = point
    length = math.hypot(x, y) + 2e-5 * math.sin(y * _BD_TURN)
    angle = math.atan2(y, x) + 3e-6 * math.cos(x * _BD_TURN)
    return Point(length * math.sin(angle) + _BD_NORTH, length * math.cos(angle) + _BD_EAST)


def _to_gcj02(point: Point) -> Point:
    return _shifted(point) if is_in_china(point) else point


def _to_bd09(point: Point) -> Point:
    return _turned(_shifted(point)) if is_in_china(point) else point


def _undone(change: Change) -> Change:
    """Give the way back of a change that moves everything by little, and neighbours by nearly the same."""

    def back(point: Point) -> Point:
        if not is_in_china(point):
            return point
        guess = point
        for _ in range(_MOST_STEPS):
            reached = change(guess)
            miss_north, miss_east = point.latitude - reached.latitude, point.longitude - reached.longitude
            guess = Point(guess.latitude + miss_north, guess.longitude + miss_east)
            if abs(miss_north) < _CLOSE_ENOUGH and abs(miss_east) < _CLOSE_ENOUGH:
                break
        # A place at the very edge may come from beyond it, where nothing is moved.
        return guess if is_in_china(guess) else point

    return back


def _same(point: Point) -> Point:
    return point


_FROM_WGS84: Mapping[str, Change] = MappingProxyType({WGS84: _same, GCJ02: _to_gcj02, BD09: _to_bd09})
_TO_WGS84: Mapping[str, Change] = MappingProxyType(
    {WGS84: _same, GCJ02: _undone(_shifted), BD09: _undone(lambda point: _turned(_shifted(point)))}
)
