"""Clients of each profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient
from tests.attacks.oauth.parties import Client
from tests.conftest import WallClock


@pytest.fixture
def moving_wall(wall: WallClock) -> Iterator[WallClock]:
    """The clock of all tests, put back afterwards."""
    at = wall.at
    yield wall
    wall.at = at


@pytest.fixture
def new_client(client: FlaskClient, wall: WallClock) -> Callable[..., Client]:
    """Register a client: of the profile fapi2 unless told otherwise."""
    return lambda **metadata: Client(client, wall).register(**metadata)


@pytest.fixture
def fapi(new_client: Callable[..., Client]) -> Client:
    return new_client()
