"""Loads the directory from the seed: records as they are, with the columns that they are found by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.billers import search, store
from openteller_sandbox.billers.model import InputField
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Tx
from openteller_sandbox.folding import fold
from openteller_sandbox.seeding import SeedError, records

_PREFIX_LENGTHS = {"NATIONAL": 0, "PROVINCE": 2, "CITY": 4}


def load(tx: Tx, contract: Contract, folder: Path) -> None:
    """Check and store categories, what they and places are called, and billers.

    Raises:
        SeedError: a file is missing, a record does not fit, or a biller's own example does not have its own format.
    """
    categories = records(contract, folder, "biller_categories", "BillerCategory")
    tx.run_many(
        store.INSERT_CATEGORY,
        [
            {"position": number, "category_code": category["category_code"], "wire": line}
            for number, (category, line) in enumerate(categories)
        ],
    )
    places = [place for place, _ in records(contract, folder, "divisions", None)]
    tx.run_many(store.INSERT_DIVISION, [_division(place) for place in places])
    tx.run_many(store.INSERT_DIVISION_WORD, [row for place in places for row in _words(place)])
    words = (row for row, _ in records(contract, folder, "biller_words", None))
    known = {(fold(row["word"]), row["category_code"]) for row in words}
    tx.run_many(store.INSERT_WORD, [{"word": word, "category_code": code} for word, code in sorted(known)])
    tx.run_many(store.INSERT, [_row(biller, line) for biller, line in records(contract, folder, "billers", "Biller")])


def _division(place: Mapping[str, str]) -> dict[str, Any]:
    """A city is called one, or has counties; there are cities of county rank, too."""
    adcode, name = place["adcode"], place["name"]
    is_city = name.endswith("市") or (adcode.endswith("00") and not adcode.endswith("0000"))
    return {"adcode": adcode, "name": name.removesuffix("市"), "name_en": place["en"], "is_city": is_city}


def _words(place: Mapping[str, str]) -> Iterable[dict[str, str]]:
    words = {search.word_key(place[name]) for name in ("name", "short", "en", "pinyin")}
    return ({"word": word, "adcode": place["adcode"]} for word in sorted(words))


def _row(biller: Mapping[str, Any], line: str) -> dict[str, Any]:
    check_formats(biller)
    return {**row_of(biller), "wire": line}


def row_of(biller: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a biller is found by."""
    return {
        "biller_id": biller["biller_id"],
        "biller_code": biller["biller_code"],
        "category_code": biller["category_code"],
        "serves": _serves(biller),
        "is_active": biller["status"] == "ACTIVE",
        "search_text": search.text_of(biller),
        "updated_at": clock.parse(biller["updated_at"]),
    }


def _serves(biller: Mapping[str, Any]) -> str:
    """What the adcodes of all that it serves begin with; a municipality is province and city in one."""
    adcode = str(biller["region"]["adcode"])
    length = _PREFIX_LENGTHS.get(biller["coverage"], 4)
    return adcode[:2] if length and adcode.endswith("0000") else adcode[:length]


def check_formats(biller: Mapping[str, Any]) -> None:
    """Find a pattern that does not compile or an unknown check digit now, and not when a payer types a number.

    Raises:
        SeedError: a biller's own example does not have its own format.
    """
    for field in biller["input_fields"]:
        try:
            fault = InputField(field).fault(field["example"]) if "example" in field else None
        except (re.error, KeyError) as error:
            fault = f"cannot be checked ({type(error).__name__})"
        if fault:
            raise SeedError(f"biller {biller['biller_code']}, example of {field['name']}: {fault}")
