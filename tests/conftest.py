"""A bank for the tests: the whole sandbox on a real database with the real seed, every answer checked against the
contract.

One bank serves a whole run; a test gets a bank of its own by getting an app, and with it a world, of its own.
"""

from __future__ import annotations

import atexit
import gc
import itertools
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from tests import postgres
from tests.payer import Payer
from werkzeug.test import TestResponse

from openteller_sandbox import app, clock, contract
from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import Clock
from openteller_sandbox.customers.store import customer_accounts
from openteller_sandbox.db import Statement
from openteller_sandbox.db.sqlite import SqliteDatabase
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.ledger.store import ledger_lines
from openteller_sandbox.settings import AnswerCheck, RateLimits, Settings

# Compiled once, whatever the caller's environment says: else each process that a test starts compiles the whole bank
# anew, which is two thirds of its start.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MORNING = clock.parse("2026-09-29T10:30:00+08:00")
"""When every world begins: a Tuesday, before the holidays, with the seed's rates at hand."""

# How long an example takes says something of the machine and nothing of the bank.
hypothesis.settings.register_profile("openteller", deadline=None)
hypothesis.settings.load_profile("openteller")

ENGINES = ("sqlite", "postgresql")
DEFAULT_ENGINE = os.environ.get("OPENTELLER_TEST_ENGINE", "sqlite")
"""What a bank is on where a test does not care; tests that are marked run on both, unless this is not SQLite."""

CONNECT = SqliteDatabase._connect
"""How a bank connects; the tests' own leave out the syncs."""

_numbers = itertools.count(1)
_LINES = ledger_lines.c
_BOOKED = Statement(
    select(_LINES.world_id, _LINES.account, func.sum(_LINES.amount).label("sum")).group_by(
        _LINES.world_id, _LINES.account
    )
)
_AVAILABLE = Statement(select(customer_accounts))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what is marked ``both_engines`` on both, and what is marked ``on_sqlite`` always there."""
    if "engine" not in metafunc.fixturenames:
        return
    if metafunc.definition.get_closest_marker("both_engines"):
        engines = ENGINES if DEFAULT_ENGINE == "sqlite" else (DEFAULT_ENGINE,)
        metafunc.parametrize("engine", engines, indirect=True, scope="session")
    elif metafunc.definition.get_closest_marker("on_sqlite") and DEFAULT_ENGINE != "sqlite":
        metafunc.parametrize("engine", ["sqlite"], indirect=True, scope="session")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Keep the collector of garbage away from what is imported: none of it is garbage, and it comes ever more often."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, and leave the rest in its order."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    """Let the collector leave alone what thousands of collected tests are, and come less often: a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def pytest_sessionfinish() -> None:
    """End the PostgreSQL server, if a test has started one."""
    postgres.stop()


class WallClock:
    """Wall time that stands still until a test moves it."""

    def __init__(self, at: int = MORNING) -> None:
        self.at = at

    def __call__(self) -> int:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


@dataclass
class Partner:
    """An app with a token, and short ways to call the API as it."""

    client: FlaskClient
    app: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.client.get(path, query_string=query, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str | None = "new") -> TestResponse:
        headers = dict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = f"key-{next(_numbers)}" if key == "new" else key
        return (
            self.client.post(path, json=body, headers=headers)
            if body is not None
            else self.client.post(path, headers=headers)
        )

    def biller(self, code: str) -> dict[str, Any]:
        """Give a biller of the seed by its public code."""
        found = self.get("/v1/billers", q=code).json["data"]
        return next(biller for biller in found if biller["biller_code"] == code)

    def magic(self, code: str, scenario: str) -> dict[str, str]:
        """Give the inputs that play a scenario at a biller."""
        values = self.get("/sandbox/v1/magic-values", biller_id=self.biller(code)["biller_id"]).json["data"]
        return next(dict(value["inputs"]) for value in values if value["scenario"] == scenario)

    def fetch(self, code: str = "SH-ELECTRICITY-01", scenario: str = "DUE_BILL") -> TestResponse:
        """Fetch the bills of a magic account."""
        body = {
            "biller_id": self.biller(code)["biller_id"],
            "inputs": self.magic(code, scenario),
            "end_user_ref": f"user-of-the-tests-{next(_numbers)}",
        }
        return self.post("/v1/bill-fetches", body)

    def pay_link(self, **form: Any) -> dict[str, Any]:
        """Create a payment."""
        answer = self.post("/v1/payments", {"partner_reference": f"order-{next(_numbers)}", **form})
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def payment(self, payment_id: str) -> dict[str, Any]:
        """Read a payment."""
        return dict(self.get(f"/v1/payments/{payment_id}").json)

    def advance(self, **how: Any) -> None:
        """Advance the test clock."""
        answer = self.post("/sandbox/v1/clock:advance", how, key=None)
        assert answer.status_code == 200, answer.text

    def events(self) -> list[dict[str, Any]]:
        """Read all events."""
        return list(self.get("/v1/events", limit=100).json["data"])


