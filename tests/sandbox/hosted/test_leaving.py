"""Browsers that leave the bank: to addresses that can be gone to, written as they were registered."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import Partner
from tests.linker import Actor, Customer, read
from werkzeug.test import EnvironBuilder, run_wsgi_app

from openteller_sandbox.hosted.rendering import policy, see_other
from openteller_sandbox.http import addresses

LETTERS = "https://A_b.Example:08443/Done;v=1/%7e?x='()&y=!*"


@pytest.mark.abuse("linking", "registers an address at which the answer breaks after the customer's decision")
@pytest.mark.parametrize(
    "url",
    [
        "http://a:99999/",
        "http://a:0/",
        "https://a:/",
        "https://a..b/",
        "https://.a.example/",
        "https://a.example./",
        f"https://{'a' * 250}/",
        f"https://{'.'.join('a' * 60 for _ in range(4))}.{'a' * 20}/",
        "https://u@a.example/",
        "https://a.example\\@b.example/",
        "https://a;script-src.example/",
        "https://[::1/",
        "https://[1.2.3.4]/",
        "https://[fe80::1%25lo]/",
        "https://1.2.3/",
        "https:///done",
        "https:done",
        "https://a.example/#top",
    ],
)
def test_an_address_that_no_browser_can_go_to_is_not_registered(url: str, client: FlaskClient) -> None:
    form = {"name": "App", "return_urls": ["https://bot.example/done", url]}
    answer = client.post("/sandbox/v1/apps", json=form)
    assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID")
    assert answer.json["errors"][0]["pointer"] == "/return_urls/1"


def test_an_address_goes_out_letter_for_letter_as_it_was_registered(
    flask_app: Flask, new_partner: Callable[..., Partner]
) -> None:
    partner = new_partner(return_urls=[LETTERS])
    link = Actor(partner).start(return_url=LETTERS)
    browser = Customer(flask_app, link["link_url"]).send("start").sign_in()
    assert "form-action 'self' https://a_b.example:8443;" in browser.answer.headers["Content-Security-Policy"]
    browser.send("approve")
    assert browser.answer.headers["Location"].startswith(f"{LETTERS}&account_link_id=")
    assert read(partner, link)["status"] == "APPROVED"


@pytest.mark.abuse("linking", "has the nonce brought over a network where others read it")
def test_a_nonce_is_brought_to_another_machine_over_https_only(new_partner: Callable[..., Partner]) -> None:
    urls = {"http://bot.example/done": 422, "http://10.0.0.8/done": 422, "http://localhost.example/": 422}
    urls |= {"http://localhost:3000/done": 201, "http://127.0.0.1/done": 201, "http://[::1]:3000/done": 201}
    partner = new_partner(return_urls=list(urls))
    answers = {url: Actor(partner).ask(return_url=url) for url in urls}
    assert {url: answer.status_code for url, answer in answers.items()} == urls
    assert answers["http://10.0.0.8/done"].json["errors"][0]["pointer"] == "/return_url"
    assert partner.pay_link(return_url="http://10.0.0.8/done")["return_url"] == "http://10.0.0.8/done"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://bot.example/cb?x=https://evil.example", " https://bot.example"),
        ("https://a_b.example/cb", " https://a_b.example"),
        ("HTTPS://Bot.Example:443?x", " https://bot.example:443"),
        ("http://127.0.0.1:4711/cb", " http://127.0.0.1:4711"),
        ("http://[::1]:4711/cb", " http:"),
        ("com.example.app:/cb", " com.example.app:"),
        ("https://a;b/cb", ""),
        ("https://[::1", ""),
        ("", ""),
    ],
)
def test_a_policy_names_the_whole_place_that_a_form_leads_to(url: str, source: str) -> None:
    assert f"; form-action 'self'{source}; " in policy(url)


@given(st.from_regex(r"https?://[!-~]{1,80}", fullmatch=True))
@settings(max_examples=30)
def test_whatever_an_address_is_the_redirect_to_it_leaves(url: str) -> None:
    _, status, headers = run_wsgi_app(see_other(url), EnvironBuilder().get_environ())
    assert (status, headers["Location"]) == ("303 SEE OTHER", url)


_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,61}", fullmatch=True), min_size=1, max_size=3).map(".".join)
_HOSTS = _NAMES | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map("[{}]".format)


@given(_HOSTS, st.integers(1, 65535) | st.none())
@settings(max_examples=30)
def test_every_host_and_port_that_can_be_is_taken(host: str, port: int | None) -> None:
    origin = f"https://{host}" + (f":{port}" if port else "")
    address = addresses.parse(f"{origin}/cb?x=1")
    assert address is not None and address.origin == origin
