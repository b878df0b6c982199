"""The nearest places to a point, exactly: no nearer one is missed, and over pages none comes twice.

Pure, and from memory: positions are points of the unit sphere in space, where a pole or the 180th meridian is a place
like any other, and a straight line (a chord) is the longer, the longer the way over ground is. Places stand in the
order of a curve that fills the map (Hilbert's), on which neighbours are near each other: 32 after each other are a
leaf, and leaves are the ends of a tree. Each of its nodes knows a ball that holds its places, so that a search goes
from leaf to leaf, begins with the one that can be nearest, and ends when no ball left can hold anything nearer than it
has. What is looked for is marked in the tree, so that a search does not go where there is nothing of it.

All is in flat arrays: a place takes 48 bytes, and its share of the tree not more than six.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from heapq import heappop, heappush
from itertools import compress, repeat
from operator import and_, mul, or_
from typing import NamedTuple

from openteller_sandbox.branches import place_sets

EARTH_RADIUS_M = 6_371_008.8
_DIAMETER_MM = 2000 * EARTH_RADIUS_M
_WHOLE_EARTH_MM = math.ceil(math.pi * EARTH_RADIUS_M * 1000)
_MARGIN = 2 / _DIAMETER_MM  # a chord of a millimetre: distances are rounded to that
_RIGHT_ANGLE = math.pi / 2
_LEAF_BITS = 5
_IN_LEAF = 1 << _LEAF_BITS
_FEW = 400  # measured one by one in the time in which a search comes by as many
_ALL = b"\x01" * _IN_LEAF
_AT_ONCE = 8192
"""Places that are put in order without another thread having a turn: some milliseconds."""

Vector = tuple[float, float, float]


class Point(NamedTuple):
    """A position in degrees of WGS-84."""

    latitude: float
    longitude: float


class Window(NamedTuple):
    """A part of the map between two parallels and two meridians, edges included, in degrees.

    Where ``west`` is larger than ``east`` it goes across the 180th meridian.
    """

    west: float
    south: float
    east: float
    north: float

    def holds(self, latitude: float, longitude: float) -> bool:
        """Whether a position is in it."""
        if not self.south <= latitude <= self.north:
            return False
        if self.west <= self.east:
            return self.west <= longitude <= self.east
        return longitude >= self.west or longitude <= self.east

    def straight(self) -> Window:
        """Give the same window, as it has to be for −180° and 180° to be one meridian in it."""
        if (self.west, self.east) == (-180.0, 180.0):
            return self
        west = 180.0 if self.west == -180.0 else self.west
        return self._replace(west=west, east=-180.0 if self.east == 180.0 else self.east)

    def larger(self, by: float) -> Window:
        """Give the window with so many degrees more on each side, up to the poles, and around the earth at most."""
        south, north = max(-90.0, self.south - by), min(90.0, self.north + by)
        if (self.east - self.west) % 360 + 2 * by >= 360 or (self.west, self.east) == (-180.0, 180.0):
            return Window(-180.0, south, 180.0, north)
        west, east = self.west - by, self.east + by
        return Window(west + 360 if west < -180 else west, south, east - 360 if east > 180 else east, north)

    def smaller(self, by: float) -> Window | None:
        """Give the window with so many degrees less on each side; None where nothing is left."""
        south, north, west, east = self.south + by, self.north - by, self.west + by, self.east - by
        if self.west > self.east:
            west, east = min(180.0, west), max(-180.0, east)
        elif west > east:
            return None
        return Window(west, south, east, north) if south <= north else None

    def touches(self, bounds: Window) -> bool:
        """Whether a position of some that lie within bounds can be in it."""
        if bounds.south > self.north or bounds.north < self.south:
            return False
        if self.west <= self.east:
            return bounds.west <= self.east and bounds.east >= self.west
        return bounds.east >= self.west or bounds.west <= self.east

    def covers(self, bounds: Window) -> bool:
        """Whether every position within bounds is in it."""
        if bounds.south < self.south or bounds.north > self.north:
            return False
        if self.west <= self.east:
            return self.west <= bounds.west and bounds.east <= self.east
        return bounds.west >= self.west or bounds.east <= self.east

    def metres_from(self, origin: Point) -> float:
        """Give how far the nearest of its positions is from one, over ground."""
        window, (latitude, longitude) = self.straight(), origin
        if window.holds(
            window.south, longitude
        ):  # north or south of it: nothing in it is nearer than along the meridian
            along = max(window.south - latitude, latitude - window.north, 0.0)
            return math.radians(along) * EARTH_RADIUS_M
        at, ends = _in_space(*origin), (window.south, window.north)
        nearest = [Point(end, edge) for edge in (window.west, window.east) for end in ends]
        for edge in (window.west, window.east):
            north, across = math.radians(latitude), math.radians(edge - longitude)
            foot = math.degrees(math.atan2(math.sin(north), math.cos(north) * math.cos(across)))
            if window.south < foot < window.north:  # where the way meets the meridian at a right angle
                nearest.append(Point(foot, edge))
        chord = min(math.dist(at, _in_space(*point)) for point in nearest)
        return 2 * EARTH_RADIUS_M * math.asin(min(1.0, chord / 2))


Nearby = tuple[int, int]
"""Distance in millimetres and number of a place. Lists are in the order of these pairs; plain, as many are made."""

START: Nearby = (-1, -1)
"""Comes before every place."""


class Marks(NamedTuple):
    """A set of places, marked in the tree.

    Attributes:
        members: the set (see ``place_sets``).
        size: how many they are.
        places: a byte for each place in the order of the leaves: whether it is of them.
        nodes: a byte for each node of the tree: whether one of them is below it.
    """

    members: int
    size: int
    places: bytes
    nodes: bytes


def parse_point(text: str) -> Point:
    """Read ``latitude,longitude``.

    Raises:
        ValueError: not two numbers.
    """
    latitude, longitude = text.split(",")
    return Point(float(latitude), float(longitude))


def parse_window(text: str) -> Window:
    """Read ``west,south,east,north``.

    Raises:
        ValueError: not four numbers.
    """
    west, south, east, north = map(float, text.split(","))
    return Window(west, south, east, north)


class Positions:
    """Where places are.

    Args:
        points: latitude and longitude in degrees of place number 0, 1, 2 …
    """

    __slots__ = ("_axes", "_balls", "_bounds", "_degrees", "_depth", "_order", "_place", "_radii")

    def __init__(self, points: Iterable[tuple[float, float]]) -> None:
        latitudes, longitudes = array("d"), array("d")
        for latitude, longitude in points:
            latitudes.append(latitude)
            longitudes.append(longitude)
        self._order = array("I", _along_the_curve(latitudes, longitudes))  # the numbers of the places, leaf by leaf
        self._place = array("I", bytes(4 * len(latitudes)))  # where each number stands in that order
        for place, number in enumerate(self._order):
            self._place[number] = place
        self._degrees = array("d"), array("d")
        self._axes = array("d"), array("d"), array("d")
        for begin in range(0, len(latitudes), _AT_ONCE):
            self._put_in_order(self._order[begin : begin + _AT_ONCE], latitudes, longitudes)
        self._depth = max(0, (self._leaf_count() - 1).bit_length())
        # The tree: node 1 is the root, the halves of node n are nodes 2n and 2n+1. What nodes know is apart, too.
        size = 2 << self._depth
        self._balls = _blank(size), _blank(size), _blank(size)
        self._bounds = _blank(size), _blank(size), _blank(size), _blank(size)
        self._radii = array("d", [-1.0]) * size  # of a node without places
        self._grow()

    def _put_in_order(self, numbers: array[int], latitudes: array[float], longitudes: array[float]) -> None:
        """Put down where the places with these numbers are, on the map and in space, as ``_in_space`` says it."""
        for degrees, values in zip(self._degrees, (latitudes, longitudes), strict=True):
            degrees.extend(map(values.__getitem__, numbers))
        norths, easts = (array("d", map(math.radians, each[-len(numbers) :])) for each in self._degrees)
        flat = array("d", map(math.cos, norths))
        for axis, turned in zip(self._axes, (math.cos, math.sin), strict=False):
            axis.extend(map(mul, flat, map(turned, easts)))
        self._axes[2].extend(map(math.sin, norths))

    def __len__(self) -> int:
        return len(self._order)

    def at(self, number: int) -> Point:
        """Give where a place is."""
        latitudes, longitudes = self._degrees
        return Point(latitudes[self._place[number]], longitudes[self._place[number]])

    def nearest(
        self,
        origin: Point,
        count: int,
        *,
        among: Sequence[Marks] = (),
        window: Window | None = None,
        after: Nearby = START,
        within_m: int | None = None,
    ) -> list[Nearby]:
        """Give the nearest places that come after one of them, at most ``count``.

        Args:
            origin: from where.
            count: how many, at least one.
            among: the sets that they must all be in, as ``mark`` has marked them.
            window: where they must be.
            after: the last row of the page before.
            within_m: the farthest that is wanted; None for anywhere.
        """
        at = _in_space(*origin)
        last = (_WHOLE_EARTH_MM if within_m is None else within_m * 1000, len(self))
        least, most = _chord(after[0]) - _MARGIN, _chord(last[0]) + _MARGIN
        window = window and window.straight()
        found: list[Nearby] = []
        for gap, near in self._parts(at, least, among, window):
            if gap > most:
                break
            rows = [row for row in _measured(near, least, most) if after < row <= last]
            if rows:
                found = sorted(found + rows)[:count]
            if len(found) == count:
                last = found[-1]
                most = _chord(last[0]) + _MARGIN
        return found

    def mark(self, members: int) -> Marks:
        """Mark a set in the tree."""
        count = members.bit_count()
        if count << 3 > len(self):
            places = bytes(map(place_sets.flags(members, len(self)).__getitem__, self._order))
        else:
            marked = bytearray(len(self))
            for number in place_sets.numbers(members):
                marked[self._place[number]] = 1
            places = bytes(marked)
        level = bytearray(1 << self._depth)
        place = places.find(1)
        while place >= 0:
            level[place >> _LEAF_BITS] = 1
            place = places.find(1, ((place >> _LEAF_BITS) + 1) << _LEAF_BITS)
        levels = [bytes(level)]
        while len(levels[-1]) > 1:
            levels.append(bytes(map(or_, levels[-1][::2], levels[-1][1::2])))
        return Marks(members, count, places, b"\x00" + b"".join(reversed(levels)))

    def inside(self, window: Window) -> int:
        """Give the set of places in a window."""
        window, found, ahead = window.straight(), array("I"), [1]
        while ahead:
            node = ahead.pop()
            bounds = self._bounds_of(node)
            if self._radii[node] < 0 or not window.touches(bounds):
                continue
            if window.covers(bounds):
                found += self._order[self._span(node)]
            elif node >> self._depth:
                found.extend(compress(self._order[self._span(node)], self._in_window(node, window)))
            else:
                ahead += (2 * node, 2 * node + 1)
        return place_sets.of(found)

    def _parts(
        self, at: Vector, least: float, among: Sequence[Marks], window: Window | None
    ) -> Iterator[tuple[float, Iterator[tuple[float, int]]]]:
        """Give those that are looked for in parts: the least chord from a point to any of a part, which never falls,
        and chord and number of each.
        """
        few = _few(among)
        if few is None:
            for gap, node in self._leaves(at, least, [marks.nodes for marks in among], window):
                yield gap, self._chords(at, node, among, window)
        else:
            (latitudes, longitudes), place = self._degrees, self._place
            numbers = [
                number
                for number in few
                if window is None or window.holds(latitudes[place[number]], longitudes[place[number]])
            ]
            xs, ys, zs = ([axis[place[number]] for number in numbers] for axis in self._axes)
            yield 0.0, zip(map(math.dist, repeat(at), zip(xs, ys, zs, strict=True)), numbers, strict=False)

    def _leaves(
        self, at: Vector, least: float, marked: Sequence[bytes], window: Window | None
    ) -> Iterator[tuple[float, int]]:
        """Give the leaves in the order of the chord to their balls, but those that end before ``least`` or have nothing
        of what is looked for.
        """
        (xs, ys, zs), radii, leaves, dist = self._balls, self._radii, 1 << self._depth, math.dist
        ahead = [(0.0, 1)] if len(self) else []
        while ahead:
            gap, node = heappop(ahead)
            if node >= leaves:
                yield gap, node
                continue
            for half in (2 * node, 2 * node + 1):
                chord, radius = dist(at, (xs[half], ys[half], zs[half])), radii[half]
                if radius < 0 or chord + radius < least:
                    continue
                for nodes in marked:
                    if not nodes[half]:
                        break
                else:
                    if window is None or window.touches(self._bounds_of(half)):
                        heappush(ahead, (chord - radius, half))

    def _chords(
        self, at: Vector, node: int, among: Sequence[Marks], window: Window | None
    ) -> Iterator[tuple[float, int]]:
        """Give chord and number of each place of a leaf that is looked for."""
        span = self._span(node)
        xs, ys, zs = (axis[span] for axis in self._axes)
        numbers: Iterable[int] = self._order[span]
        vectors: Iterable[Vector] = zip(xs, ys, zs, strict=True)
        wanted = _ALL if window is None else self._in_window(node, window)
        for marks in among:
            wanted = marks.places[span] if wanted is _ALL else bytes(map(and_, wanted, marks.places[span]))
        if wanted is not _ALL:
            numbers, vectors = compress(numbers, wanted), compress(vectors, wanted)
        return zip(map(math.dist, repeat(at), vectors), numbers, strict=False)

    def _in_window(self, node: int, window: Window) -> bytes:
        """Say of each place of a leaf whether it is in a window."""
        span = self._span(node)
        latitudes, longitudes = (each[span] for each in self._degrees)
        return bytes(map(window.holds, latitudes, longitudes))

    def _bounds_of(self, node: int) -> Window:
        west, south, east, north = self._bounds
        return Window(west[node], south[node], east[node], north[node])

    def _span(self, node: int) -> slice:
        """Give where the places of a node stand."""
        level = node.bit_length() - 1
        size = _IN_LEAF << (self._depth - level)
        begin = (node - (1 << level)) * size
        return slice(begin, min(begin + size, len(self)))

    def _leaf_count(self) -> int:
        return (len(self) + _IN_LEAF - 1) >> _LEAF_BITS

    def _grow(self) -> None:
        """Put into each node the ball around its places, and the parallels and meridians that they lie between."""
        boxes: list[tuple[float, ...]] = []
        for leaf in range(self._leaf_count()):
            node = (1 << self._depth) + leaf
            span = self._span(node)
            vectors = [axis[span] for axis in self._axes]
            box = *map(min, vectors), *map(max, vectors)
            centre = self._put_ball(node, box)
            self._radii[node] = max(map(math.dist, repeat(centre), zip(*vectors, strict=True)))
            latitudes, longitudes = (each[span] for each in self._degrees)
            self._put_bounds(node, min(longitudes), min(latitudes), max(longitudes), max(latitudes))
            boxes.append(box)
        for level in reversed(range(self._depth)):
            boxes = [
                self._join((1 << level) + rank, boxes[2 * rank : 2 * rank + 2]) for rank in range((len(boxes) + 1) >> 1)
            ]

    def _join(self, node: int, boxes: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
        """Put a ball around those of a node's halves, the second of which may have no places."""
        halves = range(2 * node, 2 * node + len(boxes))
        box = (
            *(min(box[axis] for box in boxes) for axis in range(3)),
            *(max(box[axis] for box in boxes) for axis in range(3, 6)),
        )
        centre = self._put_ball(node, box)
        around = max(math.dist(centre, [ball[half] for ball in self._balls]) + self._radii[half] for half in halves)
        self._radii[node] = min(around, math.dist(centre, box[3:]))  # both hold everything
        west, south, east, north = ([bound[half] for half in halves] for bound in self._bounds)
        self._put_bounds(node, min(west), min(south), max(east), max(north))
        return box

    def _put_ball(self, node: int, box: Sequence[float]) -> Vector:
        """Put the middle of a box into a node as the centre of its ball."""
        centre = ((box[0] + box[3]) / 2, (box[1] + box[4]) / 2, (box[2] + box[5]) / 2)
        for ball, value in zip(self._balls, centre, strict=True):
            ball[node] = value
        return centre

    def _put_bounds(self, node: int, *bounds: float) -> None:
        for bound, value in zip(self._bounds, bounds, strict=True):
            bound[node] = value


