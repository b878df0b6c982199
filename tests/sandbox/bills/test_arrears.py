"""What an ordinary account owes as months go by: a bill that nobody pays stays due, with a growing penalty."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port.port import Asking, DueBill, Found, Posting
from openteller_sandbox.biller_port.simulated import _months_back, _months_due
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.account_numbers import check_digits
from openteller_sandbox.bills import service as bills

pytestmark = pytest.mark.both_engines

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"
MONTH = 31 * 86_400
SCATTERED = random.Random(20260929).sample(range(500, 99_000), 100)
"""As people's accounts lie: numbers side by side are taken for somebody who tries them out."""


def _account(serial: int) -> str:
    body = f"3100{serial:05d}"
    return body + check_digits("LUHN", body)


def _bills(partner: Partner, account: str) -> list[dict[str, Any]]:
    body = {
        "biller_id": partner.biller(POWER)["biller_id"],
        "inputs": {"account_number": account},
        "end_user_ref": f"user-of-account-{account}",
    }
    answer = partner.post("/v1/bill-fetches", body)
    assert answer.status_code == 201, answer.text
    return list(answer.json["bills"])


def _periods(bills: list[dict[str, Any]]) -> list[str]:
    return [bill["period"]["from"][:7] for bill in bills]


@pytest.fixture
def account(partner: Partner) -> str:
    """An ordinary account with one bill."""
    accounts = (_account(serial) for serial in SCATTERED)
    return next(account for account in accounts if len(_bills(partner, account)) == 1)


def test_an_unpaid_bill_stays_due_and_each_month_brings_another(partner: Partner, account: str) -> None:
    seen = []
    for month in ("2026-09-29", "2026-10-01", "2026-11-15", "2026-12-31"):
        if month > "2026-09-29":
            partner.advance(to=f"{month}T12:00:00+08:00")
        seen.append(_periods(_bills(partner, account)))
    assert seen == [
        ["2026-08"],
        ["2026-08", "2026-09"],
        ["2026-08", "2026-09", "2026-10"],
        ["2026-08", "2026-09", "2026-10", "2026-11"],
    ]


def test_a_bill_keeps_its_amount_and_its_penalty_grows_past_the_due_date(partner: Partner, account: str) -> None:
    first = _bills(partner, account)[0]
    partner.advance(to=f"{first['due_date']}T12:00:00+08:00")
    on_time = _bills(partner, account)[0]
    partner.advance(seconds=40 * 86_400)
    late = _bills(partner, account)[0]
    assert first["amount"] == on_time["amount"] == late["amount"]
    assert on_time["penalty"]["amount"] == "0.00"
    penalty = Decimal(late["amount"]["amount"]) * 40 * Decimal("0.0005")
    assert abs(Decimal(late["penalty"]["amount"]) - penalty) <= Decimal("0.005")
    assert Decimal(late["outstanding"]["amount"]) == sum(
        Decimal(late[part]["amount"]) for part in ("amount", "penalty")
    )


def test_after_half_a_year_the_oldest_is_asked_for_no_more(partner: Partner, account: str) -> None:
    partner.advance(to="2027-06-10T12:00:00+08:00")
    assert _periods(_bills(partner, account)) == ["2026-12", "2027-01", "2027-02", "2027-03", "2027-04", "2027-05"]


def test_paid_arrears_do_not_come_back_and_the_rest_stays(partner: Partner, payer: Payers, account: str) -> None:
    partner.advance(to="2026-11-15T12:00:00+08:00")
    bills = _bills(partner, account)
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in bills[:2]])
    payer(payment["payment_link"]["url"]).pay(account[-4:])
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"
    partner.advance(seconds=MONTH)
    assert _periods(_bills(partner, account)) == ["2026-10", "2026-11"]


def test_an_account_without_a_bill_stays_without(partner: Partner) -> None:
    accounts = (_account(serial) for serial in SCATTERED)
    free = next(account for account in accounts if not _bills(partner, account))
    partner.advance(seconds=3 * MONTH)
    assert _bills(partner, free) == []


def test_a_reset_begins_afresh(partner: Partner, account: str) -> None:
    partner.advance(seconds=3 * MONTH)
    assert len(_bills(partner, account)) == 4
    assert partner.post("/sandbox/v1/reset").status_code == 200
    assert _periods(_bills(partner, account)) == ["2026-08"]


def test_a_magic_account_owes_what_its_scenario_says_in_every_month(partner: Partner) -> None:
    partner.advance(seconds=3 * MONTH)
    assert [len(partner.fetch(scenario=name).json["bills"]) for name in ("DUE_BILL", "SEVERAL_BILLS", "NO_BILL")] == [
        1,
        3,
        0,
    ]


def test_what_is_left_of_a_magic_bill_stays_due_beside_the_next(partner: Partner, payer: Payers) -> None:
    code = "SH-PROPERTY_FEE-01"
    payment = partner.pay_link(bill_ids=[partner.fetch(code).json["bills"][0]["bill_id"]])
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    page.send("digits", digits=partner.magic(code, "DUE_BILL")["account_number"][-4:])
    page.send("change_amount").send("amount", amount="5.00").send("confirm")
    partner.advance(seconds=MONTH)
    assert [bill["status"] for bill in partner.fetch(code).json["bills"]] == ["PARTLY_PAID", "OPEN"]


_days = st.dates(date(2026, 1, 1), date(2030, 12, 31))


@given(st.integers(0, 3), _days, _days)
def test_the_months_due_are_those_at_the_beginning_and_all_since_but_never_too_many(
    count: int, one: date, other: date
) -> None:
    began, today = sorted((one, other))
    since = (today.year - began.year) * 12 + today.month - began.month
    expected = min(6, count + since) if count else 0
    assert _months_due(count, began, today) == set(_months_back(today, expected))


@pytest.mark.parametrize(
    ("code", "inputs", "field", "values"),
    [
        ("TJ-LANDLINE-01", {"line_number": "55512347"}, "area_code", ("022", "010")),
        ("BJ-TUITION-01", {"account_number": "3100000011", "enquiry_code": "246810"}, "term", ("SPRING", "AUTUMN")),
        ("SH-TRAFFIC_FINE-01", {"plate_number": "沪A12344"}, "violation_date", ("2026-08-01", "2026-08-15")),
    ],
)
def test_what_is_paid_in_one_area_term_or_day_is_still_owed_in_another(
    bank: Bank, partner: Partner, code: str, inputs: dict[str, str], field: str, values: tuple[str, str]
) -> None:
    biller = billers.get(bank.db.read(), partner.biller(code)["biller_id"])
    world, books, now = World(partner.app["world_id"]), bills.port_of(bank), bank.clock.bank()
    one, other = (inputs | {field: value} for value in values)

    def owed(inputs: dict[str, str]) -> tuple[DueBill, ...]:
        answer = books.query(world, biller, inputs, now, Asking.FIRST)
        return answer.bills if isinstance(answer, Found) else ()

    before = owed(other)
    due = {bill.bill_number: bill.outstanding for bill in owed(one)}
    assert due or before, "an account that owes nothing shows nothing"
    if due:
        books.post(world, Posting("pay_test0000000", biller, one, due), now)
    assert owed(one) == ()
    assert owed(other) == before
