"""The nearest places, against measuring all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openteller_sandbox.branches.nearest import (
    EARTH_RADIUS_M,
    START,
    Box,
    Nearby,
    Point,
    box_around,
    measure,
    nearest,
    parse_point,
)

Places = list[Point]
SHANGHAI = Point(31.2304, 121.4737)
BEIJING = Point(39.9042, 116.4074)


def metres(one: Point, other: Point) -> float:
    """The angle between two unit vectors: another formula than the one under test, good for short and long ways."""
    vectors = []
    for latitude, longitude in (one, other):
        north, east = math.radians(latitude), math.radians(longitude)
        vectors.append((math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)))
    (a, b, c), (x, y, z) = vectors
    cross = math.hypot(b * z - c * y, c * x - a * z, a * y - b * x)
    return EARTH_RADIUS_M * math.atan2(cross, a * x + b * y + c * z)


class Table:
    """Places that are searched by box, as the database does, and that count how much was read."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.passes = 0

    def __call__(self, box: Box) -> Iterable[tuple[int, float, float]]:
        self.passes += 1
        return [
            (number, *place)
            for number, place in enumerate(self.places)
            if box.south <= place.latitude <= box.north and box.west <= place.longitude <= box.east
        ]


def everything(origin: Point, places: Places) -> list[tuple[int, int]]:
    return sorted(measure(origin, [(number, *place) for number, place in enumerate(places)]))


POINTS = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
CHINA = st.builds(Point, st.floats(18, 53), st.floats(74, 134))
TOWNS = st.lists(CHINA, min_size=1, max_size=5).flatmap(
    lambda towns: st.lists(
        st.builds(
            lambda town, north, east: Point(town.latitude + north, town.longitude + east),
            st.sampled_from(towns),
            st.floats(-0.05, 0.05),
            st.floats(-0.05, 0.05),
        ),
        max_size=40,
    )
)
RADII = st.sampled_from([1.0, 300.0, 5_000.0, 80_000.0, 3_000_000.0])


def test_a_known_distance() -> None:
    """Shanghai to Beijing on the mean earth."""
    assert measure(SHANGHAI, [(0, *BEIJING)])[0][0] / 1000 == pytest.approx(1_067_311, abs=1)


@given(POINTS, POINTS)
@example(Point(0, 0), Point(0, 180))
@example(Point(90, 0), Point(-90, 77))
@example(Point(31.2, -180), Point(31.2, 180))
def test_distances_agree_with_the_angle_between_vectors(one: Point, other: Point) -> None:
    """To a millimetre nearby, and to a metre near the antipode, where the haversine formula is flat."""
    expected = metres(one, other)
    assert measure(one, [(0, *other)])[0][0] / 1000 == pytest.approx(expected, abs=1 if expected > 2e7 else 0.01)


@given(POINTS, st.floats(0, 2e7), POINTS)
@example(Point(89.9999, 0), 50_000, Point(89.99, 180))
@example(Point(10, 179.99), 20_000, Point(10, -179.99))
def test_a_box_holds_its_circle(origin: Point, radius: float, other: Point) -> None:
    if measure(origin, [(0, *other)])[0][0] <= radius * 1000:
        box = box_around(origin, radius)
        assert box.south <= other.latitude <= box.north
        assert box.west <= other.longitude <= box.east


@given(CHINA, TOWNS, st.integers(1, 30), RADII)
def test_nobody_nearer_is_missed_whatever_the_first_guess(
    origin: Point, places: Places, count: int, first_radius: float
) -> None:
    found = nearest(origin, count, Table(places), first_radius_m=first_radius)
    assert found == everything(origin, places)[:count]


@given(POINTS, st.lists(POINTS, max_size=15), st.integers(1, 20), RADII)
def test_it_holds_at_the_poles_and_across_the_date_line(
    origin: Point, places: Places, count: int, first_radius: float
) -> None:
    found = nearest(origin, count, Table(places), first_radius_m=first_radius)
    assert found == everything(origin, places)[:count]


@given(CHINA, TOWNS, st.integers(1, 7), RADII)
@settings(max_examples=50)
def test_pages_repeat_nobody_and_leave_nobody_out(
    origin: Point, places: Places, size: int, first_radius: float
) -> None:
    """Places on one spot have one distance; their numbers keep them apart."""
    doubled = places + places[:10]
    walked: list[Nearby] = []
    while page := nearest(
        origin, size, Table(doubled), first_radius_m=first_radius, after=walked[-1] if walked else START
    ):
        walked += page

    assert walked == everything(origin, doubled)


@given(CHINA, TOWNS, st.integers(1, 400_000))
def test_within_a_radius_there_are_all_and_no_others(origin: Point, places: Places, radius: int) -> None:
    found = nearest(origin, 100, Table(places), first_radius_m=1000, within_m=radius)
    assert found == [row for row in everything(origin, places) if row[0] <= radius * 1000]


def test_a_corner_of_the_box_does_not_beat_a_nearer_place_beside_it() -> None:
    """The classic mistake: the box of 10 km has one place, in its corner, 13 km away; another is 11 km to the north."""
    corner, north = Point(31.2304 + 0.083, 121.4737 + 0.097), Point(31.2304 + 0.099, 121.4737)
    table = Table([corner, north])
    first_box = box_around(SHANGHAI, 10_000)
    assert [number for number, *_ in table(first_box)] == [0]

    assert [number for _, number in nearest(SHANGHAI, 1, table, first_radius_m=10_000)] == [1]


def test_a_good_guess_takes_one_pass() -> None:
    table = Table([Point(31.2304 + 0.001 * n, 121.4737) for n in range(30)])
    nearest(SHANGHAI, 20, table, first_radius_m=3_000)
    assert table.passes == 1


def test_a_cursor_from_nowhere_ends_the_list() -> None:
    """A forged distance larger than the earth must not upset the arithmetic."""
    assert nearest(SHANGHAI, 5, Table([BEIJING]), first_radius_m=1000, after=(2**63 - 1, 0)) == []


def test_a_position_is_read_as_it_is_written() -> None:
    assert parse_point("-31.2336,121.4692") == Point(-31.2336, 121.4692)
