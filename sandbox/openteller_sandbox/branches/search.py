"""The words that places are found by: one way of cutting text, for what is stored and for what is asked. Pure.

Chinese has no spaces: every character and every pair of neighbours is a word, so that a name of two characters is found
as surely as a long one. What is not Chinese (English, pinyin, initials, digits) is cut into whole words without case,
accents and apostrophes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

_HAN = "〇㐀-䶿一-鿿𠀀-𲎯"
_RUNS = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_ACCENTS_AND_APOSTROPHES = re.compile("[\u0300-\u036f'\u2018\u2019\u02bc]")


def fold(text: str) -> str:
    """Write text the one way: full-width letters as plain ones, no case, no accents, no apostrophes."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return _ACCENTS_AND_APOSTROPHES.sub("", text.casefold())


def words_of(text: str) -> set[str]:
    """Give every word that a text is found by."""
    words: set[str] = set()
    for run in _RUNS.findall(fold(text)):
        if _is_han(run):
            words.update(run, _pairs(run))
        else:
            words.add(run)
    return words


def words_asked(text: str) -> list[str]:
    """Give the words that must all be found, each once; none when there is nothing but punctuation."""
    words: list[str] = []
    for run in _RUNS.findall(fold(text)):
        words += _pairs(run) if len(run) > 1 and _is_han(run) else [run]
    return list(dict.fromkeys(words))


def city_key(name: str) -> str:
    """Write the name or code of a city the one way, without spaces: ``Xi'an`` and ``xi an`` as ``xian``."""
    return "".join(_RUNS.findall(fold(name)))


def _is_han(run: str) -> bool:
    """Tell the two kinds of runs apart: no run has characters of both."""
    return _HAN_CHARACTER.match(run) is not None


def _pairs(run: str) -> Iterable[str]:
    return map("".join, pairwise(run))
