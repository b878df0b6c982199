"""Argument types that several resources share."""

from __future__ import annotations

from typing import TypeAlias

from openteller.errors import ConfigurationError
from openteller.models.branches import Location

__all__ = ["Position", "position"]

Position: TypeAlias = str | tuple[float, float] | Location
"""Latitude and longitude in degrees of WGS-84: ``"39.91,116.40"``, ``(39.91, 116.40)``, or a branch's ``location``."""


def position(near: Position | None) -> str | None:
    """Write a position as ``latitude,longitude`` with at most seven decimals, a centimetre.

    Raises:
        ConfigurationError: it is no pair of degrees; latitude comes first.
    """
    if near is None or isinstance(near, str):
        return near
    try:
        latitude, longitude = (near.latitude, near.longitude) if isinstance(near, Location) else near
        fits = -90 <= latitude <= 90 and -180 <= longitude <= 180
    except (TypeError, ValueError) as error:
        raise ConfigurationError("near is (latitude, longitude) in degrees") from error
    if not fits:
        raise ConfigurationError("near is (latitude, longitude) in degrees, latitude first")
    return f"{_degrees(latitude)},{_degrees(longitude)}"


def _degrees(value: float) -> str:
    text = f"{value:.7f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
