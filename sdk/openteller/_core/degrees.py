"""Degrees as people write them, several with commas between them."""

from __future__ import annotations

import re

__all__ = ["degrees", "parts"]

_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]+)?")


def degrees(text: str) -> list[float]:
    """Read numbers of degrees with commas between them, which may be Chinese ones, and blanks around.

    Raises:
        ValueError: a part is not written as a plain decimal.
    """
    found = parts(text)
    if not all(map(_DEGREES.fullmatch, found)):  # float() takes 1e1, 1_0 and nan
        raise ValueError("not a plain decimal")
    return [float(part) for part in found]


def parts(text: str) -> list[str]:
    """Give what stands between commas, without the blanks around it."""
    return [part.strip() for part in text.replace("，", ",").split(",")]
