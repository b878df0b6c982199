"""Folding: one spelling for the many in which a message can be typed.

`fold` decides which characters mean the same; it knows no words. Everything here takes time linear in the text.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

__all__ = ["CHINESE_DIGITS", "TABLES", "close_up", "fold", "is_chinese"]

TABLES = Path(__file__).parents[1] / "data"

CHINESE_DIGITS = {
    character: str(value)
    for value, characters in enumerate(
        ["〇零", "一壹弌幺", "二贰弍两", "三叁弎参", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"]
    )
    for character in characters
}
"""Simplified Chinese digits as they are read out in a number, with the forms that banks write."""

_CIRCLES_FOR_ZERO = "○◯⭕"
_GAPS = re.compile(r"(?<=[㐀-鿿豈-﫿]) +(?=[㐀-鿿豈-﫿])")
_MOST_REMEMBERED = 20_000


def _simplified() -> dict[str, str]:
    """Traditional character -> simplified."""
    with (TABLES / "traditional.csv").open(encoding="utf-8", newline="") as file:
        return {form: row["simplified"] for row in csv.DictReader(file) for form in row["traditional"]}


class _Folds(dict[int, str]):
    """What each character folds to, worked out when it is first met."""

    def __init__(self) -> None:
        super().__init__((ord(circle), "〇") for circle in _CIRCLES_FOR_ZERO)
        self._simplified = _simplified()

    def __missing__(self, code: int) -> str:
        folded = "".join(self._fold(part) for part in unicodedata.normalize("NFKD", chr(code)).casefold())
        # All of Unicode would fit, but a sender shall not fill the memory with it.
        if len(self) < _MOST_REMEMBERED:
            self[code] = folded
        return folded

    def _fold(self, character: str) -> str:
        if character == "\n" or (character.isascii() and character.isprintable()):
            return character
        if (digit := unicodedata.digit(character, None)) is not None:
            return str(digit)
        kind = unicodedata.category(character)
        if kind in {"Mn", "Me", "Cf"}:  # tones, the frame of a keycap, joiners: nothing by themselves
            return ""
        if kind == "No":  # a dingbat of ten and more
            number = unicodedata.numeric(character)
            return str(int(number)) if number.is_integer() and number < 100 else " "
        if kind in {"So", "Sk", "Cc", "Cn", "Co", "Cs", "Zs", "Zl", "Zp"}:
            return " "
        return self._simplified.get(character, character)


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Compatibility forms to plain ones, Traditional to Simplified, any script's digits to 0-9, emoji to blanks.

    Chinese digits stay as they are, since they are also parts of words.
    """
    return text.translate(_FOLDS)


def close_up(folded: str) -> tuple[str, frozenset[int]]:
    """The text without blanks between Chinese characters, and where in it there had been one."""
    parts: list[str] = []
    gaps: list[int] = []
    length = at = 0
    for gap in _GAPS.finditer(folded):
        parts.append(folded[at : gap.start()])
        length += gap.start() - at
        gaps.append(length)
        at = gap.end()
    return "".join(parts) + folded[at:], frozenset(gaps)


def is_chinese(character: str) -> bool:
    """A Chinese character, digits among them."""
    return "㐀" <= character <= "鿿" or character == "〇"
