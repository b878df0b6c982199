"""Which sheet holds when, by what had been published by when, and what its rows say of a day. Decided here only.

`_in_force` is the only way to a sheet by time: now, an instant, a past day and a range of days are answered by the same
lines. Sheets that take effect at the same instant are a sheet and its corrections, of which the last published holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.contract import Fault, Part
from openteller_sandbox.db import Row, Statement, Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.http.answers import with_tail
from openteller_sandbox.partners import service as partners
from openteller_sandbox.rates import following, store
from openteller_sandbox.rates.model import ROW_COMPONENTS, ROW_MEMBERS, RateSheet

KINDS = tuple(ROW_COMPONENTS)
_LATEST = 2**62


@dataclass(frozen=True, slots=True)
class Moment:
    """What a request is about: an instant of bank time, its day, and until when what was published counts."""

    day: date
    instant: int
    known_at: int


def moment_asked(query: Mapping[str, Any], now: int, part: Part = "query") -> Moment:
    """Give the moment that a query, or body, means by ``date``, ``as_of`` and ``known_at``; what it leaves out is now.

    Raises:
        Problem: FIELD_INVALID, one of them is still to come, or both ``date`` and ``as_of`` are there.
    """
    as_of, known_at = query.get("as_of"), known_asked(query, now)
    at = "/" if part == "body" else ""
    if as_of is None:
        day = day_asked(query.get("date"), now, part, f"{at}date")
        return Moment(day, _end(day, now), known_at)
    if "date" in query:
        raise _refused(part, f"{at}as_of", "Must not be beside `date`.")
    if as_of > now:
        raise _refused(part, f"{at}as_of", "Must not be after now.")
    return Moment(clock.bank_date(as_of), as_of, known_at)


def known_asked(query: Mapping[str, Any], now: int) -> int:
    """Give until when what was published counts: ``known_at``, or now.

    Raises:
        Problem: FIELD_INVALID, it is still to come.
    """
    known_at: int = query.get("known_at", now)
    if known_at > now:
        raise _refused("query", "known_at", "Must not be after now.")
    return known_at


def day_asked(day: date | None, now: int, part: Part, where: str) -> date:
    """Give the day that a request is about: the one that it names, or today.

    Raises:
        Problem: FIELD_INVALID, the day is still to come; the fault is at `where` in that part of the request.
    """
    today = clock.bank_date(now)
    if day is not None and day > today:
        raise _refused(part, where, "Must not be after today.")
    return day or today


def _refused(part: Part, where: str, message: str) -> Problem:
    return Problem("FIELD_INVALID", "See errors[].", faults=[Fault(part, where, "FIELD_INVALID", message)])


def sheet_asked(tx: Tx, kind: str, moment: Moment, query: Mapping[str, Any]) -> RateSheet | None:
    """Give the sheet that a query is about; None only where the bank has none yet and none was asked for by time.

    Raises:
        Problem: FIELD_INVALID, the moment is before the first sheet.
    """
    sheet = sheet_at(tx, kind, moment.instant, moment.known_at)
    if sheet is None:
        refuse_before_the_first(tx, kind, moment.known_at, query, ("as_of", "date"))
    return sheet


def refuse_before_the_first(tx: Tx, kind: str, known_at: int, query: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse a query that has no sheet, by the parameter that is before the first one.

    Raises:
        Problem: FIELD_INVALID. Nothing is raised where the query names no time.
    """
    first = tx.one(store.FIRST, kind=kind)
    if "known_at" in query and (first is None or known_at < first["published_at"]):
        raise _refused("query", "known_at", "Is before the first sheet was published.")
    for name in names:
        if name in query:
            raise _refused("query", name, "Is before the first sheet.")


def _in_force(
    tx: Tx, kind: str, instants: Sequence[int], known_at: int, among: Statement = store.IN_FORCE
) -> Iterator[tuple[int, RateSheet | None]]:
    """Give for each of some instants, which ascend, the sheet that holds, by what had been published at known_at.

    among: finds all that took effect from the sheet of the first instant on, or all that are needed of them.
    """
    if not instants:
        return
    rows = tx.all(among, kind=kind, since=instants[0], until=instants[-1], known_at=known_at)
    found = iter([RateSheet.of(row) for row in rows])
    holds, coming = None, next(found, None)
    for instant in instants:
        while coming is not None and coming.effective_from <= instant:
            holds, coming = coming, next(found, None)
        yield instant, holds


