"""Amounts that are none, bills not to be paid, operations in the wrong state: told clearly, and nothing moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.attacks.conftest import Unharmed
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank
from openteller_sandbox.payments.states import CAN_SUCCEED, CANCELLABLE, Status

TOPUP, POWER, FREE = "CN-MOBILE_TOPUP-01", "SH-ELECTRICITY-01", "CD-GAS-01"
Payers = Callable[[str], Payer]
NOT_AMOUNTS = {
    "a sign": ("-50.00", "+50.00", "\u221250.00", "50.00-", "(50.00)"),
    "an exponent": ("5e1", "5E1", "5.0e1", "1e-2", "1e400"),
    "another scale": ("50.000", "50.001", "50.", ".50", "50.00000000000000000001"),
    "leading zeros": ("050.00", "00", "-0.00"),
    "digits of other scripts": (
        "\uff15\uff10.\uff10\uff10",
        "\u0665\u0660.\u0660\u0660",
        "\u096b\u0966",
        "\u4e94\u5341",
    ),
    "separators": ("1,050.00", "50,00", "1 050.00", "50\u00a000", "5_0", "50.0.0"),
    "more than a number": ("50.00 CNY", "\u00a550", "$50", " 50.00", "50.00\n", "50.00\x00", "0x32", "5/1"),
    "no number": ("NaN", "nan", "Infinity", "-Infinity", "sNaN", "", " ", "null", "\U0001f4b0"),
    "too much": ("9" * 20, "1000000000000000.00", "9" * 4000),
}
NOT_STRINGS = (50, 50.0, 0, -1, 10**30, True, None, [], {}, ["50.00"], {"amount": "50.00"})
NOT_CURRENCIES = ("", "cny", "CN", "CNYY", "\uff23\uff2e\uff39", "156", "C N", "\u5143", "CNY\n")


@pytest.fixture
def direct(partner: Partner) -> dict[str, Any]:
    """A request for a top-up, but for its amount."""
    biller = partner.biller(TOPUP)["biller_id"]
    return {"partner_reference": "a-bad-amount", "biller_id": biller, "inputs": partner.magic(TOPUP, "DUE_BILL")}


@pytest.mark.abuse("amounts", "writes an amount with signs, exponents, other digits or another scale")
@pytest.mark.parametrize("kind", NOT_AMOUNTS)
def test_what_is_no_amount_is_refused_where_it_stands(
    kind: str, direct: dict[str, Any], partner: Partner, unharmed: Unharmed
) -> None:
    with unharmed():
        for text in NOT_AMOUNTS[kind]:
            for body in (direct, direct | {"biller_id": partner.biller(FREE)["biller_id"]}):
                answer = partner.post("/v1/payments", body | {"amount": {"amount": text, "currency": "CNY"}})
                assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID"), text
                assert "/amount/amount" in [fault["pointer"] for fault in answer.json["errors"]], text
                assert not text.strip() or len(text) < 6 or text not in answer.text, "values are not repeated"


@pytest.mark.abuse("amounts", "sends an amount that is no text, or no money at all")
def test_an_amount_that_is_no_text_is_refused(direct: dict[str, Any], partner: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        for value in NOT_STRINGS:
            for amount in ({"amount": value, "currency": "CNY"}, value):
                if amount == {"amount": "50.00"}:
                    continue
                answer = partner.post("/v1/payments", direct | {"amount": amount})
                assert answer.status_code == 422, value
                assert all(fault["pointer"].startswith("/amount") for fault in answer.json["errors"]), value
        answer = partner.post("/v1/payments", direct | {"amount": {"amount": "50.00"}})
        assert (answer.json["code"], answer.json["errors"][0]["pointer"]) == ("FIELD_MISSING", "/amount/currency")


@pytest.mark.abuse("amounts", "pays yuan in another currency")
def test_another_currency_is_refused(direct: dict[str, Any], partner: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        for currency in NOT_CURRENCIES:
            answer = partner.post("/v1/payments", direct | {"amount": {"amount": "50.00", "currency": currency}})
            assert (answer.status_code, answer.json["code"]) == (422, "FIELD_INVALID"), currency
        for currency in ("USD", "JPY", "CNH", "XXX", "EUR"):
            answer = partner.post("/v1/payments", direct | {"amount": {"amount": "50.00", "currency": currency}})
            assert (answer.status_code, answer.json["code"]) == (422, "AMOUNT_OUT_OF_RANGE"), currency


AMOUNT = st.text("0123456789.+-eE_, \uff10\uff15\u0665\u00a5", max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=AMOUNT)
def test_whatever_is_sent_as_an_amount_is_exactly_itself_or_refused(text: str, partner: Partner) -> None:
    form = {"biller_id": partner.biller(FREE)["biller_id"], "inputs": partner.magic(FREE, "DUE_BILL")}
    body = {"partner_reference": f"amount-{len(partner.get('/v1/payments').json['data'])}-{abs(hash(text))}", **form}
    answer = partner.post("/v1/payments", body | {"amount": {"amount": text, "currency": "CNY"}})
    assert answer.status_code in {201, 409, 422}
    if answer.status_code == 201:
        assert answer.json["amount"]["amount"] == text or f"{float(text):.2f}" == answer.json["amount"]["amount"]


@pytest.mark.abuse("amounts", "types an amount on the page that is none, or not the biller's")
def test_what_is_no_amount_is_not_taken_on_the_page(partner: Partner, flask_app: Flask, bank: Bank) -> None:
    page = Payer(
        flask_app.test_client(),
        partner.pay_link(biller_id=partner.biller(FREE)["biller_id"])["payment_link"]["url"],
    )
    page.send("start").send("account", in_account_number=partner.magic(FREE, "DUE_BILL")["account_number"]).sign_in()
    assert page.step == "amount"
    held = {name: rows for name, rows in snapshot(bank).items() if name in {"ledger_lines", "customer_accounts"}}
    full_width = {"\uff15\uff10.\uff10\uff10", " 50.00", "50.00\n", "1 050.00", "50\u00a000"}  # a keyboard types these
    for text in (*(each for kind in NOT_AMOUNTS.values() for each in kind), "0.01", "0", "0.00", "99999999.99"):
        if text in full_width:
            continue
        page.send("amount", amount=text)
        assert page.step == "amount", text
        assert page.answer.status_code == 422, text
    assert {name: rows for name, rows in snapshot(bank).items() if name in held} == held


@pytest.mark.abuse("bills", "links to bills that are paid, being paid, expired, of another app or of none")
def test_a_bill_that_is_not_to_be_paid_gets_no_link(
    partner: Partner, new_partner: Callable[..., Partner], payer: Payers, unharmed: Unharmed
) -> None:
    other = new_partner(headers=partner.headers, join="world")
    found = {
        name: partner.fetch(scenario=scenario).json["bills"][0]["bill_id"]
        for name, scenario in (("paid", "DUE_BILL"), ("unknown", "UNANSWERED_POSTED"), ("expired", "POSTED_TWICE"))
    }
    for name, scenario in (("paid", "DUE_BILL"), ("unknown", "UNANSWERED_POSTED")):
        page = payer(partner.pay_link(bill_ids=[found[name]])["payment_link"]["url"])
        page.pay(partner.magic(POWER, scenario)["account_number"][-4:])
    foreign = other.fetch(scenario="REVERSED").json["bills"][0]["bill_id"]
    expected = {found["paid"]: (409, "BILL_ALREADY_PAID"), found["unknown"]: (409, "BILL_ALREADY_PAID")}
    expected |= dict.fromkeys((foreign, "bil_zzzzzzzzzzzz"), (422, "FIELD_INVALID"))
    refuse_links(partner, expected, unharmed)
    partner.advance(seconds=86_400 - 1)
    refuse_links(partner, {found["paid"]: (409, "BILL_ALREADY_PAID")}, unharmed)
    partner.advance(seconds=1)
    answer = partner.post("/v1/payments", {"partner_reference": "too-late", "bill_ids": [found["expired"]]})
    assert answer.json["code"] in {"BILL_EXPIRED", "FIELD_INVALID"}, "purged with its fetch"


def refuse_links(partner: Partner, expected: dict[str, tuple[int, str]], unharmed: Unharmed) -> None:
    with unharmed():
        for bill_id, refusal in expected.items():
            answer = partner.post("/v1/payments", {"partner_reference": "not-to-be-paid", "bill_ids": [bill_id]})
            assert (answer.status_code, answer.json["code"]) == refusal
        for bill_ids in ([], [*expected, *expected], [next(iter(expected))] * 2):
            answer = partner.post("/v1/payments", {"partner_reference": "not-to-be-paid", "bill_ids": bill_ids})
            assert answer.status_code == 422


HISTORY = {
    Status.CREATED: [],
    Status.AUTHORISING: ["authorising"],
    Status.AUTHORISED: ["authorising", "authorised"],
    Status.PROCESSING: ["authorising", "authorised", "processing"],
    Status.UNKNOWN: ["authorising", "authorised", "processing", "unknown"],
    Status.SUCCEEDED: ["authorising", "authorised", "processing", "succeeded"],
    Status.REFUND_PENDING: ["authorising", "authorised", "processing", "refund_pending"],
    Status.REFUND_FAILED: ["authorising", "authorised", "processing", "refund_pending", "refund_failed"],
    Status.REFUNDED: ["authorising", "authorised", "processing", "refund_pending", "refunded"],
    Status.FAILED: ["authorising", "failed"],
    Status.CANCELLED: ["cancelled"],
    Status.EXPIRED: ["expired"],
}
"""How a payment comes to each status."""


@pytest.mark.abuse("returns", "calls each operation on a payment in each status that does not allow it")
@pytest.mark.parametrize("status", Status, ids=str)
def test_an_operation_that_a_status_does_not_allow_is_refused_with_its_reason(
    status: Status, partner: Partner, flask_app: Flask, bank: Bank, unharmed: Unharmed
) -> None:
    made = partner.pay_link(category_code="ELECTRICITY", expires_in=3600)
    payment_id = made["payment_id"]
    for to in HISTORY[status]:
        answer = partner.post(f"/sandbox/v1/payments/{payment_id}:transition", {"to": to}, key=None)
        assert answer.status_code == 200, answer.text
    assert partner.payment(payment_id)["status"] == status
    with unharmed():
        if status not in CANCELLABLE:
            cancelled = partner.post(f"/v1/payments/{payment_id}:cancel")
            assert (cancelled.status_code, cancelled.json["code"]) == (409, "INVALID_TRANSITION")
            assert isinstance(cancelled.json["allowed"], list)
        if status is not Status.SUCCEEDED:
            disputed = partner.post("/v1/disputes", {"payment_id": payment_id, "type": "WRONG_AMOUNT"})
            assert (disputed.status_code, disputed.json["code"]) == (409, "DISPUTE_NOT_POSSIBLE")
            receipt = partner.get(f"/v1/payments/{payment_id}/receipt")
            pending = (409, "RECEIPT_NOT_READY") if status in CAN_SUCCEED else (404, "RECEIPT_NOT_AVAILABLE")
            assert (receipt.status_code, receipt.json["code"]) == pending
        taken = partner.post("/v1/payments", {"partner_reference": made["partner_reference"]})
        assert (taken.status_code, taken.json["code"]) == (409, "DUPLICATE_REFERENCE")
        if status not in CANCELLABLE:
            path = f"/pay/{made['payment_link']['url'].rpartition('/')[2]}"
            began = flask_app.test_client().post(path, data={"step": "start"})
            over = status in {Status.CANCELLED, Status.EXPIRED, Status.FAILED}
            assert began.status_code == (410 if over else 303)
            assert "Set-Cookie" not in began.headers
