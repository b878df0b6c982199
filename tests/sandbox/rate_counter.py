"""A counter that serves rates and calculators only, over the real seed, with bank time in the test's hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from openteller_sandbox import clock, contract, seeding
from openteller_sandbox.bank import Bank
from openteller_sandbox.calculators import routes as calculator_routes
from openteller_sandbox.clock import Clock
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import open_database
from openteller_sandbox.http.api import Api
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners  # noqa: F401 - declares its tables
from openteller_sandbox.rates import importing, service
from openteller_sandbox.rates import routes as rate_routes
from openteller_sandbox.settings import SEED_FOLDER, AnswerCheck, RateLimits, Settings

DEMO_DAY = "2026-09-29T10:30:00+08:00"
UNLIMITED = RateLimits(app=10**6, anonymous=10**6)


class Counter:
    """The bank, a client for it, and its clock."""

    def __init__(self, database: Path) -> None:
        self.now = clock.parse(DEMO_DAY)
        settings = Settings(database=str(database), check_answers=AnswerCheck.ALL, rate_limits=UNLIMITED)
        self.bank = Bank(
            settings, part_of_the_contract(), open_database(str(database)), Clock(wall_ms=lambda: self.now)
        )
        if self.bank.db.prepare():
            seeding.load(self.bank.db, self.bank.contract, SEED_FOLDER, [importing.load])
        self.bank.due_handlers |= service.DUE_HANDLERS
        app = Flask("rate_counter")
        Api(app, self.bank, oauth.identify).mount([rate_routes.routes, calculator_routes.routes])
        self.client: FlaskClient = app.test_client()

    @contextmanager
    def at(self, instant: str) -> Iterator[Counter]:
        """Let it be another time for a while."""
        before, self.now = self.now, clock.parse(instant)
        try:
            yield self
        finally:
            self.now = before

    def get(self, path: str, **query: Any) -> TestResponse:
        """GET; `from_` is sent as `from`."""
        return self.client.get(path, query_string={name.rstrip("_"): value for name, value in query.items()})

    def rows(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """GET a list that must be there, and give its rows."""
        response = self.get(path, **query)
        assert response.status_code == 200, response.text
        rows: list[dict[str, Any]] = response.get_json()["data"]
        return rows

    def calculate(self, what: str, **body: Any) -> TestResponse:
        """POST to a calculator."""
        return self.client.post(f"/v1/calculators/{what}", json=body)


def part_of_the_contract() -> Contract:
    """The contract with the operations of rates and calculators only."""
    document = contract.load().document
    paths = {
        path: item for path, item in document["paths"].items() if path.startswith(("/v1/rates", "/v1/calculators"))
    }
    return Contract({**document, "paths": paths})
