"""``/v1/rates``."""

from __future__ import annotations

from datetime import date

from openteller_sandbox.contract import Fault
from openteller_sandbox.http import Answer, Call, Problem, Routes, open_answer, page
from openteller_sandbox.http.answers import decode_cursor, encode_cursor
from openteller_sandbox.rates import service
from openteller_sandbox.rates.schemas import (
    DepositRateQuery,
    FxHistoryQuery,
    FxQuoteQuery,
    LoanRateQuery,
    RateSheetQuery,
)

routes = Routes()
HISTORY_DAYS = 30


@routes.operation("listRateSheets", query=RateSheetQuery)
def list_rate_sheets(call: Call) -> Answer:
    """List published sheets, the latest first."""
    tx, kind, limit = call.bank.db.read(), call.query.get("kind"), call.limit
    cursor = decode_cursor(call, int, str)

    def make() -> Answer:
        rows = service.page(tx, kind, call.now, (cursor[0], cursor[1]) if cursor else None, limit + 1)
        more = encode_cursor(call, rows[limit - 1][1:]) if len(rows) > limit else None
        return page(call, [text for text, *_ in rows[:limit]], more)

    return open_answer(call, service.last_published_at(tx, kind, call.now), make)


@routes.operation("getRateSheet")
def get_rate_sheet(call: Call) -> Answer:
    """Give a sheet with its rows."""
    _, text, changed_at = service.find(call.bank.db.read(), call.path["rate_sheet_id"], call.now)
    return open_answer(call, changed_at, lambda: Answer(text.encode()))


@routes.operation("listDepositRates", query=DepositRateQuery)
def list_deposit_rates(call: Call) -> Answer:
    """List the deposit rates of a day."""
    return _rates(call, "DEPOSIT", "currency", "product_type")


@routes.operation("listLoanRates", query=LoanRateQuery)
def list_loan_rates(call: Call) -> Answer:
    """List the loan rates of a day."""
    return _rates(call, "LOAN", "loan_purpose")


@routes.operation("listFxQuotes", query=FxQuoteQuery)
def list_fx_quotes(call: Call) -> Answer:
    """Give the foreign exchange board of a day."""
    return _rates(call, "FX", "base")


def _rates(call: Call, kind: str, *filters: str) -> Answer:
    day = service.day_asked(call.query.get("date"), call.now, "query", "date")
    sheet = service.sheet_on(call.bank.db.read(), kind, day, call.now)

    def make() -> Answer:
        return page(call, service.rows_on(sheet, day, **{name: call.query.get(name) for name in filters}))

    return open_answer(call, service.changed_at(sheet, day), make)


@routes.operation("listFxHistory", query=FxHistoryQuery)
def list_fx_history(call: Call) -> Answer:
    """List a currency's quotes, one for each day of a range."""
    tx = call.bank.db.read()
    last = service.day_asked(call.query.get("to"), call.now, "query", "to")
    first = _first_ordinal(call, last)
    begin = service.first_day(tx, "FX")
    cursor = decode_cursor(call, int) or [0]
    first = max(first, begin.toordinal() if begin else 1, cursor[0] + 1)
    end = min(last.toordinal(), first + call.limit - 1)

    def make() -> Answer:
        days = [date.fromordinal(number) for number in range(first, end + 1)]
        found = service.sheets_on(tx, "FX", days, call.now)
        rows = [row for day, sheet in found for row in service.rows_on(sheet, day, base=call.query["base"])]
        return page(call, rows, encode_cursor(call, [end]) if end < last.toordinal() else None)

    return open_answer(call, service.changed_at(service.sheet_on(tx, "FX", last, call.now), last), make)


def _first_ordinal(call: Call, last: date) -> int:
    """The first day asked for, as an ordinal: thirty days back from the first days of all would be no date.

    Raises:
        Problem: FIELD_INVALID, the range ends before it begins.
    """
    first: date | None = call.query.get("from_")
    if first is None:
        return last.toordinal() - HISTORY_DAYS + 1
    if first > last:
        fault = Fault("query", "from", "FIELD_INVALID", "Must not be after `to`.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    return first.toordinal()
