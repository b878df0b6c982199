"""Who the billers are, and the draws by which they differ.

What differs between billers of one kind is drawn from a hash of the biller's own code, so that a new biller changes no
other one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from tools.seed.biller_tables import CATEGORIES, CITIES, NATIONAL, PROFILES, Category, City, National, Profile

__all__ = ["SHOWN", "Seat", "chance", "drawn", "hashed", "seats", "text"]

Option = TypeVar("Option")

# These keep to the plainest case of their kind, because documents, demo and tests show them.
SHOWN = frozenset({"SH-ELECTRICITY-01", "BJ-WATER-01", "CN-MOBILE_TOPUP-01"})


class Seat(NamedTuple):
    """One biller to be made: what it collects, and where."""

    code: str
    category: Category
    city: City
    national: National | None
    profile: Profile


def seats() -> Iterator[Seat]:
    """Every biller to be made, in menu order of the categories."""
    for category in CATEGORIES:
        if category.cities == "NATIONAL":
            yield from _national_seats(category)
            continue
        for city in CITIES:
            if _serves(category, city):
                code = f"{city.code}-{category.code}-01"
                yield Seat(code, category, city, None, _profile(code, category))


def _national_seats(category: Category) -> Iterator[Seat]:
    cities = {city.code: city for city in CITIES}
    of_category = [national for national in NATIONAL if national.category == category.code]
    for number, national in enumerate(of_category, start=1):
        code = f"CN-{category.code}-{number:02d}"
        yield Seat(code, category, cities[national.seat], national, _profile(code, category))


def _serves(category: Category, city: City) -> bool:
    if category.cities == "NORTH":
        return city.has_heating
    return category.cities == "ALL" or city.code in category.cities.split()


def _profile(code: str, category: Category) -> Profile:
    """The biller's way of being paid; the first of a category's for the billers that documents and demo show."""
    profiles = PROFILES[category.code]
    if code in SHOWN:
        return profiles[0]
    return drawn(code, "profile", [profile for profile in profiles for _ in range(profile.weight)])


def hashed(code: str, topic: str) -> int:
    """A number that only the biller and the question decide."""
    return int.from_bytes(hashlib.sha256(f"{topic}:{code}".encode()).digest())


def drawn(code: str, topic: str, options: Sequence[Option]) -> Option:
    """One of the options, always the same for this biller and topic."""
    return options[hashed(code, topic) % len(options)]


def chance(code: str, topic: str, percent: int) -> bool:
    """Whether the biller is among this share of all; those that are shown never are."""
    return code not in SHOWN and hashed(code, topic) % 100 < percent


def text(pair: tuple[str, str]) -> dict[str, str]:
    """The contract's `LocalizedText` of a pair of Chinese and English."""
    return {"zh-CN": pair[0], "en": pair[1]}
