"""The shapes in which places go out beside plain JSON: in another datum, as GeoJSON, as lines, as a table.

All of them are made of a row as JSON has it: the stored text with what was computed for the request.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from openteller_sandbox.branches import datum
from openteller_sandbox.branches.nearest import Point
from openteller_sandbox.http import json_text

Row = Mapping[str, Any]

FEATURES_BEGIN = b'{"type":"FeatureCollection","features":['

_NUMBER = rb"(-?[0-9]+(?:\.[0-9]+)?)"
# As most records are stored; a quote within a text is escaped, so that no text can hold these.
_LOCATION = re.compile(rb'"location":\{"latitude":' + _NUMBER + rb',"longitude":' + _NUMBER + rb',"crs":"wgs84"\}')
_IDENTIFIER = re.compile(rb'\{"(?:branch|atm)_id":"([0-9a-z_]+)",')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes a cell for a formula by."""
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_SHORT_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def in_datum(wire: bytes, crs: str) -> bytes:
    """Give a row with its location in a datum."""
    if crs == datum.WGS84:
        return wire
    found = _LOCATION.search(wire)
    latitude, longitude = datum.shown(_point(wire, found), crs)
    there = {"latitude": latitude, "longitude": longitude, "crs": crs}
    if found is None:
        return json_text({**json.loads(wire), "location": there}).encode()
    return b'%b"location":%b%b' % (wire[: found.start()], json_text(there).encode(), wire[found.end() :])


def feature(wire: bytes) -> bytes:
    """Give a row as a feature of GeoJSON (RFC 7946): longitude goes first there."""
    point, identifier = _point(wire, _LOCATION.search(wire)), _identifier(wire)
    geometry = b'{"type":"Point","coordinates":[%r,%r]}' % (point.longitude, point.latitude)
    return b'{"type":"Feature","id":"%b","geometry":%b,"properties":%b}' % (identifier, geometry, wire)


def _point(wire: bytes, found: re.Match[bytes] | None) -> Point:
    """Read where a row is; found: its location, where it is written as usual."""
    if found is not None:
        return Point(float(found[1]), float(found[2]))
    location = json.loads(wire)["location"]
    return Point(location["latitude"], location["longitude"])


def _identifier(wire: bytes) -> bytes:
    if found := _IDENTIFIER.match(wire):
        return found[1]
    row = json.loads(wire)
    return str(row.get("atm_id") or row["branch_id"]).encode()


class Table:
    """Rows as CSV (RFC 4180), the header first.

    A cell that a spreadsheet would take for a formula has an apostrophe before it, and one that begins with an
    apostrophe has a second one: whoever reads the file takes one away. Numbers stay as they are.
    """

    def __init__(self, *columns: tuple[str, Callable[[Row], object]]) -> None:
        self.header = tuple(name for name, _ in columns)
        self._makers = [make for _, make in columns]

    def pieces(self, pages: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
        """Write pages of rows, each at once; there is a header even where there are no rows."""
        yield self._written([self.header])
        for page in pages:
            rows = map(json.loads, page)
            yield self._written([_cell(make(row)) for make in self._makers] for row in rows)

    @staticmethod
    def _written(rows: Iterable[Iterable[str]]) -> bytes:
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        return text.getvalue().encode()


def _cell(value: object) -> str:
    """Write a value: lists of codes with bars between, what is nested deeper as JSON, nothing as nothing."""
    if value is None or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        value = "|".join(value)
    text = value if isinstance(value, str) else json_text(value)
    if text.startswith("'") or (text.startswith(_FORMULA) and not _PLAIN_NUMBER.fullmatch(text)):
        return f"'{text}"
    return text


def _at(path: str) -> Callable[[Row], object]:
    names = path.split(".")

    def read(row: Row) -> object:
        value: Any = row
        for name in names:
            value = value.get(name) if value is not None else None
        return value

    return read


def _members(*paths: str) -> Iterator[tuple[str, Callable[[Row], object]]]:
    """Give columns that are named after members of the contract's record."""
    for path in paths:
        yield path, _at(path)


def _services(row: Row) -> object:
    """Give codes, but all that is known where one of the services has hours of its own."""
    services = row["services"]
    return services if any("availability" in offer for offer in services) else [offer["code"] for offer in services]


_NAME = tuple(_members("name.zh-CN", "name.en"))
_PLACE = (
    # A line may have whatever in it, bars too: one is written as it is, several as JSON.
    ("postal_address.address_lines", lambda row: _one_or_all(row["postal_address"]["address_lines"])),
    *_members(
        "postal_address.street_name",
        "postal_address.building_number",
        "postal_address.town_name",
        "postal_address.country_subdivision",
        "postal_address.country",
        "postal_address.post_code",
        "postal_address.adcode",
        "location.latitude",
        "location.longitude",
        "location.crs",
        "timezone",
    ),
)
_REST = (
    ("opening_hours", lambda row: week_text(row["availability"]["standard"])),
    *_members("availability", "last_updated", "distance_m", "open_now", "next_change_at", "provisional"),
    *_members("open_at.at", "open_at.until", "open_at.provisional", "page_url"),
)


def _one_or_all(lines: list[str]) -> str:
    return lines[0] if len(lines) == 1 else json_text(lines)


BRANCH_TABLE = Table(
    *_members("branch_id", "branch_code"),
    *_NAME,
    *_members("branch_type", "status", "parent_branch_id", "moved_to"),
    *_PLACE,
    *_members("customer_segments"),
    ("services", _services),
    *_members("accessibility", "other_services", "contacts"),
    *_REST,
    *_members("wait.minutes", "wait.tickets_waiting", "wait.as_of"),
)
ATM_TABLE = Table(
    *_members("atm_id", "atm_code"),
    *_NAME,
    *_members("branch_id", "location_category", "status"),
    *_PLACE,
    *_members("atm_services", "access_24h", "accessibility", "supported_currencies", "supported_languages"),
    *_members("minimum_amount.amount", "minimum_amount.currency"),
    *_REST,
)


def week_text(standard: Iterable[Row]) -> str:
    """Write the hours of a week as maps do: ``Mo-Fr 09:00-12:00,13:30-17:00; Sa 09:00-16:00``."""
    hours = {
        entry["day"]: ",".join(f"{each['opens']}-{each['closes']}" for each in entry["opening_hours"])
        for entry in standard
    }
    parts = []
    for text, run in groupby(range(len(_DAYS)), key=lambda day: hours.get(_DAYS[day])):
        if text:
            days = list(run)
            last = f"-{_SHORT_DAYS[days[-1]]}" if len(days) > 1 else ""
            parts.append(f"{_SHORT_DAYS[days[0]]}{last} {text}")
    return "; ".join(parts)
