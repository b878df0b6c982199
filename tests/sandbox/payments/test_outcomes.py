"""What becomes of a confirmed payment, for every magic account, with the ledger lines of each step."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable

import pytest
from cryptography.exceptions import InvalidSignature
from joserfc.jwk import OKPKey
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.receipt_keys import canonical

pytestmark = pytest.mark.both_engines

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"
RICH_ID = "cst_demo00000001"


@pytest.fixture
def pay(partner: Partner, payer: Payers) -> Callable[[str], dict]:
    """Pay the bill of a magic account to the end of the page."""

    def paid(scenario: str, code: str = POWER) -> dict:
        bills = [bill["bill_id"] for bill in partner.fetch(code, scenario).json["bills"]]
        payment = partner.pay_link(bill_ids=bills)
        payer(payment["payment_link"]["url"]).pay(partner.magic(code, scenario)["account_number"][-4:])
        return partner.payment(payment["payment_id"])

    return paid


@pytest.fixture
def reasons(bank: Bank, partner: Partner) -> Callable[[dict], list[str]]:
    """Give the reasons of a payment's ledger entries, in order."""

    def of(payment: dict) -> list[str]:
        lines = ledger.lines_of(bank.db.read(), World(partner.app["world_id"]), payment["payment_id"])
        return list(dict.fromkeys(reason for reason, _, _ in lines))

    return of


def _available(bank: Bank, partner: Partner) -> int:
    return customers.available(bank.db.read(), World(partner.app["world_id"]), RICH_ID).minor


def _balances(bank: Bank, partner: Partner) -> dict[str, int]:
    return {
        name: amount
        for name, amount in ledger.balances(bank.db.read(), World(partner.app["world_id"])).items()
        if amount
    }


def _minor(payment: dict, member: str = "total") -> int:
    return round(float(payment[member]["amount"]) * 100)


def test_a_posted_payment_moves_the_money_to_the_biller(
    bank: Bank, partner: Partner, pay: Callable, reasons: Callable
) -> None:
    payment = pay("DUE_BILL")
    assert (payment["status"], payment["iso_status"], payment["money_at"]) == ("succeeded", "ACCC", "BILLER")
    assert reasons(payment) == ["authorise", "send", "post"]
    balances = _balances(bank, partner)
    assert balances[f"biller:{payment['biller_id']}"] == _minor(payment)
    assert balances[f"customer:{RICH_ID}"] == _available(bank, partner) == 1_000_000_00 - _minor(payment)
    assert not {"holds", "clearing", "suspense"} & set(balances)


def test_a_paid_bill_is_paid_in_every_fetch_and_cannot_be_paid_again(partner: Partner, pay: Callable) -> None:
    earlier = partner.fetch().json["bills"][0]
    pay("DUE_BILL")
    assert partner.get(f"/v1/bills/{earlier['bill_id']}").json["status"] == "PAID"
    again = partner.post("/v1/payments", {"partner_reference": "again-1", "bill_ids": [earlier["bill_id"]]})
    assert (again.status_code, again.json["code"]) == (409, "BILL_ALREADY_PAID")
    assert partner.fetch().json["status"] == "NO_BILL"


def test_a_timeout_is_unknown_until_the_biller_says_posted(partner: Partner, pay: Callable, reasons: Callable) -> None:
    payment = pay("TIMEOUT_SUCCEEDED")
    assert (payment["status"], payment["money_at"], payment["debit"]["status"], payment["posting"]["status"]) == (
        "unknown",
        "BANK",
        "DEBITED",
        "UNKNOWN",
    )
    assert payment["resolution"] == {"method": "STATUS_QUERY", "expected_by": "2026-09-29T11:00:00+08:00"}
    partner.advance(seconds=61)
    assert partner.payment(payment["payment_id"])["status"] == "unknown"
    partner.advance(seconds=240)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], "resolution" in payment) == ("succeeded", False)
    assert reasons(payment) == ["authorise", "send", "post"]


