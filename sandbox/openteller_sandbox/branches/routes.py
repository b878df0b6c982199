"""``/v1/branches`` and ``/v1/atms``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.branches import service
from openteller_sandbox.branches.nearest import Window, parse_point, parse_window
from openteller_sandbox.branches.schemas import AtmQuery, BranchQuery
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters
from openteller_sandbox.contract import Fault
from openteller_sandbox.http import Answer, Call, Problem, Routes, open_answer, page
from openteller_sandbox.http.answers import decode_cursor, encode_cursor

routes = Routes()

_AS_THEY_ARE = (
    "radius_m",
    "adcode",
    "city",
    "q",
    "service",
    "accessibility",
    "segment",
    "type",
    "open_now",
    "open_at",
)
_FIRST_INSTANT, _LAST_INSTANT = clock.start_of_day(date(2000, 1, 1)), clock.start_of_day(date(2100, 1, 1))


@routes.operation("listBranches", query=BranchQuery)
def list_branches(call: Call) -> Answer:
    """List branches, the nearest first or by code."""
    return _list(call, BRANCHES)


@routes.operation("getBranch")
def get_branch(call: Call) -> Answer:
    """Read one branch."""
    return _get(call, BRANCHES, call.path["branch_id"])


@routes.operation("listAtms", query=AtmQuery)
def list_atms(call: Call) -> Answer:
    """List ATMs, the nearest first or by code."""
    return _list(call, ATMS)


@routes.operation("getAtm")
def get_atm(call: Call) -> Answer:
    """Read one ATM."""
    return _get(call, ATMS, call.path["atm_id"])


def _list(call: Call, places: service.Places) -> Answer:
    filters = _filters(call)
    last = decode_cursor(call, int, str)
    after = None if last is None else (last[0], last[1])
    database, limit = call.bank.db, call.limit
    directory = service.directory_of(database, places)

    def make() -> Answer:
        rows = service.find(database, directory, filters, now=call.now, count=limit + 1, after=after)
        more = encode_cursor(call, rows[limit - 1][:2]) if len(rows) > limit else None
        return page(call, [row.wire for row in rows[:limit]], more)

    return open_answer(call, directory.version, make, per_minute=True)


def _get(call: Call, places: service.Places, place_id: str) -> Answer:
    place = service.read(call.bank.db.read(), service.directory_of(call.bank.db, places).places, place_id)

    def make() -> Answer:
        return Answer(service.present(call.bank.db, place, call.now))

    return open_answer(call, place.changed_at, make, per_minute=True)


def _filters(call: Call) -> Filters:
    """Read what is asked for.

    Raises:
        Problem: FIELD_INVALID, what does not go together, or is asked for the wrong way round.
    """
    query = call.query
    window = parse_window(query["bbox"]) if "bbox" in query else None
    faults = [Fault("query", name, "FIELD_INVALID", message) for name, message in _wrong(query, window)]
    if faults:
        raise Problem("FIELD_INVALID", "See errors[].", faults=faults)
    return Filters(
        near=parse_point(query["near"]) if "near" in query else None,
        bbox=window,
        **{name: query[name] for name in _AS_THEY_ARE if name in query},
    )


def _wrong(query: Mapping[str, Any], window: Window | None) -> Iterator[tuple[str, str]]:
    """Name the parameters that cannot be with the others, and say why."""
    if "radius_m" in query and "near" not in query:
        yield "radius_m", "Needs near: the radius is around that position."
    if window is not None and (window.south >= window.north or window.west == window.east):
        yield "bbox", "Has no area: it is west,south,east,north, and south is less than north."
    if "adcode" in query and "city" in query:
        yield "adcode", "Say where with city or with adcode, not with both."
    if "open_at" in query and query.get("open_now"):
        yield "open_at", "Ask for what is open now or at another time, not for both."
    if "open_at" in query and not _FIRST_INSTANT <= query["open_at"] < _LAST_INSTANT:
        yield "open_at", "Must be an instant of the years 2000 to 2099."
