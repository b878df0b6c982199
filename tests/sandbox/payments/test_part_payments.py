"""Paying a part of a bill: what is left stays due, for everybody, and can be paid by another payment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.biller_port.simulated import _penalty
from openteller_sandbox.money import Money

pytestmark = pytest.mark.both_engines

Payers = Callable[[str], Payer]
Pay = Callable[..., dict[str, Any]]
PROPERTY = "SH-PROPERTY_FEE-01"  # takes less than is due
LANDLINE = "TJ-LANDLINE-01"  # takes any amount


@pytest.fixture
def pay(partner: Partner, payer: Payers) -> Pay:
    """Pay a named amount of the only bill of a magic account, with a link of its own."""

    def paid(amount: str, scenario: str = "DUE_BILL", code: str = PROPERTY) -> dict[str, Any]:
        payment = partner.pay_link(bill_ids=[partner.fetch(code, scenario).json["bills"][0]["bill_id"]])
        page = _to_confirmation(partner, payer(payment["payment_link"]["url"]), scenario, code)
        page.send("change_amount").send("amount", amount=amount).send("confirm")
        return partner.payment(payment["payment_id"])

    return paid


def _to_confirmation(partner: Partner, page: Payer, scenario: str = "DUE_BILL", code: str = PROPERTY) -> Payer:
    digits = partner.magic(code, scenario)["account_number"][-4:]
    return page.send("start").sign_in().send("digits", digits=digits)


def _due(partner: Partner, scenario: str = "DUE_BILL", code: str = PROPERTY) -> dict[str, Any]:
    return dict(partner.fetch(code, scenario).json["bills"][0])


def _left(bill: dict[str, Any]) -> Decimal:
    return Decimal(bill["outstanding"]["amount"])


def test_a_part_is_paid_and_then_the_rest(partner: Partner, pay: Pay) -> None:
    before = _due(partner)
    assert pay("60.00")["status"] == "succeeded"
    left = partner.get(f"/v1/bills/{before['bill_id']}").json
    assert (left["status"], _left(left)) == ("PARTLY_PAID", _left(before) - 60)
    assert left["max_amount"] == left["outstanding"]
    assert left["amount"] == before["amount"]
    fetched = _due(partner)
    assert (fetched["status"], fetched["outstanding"]) == ("PARTLY_PAID", left["outstanding"])
    rest = pay(left["outstanding"]["amount"])
    assert rest["status"] == "succeeded"
    done = partner.get(f"/v1/bills/{before['bill_id']}").json
    assert (done["status"], _left(done)) == ("PAID", 0)
    assert partner.fetch(PROPERTY).json["status"] == "NO_BILL"
    again = partner.post("/v1/payments", {"partner_reference": "again", "bill_ids": [before["bill_id"]]})
    assert (again.status_code, again.json["code"]) == (409, "BILL_ALREADY_PAID")


def test_a_link_for_the_rest_asks_for_the_rest_and_shows_what_was_paid_before(
    partner: Partner, payer: Payers, pay: Pay
) -> None:
    pay("60.00")
    bill = _due(partner)
    payment = partner.pay_link(bill_ids=[bill["bill_id"]])
    assert payment["amount"] == bill["outstanding"]
    page = _to_confirmation(partner, payer(payment["payment_link"]["url"]))
    assert "此前已缴 ¥60.00" in page.text
    page.send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"
    assert partner.fetch(PROPERTY).json["status"] == "NO_BILL"


def test_the_whole_is_not_taken_from_a_payer_who_saw_the_bill_before_a_part_was_paid(
    partner: Partner, payer: Payers, pay: Pay
) -> None:
    slow = partner.pay_link(bill_ids=[_due(partner)["bill_id"]])
    page = _to_confirmation(partner, payer(slow["payment_link"]["url"]))
    pay("60.00")
    page.send("confirm")
    assert "BILL_CHANGED" in page.text
    assert partner.payment(slow["payment_id"])["debit"]["status"] == "NOT_STARTED"


def test_nobody_pays_the_rest_while_a_part_is_on_its_way(partner: Partner, pay: Pay) -> None:
    assert pay("60.00", "TIMEOUT_SUCCEEDED")["status"] == "unknown"
    bill = _due(partner, "TIMEOUT_SUCCEEDED")
    form = {"partner_reference": "meanwhile", "bill_ids": [bill["bill_id"]]}
    assert partner.post("/v1/payments", form).json["code"] == "BILL_ALREADY_PAID"
    partner.advance(seconds=400)
    assert partner.get(f"/v1/bills/{bill['bill_id']}").json["status"] == "PARTLY_PAID"
    form["bill_ids"] = [_due(partner, "TIMEOUT_SUCCEEDED")["bill_id"]]
    assert partner.post("/v1/payments", form | {"partner_reference": "then"}).status_code == 201


@pytest.mark.parametrize("parts", [("60.00",), ("60.00", "40.00")])
def test_a_part_that_the_biller_takes_back_is_due_again_and_no_more(
    partner: Partner, pay: Pay, parts: tuple[str, ...]
) -> None:
    before = _due(partner, "REVERSED")
    payments = [pay(part, "REVERSED") for part in parts]
    partner.advance(seconds=2 * 3600)
    assert {partner.payment(payment["payment_id"])["status"] for payment in payments} == {"refunded"}
    after = partner.get(f"/v1/bills/{before['bill_id']}").json
    assert (after["status"], after["outstanding"]) == ("OPEN", before["outstanding"])
    assert _due(partner, "REVERSED")["outstanding"] == before["outstanding"]


def test_of_two_parts_only_the_one_that_is_taken_back_is_due_again(partner: Partner, pay: Pay) -> None:
    before = _due(partner, "REVERSED")
    pay("60.00", "REVERSED")
    partner.advance(seconds=1800)
    pay("40.00", "REVERSED")
    partner.advance(seconds=1830)
    left = _due(partner, "REVERSED")
    assert (left["status"], _left(left)) == ("PARTLY_PAID", _left(before) - 40)


def test_more_than_is_due_pays_the_bill_and_leaves_nothing(partner: Partner, pay: Pay) -> None:
    before = _due(partner, code=LANDLINE)
    payment = pay("500.00", code=LANDLINE)
    assert (payment["status"], payment["amount"]["amount"]) == ("succeeded", "500.00")
    done = partner.get(f"/v1/bills/{before['bill_id']}").json
    assert (done["status"], _left(done)) == ("PAID", 0)


def test_a_partly_paid_bill_is_purged_like_any_other_where_nothing_was_paid_of_it(partner: Partner, pay: Pay) -> None:
    pay("60.00")
    only_fetched = partner.fetch(PROPERTY)
    partner.advance(seconds=86_400)
    assert partner.get(only_fetched.headers["Location"]).status_code == 404


def test_of_several_bills_the_first_can_be_paid_in_part_and_stays_the_first(partner: Partner, payer: Payers) -> None:
    bills = partner.fetch(PROPERTY, "SEVERAL_BILLS").json["bills"]
    payment = partner.pay_link(bill_ids=[bills[0]["bill_id"]])
    page = _to_confirmation(partner, payer(payment["payment_link"]["url"]), "SEVERAL_BILLS")
    page.send("change_amount").send("amount", amount="1.00").send("confirm")
    left = partner.fetch(PROPERTY, "SEVERAL_BILLS").json["bills"]
    assert [bill["status"] for bill in left] == ["PARTLY_PAID", "OPEN", "OPEN"]
    skipping = partner.post("/v1/payments", {"partner_reference": "skip", "bill_ids": [left[1]["bill_id"]]})
    assert skipping.json["code"] == "BILLS_NOT_PAYABLE_TOGETHER"
    partner.pay_link(bill_ids=[bill["bill_id"] for bill in left])


DUE = date(2026, 9, 30)
_payments = st.lists(
    st.tuples(st.integers(0, 200).map(lambda days: DUE + timedelta(days=days - 30)), st.integers(1, 30_000)), max_size=5
).map(lambda pairs: [(day, Money.from_minor(minor)) for day, minor in sorted(pairs)])


@given(st.integers(1, 50_000), _payments, st.integers(0, 300))
def test_a_penalty_grows_on_what_is_left_only(minor: int, payments: list[tuple[date, Money]], days: int) -> None:
    amount, today = Money.from_minor(minor), max([DUE, *(day for day, _ in payments)]) + timedelta(days=days)
    penalty, paid = _penalty(amount, DUE, payments, today)
    unpaid, nothing = _penalty(amount, DUE, (), today)
    assert nothing.amount == 0
    assert 0 <= paid.amount <= amount.amount + penalty.amount
    assert penalty.amount <= unpaid.amount + Decimal("0.05")  # each payment begins a new rounding
    later, paid_later = _penalty(amount, DUE, payments, today + timedelta(days=1))
    closed = paid == amount + penalty
    assert (later == penalty) if closed else later.amount >= penalty.amount
    assert paid_later == paid
