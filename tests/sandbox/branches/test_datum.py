"""Positions in WGS-84, GCJ-02 and BD-09."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sandbox.branches.test_nearest import EDGES, WINDOWS, is_inside

from openteller_sandbox.branches import datum, place_sets
from openteller_sandbox.branches.nearest import Point, Positions, Window

DATUMS = (datum.WGS84, datum.GCJ02, datum.BD09)
TENTH_OF_A_MILLIMETRE = 1e-9  # degrees

# What programs that others have published give for these positions.
GCJ02_POINTS = [
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
    ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
]
BD09_OF_GCJ02 = ((39.915, 116.404), (39.92133699351021, 116.41036949371029))

# A margin, as what is at the very edge of the rectangle may be moved out of it.
in_china = st.builds(Point, st.floats(0.9, 55.7), st.floats(72.1, 137.7))
out_of_china = st.one_of(
    st.builds(Point, st.floats(-90, 0.82), st.floats(-180, 180)),
    st.builds(Point, st.floats(55.83, 90), st.floats(-180, 180)),
    st.builds(Point, st.floats(-90, 90), st.floats(-180, 72)),
    st.builds(Point, st.floats(-90, 90), st.floats(137.84, 180)),
)


def close(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return math.dist(one, other) < TENTH_OF_A_MILLIMETRE


@pytest.mark.parametrize(("here", "there"), GCJ02_POINTS)
def test_published_points_are_where_others_have_them(here: tuple[float, float], there: tuple[float, float]) -> None:
    assert close(datum.from_wgs84(Point(*here), datum.GCJ02), there)
    assert close(datum.to_wgs84(Point(*there), datum.GCJ02), here)


def test_baidu_s_datum_goes_on_from_the_other_one() -> None:
    gcj02, bd09 = BD09_OF_GCJ02
    here = datum.to_wgs84(Point(*gcj02), datum.GCJ02)
    assert close(datum.from_wgs84(here, datum.BD09), bd09)
    assert close(datum.to_wgs84(Point(*bd09), datum.BD09), here)


@pytest.mark.parametrize("crs", DATUMS)
@given(here=in_china)
@settings(max_examples=60)
def test_the_way_there_and_back_ends_where_it_began(crs: str, here: Point) -> None:
    assert close(datum.to_wgs84(datum.from_wgs84(here, crs), crs), here)
    assert close(datum.from_wgs84(datum.to_wgs84(here, crs), crs), here)


@pytest.mark.parametrize("crs", [datum.GCJ02, datum.BD09])
@given(here=in_china)
@settings(max_examples=40)
def test_in_china_everything_is_moved_and_by_less_than_three_kilometres(crs: str, here: Point) -> None:
    there = datum.from_wgs84(here, crs)
    assert 1e-5 < math.dist(here, there) < 0.03


@pytest.mark.parametrize("crs", DATUMS)
@given(there=out_of_china)
@settings(max_examples=40)
def test_outside_china_nothing_is_moved(crs: str, there: Point) -> None:
    assert datum.from_wgs84(there, crs) == there
    assert datum.to_wgs84(there, crs) == there


@pytest.mark.parametrize("crs", DATUMS)
@pytest.mark.parametrize("corner", [(0.8293, 72.004), (55.8271, 137.8347), (0.8293, 137.8347), (55.8271, 72.004)])
def test_the_way_back_ends_at_the_edge_too(crs: str, corner: tuple[float, float]) -> None:
    back = datum.to_wgs84(Point(*corner), crs)
    assert math.dist(back, corner) < 0.05


# Around the edge of what is moved, and within it, to the digits that records have.
at_the_edge = st.builds(
    Point,
    st.one_of(st.floats(0.8, 0.86), st.floats(30, 30.05), st.floats(55.8, 55.85)).map(lambda each: round(each, 6)),
    st.one_of(st.floats(72.0, 72.03), st.floats(110, 110.05), st.floats(137.8, 137.86)).map(
        lambda each: round(each, 6)
    ),
)


@pytest.mark.parametrize("crs", [datum.GCJ02, datum.BD09])
@given(
    places=st.lists(st.one_of(at_the_edge, EDGES), min_size=1, max_size=40),
    window=st.one_of(WINDOWS, st.none()),
    data=st.data(),
)
@settings(max_examples=25)
def test_in_a_window_of_a_datum_are_those_that_are_shown_in_it(
    crs: str, places: list[Point], window: Window | None, data: st.DataObject
) -> None:
    shown = [datum.shown(place, crs) for place in places]
    if window is None:  # between two of them, edges and all
        corners = [data.draw(st.sampled_from(shown)) for _ in range(2)]
        (south, north), (west, east) = (sorted(each) for each in zip(*corners, strict=True))
        window = Window(west, south, east, north)
    inside = [number for number, place in enumerate(shown) if is_inside(place, window)]
    assert list(place_sets.numbers(datum.inside(Positions(places), window, crs))) == inside


@pytest.mark.parametrize("crs", [datum.GCJ02, datum.BD09])
def test_nothing_is_moved_farther_than_the_search_looks(crs: str) -> None:
    grid = [Point(1 + north / 2, 72.1 + east / 2) for north in range(109) for east in range(131)]
    moves = [(abs(there[0] - here[0]), abs(there[1] - here[1])) for here in grid for there in [datum.shown(here, crs)]]
    assert max(map(max, moves)) < 0.9 * datum.FARTHEST
