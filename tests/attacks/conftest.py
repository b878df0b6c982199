"""An attacker with an app of its own, and a bank that is watched while it is attacked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest
from flask import Flask
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner, make_partner
from tests.contract.good_requests import Good, good_requests
from tests.contract.observer import Observer
from tests.linked import POWER, TOPUP, link_customer, mandate

from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import service as oauth


class Unharmed(Protocol):
    """``with unharmed():`` asserts that what happens inside writes nothing."""

    def __call__(self) -> AbstractContextManager[None]: ...


@pytest.fixture(scope="module")
def observer(flask_app: Flask) -> Iterator[Observer]:
    """A client whose answers must all be documented ones, whatever is sent."""
    client = Observer(flask_app, use_cookies=False)
    yield client
    assert not client.faults


@pytest.fixture(scope="module")
def attacker(observer: Observer) -> Partner:
    return make_partner(observer, return_urls=["https://bot.example/done"])


@pytest.fixture(scope="module")
def good(bank: Bank, attacker: Partner) -> dict[str, Good]:
    """A request for each operation that would be answered well."""
    return good_requests(bank, attacker)


@pytest.fixture(autouse=True)
def _still_linked(request: pytest.FixtureRequest) -> None:
    """What was allowed in the attacker's world ends when that is reset: it is allowed again, before a test."""
    if "good" in request.fixturenames:
        user = request.getfixturevalue("good")["listSavedBillers"].user
        bank = request.getfixturevalue("bank")
        if oauth.find_consent(bank, user.consent_id) is None:
            again = link_customer(user.owner, mandate(user.owner))
            user.headers, user.consent_id = again.headers, again.consent_id
            for code in (TOPUP, POWER):
                user.save(code)


@pytest.fixture
def unharmed(bank: Bank) -> Unharmed:
    @contextmanager
    def watch() -> Iterator[None]:
        before = snapshot(bank)
        yield
        assert snapshot(bank) == before

    return watch
