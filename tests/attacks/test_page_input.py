"""The payment page under attack: whatever a form holds, the answer is a page, and no money moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.attacks.snapshot import snapshot, snapshot_of
from tests.conftest import Partner
from tests.payer import Payer
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.http.checks import BODY_LIMIT

FETCHED, DIRECT = "SH-ELECTRICITY-01", "CD-GAS-01"
ODD = (
    "",
    " ",
    "\x00",
    "\u200b",
    "x" * 5000,
    "9" * 400,
    "-1",
    "0",
    "1e5",
    "1e999",
    "NaN",
    "Infinity",
    "0.001",
    "\u0661\u0662\u0663",
    "\uff11\uff12\uff0e\uff15",
    "\u00b2",
    "\U0001f4a9",
    "1,234.50",
    "\u00a550",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "..%2f",
    "None",
)
HELD = {"payments", "ledger_lines", "customer_accounts", "bill_locks", "biller_postings", "receipts", "bills"}
"""Where money, and what was paid, is written."""
STEPS = {
    "place": FETCHED,
    "biller": FETCHED,
    "account": FETCHED,
    "sign_in": FETCHED,
    "amount": DIRECT,
    "confirm": FETCHED,
}
"""Each step of the page, with a biller on whose way it lies."""


@pytest.fixture
def at(flask_app: Flask, partner: Partner) -> Callable[[str], Payer]:
    """Give a payer at a step of the page."""

    def go(step: str) -> Payer:
        code = STEPS[step]
        account = partner.magic(code, "DUE_BILL")["account_number"]
        form = {} if step in {"place", "biller"} else {"biller_id": partner.biller(code)["biller_id"]}
        page = Payer(flask_app.test_client(), partner.pay_link(**form)["payment_link"]["url"]).send("start")
        for _ in range(5):
            if page.step == step:
                return page
            if page.step == "account":
                page.send("account", in_account_number=account)
            elif page.step == "sign_in":
                page.sign_in()
            else:
                page.send("place", category_code="ELECTRICITY", adcode="310000")
        raise AssertionError(f"never came to {step}, but to {page.step}")

    return go


def money(bank: Bank) -> dict[str, Any]:
    """What would change if money moved; attempts and the page's own notes may."""
    tables = snapshot_of(bank, HELD)
    payments = [tuple(row)[7:9] for row in tables.pop("payments")]  # debit and posting status
    return {**tables, "payments": payments}


def is_page(answer: TestResponse) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code != 303:
        assert answer.mimetype == "text/html"
        assert "<script" not in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.abuse("page", "fills every field with what nobody expects")
@pytest.mark.parametrize("step", STEPS)
def test_odd_values_are_answered_with_a_page(step: str, at: Callable[[str], Payer], bank: Bank) -> None:
    """Each field of each step, each with each value; the browser goes on from where the bank leaves it."""
    page = at(step)
    names = [name for name in {**page.forms[step].values, **page.forms[step].offered} if name not in {"csrf", "step"}]
    before = money(bank)
    for name in names:
        for value in ODD:
            if page.step != step:
                page = at(step)
                before = money(bank)
            form = page.forms[step]
            filled = form.values.copy()
            filled.setlist(name, [value])
            answer = page._client.post(form.action, data=filled)
            is_page(answer)
            is_page(page.open())
            assert money(bank) == before, (name, value)


@pytest.mark.parametrize("step", STEPS)
def test_a_form_without_its_token_or_fields_does_nothing(step: str, at: Callable[[str], Payer], bank: Bank) -> None:
    page = at(step)
    form, before = page.forms[step], money(bank)
    own = {name: value for name, value in form.values.items() if name not in {"csrf", "step"}}
    token = form.values["csrf"]
    bodies: list[Any] = [
        {},
        {"step": step},
        {"step": step, **own},
        {"step": step, "csrf": "x" * len(token), **own},
        {"step": step, "csrf": token[::-1], **own},
        {"step": step, "csrf": "\u4ee4\u724c", **own},
        {"csrf": token, **own},
        {"csrf": token, "step": "no_such_step"},
        {"csrf": token, "step": "__class__"},
        {"csrf": token, "step": "result"},
        MultiDict([("csrf", "wrong"), ("csrf", token), ("step", step), *own.items()]),
    ]
    for body in bodies:
        is_page(page._client.post(form.action, data=body))
        assert page.open().status_code == 200
        assert page.step == step
    assert money(bank) == before


