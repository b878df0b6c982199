"""The day's rates for people: board, deposits and loans; of each currency how it went, drawn and as a table.

Bank time of the sandbox; nobody signs in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, request

from openteller_sandbox import clock
from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.hosted import charts
from openteller_sandbox.hosted.charts import Point
from openteller_sandbox.hosted.rendering import asked_locale, render
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api
from openteller_sandbox.rates import service as rates
from openteller_sandbox.rates.model import RateSheet
from openteller_sandbox.rates.service import Moment

_SPANS = {"month": 30, "quarter": 92, "year": 366, "all": 1_100}
"""How many days back each goes."""
_USUAL_SPAN = "quarter"
_DAILY = 92
"""A table has no more rows for days than that; a longer time is told by the ends of weeks or months."""
_WEEKLY = 400

Row = dict[str, Any]


def add_rate_pages(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the pages."""

    @pages.get("/rates")
    def all_rates() -> Response:
        api.count(ANONYMOUS)
        return _board(bank)

    @pages.get("/rates/<currency>")
    def one_currency(currency: str) -> Response:
        api.count(ANONYMOUS)
        return _currency(bank, currency)


def _board(bank: Bank) -> Response:
    now = bank.now()
    today = clock.bank_date(now)
    asked = request.args.get("date", "")
    day, wrong = _day(asked, today)
    moment = Moment(day, min(now, clock.start_of_day(day) + clock.DAY - 1), now)
    lists = {kind: _rows(bank, kind, moment) for kind in rates.KINDS}
    wrong = wrong or not any(lists.values())
    values = {
        "day": day,
        "today": today,
        "typed": {"date": asked},
        "wrong": wrong,
        "quotes": lists["FX"],
        "deposits": lists["DEPOSIT"],
        "loans": lists["LOAN"],
    }
    return render("rates.html", asked_locale("zh-CN"), values, 422 if wrong else 200)


def _day(text: str, today: date) -> tuple[date, bool]:
    """The day that was typed, and whether it is none that there could be rates of."""
    if not text:
        return today, False
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today, True
    return (day, False) if day <= today else (today, True)


def _rows(bank: Bank, kind: str, moment: Moment) -> list[Row]:
    sheet = rates.sheet_at(bank.db.read(), kind, moment.instant, moment.known_at)
    return [json.loads(row) for row in rates.rows_on(sheet, moment.day)]


def currencies(bank: Bank, asked: Collection[str]) -> set[str]:
    """Give those of some texts that are currencies with a page."""
    if not asked:
        return set()
    boards = {sheet.row_keys: sheet for _, sheet in _boards(bank, bank.now(), _SPANS[_USUAL_SPAN]) if sheet}
    return {each for each in asked if any(sheet.has("base", each) for sheet in boards.values())}


def _currency(bank: Bank, currency: str) -> Response:
    now = bank.now()
    asked = request.args.get("span", _USUAL_SPAN)
    span = asked if asked in _SPANS else _USUAL_SPAN
    quotes = _quotes(bank, currency, now, _SPANS[span])
    if not quotes:
        raise Problem("NOT_FOUND")
    points = [
        Point(date.fromisoformat(quote["date"]), Decimal(quote["middle"]), quote["is_carried_forward"])
        for quote in quotes
    ]
    values = {
        "quote": quotes[-1],
        "span": span,
        "spans": list(_SPANS),
        "wrong": span != asked,
        "points": points,
        "lowest": min(points, key=lambda point: point.value),
        "highest": max(points, key=lambda point: point.value),
        "chart": charts.draw(points),
        "width": charts.WIDTH,
        "height": charts.HEIGHT,
        "table": _told(quotes)[::-1],
    }
    return render("rate.html", asked_locale("zh-CN"), values, 200 if span == asked else 422)


def _quotes(bank: Bank, currency: str, now: int, days: int) -> list[Row]:
    """The quotes of so many days until today; none of a currency that there is not."""
    if not (currency.isascii() and currency.isupper()):
        return []
    found = _boards(bank, now, days)
    return [json.loads(row) for day, sheet in found for row in rates.rows_on(sheet, day, base=currency)]


def _boards(bank: Bank, now: int, days: int) -> Iterable[tuple[date, RateSheet | None]]:
    """The last board of each of so many days until today."""
    tx, today = bank.db.read(), clock.bank_date(now)
    first = rates.first_day(tx, "FX")
    if first is None:
        return []
    begin = max(first, today - timedelta(days=days - 1))
    asked = [begin + timedelta(days=number) for number in range((today - begin).days + 1)]
    return rates.sheets_on(tx, "FX", asked, now)


def _told(quotes: Sequence[Row]) -> list[Row]:
    """The rows of the table: all days, or the last of each week or month of a longer time."""
    if len(quotes) <= _DAILY:
        return list(quotes)

    def part(quote: Row) -> tuple[int, int]:
        day = date.fromisoformat(quote["date"])
        return day.isocalendar()[:2] if len(quotes) <= _WEEKLY else (day.year, day.month)

    return [list(group)[-1] for _, group in groupby(quotes, part)]
