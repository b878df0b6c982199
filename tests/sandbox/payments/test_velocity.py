"""A payer pays so much a day, and so many strangers; an account is paid by so many. Who meets a limit hears which."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.payer import RICH, Payer

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.billers import service as billers
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.hosted.texts import LOCALES, names, notice, translator
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.authorisation import Confirmed, LimitReached
from openteller_sandbox.payments.velocity import Limit
from openteller_sandbox.settings import PaymentLimits

pytestmark = pytest.mark.both_engines

TOPUP = "CN-MOBILE_TOPUP-01"
TIGHT = PaymentLimits(
    day_yuan=400, new_accounts_day=4, new_accounts_month=6, new_payers_day=2, new_payers_month=3, business=2
)
BUSINESS = ("62000004", "271828")
NAME = {customer.customer_number: customer for customer in CUSTOMERS}


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, wall: WallClock, engine: str) -> Iterator[Bank]:
    opened = make_bank(tmp_path_factory.mktemp("tight"), wall, engine=engine, payment_limits=TIGHT)
    yield opened
    opened.db.close()


@pytest.fixture(scope="module")
def flask_app(bank: Bank) -> Flask:
    return create_app(bank)


class TopUps:
    """Links for top-ups of 50 and 100 yuan, by the serial number of the telephone's account."""

    def __init__(self, bank: Bank, app: Flask, partner: Partner) -> None:
        self.partner = partner
        self.app = app
        self.bank = bank
        self.biller_id = partner.biller(TOPUP)["biller_id"]
        self._field = billers.get(bank.db.read(), self.biller_id).input_fields[0]

    def number(self, serial: int) -> str:
        number = self._field.with_serial(serial)
        assert number is not None
        return number

    def link(self, serial: int = 500, yuan: str = "50.00") -> dict[str, Any]:
        amount = {"amount": yuan, "currency": "CNY"}
        return self.partner.pay_link(
            biller_id=self.biller_id, inputs={self._field.name: self.number(serial)}, amount=amount
        )

    def page(self, link: dict[str, Any], serial: int = 500, who: tuple[str, str] = RICH) -> Payer:
        return Payer(self.app.test_client(), link["payment_link"]["url"]).pay(self.number(serial)[-4:], who)

    def pay(self, serial: int = 500, yuan: str = "50.00", who: str = RICH[0]) -> Limit | None:
        """Pay behind the page; give the limit that was met."""
        link = self.link(serial, yuan)
        try:
            assert DirectPayer(self.bank, NAME[who]).pay(link["payment_id"]) is Confirmed.DONE
        except LimitReached as met:
            assert self.partner.payment(link["payment_id"])["money_at"] == "PAYER"
            return Limit(met.reached.limit)
        return None

    def balances(self) -> dict[str, int]:
        return ledger.balances(self.bank.db.read(), World(self.partner.app["world_id"]))


@pytest.fixture
def topups(bank: Bank, flask_app: Flask) -> TopUps:
    return TopUps(bank, flask_app, make_partner(flask_app.test_client(use_cookies=False)))


@pytest.mark.abuse("amounts", "empties an account in many payments of a day")
def test_a_payer_above_the_sum_of_a_day_hears_what_is_left_and_until_when(topups: TopUps) -> None:
    for _ in range(3):
        assert topups.pay(yuan="100.00") is None
    assert topups.pay() is None
    link, before = topups.link(yuan="100.00"), topups.balances()
    page = topups.page(link)
    told = "未扣款。 一位付款人每天最多缴费 ¥400.00，今天还可缴 ¥50.00，2026-09-30 00:00 起重新计算。"
    assert told in page.text
    page.send("language")
    assert "A payer may pay ¥400.00 a day; ¥50.00 are left until 2026-09-30 00:00." not in page.text, "told once"
    seen = topups.partner.payment(link["payment_id"])
    assert (seen["status"], seen["money_at"]) == ("created", "PAYER")
    assert [(each["status"], each["reason"]) for each in seen["attempts"]] == [("FAILED", "LIMIT_EXCEEDED")]
    assert not {"陈晓明", "62000001", "400.00"} & set(str(seen).split()), "nothing of the payer"
    assert topups.balances() == before
    assert topups.pay() is None, "what is left can be paid"
    topups.partner.advance(seconds=24 * 3600)
    assert topups.page(topups.link(yuan="100.00")).step == ""
    assert topups.pay(yuan="100.00") is None, "the next day begins afresh"


