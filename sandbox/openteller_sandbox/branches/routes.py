"""``/v1/branches`` and ``/v1/atms``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.branches import changes, datum, service, shapes, tickets
from openteller_sandbox.branches.nearest import Window, parse_point, parse_window
from openteller_sandbox.branches.schemas import AtmQuery, BranchQuery, OneAtmQuery, OneBranchQuery, TicketCreateSchema
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters
from openteller_sandbox.contract import Fault
from openteller_sandbox.db import Database
from openteller_sandbox.http import (
    Answer,
    Call,
    Later,
    Pieces,
    Problem,
    Routes,
    Turn,
    idempotency,
    open_answer,
    page,
)
from openteller_sandbox.http.answers import CSV, GEO_JSON, JSON, STREAMS, decode_cursor, encode_cursor

routes = Routes()
_BESIDE_CHANGES = frozenset({"changed_since", "crs", "after", "limit"})

_AS_THEY_ARE = (
    "radius_m",
    "adcode",
    "city",
    "q",
    "service",
    "accessibility",
    "segment",
    "type",
    "serving",
    "open_now",
    "open_at",
)
_FIRST_INSTANT, _LAST_INSTANT = clock.start_of_day(date(2000, 1, 1)), clock.start_of_day(date(2100, 1, 1))


@routes.operation("listBranches", query=BranchQuery)
def list_branches(call: Call) -> Answer | Later[None]:
    """List branches, the nearest first or by code."""
    return _list(call, BRANCHES)


@routes.operation("getBranch", query=OneBranchQuery)
def get_branch(call: Call) -> Answer:
    """Read one branch."""
    return _get(call, BRANCHES, call.path["branch_id"])


@routes.operation("createTicket", body=TicketCreateSchema)
def create_ticket(call: Call) -> Answer:
    """Draw a number in the line of a branch."""
    bank, caller = call.bank, call.caller
    branch = service.branch_to_wait_at(bank.db, call.path["branch_id"])
    seed = service.seed_of(bank.db, caller.world)
    with bank.db.act(caller.world.world_id) as tx:

        def keep() -> tuple[Answer, str]:
            ticket_id, wire = tickets.draw(bank, tx, caller, branch, call.body, seed, call.now)
            return Answer(wire.encode(), 201, {"Location": f"/v1/tickets/{ticket_id}"}), ticket_id

        return idempotency.once(call, tx, keep)


@routes.operation("getTicket")
def get_ticket(call: Call) -> Answer:
    """Read a ticket as it stands."""
    seed = service.seed_of(call.bank.db, call.caller.world)
    return Answer(
        tickets.read(call.bank, call.bank.db.read(), call.caller, call.path["ticket_id"], seed, call.now).encode()
    )


@routes.operation("cancelTicket")
def cancel_ticket(call: Call) -> Answer:
    """Give a number back."""
    seed = service.seed_of(call.bank.db, call.caller.world)
    with call.bank.db.act(call.caller.world.world_id) as tx:
        wire = tickets.cancel(call.bank, tx, call.caller, call.path["ticket_id"], seed, call.now)
    return Answer(wire.encode())


@routes.operation("listAtms", query=AtmQuery)
def list_atms(call: Call) -> Answer | Later[None]:
    """List ATMs, the nearest first or by code."""
    return _list(call, ATMS)


@routes.operation("getAtm", query=OneAtmQuery)
def get_atm(call: Call) -> Answer:
    """Read one ATM."""
    return _get(call, ATMS, call.path["atm_id"])


def _list(call: Call, places: service.Places) -> Answer | Later[None]:
    _check_shape(call)
    if "changed_since" in call.query:
        return _changes(call, places)
    filters = _filters(call)
    last = decode_cursor(call, int, str)
    after = None if last is None else (last[0], last[1])
    database, limit = call.bank.db, call.limit
    directory = _directory(call, places)
    if (filters.near or filters.bbox) and not directory.has_positions:  # by then there may be other places
        return Later(lambda: _find_positions(database, directory), lambda _: _list(call, places), Turn.COMPUTING)

    seed = _seed(call, places)

    def make() -> Answer:
        if call.media_type in STREAMS:
            return _stream(call, directory, filters, seed)
        rows = service.find(database, directory, filters, now=call.now, count=limit + 1, after=after, seed=seed)
        more = encode_cursor(call, rows[limit - 1][:2]) if len(rows) > limit else None
        shown = _in_datum(call, [row.wire for row in rows[:limit]])
        if call.media_type == GEO_JSON:
            return page(call, [*map(shapes.feature, shown)], more, begin=shapes.FEATURES_BEGIN, media_type=GEO_JSON)
        return page(call, shown, more)

    return open_answer(call, directory.version, make, per_minute=True, of=seed or 0)


def _find_positions(database: Database, directory: service.Directory) -> None:
    """Put the places in order, once for all who wait for it: of a million that takes seconds."""
    directory.positions(database.read())


def _changes(call: Call, places: service.Places) -> Answer:
    """Answer with what has changed, and with what is gone."""
    directory, since = _directory(call, places), call.query["changed_since"]
    faults = [Fault("query", name, "FIELD_INVALID", message) for name, message in _wrong_changes(call, directory)]
    if faults:
        raise Problem("FIELD_INVALID", "See errors[].", faults=faults)
    last = decode_cursor(call, int, int, int, str)
    at = None if last is None else changes.At(*last)
    seed = _seed(call, places)

    def make() -> Answer:
        found = changes.since(call.bank.db, directory, since, now=call.now, count=call.limit, at=at, seed=seed)
        thing = "branch" if places is BRANCHES else "atm"
        removed = [
            {f"{thing}_id": each.place_id, f"{thing}_code": each.code, "removed_at": clock.to_wire(each.gone_at)}
            for each in found.gone
        ]
        more = encode_cursor(call, found.more) if found.more else None
        # To the second, the next question would be told once more, and always, what the last import has changed.
        then = clock.to_wire_exactly(max(found.until, since))
        return page(call, _in_datum(call, found.rows), more, removed=removed, next_changed_since=then)

    return open_answer(call, directory.version, make, per_minute=True, of=seed or 0)


def _wrong_changes(call: Call, directory: service.Directory) -> Iterator[tuple[str, str]]:
    """Name what does not go with the question for changes, and say why."""
    if call.media_type != JSON:
        yield "changed_since", "Is answered in application/json only: no other has a place for what is gone."
    if call.query["changed_since"] > max(call.now, directory.version):
        yield "changed_since", "Is in the future of the bank's time."
    for name in call.sent_query:
        if name not in _BESIDE_CHANGES:
            yield name, "Does not go with changed_since: what fits a filter no longer would be missed."


def _get(call: Call, places: service.Places, place_id: str) -> Answer:
    _check_shape(call)
    directory = _directory(call, places)
    place = service.read(call.bank.db.read(), directory.places, place_id)
    seed = _seed(call, places)

    def make() -> Answer:
        (shown,) = _in_datum(call, [service.present(call.bank.db, directory, place, call.now, seed=seed)])
        if call.media_type == GEO_JSON:
            return Answer(shapes.feature(shown), media_type=GEO_JSON)
        return Answer(shown)

    return open_answer(call, place.changed_at, make, per_minute=True, of=seed or 0)


def _directory(call: Call, places: service.Places) -> service.Directory:
    return service.directory_of(call.bank.db, places, call.bank.settings.public_url)


def _seed(call: Call, places: service.Places) -> int | None:
    """Give what the lines of the caller's branches are drawn from; nobody stands in line at a machine."""
    return service.seed_of(call.bank.db, call.caller.world) if places is BRANCHES else None


