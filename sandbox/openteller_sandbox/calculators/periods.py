"""Calendar arithmetic of terms: ISO 8601 durations of years and months, and what lies that far from a day."""

from __future__ import annotations

import calendar
import re
from datetime import date

__all__ = ["add_months", "months_of"]

TERM = re.compile(r"P(?:([0-9]{1,2})Y)?(?:([0-9]{1,3})M)?")


def months_of(term: str) -> int:
    """How many months an ISO 8601 duration of years and months has: `P3M` 3, `P1Y6M` 18.

    Raises:
        ValueError: it is no such duration.
    """
    match = TERM.fullmatch(term)
    if match is None or not any(match.groups()):
        raise ValueError("a term is a number of years and months, such as P1Y6M")
    years, months = (int(group or 0) for group in match.groups())
    return years * 12 + months


def add_months(day: date, months: int) -> date:
    """The same day of the month so many months later, or the last of a shorter month."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
