"""What the tests of the contract share: the walk, taken once."""

from __future__ import annotations

import pytest
from flask import Flask
from tests.conftest import WallClock
from tests.contract.observer import Observer
from tests.contract.walk import Walk

from openteller_sandbox.bank import Bank


@pytest.fixture(scope="session")
def walked(bank: Bank, flask_app: Flask, wall: WallClock, tmp_path_factory: pytest.TempPathFactory) -> Observer:
    """What a walk through all operations has seen."""
    return Walk(bank, flask_app, wall, tmp_path_factory.mktemp("walk")).run()
