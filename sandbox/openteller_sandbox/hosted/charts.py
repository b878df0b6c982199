"""A line through days as a drawing: where its points, its axes and their labels are. The template writes it as SVG.

Nothing here knows what is drawn. Numbers are in the units of a drawing of `WIDTH` by `HEIGHT`, rounded to a tenth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import groupby, pairwise

__all__ = ["HEIGHT", "WIDTH", "Chart", "Point", "Tick", "draw"]

WIDTH, HEIGHT = 360, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 10, 10, 26
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_LINES = 4
"""At most so many steps between the lowest and the highest line."""


@dataclass(frozen=True, slots=True)
class Point:
    """A day, its value, and whether that is an earlier day's, carried on."""

    day: date
    value: Decimal
    carried: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A label and where it stands on its axis; anchor: which of its ends stands there."""

    at: float
    text: str
    anchor: str = "end"


@dataclass(frozen=True, slots=True)
class Chart:
    """fresh, carried: lines as `points` of SVG, of which the carried ones lead to a value that is an earlier day's."""

    fresh: tuple[str, ...]
    carried: tuple[str, ...]
    last: tuple[float, float]
    values: tuple[Tick, ...]
    days: tuple[Tick, ...]
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM


def draw(points: Sequence[Point]) -> Chart:
    """Lay out points, which ascend by day; one at least."""
    lines = _lines(min(point.value for point in points), max(point.value for point in points))
    lowest, highest = lines[0], lines[-1]
    first, span = points[0].day, max((points[-1].day - points[0].day).days, 1)

    def x(day: date) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (day - first).days / span, 1)

    def y(value: Decimal) -> float:
        share = float((value - lowest) / (highest - lowest))
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1)

    places = [(x(point.day), y(point.value)) for point in points]
    parts = list(_parts(points, places))
    decimals = max(0, -int((lines[1] - lines[0]).normalize().as_tuple().exponent))
    return Chart(
        fresh=tuple(text for carried, text in parts if not carried),
        carried=tuple(text for carried, text in parts if carried),
        last=places[-1],
        values=tuple(Tick(y(line), f"{line:.{decimals}f}") for line in lines),
        days=tuple(_day_ticks([point.day for point in points], x)),
    )


def _lines(lowest: Decimal, highest: Decimal) -> list[Decimal]:
    """Round values for the lines across, from below the lowest value to above the highest."""
    if lowest == highest:
        margin = max(abs(lowest) / 1000, Decimal("0.0001"))
        lowest, highest = lowest - margin, highest + margin
    rough = (highest - lowest) / _LINES
    power = Decimal(1).scaleb(rough.adjusted())
    step = next(power * each for each in _STEPS if power * each >= rough)
    below = (lowest / step).to_integral_value(ROUND_FLOOR)
    above = (highest / step).to_integral_value(ROUND_CEILING)
    return [step * number for number in range(int(below), int(above) + 1)]


def _parts(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> Iterator[tuple[bool, str]]:
    """The line in parts: each step from day to day belongs to the day that it leads to."""
    steps = list(zip(points[1:], pairwise(places), strict=True))
    for carried, run in groupby(steps, lambda step: step[0].carried):
        ends = [step[1] for step in run]
        yield carried, " ".join(f"{x},{y}" for x, y in [ends[0][0], *(end for _, end in ends)])


def _day_ticks(days: Sequence[date], x: Callable[[date], float]) -> Iterator[Tick]:
    """The first, the middle and the last day."""
    named = {days[0]: "start", days[-1]: "end"}
    if len(days) > 2:
        named = {days[0]: "start", days[len(days) // 2]: "middle", days[-1]: "end"}
    for day, anchor in named.items():
        yield Tick(x(day), day.isoformat(), anchor)
