"""Schemathesis on the running sandbox finds nothing: by examples, at every bound, by fuzzing and in chains.

Most of the time goes into examples and bounds; of the fuzzing, ``OPENTELLER_SCHEMATHESIS=full`` does twenty times as
much. The exceptions stand, each with its reason, in ``schemathesis.toml`` beside this file.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.walk import breaking_app
from tests.linked import link_customer, mandate

from openteller_sandbox import contract as contracts
from openteller_sandbox.app import create_app

pytestmark = pytest.mark.long

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = 200 if os.environ.get("OPENTELLER_SCHEMATHESIS") == "full" else 10
TAGS = {operation.operation_id: operation.tag for operation in contracts.load().operations.values()}
OPERATIONS = set(TAGS)
OPEN = {"atms", "branches", "calculators", "rates", "receipts", "sandbox", "statements", "status", "webhooks"}
"""Tags of what is tried by itself, so that two processes share the time: no chain leads from these to the others."""
APART = {
    "faults": {"createFault", "listFaults", "deleteFault"},
    "time": {"advanceClock", "resetWorld"},
    "stories": {"runScenario", "triggerEvent"},
    "consents": {"revokeConsent"},
    "replay": {"replayWorld"},
}
"""What changes the ground under every other operation, such as a consent that ends and its token with it; each set in a
world of its own: what has much in it is slow.
"""
MEANINGFUL = {
    "allow_header_conformance",
    "content_type_conformance",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A bank of its own: the run makes hundreds of apps and worlds."""
    bank = make_bank(tmp_path_factory.mktemp("schemathesis"), WallClock())
    yield create_app(bank)
    bank.db.close()


@pytest.fixture(scope="module")
def caller(app: Flask) -> Partner:
    return make_partner(app.test_client(use_cookies=False), return_urls=["https://bot.example/done"])


def run(
    app: Flask, caller: Partner, monkeypatch: pytest.MonkeyPatch, operation_ids: set[str], *, chains: bool
) -> tuple[Counter[str], list[str]]:
    """Run all phases over some operations; give how often each check was made, and what failed.

    chains: also follow links from answer to request; where there are none, Schemathesis takes that for a mistake.
    """
    monkeypatch.setenv("OPENTELLER_TOKEN", caller.headers["Authorization"].removeprefix("Bearer "))
    user = link_customer(caller, mandate(caller))
    monkeypatch.setenv("OPENTELLER_USER_TOKEN", user.headers["Authorization"].removeprefix("Bearer "))
    config = SchemathesisConfig.from_path(CONFIG)
    config.projects.default.generation.max_examples = EXAMPLES
    config.projects.default.phases.stateful.enabled = chains
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    # By what is left out: beside the configuration's own selections an `include` selects nothing.
    schema = schema.exclude(operation_id=sorted(OPERATIONS - operation_ids))
    made: Counter[str] = Counter()
    failed: list[str] = []
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            for node in (node for nodes in event.recorder.checks.values() for node in nodes):
                made[node.name] += 1
                if node.failure_info:
                    failure = node.failure_info.failure
                    failed.append(f"{event.phase.name} {failure.operation}: {failure.title}, {failure.message}")
                    failed.append(node.failure_info.code_sample)
        elif isinstance(event, (events.NonFatalError, events.FatalError)):
            failed.append(repr(event))
    return made, failed


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "paying"])
def test_schemathesis_finds_nothing(
    app: Flask, caller: Partner, monkeypatch: pytest.MonkeyPatch, *, is_open: bool
) -> None:
    still = OPERATIONS - set().union(*APART.values())
    half = {name for name in still if (TAGS[name] in OPEN) == is_open}
    made, failed = run(app, caller, monkeypatch, half, chains=True)
    assert not failed, "\n".join(failed[:20])
    assert {check for check, times in made.items() if times >= 100} >= MEANINGFUL


@pytest.mark.parametrize("operation_ids", APART.values(), ids=APART)
def test_schemathesis_finds_nothing_in_what_moves_the_world(
    app: Flask, monkeypatch: pytest.MonkeyPatch, operation_ids: set[str]
) -> None:
    alone = make_partner(app.test_client(use_cookies=False))
    made, failed = run(app, alone, monkeypatch, operation_ids, chains=False)
    assert not failed, "\n".join(failed[:20])
    assert {check for check, times in made.items() if times >= 10} >= MEANINGFUL - {"negative_data_rejection"}
    assert "resetWorld" in operation_ids or made["negative_data_rejection"] >= 10


def test_schemathesis_would_find_something(app: Flask, caller: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same run over an app whose handlers all break: else the silence above would mean nothing."""
    bank = app.extensions["openteller"]._bank
    broken = breaking_app(bank)
    broken.add_url_rule("/openapi.json", view_func=lambda: bank.contract.document)
    _, failed = run(broken, caller, monkeypatch, {"getClock", "createPayment"}, chains=True)
    for operation in ("GET /sandbox/v1/clock: Server error", "POST /v1/payments: Server error"):
        assert any(operation in text for text in failed)
