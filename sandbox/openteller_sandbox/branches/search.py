"""The words that places are found by: one way of cutting text, for what is stored and for what is asked. Pure.

Chinese has no spaces: every character and every pair of neighbours is a word, so that a name of two characters is found
as surely as a long one; Traditional characters count as Simplified ones. What is not Chinese (English, pinyin,
initials, digits) is cut into whole words without case, accents and apostrophes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from openteller_sandbox.folding import fold

_HAN = "〇㐀-䶿一-鿿𠀀-𲎯"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_OTHER_WORD = re.compile(f"[^\\W_{_HAN}]+")
_PAIR = 2
_SEPARATORS = re.compile(r"[\W_]+")


def words_of(text: str) -> set[str]:
    """Give every word that a text is found by."""
    text = fold(text)
    words = set(_OTHER_WORD.findall(text))
    for run in _HAN_RUN.findall(text):
        words.update(run, _pairs(run))
    return words


def words_asked(text: str) -> list[str]:
    """Give the words that must all be found, each once; none when there is nothing but punctuation."""
    text = fold(text)
    words: list[str] = _OTHER_WORD.findall(text)
    for run in _HAN_RUN.findall(text):
        words += _pairs(run) if len(run) > 1 else run
    return list(dict.fromkeys(words))


def runs_asked(text: str) -> list[str]:
    """Give the runs of Chinese that are longer than a pair: the pairs of one may be in a text, and the run not."""
    return [run for run in _HAN_RUN.findall(fold(text)) if len(run) > _PAIR]


def length_of(name: str) -> int:
    """Count the letters of a name, at most 99: of two that have what was asked for, the shorter one has less else."""
    return min(len(city_key(name)), 99)


def city_key(name: str) -> str:
    """Write the name or code of a city the one way, without spaces: ``Xi'an`` and ``xi an`` as ``xian``."""
    return _SEPARATORS.sub("", fold(name))


def _pairs(run: str) -> Iterable[str]:
    return map(str.__add__, run, run[1:])
