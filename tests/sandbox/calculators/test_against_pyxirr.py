"""The arithmetic held to another's: pyxirr's annuities, returns and day counts, which are binary and not rounded."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
import pyxirr
from hypothesis import given, settings
from hypothesis import strategies as st
from pyxirr import DayCount

from openteller_sandbox.calculators.deposit import DepositTerms, Early, deposit_schedule
from openteller_sandbox.calculators.loan import Extra, LoanTerms, annualised_rate, loan_schedule

CENT = Decimal("0.01")
START = date(2026, 9, 29)
SOME = settings(max_examples=25, deadline=None)
AMOUNTS = st.integers(100_000, 10**10).map(lambda fen: Decimal(fen).scaleb(-2))
RATES = st.integers(1, 3600).map(lambda bp: Decimal(bp).scaleb(-4))


def loan(amount: Decimal, rate: Decimal, months: int, kind: str = "EQUAL_INSTALMENT", **more: object) -> LoanTerms:
    return LoanTerms(amount=amount, rate=rate, months=months, repayment_type=kind, start=START, **more)  # type: ignore[arg-type] # as each test says


def near(ours: Decimal, theirs: float | None, most: Decimal) -> bool:
    assert theirs is not None
    return abs(ours - Decimal(theirs)) <= most


@SOME
@given(AMOUNTS, RATES, st.integers(2, 360))
def test_an_equal_instalment_is_the_annuity_and_each_principal_its_part(
    amount: Decimal, rate: Decimal, months: int
) -> None:
    schedule = loan_schedule(loan(amount, rate, months))
    monthly = float(rate) / 12

    assert near(schedule[0].payment, -pyxirr.pmt(monthly, months, float(amount)), CENT)
    # Each payment is off by half a cent at most, and what that comes to bears interest.
    for number in (1, months // 2 + 1):
        drift = CENT * number * (1 + rate / 12) ** number
        assert near(schedule[number - 1].principal, -pyxirr.ppmt(monthly, number, months, float(amount)), drift)
        assert near(schedule[number - 1].interest, -pyxirr.ipmt(monthly, number, months, float(amount)), drift)


@SOME
@given(AMOUNTS, RATES, st.integers(2, 360), st.sampled_from(("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY")))
def test_the_annualised_rate_is_the_internal_rate_of_return(
    amount: Decimal, rate: Decimal, months: int, kind: str
) -> None:
    fee = (amount / 100).quantize(CENT)
    payments = [item.payment for item in loan_schedule(loan(amount, rate, months, kind))]
    monthly = pyxirr.irr([-float(amount - fee), *map(float, payments)], guess=float(rate) / 12)

    assert monthly is not None
    assert near(annualised_rate(amount - fee, payments), (1 + monthly) ** 12 - 1, Decimal("0.000002"))


@SOME
@given(AMOUNTS, RATES, RATES, st.integers(3, 360), st.data())
def test_after_a_change_of_rate_the_instalment_is_the_annuity_of_what_is_owed(
    amount: Decimal, rate: Decimal, later: Decimal, months: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(2, months))
    schedule = loan_schedule(loan(amount, rate, months, changes={number: later}))
    owed, left = schedule[number - 2].balance, months - number + 1

    if left > 1 and later != rate:  # the last instalment takes what is left
        assert near(schedule[number - 1].payment, -pyxirr.pmt(float(later) / 12, left, float(owed)), CENT)
    assert [item.rate for item in schedule] == [rate] * (number - 1) + [later] * left
    assert schedule[-1].balance == 0


@SOME
@given(AMOUNTS, RATES, st.integers(12, 360), st.integers(1, 99), st.data())
def test_after_an_extra_repayment_the_payment_is_lower_or_the_end_is_sooner(
    amount: Decimal, rate: Decimal, months: int, percent: int, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, months - 6))
    owed = loan_schedule(loan(amount, rate, months))[number - 1].balance
    extra = (owed * percent / 100).quantize(CENT)
    lower, sooner = (
        loan_schedule(loan(amount, rate, months, extras={number: Extra(amount=extra, sooner=each)}))
        for each in (False, True)
    )
    monthly, left = float(rate) / 12, float(owed - extra)

    assert near(lower[number].payment, -pyxirr.pmt(monthly, months - number, left), CENT)
    assert sooner[number].payment == sooner[0].payment or len(sooner) == number + 1
    expected = pyxirr.nper(monthly, -float(sooner[0].payment), left)
    assert expected is not None and expected - 0.5 <= len(sooner) - number <= expected + 1.5
    assert sum(item.interest for item in sooner) <= sum(item.interest for item in lower)


@SOME
@given(AMOUNTS, RATES, st.integers(1, 3650), st.sampled_from(("ACT_360", "ACT_365")))
def test_a_sum_without_a_term_earns_by_the_day_count(amount: Decimal, rate: Decimal, days: int, count: str) -> None:
    end = START + timedelta(days=days)
    terms = DepositTerms(product_type="NOTICE", amount=amount, rate=rate, start=START, end=end, day_count=count)
    part = pyxirr.year_fraction(START, end, DayCount.ACT_360 if count == "ACT_360" else DayCount.ACT_365F)

    assert near(deposit_schedule(terms)[-1].interest, float(amount) * float(rate) * part, CENT)


@SOME
@given(AMOUNTS, RATES, st.sampled_from((3, 6, 12, 24, 36, 60)), st.integers(1, 28))
def test_a_sum_for_a_term_earns_by_months_of_thirty_days(amount: Decimal, rate: Decimal, months: int, day: int) -> None:
    start = date(2026, 1, day)
    end = date(2026 + months // 12, 1 + months % 12, day)
    terms = DepositTerms(
        product_type="TIME", amount=amount, rate=rate, start=start, end=end, day_count="THIRTY_360", months=months
    )
    part = pyxirr.year_fraction(start, end, DayCount.THIRTY_360_ISDA)

    assert near(deposit_schedule(terms)[-1].interest, float(amount) * float(rate) * part, CENT)


@SOME
@given(AMOUNTS, RATES, RATES, st.integers(1, 364), st.integers(1, 99))
def test_a_part_that_is_withdrawn_early_earns_the_demand_rate_for_its_days(
    amount: Decimal, rate: Decimal, demand: Decimal, days: int, percent: int
) -> None:
    day, part = START + timedelta(days=days), (amount * percent / 100).quantize(CENT)
    early = Early(day=day, amount=part, rate=demand, day_count="ACT_360")
    end = date(2027, 9, 29)
    terms = DepositTerms(
        product_type="TIME", amount=amount, rate=rate, start=START, end=end, day_count="THIRTY_360", months=12,
        early=early,
    )  # fmt: skip
    first, taken, last = deposit_schedule(terms)
    lay = pyxirr.year_fraction(START, day, DayCount.ACT_360)

    assert near(taken.interest, float(part) * float(demand) * lay, CENT)
    assert near(last.interest, float(amount - part) * float(rate), CENT)
    assert taken.withdrawn == part + taken.interest
    assert first.deposit + taken.interest + last.interest == taken.withdrawn + last.balance


@pytest.mark.parametrize("day", range(1, 13))
def test_monthly_savings_that_end_early_are_each_a_deposit_until_then(day: int) -> None:
    end = START + timedelta(days=30 * day)
    early = Early(day=end, amount=None, rate=Decimal("0.0005"), day_count="ACT_360")
    terms = DepositTerms(
        product_type="INSTALMENT", amount=Decimal(5000), rate=Decimal("0.0055"), start=START, end=date(2027, 9, 29),
        day_count="THIRTY_360", months=12, early=early,
    )  # fmt: skip
    schedule = deposit_schedule(terms)
    paid_in = [entry.day for entry in schedule if entry.deposit]
    earned = sum(5000 * 0.0005 * pyxirr.year_fraction(each, end, DayCount.ACT_360) for each in paid_in)

    assert schedule[-1].day == end and all(each < end for each in paid_in)
    assert near(schedule[-1].interest, earned, CENT)
    assert schedule[-1].balance == 5000 * len(paid_in) + schedule[-1].interest
