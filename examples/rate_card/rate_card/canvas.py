"""A sheet of SVG: boxes, lines, triangles and text as outlines.

The standard library's ElementTree writes it, since it escapes texts and attributes alike; small SVG packages leave the
attributes, or both, to the caller.
"""

from __future__ import annotations

from bisect import bisect_right
from enum import Enum
from xml.etree import ElementTree as ET

from rate_card.lettering import Lettering, Weight

__all__ = ["Align", "Canvas"]

SMALLEST = 0.72
"""To which part of its size a text may shrink before it is cut."""

HAIR = 0.01
"""Pixels that a text may be too wide, for the sake of rounding."""


class Align(Enum):
    """Which end of a text stands at its x."""

    START = 0.0
    MIDDLE = 0.5
    END = 1.0


class Canvas:
    """A picture in the making.

    Args:
        width, height: in pixels.
        title, description: what a screen reader says of the picture.
    """

    def __init__(self, lettering: Lettering, width: int, height: int, *, title: str, description: str) -> None:
        self._lettering = lettering
        attributes = {
            "xmlns": "http://www.w3.org/2000/svg",
            "width": str(width),
            "height": str(height),
            "viewBox": f"0 0 {width} {height}",
            "role": "img",
            "aria-labelledby": "title desc",
            "lang": "zh-CN",
        }
        self._root = ET.Element("svg", attributes)
        ET.SubElement(self._root, "title", id="title").text = title
        ET.SubElement(self._root, "desc", id="desc").text = description

    def svg(self) -> str:
        """Give the picture."""
        ET.indent(self._root, "")
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(self._root, encoding="unicode") + "\n"

    def box(self, x: float, y: float, width: float, height: float, fill: str, *, round_by: float = 0) -> None:
        """Draw a filled box."""
        self._add("rect", x=x, y=y, width=width, height=height, fill=fill, **({"rx": round_by} if round_by else {}))

    def rule(self, x: float, y: float, width: float, colour: str, *, thick: float = 1) -> None:
        """Draw a line to the right."""
        self.box(x, y - thick / 2, width, thick, colour)

    def triangle(self, x: float, y: float, size: float, fill: str, *, up: bool) -> None:
        """Draw a triangle that points up or down, in a square whose bottom left corner is (x, y)."""
        base, tip = (y, y - size) if up else (y - size, y)
        points = ((x, base), (x + size, base), (x + size / 2, tip))
        self._add("path", d="M" + "L".join(f"{_short(px)} {_short(py)}" for px, py in points) + "Z", fill=fill)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float,
        fill: str,
        *,
        weight: Weight = Weight.REGULAR,
        align: Align = Align.START,
        within: float | None = None,
        turned: float = 0,
    ) -> float:
        """Draw a line of text on the baseline y; give its width.

        Args:
            within: the width that it may take: a longer text shrinks, and is cut if that is not enough.
            turned: degrees clockwise about (x, y).
        """
        if within is not None:
            text, size = self._fitted(text, size, weight, within)
        width = self._lettering.width(text, size, weight)
        scale = size / 1000
        move = f"translate({_short(x - (0 if turned else width * align.value))} {_short(y)})"
        if turned:
            move += f"rotate({_short(turned)})translate({_short(-width * align.value)} 0)"
        attributes = {
            "transform": f"{move}scale({_short(scale)} {_short(-scale)})",
            "fill": fill,
            "aria-label": text,
            "d": self._lettering.run(text, weight).outline,
        }
        ET.SubElement(self._root, "path", attributes)
        return width

    def _fitted(self, text: str, size: float, weight: Weight, within: float) -> tuple[str, float]:
        width = self._lettering.width(text, size, weight)
        if width <= within:
            return text, size
        smaller = max(size * within / width, size * SMALLEST)
        if self._lettering.width(text, smaller, weight) <= within + HAIR:
            return text, smaller

        def width_of(length: int) -> float:
            return self._lettering.width(text[:length] + "…", smaller, weight)

        fits = bisect_right(range(1, len(text)), within, key=width_of)
        return text[:fits].rstrip() + "…", smaller

    def _add(self, name: str, **attributes: float | str) -> None:
        written = {key: value if isinstance(value, str) else _short(value) for key, value in attributes.items()}
        ET.SubElement(self._root, name, written)


def _short(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".") if number % 1 else str(int(number))
