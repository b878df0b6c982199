"""The nearest places, against measuring all of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.sandbox.branches.conftest import seed

from openteller_sandbox.branches import place_sets
from openteller_sandbox.branches.nearest import (
    EARTH_RADIUS_M,
    START,
    Nearby,
    Point,
    Positions,
    Window,
    parse_point,
    parse_window,
)

Places = list[Point]
SHANGHAI = Point(31.2304, 121.4737)
BEIJING = Point(39.9042, 116.4074)
WHOLE_EARTH_MM = math.ceil(math.pi * EARTH_RADIUS_M * 1000)


def metres(one: Point, other: Point) -> float:
    """The angle between two unit vectors: another formula than the one under test, good for short and long ways."""
    vectors = []
    for latitude, longitude in (one, other):
        north, east = math.radians(latitude), math.radians(longitude)
        vectors.append((math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)))
    (a, b, c), (x, y, z) = vectors
    cross = math.hypot(b * z - c * y, c * x - a * z, a * y - b * x)
    return EARTH_RADIUS_M * math.atan2(cross, a * x + b * y + c * z)


def distance_mm(origin: Point, place: Point) -> int:
    """The distance to a place that is alone: there is nothing to search."""
    ((found, _),) = Positions([place]).nearest(origin, 1)
    return found


def everything(origin: Point, places: Places) -> list[Nearby]:
    return sorted((distance_mm(origin, place), number) for number, place in enumerate(places))


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
        max_size=150,
    )
)
EDGES = st.builds(
    Point,
    st.sampled_from([-90.0, -89.99999, -0.00001, 0.0, 0.00001, 89.99999, 90.0]),
    st.sampled_from([-180.0, -179.99999, -90.0, 0.0, 0.00001, 90.0, 179.99999, 180.0]),
)
LATTICE = st.builds(lambda north, east: Point(31 + north / 100, 121 + east / 100), st.integers(0, 4), st.integers(0, 4))
"""Many places on one spot, and many at one distance from another."""


def test_a_known_distance() -> None:
    """Shanghai to Beijing on the mean earth."""
    assert distance_mm(SHANGHAI, BEIJING) / 1000 == pytest.approx(1_067_311, abs=1)


@given(POINTS, POINTS)
@example(Point(0, 0), Point(0, 180))
@example(Point(90, 0), Point(-90, 77))
@example(Point(31.2, -180), Point(31.2, 180))
def test_distances_agree_with_the_angle_between_vectors(one: Point, other: Point) -> None:
    """To a millimetre nearby, and to a metre near the antipode, where a chord hardly grows."""
    expected = metres(one, other)
    assert distance_mm(one, other) / 1000 == pytest.approx(expected, abs=1 if expected > 2e7 else 0.01)


@given(CHINA, TOWNS, st.integers(1, 101))
def test_nobody_nearer_is_missed(origin: Point, places: Places, count: int) -> None:
    assert Positions(places).nearest(origin, count) == everything(origin, places)[:count]


@given(st.one_of(POINTS, EDGES), st.lists(st.one_of(POINTS, EDGES), max_size=150), st.integers(1, 20))
def test_it_holds_at_the_poles_and_across_the_date_line(origin: Point, places: Places, count: int) -> None:
    assert Positions(places).nearest(origin, count) == everything(origin, places)[:count]


@given(LATTICE, st.lists(LATTICE, max_size=200), st.integers(1, 30))
def test_of_places_at_one_distance_the_lower_numbers_come_first(origin: Point, places: Places, count: int) -> None:
    assert Positions(places).nearest(origin, count) == everything(origin, places)[:count]


@given(st.one_of(CHINA, EDGES), st.one_of(TOWNS, st.lists(LATTICE, max_size=100)), st.integers(1, 7))
@settings(max_examples=50)
def test_pages_repeat_nobody_and_leave_nobody_out(origin: Point, places: Places, size: int) -> None:
    """Places on one spot have one distance; their numbers keep them apart."""
    doubled = places + places[:10]
    positions = Positions(doubled)
    walked: list[Nearby] = []
    while page := positions.nearest(origin, size, after=walked[-1] if walked else START):
        walked += page

    assert walked == everything(origin, doubled)


@given(CHINA, TOWNS, st.integers(1, 400_000))
def test_within_a_radius_there_are_all_and_no_others(origin: Point, places: Places, radius: int) -> None:
    found = Positions(places).nearest(origin, len(places) + 1, within_m=radius)
    assert found == [row for row in everything(origin, places) if row[0] <= radius * 1000]


@given(CHINA, TOWNS, st.integers(0), st.integers(1, 20), st.tuples(st.integers(-1, 3_000_000), st.integers(-1, 200)))
def test_of_those_that_are_wanted_nobody_nearer_is_missed(
    origin: Point, places: Places, wanted: int, count: int, after: Nearby
) -> None:
    """With few that are wanted all are measured, with many they are searched for."""
    wanted &= (1 << len(places)) - 1
    expected = [row for row in everything(origin, places) if wanted >> row[1] & 1 and row > after]
    positions = Positions(places)
    assert positions.nearest(origin, count, among=[positions.mark(wanted)], after=after) == expected[:count]


@pytest.mark.parametrize("every", [1, 3, 60], ids=["all", "many", "few"])
@pytest.mark.parametrize("name", ["branches", "atms"])
def test_the_nearest_of_the_whole_seed_are_those_that_measuring_all_of_them_finds(name: str, every: int) -> None:
    places = [Point(record["location"]["latitude"], record["location"]["longitude"]) for record in seed(name)]
    positions = Positions(places)
    numbers = range(0, len(places), every)
    among = [] if every == 1 else [positions.mark(place_sets.of(numbers))]
    for origin in (SHANGHAI, places[1000], Point(0, 0), Point(-39.9, -63.6)):
        expected = sorted((distance_mm(origin, places[number]), number) for number in numbers)
        for page in (0, 1, len(expected) // 20):
            after = expected[page * 20 - 1] if page else START
            found = positions.nearest(origin, 20, among=among, after=after)
            assert found == expected[page * 20 : page * 20 + 20]


@pytest.mark.parametrize(
    "after", [(2**63 - 1, 0), (WHOLE_EARTH_MM + 1, 0), (WHOLE_EARTH_MM, 5)], ids=["huge", "beyond", "last"]
)
def test_a_cursor_from_nowhere_ends_the_list(after: Nearby) -> None:
    """A forged distance larger than the earth must not upset the arithmetic."""
    antipode = Point(-SHANGHAI.latitude, SHANGHAI.longitude - 180)
    assert Positions([BEIJING, antipode]).nearest(SHANGHAI, 5, after=after) == []


def test_a_cursor_from_before_the_start_begins_the_list() -> None:
    assert [number for _, number in Positions([BEIJING]).nearest(SHANGHAI, 5, after=(-(2**63), 0))] == [0]


WINDOWS = st.one_of(
    st.builds(Window, st.floats(-180, 180), st.floats(-90, 0), st.floats(-180, 180), st.floats(0, 90)),
    st.builds(
        Window,
        st.sampled_from([-180.0, -179.99999, 0.0, 90.0, 179.99999, 180.0]),
        st.sampled_from([-90.0, -0.00001]),
        st.sampled_from([-180.0, -179.99999, 0.00001, 90.0, 180.0]),
        st.sampled_from([0.0, 0.00001, 90.0]),
    ),
    st.builds(lambda west, south: Window(31 + west / 100, south, 31.5, 32.0), st.integers(0, 9), st.floats(30, 31.5)),
)


def is_inside(place: Point, window: Window) -> bool:
    """Whether a place lies between the parallels, and on the way from the western meridian to the eastern one."""
    if not window.south <= place.latitude <= window.north:
        return False
    whole = (window.west, window.east) == (-180.0, 180.0)
    meridians = [place.longitude, 180.0, -180.0] if abs(place.longitude) == 180 else [place.longitude]
    ways = [(window.west, window.east)] if window.west <= window.east else [(window.west, 180.0), (-180.0, window.east)]
    return whole or any(west <= each <= east for west, east in ways for each in meridians)


@given(st.one_of(POINTS, EDGES), st.lists(st.one_of(POINTS, EDGES), max_size=120), WINDOWS, st.integers(1, 20))
@example(Point(0, 0), [Point(0, 180), Point(0, -180), Point(0, 170), Point(0, -170)], Window(170, -1, -175, 1), 9)
@example(Point(0, 0), [Point(0, 180), Point(0, -180)], Window(170, -1, 180, 1), 9)
@example(Point(0, 0), [Point(0, 180), Point(0, -180)], Window(-180, -1, -170, 1), 9)
def test_in_a_window_there_are_all_and_no_others(origin: Point, places: Places, window: Window, count: int) -> None:
    """Across the 180th meridian, too, which is −180° as well as 180°."""
    positions = Positions(places)
    inside = [number for number, place in enumerate(places) if is_inside(place, window)]
    assert list(place_sets.numbers(positions.inside(window))) == inside
    expected = [row for row in everything(origin, places) if row[1] in inside]
    assert positions.nearest(origin, count, window=window) == expected[:count]


@given(st.one_of(POINTS, EDGES), WINDOWS, st.floats(0, 1), st.floats(0, 1))
@example(Point(10, 0), Window(170, 0, -170, 89), 0.5, 1)  # over the pole
@example(Point(60, 0), Window(90, -10, 100, 89.9), 0, 0.9)  # the way meets the meridian between two corners
def test_no_position_of_a_window_is_nearer_than_it_is_and_one_is_as_near(
    origin: Point, window: Window, up: float, along: float
) -> None:
    wide = 360.0 if (window.west, window.east) == (-180.0, 180.0) else (window.east - window.west) % 360
    away, exact = window.metres_from(origin), 0.5  # of the other side of the earth no arc sine tells more
    assert away <= metres(origin, at_part(window, wide, up, along)) + exact
    steps = [step / 60 for step in range(61)]
    edges = [(step, end) for step in steps for end in (0.0, 1.0)]
    parts = [at_part(window, wide, *each) for edge in edges for each in (edge, edge[::-1])]
    nearest = min(metres(origin, part) for part in parts)
    longest_step = max(wide, window.north - window.south) / 60 * 111_200
    assert away == 0.0 or nearest - longest_step - exact <= away <= nearest + exact


def at_part(window: Window, wide: float, up: float, along: float) -> Point:
    """A position of a window, by how far up and along it is."""
    east = window.west + wide * along
    return Point(window.south + (window.north - window.south) * up, east - 360 if east > 180 else east)


@pytest.mark.parametrize(
    ("window", "by", "larger"),
    [
        (Window(10, 20, 30, 40), 5, Window(5, 15, 35, 45)),
        (Window(10, -88, 30, 86), 5, Window(5, -90, 35, 90)),
        (Window(178, 0, 180, 1), 1, Window(177, -1, -179, 2)),
        (Window(-180, 0, -178, 1), 1, Window(179, -1, -177, 2)),
        (Window(170, 0, -170, 1), 1, Window(169, -1, -169, 2)),
        (Window(-179, 0, 179, 1), 1, Window(-180, -1, 180, 2)),
        (Window(1, 0, -1, 1), 1, Window(-180, -1, 180, 2)),
        (Window(-180, 0, 180, 1), 1, Window(-180, -1, 180, 2)),
    ],
)
def test_a_window_grows_across_the_180th_meridian_and_around_the_earth_at_most(
    window: Window, by: float, larger: Window
) -> None:
    assert window.larger(by) == larger


def test_a_window_is_read_as_it_is_written() -> None:
    assert parse_window("121.3,31.1,-121.6,31.4") == Window(west=121.3, south=31.1, east=-121.6, north=31.4)


def test_places_nearer_to_each_other_than_anybody_can_measure_are_kept_apart_by_number() -> None:
    places = [Point(5e-324 * number, 0.0) for number in range(70)]
    assert [number for _, number in Positions(places).nearest(Point(0, 0), 70)] == list(range(70))


def test_a_position_is_read_as_it_is_written() -> None:
    assert parse_point("-31.2336,121.4692") == Point(-31.2336, 121.4692)
