"""The payer's way over the page, with every magic account that changes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner
from tests.payer import POOR, RICH, Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import store as payments_store

pytestmark = pytest.mark.both_engines

Payers = Callable[[str], Payer]


def _bill_link(partner: Partner, scenario: str = "DUE_BILL", code: str = "SH-ELECTRICITY-01") -> tuple[dict, str]:
    """Create a payment for the bills of a magic account; give it and the account's last digits."""
    fetched = partner.fetch(code, scenario).json
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in fetched["bills"]])
    return payment, next(iter(partner.magic(code, scenario).values()))[-4:]


def test_an_open_link_asks_place_biller_and_account_and_is_paid(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(category_code="ELECTRICITY", adcode="310000")
    page = payer(payment["payment_link"]["url"])
    assert payment["payment_link"]["code4"] in page.text
    page.send("start")
    assert page.step == "biller"
    page.send("biller")
    assert page.step == "account"
    page.send("account", in_account_number=partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"])
    assert page.step == "sign_in"
    page.sign_in()
    assert page.step == "confirm"
    page.send("confirm")
    assert "缴费成功" in page.text
    paid = partner.payment(payment["payment_id"])
    assert (paid["status"], paid["money_at"]) == ("succeeded", "BILLER")
    assert [entry["status"] for entry in paid["history"]] == [
        "created",
        "authorising",
        "authorised",
        "processing",
        "succeeded",
    ]


def test_a_link_without_hints_asks_what_is_paid(partner: Partner, payer: Payers) -> None:
    page = payer(partner.pay_link()["payment_link"]["url"]).send("start")
    assert page.step == "place"
    page.send("place", category_code="WATER", adcode="310000")
    assert page.step == "biller"
    page.send("again")
    assert page.step == "place"


def test_the_receipt_is_whole_for_the_payer_and_masked_for_the_partner(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).pay(digits)
    page.open("/receipt")
    account = partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"]
    assert "陈晓明" in page.text
    assert account in page.text
    masked = partner.get(f"/v1/payments/{payment['payment_id']}/receipt")
    assert masked.status_code == 200
    assert account not in masked.text
    assert masked.json["payer_masked"] == "**明"


@pytest.mark.abuse("link", "reads amount and account off a link without signing in")
def test_before_sign_in_no_amount_and_no_account_is_shown(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"])
    page.send("start")
    for _ in range(2):
        assert payment["amount"]["amount"] not in page.text
        assert digits not in page.text.replace(payment["payment_link"]["code4"], "")
        page.open("?lang=en")


def test_a_prefilled_account_must_be_confirmed_by_its_last_four_digits(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    assert page.step == "digits"
    assert payment["amount"]["amount"] not in page.text
    page.send("digits", digits="0000")
    assert "后四位不对" in page.text
    page.send("digits", digits=digits)
    assert page.step == "confirm"


@pytest.mark.abuse("enumeration", "guesses the last four digits of an account that an app has filled in")
def test_three_wrong_digits_end_the_attempt_and_keep_the_link(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    for _ in range(3):
        page.send("digits", digits="0000")
    assert page.step == "sign_in"
    read = partner.payment(payment["payment_id"])
    assert read["status"] == "created"
    assert [(attempt["status"], attempt["reason"]) for attempt in read["attempts"]] == [
        ("FAILED", "PAYER_NOT_COMPLETED")
    ]


def test_opening_a_link_changes_nothing(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"])
    for _ in range(3):
        answer = page.open()
        assert "Set-Cookie" not in answer.headers
    assert partner.payment(payment["payment_id"]) == payment


@pytest.mark.abuse("enumeration", "tries codes of several customers at one link")
def test_five_wrong_codes_use_the_attempts_up(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start")
    for _ in range(5):
        page.send("sign_in", customer_number="62000001", demo_code="000000")
    read = partner.payment(payment["payment_id"])
    assert (read["status"], read["iso_status"], read["money_at"]) == ("failed", "RJCT", "PAYER")
    assert page.answer.status_code == 410


def test_too_little_money_ends_the_attempt_not_the_payment(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).pay(digits, POOR)
    assert "余额不足" in page.text
    read = partner.payment(payment["payment_id"])
    assert (read["status"], read["debit"]["status"]) == ("created", "NOT_STARTED")
    page.sign_in(RICH).send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


@pytest.mark.parametrize(("scenario", "notice"), [("INSUFFICIENT_FUNDS", "余额不足"), ("PAYER_GIVES_UP", "放弃")])
def test_a_magic_account_plays_the_payer_who_does_not_complete(
    partner: Partner, payer: Payers, scenario: str, notice: str
) -> None:
    payment, digits = _bill_link(partner, scenario)
    page = payer(payment["payment_link"]["url"]).pay(digits)
    assert notice in page.text
    assert partner.payment(payment["payment_id"])["status"] == "created"


@pytest.mark.abuse("enumeration", "learns as a partner why an account cannot be paid")
@pytest.mark.parametrize(
    ("scenario", "notice"),
    [("UNKNOWN_ACCOUNT", "没有这个户号"), ("BLOCKED_ACCOUNT", "已停用"), ("WRONG_REGION", "不属于这个地区")],
)
def test_only_the_payer_is_told_why_an_account_cannot_be_paid(
    partner: Partner, payer: Payers, scenario: str, notice: str
) -> None:
    refused = partner.fetch(scenario=scenario)
    assert (refused.status_code, refused.json["code"]) == (422, "ACCOUNT_NOT_PAYABLE")
    payment = partner.pay_link(biller_id=partner.biller("SH-ELECTRICITY-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic("SH-ELECTRICITY-01", scenario)["account_number"]).sign_in()
    assert notice in page.text
    assert page.step == "account"


def test_several_bills_are_chosen_oldest_first(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("SH-ELECTRICITY-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send(
        "account", in_account_number=partner.magic("SH-ELECTRICITY-01", "SEVERAL_BILLS")["account_number"]
    ).sign_in()
    assert page.step == "bills"
    offered = page.forms["bills"].offered["bill_id"]
    assert len(offered) == 3
    assert "从最早的账单缴起" in page.text
    page.send("bills", bill_id=[])
    assert ("请至少选择一张账单" in page.text, page.step) == (True, "bills")
    page.send("bills", bill_id=[offered[2]])
    assert ("不能一起缴纳" in page.text, page.step) == (True, "bills")
    page.send("bills", bill_id=offered[:2]).send("confirm")
    paid = partner.payment(payment["payment_id"])
    assert paid["status"] == "succeeded"
    assert len(paid["allocations"]) == 2


def test_nothing_due_is_said(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("SH-ELECTRICITY-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic("SH-ELECTRICITY-01", "NO_BILL")["account_number"]).sign_in()
    assert "没有待缴账单" in page.text


def test_a_slow_biller_is_waited_for(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("SH-ELECTRICITY-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic("SH-ELECTRICITY-01", "SLOW")["account_number"]).sign_in()
    assert "请稍候" in page.text
    partner.advance(seconds=10)
    page.open()
    assert page.step == "confirm"
    assert "缴费成功" in page.send("confirm").text


def test_a_biller_that_is_down_can_be_asked_again(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("SH-ELECTRICITY-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send(
        "account", in_account_number=partner.magic("SH-ELECTRICITY-01", "BILLER_DOWN")["account_number"]
    ).sign_in()
    assert (page.answer.status_code, "暂时无法查询" in page.text) == (502, True)
    page.open()
    assert page.step == "retry"


def test_a_prepaid_meter_lets_the_payer_name_the_amount(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner, "PREPAID_METER")
    assert "amount" not in payment
    page = payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits)
    assert page.step == "amount"
    for bad in ("-5", "1e3", "abc", "0", "5.001", "٥", "9999999"):
        page.send("amount", amount=bad)
        assert page.answer.status_code == 422, bad
        page.open()
    page.send("amount", amount="20000.01")
    assert ("允许范围 ¥1.00 – ¥20,000.00" in page.text, page.step) == (True, "amount")
    page.send("amount", amount="50.5")
    assert "¥50.50" in page.text
    page.send("confirm")
    assert partner.payment(payment["payment_id"])["amount"] == {"amount": "50.50", "currency": "CNY"}


def test_an_amount_that_is_typed_goes_before_a_plan(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("CN-MOBILE_TOPUP-02")["biller_id"])
    account = partner.magic("CN-MOBILE_TOPUP-02", "DUE_BILL")["account_number"]
    page = payer(payment["payment_link"]["url"]).send("start").send("account", in_account_number=account).sign_in()
    page.send("amount", plan="100.00", amount="")
    assert "¥100.00" in page.text
    page.send("change_amount").send("amount", plan="100.00", amount="65")
    assert ("允许范围 ¥10.00 – ¥500.00 · 递增单位 ¥10.00" in page.text, page.step) == (True, "amount")
    page.send("amount", plan="100.00", amount="60")
    assert "确认支付 ¥60.00" in page.text


def test_a_payer_who_leaves_is_told_that_nothing_was_taken(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits).send("leave")
    assert ("未扣款" in page.text, page.step) == (True, "sign_in")


@pytest.mark.abuse("bills", "changes a bill between its showing and the confirmation")
def test_a_bill_that_changed_is_not_paid(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner, "BILL_CHANGES")
    page = payer(payment["payment_link"]["url"]).pay(digits)
    assert "账单金额有变化" in page.text
    assert partner.payment(payment["payment_id"])["debit"]["status"] == "NOT_STARTED"


def test_one_link_in_two_browsers_is_paid_once(bank: Bank, partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    first, second = (
        payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits) for _ in range(2)
    )
    assert first.step == second.step == "confirm"
    first.send("confirm")
    second.send("confirm")
    assert "缴费成功" in first.text
    paid = partner.payment(payment["payment_id"])
    held = [
        line
        for line in ledger.lines_of(bank.db.read(), World(partner.app["world_id"]), payment["payment_id"])
        if line[0] == "authorise"
    ]
    assert len(held) == 2
    assert sorted(attempt["status"] for attempt in paid["attempts"]) == ["FAILED", "SUCCEEDED"]


@pytest.mark.abuse("replay", "has one bill paid over two links")
def test_one_bill_is_paid_once_over_two_links(partner: Partner, payer: Payers) -> None:
    (one, digits), (two, _) = _bill_link(partner), _bill_link(partner)
    slow = payer(two["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits)
    payer(one["payment_link"]["url"]).pay(digits)
    slow.send("confirm")
    assert "已缴" in slow.text
    assert partner.payment(two["payment_id"])["status"] == "authorising"


@pytest.mark.abuse("link", "looks at somebody else's payment with a copied link")
def test_a_stranger_with_the_link_sees_no_payment_of_another(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    payer(payment["payment_link"]["url"]).pay(digits)
    stranger = payer(payment["payment_link"]["url"])
    assert "已由他人使用" in stranger.text
    assert payment["amount"]["amount"] not in stranger.text
    assert stranger.open("/receipt").status_code == 303


def test_a_cancelled_link_stops_in_an_open_browser(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits)
    assert partner.post(f"/v1/payments/{payment['payment_id']}:cancel").status_code == 200
    page.send("confirm")
    assert page.answer.status_code == 410
    assert partner.payment(payment["payment_id"])["status"] == "cancelled"


def test_an_open_page_outlives_its_link_by_ten_minutes(partner: Partner, payer: Payers) -> None:
    fetched = partner.fetch().json
    payment = partner.pay_link(bill_ids=[fetched["bills"][0]["bill_id"]], expires_in=600)
    digits = partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"][-4:]
    page = payer(payment["payment_link"]["url"]).send("start").sign_in().send("digits", digits=digits)
    partner.advance(seconds=600 + 300)
    assert partner.payment(payment["payment_id"])["status"] == "authorising"
    assert "缴费成功" in page.send("confirm").text


def test_a_link_that_nobody_opened_expires_at_once(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(expires_in=60)
    partner.advance(seconds=61)
    assert partner.payment(payment["payment_id"])["status"] == "expired"
    assert payer(payment["payment_link"]["url"]).answer.status_code == 410


@pytest.mark.abuse("page", "sends a form without its token")
def test_a_form_without_its_token_does_nothing(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("sign_in", csrf="forged", customer_number=RICH[0], demo_code=RICH[1])
    assert page.step == "sign_in"
    assert partner.payment(payment["payment_id"])["status"] == "created"


def test_english_can_be_chosen_before_and_during_the_payment(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"])
    page.open("?lang=en")
    assert "Begin" in page.text
    page.send("start")
    assert "Customer number" in page.text
    page.send("language")
    assert "客户号" in page.text


@pytest.mark.parametrize(
    ("adcode", "chosen", "english"),
    [("310115", "310000", "Shanghai"), ("429005", "429005", "Qianjiang"), ("220000", "220100", "Changchun")],
)
def test_the_city_of_a_hint_is_chosen_and_has_its_name_in_the_payers_language(
    partner: Partner, payer: Payers, adcode: str, chosen: str, english: str
) -> None:
    page = payer(partner.pay_link(adcode=adcode)["payment_link"]["url"]).send("start")
    assert page.forms["place"].values["adcode"] == chosen
    page.send("language")
    options = re.findall(r'<option value="[0-9]{6}"(?: selected)?>([^<]+)</option>', page.answer.text)
    assert english in options
    assert not re.search("[\u4e00-\u9fff]", "".join(options))
    assert options == sorted(options)
    assert page.forms["place"].values["adcode"] == chosen


@pytest.mark.parametrize(
    ("code", "label", "english"),
    [
        ("SH-ELECTRICITY-01", "户号", "Account number"),
        ("SH-PROPERTY_FEE-01", "房屋编号", "Property number"),
        ("CN-MOBILE_TOPUP-01", "手机卡账号", "Account"),  # it may have been another number of the payer
    ],
)
def test_an_account_is_called_what_its_biller_calls_it(
    partner: Partner, payer: Payers, code: str, label: str, english: str
) -> None:
    payment = partner.pay_link(biller_id=partner.biller(code)["biller_id"])
    account = partner.magic(code, "DUE_BILL")["account_number"]
    page = payer(payment["payment_link"]["url"]).send("start").send("account", in_account_number=account).sign_in()
    if page.step == "amount":
        page.send("amount", amount="50")
    assert f"{label} {account}" in page.text
    page.send("confirm")
    assert f"{label} **" in page.text
    page.open("/receipt")
    assert f"{label} {account}" in page.text
    partner.advance(seconds=86_400 + 60)
    page.open()
    page.send("language")
    assert f"{english} **" in page.text


def test_an_account_that_cannot_be_paid_is_called_what_its_biller_calls_it(partner: Partner, payer: Payers) -> None:
    payment = partner.pay_link(biller_id=partner.biller("SH-PROPERTY_FEE-01")["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", **{f"in_{k}": v for k, v in partner.magic("SH-PROPERTY_FEE-01", "BLOCKED_ACCOUNT").items()})
    assert "该房屋编号已停用" in page.sign_in().text


def test_the_billers_of_a_city_are_offered_with_its_name_in_the_payers_language(
    partner: Partner, payer: Payers
) -> None:
    page = payer(partner.pay_link(category_code="MOBILE_TOPUP", adcode="310000")["payment_link"]["url"]).send("start")
    assert "上海" in page.text
    page.send("language")
    assert "Yunxun Demo Mobile Shanghai" in page.text


@pytest.mark.abuse("link", "keeps a link open with browser after browser")
def test_many_browsers_that_sign_in_and_leave_use_the_link_up(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    for _ in range(10):
        payer(payment["payment_link"]["url"]).send("start").sign_in()
    assert partner.payment(payment["payment_id"])["status"] == "authorising"
    last = payer(payment["payment_link"]["url"]).send("start").sign_in()
    assert last.answer.status_code == 410
    read = partner.payment(payment["payment_id"])
    assert (read["status"], len(read["attempts"])) == ("failed", 10)


def test_the_account_number_is_forgotten_a_day_after_the_end(bank: Bank, partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).pay(digits)
    account = partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"]
    partner.advance(seconds=86_400 + 60)
    page.open("/receipt")
    assert page.answer.status_code == 200
    assert account not in page.text
    stored = bank.db.read().one(payments_store.BY_ID, payment_id=payment["payment_id"])
    assert stored is not None
    assert account not in str(tuple(stored))


def test_a_wrong_code_leaves_the_customer_number_as_it_was_typed(partner: Partner, payer: Payers) -> None:
    payment, _ = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("sign_in", customer_number="62000001", demo_code="000000")
    assert "客户号或演示码不对" in page.text
    assert page.forms["sign_in"].values.to_dict()["customer_number"] == "62000001"
    assert page.forms["sign_in"].values.to_dict()["demo_code"] == ""
    assert page.send("sign_in", demo_code="246810").step == "digits"


def test_money_that_is_back_is_not_marked_as_on_its_way(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner, "REVERSED")
    page = payer(payment["payment_link"]["url"]).pay(digits)
    partner.advance(seconds=3 * 86_400)
    page.open()
    assert partner.payment(payment["payment_id"])["status"] == "refunded"
    assert "已退款" in page.text
    assert "…" not in page.text
    assert "↩" in page.text


def test_the_receipt_is_read_in_either_language(partner: Partner, payer: Payers) -> None:
    payment, digits = _bill_link(partner)
    page = payer(payment["payment_link"]["url"]).pay(digits)
    page.open("/receipt")
    answer = page.send("language").answer
    assert answer.status_code == 200
    page.open("/receipt")
    assert "Receipt number" in page.text
    assert page.send("language").open("/receipt").headers["Content-Language"] == "zh-CN"


@pytest.mark.parametrize(
    ("accepted", "locale", "language"),
    [
        ("en-GB,en;q=0.9", "zh-CN", "en"),
        ("fr,en;q=0.1", "zh-CN", "en"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "zh-CN", "zh-CN"),
        ("en,*;q=0.1", "zh-CN", "zh-CN"),
        ("fr", "zh-CN", "zh-CN"),
        ("zh-CN", "en", "en"),
        ("", "en", "en"),
    ],
)
def test_the_page_begins_in_english_where_the_browser_takes_no_chinese(
    partner: Partner, client: FlaskClient, accepted: str, locale: str, language: str
) -> None:
    path = urlsplit(partner.pay_link(locale=locale)["payment_link"]["url"]).path
    assert client.get(path, headers={"Accept-Language": accepted}).headers["Content-Language"] == language
    asked = client.get(f"{path}?lang=zh-CN", headers={"Accept-Language": accepted})
    assert asked.headers["Content-Language"] == "zh-CN"
