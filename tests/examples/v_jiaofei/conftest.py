"""The reader, knowing what the sandbox's own API says of its billers."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from tests.examples.v_jiaofei.directory import categories_of, places_of

from v_jiaofei.reading import Reader


def _rows(app: Flask, path: str) -> list[dict[str, Any]]:
    client, rows, url = app.test_client(), [], path
    while url:
        page = client.get(url).json
        rows += page["data"]
        url = page["links"]["next"]
    return rows


@pytest.fixture(scope="session")
def billers(flask_app: Flask) -> list[dict[str, Any]]:
    return _rows(flask_app, "/v1/billers?limit=100")


@pytest.fixture(scope="session")
def reader(flask_app: Flask, billers: list[dict[str, Any]]) -> Reader:
    return Reader(places_of(billers), categories_of(_rows(flask_app, "/v1/biller-categories"), billers))
