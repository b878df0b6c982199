"""A database of each engine, with every table and no rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import ENGINES, new_database

from openteller_sandbox import app
from openteller_sandbox.db import Database, open_database


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new, empty database of an engine is."""
    return new_database(request.param, tmp_path, seeded=False)


@pytest.fixture
def postgresql(tmp_path: Path) -> str:
    return new_database("postgresql", tmp_path, seeded=False)


@pytest.fixture
def reach() -> Iterator[Callable[[str], Database]]:
    """Open and prepare a database, and close it in the end; twice is what two processes have."""
    app.declare_tables()
    opened: list[Database] = []

    def open_(address: str) -> Database:
        opened.append(open_database(address))
        opened[-1].prepare()
        return opened[-1]

    yield open_
    for each in opened:
        each.close()
