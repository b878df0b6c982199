"""What a refusal of the authorization server says to a developer: what to do, in words of ours."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

CALLBACK = "https://bot.example/cb"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def register(client: FlaskClient, **members: Any) -> dict[str, Any]:
    return dict(client.post("/oauth/register", json={"client_name": "我的机器人", **members}).json or {})


@pytest.fixture
def bot(client: FlaskClient) -> dict[str, Any]:
    return register(client, profile="baseline", grant_types=["client_credentials"])


def ask(client: FlaskClient, bot: dict[str, Any], path: str = "/oauth/token", **form: str) -> str:
    answer = client.post(path, data=form, auth=(bot["client_id"], bot["client_secret"]))
    assert answer.status_code == 400
    return str((answer.json or {})["error_description"])


def test_a_client_with_redirect_uris_asks_for_codes_unless_told(client: FlaskClient) -> None:
    made = register(client, profile="baseline", redirect_uris=[CALLBACK])
    assert (made["grant_types"], made["response_types"]) == (["authorization_code"], ["code"])
    refused = register(client, profile="baseline", redirect_uris=[CALLBACK], grant_types=["client_credentials"])
    assert refused["error_description"] == "redirect_uris and authorization_code in grant_types go together."


def test_a_client_is_told_what_its_request_lacks(client: FlaskClient, bot: dict[str, Any]) -> None:
    assert ask(client, bot, scope="bills:read") == "grant_type is missing."
    lacks = ask(client, bot, grant_type="authorization_code", code="otc_x")
    assert lacks == "This grant needs also: code_verifier, redirect_uri."


def test_a_client_is_told_which_grant_it_is_not_registered_with(client: FlaskClient, bot: dict[str, Any]) -> None:
    said = "The client is not registered with the grant "
    assert ask(client, bot, grant_type="refresh_token", refresh_token="otr_x") == f"{said}refresh_token."
    assert ask(client, bot, "/oauth/device_authorization", scope="bills:read").startswith(f"{said}{DEVICE}, ")


def test_the_scopes_that_a_customer_may_give_are_named(client: FlaskClient) -> None:
    bot = register(client, profile="baseline", grant_types=[DEVICE])
    assert "bills:read, payments:create" in ask(client, bot, "/oauth/device_authorization", scope="statements:read")
