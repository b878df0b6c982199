"""What the bank can be asked for: the cities that its billers serve, and its kinds of bill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from openteller import OpenTeller
from openteller.models import Biller, BillerCategory

from .reading import Category, Place
from .texts import Language

__all__ = ["ACCOUNT", "Directory", "load"]

ACCOUNT = "account_number"
"""The input field by which nearly every biller knows its customers."""


class Directory:
    """The places and categories that the reader knows, and nothing that a payer has said."""

    def __init__(self, billers: Sequence[Biller], categories: Iterable[BillerCategory]) -> None:
        self.places = tuple(_places(billers))
        self.categories = tuple(_categories(billers, categories))
        self.names = {category.code: (category.name, category.name_en) for category in self.categories}
        self.adcodes = frozenset(place.adcode for place in self.places)

    def category(self, code: str | None, language: Language) -> str:
        """Give the name of a kind of bill."""
        chinese = language is Language.ZH
        names = self.names.get(code or "", ("费用", "your bill"))
        return names[0] if chinese else names[1]

    def what(self, code: str | None, place: Place | None, language: Language) -> str:
        """Say which bill and where, as far as that is known."""
        category = self.category(code, language)
        if place is None:
            return category
        return f"{place.name}{category}" if language is Language.ZH else f"{category} ({place.name})"


def load(bank: OpenTeller) -> Directory:
    """Read the whole directory: a few pages.

    Raises:
        OpenTellerError: the bank cannot be reached, or refuses.
    """
    return Directory(list(bank.billers.list(limit=100)), bank.billers.categories())


def _places(billers: Iterable[Biller]) -> list[Place]:
    found = {}
    for biller in billers:
        region = biller.region
        if biller.coverage == "CITY" and region.city and region.adcode:
            province = "" if region.province == region.city else region.province or ""
            found[region.adcode] = Place(region.adcode, region.city, province)
    return [found[code] for code in sorted(found)]


def _categories(billers: Iterable[Biller], categories: Iterable[BillerCategory]) -> list[Category]:
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    local: set[str] = set()
    for biller in billers:
        for field in biller.input_fields:
            if field.name == ACCOUNT:
                lengths[biller.category_code].update(range(field.min_length, field.max_length + 1))
        if biller.coverage != "NATIONAL":
            local.add(biller.category_code)
    return [
        Category(
            one.category_code,
            one.name.zh_cn,
            one.name.en,
            frozenset(lengths[one.category_code]),
            nationwide=one.category_code not in local,
        )
        for one in categories
    ]
