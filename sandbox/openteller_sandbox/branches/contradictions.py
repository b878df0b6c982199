"""Questions of where that nothing can be an answer to.

They are looked for when nothing was found, or nothing near: whoever finds something pays nothing for it. What is
refused here would be an empty list, or one of what is a thousand kilometres away, whatever else is asked for.

Numbers stand the wrong way round when as they stand nothing of the bank (of the city, where one is named) is within a
thousand kilometres, and exchanged something is: within a hundred kilometres of the position, or in the part of the map.
Who really is at such a place, for the demo bank's branches in the Arctic Ocean, hears that nothing is near, which is
true, and finds what is elsewhere by its city.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from openteller_sandbox.branches import datum
from openteller_sandbox.branches.directory import Directory, Key
from openteller_sandbox.branches.nearest import Point, Window
from openteller_sandbox.db import Tx

FAR_M = 1_000_000
"""What is farther away is near to nobody."""
_BESIDE_M = 100_000
_FAR_DEGREES = 9.0  # of latitude: as many metres
_APART_M, _FAR_APART_M = 25_000, 200_000
_APART, _FAR_APART = 0.25, 2.0  # degrees: about as many metres
_SURE_M = 1.0

Division = tuple[Key, int]
"""A set of places, and before it what it is kept under."""


class Where(NamedTuple):
    """What a question says of where.

    Attributes:
        near: a position, in WGS-84.
        radius_m: how far from it.
        bbox: a part of the map.
        crs: the datum of that.
        divisions: those that are named and have places, by parameter.
    """

    near: Point | None
    radius_m: int | None
    bbox: Window | None
    crs: str
    divisions: Mapping[str, Division]


class Contradictions:
    """What contradicts itself in a question.

    Args:
        tx: reads positions.
        directory: the branches or ATMs.
        where: what is asked for.
    """

    def __init__(self, tx: Tx, directory: Directory, where: Where) -> None:
        self._tx = tx
        self._directory = directory
        self._where = where
        self._positions = directory.positions(tx)

    def find(self) -> Iterator[tuple[str, str]]:
        """Name parameters, and say why nothing can be an answer to them."""
        near, radius_m, window = self._where.near, self._where.radius_m, self._where.bbox
        if near and self._is_turned(near):
            yield "near", "Nothing is within 1,000 km, but is with latitude and longitude exchanged: latitude is first."
        elif window and self._is_turned_window(window):
            yield "bbox", "Nothing is near it, but is in it with its numbers exchanged: it is west,south,east,north."
        elif near and radius_m and window and self._are_apart(near, radius_m, window):
            yield "bbox", "Lies outside the circle of radius_m around near."
        else:
            yield from self._elsewhere()

    def _is_turned(self, near: Point) -> bool:
        """Tell whether longitude stands first in a position."""
        turned, divisions = Point(near.longitude, near.latitude), self._where.divisions.values()
        if abs(turned.latitude) > 90 or self._is_around(near, FAR_M, divisions):
            return False
        return self._is_around(turned, _BESIDE_M, divisions)

    def _is_turned_window(self, window: Window) -> bool:
        """Tell whether latitudes stand first in a part of the map."""
        south, west, north, east = window
        divisions = self._where.divisions.values()
        if max(abs(south), abs(north)) > 90 or south >= north or self._is_in(window, _FAR_DEGREES, divisions):
            return False
        return self._is_in(Window(west, south, east, north), 0.0, divisions)

    def _are_apart(self, near: Point, radius_m: int, window: Window) -> bool:
        """Tell whether a circle and a part of the map have nothing in common."""
        moved = 0.0 if self._where.crs == datum.WGS84 else datum.FARTHEST
        return window.larger(moved).metres_from(near) > radius_m + _SURE_M

    def _elsewhere(self) -> Iterator[tuple[str, str]]:
        """Find that a city is not where the circle or the part of the map is: where others have places, none of its own
        is near, or where nobody has, none is for far.
        """
        near, radius_m, window = self._where.near, self._where.radius_m, self._where.bbox
        for name, division in self._where.divisions.items():
            told = f"lies elsewhere than {name}: none of its places is there, or near."
            if window and not self._is_in(window, _APART if self._is_in(window) else _FAR_APART, [division]):
                yield "bbox", f"This part of the map {told}"
            if near and radius_m:
                apart = _APART_M if self._is_around(near, radius_m) else _FAR_APART_M
                if not self._is_around(near, radius_m + apart, [division]):
                    yield "radius_m", f"The circle around near {told}"

    def _is_around(self, point: Point, metres: int, divisions: Iterable[Division] = ()) -> bool:
        """Tell whether a place, of all the divisions, is within a distance."""
        marks = [self._directory.marks(self._tx, *division) for division in divisions]
        return bool(self._positions.nearest(point, 1, among=marks, within_m=metres))

    def _is_in(self, window: Window, around: float = 0.0, divisions: Iterable[Division] = ()) -> bool:
        """Tell whether a place, of all the divisions, is in a part of the map with so many degrees around it."""
        found = datum.inside(self._positions, window.larger(around), self._where.crs)
        for _, members in divisions:
            found &= members
        return found != 0
