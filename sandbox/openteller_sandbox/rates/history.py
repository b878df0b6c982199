"""A currency through time: a quote for each day of a range, or of each week or month, with how it moved in it.

The quote of a period is that of its last day, as `sheets_on` gives it: so a day, a range and a period agree.
"""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import islice
from typing import Any

from openteller_sandbox.db import Tx
from openteller_sandbox.http.answers import with_tail
from openteller_sandbox.rates import service

__all__ = ["Period", "page", "parts", "periods", "rows"]

_TICK = Decimal("0.0001")
_MOST_DAYS = 1_100
"""On a page: three years. So many sheets are read at once."""
_DAYS_OF_A_PART = 200


@dataclass(frozen=True, slots=True)
class Period:
    """Days that belong together, the first and the last among them; a day by itself has no group."""

    first: date
    last: date
    group: str

    @property
    def days(self) -> list[date]:
        """All of them."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def periods(first: date, last: date, group: str) -> Iterator[Period]:
    """Cut a range into days, weeks from Monday on, or months; the first and the last may be a part of one."""
    while first <= last:
        end = min(_end(first, group), last)
        yield Period(first, end, group)
        if end == date.max:
            return
        first = end + timedelta(days=1)


def _end(day: date, group: str) -> date:
    if group == "week":
        return day + timedelta(days=min(6 - day.weekday(), (date.max - day).days))
    if group == "month":
        return day.replace(day=calendar.monthrange(day.year, day.month)[1])
    return day


def page(found: Iterable[Period], limit: int) -> Iterator[Period]:
    """Give so many periods, fewer where they have more days than are read at once; one at least."""
    days = 0
    for period in islice(found, limit):
        days += (period.last - period.first).days + 1
        if days > _MOST_DAYS:
            return
        yield period


def parts(found: Iterable[Period]) -> Iterator[list[Period]]:
    """Give all periods, a few months at a time: so much is read without holding others up."""
    part: list[Period] = []
    for period in found:
        if part and (period.last - part[0].first).days >= _DAYS_OF_A_PART:
            yield part
            part = []
        part.append(period)
    if part:
        yield part


def rows(tx: Tx, base: str, asked: Sequence[Period], now: int, known_at: int) -> list[str]:
    """Give the quote of each period as JSON text; those before the currency came to the board are left out."""
    days = [day for period in asked for day in period.days]
    quotes = {
        day: row
        for day, sheet in service.sheets_on(tx, "FX", days, now, known_at)
        for row in service.rows_on(sheet, day, base=base)
    }
    return [_row(period, quotes) for period in asked if period.last in quotes]


def _row(period: Period, quotes: dict[date, str]) -> str:
    quote = quotes[period.last]
    return quote if period.group == "day" else with_tail(quote, {"period": _summary(period, quotes)})


def _summary(period: Period, quotes: dict[date, str]) -> dict[str, Any]:
    middles = [Decimal(json.loads(quotes[day])["middle"]) for day in period.days if day in quotes]
    average = sum(middles, Decimal(0)) / len(middles)
    return {
        "group": period.group,
        "from": period.first.isoformat(),
        "to": period.last.isoformat(),
        "days": len(middles),
        "first": str(middles[0]),
        "highest": str(max(middles)),
        "lowest": str(min(middles)),
        "average": str(average.quantize(_TICK, ROUND_HALF_EVEN)),
    }
