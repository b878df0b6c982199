"""The reader, knowing what the sandbox's own API says of its billers, and a town to try the account in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from tests.examples.v_jiaofei.town import Town, a_town

from openteller import OpenTeller
from openteller_sandbox.bank import Bank
from v_jiaofei.directory import Directory, load
from v_jiaofei.reading import Reader


@pytest.fixture(scope="session")
def open_bank(flask_app: Flask) -> Iterator[OpenTeller]:
    """A client for what anyone may ask."""
    with OpenTeller("http://127.0.0.1:8080", client_id="", wsgi_app=flask_app) as bank:
        yield bank


@pytest.fixture(scope="session")
def billers(open_bank: OpenTeller) -> list[dict[str, Any]]:
    return [biller.to_dict() for biller in open_bank.billers.list(limit=100)]


@pytest.fixture(scope="session")
def directory(open_bank: OpenTeller) -> Directory:
    return load(open_bank)


@pytest.fixture(scope="session")
def reader(directory: Directory) -> Reader:
    return Reader(directory.places, directory.categories)


@pytest.fixture
def new_town(flask_app: Flask, bank: Bank, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """Make a town whose Weibo has other rules."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(a_town(flask_app, bank, tmp_path, **options))


@pytest.fixture
def town(new_town: Callable[..., Town]) -> Town:
    return new_town()
