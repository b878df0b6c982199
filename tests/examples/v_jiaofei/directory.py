"""The bank's directory as the example's reader takes it, from the sandbox's own answers."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from v_jiaofei.reading import Category, Place


def places_of(billers: list[dict[str, Any]]) -> list[Place]:
    """The cities that billers serve."""
    found = {}
    for biller in billers:
        region = biller["region"]
        if biller["coverage"] == "CITY":
            province = "" if region["province"] == region["city"] else region["province"]
            found[region["adcode"]] = Place(region["adcode"], region["city"], province)
    return [found[code] for code in sorted(found)]


def categories_of(categories: list[dict[str, Any]], billers: list[dict[str, Any]]) -> list[Category]:
    """The kinds of bill, with the lengths of their account numbers."""
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    local: set[str] = set()
    for biller in billers:
        for field in biller["input_fields"]:
            if field["name"] == "account_number":
                lengths[biller["category_code"]].update(range(field["min_length"], field["max_length"] + 1))
        if biller["coverage"] != "NATIONAL":
            local.add(biller["category_code"])
    return [
        Category(
            row["category_code"],
            row["name"]["zh-CN"],
            row["name"]["en"],
            frozenset(lengths[row["category_code"]]),
            nationwide=row["category_code"] not in local,
        )
        for row in categories
    ]
