"""Clients of each profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.attacks.oauth.browsers import Customer
from tests.attacks.oauth.parties import GONE, Client
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


LINKING = {
    "redirect_uris": ["https://bot.example/cb"],
    "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
}


@pytest.fixture
def linking(new_client: Callable[..., Client]) -> Client:
    """A client of the profile fapi2 that asks customers."""
    return new_client(**LINKING)


@pytest.fixture
def public_client(new_client: Callable[..., Client]) -> Client:
    """A client that can keep no secret."""
    return new_client(
        profile="baseline",
        token_endpoint_auth_method="none",
        jwks=GONE,
        redirect_uris=["https://app.example/cb"],
        grant_types=["authorization_code", "refresh_token"],
    )


@pytest.fixture
def customer(flask_app: Flask) -> Callable[[dict[str, Any]], Customer]:
    """A fresh browser that a client sends to the bank."""
    return lambda query: Customer(flask_app, query)


@pytest.fixture
def code_for(customer: Callable[[dict[str, Any]], Customer]) -> Callable[..., str]:
    """Let a customer allow what a client asks for; give the code."""

    def allow(client: Client, **changes: Any) -> str:
        query = client.pushed(**changes)
        return customer(query).sign_in().approve().returned["code"]

    return allow


@pytest.fixture
def fapi(new_client: Callable[..., Client]) -> Client:
    return new_client()
