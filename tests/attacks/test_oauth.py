"""The token endpoint gives tokens to apps that authenticate as RFC 6749 says, and tells nobody else anything."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from authlib.integrations.requests_client import OAuth2Session
from flask.testing import FlaskClient
from tests.conftest import Partner, WallClock, make_partner
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.oauth import service
from openteller_sandbox.partners.service import SCOPES

ENDPOINT = "/oauth/token"
GRANT = {"grant_type": "client_credentials"}
ERRORS = {
    "invalid_request": 400,
    "invalid_client": 401,
    "invalid_scope": 400,
    "unsupported_grant_type": 400,
}


@pytest.fixture
def app_of(partner: Partner) -> tuple[str, str]:
    """The credentials of an app."""
    return partner.app["client_id"], partner.app["client_secret"]


@pytest.fixture
def moving_wall(wall: WallClock) -> Iterator[WallClock]:
    """The clock of all tests, put back afterwards."""
    at = wall.at
    yield wall
    wall.at = at


def basic(name: str, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{name}:{secret}".encode()).decode()}


def refused(answer: TestResponse, error: str) -> dict[str, Any]:
    assert answer.status_code == ERRORS[error], answer.text
    body: dict[str, Any] = answer.json
    assert body.keys() == {"error", "error_description"}
    assert body["error"] == error
    assert answer.mimetype == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert ("WWW-Authenticate" in answer.headers) is (error == "invalid_client")
    return body


def count_of_tokens(bank: Bank) -> int:
    return len(bank.db.read().all(Statement(metadata.tables["access_tokens"].select())))


# Getting one.


@pytest.mark.parametrize("by", ["basic", "post"])
def test_an_app_gets_a_bearer_token(by: str, client: FlaskClient, app_of: tuple[str, str]) -> None:
    name, secret = app_of
    way: dict[str, Any] = {"auth": app_of, "data": GRANT}
    if by == "post":
        way = {"data": GRANT | {"client_id": name, "client_secret": secret}}
    answer = client.post(ENDPOINT, **way)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    body = answer.json
    assert body.pop("access_token").startswith("ota_")
    assert body == {"token_type": "Bearer", "expires_in": 900, "scope": " ".join(SCOPES)}


def test_a_token_can_be_asked_for_fewer_scopes(client: FlaskClient, app_of: tuple[str, str]) -> None:
    asked = client.post(ENDPOINT, data=GRANT | {"scope": "open-data sandbox"}, auth=app_of).json
    assert asked["scope"] == "open-data sandbox"
    token = {"Authorization": f"Bearer {asked['access_token']}"}
    assert client.get("/sandbox/v1/clock", headers=token).status_code == 200
    refusal = client.get("/v1/payments", headers=token)
    assert refusal.json["code"] == "INSUFFICIENT_SCOPE"
    assert 'error="insufficient_scope"' in refusal.headers["WWW-Authenticate"]


def test_the_client_of_authlib_on_requests_makes_a_request_that_is_understood(
    client: FlaskClient, app_of: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What its adapter would put on the wire, byte for byte."""
    import requests

    def send(adapter: object, request: requests.PreparedRequest, **_: object) -> requests.Response:
        answer = client.open(
            request.path_url, method=request.method, data=request.body, headers=dict(request.headers.items())
        )
        response = requests.Response()
        response.status_code, response._content = answer.status_code, answer.data
        response.headers.update(answer.headers)
        response.request = request
        return response

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with OAuth2Session(*app_of) as session:
        token = session.fetch_token("http://bank/oauth/token", grant_type="client_credentials")
        assert token["token_type"] == "Bearer"
        assert session.get("http://bank/sandbox/v1/clock").status_code == 200


# Being refused.


