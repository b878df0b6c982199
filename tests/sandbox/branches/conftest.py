"""The seed's places as they stand in its files, and small banks of a few places that a test makes up."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from openteller_sandbox import contract, seeding
from openteller_sandbox.branches import importing, service
from openteller_sandbox.branches.service import Filters, Found, Places
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Database, open_database
from openteller_sandbox.settings import SEED_FOLDER

Record = dict[str, Any]
SeedFolder = Callable[..., Path]
OpenBank = Callable[..., Database]


@cache
def seed(name: str) -> tuple[Record, ...]:
    """Every record of a file of the seed."""
    return tuple(json.loads(line) for line in gzip.open(SEED_FOLDER / f"{name}.jsonl.gz", "rt", encoding="utf-8"))


def a_branch(number: int = 1, **members: Any) -> Record:
    """A branch that is open from nine to five on weekdays, unless it is said otherwise."""
    nine_to_five = [
        {"day": day, "opening_hours": [{"opens": "09:00", "closes": "17:00"}]}
        for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
    ]
    record = copy.deepcopy(seed("branches")[0])
    record |= {"branch_id": f"brn_test{number}", "branch_code": f"{110101000 + number}", "services": [{"code": "CASH"}]}
    return record | {"availability": {"standard": nine_to_five, "special": []}, **members}


def an_atm(number: int = 1, **members: Any) -> Record:
    """An ATM that belongs to no branch."""
    record = copy.deepcopy(seed("atms")[0])
    record.pop("branch_id", None)
    return record | {"atm_id": f"atm_test{number}", "atm_code": f"A{1101010000 + number}", **members}


def find(database: Database, places: Places, filters: Filters, **asked: Any) -> list[Found]:
    """The places that pass every filter."""
    return service.find(database, service.directory_of(database, places), filters, **asked)


@pytest.fixture(scope="session")
def law() -> Contract:
    return contract.load()


@pytest.fixture
def seed_folder(tmp_path: Path) -> SeedFolder:
    """Write a seed of a few records."""

    def write(*branches: Record, atms: tuple[Record, ...] = (), **files: list[Record]) -> Path:
        records = {"branches": branches, "atms": atms, "search_terms": (), "workdays": (), **files}
        for name, rows in records.items():
            lines = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def open_bank(tmp_path: Path, seed_folder: SeedFolder, law: Contract) -> Iterator[OpenBank]:
    """Open a database of a few records."""
    opened: list[Database] = []

    def make(*branches: Record, **files: Any) -> Database:
        database = open_database(str(tmp_path / "few.db"))
        opened.append(database)
        database.prepare()
        seeding.load(database, law, seed_folder(*branches, **files), [importing.load])
        return database

    yield make
    for database in opened:
        database.close()
