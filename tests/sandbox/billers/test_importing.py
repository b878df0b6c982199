"""Loading the directory: a bad record stops the start, with its place named, and loads nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from openteller_sandbox import contract as contracts
from openteller_sandbox import seeding
from openteller_sandbox.billers import importing, service
from openteller_sandbox.db import Database, open_database
from openteller_sandbox.seeding import SeedError

Record = dict[str, Any]


def change_first_biller(folder: Path, change: Callable[[Record], object]) -> None:
    path = folder / "billers.jsonl.gz"
    records = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    change(records[0])
    path.write_bytes(gzip.compress("\n".join(json.dumps(record) for record in records).encode()))


def load(folder: Path) -> Database:
    database = open_database(str(folder / "bank.db"))
    try:
        database.prepare()
        seeding.load(database, contracts.load(), folder, [importing.load])
    except SeedError:
        assert service.categories(database.read()) == []
        database.close()
        raise
    return database


def test_the_seed_is_loaded_whole(seed_folder: Path) -> None:
    database = load(seed_folder)

    assert len(service.page(database.read(), service.Filters(), count=1000)) >= 200
    database.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda biller: biller.pop("name"), "billers, line 1: Biller does not fit"),
        (lambda biller: biller["input_fields"][0].update(pattern="^(?:[0-9$"), "account_number: cannot be checked"),
        (lambda biller: biller["input_fields"][0].update(check_digit="CRC32"), "account_number: cannot be checked"),
        (
            lambda biller: biller["input_fields"][0].update(example="0000000000001"),
            "example of account_number: Must match",
        ),
        (lambda biller: biller["input_fields"][0].update(max_length=5), "example of account_number: Must have"),
    ],
)
def test_a_biller_that_does_not_hold_together_is_refused_by_name(
    seed_folder: Path, change: Callable[[Record], object], message: str
) -> None:
    change_first_biller(seed_folder, change)

    with pytest.raises(SeedError, match=message):
        load(seed_folder)


def test_a_missing_file_is_named(seed_folder: Path) -> None:
    (seed_folder / "divisions.jsonl").unlink()

    with pytest.raises(SeedError, match=r"divisions\.jsonl"):
        load(seed_folder)