def test_a_timeout_that_was_not_posted_is_refunded_in_full(
    bank: Bank, partner: Partner, pay: Callable, reasons: Callable
) -> None:
    payment = pay("TIMEOUT_REFUNDED")
    partner.advance(seconds=301)
    assert partner.payment(payment["payment_id"])["status"] == "refund_pending"
    partner.advance(seconds=60)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["money_at"], payment["debit"]["status"], payment["status_reason"]) == (
        "refunded",
        "RETURNED",
        "RETURNED",
        "NOT_POSTED",
    )
    assert [(refund["status"], refund["reason"]) for refund in payment["refunds"]] == [("SUCCEEDED", "NOT_POSTED")]
    assert reasons(payment) == ["authorise", "send", "give back", "return"]
    assert _available(bank, partner) == 1_000_000_00


def test_a_posting_after_the_refund_is_the_banks_loss_to_recover(bank: Bank, partner: Partner, pay: Callable) -> None:
    payment = pay("TIMEOUT_LATE")
    partner.advance(seconds=3 * 3600)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["posting"]["status"]) == ("refunded", "POSTED")
    assert [exception["type"] for exception in payment["exceptions"]] == ["LATE_POSTING"]
    assert _available(bank, partner) == 1_000_000_00
    assert _balances(bank, partner)["suspense"] == -_minor(payment)


def test_a_double_posting_never_costs_the_payer(bank: Bank, partner: Partner, pay: Callable) -> None:
    payment = pay("POSTED_TWICE")
    assert payment["status"] == "succeeded"
    assert [exception["type"] for exception in payment["exceptions"]] == ["DOUBLE_POSTING"]
    assert _available(bank, partner) == 1_000_000_00 - _minor(payment)
    assert _balances(bank, partner)[f"biller:{payment['biller_id']}"] == 2 * _minor(payment)


def test_a_reversal_brings_the_money_back_and_the_bill_too(
    bank: Bank, partner: Partner, pay: Callable, reasons: Callable
) -> None:
    payment = pay("REVERSED")
    assert payment["status"] == "succeeded"
    partner.advance(seconds=3600 + 60)
    payment = partner.payment(payment["payment_id"])
    assert (payment["status"], payment["status_reason"], payment["posting"]["status"]) == (
        "refunded",
        "BILLER_REVERSED",
        "REVERSED",
    )
    assert reasons(payment) == ["authorise", "send", "post", "reverse", "give back", "return"]
    assert _available(bank, partner) == 1_000_000_00
    assert partner.fetch(scenario="REVERSED").json["status"] == "READY"


@pytest.mark.parametrize(
    ("code", "scenario", "keeps_fee"),
    [
        ("SH-PROPERTY_FEE-01", "REVERSED", True),
        ("BJ-PROPERTY_FEE-01", "REVERSED", False),
        ("SH-PROPERTY_FEE-01", "POSTING_REJECTED", False),
        ("SH-PROPERTY_FEE-01", "TIMEOUT_LATE", False),
    ],
)
def test_a_fee_that_is_not_refundable_stays_with_the_bank_once_the_biller_had_posted(
    bank: Bank, partner: Partner, pay: Callable, code: str, scenario: str, keeps_fee: bool
) -> None:
    assert partner.biller(code)["fees"][0]["refundable"] is ("BJ" in code)
    paid = pay(scenario, code)
    fee = round(float(paid["fees"][0]["amount"]["amount"]) * 100)
    assert fee == _minor(paid) - _minor(paid, "amount") > 0
    partner.advance(seconds=3 * 3600)
    payment = partner.payment(paid["payment_id"])
    assert (payment["status"], payment["debit"]["status"]) == ("refunded", "RETURNED")
    (refund,) = payment["refunds"]
    assert refund["amount"] == payment["amount" if keeps_fee else "total"]
    assert _available(bank, partner) == 1_000_000_00 - fee * keeps_fee
    balances = _balances(bank, partner)
    assert balances.get("fees", 0) == fee * keeps_fee
    assert not {"holds", "clearing", "refunds"} & set(balances)
    assert ledger.is_balanced(bank.db.read())


