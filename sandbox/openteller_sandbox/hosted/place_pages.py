"""A page for people of each branch and each cash machine: whether it is open, its week, what it does, what is near; and
a page to find them.

Open data in bank time of the sandbox; nobody signs in. What a page says is what a program is told.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b
from itertools import groupby
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from openteller_sandbox import clock
from openteller_sandbox.bank import ANONYMOUS, PUBLIC_WORLD, Bank
from openteller_sandbox.branches import service as branches
from openteller_sandbox.branches.service import ATMS, BRANCHES, Day, Filters, Found, Places, Point
from openteller_sandbox.hosted import maps
from openteller_sandbox.hosted.maps import Neighbour
from openteller_sandbox.hosted.rendering import asked_locale, render
from openteller_sandbox.hosted.texts import Translate, code_name, language_name, translator
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api

_IDENTIFIER = re.compile("(?:brn|atm)_[0-9a-z]{1,44}")
_DEGREES = r"(-?[0-9]{1,3}(?:\.[0-9]{1,7})?)(?:(?<=\.[0-9]{7})[0-9]+)?"
_POSITION = re.compile(f" *{_DEGREES} *[,，] *{_DEGREES} *")
"""Latitude and longitude as people type and copy them; what is finer than a centimetre or so is left off."""
_AFTER = re.compile(r"([0-9]{1,6})-([0-9]{1,12})-([0-9A-Za-z][0-9A-Za-z._-]{0,34})")
"""How many rows have been shown, and rank and code of the last of them."""
_MOST_NORTH, _MOST_EAST = 90, 180
_MOST_LETTERS = 64
_YES_OR_NO = ("", "false", "true")
_SHOWN = 20
_DAYS = 7
_AROUND_M = 50_000
_EACH = 4
"""So many branches and so many machines are shown around a place."""
_SERVING = frozenset({"OPEN", "IN_SERVICE", "CASH_OUT"})
_SAME_PLACE_M = 5
_TELEPHONE = re.compile(r"\+?[0-9][0-9 ()-]{2,30}")
_MAX_AGE_S = 60
_JOINING = "\u200c\u200d"
"""What nobody sees, but words of some scripts and pictures need."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Reader:
    """What a page depends on beside the place."""

    bank: Bank
    locale: str
    t: Translate
    now: int