@pytest.mark.abuse("credentials", "tells clients from others by how a wrong secret is refused")
def test_a_wrong_secret_and_an_unknown_client_are_refused_alike(
    client: FlaskClient, app_of: tuple[str, str], bank: Bank
) -> None:
    name, secret = app_of
    before = count_of_tokens(bank)
    pairs = (
        (name, secret + "x"),
        (name, "x"),
        ("app_nobody0000000", secret),
        ("app_nobody0000000", "x"),
        (secret, name),
    )
    answers = [client.post(ENDPOINT, data=GRANT, auth=pair) for pair in pairs]
    answers += [client.post(ENDPOINT, data=GRANT | {"client_id": pair[0], "client_secret": pair[1]}) for pair in pairs]
    answers += [client.post(ENDPOINT, data=GRANT), client.post(ENDPOINT, data=GRANT | {"client_id": name})]
    assert len({str(refused(answer, "invalid_client")) for answer in answers}) == 1
    assert count_of_tokens(bank) == before


@pytest.mark.parametrize(
    "scope", ["admin", "open-data admin", "statements:write", "OPEN-DATA", "open-data,sandbox", "%ff"]
)
def test_a_scope_that_nobody_has_is_refused(scope: str, client: FlaskClient, app_of: tuple[str, str]) -> None:
    refused(client.post(ENDPOINT, data=GRANT | {"scope": scope}, auth=app_of), "invalid_scope")


@pytest.mark.abuse("credentials", "asks for a scope that its app does not hold")
@pytest.mark.parametrize("scope", ["payments:create", "open-data payments:create", "sandbox open-data"])
def test_a_scope_that_the_app_does_not_hold_is_refused(scope: str, client: FlaskClient, bank: Bank) -> None:
    modest = make_partner(client, scopes=["open-data"])
    credentials = modest.app["client_id"], modest.app["client_secret"]
    before = count_of_tokens(bank)
    refused(client.post(ENDPOINT, data=GRANT | {"scope": scope}, auth=credentials), "invalid_scope")
    assert count_of_tokens(bank) == before


def test_a_token_names_each_scope_once(client: FlaskClient, app_of: tuple[str, str]) -> None:
    answer = client.post(ENDPOINT, data=GRANT | {"scope": "sandbox open-data sandbox"}, auth=app_of)
    assert answer.json["scope"] == "sandbox open-data"


@pytest.mark.parametrize(
    "grant",
    [
        "password",
        "implicit",
        "urn:ietf:params:oauth:grant-type:token-exchange",
        "x",
    ],
)
def test_another_grant_is_refused(grant: str, client: FlaskClient, app_of: tuple[str, str]) -> None:
    refused(client.post(ENDPOINT, data={"grant_type": grant}, auth=app_of), "unsupported_grant_type")


