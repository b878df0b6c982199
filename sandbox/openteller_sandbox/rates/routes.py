"""``/v1/rates``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from openteller_sandbox.contract import Fault
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Answer, Call, Pieces, Problem, Routes, open_answer, page
from openteller_sandbox.http.answers import CSV, STREAMS, decode_cursor, encode_cursor
from openteller_sandbox.rates import history, service, shapes
from openteller_sandbox.rates.schemas import (
    DepositRateQuery,
    FxHistoryQuery,
    FxQuoteQuery,
    LoanRateQuery,
    RateSheetQuery,
)

routes = Routes()
HISTORY_DAYS = 30
_CURRENCIES = ("base", "currency")


@routes.operation("listRateSheets", query=RateSheetQuery)
def list_rate_sheets(call: Call) -> Answer:
    """List published sheets, the latest first, or those that hold at an instant."""
    tx, kind, limit, rows = call.bank.db.read(), call.query.get("kind"), call.limit, bool(call.query.get("rows"))
    cursor = decode_cursor(call, int, str)
    moment = service.moment_asked(call.query, call.now)
    changed_at = service.last_published_at(tx, kind, moment.known_at)
    if not changed_at:
        service.refuse_before_the_first(tx, kind or service.KINDS[0], moment.known_at, call.query, ("as_of",))
    if "as_of" in call.query:
        held = service.holding(tx, kind, moment, call.query, rows=rows)
        return open_answer(call, changed_at, lambda: page(call, held[:limit]))

    def make() -> Answer:
        after = (cursor[0], cursor[1]) if cursor else None
        found = service.page(tx, kind, moment.known_at, after, limit + 1, rows=rows)
        more = encode_cursor(call, found[limit - 1][1:]) if len(found) > limit else None
        return page(call, [text for text, *_ in found[:limit]], more)

    return open_answer(call, changed_at, make)


@routes.operation("getRateSheet")
def get_rate_sheet(call: Call) -> Answer:
    """Give a sheet with its rows."""
    _, text, changed_at = service.find(call.bank.db.read(), call.path["rate_sheet_id"], call.now)
    return open_answer(call, changed_at, lambda: Answer(text.encode()))


@routes.operation("listDepositRates", query=DepositRateQuery)
def list_deposit_rates(call: Call) -> Answer:
    """List the deposit rates of a day or an instant."""
    return _rates(call, "DEPOSIT", "currency", "product_type")


@routes.operation("listLoanRates", query=LoanRateQuery)
def list_loan_rates(call: Call) -> Answer:
    """List the loan rates of a day or an instant."""
    return _rates(call, "LOAN", "loan_purpose")


@routes.operation("listFxQuotes", query=FxQuoteQuery)
def list_fx_quotes(call: Call) -> Answer:
    """Give the foreign exchange board of a day or an instant."""
    return _rates(call, "FX", "base")


def _rates(call: Call, kind: str, *filters: str) -> Answer:
    moment = service.moment_asked(call.query, call.now)
    sheet = service.sheet_asked(call.bank.db.read(), kind, moment, call.query)
    for name in _CURRENCIES:
        service.refuse_unknown(sheet, name, call.query.get(name), "Is not among the currencies of that sheet.")

    def make() -> Answer:
        return page(call, service.rows_on(sheet, moment.day, **{name: call.query.get(name) for name in filters}))

    return open_answer(call, service.changed_at(sheet, moment.day), make)


@routes.operation("listFxHistory", query=FxHistoryQuery)
def list_fx_history(call: Call) -> Answer:
    """List a currency's quotes, one for each day, week or month of a range."""
    _check_shape(call)
    tx, base, group = call.bank.db.read(), call.query["base"], call.query.get("group", "day")
    first, last, known_at, changed_at = _range_asked(call, tx)
    cursor = decode_cursor(call, int) or [0]
    begin = max(first, cursor[0] + 1)

    def make() -> Answer:
        if call.media_type in STREAMS:
            return _whole(call, history.periods(date.fromordinal(begin), last, group), known_at)
        if begin > last.toordinal():  # where only a forged cursor leads
            return page(call, [])
        periods = list(history.page(history.periods(date.fromordinal(begin), last, group), call.limit))
        rows = history.rows(tx, base, periods, call.now, known_at)
        end = periods[-1].last
        return page(call, rows, encode_cursor(call, [end.toordinal()]) if end < last else None)

    # A board may have come out before it holds: the last day reads as it does since its board counts.
    version = max(service.last_published_at(tx, "FX", known_at), changed_at)
    return open_answer(call, version, make)


def _check_shape(call: Call) -> None:
    """Refuse pages of what has none.

    Raises:
        Problem: FIELD_INVALID.
    """
    if call.media_type in STREAMS:
        faults = [
            Fault("query", name, "FIELD_INVALID", "Is for pages: an answer in this media type has every row.")
            for name in ("limit", "after")
            if name in call.sent_query
        ]
        if faults:
            raise Problem("FIELD_INVALID", "See errors[].", faults=faults)


def _whole(call: Call, asked: Iterator[history.Period], known_at: int) -> Answer:
    """Answer with every row of a range, some at a time. What had been published by then stays as it is meanwhile."""
    base, now, database = call.query["base"], call.now, call.bank.db
    pages = (history.rows(database.read(), base, part, now, known_at) for part in history.parts(asked))
    if call.media_type == CSV:
        pieces, ending = shapes.table(pages, grouped=call.query.get("group", "day") != "day"), "csv"
    else:
        pieces, ending = shapes.lines(pages), "ndjson"
    headers = {"Content-Disposition": f'attachment; filename="fx-{base.lower()}.{ending}"'}
    return Answer(b"", headers=headers, media_type=call.media_type, pieces=Pieces(pieces))


def _range_asked(call: Call, tx: Tx) -> tuple[int, date, int, int]:
    """The first day as an ordinal, the last day, until when what was published counts, and since when the last day
    reads as it does.

    Raises:
        Problem: FIELD_INVALID, the range ends before it begins, or before the first board, or the currency is on none.
    """
    known_at = service.known_asked(call.query, call.now)
    last = service.day_asked(call.query.get("to"), call.now, "query", "to")
    first: date | None = call.query.get("from_")
    if first is not None and first > last:
        fault = Fault("query", "from", "FIELD_INVALID", "Must not be after `to`.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    begin, board = service.first_day(tx, "FX"), service.sheet_on(tx, "FX", last, call.now, known_at)
    if begin is None or board is None or (first or begin) < begin:
        service.refuse_before_the_first(
            tx, "FX", known_at, _named(call), ("to", "from") if board is None else ("from",)
        )
    service.refuse_unknown(board, "base", call.query["base"], "Is not on the board.")
    earliest = begin.toordinal() if begin else 1
    beginning = max(first.toordinal() if first else last.toordinal() - HISTORY_DAYS + 1, earliest)
    return beginning, last, known_at, service.changed_at(board, last)


def _named(call: Call) -> dict[str, object]:
    """The query under the names of the contract."""
    return {name.rstrip("_"): value for name, value in call.query.items()}
