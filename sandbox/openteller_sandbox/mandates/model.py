"""A mandate's bounds as the rules see them, and which period a day lies in."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.billers.model import money
from openteller_sandbox.money import Money

PERIODS = ("DAY", "WEEK", "MONTH", "YEAR")
COOLING_MS = clock.DAY
"""So long after the customer gave it a mandate cannot be used: whoever was talked into it has a day to end it."""
_MONTHS = {"MONTH": 1, "YEAR": 12}


@dataclass(frozen=True, slots=True)
class Limit:
    """The most in a period. aligned_to_consent: periods are counted from the day on which the mandate was given."""

    period_type: str
    aligned_to_consent: bool
    most: Money


@dataclass(frozen=True, slots=True)
class Mandate:
    """A mandate of a consent. number: its place among the consent's; given_at: bank time, epoch milliseconds."""

    number: int
    billers: frozenset[str]
    maximum_individual_amount: Money
    limits: tuple[Limit, ...]
    maximum_uses: int | None
    valid_from: date
    valid_to: date

    @classmethod
    def read(cls, number: int, detail: Mapping[str, Any]) -> Mandate:
        """Read one of a consent's ``authorization_details``."""
        return cls(
            number,
            frozenset(detail["billers"]),
            money(detail["maximum_individual_amount"]),
            tuple(
                Limit(limit["period_type"], limit["period_alignment"] == "CONSENT", money(limit["amount"]))
                for limit in detail["periodic_limits"]
            ),
            detail.get("maximum_uses"),
            date.fromisoformat(detail["valid_from"]),
            date.fromisoformat(detail["valid_to"]),
        )


def in_force(mandate: Mandate, given_at: int, now: int) -> tuple[str, int | None]:
    """Tell whether a mandate is IN_FORCE, COOLING, NOT_BEGUN or has ENDED, and from when on it is in force where it is
    not yet. given_at, now: bank time, epoch milliseconds.
    """
    cools_until, begins_at = given_at + COOLING_MS, clock.start_of_day(mandate.valid_from)
    if clock.bank_date(now) > mandate.valid_to:
        return "ENDED", None
    if now < cools_until:
        return "COOLING", max(cools_until, begins_at)
    return ("NOT_BEGUN", begins_at) if now < begins_at else ("IN_FORCE", None)


def period(limit: Limit, day: date, given_on: date) -> tuple[date, date]:
    """Give the first day of the period in which a day lies, and the first day after it.

    A month or year that is counted from the 29th, 30th or 31st begins on the last day of a month that is shorter.
    """
    if limit.period_type == "DAY":
        return day, day + timedelta(days=1)
    if limit.period_type == "WEEK":
        first = given_on if limit.aligned_to_consent else given_on - timedelta(days=given_on.weekday())
        since = day - timedelta(days=(day - first).days % 7)
        return since, since + timedelta(days=7)
    step = _MONTHS[limit.period_type]
    first = given_on if limit.aligned_to_consent else date(day.year, 1, 1)
    count = ((day.year - first.year) * 12 + day.month - first.month) // step
    if _later(first, count * step) > day:
        count -= 1
    return _later(first, count * step), _later(first, (count + 1) * step)


def _later(first: date, months: int) -> date:
    """Give the day so many months later, or the last one of that month."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return date(year, month + 1, min(first.day, monthrange(year, month + 1)[1]))
