"""The directory: who can be paid, found by place, kind and words.

What follows from one biller's record alone is in ``model``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from openteller_sandbox.billers import search, store
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.billers.ranking import Candidate, Division, Places, rank
from openteller_sandbox.billers.search import Vocabulary
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which billers are asked for; an empty filter asks for all."""

    category_code: str = ""
    adcode: str = ""
    city: str = ""
    q: str = ""


@dataclass(frozen=True, slots=True)
class City:
    """A city by its code, with its name in Chinese, without 市, and English."""

    adcode: str
    name: Mapping[str, str]


def last_update(tx: Tx) -> int:
    """Give when the directory last changed, epoch milliseconds."""
    row = tx.one(store.LAST_UPDATE)
    return int(row["updated_at"] or 0) if row else 0


def categories(tx: Tx) -> list[str]:
    """Give every category as the contract's JSON, in menu order."""
    return [row["wire"] for row in tx.all(store.CATEGORIES)]


Place = tuple[int, str]
"""Where a biller stands in a list: how well it fits the words that were asked for (0 without any), and its code."""
FIRST: Place = (-1, "")


def page(tx: Tx, filters: Filters, *, after: Place = FIRST, count: int) -> list[tuple[Place, str]]:
    """Give (place, JSON) of at most ``count`` billers that come after a place and pass every filter: the best first,
    and by code.
    """
    cities = _cities(tx, filters.city) if filters.city else []
    if filters.city and not cities:
        return []
    which: dict[str, Any] = {"category_code": filters.category_code}
    if filters.adcode:
        which |= store.serving("adcode", filters.adcode)
    for number, adcode in enumerate(cities):
        which |= store.serving(f"city{number}", adcode)
    shape = {"has_adcode": bool(filters.adcode), "cities": len(cities)}
    if tokens := search.tokens_of(filters.q):
        found = _ranked(tx, tokens, tx.all(store.candidates(**shape), **which))
        return [(place, _wire(tx, place[1])) for place in found if place > after][:count]
    if filters.q:  # nothing but punctuation
        return []
    rows = tx.all(store.page(**shape), after=after[1], count=count, **which)
    return [((0, row["biller_code"]), row["wire"]) for row in rows]


def _ranked(tx: Tx, tokens: Sequence[str], rows: Iterable[Any]) -> list[Place]:
    vocabulary, places = _vocabulary(tx, search.candidates(tokens))
    meant = search.readings(tokens, vocabulary)
    ranked = []
    for candidate in (Candidate(*row) for row in rows):
        fit = rank(candidate, meant, vocabulary, places)
        if fit is not None:
            ranked.append((fit, candidate.biller_code))
    return sorted(ranked)


def _vocabulary(tx: Tx, stretches: Iterable[str]) -> tuple[Vocabulary, Places]:
    """Look up which stretches of a question are words of the directory."""
    categories: defaultdict[str, set[str]] = defaultdict(set)
    places: defaultdict[str, list[Division]] = defaultdict(list)
    asked = sorted(stretches)
    for start in range(0, len(asked), store.WORDS_AT_ONCE):
        some = asked[start : start + store.WORDS_AT_ONCE]
        words = {f"word{number}": some[min(number, len(some) - 1)] for number in range(store.WORDS_AT_ONCE)}
        for row in tx.all(store.WORDS, **words):
            categories[row["word"]].add(row["category_code"])
        for row in tx.all(store.PLACES, **words):
            kind = 0 if row["is_city"] else 1 if row["adcode"].endswith("0000") else 2
            places[row["word"]].append(Division(row["adcode"], kind))
    known = {word: frozenset(codes) for word, codes in categories.items()}
    adcodes = {word: [division.adcode for division in found] for word, found in places.items()}
    return Vocabulary(known, adcodes), dict(places)


def _wire(tx: Tx, biller_code: str) -> str:
    row = tx.one(store.FIND_BY_CODE, biller_code=biller_code)
    assert row is not None
    return str(row["wire"])


def category_codes(tx: Tx) -> list[str]:
    """Give the code of every category, in menu order."""
    return [json.loads(wire)["category_code"] for wire in categories(tx)]


def has_category(tx: Tx, category_code: str) -> bool:
    """Tell whether there is such a category."""
    return tx.one(store.CATEGORY, category_code=category_code) is not None


def has_division(tx: Tx, adcode: str) -> bool:
    """Tell whether there is such a province, city or county."""
    return tx.one(store.DIVISION, adcode=adcode) is not None


def is_division(tx: Tx, name: str) -> bool:
    """Tell whether a province, city or county has this name or code, in Chinese or Latin letters."""
    return has_division(tx, name) or tx.one(store.DIVISION_NAMED, word=search.word_key(name)) is not None


def all_cities(tx: Tx) -> list[City]:
    """Give every city that the directory knows, by code."""
    return [City(row["adcode"], {"zh-CN": row["name"], "en": row["name_en"]}) for row in tx.all(store.ALL_CITIES)]


def division_names(tx: Tx) -> dict[str, list[str]]:
    """Give what every province, city and county is called, in Chinese and Latin letters, by code."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for row in tx.all(store.DIVISION_NAMES):
        names[row["adcode"]].append(row["word"])
    return dict(names)


def _cities(tx: Tx, name: str) -> list[str]:
    return [row["adcode"] for row in tx.all(store.CITIES, word=search.word_key(name))]


def read(tx: Tx, biller_id: str) -> tuple[str, int]:
    """Give a biller as the contract's JSON, and when it last changed (epoch milliseconds).

    Raises:
        Problem: BILLER_NOT_FOUND.
    """
    row = tx.one(store.FIND, biller_id=biller_id)
    if row is None:
        raise Problem("BILLER_NOT_FOUND")
    return row["wire"], row["updated_at"]


def get(tx: Tx, biller_id: str) -> Biller:
    """Give a biller to other features.

    Raises:
        Problem: BILLER_NOT_FOUND.
    """
    wire, _ = read(tx, biller_id)
    return _model(wire)


def with_maintenance(tx: Tx) -> list[Biller]:
    """Give the billers that have announced maintenance, by code."""
    return [_model(row["wire"]) for row in tx.all(store.IN_MAINTENANCE)]


def model_of(wire: str) -> Biller:
    """Read a biller from its record."""
    return _model(wire)


@lru_cache(maxsize=1024)
def _model(wire: str) -> Biller:
    """Read a record once: the model never changes, and keeps its compiled patterns."""
    return Biller(json.loads(wire))
