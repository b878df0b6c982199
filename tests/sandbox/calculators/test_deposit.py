"""The deposit calculator: interest grows with amount, time and rate, and every entry adds up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.calculators.deposit import DepositTerms, Entry, Tier, deposit_schedule, whole_balance_rate
from openteller_sandbox.calculators.periods import add_months

CENT = Decimal("0.01")
AMOUNTS = st.integers(100, 10_000_000_000).map(lambda fen: Decimal(fen) * CENT)
RATES = st.integers(0, 500).map(lambda bp: Decimal(bp).scaleb(-4))
DAYS = st.dates(date(2023, 1, 1), date(2026, 12, 31))
PARTS = (
    Tier(minimum=Decimal(0), maximum=Decimal(10_000), rate=Decimal("0.0005")),
    Tier(minimum=Decimal(10_000), maximum=Decimal(100_000), rate=Decimal("0.0010")),
    Tier(minimum=Decimal(100_000), maximum=None, rate=Decimal("0.0015")),
)


def terms_of(
    product_type: str, amount: Decimal, rate: Decimal, start: date, months: int, *, parts: Sequence[Tier] = ()
) -> DepositTerms:
    has_term = product_type not in ("DEMAND", "NOTICE")
    return DepositTerms(
        product_type=product_type,
        amount=amount,
        rate=rate,
        start=start,
        end=add_months(start, months),
        day_count="THIRTY_360" if has_term else "ACT_360",
        months=months if has_term else None,
        parts=parts,
    )


PRODUCTS = st.sampled_from(("DEMAND", "TIME", "INSTALMENT", "NOTICE", "CERTIFICATE_OF_DEPOSIT"))
DEPOSITS = st.builds(terms_of, PRODUCTS, AMOUNTS, RATES, DAYS, st.integers(1, 60))


def interest(entries: list[Entry]) -> Decimal:
    return sum((entry.interest for entry in entries), Decimal(0))


@given(DEPOSITS)
def test_each_balance_is_the_one_before_it_and_what_was_added(terms: DepositTerms) -> None:
    balance = Decimal(0)
    entries = deposit_schedule(terms)
    for entry in entries:
        balance += entry.deposit + entry.interest
        assert entry.balance == balance
        assert entry.interest >= 0
    assert [entry.day for entry in entries] == sorted({entry.day for entry in entries})
    assert (entries[0].day, entries[-1].day) == (terms.start, terms.end)
    assert len(entries) <= 70


@given(DEPOSITS, AMOUNTS, st.booleans())
def test_a_larger_deposit_earns_no_less(terms: DepositTerms, more: Decimal, tiered: bool) -> None:
    parts = PARTS if tiered and terms.product_type == "DEMAND" else ()
    smaller = replace(terms, parts=parts)
    larger = replace(smaller, amount=terms.amount + more)

    assert interest(deposit_schedule(smaller)) <= interest(deposit_schedule(larger))


@given(PRODUCTS, AMOUNTS, RATES, DAYS, st.integers(1, 59))
def test_a_longer_deposit_earns_no_less(
    product_type: str, amount: Decimal, rate: Decimal, start: date, months: int
) -> None:
    earned = [
        interest(deposit_schedule(terms_of(product_type, amount, rate, start, length)))
        for length in (months, months + 1)
    ]

    assert earned[0] <= earned[1]


@given(AMOUNTS, RATES, DAYS, st.integers(1, 3649))
def test_another_day_of_a_demand_deposit_never_costs_interest(
    amount: Decimal, rate: Decimal, start: date, days: int
) -> None:
    def earned(length: int) -> Decimal:
        return interest(
            deposit_schedule(
                DepositTerms(
                    product_type="DEMAND",
                    amount=amount,
                    rate=rate,
                    start=start,
                    end=start + timedelta(days=length),
                    day_count="ACT_360",
                )
            )
        )

    # Crediting rounds; what it rounded up by can be missing a day later, never more than that cent.
    assert earned(days + 1) >= earned(days) - CENT


def test_a_time_deposit_counts_whole_months_as_twelfths() -> None:
    entries = deposit_schedule(terms_of("TIME", Decimal(100_000), Decimal("0.0125"), date(2026, 9, 29), 36))

    assert [(str(entry.day), entry.interest) for entry in entries] == [("2026-09-29", 0), ("2029-09-29", Decimal(3750))]


def test_a_notice_deposit_counts_actual_days_over_360() -> None:
    terms = DepositTerms(
        product_type="NOTICE",
        amount=Decimal(100_000),
        rate=Decimal("0.0030"),
        start=date(2026, 1, 1),
        end=date(2027, 1, 1),
        day_count="ACT_360",
    )

    assert interest(deposit_schedule(terms)) == Decimal("304.17")


def test_monthly_savings_earn_for_the_months_that_each_instalment_lay() -> None:
    """1,000 a month for a year at 1.20 %: 1,000 * 0.012 / 12 * (12 + 11 + ... + 1) = 78."""
    entries = deposit_schedule(terms_of("INSTALMENT", Decimal(1000), Decimal("0.0120"), date(2026, 1, 31), 12))

    assert (len(entries), interest(entries), entries[-1].balance) == (13, Decimal("78.00"), Decimal("12078.00"))


def test_demand_interest_is_credited_on_the_day_after_each_quarters_twentieth() -> None:
    terms = DepositTerms(
        product_type="DEMAND",
        amount=Decimal(3_600_000),
        rate=Decimal("0.0005"),
        start=date(2026, 3, 1),
        end=date(2026, 9, 30),
        day_count="ACT_360",
    )

    assert [(str(entry.day), entry.interest) for entry in deposit_schedule(terms)] == [
        ("2026-03-01", 0),
        ("2026-03-21", Decimal("100.00")),
        ("2026-06-21", Decimal("460.01")),
        ("2026-09-21", Decimal("460.07")),
        ("2026-09-30", Decimal("45.01")),
    ]


def test_each_tier_pays_its_rate_on_its_part() -> None:
    """10,000 at 0.05 %, 90,000 at 0.10 % and 60,000 at 0.15 % for 36 of 360 days: 0.50 + 9.00 + 9.00."""
    terms = DepositTerms(
        product_type="DEMAND",
        amount=Decimal(160_000),
        rate=PARTS[0].rate,
        start=date(2026, 1, 1),
        end=date(2026, 2, 6),
        day_count="ACT_360",
        parts=PARTS,
    )

    assert interest(deposit_schedule(terms)) == Decimal("18.50")


def test_a_balance_on_the_line_belongs_to_the_upper_tier() -> None:
    rates = [whole_balance_rate(Decimal(amount), PARTS[1:], Decimal("0.0001")) for amount in (9_999, 10_000, 100_000)]

    assert rates == [Decimal("0.0001"), Decimal("0.0010"), Decimal("0.0015")]