def new_database(engine: str, folder: Path, *, seeded: bool = True) -> str:
    """Give the address of a new database, with the tables and the seed in it, or where there is none yet."""
    if engine != "sqlite":
        return postgres.new_database(seeded=seeded)
    path = folder / "bank.db"
    if seeded and not path.exists():
        shutil.copyfile(_seeded(), path)
    return str(path)


@cache
def _seeded() -> Path:
    """Make a database as a first start does, before it has a clock and keys: copies take a fifth of the time."""
    folder = Path(tempfile.mkdtemp(prefix="openteller-seeded-"))
    atexit.register(shutil.rmtree, folder)
    app.declare_tables()
    settings = Settings(database=str(folder / "bank.db"))
    app._open(settings, contract.load(), lambda: None).close()
    return folder / "bank.db"


def make_bank(folder: Path, wall: WallClock, *, engine: str = DEFAULT_ENGINE, **settings: Any) -> Bank:
    """Open a bank on a new database, or on the folder's."""
    database = settings.pop("database", None) or new_database(engine, folder, seeded="seed" not in settings)
    options = {
        "check_answers": AnswerCheck.ALL,
        "rate_limits": RateLimits(app=1_000_000, anonymous=1_000_000),
    } | settings
    return create_bank(Settings(database=database, **options), Clock(wall_ms=wall))


def make_partner(client: FlaskClient, headers: dict[str, str] | None = None, **form: Any) -> Partner:
    """Create an app and fetch a token for it."""
    created = client.post("/sandbox/v1/apps", json={"name": "测试应用", **form}, headers=headers)
    assert created.status_code == 201, created.text
    app = dict(created.json)
    credentials = (app["client_id"], app["client_secret"])
    token = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
    assert token.status_code == 200, token.text
    return Partner(client, app, {"Authorization": f"Bearer {token.json['access_token']}"})


@pytest.fixture(scope="session", autouse=True)
def _without_syncs() -> Iterator[None]:
    """Leave out the syncs of SQLite, as of the PostgreSQL server here: nothing cuts the power, and what a kill leaves
    is the same without them.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "_connect", _connect_without_syncs)
        yield


def _connect_without_syncs(database: SqliteDatabase) -> sqlite3.Connection:
    connection = CONNECT(database)
    connection.execute("PRAGMA synchronous=OFF")
    return connection


@pytest.fixture(scope="session")
def wall() -> WallClock:
    return WallClock()


@pytest.fixture(scope="session")
def engine(request: pytest.FixtureRequest) -> str:
    return getattr(request, "param", DEFAULT_ENGINE)


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory, wall: WallClock, engine: str) -> Iterator[Bank]:
    opened = make_bank(tmp_path_factory.mktemp("bank"), wall, engine=engine)
    yield opened
    opened.db.close()


@pytest.fixture(scope="session")
def flask_app(bank: Bank) -> Flask:
    return create_app(bank)


@pytest.fixture(autouse=True)
def _abuse_moves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever somebody has tried, each entry of the ledger balances, and accounts hold what the ledger says."""
    watched = request.node.get_closest_marker("abuse") and "bank" in request.fixturenames
    bank = request.getfixturevalue("bank") if watched else None  # before the test, so that it is open after it
    yield
    if bank:
        tx = bank.db.read()
        assert ledger.is_balanced(tx)
        booked = {(row["world_id"], row["account"]): row["sum"] for row in tx.all(_BOOKED)}
        for row in tx.all(_AVAILABLE):
            assert row["available"] == booked.get((row["world_id"], ledger.customer(row["customer_id"])), 0)


@pytest.fixture
def client(flask_app: Flask) -> FlaskClient:
    return flask_app.test_client(use_cookies=False)


@pytest.fixture
def partner(client: FlaskClient) -> Partner:
    return make_partner(client, return_urls=["https://bot.example/done"])


@pytest.fixture
def new_partner(client: FlaskClient) -> Callable[..., Partner]:
    return lambda **form: make_partner(client, **form)


@pytest.fixture
def payer(flask_app: Flask) -> Callable[[str], Payer]:
    """Give a payer with a fresh browser for a link."""
    return lambda url: Payer(flask_app.test_client(), url)
