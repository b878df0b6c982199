"""A sketch of a map: where places lie to each other. It is drawn here: no map service learns what anybody looks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from openteller.models import Location

__all__ = ["HEIGHT", "WIDTH", "Pin", "Sketch", "draw"]

WIDTH, HEIGHT = 360, 260
_MARGIN = 28
_SMALLEST_SPAN = 0.004
"""Degrees, some 450 m: what lies closer together is not drawn apart."""
_APART = 18
"""Units between pins; what is closer shares one."""
_METRES_A_DEGREE = 111_194.9
_LONGEST_BAR = 90


@dataclass(frozen=True, slots=True)
class Pin:
    """A mark. numbers: of the rows that are there, the first one's first."""

    x: float
    y: float
    numbers: tuple[int, ...]

    @property
    def text(self) -> str:
        """The number, with a plus where there is more than one."""
        return f"{self.numbers[0]}+" if len(self.numbers) > 1 else str(self.numbers[0])


@dataclass(frozen=True, slots=True)
class Sketch:
    """Units are those of a box of ``WIDTH`` by ``HEIGHT``, y downwards.

    Attributes:
        centre: around which was looked, if anything was.
        bar: how long the scale's bar is, and ``bar_text`` what it stands for.
    """

    pins: tuple[Pin, ...]
    centre: tuple[float, float] | None
    bar: float
    bar_text: str


def draw(places: Sequence[Location], centre: tuple[float, float] | None = None) -> Sketch | None:
    """Draw places in their order; None where there is nothing to draw.

    Args:
        centre: latitude and longitude of what was looked around, in the same datum.
    """
    points = [(one.latitude, one.longitude) for one in places]
    if not points:
        return None
    known = [*points, centre] if centre else points
    flat = _flattened(known)
    (west, east), (south, north) = ((min(axis), max(axis)) for axis in zip(*flat, strict=True))
    inner = WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN
    scale = min(inner[0] / max(east - west, _SMALLEST_SPAN), inner[1] / max(north - south, _SMALLEST_SPAN))
    across, along = (east + west) / 2, (north + south) / 2
    drawn = [(WIDTH / 2 + (x - across) * scale, HEIGHT / 2 - (y - along) * scale) for x, y in flat]
    bar, text = _bar(_METRES_A_DEGREE / scale)
    return Sketch(_pins(drawn[: len(points)]), drawn[-1] if centre else None, bar, text)


def _flattened(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Lay degrees flat, east and north, at the scale of the middle parallel; across the 180th meridian too."""
    origin = points[0][1]
    middle = (min(point[0] for point in points) + max(point[0] for point in points)) / 2
    shrink = math.cos(math.radians(middle))
    return [(((east - origin + 180) % 360 - 180) * shrink, north) for north, east in points]


def _pins(drawn: Sequence[tuple[float, float]]) -> tuple[Pin, ...]:
    """Give what lies together one pin."""
    pins: list[Pin] = []
    for number, (x, y) in enumerate(drawn, 1):
        near = next((at for at, pin in enumerate(pins) if math.dist((pin.x, pin.y), (x, y)) < _APART), None)
        if near is None:
            pins.append(Pin(round(x, 1), round(y, 1), (number,)))
        else:
            pins[near] = Pin(pins[near].x, pins[near].y, (*pins[near].numbers, number))
    return tuple(pins)


def _bar(metres_a_unit: float) -> tuple[float, str]:
    """Give the longest bar of a round length, and that length."""
    longest = metres_a_unit * _LONGEST_BAR
    power = 10 ** math.floor(math.log10(longest))
    metres = int(next(digit for digit in (5, 2, 1) if digit * power <= longest) * power)
    return round(metres / metres_a_unit, 1), f"{metres} m" if metres < 1000 else f"{metres // 1000} km"