def _blank(size: int) -> array[float]:
    return array("d", bytes(8 * size))


def _few(among: Sequence[Marks]) -> list[int] | None:
    """Give the numbers that are in every set where they are few; None where they are many."""
    if not among:
        return None
    if len(among) == 1:
        return list(place_sets.numbers(among[0].members)) if among[0].size <= _FEW else None
    members = among[0].members
    for marks in among[1:]:
        members &= marks.members
    return list(place_sets.numbers(members)) if members.bit_count() <= _FEW else None


def _measured(near: Iterable[tuple[float, int]], least: float, most: float) -> list[Nearby]:
    """Give the distance, on the mean earth, of each place between two chords."""
    asin = math.asin
    return [
        (round(_DIAMETER_MM * (asin(chord / 2) if chord < 2 else _RIGHT_ANGLE)), number)
        for chord, number in near
        if least <= chord <= most
    ]


def _in_space(latitude: float, longitude: float) -> Vector:
    north, east = math.radians(latitude), math.radians(longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def _chord(distance_mm: int) -> float:
    """Give the straight way, in earth radii, for one over ground; a forged cursor may have any number."""
    return 2 * math.sin(min(max(distance_mm, 0), _WHOLE_EARTH_MM) / _DIAMETER_MM)


# --- Hilbert's curve --------------------------------------------------------------------------------------------------

_STEP_BITS = 4
_STEPS = 4  # of four bits a side: 65,536 rows and columns between the outermost places
_PART_BITS = 10
_ROWS = 1 << _STEP_BITS * _STEPS
_NARROWEST = 1e-6  # degrees: nearer than that, all is one cell
_SWAP, _TURN = 1, 2  # how a part of the curve lies: rows and columns are exchanged, or both are counted from the end
_ORDER = ((0, 1, 3, 2), (0, 2, 3, 1), (3, 2, 0, 1), (3, 1, 0, 2))
"""For each way to lie, the quarters in the order in which the curve goes through them; row times two plus column."""
_WITHIN = (_SWAP, 0, 0, _SWAP | _TURN)
"""What changes in the first, second, third and fourth quarter."""


@cache
def _step_table() -> list[list[int]]:
    """Give, for a way to lie and four bits of row and column, eight bits along the curve, and how it lies then."""
    table = []
    for lies in range(4):
        steps = []
        for cell in range(1 << 2 * _STEP_BITS):
            row, column, along, now = cell >> _STEP_BITS, cell & (1 << _STEP_BITS) - 1, 0, lies
            for bit in reversed(range(_STEP_BITS)):
                quarter = _ORDER[now].index((row >> bit & 1) << 1 | column >> bit & 1)
                along, now = along << 2 | quarter, now ^ _WITHIN[quarter]
            steps.append(along << 2 | now)
        table.append(steps)
    return table


def _along_the_curve(latitudes: array[float], longitudes: array[float]) -> Iterator[int]:
    """Give the numbers of places in the order in which the curve comes by, and of those in one cell by number."""
    table, size = _step_table(), len(latitudes)
    rows, columns = _cells(latitudes), _cells(longitudes)
    parts = [array("Q") for _ in range(1 << _PART_BITS)]  # sorted one by one, each in a few milliseconds
    for number, (row, column) in enumerate(zip(rows, columns, strict=True)):
        along = lies = 0
        for shift in (12, 8, 4, 0):
            step = table[lies][(row >> shift & 15) << 4 | column >> shift & 15]
            along, lies = along << 8 | step >> 2, step & 3
        parts[along >> 2 * _STEP_BITS * _STEPS - _PART_BITS].append(along * size + number)
    return (key % size for part in parts for key in sorted(part))


def _cells(degrees: array[float]) -> Iterator[int]:
    """Give the row or column of each, between the outermost."""
    low, high = min(degrees, default=0.0), max(degrees, default=0.0)
    scale = (_ROWS - 1) / max(high - low, _NARROWEST)
    return (int((each - low) * scale) for each in degrees)