def add_place_pages(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the pages."""

    @pages.get("/branches")
    def some_branches() -> Response:
        api.count(ANONYMOUS)
        return _found_page(bank, BRANCHES)

    @pages.get("/atms")
    def some_atms() -> Response:
        api.count(ANONYMOUS)
        return _found_page(bank, ATMS)

    @pages.get("/branches/<branch_id>")
    def one_branch(branch_id: str) -> Response:
        api.count(ANONYMOUS)
        return _page(bank, BRANCHES, branch_id)

    @pages.get("/atms/<atm_id>")
    def one_atm(atm_id: str) -> Response:
        api.count(ANONYMOUS)
        return _page(bank, ATMS, atm_id)


def _found_page(bank: Bank, places: Places) -> Response:
    """Look for places by words, from a position where one is given: the form alone to whoever asks for nothing."""
    locale = asked_locale("zh-CN")
    reader = _Reader(bank, locale, translator(locale), bank.now())
    typed = {name: request.args.get(name, "") for name in ("q", "near", "open_now", "after")}
    near = _position(typed["near"])
    wrong = "near" if typed["near"] and near is None else _wrong(typed)
    typed["near"] = near or ""
    found: list[Row] | None = None
    if wrong is None and (typed["q"] or typed["near"]):
        try:
            found = _search(reader, places, typed)
        except Problem as problem:
            if problem.code != "FIELD_INVALID":
                raise
            wrong = problem.faults[0].where  # q without a word, or near the wrong way round
    if wrong in {"near", "open_now"}:
        typed[wrong] = ""  # nobody sees these in the form: they would be wrong again with the next words
    shown = _shown_before(typed)
    values = {
        "kind": places.kind,
        "typed": typed,
        "wrong": wrong,
        "begin": shown + 1,
        "found": found[:_SHOWN] if found is not None else None,
        "more": _more(found, shown),
    }
    return render("places.html", locale, values, 422 if wrong else 200)


def _wrong(typed: Mapping[str, str]) -> str | None:
    """Name what is no question, but for a position."""
    if typed["after"] and not _AFTER.fullmatch(typed["after"]):
        return "after"
    if typed["open_now"] not in _YES_OR_NO:
        return "open_now"
    q = typed["q"]
    nothing = "q" in request.args and not (q or typed["near"])
    return "q" if nothing or len(q) > _MOST_LETTERS or not q.isprintable() else None


def _position(typed: str) -> str | None:
    """Give a position as the bank writes it; None where it is none."""
    found = _POSITION.fullmatch(typed)
    if found is None or abs(float(found[1])) > _MOST_NORTH or abs(float(found[2])) > _MOST_EAST:
        return None
    return f"{found[1]},{found[2]}"


def _shown_before(typed: Mapping[str, str]) -> int:
    """Give how many rows came before this page."""
    found = _AFTER.fullmatch(typed["after"])
    return int(found[1]) if found else 0


def _more(found: list[Row] | None, shown: int) -> str | None:
    """Give what the next page comes after; None where there is none."""
    if not found or len(found) <= _SHOWN:
        return None
    return f"{shown + _SHOWN}-{found[_SHOWN - 1]['after']}"


def _search(reader: _Reader, places: Places, typed: Mapping[str, str]) -> list[Row]:
    db = reader.bank.db
    near = Point(*map(float, typed["near"].split(","))) if typed["near"] else None
    # Who asks for one by its name is told that it has moved; who asks for what is near wants to be served.
    q, is_open = typed["q"] or None, typed["open_now"] == "true"
    filters = Filters(near=near, q=q, serving=q is None, open_now=is_open)
    directory = branches.directory_of(db, places, reader.bank.settings.public_url)
    last = _AFTER.fullmatch(typed["after"])
    after = (int(last[2]), last[3]) if last else None
    rows = branches.find(db, directory, filters, now=reader.now, count=_SHOWN + 1, after=after)
    return [_in_list(reader, places, row) for row in rows]


def _in_list(reader: _Reader, places: Places, found: Found) -> Row:
    row = json.loads(found.wire)
    state = reader.t("place_open" if row["open_now"] else "place_closed")
    return {
        "after": f"{found.rank}-{found.code}",
        "path": branches.page_path(places, row["atm_id" if places is ATMS else "branch_id"]),
        "name": row["name"][reader.locale],
        "address": " ".join(row["postal_address"]["address_lines"]),
        "distance": _length(row["distance_m"], reader.locale) if "distance_m" in row else None,
        "state": _trouble(reader, row) or state,
    }


def _page(bank: Bank, places: Places, place_id: str) -> Response:
    locale = asked_locale("zh-CN")
    reader = _Reader(bank, locale, translator(locale), bank.now())
    row = _find(reader, places, place_id)
    if row is None:
        read_now = branches.directory_of(bank.db, places).places
        if _IDENTIFIER.fullmatch(place_id) and branches.is_gone(bank.db.read(), read_now, place_id):
            return render("place_gone.html", locale, {}, 410)
        raise Problem("NOT_FOUND")
    return _kept(render("whereabouts.html", locale, _values(reader, places, row)))


def _kept(response: Response) -> Response:
    """Let caches keep a page for a while, and whoever has it ask whether it is still the same."""
    tag = blake2b(response.get_data(), digest_size=12).hexdigest()
    response.set_etag(tag)
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE_S}"
    response.headers["Vary"] = "Accept-Language"
    if request.if_none_match.contains_weak(tag):
        response.status_code = 304
        response.set_data(b"")
        del response.headers["Content-Length"], response.headers["Content-Type"]
    return response


def _find(reader: _Reader, places: Places, place_id: str) -> Row | None:
    """Read a place as anybody is told of it; None where there is none."""
    if not _IDENTIFIER.fullmatch(place_id):
        return None
    bank = reader.bank
    directory = branches.directory_of(bank.db, places, bank.settings.public_url)
    try:
        place = branches.read(bank.db.read(), directory.places, place_id)
    except Problem as problem:
        if problem.code != "NOT_FOUND":
            raise
        return None
    seed = branches.seed_of(bank.db, PUBLIC_WORLD) if places is BRANCHES else None
    return dict(json.loads(branches.present(bank.db, directory, place, reader.now, seed=seed)))


def _values(reader: _Reader, places: Places, row: Row) -> dict[str, Any]:
    is_branch = places is BRANCHES
    serves = row["status"] in _SERVING
    days = branches.days_of(reader.bank.db, row, reader.now, _DAYS) if serves else []
    neighbours = _neighbours(reader, row)
    return {
        "row": row,
        "is_branch": is_branch,
        "place_name": row["name"][reader.locale],
        "title": _line(row["name"][reader.locale]),
        "latitude": _degrees(row["location"]["latitude"]),
        "longitude": _degrees(row["location"]["longitude"]),
        "serves": serves,
        "trouble": _trouble(reader, row),
        "successor": _other(reader, row.get("moved_to")),
        "parent": None if is_branch else _other(reader, row.get("branch_id")),
        "until": _until(reader, row),
        "always": bool(days) and all(day.hours == ((0, 1440),) for day in days),
        "days": [_told(reader, row, day) for day in days],
        "services": _services(reader, row, serves=serves),
        "kind": _named(reader, "kind", row["branch_type" if is_branch else "location_category"]),
        "segments": [_named(reader, "segment", code) for code in row.get("customer_segments", ())],
        "accessibility": [_named(reader, "accessibility", code) for code in row["accessibility"]],
        "languages": [language_name(tag, reader.t) for tag in row.get("supported_languages", ())],
        "contacts": [_contact(reader, contact) for contact in row.get("contacts", ())],
        "neighbours": neighbours,
        "sketch": maps.draw([each["at"] for each in neighbours]) if neighbours else None,
        "length": lambda metres: _length(metres, reader.locale),
        "bank_url": reader.bank.settings.public_url,
        "bank_zone": clock.BANK_ZONE.key,
        "as_of": reader.now,
        "description": _description(reader, row, days),
    }


def _named(reader: _Reader, kind: str, code: str) -> str:
    return code_name(kind, code, reader.t)


def _trouble(reader: _Reader, row: Row) -> str | None:
    """Say what is out of the ordinary with a place."""
    status = row["status"]
    if status in {"OPEN", "IN_SERVICE"}:
        return None
    told = _named(reader, "place_status", status)
    return told if told != status else f"{reader.t('place_status.other')} {status}"


def _other(reader: _Reader, branch_id: str | None) -> Row | None:
    """Give a branch that a record names; an import may have taken it away."""
    return _find(reader, BRANCHES, branch_id) if branch_id else None


def _until(reader: _Reader, row: Row) -> str | None:
    """Say when it opens or closes next, in the place's own time."""
    if "next_change_at" not in row:
        return None
    zone = ZoneInfo(row["timezone"])
    then = clock.to_datetime(clock.parse(row["next_change_at"])).astimezone(zone)
    today = clock.to_datetime(reader.now).astimezone(zone).date()
    time = f"{then:%H:%M}"
    match (then.date() - today).days:
        case 0:
            return time
        case 1:
            return f"{reader.t('place_tomorrow')} {time}"
    return f"{_day_name(reader, then.date())} {time}"


def _day_name(reader: _Reader, day: date) -> str:
    weekday = reader.t(f"weekday.{day.weekday()}")
    return f"{day.month}月{day.day}日 {weekday}" if reader.locale == "zh-CN" else f"{weekday} {day.day} {day:%b}"


def _told(reader: _Reader, row: Row, day: Day) -> Row:
    return {
        "day": day.day,
        "name": _day_name(reader, day.day),
        "hours": _hours(reader, day) or reader.t("place_shut"),
        "notes": list(_notes(reader, row, day)),
    }


def _hours(reader: _Reader, day: Day) -> str:
    if day.hours == ((0, 1440),):
        return reader.t("place_always")
    return ", ".join(f"{_time(opens)}–{_time(closes)}" for opens, closes in day.hours)


def _time(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _notes(reader: _Reader, row: Row, day: Day) -> Iterator[str]:
    """Say why a day is not as its weekday: a special entry decides alone, else the calendar does."""
    text = day.day.isoformat()
    entries = row["availability"]["special"]
    special = next((each for each in entries if each["start_date"] <= text <= each["end_date"]), None)
    if special and "name" in special:
        yield special["name"][reader.locale]
    if day.exception is not None:
        yield reader.t("place_make_up" if day.exception else "place_holiday")
    if not day.certain:
        yield reader.t("place_uncertain")


def _services(reader: _Reader, row: Row, *, serves: bool) -> list[Row]:
    """Name what can be done there; with its hours where a service has its own and the place serves at all."""
    if "atm_services" in row:
        return [{"name": _named(reader, "service", code), "hours": []} for code in row["atm_services"]]
    found = [
        {
            "name": _named(reader, "service", offer["code"]),
            "hours": _service_hours(reader, row, offer) if serves and "availability" in offer else [],
        }
        for offer in row["services"]
    ]
    return found + [{"name": each["name"][reader.locale], "hours": []} for each in row["other_services"]]


def _service_hours(reader: _Reader, row: Row, offer: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Say when a service is on offer: runs of days with the same hours."""
    days = branches.days_of(reader.bank.db, row, reader.now, _DAYS, offer=offer)
    found = []
    for hours, run in groupby(days, lambda day: _hours(reader, day)):
        names = [_day_name(reader, day.day) for day in run]
        found.append((" – ".join(names[:: max(1, len(names) - 1)]), hours or reader.t("place_not_offered")))
    return found


def _contact(reader: _Reader, contact: Mapping[str, str]) -> Row:
    value, link = contact["value"], None
    if contact["type"] == "PHONE" and _TELEPHONE.fullmatch(value):
        link = "tel:" + re.sub("[ ()]", "", value)
    elif contact["type"] == "EMAIL" and "@" in value:
        link = f"mailto:{quote(value, safe='@')}"
    return {"name": _named(reader, "place_contact", contact["type"]), "value": value, "link": link}


def _neighbours(reader: _Reader, row: Row) -> list[Row]:
    """Give what serves around a place, the nearest first."""
    found = [each for places in (BRANCHES, ATMS) for each in _around(reader, row, places)]
    return sorted(found, key=lambda each: (each["at"].distance_m, each["path"]))


def _around(reader: _Reader, row: Row, places: Places) -> Iterator[Row]:
    db, here = reader.bank.db, row["location"]
    filters = Filters(near=Point(here["latitude"], here["longitude"]), radius_m=_AROUND_M, serving=True)
    directory = branches.directory_of(db, places, reader.bank.settings.public_url)
    found = branches.find(db, directory, filters, now=reader.now, count=_EACH + 1, from_place=True)
    rows = [json.loads(each.wire) for each in found]
    others = [each for each in rows if each["page_url"] != row["page_url"]]
    for each in others[:_EACH]:
        there = each["location"]
        degrees = maps.bearing(here["latitude"], here["longitude"], there["latitude"], there["longitude"])
        at = Neighbour(each["distance_m"], degrees, machine=places is ATMS)
        yield {
            "at": at,
            "path": branches.page_path(places, each["atm_id" if places is ATMS else "branch_id"]),
            "name": each["name"][reader.locale],
            "is_open": each["open_now"],
            "where": _where(reader, at),
        }


def _where(reader: _Reader, at: Neighbour) -> str:
    if at.distance_m < _SAME_PLACE_M:
        return reader.t("place_same")
    way = reader.t(f"direction.{maps.direction(at.bearing)}")
    return f"{way} {_length(at.distance_m, reader.locale)}"


def _length(metres: int, locale: str) -> str:
    """Write a distance as people read it: 164 m, 1.2 km, 25 km."""
    units = ("米", "公里") if locale == "zh-CN" else ("m", "km")
    if metres < 1000:
        return f"{metres} {units[0]}"
    return f"{metres / 1000:.1f}".removesuffix(".0") + f" {units[1]}"


def _description(reader: _Reader, row: Row, days: list[Day]) -> str:
    """Say in one line what a chat shows below the name: nothing that is wrong a minute later, as chats keep it."""
    parts = [" ".join(row["postal_address"]["address_lines"])]
    if trouble := _trouble(reader, row):
        parts.append(trouble)
    if days:
        parts.append(f"{_day_name(reader, days[0].day)} {_hours(reader, days[0]) or reader.t('place_shut')}")
    parts += [contact["value"] for contact in row.get("contacts", ())[:1]]
    return _line(" · ".join(parts))


def _line(text: str) -> str:
    """Give a text for where no markup can hold it: it turns nothing around, and ends no line."""
    kept = (each for each in text if unicodedata.category(each) != "Cf" or each in _JOINING)
    return "".join(each if unicodedata.category(each) not in {"Cc", "Zl", "Zp"} else " " for each in kept)


def _degrees(degrees: float) -> str:
    """Write degrees in full, as far as the bank has them: 0.00001 and not 1e-05."""
    return f"{degrees + 0.0:.7f}".rstrip("0").rstrip(".")
