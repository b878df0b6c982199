"""Which sheet holds when, and what its rows say of a day. The one place where that is decided.

`sheets_on` is the only way to a sheet by time: today, a past day and a range of days are answered by the same lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.contract import Fault, Part
from openteller_sandbox.db import Tx
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.http.answers import with_tail
from openteller_sandbox.partners import service as partners
from openteller_sandbox.rates import following, store
from openteller_sandbox.rates.model import ROW_MEMBERS, RateSheet

_LATEST = 2**62


def day_asked(day: date | None, now: int, part: Part, where: str) -> date:
    """Give the day that a request is about: the one that it names, or today.

    Raises:
        Problem: FIELD_INVALID, the day is still to come; the fault is at `where` in that part of the request.
    """
    today = clock.bank_date(now)
    if day is not None and day > today:
        fault = Fault(part, where, "FIELD_INVALID", "Must not be after today.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    return day or today


def sheets_on(tx: Tx, kind: str, days: Sequence[date], now: int) -> Iterator[tuple[date, RateSheet | None]]:
    """Give for each of some days the sheet that holds: at the end of past days, and now for today.

    Args:
        tx: where to read.
        kind: DEPOSIT, LOAN or FX.
        days: ascending, none after today.
        now: bank time, epoch milliseconds.
    """
    instants = [_instant(day, now) for day in days]
    if not instants:
        return
    found = iter(
        [RateSheet.of(row) for row in tx.all(store.IN_FORCE, kind=kind, since=instants[0], until=instants[-1])]
    )
    holds, following_sheet = None, next(found, None)
    for day, instant in zip(days, instants, strict=True):
        while following_sheet is not None and following_sheet.effective_from <= instant:
            holds, following_sheet = following_sheet, next(found, None)
        yield day, holds


def sheet_on(tx: Tx, kind: str, day: date, now: int) -> RateSheet | None:
    """Give the sheet that holds on a day, or None before the first one."""
    return next(sheet for _, sheet in sheets_on(tx, kind, [day], now))


def _instant(day: date, now: int) -> int:
    """The moment that a day stands for: its end, or now while it lasts."""
    return min(now, clock.start_of_day(day) + clock.DAY - 1)


def first_day(tx: Tx, kind: str) -> date | None:
    """Give the day on which the first sheet of a kind took effect."""
    row = tx.one(store.FIRST, kind=kind)
    return None if row is None or row["effective_from"] is None else clock.bank_date(row["effective_from"])


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
    """Tell since when an answer about a day reads as it does: since its sheet, or since the day began."""
    return 0 if sheet is None else max(sheet.effective_from, clock.start_of_day(day))


def page(tx: Tx, kind: str | None, now: int, after: tuple[int, str] | None, count: int) -> list[tuple[str, int, str]]:
    """Give (JSON text, published_at, kind) of published sheets, the latest first, after a place in that order."""
    published_at, after_kind = after or (_LATEST, "")
    rows = tx.all(
        store.PAGE,
        now=now,
        kind=kind or "",
        published_at=min(max(published_at, -_LATEST), _LATEST),
        after_kind=after_kind,
        count=count,
    )
    return [(_with_end(row["wire"], row["effective_to"]), row["published_at"], row["kind"]) for row in rows]


def last_published_at(tx: Tx, kind: str | None, now: int) -> int:
    """Tell when a sheet was last published, 0 for never."""
    row = tx.one(store.LAST_PUBLISHED, kind=kind or "", now=now)
    return 0 if row is None else row["published_at"] or 0


def find(tx: Tx, rate_sheet_id: str, now: int) -> tuple[RateSheet, str, int]:
    """Give a published sheet, its JSON text with all its rows, and when that text last changed.

    Raises:
        Problem: NOT_FOUND.
    """
    row = tx.one(store.FIND, rate_sheet_id=rate_sheet_id, now=now)
    if row is None:
        raise Problem("NOT_FOUND")
    sheet = RateSheet.of(row)
    rows = rows_on(sheet, clock.bank_date(sheet.effective_from))
    text = f'{_with_end(sheet.wire, row["effective_to"])[:-1]},"{ROW_MEMBERS[sheet.kind]}":[{",".join(rows)}]}}'
    return sheet, text, row["ended_at"] or sheet.published_at


def _with_end(wire: str, effective_to: int | None) -> str:
    return wire if effective_to is None else with_tail(wire, {"effective_to": clock.to_wire(effective_to)})


def announce(bank: Bank, act: Due) -> None:
    """Tell every app of a world that a sheet now holds, and wait for the next one.

    The note of this act goes in the same transaction, so that an act that is done again finds nothing to do.
    """
    with bank.db.act(act.world.world_id) as tx:
        if not due.cancel(tx, act.world, following.CHANGED, act.subject):
            return
        row = tx.one(store.FIND, rate_sheet_id=act.subject, now=act.at)
        if row is None:
            return
        sheet = RateSheet.of(row)
        data = {"rate_sheet_id": sheet.rate_sheet_id, "kind": sheet.kind, "version": sheet.sequence}
        for app_id in partners.app_ids_of_world(tx, act.world.world_id):
            events.record(bank, tx, act.world, app_id, "rate.changed", data, act.at)
        following.follow(tx, act.world, sheet.effective_from, sheet.rate_sheet_id)


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
        row = tx.one(store.FIND, rate_sheet_id=rate_sheet_id, now=now)
        if row is None:
            raise Problem("NOT_FOUND")
        sheet = RateSheet.of(row)
        data = {"rate_sheet_id": sheet.rate_sheet_id, "kind": sheet.kind, "version": sheet.sequence}
        events.record(bank, tx, world, app_id, "rate.changed", data, now)


DUE_HANDLERS = {following.CHANGED: announce}
