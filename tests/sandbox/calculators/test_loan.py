"""The loan calculator: every cent is accounted for, whatever the terms."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller_sandbox.calculators.loan import (
    Extra,
    Instalment,
    LoanTerms,
    TooLittle,
    TooMuch,
    annualised_rate,
    loan_schedule,
)

CENT = Decimal("0.01")
AMOUNTS = st.integers(100_000, 1_000_000_000).map(lambda fen: Decimal(fen) * CENT)
RATES = st.integers(0, 1000).map(lambda bp: Decimal(bp).scaleb(-4))
DAYS = st.dates(date(2019, 8, 20), date(2026, 12, 31))


def loans(
    types: tuple[str, ...] = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"),
) -> st.SearchStrategy[LoanTerms]:
    return st.builds(
        LoanTerms,
        amount=AMOUNTS,
        rate=RATES,
        months=st.integers(1, 360),
        repayment_type=st.sampled_from(types),
        start=DAYS,
        fixed_months=st.none() | st.integers(1, 60),
        revert_rate=st.none() | RATES,
    )


@given(loans())
def test_the_principal_sums_to_the_loan_and_nothing_is_owed_at_the_end(terms: LoanTerms) -> None:
    schedule = loan_schedule(terms)

    assert sum(item.principal for item in schedule) == terms.amount
    assert schedule[-1].balance == 0
    assert [item.number for item in schedule] == list(range(1, terms.months + 1))


@given(loans())
def test_each_payment_is_its_principal_and_the_interest_on_what_was_owed(terms: LoanTerms) -> None:
    owed = terms.amount
    for item in loan_schedule(terms):
        assert item.payment == item.principal + item.interest
        assert abs(item.interest - owed * item.rate / 12) <= CENT / 2
        assert item.principal >= 0
        owed -= item.principal
        assert item.balance == owed >= 0


@given(loans(("EQUAL_INSTALMENT",)))
def test_equal_instalments_differ_in_the_last_only_while_the_rate_stays(terms: LoanTerms) -> None:
    schedule = loan_schedule(terms)[:-1]

    for rate in {item.rate for item in schedule}:
        assert len({item.payment for item in schedule if item.rate == rate}) <= 1


@given(loans(("EQUAL_PRINCIPAL",)))
def test_equal_principal_differs_in_the_last_only(terms: LoanTerms) -> None:
    assert len({item.principal for item in loan_schedule(terms)[:-1]}) <= 1


@given(loans(("INTEREST_ONLY",)))
def test_interest_only_repays_nothing_before_the_end(terms: LoanTerms) -> None:
    schedule = loan_schedule(terms)

    assert {item.principal for item in schedule[:-1]} <= {Decimal(0)}
    assert schedule[-1].principal == terms.amount


@given(loans(), st.integers(0, 9))
def test_the_annualised_rate_discounts_the_payments_to_what_was_received(terms: LoanTerms, fee_percent: int) -> None:
    received = terms.amount * (100 - fee_percent) / 100
    payments = [item.payment for item in loan_schedule(terms)]
    annual = annualised_rate(received, payments)

    def worth(rate: Decimal) -> Decimal:
        factor = (1 + rate) ** (Decimal(-1) / 12)
        return sum((payment * factor**number for number, payment in enumerate(payments, start=1)), Decimal(0))

    half = Decimal("0.00000051")
    assert worth(annual + half) <= received <= worth(annual - half)


@given(loans(), st.integers(1, 9))
def test_a_fee_makes_a_loan_dearer(terms: LoanTerms, fee_percent: int) -> None:
    payments = [item.payment for item in loan_schedule(terms)]

    assert annualised_rate(terms.amount * (100 - fee_percent) / 100, payments) > annualised_rate(terms.amount, payments)


def schedule_or_rest(terms: LoanTerms) -> tuple[list[Instalment], tuple[int, Decimal] | None]:
    """The schedule, or what was too little for one."""
    try:
        return loan_schedule(terms), None
    except TooLittle as error:
        return [], (error.number, error.left)


@pytest.mark.parametrize("kind", ["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"])
@given(left=st.integers(0, 400), number=st.integers(1, 359), bp=st.integers(1, 600))
@settings(max_examples=20)
def test_what_an_extra_repayment_leaves_is_repaid_with_money_or_refused(
    kind: str, left: int, number: int, bp: int
) -> None:
    """No schedule of nothings, and a refusal that says what is left; to repay all is always possible."""
    terms = LoanTerms(
        amount=Decimal(10_000), rate=Decimal(bp).scaleb(-4), months=360, repayment_type=kind, start=date(2026, 9, 29)
    )
    owed = loan_schedule(terms)[number - 1].balance
    rest = min(left * CENT, owed - CENT)
    lowered = replace(terms, extras={number: Extra(amount=owed - rest, sooner=False)})
    schedule, refused = schedule_or_rest(lowered)
    assert refused in (None, (number, rest))
    assert refused is None or rest > 0
    owing = [terms.amount, *(item.balance for item in schedule)]
    assert all(item.payment > 0 for before, item in zip(owing, schedule, strict=False) if before)
    assert not schedule or schedule[-1].balance == 0
    assert loan_schedule(replace(terms, extras={number: Extra(amount=owed, sooner=False)}))[-1].balance == 0


@pytest.mark.parametrize("kind", ["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"])
def test_a_cent_has_no_instalments(kind: str) -> None:
    terms = LoanTerms(
        amount=Decimal(10_000), rate=Decimal("0.03"), months=24, repayment_type=kind, start=date(2026, 9, 29)
    )
    extras = {3: Extra(amount=Decimal(100), sooner=False)}
    owed = loan_schedule(replace(terms, extras=extras))[5].balance
    extras[6] = Extra(amount=owed - CENT, sooner=False)
    assert schedule_or_rest(replace(terms, extras=extras)) == ([], (6, CENT))


def test_interest_at_no_rate_is_nothing_and_true() -> None:
    terms = LoanTerms(
        amount=Decimal(10_000), rate=Decimal(0), months=3, repayment_type="INTEREST_ONLY", start=date(2026, 9, 29)
    )
    assert [item.payment for item in loan_schedule(terms)] == [0, 0, 10_000]


def test_a_known_home_loan() -> None:
    """1,000,000 at 3.10 % over 30 years: 4,270.16 a month, as every bank's table has it."""
    terms = LoanTerms(
        amount=Decimal(1_000_000),
        rate=Decimal("0.031"),
        months=360,
        repayment_type="EQUAL_INSTALMENT",
        start=date(2026, 9, 29),
    )
    schedule = loan_schedule(terms)

    assert schedule[0].payment == Decimal("4270.16")
    assert schedule[0].interest == Decimal("2583.33")
    assert annualised_rate(terms.amount, [item.payment for item in schedule]) == Decimal("0.031444")


