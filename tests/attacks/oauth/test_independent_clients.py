"""Clients that nobody here wrote find, register with and use the authorization server: Authlib's, and
requests_oauth2client with everything that FAPI 2.0 wants. They sign with the time that it is, so this bank has it, too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask
from joserfc.jwk import ECKey
from jwskate import Jwk
from requests_oauth2client import DPoPKey, OAuth2Client, PrivateKeyJwt, UseDPoPNonce
from requests_oauth2client.exceptions import InvalidGrant, InvalidRequest
from tests.attacks.oauth.browsers import Customer
from tests.conftest import DEFAULT_ENGINE, new_database

from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.bank import Bank
from openteller_sandbox.settings import Settings

URL = "https://bank.example"
CALLBACK = "https://bot.example/cb"


def bank_at(folder: Path, **settings: Any) -> Bank:
    return create_bank(Settings(database=new_database(DEFAULT_ENGINE, folder), public_url=URL, **settings))


@pytest.fixture(scope="module")
def bank_now(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """A bank with the time that it is."""
    opened = bank_at(tmp_path_factory.mktemp("bank"))
    yield opened
    opened.db.close()


@pytest.fixture(scope="module")
def app_now(bank_now: Bank) -> Flask:
    return create_app(bank_now)


def reach(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what requests would put on the wire arrive at the bank, byte for byte."""

    def send(adapter: object, request: requests.PreparedRequest, **_: object) -> requests.Response:
        assert request.url is not None and request.url.startswith(URL)
        answer = app.test_client().open(
            request.path_url, method=request.method, data=request.body, headers=dict(request.headers.items())
        )
        response = requests.Response()
        response.status_code, response._content, response.url = answer.status_code, answer.data, request.url
        response.headers.update(answer.headers)
        response.request, response.connection = request, adapter  # type: ignore[attr-defined]
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)


@pytest.fixture(autouse=True)
def wire(app_now: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    reach(app_now, monkeypatch)


def registered(key: Jwk, **metadata: Any) -> dict[str, Any]:
    server = requests.get(f"{URL}/.well-known/oauth-authorization-server", timeout=5).json()
    wanted = {
        "client_name": "别人写的应用",
        "redirect_uris": [CALLBACK],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [dict(key.public_jwk())]},
    } | metadata
    answer = requests.post(server["registration_endpoint"], json=wanted, timeout=5)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def discovered(key: Jwk, client_id: str) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(
        f"{URL}/.well-known/oauth-authorization-server",
        issuer=URL,
        auth=PrivateKeyJwt(client_id, key, aud=URL),
        redirect_uri=CALLBACK,
        dpop_bound_access_tokens=True,
    )


@pytest.mark.parametrize("algorithm", ["ES256", "PS256", "EdDSA"])
def test_a_client_of_fapi_goes_the_whole_way(algorithm: str, app_now: Flask) -> None:
    """Discover, register, push, authorize, get a DPoP token, call, introspect, refresh, revoke."""
    key = Jwk.generate(alg=algorithm).with_kid_thumbprint()
    client = discovered(key, registered(key)["client_id"])
    asked = client.authorization_request(scope="bills:read open-data", nonce=None)
    pushed = client.pushed_authorization_request(asked)
    query = {name: values[0] for name, values in parse_qs(urlsplit(str(pushed.uri)).query).items()}
    browser = Customer(app_now, query).sign_in().approve()
    answer = asked.validate_callback(f"{CALLBACK}?" + urlsplit(browser.answer.headers["Location"]).query)
    token = client.authorization_code(answer)
    assert token.token_type == "DPoP"
    assert token.scope == "bills:read open-data"
    got = requests.get(f"{URL}/v1/biller-categories", auth=token, timeout=5)
    assert got.status_code == 200
    told = client.introspect_token(token)
    assert told["active"] is True and told["sub"].startswith("sub_")
    again = client.refresh_token(token)
    assert requests.get(f"{URL}/v1/biller-categories", auth=again, timeout=5).status_code == 200
    with pytest.raises(InvalidGrant):
        client.authorization_code(answer)
    assert client.revoke_refresh_token(token.refresh_token or "") is True
    with pytest.raises(InvalidGrant):
        client.refresh_token(token)
    assert requests.get(f"{URL}/v1/biller-categories", auth=again, timeout=5).status_code == 401


