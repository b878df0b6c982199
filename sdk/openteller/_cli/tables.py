"""Text in columns on a terminal, where a Chinese character takes two."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence

__all__ = ["facts", "padded", "plain", "table", "width"]

_GAP = "  "
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_BREAKS = frozenset(["Cc", "Zl", "Zp"])
_UNSEEN = frozenset(["Mn", "Me", "Cf"])


def width(text: str) -> int:
    """Give how many columns a text takes: two for a wide character, none for a mark on the one before it."""
    return sum(_columns(one) for one in text)


def _columns(one: str) -> int:
    if one.isascii():
        return 1
    if unicodedata.category(one) in _UNSEEN:
        return 0
    return 2 if unicodedata.east_asian_width(one) in "WF" else 1


def plain(text: str) -> str:
    """Give a text as it can stand in a line: it may come from elsewhere, and shall not steer the terminal."""
    return "".join(" " if unicodedata.category(one) in _BREAKS else one for one in text if one not in _BIDI)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """Fill a text with blanks up to a number of columns; a longer one stays as it is."""
    blanks = " " * max(0, columns - width(text))
    return blanks + text if right else text + blanks


def table(titles: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[str] = ()) -> str:
    """Set rows under their titles. right: the titles of columns that hold numbers; None is an empty cell."""
    cells = [[plain("" if value is None else str(value)) for value in row] for row in rows]
    columns = list(zip(titles, *cells, strict=True))
    widths = [max(width(cell) for cell in column) for column in columns]
    sides = [title in right for title in titles]
    lines = (
        _GAP.join(padded(cell, size, right=side) for cell, size, side in zip(line, widths, sides, strict=True))
        for line in [titles, *cells]
    )
    return "\n".join(line.rstrip() for line in lines)


def facts(pairs: Iterable[tuple[str, object]]) -> str:
    """Set labels and values side by side; those whose value is None or empty are left out."""
    told = [(label, plain(str(value))) for label, value in pairs if value not in (None, "")]
    size = max((width(label) for label, _ in told), default=0)
    return "\n".join(f"{padded(label, size)}{_GAP}{value}" for label, value in told)
