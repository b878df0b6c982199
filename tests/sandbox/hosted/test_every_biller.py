"""Paying each kind of biller to the end, on the bank's page, as a payer does.

Always: one biller of every category and of every way of being paid. In ``make soak``: every active biller.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.settings import SEED_FOLDER

Payers = Callable[[str], Payer]
Record = dict[str, Any]

AFTERNOON = "2026-09-29T13:00:00+08:00"
"""A Tuesday: every biller is open, and no maintenance runs."""
BILLERS: dict[str, Record] = {
    biller["biller_code"]: biller
    for biller in map(json.loads, gzip.decompress((SEED_FOLDER / "billers.jsonl.gz").read_bytes()).splitlines())
    if biller["status"] == "ACTIVE"
}
SHOWN = (
    "SH-ELECTRICITY-01",  # exactly what is due, the oldest first
    "CQ-ELECTRICITY-01",
    "BJ-WATER-01",
    "CC-GAS-01",  # no bills: the payer names a multiple of ten
    "TY-HEATING-01",  # with a second field, in parts if need be
    "BJ-BROADBAND-01",  # shows partners no amount
    "TJ-LANDLINE-01",  # any amount
    "CN-MOBILE_TOPUP-01",  # plans
    "CN-MOBILE_TOPUP-02",
    "BJ-CABLE_TV-01",
    "SH-PROPERTY_FEE-01",  # with a fee
    "CS-TUITION-01",
    "NJ-SOCIAL_INSURANCE-01",
    "SH-TRAFFIC_FINE-01",
    "CN-DONATION-01",
)


def _pay(partner: Partner, payer: Payers, biller: Record) -> tuple[Record, Payer]:
    """Pay what is due, or the least that the biller takes, from a link that names the biller only."""
    payment = partner.pay_link(biller_id=biller["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    inputs = partner.magic(biller["biller_code"], "DUE_BILL")
    page.send("account", **{f"in_{name}": value for name, value in inputs.items()}).sign_in()
    if page.step == "amount":
        least = biller["plans"][0]["amount"] if biller["plans"] else biller["min_amount"]
        page.send("amount", amount=least["amount"])
    assert page.step == "confirm", page.text
    return payment, page.send("confirm")


def _is_paid(bank: Bank, partner: Partner, payer: Payers, code: str) -> None:
    biller = BILLERS[code]
    payment, page = _pay(partner, payer, biller)
    assert "缴费成功" in page.text, page.text

    paid = partner.payment(payment["payment_id"])
    amount, total = Decimal(paid["amount"]["amount"]), Decimal(paid["total"]["amount"])
    assert (paid["status"], paid["money_at"]) == ("succeeded", "BILLER")
    assert total == amount + sum(Decimal(fee["amount"]["amount"]) for fee in paid["fees"])
    receipt = partner.get(f"/v1/payments/{payment['payment_id']}/receipt").json
    assert (receipt["total"], receipt["biller"]["name"]) == (paid["total"], biller["name"])

    balances = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    assert Decimal(balances[ledger.biller(biller["biller_id"])]) / 100 == amount
    assert not any(balances.get(account, 0) for account in (ledger.HOLDS, ledger.CLEARING))
    if biller["fetch_mode"] == "FETCH":
        again = payer(partner.pay_link(biller_id=biller["biller_id"])["payment_link"]["url"]).send("start")
        inputs = partner.magic(code, "DUE_BILL")
        again.send("account", **{f"in_{name}": value for name, value in inputs.items()}).sign_in()
        assert "没有待缴账单" in again.text


def test_the_billers_below_are_one_of_every_category_and_way() -> None:
    ways = ("category_code", "fetch_mode", "exactness", "selection", "presentment")
    for way in ways:
        assert {BILLERS[code][way] for code in SHOWN} == {biller[way] for biller in BILLERS.values()}, way


@pytest.mark.parametrize("code", SHOWN)
def test_a_biller_of_each_kind_is_paid_on_the_page(bank: Bank, partner: Partner, payer: Payers, code: str) -> None:
    partner.advance(to=AFTERNOON)
    _is_paid(bank, partner, payer, code)


@pytest.mark.soak
@pytest.mark.parametrize("code", [code for code in BILLERS if code not in SHOWN])
def test_every_other_biller_is_paid_on_the_page(bank: Bank, partner: Partner, payer: Payers, code: str) -> None:
    partner.advance(to=AFTERNOON)
    _is_paid(bank, partner, payer, code)
