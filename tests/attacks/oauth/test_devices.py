"""The device grant: what somebody types in is allowed once, by whoever signed in, to the device that waits for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.parties import GONE, Client, refused
from tests.attacks.oauth.test_code_flow import mandate
from tests.conftest import Partner, WallClock

from openteller_sandbox.bank import Bank

BEGIN, PAGE = "/oauth/device_authorization", "/device"
GRANT = "urn:ietf:params:oauth:grant-type:device_code"


class Screen(Customer):
    """A browser in which somebody types the code that a device shows."""

    def __init__(self, app: Flask, user_code: str) -> None:
        self._client = app.test_client()
        self.returned = {}
        self.left_to = ""
        self.path = PAGE
        self.type_in(user_code)

    def type_in(self, user_code: str) -> None:
        self.answer = self._client.post(PAGE, data={"user_code": user_code})
        self._follow()


@pytest.fixture
def device(new_client: Callable[..., Client]) -> Client:
    """A public client without a browser."""
    return new_client(
        profile="baseline", token_endpoint_auth_method="none", jwks=GONE, grant_types=[GRANT, "refresh_token"]
    )


def begin(client: Client, **form: Any) -> dict[str, Any]:
    answer = client.post(BEGIN, {"scope": "bills:read"} | form)
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def poll(client: Client, device_code: str, **form: Any) -> Any:
    return client.grant({"grant_type": GRANT, "device_code": device_code} | form)


def test_a_device_waits_for_a_customer(device: Client, flask_app: Flask, moving_wall: WallClock) -> None:
    begun = begin(device)
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", begun["user_code"])
    assert begun["verification_uri"].endswith(PAGE)
    assert "verification_uri_complete" not in begun
    refused(poll(device, begun["device_code"]), "authorization_pending")
    screen = Screen(flask_app, begun["user_code"].lower().replace("-", " "))
    assert "如果代码是别人发给您的，请拒绝" in screen.text
    screen.sign_in().approve()
    assert "已处理" in screen.text
    got = dict(poll(device, begun["device_code"]).json or {})
    assert (got["scope"], got["token_type"]) == ("bills:read", "DPoP")
    assert device.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 404
    assert device.refresh(got["refresh_token"]).status_code == 200
    for _ in range(3):
        refused(poll(device, begun["device_code"]), "invalid_grant")
    assert device.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 404


@pytest.mark.abuse("oauth", "asks for a device's token without pause")
def test_a_hasty_device_is_slowed_down(device: Client, moving_wall: WallClock) -> None:
    code = begin(device)["device_code"]
    refused(poll(device, code), "authorization_pending")
    moving_wall.advance(4)
    refused(poll(device, code), "slow_down")
    moving_wall.advance(9)
    refused(poll(device, code), "slow_down")
    moving_wall.advance(15)
    refused(poll(device, code), "authorization_pending")


def test_a_customer_who_refuses_is_told_to_the_device(device: Client, flask_app: Flask, bank: Bank) -> None:
    begun = begin(device)
    Screen(flask_app, begun["user_code"]).send("refuse")
    refused(poll(device, begun["device_code"]), "access_denied")
    assert not [row for row in rows(bank, "consents") if row["app_id"] == device.client_id]


def test_a_code_lives_ten_minutes(device: Client, flask_app: Flask, moving_wall: WallClock) -> None:
    begun = begin(device)
    moving_wall.advance(600)
    refused(poll(device, begun["device_code"]), "expired_token")
    assert Screen(flask_app, begun["user_code"]).answer.status_code == 422


def test_a_code_is_answered_once(device: Client, flask_app: Flask, bank: Bank) -> None:
    begun = begin(device)
    first, second = Screen(flask_app, begun["user_code"]).sign_in(), Screen(flask_app, begun["user_code"]).sign_in()
    first.approve()
    second.approve()
    assert len([row for row in rows(bank, "consents") if row["app_id"] == device.client_id]) == 1
    assert Screen(flask_app, begun["user_code"]).answer.status_code == 422


@pytest.mark.abuse("oauth", "guesses the code of a device")
@pytest.mark.parametrize(
    "typed",
    [
        "",
        "x",
        "BCDF-GHJ",
        "BCDF-GHJKL",
        "AEIO-UUUU",
        "令牌",
        "\0",
        "' OR 1=1 --",
        "<script>",
        "x" * 5000,
        "ＢＣＤＦＧＨＪＫ",
    ],
)
def test_a_code_that_no_device_shows_leads_nowhere(typed: str, flask_app: Flask) -> None:
    http = flask_app.test_client()
    answer = http.post(PAGE, data={"user_code": typed})
    assert (answer.status_code, answer.headers["Cache-Control"]) == (422, "no-store")
    assert "没有设备显示这个代码" in answer.text
    assert len(typed) < 10 or typed not in answer.text
    assert http.get(PAGE, query_string={"user_code": typed}).status_code == 200


@pytest.mark.abuse("oauth", "sends a customer a link with his own device's code")
def test_a_code_in_an_address_is_not_taken(device: Client, flask_app: Flask) -> None:
    """A link that brings its code along is how people are talked into it (RFC 8628 section 5.4)."""
    page = flask_app.test_client().get(PAGE, query_string={"user_code": begin(device)["user_code"]})
    field = re.search(r'<input id="user_code"[^>]*>', page.text)
    assert field is not None and "value=" not in field[0]


def test_a_code_sent_from_another_site_is_not_taken(device: Client, flask_app: Flask) -> None:
    form = {"user_code": begin(device)["user_code"]}
    answer = flask_app.test_client().post(PAGE, data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 400


@pytest.mark.abuse("oauth", "fetches the token of another device")
def test_only_its_own_device_gets_the_token(
    device: Client, new_client: Callable[..., Client], flask_app: Flask
) -> None:
    begun = begin(device)
    Screen(flask_app, begun["user_code"]).sign_in().approve()
    other = new_client(
        profile="baseline", token_endpoint_auth_method="none", jwks=GONE, grant_types=[GRANT, "refresh_token"]
    )
    refused(poll(other, begun["device_code"]), "invalid_grant")
    refused(poll(device, begun["user_code"]), "invalid_grant")
    refused(poll(device, begun["device_code"] + "x"), "invalid_grant")
    assert poll(device, begun["device_code"]).status_code == 200


def test_a_request_uri_is_no_way_to_a_device(device: Client, flask_app: Flask) -> None:
    begun = begin(device)
    for name in (begun["user_code"], begun["user_code"].replace("-", ""), begun["device_code"]):
        query = {"client_id": device.client_id, "request_uri": f"urn:ietf:params:oauth:request_uri:{name}"}
        assert flask_app.test_client().get("/oauth/authorize", query_string=query).status_code == 400


BAD_BEGINNINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "no scope": ("invalid_scope", {"scope": GONE}),
    "an unknown scope": ("invalid_scope", {"scope": "admin"}),
    "the scope sandbox": ("invalid_scope", {"scope": "sandbox"}),
    "what customers have saved": ("invalid_scope", {"scope": "saved-billers"}),
    "another resource": ("invalid_target", {"resource": "https://other.example"}),
    "a mandate": ("invalid_request", {"authorization_details": json.dumps(mandate(biller_id="blr_000000000000"))}),
    "a redirect": ("invalid_request", {"redirect_uri": "https://evil.example"}),
    "an unknown client": ("invalid_client", {"client_id": "app_nobody0000000"}),
    "no client": ("invalid_client", {"client_id": GONE}),
}


@pytest.mark.parametrize("name", BAD_BEGINNINGS)
def test_a_bad_beginning_is_refused(name: str, device: Client) -> None:
    """T0 and T1 only: a mandate is not to be had by a typed code."""
    error, change = BAD_BEGINNINGS[name]
    refused(device.post(BEGIN, {"scope": "bills:read"} | change), error)


def test_a_client_of_fapi_begins_no_device(linking: Client, new_client: Callable[..., Client]) -> None:
    refused(linking.post(BEGIN, {"scope": "bills:read"}), "unauthorized_client")
    refused(poll(linking, "otd_x"), "unauthorized_client")
    metadata = {"client_name": "x", "profile": "fapi2", "grant_types": [GRANT], "jwks": linking.registration["jwks"]}
    refused(linking.http.post("/oauth/register", json=metadata), "invalid_client_metadata")


def test_a_grant_that_is_not_registered_is_not_used(public_client: Client, device: Client) -> None:
    refused(poll(public_client, "otd_x"), "unauthorized_client")
    form = {"grant_type": "authorization_code", "code": "otc_x", "redirect_uri": "x", "code_verifier": "x" * 43}
    refused(device.grant(form), "unauthorized_client")


def test_the_page_speaks_english_too(flask_app: Flask) -> None:
    assert "The code that the device shows" in flask_app.test_client().get(f"{PAGE}?lang=en").text


@pytest.mark.abuse("oauth", "asks for a mandate by way of a device")
def test_a_mandate_cannot_be_slipped_in_later(device: Client, flask_app: Flask, partner: Partner) -> None:
    begun = begin(device)
    screen = Screen(flask_app, begun["user_code"]).sign_in()
    screen.send("approve", authorization_details=json.dumps(mandate(partner)), scope="payments:create")
    got = dict(poll(device, begun["device_code"]).json or {})
    assert got["scope"] == "bills:read"
    assert "authorization_details" not in got
