"""Several hands at once: one link in two browsers, one bill through two partners, one key on many connections."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from tests.conftest import Partner, make_partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"
STEPS = ("start", "sign_in", "digits", "confirm")
AT_ONCE = 16


def interleavings() -> list[str]:
    """Give every order in which two payers can take four steps each; one of each pair that only swaps the two."""
    orders = {
        "".join("A" if index in first else "B" for index in range(2 * len(STEPS)))
        for first in itertools.combinations(range(2 * len(STEPS)), len(STEPS))
    }
    return sorted(order for order in orders if order[0] == "A")


def step(payer: Payer, digits: str) -> None:
    """Take the next step where the page still offers one."""
    fill = {"sign_in": {"customer_number": "62000001", "demo_code": "246810"}, "digits": {"digits": digits}}
    payer.open()
    if payer.step in STEPS:
        payer.send(payer.step, **fill.get(payer.step, {}))


def debits(bank: Bank, partner: Partner) -> int:
    """Count how much has left the customer's account, in fen."""
    balances = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    assert sum(balances.values()) == 0
    return 1_000_000_00 - balances["customer:cst_demo00000001"]


@pytest.mark.abuse("replay", "pays one link in two browsers, step by step in any order")
@pytest.mark.parametrize("order", interleavings())
def test_one_link_in_two_browsers_is_paid_once(order: str, bank: Bank, partner: Partner, payer: Payers) -> None:
    bill = partner.fetch().json["bills"][0]
    link = partner.pay_link(bill_ids=[bill["bill_id"]])
    digits = partner.magic(POWER, "DUE_BILL")["account_number"][-4:]
    browsers = {name: payer(link["payment_link"]["url"]) for name in "AB"}
    for name in order:
        step(browsers[name], digits)
    for browser in browsers.values():
        step(browser, digits)
    payment = partner.payment(link["payment_id"])
    assert payment["status"] == "succeeded"
    assert f"{debits(bank, partner) / 100:.2f}" == payment["total"]["amount"]
    assert sum(attempt["status"] == "SUCCEEDED" for attempt in payment["attempts"]) == 1


@pytest.mark.abuse("replay", "pays one bill through two partners, step by step in any order")
@pytest.mark.parametrize("order", interleavings())
def test_one_bill_through_two_partners_is_paid_once(
    order: str, bank: Bank, partner: Partner, new_partner: Callable[..., Partner], payer: Payers
) -> None:
    other = new_partner(headers=partner.headers, join="world")
    digits = partner.magic(POWER, "DUE_BILL")["account_number"][-4:]
    links = {
        name: each.pay_link(bill_ids=[each.fetch().json["bills"][0]["bill_id"]])
        for name, each in (("A", partner), ("B", other))
    }
    browsers = {name: payer(link["payment_link"]["url"]) for name, link in links.items()}
    for name in order:
        step(browsers[name], digits)
    for browser in browsers.values():
        step(browser, digits)
    found = [
        partner.payment(links["A"]["payment_id"]),
        other.payment(links["B"]["payment_id"]),
    ]
    assert sorted(payment["status"] == "succeeded" for payment in found) == [False, True]
    paid = next(payment for payment in found if payment["status"] == "succeeded")
    assert f"{debits(bank, partner) / 100:.2f}" == paid["total"]["amount"]


def at_once(flask_app: Flask, headers: dict[str, str], send: Callable[[Partner], int]) -> list[int]:
    """Send the same from sixteen threads, which begin together."""
    together = Barrier(AT_ONCE)

    def one(_: int) -> int:
        caller = Partner(flask_app.test_client(use_cookies=False), {}, headers)
        together.wait()
        return send(caller)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


@pytest.mark.abuse("replay", "sends one key on sixteen connections at once")
def test_one_key_at_once_makes_one_payment_and_everybody_gets_it(flask_app: Flask, partner: Partner) -> None:
    """A repeat waits for the first, whoever was faster: nobody is told that it is still running."""
    seen = []

    def send(caller: Partner) -> int:
        answer = caller.post("/v1/payments", {"partner_reference": "at-once"}, key="at-once")
        seen.append(answer.json["payment_id"])
        return answer.status_code

    assert at_once(flask_app, partner.headers, send) == [201] * AT_ONCE
    assert len(set(seen)) == partner.get("/v1/payments").json["meta"]["count"] == 1


@pytest.mark.abuse("replay", "sends one reference with sixteen keys at once")
def test_one_reference_with_many_keys_at_once_makes_one_payment(flask_app: Flask, partner: Partner) -> None:
    statuses = at_once(
        flask_app,
        partner.headers,
        lambda caller: caller.post("/v1/payments", {"partner_reference": "at-once"}).status_code,
    )
    assert sorted(statuses) == [201] + [409] * (AT_ONCE - 1)


@pytest.mark.abuse("replay", "cancels sixteen times at once")
def test_cancelling_and_cancelling_at_once_cancels_once(flask_app: Flask, partner: Partner) -> None:
    path = f"/v1/payments/{partner.pay_link()['payment_id']}:cancel"
    statuses = at_once(flask_app, partner.headers, lambda caller: caller.post(path).status_code)
    assert sorted(statuses) == [200] + [409] * (AT_ONCE - 1)
    assert [event["type"] for event in partner.events()].count("payment.cancelled") == 1


def test_the_last_time_of_a_fault_strikes_once(flask_app: Flask, partner: Partner) -> None:
    fault = {"match": {"operation_id": "listPayments"}, "effect": {"status": 500}, "times": 3}
    partner.post("/sandbox/v1/faults", fault, key=None)
    statuses = at_once(flask_app, partner.headers, lambda caller: caller.get("/v1/payments").status_code)
    assert sorted(statuses) == [200] * (AT_ONCE - 3) + [500] * 3


@pytest.mark.abuse("replay", "confirms sixteen times at once")
def test_sixteen_confirmations_of_one_page_at_once_debit_once(
    flask_app: Flask, bank: Bank, partner: Partner, payer: Payers
) -> None:
    bill = partner.fetch().json["bills"][0]
    link = partner.pay_link(bill_ids=[bill["bill_id"]])
    page = payer(link["payment_link"]["url"])
    page.send("start").sign_in()
    page.send("digits", digits=partner.magic(POWER, "DUE_BILL")["account_number"][-4:])
    form = page.forms["confirm"]
    cookie = page._client.get_cookie("openteller_pay", path=page.path)
    assert cookie is not None

    def confirm(caller: Partner) -> int:
        caller.client.environ_base["HTTP_COOKIE"] = f"openteller_pay={cookie.value}"
        return caller.client.post(form.action, data=form.values).status_code

    statuses = at_once(flask_app, {}, confirm)
    assert set(statuses) <= {303, 409, 410}
    payment = partner.payment(link["payment_id"])
    assert payment["status"] == "succeeded"
    assert f"{debits(bank, partner) / 100:.2f}" == payment["total"]["amount"]


def test_two_apps_of_two_worlds_do_not_stand_in_each_others_way(flask_app: Flask, partner: Partner) -> None:
    other = make_partner(flask_app.test_client(use_cookies=False))
    for each in (partner, other):
        assert each.pay_link(partner_reference="the-same")["status"] == "created"