def test_due_days_keep_to_the_day_of_the_start_and_shorten_with_the_month() -> None:
    terms = LoanTerms(
        amount=Decimal(3000), rate=Decimal(0), months=4, repayment_type="EQUAL_PRINCIPAL", start=date(2026, 11, 30)
    )

    assert [str(item.due_date) for item in loan_schedule(terms)] == [
        "2026-12-30",
        "2027-01-30",
        "2027-02-28",
        "2027-03-30",
    ]


def test_the_instalment_is_worked_out_again_when_the_fixed_period_ends() -> None:
    terms = LoanTerms(
        amount=Decimal(100_000),
        rate=Decimal("0.0295"),
        months=60,
        repayment_type="EQUAL_INSTALMENT",
        start=date(2026, 9, 29),
        fixed_months=36,
        revert_rate=Decimal("0.0330"),
    )
    schedule = loan_schedule(terms)

    assert schedule[35].rate == Decimal("0.0295")
    assert schedule[36].rate == Decimal("0.0330")
    assert schedule[36].payment > schedule[35].payment


@pytest.mark.parametrize(("received", "payments"), [("0", ["1"]), ("-1", ["1"]), ("2", ["1"])])
def test_a_loan_that_is_not_paid_back_has_no_rate(received: str, payments: list[str]) -> None:
    with pytest.raises(ValueError, match="paid back in full"):
        annualised_rate(Decimal(received), [Decimal(payment) for payment in payments])