def _crs(call: Call) -> str:
    return str(call.query.get("crs", datum.WGS84))


def _in_datum(call: Call, rows: list[bytes]) -> list[bytes]:
    crs = _crs(call)
    return rows if crs == datum.WGS84 else [shapes.in_datum(row, crs) for row in rows]


def _check_shape(call: Call) -> None:
    """Look whether what is asked for can be said in the shape that it is asked for in.

    Raises:
        Problem: FIELD_INVALID.
    """
    faults = []
    if call.media_type == GEO_JSON and _crs(call) != datum.WGS84:
        faults.append(Fault("query", "crs", "FIELD_INVALID", "GeoJSON is in WGS-84 always (RFC 7946, section 4)."))
    if call.media_type in STREAMS:
        faults += [
            Fault("query", name, "FIELD_INVALID", "Is for pages: an answer in this media type has every row.")
            for name in ("limit", "after")
            if name in call.sent_query
        ]
    if faults:
        raise Problem("FIELD_INVALID", "See errors[].", faults=faults)


def _stream(call: Call, directory: service.Directory, filters: Filters, seed: int | None) -> Answer:
    """Answer with every row, a few at a time."""
    database = call.bank.db
    pages = service.walk(database, directory, filters, now=call.now, seed=seed)
    pages = chain([next(pages, [])], pages)  # what cannot be asked for is refused before anything is answered
    rows = (_in_datum(call, [row.wire for row in each]) for each in pages)
    name = directory.places.kind
    if call.media_type == CSV:
        table, name = (shapes.BRANCH_TABLE if name == BRANCHES.kind else shapes.ATM_TABLE), f"{name}.csv"
        pieces = table.pieces(rows)
    else:
        pieces, name = (b"".join(b"%b\n" % row for row in each) for each in rows), f"{name}.ndjson"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Answer(b"", headers=headers, media_type=call.media_type, pieces=Pieces(pieces))


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
        near=datum.to_wgs84(parse_point(query["near"]), _crs(call)) if "near" in query else None,
        bbox=window,
        bbox_crs=_crs(call),
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
