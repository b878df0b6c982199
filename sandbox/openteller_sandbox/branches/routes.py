"""``/v1/branches`` and ``/v1/atms``."""

from __future__ import annotations

from openteller_sandbox.branches import service
from openteller_sandbox.branches.nearest import parse_point
from openteller_sandbox.branches.schemas import AtmQuery, BranchQuery
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters
from openteller_sandbox.contract import Fault
from openteller_sandbox.http import Answer, Call, Problem, Routes, open_answer, page
from openteller_sandbox.http.answers import decode_cursor, encode_cursor

routes = Routes()


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
    query = call.query
    if "radius_m" in query and "near" not in query:
        fault = Fault("query", "radius_m", "FIELD_INVALID", "Needs near: the radius is around that position.")
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    return Filters(
        near=parse_point(query["near"]) if "near" in query else None,
        **{name: query[name] for name in ("radius_m", "city", "q", "service", "open_now") if name in query},
    )