# --- what changes while it runs --------------------------------------------------------------------------------------

KINDS = ("EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY")


def attempt(terms: LoanTerms) -> tuple[TooMuch | None, list[Instalment]]:
    try:
        return None, loan_schedule(terms)
    except TooMuch as error:
        return error, []


@given(
    amount=st.integers(100_000, 10**9).map(lambda fen: Decimal(fen).scaleb(-2)),
    months=st.integers(6, 360),
    kind=st.sampled_from(KINDS),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_changes_the_loan_is_paid_back_to_the_cent(
    amount: Decimal, months: int, kind: str, data: st.DataObject
) -> None:
    rate = st.integers(0, 3600).map(lambda bp: Decimal(bp).scaleb(-4))
    numbers = data.draw(st.lists(st.integers(1, months - 1), max_size=5, unique=True))
    share, sooner = st.integers(1, 9999), kind != "INTEREST_ONLY"
    extras = {
        number: Extra(
            amount=max((amount * data.draw(share) / 100_000).quantize(Decimal("0.01")), Decimal("0.01")),
            sooner=sooner and data.draw(st.booleans()),
        )
        for number in sorted(numbers)
    }
    terms = LoanTerms(
        amount=amount,
        rate=data.draw(rate),
        months=months,
        repayment_type=kind,
        start=date(2026, 9, 29),
        changes=data.draw(st.dictionaries(st.integers(2, months), rate, max_size=4)),
        extras=extras,
    )
    refused, schedule = attempt(terms)
    if refused:
        assert refused.number in extras and refused.owed < extras[refused.number].amount
        return

    owed = amount
    for number, item in enumerate(schedule, 1):
        extra = extras[number].amount if number in extras else Decimal(0)
        assert (item.number, item.rate, item.extra) == (number, terms.rate_of(number), extra)
        assert item.interest == (owed * item.rate / 12).quantize(Decimal("0.01"))
        assert item.payment == item.principal + item.interest
        owed -= item.principal + extra
        assert item.balance == owed >= 0
    assert owed == 0
    assert len(schedule) == months or any(extra.sooner for extra in extras.values()) or schedule[-1].extra > 0


def test_a_rate_that_changes_in_the_fixed_period_gives_way_to_the_revert_rate() -> None:
    rates = [Decimal(text) for text in ("0.03", "0.04", "0.05", "0.06")]
    terms = LoanTerms(
        amount=Decimal(1000), rate=rates[0], months=8, repayment_type="INTEREST_ONLY", start=date(2026, 9, 29),
        fixed_months=4, revert_rate=rates[1], changes={3: rates[2], 7: rates[3]},
    )  # fmt: skip

    assert [terms.rate_of(number) for number in range(1, 9)] == [rates[place] for place in (0, 0, 2, 2, 1, 1, 3, 3)]


def test_a_loan_may_be_settled_early() -> None:
    plain = LoanTerms(
        amount=Decimal(60_000), rate=Decimal("0.0345"), months=12, repayment_type="EQUAL_INSTALMENT",
        start=date(2026, 9, 29),
    )  # fmt: skip
    owed = loan_schedule(plain)[4].balance
    schedule = loan_schedule(replace(plain, extras={5: Extra(amount=owed, sooner=False)}))

    assert (len(schedule), schedule[-1].balance, schedule[-1].extra) == (5, 0, owed)
    with pytest.raises(TooMuch) as caught:
        loan_schedule(replace(plain, extras={5: Extra(amount=owed + Decimal("0.01"), sooner=False)}))
    assert (caught.value.number, caught.value.owed) == (5, owed)