def test_the_page_says_that_a_fee_is_kept_and_what_went_back(partner: Partner, payer: Payers) -> None:
    code = "SH-PROPERTY_FEE-01"
    payment = partner.pay_link(biller_id=partner.biller(code)["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic(code, "REVERSED")["account_number"]).sign_in()
    assert "手续费 入账后不退" in page.text
    page.send("confirm")
    partner.advance(seconds=2 * 3600)
    page.open()
    amount = partner.payment(payment["payment_id"])["amount"]["amount"]
    assert f"退款金额 ¥{amount}" in page.text


def test_a_rejected_posting_is_refunded(bank: Bank, partner: Partner, pay: Callable) -> None:
    payment = pay("POSTING_REJECTED")
    assert (payment["status"], payment["posting"]["status"]) == ("refund_pending", "REJECTED")
    partner.advance(seconds=60)
    assert partner.payment(payment["payment_id"])["status"] == "refunded"
    assert _available(bank, partner) == 1_000_000_00


def test_each_move_has_its_event_in_order(partner: Partner, pay: Callable) -> None:
    payment = pay("DUE_BILL")
    events = [event for event in partner.events() if event["data"].get("payment_id") == payment["payment_id"]]
    assert [event["type"] for event in events] == [f"payment.{entry['status']}" for entry in payment["history"]]
    versions = [event["data"]["version"] for event in events]
    assert versions == sorted(versions)
    assert versions[-1] == payment["version"]


def test_a_fee_is_beside_the_amount_and_goes_to_the_bank(bank: Bank, partner: Partner, payer: Payers) -> None:
    code = next(
        biller["biller_code"]
        for biller in partner.get("/v1/billers", limit=100).json["data"]
        if biller["status"] == "ACTIVE"
        and biller["fetch_mode"] == "FETCH"
        and not biller["input_groups"]
        and len(biller["input_fields"]) == 1
        and biller["service_hours"][0]["opens"] <= "10:00"
        and any(fee["type"] == "PAYER_FEE" and fee["slabs"][0]["flat"]["amount"] != "0.00" for fee in biller["fees"])
    )
    bill = partner.fetch(code).json["bills"][0]
    payment = partner.pay_link(bill_ids=[bill["bill_id"]])
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    page.send("digits", digits=partner.magic(code, "DUE_BILL")["account_number"][-4:])
    assert "手续费" in page.text
    page.send("confirm")
    payment = partner.payment(payment["payment_id"])
    fee = _minor(payment) - _minor(payment, "amount")
    assert fee > 0
    assert _balances(bank, partner)["fees"] == fee


def test_a_receipt_is_signed_by_the_bank(partner: Partner, pay: Callable) -> None:
    receipt = partner.get(f"/v1/payments/{pay('DUE_BILL')['payment_id']}/receipt").json
    published = partner.client.get("/.well-known/jwks.json").json["keys"][0]
    assert published["kid"] == receipt["signature"]["key_id"]
    key = OKPKey.import_key({name: published[name] for name in ("kty", "crv", "x")})
    signature = urlsafe_b64decode(receipt["signature"]["value"] + "==")
    key.public_key.verify(signature, canonical(receipt))
    forged = json.loads(json.dumps(receipt)) | {"amount": {"amount": "1.00", "currency": "CNY"}}
    with pytest.raises(InvalidSignature):
        key.public_key.verify(signature, canonical(forged))


def test_two_apps_of_one_world_cannot_both_pay_a_bill(
    partner: Partner, new_partner: Callable[..., Partner], payer: Payers
) -> None:
    other = new_partner(headers=partner.headers, join="world")
    links = []
    for app in (partner, other):
        bill = app.fetch().json["bills"][0]
        links.append((app, app.pay_link(bill_ids=[bill["bill_id"]])))
    digits = partner.magic(POWER, "DUE_BILL")["account_number"][-4:]
    for _, payment in links:
        payer(payment["payment_link"]["url"]).pay(digits)
    assert [app.payment(payment["payment_id"])["status"] for app, payment in links] == ["succeeded", "authorising"]