def sheet_at(tx: Tx, kind: str, instant: int, known_at: int) -> RateSheet | None:
    """Give the sheet that holds at an instant, or None before the first one."""
    return next(sheet for _, sheet in _in_force(tx, kind, [instant], known_at))


def sheets_on(
    tx: Tx, kind: str, days: Sequence[date], now: int, known_at: int | None = None
) -> Iterator[tuple[date, RateSheet | None]]:
    """Give for each of some days the sheet that holds: at the end of past days, and now for today.

    Args:
        tx: where to read.
        kind: DEPOSIT, LOAN or FX.
        days: ascending, none after today.
        now: bank time, epoch milliseconds.
        known_at: what was published later does not count; now unless told.
    """
    instants = [_end(day, now) for day in days]
    among = store.LAST_OF_DAYS if len(instants) > 1 else store.IN_FORCE
    sheets = _in_force(tx, kind, instants, now if known_at is None else known_at, among)
    return ((day, sheet) for day, (_, sheet) in zip(days, sheets, strict=True))


def sheet_on(tx: Tx, kind: str, day: date, now: int, known_at: int | None = None) -> RateSheet | None:
    """Give the sheet that holds on a day, or None before the first one; arguments as of `sheets_on`."""
    return next(sheet for _, sheet in sheets_on(tx, kind, [day], now, known_at))


def _end(day: date, now: int) -> int:
    """The moment that a day stands for: its end, or now while it lasts."""
    return min(now, clock.start_of_day(day) + clock.DAY - 1)


def first_day(tx: Tx, kind: str) -> date | None:
    """Give the day on which the first sheet of a kind took effect."""
    row = tx.one(store.FIRST, kind=kind)
    return None if row is None else clock.bank_date(row["effective_from"])


def refuse_unknown(sheet: RateSheet | None, name: str, value: str | None, message: str) -> None:
    """Refuse what no row of a sheet has, rather than answer with nothing.

    Raises:
        Problem: FIELD_INVALID at that parameter of the query.
    """
    if sheet is not None and value is not None and not sheet.has(name, value):
        raise _refused("query", name, message)


def rows_on(sheet: RateSheet | None, day: date, **wanted: str | None) -> list[str]:
    """Give rows of a sheet as JSON texts, with what they say of that day only; none where there is no sheet."""
    if sheet is None:
        return []
    tail = json_text(_tail(sheet, day))[1:]
    return sheet.rows(**wanted) if tail == "}" else [f"{row[:-1]},{tail}" for row in sheet.rows(**wanted)]


def _tail(sheet: RateSheet, day: date) -> dict[str, Any]:
    if sheet.kind == "DEPOSIT":
        return {}
    carried = {"is_carried_forward": sheet.is_carried_forward(day)}
    return carried if sheet.kind == "LOAN" else {"date": day.isoformat(), **carried}


def changed_at(sheet: RateSheet | None, day: date) -> int:
    """Tell since when an answer about a day reads as it does: since its sheet counts, or since the day began."""
    return 0 if sheet is None else max(sheet.holds_from, clock.start_of_day(day))


def page(
    tx: Tx, kind: str | None, known_at: int, after: tuple[int, str] | None, count: int, *, rows: bool = False
) -> list[tuple[str, int, str]]:
    """Give (JSON text, published_at, kind) of published sheets, the latest first, after a place in that order."""
    published_at, after_kind = after or (_LATEST, "")
    found = tx.all(
        store.PAGE_WITH_ROWS if rows else store.PAGE,
        known_at=known_at,
        kind=kind or "",
        published_at=min(max(published_at, -_LATEST), _LATEST),
        after_kind=after_kind,
        count=count,
    )
    return [(_text(row, rows=rows), row["published_at"], row["kind"]) for row in found]


