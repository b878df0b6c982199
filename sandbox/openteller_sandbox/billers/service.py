"""The directory: who can be paid, found by place, kind and words.

What follows from one biller's record alone is in ``model``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from openteller_sandbox.billers import search, store
from openteller_sandbox.billers.model import Biller
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


def page(tx: Tx, filters: Filters, *, after: str, count: int) -> list[tuple[str, str]]:
    """Give (biller_code, JSON) of at most ``count`` billers that come after a code and pass every filter, by code."""
    words = search.like_patterns(filters.q)
    cities = _cities(tx, filters.city) if filters.city else []
    if filters.city and not cities:
        return []
    parameters = {f"word{number}": word for number, word in enumerate(words)}
    if filters.adcode:
        parameters |= store.serving("adcode", filters.adcode)
    for number, adcode in enumerate(cities):
        parameters |= store.serving(f"city{number}", adcode)
    statement = store.page(has_adcode=bool(filters.adcode), cities=len(cities), words=len(words))
    rows = tx.all(statement, after=after, category_code=filters.category_code, count=count, **parameters)
    return [(row["biller_code"], row["wire"]) for row in rows]


def category_codes(tx: Tx) -> list[str]:
    """Give the code of every category, in menu order."""
    return [json.loads(wire)["category_code"] for wire in categories(tx)]


def has_category(tx: Tx, category_code: str) -> bool:
    """Tell whether there is such a category."""
    return tx.one(store.CATEGORY, category_code=category_code) is not None


def has_division(tx: Tx, adcode: str) -> bool:
    """Tell whether there is such a province, city or county."""
    return tx.one(store.DIVISION, adcode=adcode) is not None


def all_cities(tx: Tx) -> list[City]:
    """Give every city that the directory knows, by code."""
    return [City(row["adcode"], {"zh-CN": row["name"], "en": row["name_en"]}) for row in tx.all(store.ALL_CITIES)]


def _cities(tx: Tx, name: str) -> list[str]:
    return [row["adcode"] for row in tx.all(store.CITIES, word=search.place_key(name))]


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


@lru_cache(maxsize=1024)
def _model(wire: str) -> Biller:
    """Read a record once: the model never changes, and keeps its compiled patterns."""
    return Biller(json.loads(wire))