TWO_WAYS = "two ways to authenticate"
MALFORMED: dict[str, dict[str, Any]] = {
    "nothing": {"data": {}},
    "no grant": {"data": {"scope": "open-data"}},
    "an empty grant": {"data": {"grant_type": ""}},
    "a repeated grant": {"data": {"grant_type": ["client_credentials", "client_credentials"]}},
    "a repeated scope": {"data": GRANT | {"scope": ["open-data", "sandbox"]}},
    "an empty scope": {"data": GRANT | {"scope": ""}},
    "a parameter of no grant": {"data": GRANT | {"audience": "all"}},
    "a parameter of another grant": {"data": GRANT | {"code": "x"}},
    "a refresh token": {"data": GRANT | {"refresh_token": "ota_x"}},
    "the query": {"data": GRANT, "query_string": {"scope": "open-data"}},
    "all in the query": {"data": {}, "query_string": GRANT},
    "JSON": {"json": GRANT},
    "no type": {"data": "grant_type=client_credentials", "content_type": ""},
    "multipart": {"data": GRANT, "content_type": "multipart/form-data"},
    "non-ASCII": {"data": GRANT | {"scope": "\u5f00\u653e\u6570\u636e"}},
    "a control character": {"data": GRANT | {"scope": "open-data\n"}},
    "NUL": {"data": GRANT | {"scope": "open-data\x00"}},
    "a quotation mark": {"data": GRANT | {"scope": 'open-data"'}},
    "too long": {"data": GRANT | {"scope": "x" * 600}},
    "very long": {"data": GRANT | {"scope": "x" * 20_000}},
    TWO_WAYS: {},
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_request_that_is_no_single_plain_form_is_refused(
    name: str, client: FlaskClient, app_of: tuple[str, str], bank: Bank
) -> None:
    before = count_of_tokens(bank)
    request = {"content_type": "application/x-www-form-urlencoded"} | MALFORMED[name]
    if "json" in request:
        del request["content_type"]
    if name == TWO_WAYS:
        request["data"] = GRANT | {"client_id": app_of[0], "client_secret": app_of[1]}
    refused(client.post(ENDPOINT, headers=basic(*app_of), **request), "invalid_request")
    assert count_of_tokens(bank) == before


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic !!!!",
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode("app:\u79d8\u5bc6".encode()).decode(),
        "Basic " + b64encode(b"app:\x00").decode(),
        "Basic " + b64encode(b":").decode(),
        "Basic " + "YTpi" * 4000,
        "Bearer ota_x",
        "Digest username=x",
        "x",
        "",
    ],
)
def test_an_authorization_that_cannot_be_read_is_refused(header: str, client: FlaskClient) -> None:
    refused(client.post(ENDPOINT, data=GRANT, headers={"Authorization": header}), "invalid_request")