def test_a_payer_who_met_a_limit_can_be_told_in_english_and_another_one_can_pay(topups: TopUps) -> None:
    for _ in range(4):
        assert topups.pay(yuan="100.00") is None
    link = topups.link()
    page = Payer(topups.app.test_client(), link["payment_link"]["url"])
    page.send("start", lang="en").sign_in().send("digits", digits=topups.number(500)[-4:]).send("confirm")
    assert "Nothing was taken. A payer may pay ¥400.00 a day; ¥0.00 are left until 2026-09-30 00:00." in page.text
    assert page.step == "sign_in"
    page.sign_in(BUSINESS)
    page.send("confirm")
    assert topups.partner.payment(link["payment_id"])["status"] == "succeeded"


@pytest.mark.abuse("amounts", "tries a refused payment until it goes through")
def test_five_refusals_end_the_payment_with_the_reason(topups: TopUps) -> None:
    for _ in range(4):
        assert topups.pay(yuan="100.00") is None
    link = topups.link()
    for _ in range(5):
        topups.page(link)
    seen = topups.partner.payment(link["payment_id"])
    assert (seen["status"], seen["status_reason"], seen["money_at"]) == ("failed", "LIMIT_EXCEEDED", "PAYER")


def test_what_has_come_back_can_be_paid_again(topups: TopUps) -> None:
    scenario = topups.partner.magic(TOPUP, "POSTING_REJECTED")
    form = {"biller_id": topups.biller_id, "inputs": scenario, "amount": {"amount": "100.00", "currency": "CNY"}}
    for _ in range(4):
        link = topups.partner.pay_link(**form)
        Payer(topups.app.test_client(), link["payment_link"]["url"]).pay(next(iter(scenario.values()))[-4:])
    assert topups.pay() is Limit.DAY_AMOUNT
    topups.partner.advance(seconds=60)
    assert topups.partner.payment(link["payment_id"])["status"] == "refunded"
    assert topups.pay(yuan="100.00") is None


@pytest.mark.abuse("amounts", "pays the bills of many strangers in a day")
def test_a_payer_pays_few_strangers_a_day_and_whom_they_know_always(topups: TopUps) -> None:
    for serial in range(500, 504):
        assert topups.pay(serial) is None
    assert topups.pay(504) is Limit.NEW_ACCOUNTS_DAY
    page = topups.page(topups.link(505), 505)
    assert "每天最多为 4 个从未缴过的账户缴费，2026-09-30 00:00 起可继续。" in page.text
    assert topups.pay(500) is None, "an account that was paid before"
    assert topups.pay(504, who=BUSINESS[0]) is None
    topups.partner.advance(seconds=24 * 3600)
    assert topups.pay(504) is None


@pytest.mark.abuse("amounts", "pays few strangers a day, but every day")
def test_thirty_days_allow_fewer_strangers_than_each_of_them(topups: TopUps) -> None:
    for serial in range(500, 504):
        assert topups.pay(serial) is None
    topups.partner.advance(seconds=24 * 3600)
    assert topups.pay(504) is None
    assert topups.pay(505) is None
    assert topups.pay(506) is Limit.NEW_ACCOUNTS_MONTH
    assert (
        "30 天内最多为 6 个从未缴过的账户缴费，2026-10-29 00:00 起可继续。" in topups.page(topups.link(507), 507).text
    )
    topups.partner.advance(seconds=28 * 24 * 3600)
    assert topups.pay(506) is Limit.NEW_ACCOUNTS_MONTH, "2026-10-28 is one day early"
    topups.partner.advance(seconds=24 * 3600)
    assert topups.pay(506) is None


