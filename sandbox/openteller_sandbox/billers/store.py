"""The tables of the directory: billers, their categories, and the places that they are looked for by.

The directory is open data: shared by all worlds, written when the seed is loaded and at no other time.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    or_,
    select,
)

from openteller_sandbox.db import Insert, Statement, metadata

biller_categories = Table(
    "biller_categories",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("category_code", String, nullable=False, unique=True),
    Column("wire", Text, nullable=False),
)
billers = Table(
    "billers",
    metadata,
    Column("biller_id", String, primary_key=True),
    Column("biller_code", String, nullable=False, unique=True),
    Column("category_code", String, nullable=False),
    # What the adcodes of all that it serves begin with: nothing for the whole country, two digits for a province.
    Column("serves", String, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("wire", Text, nullable=False),
    Index("billers_category", "category_code", "biller_code"),
    Index("billers_updated", "updated_at"),
)
divisions = Table(
    "divisions",
    metadata,
    Column("adcode", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("name_en", String, nullable=False),
    Column("is_city", Boolean, nullable=False),
)
division_words = Table(
    "division_words",
    metadata,
    Column("word", String, primary_key=True),
    Column("adcode", String, primary_key=True),
)

biller_words = Table(
    "biller_words",
    metadata,
    Column("word", String, primary_key=True),
    Column("category_code", String, primary_key=True),
)

INSERT_CATEGORY = Insert(biller_categories)
INSERT = Insert(billers)
INSERT_DIVISION = Insert(divisions)
INSERT_DIVISION_WORD = Insert(division_words)
INSERT_WORD = Insert(biller_words)

CATEGORIES = Statement(select(biller_categories.c.wire).order_by(biller_categories.c.position))
ALL = Statement(select(billers.c.biller_code, billers.c.biller_id, billers.c.wire).order_by(billers.c.biller_code))
DELETE = Statement(delete(billers).where(billers.c.biller_id == bindparam("biller_id")))
FIND = Statement(select(billers.c.wire, billers.c.updated_at).where(billers.c.biller_id == bindparam("biller_id")))
IN_MAINTENANCE = Statement(
    select(billers.c.wire).where(billers.c.wire.like('%"maintenance_windows":[{%')).order_by(billers.c.biller_code)
)
LAST_UPDATE = Statement(select(func.max(billers.c.updated_at).label("updated_at")))
CATEGORY = Statement(
    select(biller_categories.c.category_code).where(biller_categories.c.category_code == bindparam("category_code"))
)
DIVISION = Statement(select(divisions.c.adcode).where(divisions.c.adcode == bindparam("adcode")))
DIVISION_NAMED = Statement(select(division_words.c.adcode).where(division_words.c.word == bindparam("word")).limit(1))
DIVISION_NAMES = Statement(select(division_words.c.adcode, division_words.c.word).order_by(division_words.c.word))
ALL_CITIES = Statement(select(divisions).where(divisions.c.is_city).order_by(divisions.c.adcode))
CITIES = Statement(
    select(divisions.c.adcode)
    .join(division_words, division_words.c.adcode == divisions.c.adcode)
    .where(division_words.c.word == bindparam("word"), divisions.c.is_city)
)


WORDS_AT_ONCE = 64
_ASKED: list[BindParameter[str]] = [bindparam(f"word{number}") for number in range(WORDS_AT_ONCE)]
WORDS = Statement(select(biller_words).where(biller_words.c.word.in_(_ASKED)))
PLACES = Statement(
    select(division_words.c.word, divisions.c.adcode, divisions.c.is_city)
    .join(divisions, divisions.c.adcode == division_words.c.adcode)
    .where(division_words.c.word.in_(_ASKED))
)
FIND_BY_CODE = Statement(select(billers.c.wire).where(billers.c.biller_code == bindparam("biller_code")))


@cache
def page(*, has_adcode: bool, cities: int) -> Statement:
    """Select billers in order of code.

    Parameters: ``after``, ``category_code`` (empty for all), ``count``; for the adcode and each city the prefixes of
    ``serving``, named ``adcode_wide`` and so on, ``city0_wide`` and so on.
    """
    clause = select(billers.c.biller_code, billers.c.wire).where(billers.c.biller_code > bindparam("after"))
    clause = _filtered(clause, has_adcode=has_adcode, cities=cities)
    return Statement(clause.order_by(billers.c.biller_code).limit(bindparam("count")))


@cache
def candidates(*, has_adcode: bool, cities: int) -> Statement:
    """Select what billers are found by, of all that pass the filters. Parameters: as of ``page``."""
    columns = ("biller_code", "category_code", "serves", "is_active", "search_text")
    clause = select(*(billers.c[name] for name in columns))
    return Statement(_filtered(clause, has_adcode=has_adcode, cities=cities))


def _filtered(clause: Select[Any], *, has_adcode: bool, cities: int) -> Select[Any]:
    clause = clause.where(or_(bindparam("category_code") == "", billers.c.category_code == bindparam("category_code")))
    if has_adcode:
        clause = clause.where(_serves("adcode"))
    if cities:
        clause = clause.where(or_(*(_serves(f"city{number}") for number in range(cities))))
    return clause


def serving(place: str, adcode: str) -> dict[str, str]:
    """Give the parameters by which ``page`` finds who serves a division, or for a province any part of it."""
    is_province = adcode.endswith("0000")
    return {
        f"{place}_wide": adcode[:2],
        f"{place}_near": adcode[:4],
        f"{place}_within": adcode[:2] if is_province else _NOWHERE,
    }


_NOWHERE = "-"


def _serves(place: str) -> ColumnElement[bool]:
    return or_(
        billers.c.serves.in_(["", bindparam(f"{place}_wide"), bindparam(f"{place}_near")]),
        func.substr(billers.c.serves, 1, 2) == bindparam(f"{place}_within"),
    )
