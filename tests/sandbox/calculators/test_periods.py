"""Terms and the days that they lead to."""

from __future__ import annotations

from datetime import date

import pytest

from openteller_sandbox.calculators.periods import add_months, months_of


@pytest.mark.parametrize(("term", "months"), [("P3M", 3), ("P1Y", 12), ("P1Y6M", 18), ("P30Y", 360), ("P360M", 360)])
def test_a_term_is_its_months(term: str, months: int) -> None:
    assert months_of(term) == months


@pytest.mark.parametrize("term", ["", "P", "P3D", "3M", "P1M2Y", "P-1M", "P3M\n", "P٣M"])
def test_what_is_no_term_of_years_and_months_is_refused(term: str) -> None:
    with pytest.raises(ValueError, match="P1Y6M"):
        months_of(term)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-09-29", 0, "2026-09-29"),
        ("2024-02-29", 12, "2025-02-28"),
    ],
)
def test_a_day_that_a_month_lacks_becomes_its_last(day: str, months: int, then: str) -> None:
    assert str(add_months(date.fromisoformat(day), months)) == then
