"""The sketch: everything is on it, where it belongs, at the scale that it says."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from branch_finder.sketch import HEIGHT, WIDTH, draw
from openteller import geo
from openteller.models import Location


def place(latitude: float, longitude: float) -> Location:
    return Location(latitude=latitude, longitude=longitude, crs="wgs84")


POINTS = st.builds(place, st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=30)
@given(st.lists(POINTS, min_size=1, max_size=10), st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180)))
def test_every_row_is_on_the_sketch_once(places: list[Location], centre: tuple[float, float] | None) -> None:
    sketch = draw(places, centre)
    assert sketch is not None
    assert sorted(number for pin in sketch.pins for number in pin.numbers) == list(range(1, len(places) + 1))
    spots = [(pin.x, pin.y) for pin in sketch.pins] + ([sketch.centre] if sketch.centre else [])
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in spots)
    assert 0 < sketch.bar <= WIDTH / 2


def test_nothing_has_no_sketch() -> None:
    assert draw([]) is None


def test_north_is_up_and_east_is_right() -> None:
    sketch = draw([place(31.30, 121.47), place(31.23, 121.60)], (31.23, 121.47))
    assert sketch and sketch.centre
    north, east = sketch.pins
    assert north.y < sketch.centre[1] and abs(north.x - sketch.centre[0]) < 1
    assert east.x > sketch.centre[0] and abs(east.y - sketch.centre[1]) < 1


def test_the_180th_meridian_is_no_border() -> None:
    sketch = draw([place(-17.0, 179.99), place(-17.0, -179.99)])
    assert sketch and sketch.pins[0].x < sketch.pins[1].x
    assert sketch.bar_text == "500 m"


@pytest.mark.parametrize(("south", "north"), [((31.20, 121.40), (31.25, 121.50)), ((45.0, 90.0), (40.0, 93.0))])
def test_the_bar_is_as_long_as_it_says(south: tuple[float, float], north: tuple[float, float]) -> None:
    sketch = draw([place(*south), place(*north)])
    assert sketch
    (x, y), (other_x, other_y) = ((pin.x, pin.y) for pin in sketch.pins)
    amount, unit = sketch.bar_text.split()
    metres = int(amount) * {"m": 1, "km": 1000}[unit]
    assert math.dist((x, y), (other_x, other_y)) / sketch.bar * metres == pytest.approx(
        geo.distance_m(south, north), rel=0.02
    )


def test_what_lies_together_shares_a_pin() -> None:
    sketch = draw([place(31.23, 121.47), place(31.2301, 121.4701), place(31.30, 121.47)])
    assert sketch and [pin.text for pin in sketch.pins] == ["1+", "3"]
