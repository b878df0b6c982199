"""Which period a day lies in: periods follow on one another without a gap, and each is as long as it is said to be."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller_sandbox.mandates.model import PERIODS, Limit, period
from openteller_sandbox.money import Money

DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))
LENGTHS = {"DAY": (1, 1), "WEEK": (7, 7), "MONTH": (28, 31), "YEAR": (365, 366)}


def limit(period_type: str, *, aligned_to_consent: bool) -> Limit:
    return Limit(period_type, aligned_to_consent, Money(Decimal(1)))


@settings(max_examples=60)
@given(st.sampled_from(PERIODS), st.booleans(), DAYS, st.integers(0, 1200))
def test_a_day_lies_in_one_period_and_the_next_one_begins_where_it_ends(
    period_type: str, aligned: bool, given_on: date, later: int
) -> None:
    bound, day = limit(period_type, aligned_to_consent=aligned), given_on + timedelta(days=later)
    since, until = period(bound, day, given_on)
    assert since <= day < until
    shortest, longest = LENGTHS[period_type]
    # A month that is counted from a 31st may begin on a 28th and end on a 31st.
    assert shortest <= (until - since).days <= longest + (3 if aligned and period_type == "MONTH" else 0)
    assert {period(bound, each, given_on) for each in (since, until - timedelta(days=1))} == {(since, until)}
    assert period(bound, until, given_on)[0] == until
    if aligned:
        assert period(bound, given_on, given_on)[0] == given_on


@pytest.mark.parametrize(
    ("period_type", "day", "since", "until"),
    [
        ("WEEK", "2026-09-29", "2026-09-28", "2026-10-05"),
        ("MONTH", "2026-09-30", "2026-09-01", "2026-10-01"),
        ("YEAR", "2026-12-31", "2026-01-01", "2027-01-01"),
    ],
)
def test_the_calendars_periods_begin_on_mondays_and_firsts(period_type: str, day: str, since: str, until: str) -> None:
    found = period(limit(period_type, aligned_to_consent=False), date.fromisoformat(day), date(2026, 9, 17))
    assert [each.isoformat() for each in found] == [since, until]


@pytest.mark.parametrize(
    ("day", "since", "until"),
    [
        ("2027-01-30", "2026-12-31", "2027-01-31"),
        ("2027-02-27", "2027-01-31", "2027-02-28"),
        ("2027-02-28", "2027-02-28", "2027-03-31"),
    ],
)
def test_months_from_a_31st_begin_on_the_last_day_of_shorter_ones(day: str, since: str, until: str) -> None:
    found = period(limit("MONTH", aligned_to_consent=True), date.fromisoformat(day), date(2026, 12, 31))
    assert [each.isoformat() for each in found] == [since, until]
