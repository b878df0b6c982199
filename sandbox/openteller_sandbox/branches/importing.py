"""Loading branches, ATMs and working days: each record checked, and stored as it goes out with what it is found by."""

from __future__ import annotations

import marshal
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from openteller_sandbox import clock
from openteller_sandbox.branches import opening_hours, place_sets, search, spoken, store
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import Tx
from openteller_sandbox.seeding import SeedError, records

_SERVING = frozenset({"OPEN", "IN_SERVICE", "CASH_OUT"})
_REFERENCES = ("branch_id", "parent_branch_id", "moved_to")
_city_key = lru_cache(1024)(search.city_key)


class Place(NamedTuple):
    """A record with its line of the seed, and what it is called by those who type no Chinese."""

    place_id: str
    code: str
    record: Mapping[str, Any]
    line: str
    called: Mapping[str, Any]


def load(tx: Tx, contract: Contract, folder: Path) -> None:
    """Check and store ``branches``, ``atms``, ``search_terms`` and ``workdays``.

    Raises:
        SeedError: a file is missing, a record does not fit, two have one identifier or code, or a branch is named that
            is not there.
    """
    called = {row["id"]: row for row, _ in records(contract, folder, "search_terms", None)}
    branches = _places(contract, folder, "branches", "branch", called)
    atms = _places(contract, folder, "atms", "atm", called)
    if called:
        raise SeedError(f"search_terms: {next(iter(called))} is no branch and no ATM")
    known = {place.place_id for place in branches}
    for tables, places in ((store.BRANCHES, branches), (store.ATMS, atms)):
        _check_references(places, known)
        _store(tx, tables, places)
    _load_workdays(tx, contract, folder)


def _places(contract: Contract, folder: Path, name: str, thing: str, called: dict[str, Any]) -> list[Place]:
    """Read a file in order of code; what is known about its places is taken out of ``called``."""
    places = [
        Place(record[f"{thing}_id"], record[f"{thing}_code"], record, line, called.pop(record[f"{thing}_id"], {}))
        for record, line in records(contract, folder, name, thing.capitalize())
    ]
    for field in ("place_id", "code"):
        if len({getattr(place, field) for place in places}) < len(places):
            raise SeedError(f"{name}: two records have the same {field.replace('place', thing)}")
    return sorted(places, key=lambda place: place.code)


def _check_references(places: Sequence[Place], known: Collection[str]) -> None:
    for place in places:
        for name in _REFERENCES:
            if name in place.record and place.record[name] not in known:
                raise SeedError(f"{place.place_id}: {name} names no branch")


def prepared(place: Place) -> tuple[dict[str, Any], list[tuple[str, str, str]]]:
    """Give the row of a place, with any number, and every set that it belongs to."""
    row = _row(0, place)
    return row, [*_keys(place, row["hours"]), *_words(place)]


def _store(tx: Tx, tables: store.Places, places: Sequence[Place]) -> None:
    sets: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    rows = [_row(number, place) for number, place in enumerate(places)]
    for place, row in zip(places, rows, strict=True):
        for key in chain(_keys(place, row["hours"]), _words(place)):
            sets[key].append(row["number"])
    tx.run_many(tables.INSERT, rows)
    tx.run_many(
        tables.INSERT_SET,
        [
            {"about": about, "value": value, "detail": detail, "members": place_sets.pack(sets[about, value, detail])}
            for about, value, detail in sorted(sets)
        ],
    )


def _row(number: int, place: Place) -> dict[str, Any]:
    record = place.record
    hours = _hours(place, record)  # also where nobody is served now: they must make sense when it opens again
    return {
        "number": number,
        "place_id": place.place_id,
        "code": place.code,
        "latitude": record["location"]["latitude"],
        "longitude": record["location"]["longitude"],
        "changed_at": clock.parse(record["last_updated"]),
        "hours": hours if record["status"] in _SERVING else None,
        "wire": place.line.encode(),
    }


def _keys(place: Place, hours: str | None) -> Iterator[tuple[str, str, str]]:
    """Give (about, value, detail) of every set that a place belongs to, but those of words; none twice."""
    record = place.record
    adcode = record["postal_address"].get("adcode", "")
    divisions = {adcode, f"{adcode[:4]}00", f"{adcode[:2]}0000"} if adcode else set()
    yield store.ALL, "", ""
    yield store.TYPE, record.get("branch_type") or record["location_category"], ""
    yield store.LENGTH, str(search.length_of(record["name"]["zh-CN"])), ""
    for help_ in dict.fromkeys(record["accessibility"]):
        yield store.ACCESSIBILITY, help_, ""
    for segment in dict.fromkeys(record.get("customer_segments", ())):
        yield store.SEGMENT, segment, ""
    for name in divisions.union(map(_city_key, place.called.get("cities", ()))):
        yield store.CITY, name, ""
    for code, own_hours in _services(place):
        yield store.SERVICE, code, ""
        if own_hours:
            yield store.HOURS, code, own_hours
    if hours is not None:
        yield store.HOURS, "", hours


def _words(place: Place) -> Iterator[tuple[str, str, str]]:
    """Give (about, value, detail) of the sets of the words that a place is called, and is found by."""
    record, called = place.record, place.called
    address = record["postal_address"]
    named = search.words_of("\n".join(record["name"].values()))
    lines = [*address["address_lines"], address["town_name"], called.get("terms", "")]
    others = (search.words_of("\n".join(lines)) | called.get("spoken", set())) - named
    named |= spoken.in_name(record["name"]["zh-CN"], called.get("cities", ()), others)
    for word in named:
        yield store.NAMED, word, ""
    for word in others - named:
        yield store.WORD, word, ""


def _services(place: Place) -> Iterator[tuple[str, str]]:
    """Give each service with its own hours, if it has any."""
    for code in place.record.get("atm_services", ()):
        yield code, ""
    for offer in place.record.get("services", ()):
        yield offer["code"], _hours(place, offer) if "availability" in offer else ""


def _hours(place: Place, offer: Mapping[str, Any]) -> str:
    """Write the hours of a place, or of one of its services, compact."""
    # Many places have the same hours: they are written once. Of the ways to turn nested values into a key marshal is
    # the fastest, and its version 1 gives equal ones the same.
    key = marshal.dumps(offer["availability"], 1)
    try:
        return _compact(key, place.record["timezone"])
    except ValueError as error:
        raise SeedError(f"{place.place_id}: {error}") from error


@lru_cache(1024)
def _compact(availability: bytes, timezone: str) -> str:
    return opening_hours.compact(marshal.loads(availability), timezone)  # noqa: S302 - written by the line above


def _load_workdays(tx: Tx, contract: Contract, folder: Path) -> None:
    rows: dict[str, dict[str, Any]] = {}
    for number, (record, _) in enumerate(records(contract, folder, "workdays", None), 1):
        try:
            day = date.fromisoformat(record["date"]).isoformat()
            rows[day] = {"day": day, "is_working": not record["off"], "holiday": record["holiday"]}
        except (KeyError, TypeError, ValueError) as error:
            raise SeedError(f"workdays, line {number}: needs date, holiday and off") from error
    tx.run_many(store.INSERT_WORKDAY, rows.values())
