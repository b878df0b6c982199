"""The nearest places to a point, exactly: no nearer one is missed, and over pages none comes twice.

Pure, and from memory: positions are points of the unit sphere in space, where a pole or the 180th meridian is a place
like any other, and a straight line (a chord) is the longer, the longer the way over ground is. A tree halves the
places again and again across their widest side. Each half knows a ball that holds it, so that a search goes from leaf
to leaf, begins with the one that can be nearest, and ends when no ball left can hold anything nearer than it has.

All is in flat arrays: a place takes 28 bytes, and its share of the tree not more than four.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from openteller_sandbox.branches import place_sets

EARTH_RADIUS_M = 6_371_008.8
_DIAMETER_MM = 2000 * EARTH_RADIUS_M
_WHOLE_EARTH_MM = math.ceil(math.pi * EARTH_RADIUS_M * 1000)
_MARGIN = 2 / _DIAMETER_MM  # a chord of a millimetre: distances are rounded to that
_RIGHT_ANGLE = math.pi / 2
_MOST_IN_LEAF = 32

Vector = tuple[float, float, float]


class Point(NamedTuple):
    """A position in degrees of WGS-84."""

    latitude: float
    longitude: float


Nearby = tuple[int, int]
"""Distance in millimetres and number of a place. Lists are in the order of these pairs; plain, as many are made."""

START: Nearby = (-1, -1)
"""Comes before every place."""


def parse_point(text: str) -> Point:
    """Read ``latitude,longitude``.

    Raises:
        ValueError: not two numbers.
    """
    latitude, longitude = text.split(",")
    return Point(float(latitude), float(longitude))


class Positions:
    """Where places are.

    Args:
        points: latitude and longitude in degrees of place number 0, 1, 2 …
    """

    __slots__ = ("_balls", "_depth", "_order", "_radii", "_xs", "_ys", "_zs")

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        axes = array("d"), array("d"), array("d")
        for latitude, longitude in points:
            for axis, value in zip(axes, _in_space(latitude, longitude), strict=True):
                axis.append(value)
        self._xs, self._ys, self._zs = axes
        self._depth = max(0, math.ceil(math.log2(max(1, len(self) / _MOST_IN_LEAF))))
        # The tree: node 1 is the root, the halves of node n are nodes 2n and 2n+1. Centres are apart by axis, too.
        nodes = 2 << self._depth
        self._balls = array("d", bytes(8 * nodes)), array("d", bytes(8 * nodes)), array("d", bytes(8 * nodes))
        self._radii = array("d", bytes(8 * nodes))
        self._order = array("I")  # the numbers of the places, leaf by leaf
        self._grow(1, list(range(len(self))))

    def __len__(self) -> int:
        return len(self._xs)

    def nearest(
        self,
        origin: Point,
        count: int,
        *,
        wanted: int | None = None,
        after: Nearby = START,
        within_m: int | None = None,
    ) -> list[Nearby]:
        """Give the nearest places that come after one of them, at most ``count``.

        Args:
            origin: from where.
            count: how many, at least one.
            wanted: the set (see ``place_sets``) of those that count; None for all.
            after: the last row of the page before.
            within_m: the farthest that is wanted; None for anywhere.
        """
        at = _in_space(*origin)
        last = (_WHOLE_EARTH_MM if within_m is None else within_m * 1000, len(self))
        least, most = _chord(after[0]) - _MARGIN, _chord(last[0]) + _MARGIN
        found: list[Nearby] = []
        for gap, numbers in self._parts(at, least, count, wanted):
            if gap > most:
                break
            rows = [row for row in self._measure(at, numbers, least, most) if after < row <= last]
            if rows:
                found = sorted(found + rows)[:count]
            if len(found) == count:
                last = found[-1]
                most = _chord(last[0]) + _MARGIN
        return found

    def _parts(self, at: Vector, least: float, count: int, wanted: int | None) -> Iterator[tuple[float, Iterable[int]]]:
        """Give the wanted places in parts, with the least chord from a point to any of a part, which never falls."""
        if wanted is None:
            yield from self._leaves(at, least)
        elif wanted.bit_count() ** 2 <= count * len(self):  # about as many as a search would come by, or fewer
            yield 0.0, place_sets.first(wanted, len(self))
        else:
            members = wanted.to_bytes(len(self) // 8 + 1, "little")
            for gap, numbers in self._leaves(at, least):
                yield gap, [number for number in numbers if members[number >> 3] >> (number & 7) & 1]

    def _leaves(self, at: Vector, least: float) -> Iterator[tuple[float, array[int]]]:
        """Give the leaves in the order of the chord to their balls, but those that end before ``least``."""
        (xs, ys, zs), radii, leaves = self._balls, self._radii, 1 << self._depth
        ahead = [(0.0, 1)]
        while ahead:
            gap, node = heappop(ahead)
            if node >= leaves:
                yield gap, self._order[slice(*self._span(node))]
                continue
            for half in (2 * node, 2 * node + 1):
                chord, radius = math.dist(at, (xs[half], ys[half], zs[half])), radii[half]
                if chord + radius >= least:
                    heappush(ahead, (chord - radius, half))

    def _measure(self, at: Vector, numbers: Iterable[int], least: float, most: float) -> list[Nearby]:
        """Measure the distance, on the mean earth, to each place between two chords."""
        xs, ys, zs, dist, asin = self._xs, self._ys, self._zs, math.dist, math.asin
        return [
            (round(_DIAMETER_MM * (asin(chord / 2) if chord < 2 else _RIGHT_ANGLE)), number)
            for number in numbers
            if least <= (chord := dist(at, (xs[number], ys[number], zs[number]))) <= most
        ]

    def _span(self, node: int) -> tuple[int, int]:
        """Give where the places of a node begin and end in ``_order``: the nodes of one level share it evenly."""
        level = node.bit_length() - 1
        rank = node - (1 << level)
        return rank * len(self) >> level, (rank + 1) * len(self) >> level

    def _grow(self, node: int, numbers: list[int]) -> None:
        """Put places below a node, and the ball around them into it."""
        axes = self._xs, self._ys, self._zs
        sides = [[axis[number] for number in numbers] for axis in axes]
        centre = tuple((min(side, default=0.0) + max(side, default=0.0)) / 2 for side in sides)
        for ball, value in zip(self._balls, centre, strict=True):
            ball[node] = value
        self._radii[node] = max((math.dist(centre, place) for place in zip(*sides, strict=True)), default=0.0)
        if node >> self._depth:
            self._order.extend(numbers)
            return
        widest = max(range(3), key=lambda axis: max(sides[axis]) - min(sides[axis]))
        numbers.sort(key=axes[widest].__getitem__)
        begin, end = self._span(2 * node)
        self._grow(2 * node, numbers[: end - begin])
        self._grow(2 * node + 1, numbers[end - begin :])


def _in_space(latitude: float, longitude: float) -> Vector:
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def _chord(distance_mm: int) -> float:
    """Give the straight way, in earth radii, for one over ground; a forged cursor may have any number."""
    return 2 * math.sin(min(max(distance_mm, 0), _WHOLE_EARTH_MM) / _DIAMETER_MM)
