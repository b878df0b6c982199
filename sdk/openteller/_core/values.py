"""Argument types that several resources share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from openteller._core.degrees import degrees, parts
from openteller.errors import ConfigurationError
from openteller.models.branches import Location

__all__ = ["Box", "Position", "aware", "box", "pair", "position"]

Position: TypeAlias = str | tuple[float, float] | Location
"""Latitude and longitude in degrees, of WGS-84 unless a ``crs`` says another: ``"39.91,116.40"``, ``(39.91, 116.40)``,
or a branch's ``location``."""


Box: TypeAlias = str | tuple[float, float, float, float]
"""A part of the map in degrees: west, south, east, north, of WGS-84 unless a ``crs`` says another. Where west is larger
than east it goes across the 180th meridian. ``openteller.geo.box_around`` makes one."""


def pair(place: Position, name: str = "a position") -> tuple[float, float]:
    """Give latitude and longitude of a position. name: what an error calls it.

    Raises:
        ConfigurationError: it is no pair of degrees; latitude comes first.
    """
    try:
        latitude, longitude = _numbers(place)
        fits = -90 <= latitude <= 90 and -180 <= longitude <= 180
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{name} is (latitude, longitude) in degrees, or a text: 39.91,116.40") from error
    if not fits:
        raise ConfigurationError(f"{name} is (latitude, longitude) in degrees, latitude first")
    return latitude, longitude


def position(near: Position | None) -> str | None:
    """Write a position as ``latitude,longitude`` with at most seven decimals, a centimetre. A text is the bank's to
    judge, but for its blanks and commas.

    Raises:
        ConfigurationError: it is no pair of degrees; latitude comes first.
    """
    if near is None or isinstance(near, str):
        return near and ",".join(parts(near))
    return ",".join(map(_written, pair(near, "near")))


def box(bbox: Box | None) -> str | None:
    """Write a part of the map as ``west,south,east,north``. A text is the bank's to judge, but for its blanks and
    commas.

    Raises:
        ConfigurationError: it is no four numbers of degrees, or has no area.
    """
    if bbox is None or isinstance(bbox, str):
        return bbox and ",".join(parts(bbox))
    try:
        west, south, east, north = edges = tuple(map(float, bbox))
        fits = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90
    except (TypeError, ValueError) as error:
        raise ConfigurationError("bbox is (west, south, east, north) in degrees") from error
    if not fits or west == east:
        raise ConfigurationError("bbox is (west, south, east, north) in degrees, south less than north")
    return ",".join(map(_written, edges))


def aware(moment: datetime | str) -> datetime:
    """Give an instant, which a text has in the form of RFC 3339.

    Raises:
        ConfigurationError: it is none, or lacks its zone.
    """
    try:
        read = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        fits = read.utcoffset() is not None
    except (ValueError, AttributeError) as error:
        raise ConfigurationError("an instant is a datetime, or a text: 2026-10-10T16:30:00+08:00") from error
    if not fits:
        raise ConfigurationError("an instant needs a time zone: nobody else knows which one is meant")
    return read


def _numbers(place: Position) -> Iterable[float]:
    if isinstance(place, Location):
        return place.latitude, place.longitude
    return degrees(place) if isinstance(place, str) else map(float, place)


def _written(value: float) -> str:
    text = f"{value:.7f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