def test_a_client_of_fapi_gets_a_token_of_its_own() -> None:
    key = Jwk.generate(alg="ES256").with_kid_thumbprint()
    client = discovered(key, registered(key)["client_id"])
    token = client.client_credentials(scope="payments:read")
    assert requests.get(f"{URL}/v1/payments", auth=token, timeout=5).status_code == 200


def test_a_client_that_meets_a_nonce_goes_on_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bank = bank_at(tmp_path, dpop_nonce=True, fapi_only=True)
    reach(create_app(bank), monkeypatch)
    key = Jwk.generate(alg="ES256").with_kid_thumbprint()
    client = discovered(key, registered(key)["client_id"])
    dpop = DPoPKey.generate()
    try:
        token = client.client_credentials(scope="payments:read", dpop_key=dpop)
    except UseDPoPNonce:
        token = client.client_credentials(scope="payments:read", dpop_key=dpop)
    assert requests.get(f"{URL}/v1/payments", auth=token, timeout=5).status_code == 200
    bank.db.close()


def test_a_client_of_a_device_waits(app_now: Flask) -> None:
    made = registered(
        Jwk.generate(alg="ES256"),
        profile="baseline",
        token_endpoint_auth_method="none",
        redirect_uris=None,
        jwks=None,
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
    )
    server = requests.get(f"{URL}/.well-known/oauth-authorization-server", timeout=5).json()
    client = OAuth2Client.from_discovery_document(
        server,
        issuer=URL,
        client_id=made["client_id"],
        device_authorization_endpoint=server["device_authorization_endpoint"],
    )
    begun = client.authorize_device(scope="bills:read")
    from tests.attacks.oauth.test_devices import Screen

    Screen(app_now, str(begun.user_code)).sign_in().approve()
    assert client.device_code(begun).scope == "bills:read"


class _Assertion(PrivateKeyJWT):  # type: ignore[misc]
    """Authlib's own way, for the issuer and five minutes: its usual hour is more than this bank takes."""

    def sign(self, auth: Any, token_endpoint: str) -> str:
        self.claims = {"aud": URL, "exp": int(time.time()) + 60}
        return str(super().sign(auth, token_endpoint))


def test_the_client_of_authlib_goes_through_the_code_flow(app_now: Flask) -> None:
    """With a secret and a Bearer token, as it knows neither PAR nor DPoP."""
    made = registered(
        Jwk.generate(alg="ES256"), profile="baseline", token_endpoint_auth_method="client_secret_basic", jwks=None
    )
    with OAuth2Session(
        made["client_id"],
        made["client_secret"],
        redirect_uri=CALLBACK,
        scope="bills:read open-data",
        code_challenge_method="S256",
        token_endpoint=f"{URL}/oauth/token",
    ) as session:
        verifier = "v" * 50
        place, state = session.create_authorization_url(f"{URL}/oauth/authorize", code_verifier=verifier)
        query = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
        browser = Customer(app_now, query).sign_in().approve()
        token = session.fetch_token(
            f"{URL}/oauth/token",
            authorization_response=browser.answer.headers["Location"],
            state=state,
            code_verifier=verifier,
        )
        assert token["token_type"] == "Bearer"
        assert session.get(f"{URL}/v1/biller-categories").status_code == 200
        session.refresh_token(f"{URL}/oauth/token")
        assert session.get(f"{URL}/v1/biller-categories").status_code == 200
        assert session.introspect_token(f"{URL}/oauth/introspect", token["access_token"]).json()["active"] is True
        session.revoke_token(f"{URL}/oauth/revoke", token["refresh_token"])
        assert session.get(f"{URL}/v1/biller-categories").status_code == 401


def test_the_client_of_authlib_authenticates_with_a_key() -> None:
    key = ECKey.generate_key("P-256", private=True)
    made = registered(
        Jwk(key.as_dict(private=True)), profile="baseline", grant_types=["client_credentials"], redirect_uris=None
    )
    with OAuth2Session(made["client_id"], key, token_endpoint_auth_method="private_key_jwt") as session:
        session.register_client_auth_method(_Assertion(alg="ES256"))
        for _ in range(2):
            token = session.fetch_token(f"{URL}/oauth/token", grant_type="client_credentials")
            assert token["token_type"] == "Bearer"


def test_a_client_that_is_told_of_an_error_understands_it() -> None:
    key = Jwk.generate(alg="ES256").with_kid_thumbprint()
    client = discovered(key, registered(key)["client_id"])
    with pytest.raises(InvalidRequest):
        client.pushed_authorization_request(client.authorization_request(redirect_uri="https://evil.example/cb"))
