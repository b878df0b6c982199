"""Whatever goes wrong on a page, a person gets a page, and a program that asks for JSON gets problem details."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.payer import Payer
from werkzeug.test import EnvironBuilder, TestResponse

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.payments import service as payments
from openteller_sandbox.serve import _fault
from openteller_sandbox.settings import RateLimits

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NOWHERE = "/pay/aaaaaaaaaaaaaaaaaaaaaaaaaa"
Payers = Callable[[str], Payer]


def _is_page(answer: TestResponse, status: int, words: str) -> bool:
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert len(answer.headers.getlist("X-Request-Id")) == 1
    assert "示范银行" in answer.text or "Demo Bank" in answer.text
    return words in answer.text


@pytest.mark.parametrize("accept", [BROWSER, "*/*", None, "text/html, application/json;q=0.5", "image/png"])
@pytest.mark.parametrize("path", [NOWHERE, f"{NOWHERE}/receipt", f"{NOWHERE}/qr.svg", f"{NOWHERE}/x/y", "/pay/%20"])
def test_a_link_that_is_none_is_a_page(client: FlaskClient, accept: str | None, path: str) -> None:
    answer = client.get(path, headers={"Accept": accept} if accept else {})
    assert _is_page(answer, 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json", "application/json, text/html;q=0.2"]
)
def test_who_asks_for_json_gets_problem_details(client: FlaskClient, accept: str) -> None:
    answer = client.get(NOWHERE, headers={"Accept": accept})
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.json["code"] == "LINK_NOT_FOUND"


def test_the_api_answers_with_json_whatever_is_asked_for(client: FlaskClient) -> None:
    for path in ("/v1/nothing", "/v1/payments", "/sandbox/v1/clock"):
        answer = client.get(path, headers={"Accept": BROWSER})
        assert answer.mimetype == "application/problem+json", path


def test_a_person_who_has_mistyped_an_address_gets_a_page(client: FlaskClient) -> None:
    assert _is_page(client.get("/Pay/xyz", headers={"Accept": BROWSER}), 404, "NOT_FOUND")
    assert client.get("/Pay/xyz").mimetype == "application/problem+json"


def test_a_wrong_method_is_a_page_that_keeps_what_is_allowed(client: FlaskClient) -> None:
    answer = client.put(NOWHERE)
    assert _is_page(answer, 405, "METHOD_NOT_ALLOWED")
    assert "POST" in answer.headers["Allow"]


def test_a_link_that_is_over_is_a_page_in_its_own_language(partner: Partner, client: FlaskClient) -> None:
    payment = partner.pay_link(expires_in=60, locale="en")
    partner.advance(seconds=61)
    path = payment["payment_link"]["url"].removeprefix("http://127.0.0.1:8080")
    answer = client.get(path, headers={"Accept": BROWSER})
    assert _is_page(answer, 410, "LINK_EXPIRED")
    assert answer.headers["Content-Language"] == "en"


def test_a_fault_of_the_bank_is_a_page_in_the_language_of_the_payer(
    partner: Partner, payer: Payers, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = payer(partner.pay_link(locale="en")["payment_link"]["url"]).send("start")

    def broken(*_: object) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr("openteller_sandbox.hosted.views.of_step", broken)
    answer = page.open()
    assert _is_page(answer, 500, "The bank is busy")
    assert "a fault" not in answer.text
    monkeypatch.setattr(payments, "by_link", broken)
    assert _is_page(page.open(), 500, "银行系统繁忙")


def test_a_biller_under_maintenance_is_a_page_that_says_when_to_come_again(partner: Partner, payer: Payers) -> None:
    page = payer(partner.pay_link(category_code="WATER", adcode="320500")["payment_link"]["url"]).send("start")
    page.send("biller")
    assert _is_page(page.answer, 503, "BILLER_MAINTENANCE")
    assert page.answer.headers["Retry-After"] == "5400"


@pytest.mark.parametrize(("path", "kind"), [(NOWHERE, "text/html"), ("/v1/payments", "application/problem+json")])
def test_what_could_not_be_kept_is_told_in_the_form_that_was_asked_for(flask_app: Flask, path: str, kind: str) -> None:
    status, headers, body = _fault(flask_app, EnvironBuilder(path, headers={"Accept": BROWSER}).get_environ())
    told = dict(headers)
    assert (status, told["Content-Type"].partition(";")[0], "X-Request-Id" in told) == (503, kind, True)
    assert int(told["Retry-After"]) >= 1
    assert b"BANK_UNAVAILABLE" in body


@pytest.fixture(scope="module")
def small_bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    opened = make_bank(tmp_path_factory.mktemp("small"), WallClock(), rate_limits=RateLimits(app=100, anonymous=3))
    yield opened
    opened.db.close()


def test_a_used_up_quota_is_a_page_that_says_when_to_come_again(small_bank: Bank) -> None:
    app: Flask = create_app(small_bank)
    partner = make_partner(app.test_client(use_cookies=False))
    path = partner.pay_link()["payment_link"]["url"].removeprefix("http://127.0.0.1:8080")
    for place in (path, "/link-check"):
        answer = partner.client.get(place, headers={"Accept": BROWSER})
        if answer.status_code == 200:
            answer = partner.client.get(place, headers={"Accept": BROWSER})
        assert _is_page(answer, 429, "RATE_LIMITED")
        assert int(answer.headers["Retry-After"]) >= 1