def test_a_client_id_beside_another_one_is_refused(client: FlaskClient, app_of: tuple[str, str]) -> None:
    answer = client.post(ENDPOINT, data=GRANT | {"client_id": "app_demo00000000"}, auth=app_of)
    refused(answer, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_post_gives_tokens(method: str, client: FlaskClient, app_of: tuple[str, str]) -> None:
    """A GET would leave credentials in logs and histories."""
    answer = client.open(ENDPOINT, method=method, query_string=GRANT, headers=basic(*app_of))
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_a_form_that_is_too_large_is_not_read(client: FlaskClient, app_of: tuple[str, str]) -> None:
    answer = client.post(ENDPOINT, data=GRANT | {"scope": "x" * 70_000}, auth=app_of)
    assert answer.status_code == 413
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_refusal_repeats_nothing_that_was_sent(client: FlaskClient, app_of: tuple[str, str]) -> None:
    name, secret = app_of
    marked = "marked-by-the-test"
    for form in (
        GRANT | {"scope": marked},
        {"grant_type": marked},
        GRANT | {marked: "x"},
        GRANT | {"client_id": marked, "client_secret": secret},
    ):
        answer = client.post(ENDPOINT, data=form)
        assert marked not in answer.text
        assert marked not in str(answer.headers)
        assert secret not in answer.text
        assert name not in answer.text


# Using one.


@pytest.mark.abuse("credentials", "uses a token after its time")
def test_a_token_expires_by_the_wall_clock(client: FlaskClient, partner: Partner, moving_wall: WallClock) -> None:
    moving_wall.advance(service.ACCESS_TOKEN_SECONDS - 1)
    assert partner.get("/v1/payments").status_code == 200
    moving_wall.advance(1)
    refusal = partner.get("/v1/payments")
    assert refusal.status_code == 401
    assert refusal.json["code"] == "TOKEN_INVALID"


def test_an_expired_token_is_purged_with_the_next_one(
    client: FlaskClient, app_of: tuple[str, str], bank: Bank, moving_wall: WallClock
) -> None:
    """The first one is issued in the past, so that no other test's token is old enough to go."""
    before = count_of_tokens(bank)
    now, moving_wall.at = moving_wall.at, moving_wall.at - 10_000_000
    client.post(ENDPOINT, data=GRANT, auth=app_of)
    assert count_of_tokens(bank) == before + 1
    moving_wall.at = now
    client.post(ENDPOINT, data=GRANT, auth=app_of)
    assert count_of_tokens(bank) == before + 1


@pytest.mark.abuse("credentials", "moves the test clock to outlive or end tokens")
def test_bank_time_does_not_age_a_token(partner: Partner) -> None:
    partner.advance(seconds=30 * 86_400)
    assert partner.get("/v1/payments").status_code == 200
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert partner.get("/v1/payments").status_code == 200


@pytest.mark.parametrize("prefix", ["otr_", "ots_", "OTA_", ""])
def test_something_else_than_an_access_token_is_none(prefix: str, partner: Partner, client: FlaskClient) -> None:
    """A refresh token, a client secret, a token with another head."""
    other = prefix + partner.headers["Authorization"].removeprefix("Bearer ota_")
    for value in (other, partner.app["client_secret"], partner.app["client_id"]):
        refusal = client.get("/v1/payments", headers={"Authorization": f"Bearer {value}"})
        assert refusal.json["code"] == "TOKEN_INVALID"


@pytest.mark.abuse("credentials", "sends a token in an address, where logs keep it")
def test_a_token_counts_in_the_header_only(partner: Partner, client: FlaskClient) -> None:
    """RFC 6750 sections 2.2 and 2.3, a form or the query, are not offered: they end in logs."""
    token = partner.headers["Authorization"].removeprefix("Bearer ")
    assert client.get("/v1/payments", query_string={"access_token": token}).status_code == 401
    assert client.get("/v1/payments", headers={"Cookie": f"access_token={token}"}).status_code == 401


@pytest.mark.abuse("credentials", "steals the database to use its tokens")
def test_only_a_hash_of_a_token_and_of_a_secret_is_kept(partner: Partner, bank: Bank) -> None:
    token = partner.headers["Authorization"].removeprefix("Bearer ")
    secret = partner.app["client_secret"]
    for table in metadata.tables.values():
        for row in bank.db.read().all(Statement(table.select())) if table.name in {"access_tokens", "apps"} else ():
            assert token not in map(str, row)
            assert secret not in map(str, row)


# What is logged.


def test_no_log_line_shows_a_token_or_a_secret(
    client: FlaskClient, app_of: tuple[str, str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authlib's own debug lines show the token; they are dropped, also by an operator who wants to see them."""
    client.post(ENDPOINT, data=GRANT, auth=app_of)  # its modules are imported with the first request
    names = [name for name in logging.root.manager.loggerDict if name.split(".")[0] == "authlib"]
    assert names
    for name in names:
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
        monkeypatch.setattr(logging.getLogger(name), "_cache", {})
    with caplog.at_level(logging.DEBUG):
        token = client.post(ENDPOINT, data=GRANT, auth=app_of).json["access_token"]
        client.post(ENDPOINT, data=GRANT, auth=(app_of[0], "wrong-secret-of-the-test"))
        client.post(ENDPOINT, data=GRANT | {"scope": "wrong-scope-of-the-test"}, auth=app_of)
    assert caplog.records
    for text in (token, token.removeprefix("ota_"), app_of[1], "wrong-secret-of-the-test", "wrong-scope-of-the-test"):
        assert text not in caplog.text


def test_the_metadata_say_what_the_endpoint_does(client: FlaskClient) -> None:
    """RFC 8414."""
    metadata_ = client.get("/.well-known/oauth-authorization-server").json
    assert metadata_["token_endpoint"] == f"{metadata_['issuer']}{ENDPOINT}"
    assert metadata_["grant_types_supported"] == [
        "client_credentials",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:device_code",
        "refresh_token",
    ]
    assert "private_key_jwt" in metadata_["token_endpoint_auth_methods_supported"]
    assert metadata_["response_types_supported"] == ["code"]
    scheme = contracts.load().at("/components/securitySchemes/oauth/flows")
    assert scheme.keys() == {"clientCredentials", "authorizationCode"}
