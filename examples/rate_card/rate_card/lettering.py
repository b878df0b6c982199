"""Text as outlines, so that a picture looks the same wherever it is opened, with no font at hand.

HarfBuzz sets the type: it kerns, and takes the forms of the Chinese mainland where a character has others elsewhere.
One weight of Noto Sans CJK is enough, for it makes bolder ones of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from pathlib import Path

import uharfbuzz

from rate_card.faults import NoMeans

__all__ = ["FONT_PACKAGE", "Lettering", "Run", "Weight", "find_font"]

FONT_PACKAGE = "noto_cjk_sans_otc"
FONT_FILE = "NotoSansCJK-Regular.ttc"
"""What the package and Linux distributions call it."""
FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.local/share/fonts",
    "~/.fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
)
PROBE = "示范银行汇率"
"""A font that lacks one of these cannot letter the card."""
MISSING = "〓"
"""The printers' mark for missing type: drawn for a character that the font has not."""


class Weight(Enum):
    """How bold: what is added to a stroke, as a part of the type size."""

    REGULAR = 0.0
    MEDIUM = 0.012
    BOLD = 0.028


@dataclass(frozen=True, slots=True)
class Run:
    """A line of text as one outline, in units of a thousandth of the type size; y grows upwards."""

    outline: str
    width: float


def find_font() -> Path:
    """Find Noto Sans CJK: the package's, or else the system's.

    Raises:
        NoMeans: neither is there.
    """
    try:
        return Path(str(importlib.import_module(FONT_PACKAGE).FONT_PATH))
    except ModuleNotFoundError:
        pass
    for folder in FOLDERS:
        for found in sorted(Path(folder).expanduser().rglob(FONT_FILE)):
            return found
    raise NoMeans(f"no {FONT_FILE}: pip install noto-cjk-sans-otc, install fonts-noto-cjk, or name a font with --font")


class Lettering:
    """Sets text in one font file.

    Args:
        font: an OpenType font or collection with Chinese glyphs.

    Raises:
        NoMeans: the file cannot be read, or is no font with Chinese glyphs.
    """

    def __init__(self, font: Path) -> None:
        try:
            face = uharfbuzz.Face(uharfbuzz.Blob(font.read_bytes()))
        except OSError as error:
            raise NoMeans(f"the font {font} cannot be read: {error.strerror}") from error
        self._fonts = {weight: _font(face, weight) for weight in Weight}
        self._pen = _pen()
        if missing := [character for character in PROBE if not self._has(character)]:
            raise NoMeans(f"the font {font} has no glyph for {'、'.join(missing)}: name another with --font")
        self.run = lru_cache(maxsize=512)(self._run)

    def width(self, text: str, size: float, weight: Weight = Weight.REGULAR) -> float:
        """Give how wide a text is at a size, in the size's unit."""
        return self.run(text, weight).width * size / 1000

    def _run(self, text: str, weight: Weight) -> Run:
        if not text:
            return Run("", 0)  # HarfBuzz has no positions for nothing
        font = self._fonts[weight]
        buffer = uharfbuzz.Buffer()
        buffer.add_str("".join(character if self._has(character) else MISSING for character in text))
        buffer.direction, buffer.script, buffer.language = "ltr", "Hani", "zh-Hans"
        uharfbuzz.shape(font, buffer, {"kern": True, "tnum": True})
        steps = list(self._steps(font, buffer))
        return Run("".join(outline for outline, _ in steps), sum(advance for _, advance in steps))

    def _steps(self, font: uharfbuzz.Font, buffer: uharfbuzz.Buffer) -> Iterator[tuple[str, float]]:
        """Give each glyph's outline where it stands, and how far it moves the next one."""
        x = 0.0
        for glyph, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            drawn = _Outline(x + place.x_offset, place.y_offset)
            font.draw_glyph(glyph.codepoint, self._pen, drawn)
            yield drawn.path, place.x_advance
            x += place.x_advance

    def _has(self, character: str) -> bool:
        return bool(self._fonts[Weight.REGULAR].get_nominal_glyph(ord(character)))


def _font(face: uharfbuzz.Face, weight: Weight) -> uharfbuzz.Font:
    font = uharfbuzz.Font(face)
    font.scale = (1000, 1000)
    if weight.value:
        font.synthetic_bold = (weight.value, weight.value, False)
    return font


class _Outline:
    """Path data that grows as a glyph is drawn: steps from point to point, in whole units."""

    def __init__(self, x: float, y: float) -> None:
        self._origin = (x, y)
        self._at = (0, 0)
        self._start = (0, 0)
        self._parts: list[str] = []

    def begin(self, x: float, y: float) -> None:
        """Start a contour. Its place is absolute, so that an outline can be joined to another."""
        self._at = self._start = self._placed(x, y)
        self._parts.append(f"M{self._at[0]} {self._at[1]}")

    def add(self, command: str, *points: float) -> None:
        """Go on to the last of some points, the others being its controls."""
        placed = [self._placed(x, y) for x, y in zip(points[::2], points[1::2], strict=True)]
        steps = (str(number) for x, y in placed for number in (x - self._at[0], y - self._at[1]))
        self._parts.append(command + " ".join(steps).replace(" -", "-"))
        self._at = placed[-1]

    def close(self) -> None:
        """End the contour."""
        self._parts.append("z")
        self._at = self._start

    def _placed(self, x: float, y: float) -> tuple[int, int]:
        return round(x + self._origin[0]), round(y + self._origin[1])

    @property
    def path(self) -> str:
        return "".join(self._parts)


def _pen() -> uharfbuzz.DrawFuncs:
    pen = uharfbuzz.DrawFuncs()
    pen.set_move_to_func(lambda x, y, to: to.begin(x, y))
    pen.set_line_to_func(lambda x, y, to: to.add("l", x, y))
    pen.set_quadratic_to_func(lambda x1, y1, x, y, to: to.add("q", x1, y1, x, y))
    pen.set_cubic_to_func(lambda x1, y1, x2, y2, x, y, to: to.add("c", x1, y1, x2, y2, x, y))
    pen.set_close_path_func(lambda to: to.close())
    return pen
