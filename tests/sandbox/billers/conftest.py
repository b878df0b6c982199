"""A bank that has the directory of billers and nothing else, with every answer held to the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from openteller_sandbox import contract as contracts
from openteller_sandbox import seeding
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import importing
from openteller_sandbox.billers.routes import routes
from openteller_sandbox.clock import Clock
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import open_database
from openteller_sandbox.http.api import Api
from openteller_sandbox.settings import SEED_FOLDER, AnswerCheck, RateLimits, Settings

NOW_MS = 1_790_649_000_000  # 2026-09-29 10:30 in Beijing


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The bank with the seed's billers."""
    document = contracts.load().document
    paths = {path: item for path, item in document["paths"].items() if item.get("get", {}).get("tags") == ["billers"]}
    contract = Contract({**document, "paths": paths})
    file = tmp_path_factory.mktemp("directory") / "bank.db"
    limits = RateLimits(anonymous=1_000_000)
    settings = Settings(database=str(file), check_answers=AnswerCheck.ALL, rate_limits=limits)
    database = open_database(settings.database)
    database.prepare()
    seeding.load(database, contract, SEED_FOLDER, [importing.load])
    yield Bank(settings, contract, database, Clock(wall_ms=lambda: NOW_MS))
    database.close()


@pytest.fixture(scope="session")
def client(directory: Bank) -> FlaskClient:
    """An anonymous caller of the directory."""
    app = Flask("billers")
    Api(app, directory, lambda _bank, _token: None).mount([routes])
    return app.test_client()


@pytest.fixture
def seed_folder(tmp_path: Path) -> Path:
    """A copy of the directory's seed files that a test may spoil."""
    for name in ("biller_categories.jsonl", "biller_words.jsonl", "divisions.jsonl", "billers.jsonl.gz"):
        (tmp_path / name).write_bytes((SEED_FOLDER / name).read_bytes())
    return tmp_path
