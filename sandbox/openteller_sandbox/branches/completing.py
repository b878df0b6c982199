"""A branch or an ATM of a file: what it does not say is filled in where that is safe, and what cannot be is found."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from openteller_sandbox.branches import datum, opening_hours
from openteller_sandbox.branches.nearest import Point
from openteller_sandbox.contract import Contract
from openteller_sandbox.imports import countries, hours_text
from openteller_sandbox.imports.mapping import HOURS, number
from openteller_sandbox.imports.outcome import Wish
from openteller_sandbox.imports.refusals import Refusal, wrong
from openteller_sandbox.imports.shape import Shape

Record = dict[str, Any]

_ALL_DAY = hours_text.availability("24/7")
_LEAST_LIKENESS = 1e-9
_BRANCH: Record = {
    "branch_type": "PHYSICAL",
    "status": "OPEN",
    "customer_segments": ["PERSONAL"],
    "services": [],
    "accessibility": [],
    "other_services": [],
    "contacts": [],
}
_ATM: Record = {
    "location_category": "OTHER",
    "status": "IN_SERVICE",
    "atm_services": ["CASH_WITHDRAWAL"],
    "accessibility": [],
}


class Rules:
    """What holds for the records of one kind in one file.

    Args:
        contract: the law.
        thing: ``branch`` or ``atm``.
        wish: what the operator says of all rows.

    Raises:
        ValueError: the operator's hours cannot be read.
    """

    def __init__(self, contract: Contract, thing: str, wish: Wish) -> None:
        self.thing = thing
        self.component = thing.capitalize()
        self.shape = Shape.of(contract, self.component)
        self._contract = contract
        self._wish = wish
        self._hours = hours_text.availability(wish.hours) if wish.hours else None
        schema = contract.at(f"/components/schemas/{self.component}/properties")
        self._computed = [name for name, node in schema.items() if node.get("x-computed")]

    def complete(self, record: Record) -> None:
        """Fill in what a record does not say; what is computed is taken out."""
        for name in self._computed:
            record.pop(name, None)
        address = record.get("postal_address")
        if isinstance(address, dict):
            _complete_address(address, self._wish.country or "CN")
        country = address.get("country") if isinstance(address, dict) else None
        _complete_name(record)
        for name, value in (_BRANCH if self.thing == "branch" else _ATM).items():
            record.setdefault(name, value)
        if isinstance(record.get("location"), dict):
            record["location"] = _in_wgs84({"crs": datum.WGS84, **record["location"]})
        if "timezone" not in record and (zone := self._wish.timezone or countries.ZONES.get(str(country))):
            record["timezone"] = zone
        if self.thing == "atm":
            _complete_atm(record, str(country))
        if "availability" not in record and self._hours:
            record["availability"] = self._hours

    def faults(self, record: Record, line: bytes, before: Iterable[str] = ()) -> Iterator[Refusal]:
        """Find what is wrong with a complete record, which is also given as JSON: of each member, or of what it is part
        of, one thing.

        before: members of which something was found already.
        """
        told = {"availability" if field == HOURS else field for field in before}
        shapes, may_ask = self.shape.look(record, line)
        unfit = self._unfit(record) if may_ask else ()
        for fault in chain(self._missing(record), shapes, _place_faults(record), unfit):
            if not _is_told(fault.field, told):
                told.add(fault.field)
                yield fault
        if not told:
            yield from _hours_faults(record)

    def _unfit(self, record: Record) -> Iterator[Refusal]:
        """Find what the contract's schema refuses."""
        for fault in self._contract.record_faults(self.component, record):
            field = fault.where.strip("/").replace("/", ".")
            yield wrong(field, "HOURS_INVALID" if "opening_hours" in field else fault.code, fault.message)

    def _missing(self, record: Record) -> Iterator[Refusal]:
        if "name" not in record:
            yield wrong("name", "NAME_MISSING", "has no name: give name.zh-CN, name.en, or one column for both")
        if "availability" not in record:
            hint = "give hours, availability, or --default-hours for all rows without"
            yield wrong("availability", "HOURS_MISSING", f"has no opening hours: {hint}")
        if "timezone" not in record:
            yield wrong("timezone", "FIELD_MISSING", "has no time zone, and its country has several: give --timezone")


def _is_told(field: str, told: set[str]) -> bool:
    """Tell whether something was said of a member, or of one that it is part of."""
    while field:
        if field in told:
            return True
        field = field.rpartition(".")[0]
    return False