@pytest.mark.abuse("amounts", "collects from many payers on one account")
def test_an_account_is_paid_by_few_strangers_and_by_whom_it_knows_always(topups: TopUps) -> None:
    assert topups.pay() is None
    assert topups.pay(who="62000002") is None
    assert topups.pay(who=BUSINESS[0]) is Limit.NEW_PAYERS_DAY
    page = topups.page(topups.link(), who=("62000003", "112358"))
    assert "今天已由 2 位新付款人缴费，新付款人 2026-09-30 00:00 起可继续。" in page.text
    assert not any(customer.name in page.text for customer in CUSTOMERS[:2])
    assert topups.pay() is None, "who has paid it before"
    assert topups.pay(501, who=BUSINESS[0]) is None, "another account"
    topups.partner.advance(seconds=24 * 3600)
    assert topups.pay(who=BUSINESS[0]) is None
    assert topups.pay(who="62000003") is Limit.NEW_PAYERS_MONTH
    assert "30 天内已由 3 位新付款人缴费" in topups.page(topups.link(), who=("62000003", "112358")).text


def test_a_business_pays_more_and_for_more(topups: TopUps) -> None:
    for serial in range(500, 508):
        assert topups.pay(serial, "100.00", BUSINESS[0]) is None
    assert topups.pay(500, "50.00", BUSINESS[0]) is Limit.DAY_AMOUNT
    topups.partner.advance(seconds=24 * 3600)
    for serial in range(508, 512):
        assert topups.pay(serial, who=BUSINESS[0]) is None
    assert topups.pay(512, who=BUSINESS[0]) is Limit.NEW_ACCOUNTS_MONTH
    assert topups.pay(500, who=BUSINESS[0]) is None


@pytest.mark.abuse("amounts", "confirms many payments at once, before a cap has counted them")
@pytest.mark.parametrize(("serials", "paid"), [("one", 4), ("each", 4)])
def test_of_payments_at_once_no_more_get_through_than_one_by_one(serials: str, paid: int, topups: TopUps) -> None:
    """Eight links of 100 yuan: 400 a day, or four strangers."""
    yuan = "100.00" if serials == "one" else "50.00"
    links = [topups.link(500 if serials == "one" else 500 + turn, yuan) for turn in range(8)]
    payer = DirectPayer(topups.bank)
    attempts = [payer.sign_in(link["payment_id"])[1] for link in links]
    together = Barrier(8)

    def confirm(turn: int) -> bool:
        together.wait()
        try:
            return payer.confirm(links[turn]["payment_id"], attempts[turn]) is Confirmed.DONE
        except LimitReached:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(confirm, range(8))) == paid
    balances = topups.balances()
    assert sum(balances.values()) == 0
    assert 1_000_000_00 - balances["customer:cst_demo00000001"] == paid * int(float(yuan) * 100)


@pytest.mark.abuse("amounts", "leaves money held by a payment that a cap refuses")
def test_a_refusal_writes_the_end_of_the_attempt_and_no_money(topups: TopUps, bank: Bank) -> None:
    for _ in range(4):
        assert topups.pay(yuan="100.00") is None
    link = topups.link()
    payer = DirectPayer(bank)
    _, attempt_id = payer.sign_in(link["payment_id"])
    before = snapshot(bank)
    with pytest.raises(LimitReached):
        payer.confirm(link["payment_id"], attempt_id)
    after = snapshot(bank)
    assert {name for name, found in after.items() if found != before[name]} <= {"payments", "events", "worlds"}


def test_a_world_that_is_reset_has_counted_nothing(topups: TopUps) -> None:
    for serial in range(500, 504):
        assert topups.pay(serial) is None
    assert topups.partner.post("/sandbox/v1/reset", {}, key=None).status_code in {200, 204}
    assert topups.pay(504) is None


def test_each_limit_has_a_text_in_both_languages() -> None:
    found = {name.partition(".")[2] for name in names() if name.startswith("limit.")}
    assert found == {limit.value for limit in Limit} | {"ACCOUNTS_PER_PAYER", "nothing_taken"}
    for locale in LOCALES:
        for limit in found - {"nothing_taken"}:
            text = notice(f"LIMIT {limit} 300 100 1790697600000", translator(locale), "户号")
            assert text
            assert "{" not in text
            assert "2026-09-3" in text
