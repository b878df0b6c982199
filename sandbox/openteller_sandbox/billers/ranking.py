"""Who is meant by a question, and who is meant first. Pure.

First come those that are called exactly so; then those of the place itself, before those of its province and of the
whole country; a city's before those of a province or a county of the same name. Whoever takes no payments comes after
those who do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from openteller_sandbox.billers.search import Reading, Vocabulary

_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
_NAMED = 0
_KNOWN = 100


class Candidate(NamedTuple):
    """A biller as far as it can be found. serves: what the adcodes of all that it serves begin with."""

    biller_code: str
    category_code: str
    serves: str
    is_active: bool
    search_text: str


class Division(NamedTuple):
    """A division that bears the name of a place. kind: 0 a city, 1 a province, 2 a county."""

    adcode: str
    kind: int


Places = dict[str, Sequence[Division]]


def rank(candidate: Candidate, readings: Sequence[Reading], vocabulary: Vocabulary, places: Places) -> int | None:
    """Say how well a biller fits a question, the lowest best; None where it fits in no reading."""
    ranks = [_fit(candidate, reading, vocabulary, places) for reading in readings]
    fitting = [each for each in ranks if each is not None]
    return min(fitting) * 2 + (not candidate.is_active) if fitting else None


def _fit(candidate: Candidate, reading: Reading, vocabulary: Vocabulary, places: Places) -> int | None:
    if all(piece.kind == "free" for piece in reading):
        return _fit_text(candidate, reading)
    far = 0
    for piece in reading:
        if piece.kind == "category":
            if candidate.category_code not in vocabulary.categories[piece.text]:
                return None
        elif piece.kind == "place":
            distance = _distance(candidate, places[piece.text])
            if distance is None:
                return None
            far = max(far, distance)
        elif piece.text not in candidate.search_text:
            return None
    if not candidate.serves and all(piece.kind == "place" for piece in reading):
        return None  # who serves the whole country is not asked for by a place alone
    return _KNOWN + far


def _fit_text(candidate: Candidate, reading: Reading) -> int | None:
    if not all(piece.text in candidate.search_text for piece in reading):
        return None
    whole = " ".join(piece.text for piece in reading)
    return _NAMED if whole in candidate.search_text.split("\n") else _KNOWN


def _distance(candidate: Candidate, divisions: Sequence[Division]) -> int | None:
    """Say how far a biller's area is from a place; None where it does not serve it."""
    found = [
        division.kind * 3 + level
        for division in divisions
        if (level := _level(candidate.serves, division.adcode)) is not None
    ]
    return min(found) if found else None


def _level(serves: str, adcode: str) -> int | None:
    """0: the place's own biller, or its city's; 1: its province's, or one of a province's cities; 2: everybody's."""
    province = adcode[:2]
    if not serves:
        return 2
    if adcode.endswith("0000"):
        return None if not serves.startswith(province) else 0 if serves == province else 1
    if serves == adcode[:4]:
        return 0
    if serves == province:
        return 0 if province in _MUNICIPALITIES else 1
    return None
