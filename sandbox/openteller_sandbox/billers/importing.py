"""Loads the directory from the seed: records as they are, with the columns that they are found by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.billers import search, store
from openteller_sandbox.billers.model import InputField
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Tx
from openteller_sandbox.seeding import SeedError, records

_PREFIX_LENGTHS = {"NATIONAL": 0, "PROVINCE": 2, "CITY": 4}


def load(tx: Tx, contract: Contract, folder: Path) -> None:
    """Check and store categories, cities and billers.

    Raises:
        SeedError: a file is missing, a record does not fit, or a biller's own example does not have its own format.
    """
    categories = records(contract, folder, "biller_categories", "BillerCategory")
    tx.run_many(
        store.INSERT_CATEGORY, [{"position": number, "wire": line} for number, (_, line) in enumerate(categories)]
    )
    cities = records(contract, folder, "biller_cities", None)
    tx.run_many(
        store.INSERT_CITY, [{"adcode": city["adcode"], "name": search.city_name(city["name"])} for city, _ in cities]
    )
    tx.run_many(store.INSERT, [_row(biller, line) for biller, line in records(contract, folder, "billers", "Biller")])


def _row(biller: Mapping[str, Any], line: str) -> dict[str, Any]:
    _check_formats(biller)
    return {
        "biller_id": biller["biller_id"],
        "biller_code": biller["biller_code"],
        "category_code": biller["category_code"],
        "serves": _serves(biller),
        "search_text": search.text_of(biller),
        "updated_at": clock.parse(biller["updated_at"]),
        "wire": line,
    }


def _serves(biller: Mapping[str, Any]) -> str:
    """What the adcodes of all that it serves begin with; a municipality is province and city in one."""
    adcode = str(biller["region"]["adcode"])
    length = _PREFIX_LENGTHS.get(biller["coverage"], 4)
    return adcode[:2] if length and adcode.endswith("0000") else adcode[:length]


def _check_formats(biller: Mapping[str, Any]) -> None:
    """Find a pattern that does not compile or an unknown check digit now, and not when a payer types a number."""
    for field in biller["input_fields"]:
        try:
            fault = InputField(field).fault(field["example"]) if "example" in field else None
        except (re.error, KeyError) as error:
            fault = f"cannot be checked ({type(error).__name__})"
        if fault:
            raise SeedError(f"biller {biller['biller_code']}, example of {field['name']}: {fault}")
