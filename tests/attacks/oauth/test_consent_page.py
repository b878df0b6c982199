"""The page belongs to the bank and to one browser: nobody else frames it, fills it in, steers it or goes on with it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import Client
from tests.attacks.oauth.test_code_flow import mandate
from tests.conftest import Partner
from tests.payer import POOR, RICH

from openteller_sandbox.bank import Bank

Arrive = Callable[[dict[str, Any]], Customer]


@pytest.fixture
def browser(linking: Client, customer: Arrive) -> Customer:
    return customer(linking.pushed())


def consents_of(bank: Bank, client: Client) -> list[dict[str, Any]]:
    return [row for row in rows(bank, "consents") if row["app_id"] == client.client_id]


@pytest.mark.abuse("oauth", "frames the page on which customers allow, or finds it in a cache")
def test_the_page_cannot_be_framed_kept_or_followed(browser: Customer) -> None:
    for page in ("sign_in", "approve"):
        assert page in browser.forms
        headers = browser.answer.headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "script-src" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "<script" not in browser.answer.text
        assert "Access-Control-Allow-Origin" not in headers
        if page == "sign_in":
            browser.sign_in()
    assert "form-action 'self' https://bot.example;" in browser.answer.headers["Content-Security-Policy"]


def test_before_sign_in_the_page_tells_nothing_of_anybody(linking: Client, customer: Arrive, partner: Partner) -> None:
    browser = customer(linking.pushed(authorization_details=json.dumps(mandate(partner))))
    assert "approve" not in browser.forms
    assert "¥" not in browser.text


def test_the_cookie_is_the_browsers_own_and_changes_with_the_sign_in(linking: Client, flask_app: Flask) -> None:
    http = flask_app.test_client()
    arrived = http.get("/oauth/authorize", query_string=linking.pushed())
    cookie = arrived.headers["Set-Cookie"]
    assert re.fullmatch(
        r"openteller_authorize_iac_[a-z2-7]+=[\w-]{43}; Expires=[^;]+; Max-Age=600; HttpOnly; Path=/oauth/authorize; "
        r"SameSite=Lax",
        cookie,
    ), cookie
    path = arrived.headers["Location"]
    csrf = re.search(r'name="csrf" value="([^"]+)"', http.get(path).text)
    assert csrf is not None
    form = {"csrf": csrf[1], "step": "sign_in", "customer_number": RICH[0], "demo_code": RICH[1]}
    signed_in = http.post(path, data=form)
    after = signed_in.headers["Set-Cookie"]
    assert after.partition("=")[0] == cookie.partition("=")[0]
    assert after != cookie
    fixed = flask_app.test_client(use_cookies=False)
    fixation = {"Cookie": cookie.partition(";")[0]}
    assert fixed.get(path, headers=fixation).status_code == 400
    assert fixed.post(path, data={**form, "step": "approve"}, headers=fixation).status_code == 400
    assert http.post(path, data={**form, "step": "approve"}).status_code == 303
    assert "approve" in http.get(path).text, "the form of before the sign-in approves nothing"


@pytest.mark.abuse("oauth", "goes on with a customer's authorization in another browser")
def test_another_browser_has_no_part_in_it(browser: Customer, linking: Client, flask_app: Flask, bank: Bank) -> None:
    browser.sign_in()
    other = flask_app.test_client()
    assert other.get(browser.path).status_code == 400
    assert other.post(browser.path, data=browser.forms["approve"].values).status_code == 400
    assert not consents_of(bank, linking)


def test_the_cookie_of_one_request_opens_no_other(linking: Client, flask_app: Flask, bank: Bank) -> None:
    mine, victims = Customer(flask_app, linking.pushed()), Customer(flask_app, linking.pushed())
    mine.sign_in()
    csrf = mine.forms["approve"].values["csrf"]
    answer = mine._client.post(victims.path, data={"csrf": csrf, "step": "approve"})
    assert answer.status_code == 400
    assert not consents_of(bank, linking)


@pytest.mark.abuse("oauth", "has a customer's browser allow something by a forged form")
@pytest.mark.parametrize("csrf", ["", "x", "令牌", "\0"])
def test_a_form_that_is_not_of_the_page_does_nothing(csrf: str, browser: Customer, linking: Client, bank: Bank) -> None:
    browser.sign_in().send("approve", csrf=csrf)
    assert "页面已过期" in browser.text
    assert not browser.returned
    assert not consents_of(bank, linking)
    browser.send("refuse", csrf=csrf)
    assert not browser.returned


def test_a_form_without_a_token_does_nothing(browser: Customer, linking: Client, bank: Bank) -> None:
    browser.sign_in()
    assert browser._client.post(browser.path, data={"step": "approve"}).headers["Location"] == browser.path
    assert not consents_of(bank, linking)


@pytest.mark.abuse("oauth", "has another site send the form that allows")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_does_nothing(site: str, browser: Customer, linking: Client, bank: Bank) -> None:
    browser.sign_in()
    form = browser.forms["approve"].values
    answer = browser._client.post(browser.path, data=form, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400
    assert not consents_of(bank, linking)


@pytest.mark.abuse("oauth", "allows something before anybody has signed in")
def test_nothing_is_approved_before_somebody_signs_in(browser: Customer, linking: Client, bank: Bank) -> None:
    csrf = browser.forms["sign_in"].values["csrf"]
    for step in ("approve", "consent", "", "grant"):
        browser._client.post(browser.path, data={"csrf": csrf, "step": step})
    assert not consents_of(bank, linking)
    assert browser.sign_in(("62000001", "000000")).step == "sign_in"
    assert "客户号或演示码不对" in browser.text


@pytest.mark.abuse("oauth", "has a link opened that would allow something")
def test_a_get_approves_nothing(browser: Customer, linking: Client, bank: Bank) -> None:
    browser.sign_in()
    form = browser.forms["approve"].values.to_dict()
    assert browser._client.get(browser.path, query_string=form).status_code == 200
    assert not consents_of(bank, linking)


def test_wrong_codes_lock_the_number_here_as_on_the_payment_page(browser: Customer) -> None:
    for _ in range(5):
        browser.sign_in((RICH[0], "000000"))
    browser.sign_in()
    assert "请 15 分钟后再试" in browser.text


def test_whoever_has_signed_in_is_who_consents(linking: Client, customer: Arrive, bank: Bank) -> None:
    browser = customer(linking.pushed()).sign_in(POOR)
    form = browser.forms["approve"].values.to_dict()
    again = {**form, "step": "sign_in", "customer_number": RICH[0], "demo_code": RICH[1], "customer_id": "cst_x"}
    browser._client.post(browser.path, data=again)
    browser.open()
    assert "欧阳静" in browser.text
    browser.send("approve", customer_id="cst_demo00000001", scope="payments:create")
    (consent,) = consents_of(bank, linking)
    assert (consent["customer_id"], consent["scope"]) == ("cst_demo00000002", "bills:read")


def test_a_customer_who_refuses_is_believed_at_once_and_before_signing_in(
    linking: Client, customer: Arrive, bank: Bank
) -> None:
    for browser in (customer(linking.pushed()), customer(linking.pushed()).sign_in()):
        browser.send("refuse")
        assert browser.returned == {
            "error": "access_denied",
            "state": "state of the client",
            "iss": "http://127.0.0.1:8080",
        }
        assert "已处理" in re.sub(r"<[^>]+>", " ", browser._client.get(browser.path).text)
    assert not consents_of(bank, linking)


@pytest.mark.abuse("oauth", "has one request decided in several browsers")
def test_a_request_is_decided_once_in_however_many_browsers(linking: Client, customer: Arrive, bank: Bank) -> None:
    query = linking.pushed()
    first, second = customer(query).sign_in(), customer(query).sign_in()
    assert first.approve().returned["code"]
    second.approve()
    assert not second.returned
    assert len(consents_of(bank, linking)) == 1


@pytest.mark.abuse("oauth", "sends the browser elsewhere after the customer has answered")
def test_where_the_browser_goes_is_fixed_before_anybody_signs_in(browser: Customer) -> None:
    browser.sign_in()
    for name in ("next", "return_url", "redirect_uri", "url"):
        browser._client.get(f"{browser.path}?{name}=https://evil.example")
    browser.send("approve", redirect_uri="https://evil.example", next="https://evil.example")
    assert browser.left_to == "https://bot.example/cb"


def test_the_page_speaks_english_too(browser: Customer) -> None:
    browser.send("language").sign_in()
    assert "Allow all of it or nothing" in browser.text
    assert "look up bills" in browser.text
    assert browser.answer.headers["Content-Language"] == "en"


@pytest.mark.abuse("oauth", "writes markup into a client's name")
def test_a_name_is_shown_and_never_run(new_client: Callable[..., Client], customer: Arrive) -> None:
    """Markup is refused at registration; what is left is escaped."""
    client = new_client(**LINKING | {"client_name": 'Tom & Jerry\'s "bank" {{7*7}}'})
    browser = customer(client.pushed())
    assert "Tom &amp; Jerry&#39;s &#34;bank&#34; {{7*7}}" in browser.answer.text


@pytest.mark.parametrize("path", ["x", "iac_aaaaaaaaaaaaaaaaaaaa", "%00", "..%2f", "令牌", "iac_" + "a" * 3000])
def test_an_interaction_that_is_not_there_is_told_alike(path: str, flask_app: Flask) -> None:
    http = flask_app.test_client()
    for answer in (http.get(f"/oauth/authorize/{path}"), http.post(f"/oauth/authorize/{path}", data={"step": "x"})):
        assert answer.status_code in {400, 404}
        assert answer.headers["Cache-Control"] == "no-store"


def test_no_secret_stands_in_an_address_of_the_bank(browser: Customer, linking: Client) -> None:
    """The code and the state must be in the redirect; the rest is in cookies and forms."""
    assert re.fullmatch(r"/oauth/authorize/iac_[a-z2-7]+", browser.path)


def test_a_code_is_brought_to_the_place_that_was_registered_letter_for_letter(
    new_client: Callable[..., Client], customer: Arrive
) -> None:
    uri = "https://A_b.Example:08443/cb;v=1/%7e?x='[]"
    client = new_client(redirect_uris=[uri], grant_types=["authorization_code"])
    browser = customer(client.pushed(redirect_uri=uri)).sign_in()
    assert "form-action 'self' https://a_b.example:8443;" in browser.answer.headers["Content-Security-Policy"]
    assert browser.approve().answer.headers["Location"].startswith(f"{uri}&")