def _in_wgs84(location: Record) -> Record:
    """Give a location in the datum in which the bank keeps it, where it is in one that is known; the check sees the
    rest.
    """
    latitude, longitude, crs = (location.get(name) for name in ("latitude", "longitude", "crs"))
    if crs not in (datum.GCJ02, datum.BD09) or not (isinstance(latitude, float) and isinstance(longitude, float)):
        return location
    point = datum.to_wgs84(Point(latitude, longitude), crs)
    return {
        **location,
        "latitude": round(point.latitude, 6),
        "longitude": round(point.longitude, 6),
        "crs": datum.WGS84,
    }


def _complete_name(record: Record) -> None:
    """Say in both languages what is said in one."""
    name = record.get("name")
    if isinstance(name, str):
        record["name"] = {"zh-CN": name, "en": name}
    elif isinstance(name, dict):
        said = name.get("zh-CN") or name.get("en")
        if not said:
            del record["name"]
            return
        record["name"] = {**name, "zh-CN": name.get("zh-CN") or said, "en": name.get("en") or said}


def _complete_address(address: Record, country: str) -> None:
    if isinstance(address.get("country"), str):
        address["country"] = address["country"].strip().upper()
    address.setdefault("country", country)
    if isinstance(address.get("post_code"), str):
        address["post_code"] = address["post_code"].upper()
    if "address_lines" not in address:
        parts = [address.get("building_number"), address.get("street_name")]
        line = ("" if address["country"] == "CN" else " ").join(
            part for part in (parts[::-1] if address["country"] == "CN" else parts) if isinstance(part, str)
        )
        if line:
            address["address_lines"] = [line]


def _complete_atm(record: Record, country: str) -> None:
    if record.get("access_24h") is True:
        record.setdefault("availability", _ALL_DAY)
    if "availability" in record:
        record.setdefault("access_24h", record["availability"] == _ALL_DAY)
    currency = countries.CURRENCIES.get(country)
    if currency:
        record.setdefault("supported_currencies", [currency])
        record.setdefault("minimum_amount", {"amount": "0.00", "currency": currency})
    record.setdefault("supported_languages", countries.LANGUAGES.get(country, ["en"]))


def _place_faults(record: Record) -> Iterator[Refusal]:
    """Find points that cannot be where the record says that it is."""
    location = record.get("location")
    if not isinstance(location, dict):
        return
    point: list[float] = []
    for name in ("latitude", "longitude"):
        value = location.get(name)
        if isinstance(value, str):
            try:
                number(value.strip())
                yield wrong(f"location.{name}", "COORDINATE_MALFORMED", "is a text: write the number without quotes")
            except ValueError as error:
                yield wrong(f"location.{name}", "COORDINATE_MALFORMED", str(error))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            point.append(value)
    address = record.get("postal_address")
    country = address.get("country") if isinstance(address, dict) else None
    if len(point) == 2:
        yield from _point_faults(point[0], point[1], countries.BOXES.get(str(country)), str(country))


def _point_faults(latitude: float, longitude: float, box: countries.Box | None, country: str) -> Iterator[Refusal]:
    if abs(latitude - longitude) < _LEAST_LIKENESS:
        zero = "are both 0, which is in the sea" if latitude == 0 else "are the same number: one was copied"
        yield wrong("location", "COORDINATES_COPIED", f"latitude and longitude {zero}")
    elif box is None:
        if abs(latitude) > 90 >= abs(longitude):
            yield wrong("location", "COORDINATES_SWAPPED", "latitude and longitude are swapped")
    elif not box.holds(latitude, longitude):
        if box.holds(longitude, latitude):
            yield wrong("location", "COORDINATES_SWAPPED", "latitude and longitude are swapped")
        else:
            yield wrong("location", "OUTSIDE_COUNTRY", f"the point is not in {country}, which the address names")


def _hours_faults(record: Mapping[str, Any]) -> Iterator[Refusal]:
    zone = record.get("timezone")
    offers = [("availability", record), *((f"services.{n}.availability", one) for n, one in _services(record))]
    for field, offer in offers:
        if "availability" not in offer:
            continue
        try:
            problem = _fault_of(marshal.dumps(offer["availability"], 1), zone)
        except ValueError:  # what marshal does not know is no JSON, and the schema's to refuse
            continue
        if problem:
            yield wrong(field, "HOURS_INVALID", problem)


def _services(record: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    services = record.get("services")
    for place, offer in enumerate(services if isinstance(services, list) else ()):
        if isinstance(offer, dict):
            yield place, offer


@lru_cache(4096)
def _fault_of(availability: bytes, zone: object) -> str:
    """Say what is wrong with hours whose shape is right; nothing of those whose shape is not, which is told apart."""
    try:
        opening_hours.compact(marshal.loads(availability), str(zone))  # noqa: S302 - written by the caller
    except ValueError as error:
        return str(error)
    except (AttributeError, KeyError, TypeError, IndexError):
        return ""
    return ""
