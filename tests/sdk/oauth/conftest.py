"""A bank with the time that it is, apps that are registered there, and a customer with a browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer
from tests.conftest import DEFAULT_ENGINE, MORNING, new_database

from openteller import OpenTeller
from openteller._core.customers import Entry
from openteller.oauth import AuthorizationRequest, RegisteredClient, SigningKey
from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.clock import Clock
from openteller_sandbox.settings import RateLimits, Settings

URL = "https://bank.example"
CALLBACK = "https://bot.example/cb"


@dataclass
class Door:
    """A bank's front door. app: its WSGI application."""

    app: Flask

    def client(self, **options: Any) -> OpenTeller:
        return OpenTeller(URL, wsgi_app=self.app, **options)

    def register(self, *, key: SigningKey | None = None, **metadata: Any) -> RegisteredClient:
        """Register an app that may ask customers: with a key of the profile fapi2, else as is said."""
        jwks = {"keys": [key.public_jwk()]} if key else None
        with self.client(client_id="") as nobody:
            known = {"name": "我的机器人", "redirect_uris": [CALLBACK], "jwks": jwks}
            return nobody.authorization.register(**{**known, **metadata})

    def visit(self, asked: AuthorizationRequest) -> Customer:
        """Follow the address that a customer is sent to."""
        return Customer(self.app, dict(parse_qsl(urlsplit(asked.url).query)))

    def approve(self, asked: AuthorizationRequest) -> str:
        """Let a customer sign in and allow it; give the address that the browser comes back to."""
        browser = self.visit(asked).sign_in().approve()
        return str(browser.answer.headers["Location"])

    def link(self, bank: OpenTeller, customer: str = "user-1", **asked: Any) -> None:
        """Let a customer allow something to a client."""
        known = {"redirect_uri": CALLBACK, "scope": ["bills:read", "open-data"]}
        request = bank.authorization.start(**{**known, **asked})
        bank.authorization.finish(self.approve(request), state=request.state, customer=customer)


def opened(folder: Path, clock: Clock | None = None, **settings: Any) -> Iterator[Door]:
    """Open a bank whose wall time is that of this machine, as clients' is, and whose bank time is that of all tests; or
    at a clock's.
    """
    limits = RateLimits(app=1_000_000, anonymous=1_000_000)
    known = Settings(database=new_database(DEFAULT_ENGINE, folder), public_url=URL, rate_limits=limits, **settings)
    bank = create_bank(known, clock or Clock(MORNING - Clock().wall()))
    yield Door(create_app(bank))
    bank.db.close()


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from opened(tmp_path_factory.mktemp("door"))


@pytest.fixture(scope="session")
def strict_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A bank that takes the profile fapi2 only, and wants its nonce in each proof."""
    yield from opened(tmp_path_factory.mktemp("strict"), fapi_only=True, dpop_nonce=True)


@pytest.fixture(scope="session")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def app(door: Door, key: SigningKey) -> Iterator[OpenTeller]:
    """A client of an app of the profile fapi2."""
    with door.client(client_id=door.register(key=key).client_id, private_key=key) as bank:
        yield bank


@pytest.fixture
def public(door: Door) -> Iterator[Callable[..., OpenTeller]]:
    """Makes clients of one public app."""
    client_id = door.register(profile="baseline", auth_method="none").client_id
    made: list[OpenTeller] = []

    def make(**options: Any) -> OpenTeller:
        made.append(door.client(client_id=client_id, client_secret="", **options))
        return made[-1]

    yield make
    for bank in made:
        bank.close()


def entry(bank: OpenTeller, customer: str) -> Entry:
    """Read what a client keeps of a customer."""
    kept = bank._caller.setup.store.load(f"customer:{customer}")  # type: ignore[union-attr]
    assert kept is not None
    return msgspec.json.decode(kept.content, type=Entry)


def spoil(bank: OpenTeller, customer: str) -> None:
    """Let the time of a customer's access token be up, in the store and in what is at hand."""
    store = bank._caller.setup.store
    kept = store.load(f"customer:{customer}")  # type: ignore[union-attr]
    assert kept is not None and store is not None
    old = msgspec.json.decode(kept.content, type=Entry)
    content = msgspec.json.encode(msgspec.structs.replace(old, access_token="ota_old", expires_at=0.0))
    assert store.swap(f"customer:{customer}", content, version=kept.version)
    if (source := bank._caller.setup.shared.customers.get(customer)) is not None:
        source._held = None
