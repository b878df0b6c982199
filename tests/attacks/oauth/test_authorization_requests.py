"""What a client may ask a customer for, pushed or over the browser; and where a browser is sent when it may not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.attacks.oauth.browsers import AUTHORIZE, Customer
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import CREDENTIALS, GONE, ISSUER, TOKEN, Client, refused
from tests.attacks.oauth.test_code_flow import mandate
from tests.conftest import Partner, WallClock
from werkzeug.test import TestResponse

Arrive = Callable[[dict[str, Any]], Customer]


@pytest.fixture
def baseline(new_client: Callable[..., Client]) -> Client:
    """A client that may send its requests along with the browser."""
    return new_client(profile="baseline", token_endpoint_auth_method="client_secret_basic", jwks=GONE, **LINKING)


def sent_back(answer: TestResponse, error: str) -> dict[str, str]:
    """Assert that the client is told of an error over the browser, with the issuer (RFC 9207)."""
    assert answer.status_code == 303, answer.text
    place = answer.headers["Location"]
    assert place.startswith("https://bot.example/cb?")
    told = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
    assert told["error"] == error
    assert told["iss"] == ISSUER
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    return told


# What must not come back to the client over the browser: it may be an attacker's address.
UNSAFE: dict[str, dict[str, Any]] = {
    "no client": {"client_id": GONE},
    "an unknown client": {"client_id": "app_nobody0000000"},
    "a client with a null": {"client_id": "app_\0"},
    "a client that is Chinese": {"client_id": "应用"},
    "the demo app": {"client_id": "app_demo00000000"},
    "no redirect": {"redirect_uri": GONE},
    "another redirect": {"redirect_uri": "https://evil.example/cb"},
    "a redirect with a query more": {"redirect_uri": "https://bot.example/cb?x=1"},
    "a redirect with a path more": {"redirect_uri": "https://bot.example/cb/../evil"},
    "a redirect in capitals": {"redirect_uri": "HTTPS://bot.example/cb"},
    "a redirect with a port": {"redirect_uri": "https://bot.example:443/cb"},
    "a redirect with a name before the host": {"redirect_uri": "https://bot.example@evil.example/cb"},
    "a redirect with a fragment": {"redirect_uri": "https://bot.example/cb#x"},
    "a redirect with a line break": {"redirect_uri": "https://bot.example/cb\r\nX: y"},
    "a redirect that is script": {"redirect_uri": "javascript:alert(1)"},
    "two clients": {"client_id": ["app_a", "app_b"]},
    "two redirects": {"redirect_uri": ["https://bot.example/cb", "https://evil.example/cb"]},
    "two states": {"state": ["a", "b"]},
    "a state with a line break": {"state": "a\nb"},
    "a long state": {"state": "x" * 513},
    "a Chinese state": {"state": "状态"},
}


@pytest.mark.abuse("oauth", "has a code sent to an address of his own, or in another client's name")
@pytest.mark.parametrize("name", UNSAFE)
def test_a_request_of_somebody_else_goes_nowhere(name: str, baseline: Client) -> None:
    query = baseline.request() | UNSAFE[name]
    query = {key: value for key, value in query.items() if value is not GONE}
    answer = baseline.http.get(AUTHORIZE, query_string=query)
    refused(answer, "invalid_request")
    assert "Location" not in answer.headers
    page = baseline.http.get(AUTHORIZE, query_string=query, headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (400, "text/html")
    assert "evil" not in page.text and "Access-Control-Allow-Origin" not in page.headers


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "no response type": ("unsupported_response_type", {"response_type": GONE}),
    "a token": ("unsupported_response_type", {"response_type": "token"}),
    "a code and a token": ("unsupported_response_type", {"response_type": "code token"}),
    "a code and an ID token": ("unsupported_response_type", {"response_type": "code id_token"}),
    "the answer in the fragment": ("invalid_request", {"response_mode": "fragment"}),
    "the answer in a form": ("invalid_request", {"response_mode": "form_post"}),
    "no challenge": ("invalid_request", {"code_challenge": GONE, "code_challenge_method": GONE}),
    "a challenge without a method": ("invalid_request", {"code_challenge_method": GONE}),
    "a plain challenge": ("invalid_request", {"code_challenge_method": "plain"}),
    "another method": ("invalid_request", {"code_challenge_method": "S512"}),
    "a method in small letters": ("invalid_request", {"code_challenge_method": "s256"}),
    "a method without a challenge": ("invalid_request", {"code_challenge": GONE}),
    "a short challenge": ("invalid_request", {"code_challenge": "x" * 42}),
    "a long challenge": ("invalid_request", {"code_challenge": "x" * 44}),
    "a challenge of other characters": ("invalid_request", {"code_challenge": "+" * 43}),
    "no scope": ("invalid_scope", {"scope": GONE}),
    "an unknown scope": ("invalid_scope", {"scope": "admin"}),
    "the scope sandbox": ("invalid_scope", {"scope": "sandbox"}),
    "the scope webhooks": ("invalid_scope", {"scope": "bills:read webhooks"}),
    "openid": ("invalid_scope", {"scope": "openid"}),
    "scopes of spaces": ("invalid_scope", {"scope": "  "}),
    "a scope with a line break": ("invalid_request", {"scope": "bills:read\n"}),
    "a scope with a null": ("invalid_request", {"scope": "bills:read\0"}),
    "a long scope": ("invalid_request", {"scope": "x" * 600}),
    "a request object": ("request_not_supported", {"request": "e30.e30."}),
    "another resource": ("invalid_target", {"resource": "https://other.example"}),
    "a key that is none": ("invalid_request", {"dpop_jkt": "x"}),
}


@pytest.mark.abuse("oauth", "asks a customer with a request that the RFCs do not allow")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_over_the_browser_is_told_to_the_client(name: str, baseline: Client) -> None:
    error, change = WRONG[name]
    query = baseline.request(**change)
    told = sent_back(baseline.http.get(AUTHORIZE, query_string=query), error)
    assert told["state"] == "state of the client"
    assert all(value not in told["error_description"] for value in change.values() if value.strip() and len(value) > 8)


@pytest.mark.abuse("oauth", "pushes a request that the RFCs do not allow")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_not_taken_by_par(name: str, linking: Client) -> None:
    error, change = WRONG[name]
    refused(linking.post("/oauth/par", linking.request(**change)), error if "null" not in name else "invalid_request")


PUSHED: dict[str, dict[str, Any]] = {
    "another request": {"request_uri": "urn:ietf:params:oauth:request_uri:x"},
    "a request elsewhere": {"request_uri": "https://evil.example/request"},
    "another redirect": {"redirect_uri": "https://evil.example/cb"},
    "no redirect": {"redirect_uri": GONE},
    "two scopes": {"scope": ["bills:read", "open-data"]},
    "a Chinese state": {"state": "状态"},
    "a long state": {"state": "x" * 600},
}


@pytest.mark.abuse("oauth", "pushes a request for another client, or a reference to one elsewhere")
@pytest.mark.parametrize("name", PUSHED)
def test_par_takes_no_request_that_is_not_the_clients_own(name: str, linking: Client) -> None:
    refused(linking.post("/oauth/par", linking.request() | PUSHED[name]), "invalid_request")


def test_par_wants_to_know_who_asks(linking: Client, public_client: Client, new_client: Callable[..., Client]) -> None:
    request = linking.request()
    refused(linking.http.post("/oauth/par", data=request), "invalid_client")
    refused(linking.http.post("/oauth/par", data=request, auth=(linking.client_id, "ots_x")), "invalid_client")
    other = new_client(**LINKING)
    stolen = other.authenticated(**(request | {"client_id": linking.client_id}))
    refused(linking.http.post("/oauth/par", data=stolen), "invalid_client")
    assert public_client.pushed()["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
    assert linking.http.get("/oauth/par").status_code == 405
    refused(linking.http.post("/oauth/par", query_string=request), "invalid_request")
    refused(linking.http.post("/oauth/par", json=request), "invalid_request")


def test_par_ignores_what_it_does_not_know(linking: Client, customer: Arrive) -> None:
    """RFC 6749 section 3.1: OpenID clients send more."""
    browser = customer(linking.pushed(nonce="n", prompt="consent", acr_values="x", max_age="0", ui_locales="en-GB"))
    assert "An app asks for your permission" in browser.text
    assert browser.sign_in().approve().returned.keys() == {"code", "state", "iss"}


@pytest.mark.abuse("oauth", "sends along with the browser what has to be pushed")
def test_a_client_of_fapi_sends_nothing_along_with_the_browser(linking: Client) -> None:
    sent_back(linking.http.get(AUTHORIZE, query_string=linking.request()), "invalid_request")


def test_a_baseline_client_may_and_what_it_asks_cannot_be_changed_later(baseline: Client, customer: Arrive) -> None:
    browser = customer(baseline.request(scope="bills:read"))
    answer = browser._client.get(browser.path, query_string={"scope": "payments:create"})
    assert answer.status_code == 200
    code = browser.sign_in().approve().returned["code"]
    assert dict(baseline.redeem(code).json or {})["scope"] == "bills:read"


def test_a_client_that_does_not_register_the_grant_asks_nobody(fapi: Client, linking: Client) -> None:
    request = linking.request(client_id=fapi.client_id)
    refused(fapi.post("/oauth/par", request | {"client_id": fapi.client_id}), "invalid_request")


# The request_uri.


def test_a_pushed_request_is_visited_within_90_seconds(
    linking: Client, customer: Arrive, moving_wall: WallClock
) -> None:
    query, late = linking.pushed(), linking.pushed()
    moving_wall.advance(89)
    browser = customer(query)
    assert browser.step == "sign_in"
    moving_wall.advance(1)
    assert customer(late).answer.status_code == 400
    assert browser.go(query).status_code == 200, "a visit before, in this browser"
    assert browser.step == "sign_in"
    assert customer(query).answer.status_code == 400, "another browser is too late"


def test_a_second_visit_before_the_decision_goes_on_and_after_it_does_not(linking: Client, customer: Arrive) -> None:
    query = linking.pushed()
    browser = customer(query).sign_in()
    browser.go(query)
    assert "approve" in browser.forms
    assert browser.approve().returned["code"]
    assert browser.go(query).status_code == 400


def test_an_interaction_lives_ten_minutes(linking: Client, customer: Arrive, moving_wall: WallClock) -> None:
    browser = customer(linking.pushed()).sign_in()
    moving_wall.advance(600)
    assert browser.open().status_code == 400


@pytest.mark.abuse("oauth", "uses the pushed request of another client")
def test_a_request_uri_is_of_one_client(linking: Client, new_client: Callable[..., Client], customer: Arrive) -> None:
    query = linking.pushed()
    for name in (new_client(**LINKING).client_id, "app_demo00000000", "x", ""):
        assert customer(query | {"client_id": name}).answer.status_code == 400


@pytest.mark.abuse("oauth", "has the bank fetch a request from an address")
@pytest.mark.parametrize(
    "place",
    [
        "urn:ietf:params:oauth:request_uri:unknown",
        "urn:ietf:params:oauth:request_uri:",
        "urn:ietf:params:oauth:request_uri:\0",
        "urn:ietf:params:oauth:request_uri:" + "x" * 5000,
        "https://evil.example/request",
        "file:///etc/passwd",
        "http://169.254.169.254/",
        "",
        "状态",
    ],
)
def test_an_unknown_request_uri_is_refused_and_nothing_is_fetched(place: str, linking: Client) -> None:
    query = {"client_id": linking.client_id, "request_uri": place}
    refused(linking.http.get(AUTHORIZE, query_string=query), "invalid_request_uri")


@pytest.mark.abuse("oauth", "changes a pushed request on its way through the browser")
def test_parameters_beside_a_request_uri_change_nothing(linking: Client, customer: Arrive) -> None:
    query = linking.pushed() | {
        "scope": "payments:create",
        "redirect_uri": "https://evil.example/cb",
        "state": "another",
        "code_challenge": "x" * 43,
    }
    browser = customer(query).sign_in().approve()
    assert browser.left_to == "https://bot.example/cb"
    assert browser.returned["state"] == "state of the client"
    assert dict(linking.redeem(browser.returned["code"]).json or {})["scope"] == "bills:read"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_the_authorization_endpoint_is_visited_with_get(method: str, linking: Client) -> None:
    assert linking.http.open(AUTHORIZE, method=method, data=linking.request()).status_code == 405


def test_no_script_of_another_site_reads_the_authorization_endpoint(linking: Client) -> None:
    """RFC 9700 section 2.6: no CORS there."""
    for answer in (
        linking.http.get(AUTHORIZE, query_string=linking.pushed(), headers={"Origin": "https://evil.example"}),
        linking.http.options(AUTHORIZE, headers={"Origin": "https://evil.example"}),
    ):
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


# RAR.


BAD_DETAILS: dict[str, Any] = {
    "no JSON": "xx",
    "a quotation mark": '"',
    "an object": '{"type":"bill_payment_mandate"}',
    "an empty list": [],
    "null": [None],
    "text": ["bill_payment_mandate"],
    "six": "six",
    "deeply nested": "[" * 3000,
    "a member twice": '[{"type":"bill_payment_mandate","type":"x"}]',
    "NaN": '[{"type":NaN}]',
    "another type": {"type": "payment_initiation"},
    "a type that is a list": {"type": ["bill_payment_mandate"]},
    "no type": {"type": GONE},
    "another member": {"creditorAccount": {"iban": "DE02100100109307118603"}},
    "actions": {"actions": ["all"]},
    "no billers": {"billers": GONE},
    "an empty list of billers": {"billers": []},
    "a biller that is not there": {"billers": ["blr_unknown00000"]},
    "a biller that is SQL": {"billers": ["blr_' OR 1=1"]},
    "a biller that is a number": {"billers": [1]},
    "every biller": {"billers": ["*"]},
    "no cap": {"maximum_individual_amount": GONE},
    "a cap of null": {"maximum_individual_amount": None},
    "a cap that is a number": {"maximum_individual_amount": 200},
    "a cap of zero": {"maximum_individual_amount": {"amount": "0.00", "currency": "CNY"}},
    "a cap below zero": {"maximum_individual_amount": {"amount": "-1.00", "currency": "CNY"}},
    "a cap without end": {"maximum_individual_amount": {"amount": "9" * 30 + ".00", "currency": "CNY"}},
    "a cap in scientific form": {"maximum_individual_amount": {"amount": "1e9", "currency": "CNY"}},
    "a cap of three decimals": {"maximum_individual_amount": {"amount": "1.005", "currency": "CNY"}},
    "a cap that is infinite": {"maximum_individual_amount": {"amount": "Infinity", "currency": "CNY"}},
    "a cap in dollars": {"maximum_individual_amount": {"amount": "1.00", "currency": "USD"}},
    "a cap with another member": {"maximum_individual_amount": {"amount": "1.00", "currency": "CNY", "x": 1}},
    "limits that are no list": {"periodic_limits": {}},
    "a limit that is null": {"periodic_limits": [None]},
    "a limit of an hour": {
        "periodic_limits": [
            {"period_type": "HOUR", "period_alignment": "CALENDAR", "amount": {"amount": "1.00", "currency": "CNY"}}
        ]
    },
    "a limit without alignment": {
        "periodic_limits": [{"period_type": "DAY", "amount": {"amount": "1.00", "currency": "CNY"}}]
    },
    "two limits of a month": {
        "periodic_limits": [
            {"period_type": "MONTH", "period_alignment": kind, "amount": {"amount": "1.00", "currency": "CNY"}}
            for kind in ("CALENDAR", "CONSENT")
        ]
    },
    "no beginning": {"valid_from": GONE},
    "no end": {"valid_to": GONE},
    "an end before the beginning": {"valid_from": "2026-12-01", "valid_to": "2026-11-30"},
    "an end that has passed": {"valid_from": "2026-01-01", "valid_to": "2026-09-28"},
    "a beginning in ten years": {"valid_from": "2036-09-30", "valid_to": "2036-10-01"},
    "a beginning at the end of the calendar": {"valid_from": "9999-01-01", "valid_to": "9999-12-31"},
    "ten years": {"valid_to": "2036-10-01"},
    "no day of the calendar": {"valid_to": "2027-02-30"},
    "another form of date": {"valid_to": "20270301"},
    "a date with a time": {"valid_to": "2027-03-01T00:00:00Z"},
    "a date that is a number": {"valid_to": 20270301},
}


@pytest.mark.abuse("oauth", "asks for a mandate that a customer could misread")
@pytest.mark.parametrize("name", BAD_DETAILS)
def test_a_mandate_that_is_not_complete_and_plain_is_refused(name: str, linking: Client, partner: Partner) -> None:
    given = BAD_DETAILS[name]
    if name == "six":
        given = mandate(partner) * 6
    elif isinstance(given, dict):
        given = mandate(partner, **given)
    text = given if isinstance(given, str) else json.dumps(given)
    answer = linking.post("/oauth/par", linking.request(authorization_details=text))
    error = "invalid_request" if text == '"' else "invalid_authorization_details"
    refused(answer, error)


@pytest.mark.abuse("oauth", "sends authorization details without end or depth")
def test_details_beyond_measure_are_not_read(linking: Client) -> None:
    for text in ("x" * 8193, "状态", "[\n]"):
        refused(linking.post("/oauth/par", linking.request(authorization_details=text)), "invalid_request")


@pytest.mark.abuse("oauth", "asks for a mandate as a client of a weaker profile")
def test_only_a_client_of_fapi_may_ask_for_a_mandate(baseline: Client, partner: Partner) -> None:
    query = baseline.request(authorization_details=json.dumps(mandate(partner)))
    sent_back(baseline.http.get(AUTHORIZE, query_string=query), "invalid_authorization_details")


def test_a_mandate_may_be_all_that_is_asked_for(
    linking: Client, customer: Arrive, partner: Partner, client: FlaskClient
) -> None:
    details = mandate(partner, periodic_limits=GONE)
    browser = customer(linking.pushed(scope=GONE, authorization_details=json.dumps(details))).sign_in()
    assert "每天、每月或每年最多" in browser.text and "不限金额" in browser.text
    got = dict(linking.redeem(browser.approve().returned["code"]).json or {})
    assert got["scope"] == ""
    assert got["authorization_details"] == [details[0] | {"periodic_limits": []}]
    assert linking.call(got["access_token"]).status_code == 403


def test_the_grant_of_a_client_itself_takes_no_mandate(linking: Client, partner: Partner) -> None:
    """client_credentials holds T0 and T1 only."""
    form = CREDENTIALS | {"authorization_details": json.dumps(mandate(partner))}
    refused(linking.grant(form), "invalid_request")


# A program on the customer's own machine listens on whatever port is free there (RFC 8252 section 7.3).


@pytest.fixture
def native(new_client: Callable[..., Client]) -> Client:
    return new_client(
        profile="baseline",
        token_endpoint_auth_method="none",
        jwks=GONE,
        redirect_uris=["http://127.0.0.1/cb", "http://[::1]:4711/cb", "http://localhost:4711/cb"],
        grant_types=["authorization_code"],
    )


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", "http://[::1]:1/cb", "http://localhost:4711/cb"]
)
def test_a_native_client_is_sent_to_the_port_that_it_listens_on(uri: str, native: Client, flask_app: Flask) -> None:
    browser = Customer(flask_app, native.request(redirect_uri=uri)).sign_in().approve()
    assert browser.left_to == uri
    answer = native.post(TOKEN, native.code_form(browser.returned["code"], redirect_uri=uri))
    assert answer.status_code == 200, answer.text


@pytest.mark.abuse("oauth", "has a native client's code sent to another program or machine")
@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:51004/evil",
        "http://127.0.0.1:51004/cb/../evil",
        "http://127.0.0.1:51004/cb?x=1",
        "http://127.0.0.1:51004/cb#x",
        "http://127.0.0.1:51004",
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:51004@evil.example/cb",
        "http://127.0.0.1.evil.example:51004/cb",
        "http://127.0.0.2:51004/cb",
        "http://127.1:51004/cb",
        "http://localhost:51004/cb",
        "https://127.0.0.1:51004/cb",
        "http://[::1]:51004/",
        "http://[::ffff:127.0.0.1]:51004/cb",
        "http://[::1%lo]:51004/cb",
        "http://127.0.0.1:5100\u0664/cb",
    ],
)
def test_only_the_port_may_be_another_one(uri: str, native: Client, flask_app: Flask) -> None:
    answer = flask_app.test_client().get(AUTHORIZE, query_string=native.request(redirect_uri=uri))
    refused(answer, "invalid_request")


@pytest.mark.abuse("oauth", "redeems a native client's code for another port than it was sent to")
def test_a_code_is_redeemed_for_the_port_that_it_was_sent_to(native: Client, flask_app: Flask) -> None:
    asked = native.request(redirect_uri="http://127.0.0.1:51004/cb")
    code = Customer(flask_app, asked).sign_in().approve().returned["code"]
    form = native.code_form(code, redirect_uri="http://127.0.0.1:51005/cb")
    refused(native.post(TOKEN, form), "invalid_grant")


def test_a_client_that_can_keep_a_secret_names_its_port(new_client: Callable[..., Client]) -> None:
    confidential = new_client(**LINKING | {"redirect_uris": ["http://127.0.0.1:4711/cb"]})
    refused(
        confidential.post("/oauth/par", confidential.request(redirect_uri="http://127.0.0.1:1/cb")), "invalid_request"
    )
