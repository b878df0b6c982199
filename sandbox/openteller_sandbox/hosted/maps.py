"""A place and its neighbours as a drawing, without anybody's map: where its marks are. The template writes it as SVG.

Everything stands in the direction and at the distance in which it lies on the ground, seen from the place in the
middle (the azimuthal equidistant projection), so that poles and the 180th meridian are places like any other. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count

__all__ = ["Mark", "Neighbour", "Sketch", "bearing", "direction", "draw"]

WIDTH, HEIGHT = 360, 300
_CENTRE = (WIDTH / 2, HEIGHT / 2)
_REACH = 128.0
"""Of the circle, in units of the drawing."""
MARK = 10.0
"""Half the width of a mark: those that would lie over each other become one."""
_LEAST_M = 100
_STEPS = (10, 12, 16, 20, 30, 40, 50, 60, 80)
"""Tenths: halves of them are still numbers that people use."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """distance_m: along the ground. bearing: degrees from north, clockwise. machine: whether it is an ATM."""

    distance_m: int
    bearing: float
    machine: bool = False


@dataclass(slots=True)
class Mark:
    """Where a mark stands, and the neighbours that it is of: their places in the list, the first is 1."""

    x: float
    y: float
    machine: bool
    numbers: list[int] = field(default_factory=list)

    @property
    def label(self) -> str:
        """What is written on it."""
        return f"{self.numbers[0]}{'+' if len(self.numbers) > 1 else ''}"


@dataclass(frozen=True, slots=True)
class Sketch:
    """here: the neighbours that lie under the mark of the place itself. radius_m: of the circle, ``reach`` in the
    drawing; bar_m, bar: of the scale.
    """

    marks: tuple[Mark, ...]
    here: tuple[int, ...]
    radius_m: int
    bar_m: int
    bar: float
    width: int = WIDTH
    height: int = HEIGHT
    centre: tuple[float, float] = _CENTRE
    reach: float = _REACH


def bearing(from_latitude: float, from_longitude: float, latitude: float, longitude: float) -> float:
    """Give in which direction a great circle leaves a point for another: degrees from north, clockwise, 0 to 360."""
    south, north, east = (math.radians(each) for each in (from_latitude, latitude, longitude - from_longitude))
    across = math.sin(east) * math.cos(north)
    ahead = math.cos(south) * math.sin(north) - math.sin(south) * math.cos(north) * math.cos(east)
    return math.degrees(math.atan2(across, ahead)) % 360


def direction(degrees: float) -> int:
    """Give the nearest of eight directions: 0 for north, 2 for east."""
    return round(degrees / 45) % 8


def draw(neighbours: Sequence[Neighbour]) -> Sketch:
    """Lay out neighbours, the nearest first; one at least."""
    radius = _round_up(max(each.distance_m for each in neighbours))
    here = Mark(*_CENTRE, machine=False)
    marks = [here]
    for number, each in enumerate(neighbours, 1):
        x, y = _position(each, radius)
        mark = next((mark for mark in marks if math.dist((mark.x, mark.y), (x, y)) < 2 * MARK), None)
        if mark is None:
            marks.append(mark := Mark(x, y, each.machine))
        mark.numbers.append(number)
    bar_m = radius // 2
    return Sketch(tuple(marks[1:]), tuple(here.numbers), radius, bar_m, _REACH * bar_m / radius)


def _position(neighbour: Neighbour, radius: int) -> tuple[float, float]:
    away = _REACH * neighbour.distance_m / radius
    angle = math.radians(neighbour.bearing)
    return round(_CENTRE[0] + away * math.sin(angle), 1), round(_CENTRE[1] - away * math.cos(angle), 1)


def _round_up(distance_m: int) -> int:
    """Give the first of 100, 120, 160 … 1000, 1200 … metres that reaches so far."""
    return next(size for size in _sizes() if size >= distance_m)


def _sizes() -> Iterable[int]:
    return (_LEAST_M // 10 * step * 10**power for power in count() for step in _STEPS)
