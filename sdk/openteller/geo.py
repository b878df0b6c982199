"""Distances and directions between positions: what a chat says of a branch that it has found. No request is made here.

Positions are in degrees of WGS-84, as branches have them: a pair (latitude first), a text, or a ``location``. The earth
is the bank's sphere, so that ``distance_m`` here and in an answer are the same.
"""

from __future__ import annotations

import math
from typing import Literal

from openteller._core.values import Box, Position, pair
from openteller.errors import ConfigurationError

__all__ = ["Box", "Direction", "Position", "bearing", "box_around", "direction", "distance_m", "is_inside"]

Direction = Literal["N", "NE", "E", "SE", "S", "SW", "W", "NW"]

_EARTH_RADIUS_M = 6_371_008.8
_DIRECTIONS: tuple[Direction, ...] = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")


def distance_m(one: Position, other: Position) -> int:
    """Give the metres between two positions along a great circle, rounded.

    Raises:
        ConfigurationError: no position; latitude comes first.
    """
    (north, east), (other_north, other_east) = _radians(one), _radians(other)
    across, along = math.sin((other_north - north) / 2), math.sin((other_east - east) / 2)
    half = across * across + math.cos(north) * math.cos(other_north) * along * along  # haversine
    return round(2 * _EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half))))


def bearing(start: Position, end: Position) -> float:
    """Give the direction in which the way from one position to another begins: degrees from north, clockwise, below
    360. Of a position to itself it is 0.

    Raises:
        ConfigurationError: no position; latitude comes first.
    """
    (north, east), (end_north, end_east) = _radians(start), _radians(end)
    eastward = math.sin(end_east - east) * math.cos(end_north)
    northward = math.cos(north) * math.sin(end_north) - math.sin(north) * math.cos(end_north) * math.cos(
        end_east - east
    )
    return math.degrees(math.atan2(eastward, northward)) % 360 % 360  # twice: a tiny negative angle gives 360.0 first


def direction(start: Position, end: Position) -> Direction:
    """Give the nearest of eight points of the compass, such as ``NE``.

    Raises:
        ConfigurationError: no position; latitude comes first.
    """
    return _DIRECTIONS[round(bearing(start, end) / 45) % 8]


def box_around(place: Position, radius_m: float) -> tuple[float, float, float, float]:
    """Give the smallest ``bbox`` that holds everything within so many metres of a position: west, south, east, north.
    Across the 180th meridian west is larger than east; where a pole is within, all meridians are.

    Raises:
        ConfigurationError: no position, or a radius that is not above zero or is the size of the earth.
    """
    latitude, longitude = pair(place)
    angle = math.degrees(radius_m / _EARTH_RADIUS_M)
    if not 0 < angle < 90:
        raise ConfigurationError("radius_m is above 0, and less than a quarter of the way around the earth")
    south, north = latitude - angle, latitude + angle
    if south <= -90 or north >= 90:
        return (-180.0, max(south, -90.0), 180.0, min(north, 90.0))
    # The meridians that touch the circle do so farther from the equator than its centre is.
    aside = math.degrees(math.asin(math.sin(math.radians(angle)) / math.cos(math.radians(latitude))))
    return (_turned(longitude - aside), south, _turned(longitude + aside), north)


def is_inside(place: Position, box: tuple[float, float, float, float]) -> bool:
    """Tell whether a position is in a ``bbox``, edges included.

    Raises:
        ConfigurationError: no position; latitude comes first.
    """
    latitude, longitude = pair(place)
    west, south, east, north = box
    if not south <= latitude <= north:
        return False
    return west <= longitude <= east if west <= east else longitude >= west or longitude <= east


def _turned(longitude: float) -> float:
    """Write a meridian between -180 and 180."""
    return (longitude + 180) % 360 - 180


def _radians(place: Position) -> tuple[float, float]:
    latitude, longitude = pair(place)
    return math.radians(latitude), math.radians(longitude)