def holding(tx: Tx, kind: str | None, moment: Moment, query: Mapping[str, Any], *, rows: bool) -> list[str]:
    """Give the JSON texts of the sheets that hold at a moment, one of each kind that is asked for.

    Raises:
        Problem: FIELD_INVALID, it is before the first sheet.
    """
    sheets = [sheet_at(tx, each, moment.instant, moment.known_at) for each in ([kind] if kind else KINDS)]
    found = sorted((sheet for sheet in sheets if sheet), key=lambda sheet: (-sheet.published_at, sheet.kind))
    if not found:
        refuse_before_the_first(tx, kind or KINDS[0], moment.known_at, query, ("as_of",))
    shown = (tx.one(store.FIND, rate_sheet_id=sheet.rate_sheet_id, known_at=moment.known_at) for sheet in found)
    return [_text(row, rows=rows) for row in shown if row is not None]


def last_published_at(tx: Tx, kind: str | None, known_at: int) -> int:
    """Tell when a sheet was last published, 0 for never."""
    row = tx.one(store.LAST_PUBLISHED, kind=kind or "", known_at=known_at)
    return 0 if row is None else row["published_at"] or 0


def find(tx: Tx, rate_sheet_id: str, now: int) -> tuple[RateSheet, str, int]:
    """Give a published sheet, its JSON text with all its rows, and when that text last changed.

    Raises:
        Problem: NOT_FOUND.
    """
    row = tx.one(store.FIND, rate_sheet_id=rate_sheet_id, known_at=now)
    if row is None:
        raise Problem("NOT_FOUND")
    changes = (row["published_at"], row["ended_at"], row["corrected_at"])
    return RateSheet.of(row), _text(row, rows=True), max(at for at in changes if at is not None)


def _text(row: Row, *, rows: bool) -> str:
    """The JSON text of a sheet, with what has become of it and, where wanted, its rows as on its first day."""
    tail = {
        "effective_to": row["effective_to"] and clock.to_wire(row["effective_to"]),
        "corrected_by": row["corrected_by"],
    }
    text = with_tail(row["wire"], {name: value for name, value in tail.items() if value is not None})
    if not rows:
        return text
    sheet = RateSheet.of(row)
    lines = rows_on(sheet, clock.bank_date(sheet.effective_from))
    return f'{text[:-1]},"{ROW_MEMBERS[sheet.kind]}":[{",".join(lines)}]}}'


def announce(bank: Bank, act: Due) -> None:
    """Tell every app of a world that a sheet now holds, and wait for the next one.

    The note of this act goes in the same transaction, so that an act that is done again finds nothing to do.
    """
    with bank.db.act(act.world.world_id) as tx:
        if not due.cancel(tx, act.world, following.CHANGED, act.subject):
            return
        row = tx.one(store.FIND, rate_sheet_id=act.subject, known_at=act.at)
        if row is None:
            return
        sheet = RateSheet.of(row)
        data = {"rate_sheet_id": sheet.rate_sheet_id, "kind": sheet.kind, "version": sheet.sequence}
        for app_id in partners.app_ids_of_world(tx, act.world.world_id):
            events.record(bank, tx, act.world, app_id, "rate.changed", data, act.at)
        following.follow(tx, act.world, sheet.holds_from, sheet.rate_sheet_id)


def tell_again(bank: Bank, world: World, app_id: str, rate_sheet_id: str | None, now: int) -> None:
    """Tell an app once more that a published sheet holds; without an identifier the one that was published last.

    Raises:
        Problem: NOT_FOUND.
    """
    with bank.db.act(world.world_id) as tx:
        if rate_sheet_id is None:
            latest = page(tx, None, now, None, 1)
            if not latest:
                raise Problem("NOT_FOUND", "No sheet has been published by now.")
            rate_sheet_id = str(json.loads(latest[0][0])["rate_sheet_id"])
        row = tx.one(store.FIND, rate_sheet_id=rate_sheet_id, known_at=now)
        if row is None:
            raise Problem("NOT_FOUND")
        sheet = RateSheet.of(row)
        data = {"rate_sheet_id": sheet.rate_sheet_id, "kind": sheet.kind, "version": sheet.sequence}
        events.record(bank, tx, world, app_id, "rate.changed", data, now)


DUE_HANDLERS = {following.CHANGED: announce}