@pytest.mark.abuse("page", "skips the sign-in, or another step")
@pytest.mark.parametrize("later", ["bills", "amount", "confirm", "digits", "sign_in"])
def test_no_step_can_be_skipped(later: str, at: Callable[[str], Payer], bank: Bank) -> None:
    """A form of a later step, with this session's own token, is not the form of the step that is next."""
    page = at("account")
    before = money(bank)
    form = page.forms["account"]
    more = {"total": "50.00", "amount": "50.00", "bill_id": "bil_zzzzzzzz", "digits": "0000", "step": later}
    signing = {"customer_number": "62000001", "demo_code": "246810"}
    is_page(page._client.post(form.action, data={**form.values, **signing, **more}))
    page.open()
    assert page.step == "account"
    assert money(bank) == before


@pytest.mark.abuse("page", "changes the sum in the confirmation")
def test_a_sum_that_was_not_shown_is_not_paid(at: Callable[[str], Payer], bank: Bank) -> None:
    page = at("confirm")
    before = money(bank)
    for total in ("0.01", "0.00", "-111.85", "99999999.99", ""):
        page.send("confirm", total=total)
        assert money(bank) == before
        page.open()
        if page.step != "confirm":
            page = at("confirm")
            before = money(bank)


@pytest.mark.abuse("link", "goes on in another browser with a copied form or cookie")
def test_another_browser_cannot_go_on_with_a_session(at: Callable[[str], Payer], flask_app: Flask, bank: Bank) -> None:
    """The token of a form is worth nothing without the cookie; the cookie of one link is none for another."""
    page, other = at("confirm"), at("account")
    form, before = page.forms["confirm"], money(bank)
    stranger = flask_app.test_client()
    answer = stranger.post(form.action, data=form.values)
    is_page(answer)
    cookie = other._client.get_cookie("openteller_pay", path=other.path)
    assert cookie is not None
    stranger.set_cookie("openteller_pay", cookie.value, path=page.path)
    is_page(stranger.post(form.action, data=form.values))
    assert money(bank) == before


@pytest.mark.abuse("enumeration", "invents links")
@pytest.mark.parametrize("code", ["x", "..%2f", "%00", "\u4ee3\u7801", "a" * 5000, "a%20b", "' OR 1=1 --"])
def test_a_link_that_the_bank_has_not_issued_is_a_page_that_says_so(code: str, client: FlaskClient, bank: Bank) -> None:
    before = snapshot(bank)
    for path in (f"/pay/{code}", f"/pay/{code}/receipt", f"/pay/{code}/qr.svg"):
        assert client.get(path).status_code == 404
    assert client.post(f"/pay/{code}", data={"step": "start"}).status_code == 404
    assert snapshot(bank) == before


@pytest.mark.parametrize(
    "link", ["", "x", "\x00", "x" * 60_000, "http://127.0.0.1:8080/pay/", "http://127.0.0.1:8080/pay/x"]
)
def test_a_link_that_is_not_ours_is_told_so(link: str, client: FlaskClient) -> None:
    answer = client.post("/link-check", data={"link": link})
    is_page(answer)
    assert answer.status_code in {200, 413}
    assert "\u4e0d\u662f\u672c\u884c\u7684\u94fe\u63a5" in answer.text


@pytest.mark.abuse("page", "sends forms that fill the bank's memory")
def test_a_form_that_is_too_large_is_refused(at: Callable[[str], Payer], bank: Bank) -> None:
    page = at("account")
    before = snapshot(bank)
    form = page.forms["account"]
    answer = page._client.post(form.action, data={**form.values, "in_account_number": "x" * (BODY_LIMIT * 10)})
    assert answer.status_code in {413, 422}
    assert snapshot(bank)["payments"] == before["payments"]
