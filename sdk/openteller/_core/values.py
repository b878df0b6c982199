"""Argument types that several resources share."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from openteller.errors import ConfigurationError
from openteller.models.branches import Location

__all__ = ["Box", "Position", "box", "instant", "pair", "position"]

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
        if isinstance(place, Location):
            latitude, longitude = place.latitude, place.longitude
        else:
            latitude, longitude = map(float, place.split(",") if isinstance(place, str) else place)
        fits = -90 <= latitude <= 90 and -180 <= longitude <= 180
    except (TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"{name} is (latitude, longitude) in degrees") from error
    if not fits:
        raise ConfigurationError(f"{name} is (latitude, longitude) in degrees, latitude first")
    return latitude, longitude


def position(near: Position | None) -> str | None:
    """Write a position as ``latitude,longitude`` with at most seven decimals, a centimetre; a text as it is.

    Raises:
        ConfigurationError: it is no pair of degrees; latitude comes first.
    """
    if near is None or isinstance(near, str):
        return near
    latitude, longitude = pair(near, "near")
    return f"{_degrees(latitude)},{_degrees(longitude)}"


def box(bbox: Box | None) -> str | None:
    """Write a part of the map as ``west,south,east,north``; a text as it is.

    Raises:
        ConfigurationError: it is no four numbers of degrees, or has no area.
    """
    if bbox is None or isinstance(bbox, str):
        return bbox
    try:
        west, south, east, north = bbox
        fits = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90
    except (TypeError, ValueError) as error:
        raise ConfigurationError("bbox is (west, south, east, north) in degrees") from error
    if not fits or west == east:
        raise ConfigurationError("bbox is (west, south, east, north) in degrees, south less than north")
    return ",".join(map(_degrees, bbox))


def instant(moment: datetime | None) -> str | None:
    """Write an instant as RFC 3339.

    Raises:
        ConfigurationError: a datetime without an offset.
    """
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise ConfigurationError("a datetime needs a time zone: nobody else knows which one is meant")
    return moment.isoformat()


def _degrees(value: float) -> str:
    text = f"{value:.7f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
