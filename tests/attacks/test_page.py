"""Payers, honest, confused and malicious ones, at the bank's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.payer import POOR, RICH, Payer

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.bills.store import bill_fetches
from openteller_sandbox.db import Statement
from openteller_sandbox.hosted.store import page_sessions
from openteller_sandbox.settings import RateLimits

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"


@pytest.fixture
def at_power(partner: Partner, payer: Payers) -> Callable[..., tuple[dict, Payer]]:
    """Begin to pay a magic account at a link that names the biller only; give both at the sign-in."""

    def begin(scenario: str = "DUE_BILL", **form: object) -> tuple[dict, Payer]:
        payment = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"], **form)
        page = payer(payment["payment_link"]["url"]).send("start")
        return payment, page.send("account", in_account_number=partner.magic(POWER, scenario)["account_number"])

    return begin


def _sessions(bank: Bank) -> list[tuple[object, ...]]:
    return [tuple(row) for row in bank.db.read().all(Statement(select(page_sessions)))]


# What a payer has typed is nobody else's to see.


@pytest.mark.abuse("link", "reads at a shared link what the payer before has typed")
def test_what_a_payer_without_money_typed_is_not_there_for_the_next_one(
    partner: Partner, payer: Payers, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power()
    page.sign_in(POOR).send("confirm")
    assert "余额不足" in page.text
    stranger = payer(payment["payment_link"]["url"]).send("start")
    assert stranger.step == "account"
    page.sign_in(RICH).send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


@pytest.mark.abuse("strangers", "reads as a partner what a payer asks on the page")
def test_what_a_payer_asks_on_the_page_is_not_the_partners_to_read(
    bank: Bank, partner: Partner, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    _, page = at_power("SLOW")
    page.sign_in()
    partner.advance(seconds=10)
    page.open()
    assert page.step == "confirm"
    assert not [event for event in partner.events() if event["type"] == "bill_fetch.ready"]
    kept = bank.db.read().all(Statement(select(bill_fetches)))[-1]["bill_fetch_id"]
    assert partner.get(f"/v1/bill-fetches/{kept}").status_code == 404


@pytest.mark.abuse("strangers", "links as a partner to a bill that a payer has found on the page")
def test_a_bill_that_a_payer_found_on_the_page_is_neither_read_nor_linked_by_the_partner(
    partner: Partner, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power("REVERSED")
    page.sign_in().send("confirm")
    partner.advance(seconds=3700)
    read = partner.payment(payment["payment_id"])
    bill_id = read["allocations"][0]["bill_id"]
    assert read["status"] == "refunded"
    assert partner.get(f"/v1/bills/{bill_id}").status_code == 404
    again = partner.post("/v1/payments", {"partner_reference": "again-1", "bill_ids": [bill_id]})
    assert (again.status_code, again.json["errors"][0]["pointer"]) == (422, "/bill_ids/0")


@pytest.mark.abuse("link", "looks for the payer's account in what a session leaves")
def test_no_session_keeps_an_account_number_after_the_payment(
    bank: Bank, partner: Partner, payer: Payers, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power()
    page.sign_in().send("confirm")
    assert "缴费成功" in page.text
    before = _sessions(bank)
    mine = [row for row in before if partner.app["world_id"] in str(row)]
    assert mine
    assert not [row for row in mine if partner.magic(POWER, "DUE_BILL")["account_number"] in str(row)]
    stranger = payer(payment["payment_link"]["url"])
    stranger.answer = stranger._client.post(stranger.path, data={"step": "start"})
    assert "Set-Cookie" not in stranger.answer.headers
    assert _sessions(bank) == before


@pytest.mark.abuse("link", "slips a session of its own to a payer (session fixation)")
def test_a_session_that_was_slipped_to_a_payer_ends_at_the_sign_in(partner: Partner, flask_app: Flask) -> None:
    payment = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])
    path = urlsplit(payment["payment_link"]["url"]).path
    mine, theirs = flask_app.test_client(), flask_app.test_client()
    attacker = Payer(mine, path).send("start")
    slipped = mine.get_cookie("openteller_pay", path=path)
    assert slipped is not None
    theirs.set_cookie("openteller_pay", slipped.value, path=path)
    victim = Payer(theirs, path).send("account", in_account_number=partner.magic(POWER, "DUE_BILL")["account_number"])
    attacker.open()
    known = attacker.forms["sign_in"].values["csrf"]
    assert victim.sign_in().step == "confirm"
    attacker.open()
    assert attacker.step == "start"
    assert victim.forms["confirm"].values["csrf"] != known
    victim.send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


# What the partner has fixed stays; what is the payer's to choose can be chosen.


@pytest.fixture
def top_up(partner: Partner, payer: Payers) -> tuple[dict, Payer]:
    """Bring a payer to the confirmation of a top-up whose account and amount the app has fixed."""
    code = "CN-MOBILE_TOPUP-01"
    biller, inputs = partner.biller(code), partner.magic(code, "DUE_BILL")
    payment = partner.pay_link(biller_id=biller["biller_id"], inputs=inputs, amount=biller["plans"][0]["amount"])
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    return payment, page.send("digits", digits=inputs["account_number"][-4:])


@pytest.mark.abuse("page", "changes an amount that the app has fixed")
def test_an_amount_that_the_partner_has_fixed_is_not_changed_by_a_forged_form(
    partner: Partner, top_up: tuple[dict, Payer]
) -> None:
    payment, page = top_up
    page.send("confirm", step="change_amount")
    assert page.step == "confirm"
    page.send("confirm")
    assert partner.payment(payment["payment_id"])["amount"] == payment["amount"]


def test_more_than_a_bill_asks_for_can_be_paid_where_the_biller_takes_it(partner: Partner, payer: Payers) -> None:
    code = "SH-GAS-01"
    assert partner.biller(code)["exactness"] == "EXACT_UP"
    account = partner.magic(code, "DUE_BILL")["account_number"]
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in partner.fetch(code).json["bills"]])
    page = payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=account[-4:])
    assert page.send("change_amount").step == "amount"
    page.send("amount", amount="900").send("confirm")
    assert partner.payment(payment["payment_id"])["amount"]["amount"] == "900.00"


@pytest.mark.abuse("page", "exchanges a fixed account when the biller refuses it")
def test_an_account_that_the_partner_has_fixed_is_not_exchanged_when_the_biller_refuses_it(
    partner: Partner, payer: Payers
) -> None:
    code = "CC-GAS-01"
    inputs, amount = partner.magic(code, "UNKNOWN_ACCOUNT"), {"amount": "100.00", "currency": "CNY"}
    payment = partner.pay_link(biller_id=partner.biller(code)["biller_id"], inputs=inputs, amount=amount)
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    page.send("digits", digits=inputs["account_number"][-4:])
    assert "没有这个燃气号" in page.text
    assert page.step == "sign_in"
    read = partner.payment(payment["payment_id"])
    assert (read["status"], read["amount"], read["account_ref_masked"]) == (
        "created",
        payment["amount"],
        payment["account_ref_masked"],
    )


# A biller that is closed.


def test_a_biller_in_its_maintenance_is_not_asked_and_the_payer_hears_it_before_the_sign_in(
    partner: Partner, payer: Payers
) -> None:
    code = "SZ-WATER-01"
    window = partner.biller(code)["maintenance_windows"][0]
    payment = partner.pay_link(biller_id=partner.biller(code)["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic(code, "DUE_BILL")["account_number"])
    assert (page.answer.status_code, page.answer.headers["Retry-After"]) == (503, "5400")
    page.open()
    assert page.step == "account"
    partner.advance(to=window["ends_at"])
    page.send("account", in_account_number=partner.magic(code, "DUE_BILL")["account_number"]).sign_in().send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


@pytest.mark.abuse("bills", "confirms after a biller has closed")
def test_a_biller_that_closes_between_two_steps_takes_nothing_and_can_be_asked_again(
    partner: Partner, payer: Payers
) -> None:
    code = "NJ-SOCIAL_INSURANCE-01"
    payment = partner.pay_link(biller_id=partner.biller(code)["biller_id"])
    inputs = {f"in_{name}": value for name, value in partner.magic(code, "DUE_BILL").items()}
    page = payer(payment["payment_link"]["url"]).send("start").send("account", **inputs)
    partner.advance(to="2026-09-29T16:30:00+08:00")
    page.sign_in()
    assert (page.answer.status_code, "BILLER_CUTOFF" in page.text) == (409, True)
    partner.advance(to="2026-09-30T09:00:00+08:00")
    page.open()
    assert page.step == "retry"
    page.send("retry").send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


# A confused payer, and time that passes over an open page.


def test_bills_that_were_purged_are_asked_for_again_and_not_called_paid(
    partner: Partner, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power("SEVERAL_BILLS", expires_in=604_800)
    assert page.sign_in().step == "bills"
    partner.advance(seconds=86_400 + 60)
    page.open()
    assert page.step == "retry"
    page.send("retry").send("bills").send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


@pytest.mark.abuse("bills", "pays what somebody else has paid meanwhile")
def test_bills_that_somebody_else_has_paid_meanwhile_are_not_offered(
    partner: Partner, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    (_, slow), (_, quick) = at_power("SEVERAL_BILLS"), at_power("SEVERAL_BILLS")
    assert slow.sign_in().step == "bills"
    everything = quick.sign_in().forms["bills"].offered["bill_id"]
    quick.send("bills", bill_id=everything).send("confirm")
    slow.open()
    assert "没有待缴账单" in slow.text


def test_a_link_whose_last_open_page_is_left_after_its_time_has_expired(
    partner: Partner, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power(expires_in=600)
    page.sign_in()
    partner.advance(to=payment["payment_link"]["expires_at"])
    assert partner.payment(payment["payment_id"])["payment_link"]["status"] == "IN_USE"
    page.send("leave")
    assert page.answer.status_code == 410
    read = partner.payment(payment["payment_id"])
    assert (read["status"], read["status_reason"], read["payment_link"]["status"]) == (
        "expired",
        "LINK_EXPIRED",
        "EXPIRED",
    )


@pytest.mark.parametrize(("seconds", "status"), [(599, "created"), (600, "expired")])
def test_a_link_is_good_up_to_the_instant_of_its_expiry(
    partner: Partner, payer: Payers, seconds: int, status: str
) -> None:
    payment = partner.pay_link(expires_in=600)
    partner.advance(seconds=seconds)
    assert partner.payment(payment["payment_id"])["status"] == status
    assert payer(payment["payment_link"]["url"]).answer.status_code == (200 if status == "created" else 410)


@pytest.mark.abuse("link", "keeps a page open long after its link")
@pytest.mark.parametrize(("seconds", "status"), [(1199, "succeeded"), (1200, "expired")])
def test_an_open_page_is_good_up_to_ten_minutes_after_the_expiry(
    partner: Partner, at_power: Callable[..., tuple[dict, Payer]], seconds: int, status: str
) -> None:
    payment, page = at_power(expires_in=600)
    page.sign_in()
    partner.advance(seconds=seconds)
    page.send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == status


# Refusals are pages, in the payer's language.


def test_a_dead_link_speaks_the_language_of_its_payer(
    partner: Partner, payer: Payers, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    (never_opened, _), (opened, page) = at_power(locale="en", expires_in=60), at_power(expires_in=60)
    page.sign_in().send("language")
    partner.advance(seconds=700)
    assert payer(never_opened["payment_link"]["url"]).answer.headers["Content-Language"] == "en"
    page.send("confirm")
    assert (page.answer.status_code, page.answer.headers["Content-Language"]) == (410, "en")
    assert not page.forms
    assert partner.payment(opened["payment_id"])["status"] == "expired"


def test_a_payer_in_a_hurry_gets_a_page_that_says_so(tmp_path: Path) -> None:
    bank = make_bank(tmp_path, WallClock(), rate_limits=RateLimits(app=100, anonymous=10))
    app = create_app(bank)
    link = make_partner(app.test_client(use_cookies=False)).pay_link()["payment_link"]["url"]
    page = Payer(app.test_client(), link)
    while page.open().status_code == 200:
        pass
    assert (page.answer.status_code, page.answer.mimetype) == (429, "text/html")
    assert int(page.answer.headers["Retry-After"]) > 0
    bank.db.close()
