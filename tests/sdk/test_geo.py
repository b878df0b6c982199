"""Distances and directions, against other formulas and the bank's own numbers."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller import geo
from openteller.errors import ConfigurationError
from openteller.models.branches import Location

SHANGHAI = (31.2304, 121.4737)
BEIJING = (39.9042, 116.4074)
RADIUS = 6_371_008.8
PLACES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def vector(place: tuple[float, float]) -> tuple[float, float, float]:
    north, east = map(math.radians, place)
    return (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))


def test_a_position_is_a_pair_a_text_or_a_location() -> None:
    as_location = Location(latitude=SHANGHAI[0], longitude=SHANGHAI[1], crs="wgs84")
    ways = {geo.distance_m(place, BEIJING) for place in (SHANGHAI, "31.2304,121.4737", as_location)}
    assert ways == {1_067_312}


@pytest.mark.parametrize(
    "place", ["", "31.2", "31.2,x", (31.2,), (121.4, 31.2), (31.2, 181.0), (math.nan, 0.0), 5, "1,2,3"]
)
def test_what_is_no_position_is_refused_before_anything_is_worked_out(place: object) -> None:
    with pytest.raises(ConfigurationError):
        geo.distance_m(place, BEIJING)  # type: ignore[arg-type]


@settings(max_examples=60)
@given(PLACES, PLACES)
def test_the_distance_is_the_angle_between_the_vectors(one: tuple[float, float], other: tuple[float, float]) -> None:
    (a, b, c), (x, y, z) = vector(one), vector(other)
    angle = math.atan2(math.hypot(b * z - c * y, c * x - a * z, a * y - b * x), a * x + b * y + c * z)
    assert geo.distance_m(one, other) == pytest.approx(RADIUS * angle, abs=2)


@pytest.mark.parametrize(
    ("end", "expected", "point"),
    [
        ((1, 0), 0, "N"),
        ((0, 1), 90, "E"),
        ((-1, 0), 180, "S"),
        ((0, -1), 270, "W"),
        ((1, 1), 45, "NE"),
        ((0, 0), 0, "N"),
    ],
)
def test_a_bearing_counts_from_north_clockwise(end: tuple[float, float], expected: float, point: str) -> None:
    assert geo.bearing((0, 0), end) == pytest.approx(expected, abs=0.01)
    assert geo.direction((0, 0), end) == point


def test_just_west_of_north_is_north() -> None:
    assert geo.direction((0, 0), (1, -1e-9)) == "N"
    assert geo.bearing((0, 0), (1, -1e-300)) == 0


@settings(max_examples=60)
@given(PLACES, st.floats(1, 9_000_000), st.floats(0, 359.9))
def test_everything_within_the_radius_is_in_the_box(place: tuple[float, float], radius: float, towards: float) -> None:
    box = geo.box_around(place, radius)
    angle, north, course = radius * 0.999 / RADIUS, math.radians(place[0]), math.radians(towards)
    up = math.sin(north) * math.cos(angle) + math.cos(north) * math.sin(angle) * math.cos(course)
    ahead = math.cos(north) * math.cos(angle) - math.sin(north) * math.sin(angle) * math.cos(course)
    end = math.atan2(up, math.hypot(ahead, math.sin(angle) * math.sin(course)))  # at a pole asin is a decimetre off
    aside = math.atan2(
        math.sin(course) * math.sin(angle) * math.cos(north), math.cos(angle) - math.sin(north) * math.sin(end)
    )
    reached = (math.degrees(end), (place[1] + math.degrees(aside) + 180) % 360 - 180)
    assert geo.is_inside(place, box)
    assert geo.is_inside(reached, box)


def test_a_box_goes_across_the_180th_meridian_and_around_a_pole() -> None:
    west, _, east, _ = geo.box_around((0, 179.99), 5_000)
    assert west > east
    assert geo.is_inside((0, -179.99), (west, -1, east, 1))
    assert geo.box_around((89.99, 10), 5_000)[::2] == (-180.0, 180.0)


@pytest.mark.parametrize("radius", [0, -1, math.nan, 10_100_000, math.inf])
def test_a_radius_that_cannot_be_is_refused(radius: float) -> None:
    with pytest.raises(ConfigurationError):
        geo.box_around(SHANGHAI, radius)
