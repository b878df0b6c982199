"""The UK Open Data API's branches and ATMs (Open Banking, version 2.x) as the contract's.

``data[].Brand[].Branch[]`` and ``data[].Brand[].ATM[]``. Services that the contract does not list become a branch's
``other_services``. What else it has no code or member for is left out, and counted: the operator is told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from openteller_sandbox.imports.mapping import decimal, number
from openteller_sandbox.imports.refusals import Refusal, wrong
from openteller_sandbox.imports.shape import shown

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ZONED = re.compile(r"([0-9]{1,2}:[0-9]{2})(?::[0-5][0-9](?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_MONEY = re.compile(r"(?:£|GBP)?\s*([0-9.,]+)\s*(?:GBP)?")
_MOST_LEFT_OUT = 100
_MOST_OTHERS = 10
_BRANCH_MEMBERS = frozenset(
    [
        "Identification",
        "Name",
        "Type",
        "CustomerSegment",
        "ServiceAndFacility",
        "OtherServiceAndFacility",
        "Accessibility",
        "ContactInfo",
        "PostalAddress",
        "Availability",
    ]
)
_ATM_MEMBERS = frozenset(
    [
        "Identification",
        "Location",
        "SupportedCurrencies",
        "SupportedLanguages",
        "ATMServices",
        "Accessibility",
        "Access24HoursIndicator",
        "MinimumPossibleAmount",
    ]
)
_NEVER = frozenset({"SequenceNumber"})  # says nothing
_TIME = re.compile("[0-9]{2}:[0-9]{2}")
_ALL_WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_SEGMENTS = {"Personal": "PERSONAL", "Premier": "PREMIER", "Private": "PRIVATE", "Business": "BUSINESS"}
_SEGMENTS |= {"SME": "BUSINESS", "Corporate": "CORPORATE", "Wealth": "PREMIER", "Student": "PERSONAL"}
_BRANCH_SERVICES = {
    "BureauDeChange": "FOREIGN_EXCHANGE",
    "BusinessCounter": "CORPORATE",
    "CardIssuanceFacility": "CARD",
    "CounterServices": "CASH",
    "ExternalATM": "SELF_SERVICE",
    "ExternalQuickServicePoint": "SELF_SERVICE",
    "InternalATM": "SELF_SERVICE",
    "InternalQuickServicePoint": "SELF_SERVICE",
    "LodgementDevice": "SELF_SERVICE",
    "MortgageAdvisor": "LOAN",
    "OnDemandCurrency": "FOREIGN_EXCHANGE",
    "SelfServiceAccountOpening": "ACCOUNT_OPENING",
}
_ATM_SERVICES = {
    "Balance": "BALANCE_ENQUIRY",
    "BillPayments": "BILL_PAYMENT",
    "CashDeposits": "CASH_DEPOSIT",
    "CashWithdrawal": "CASH_WITHDRAWAL",
    "FastCash": "CASH_WITHDRAWAL",
    "PINChange": "PIN_CHANGE",
    "PINActivation": "PIN_CHANGE",
    "PINUnblock": "PIN_CHANGE",
    "Contactless": "CONTACTLESS",
}
_ACCESSIBILITY = {
    "AudioCashMachine": "AUDIO_CASH_MACHINE",
    "AutomaticDoors": "AUTOMATIC_DOORS",
    "ExternalRamp": "EXTERNAL_RAMP",
    "InductionLoop": "INDUCTION_LOOP",
    "LevelAccess": "LEVEL_ACCESS",
    "LowerLevelCounter": "LOWER_LEVEL_COUNTER",
    "WheelchairAccess": "WHEELCHAIR_ACCESS",
}
_CONTACTS = {"Phone": "PHONE", "Email": "EMAIL"}
_PLACES = {
    "BranchExternal": "BRANCH_EXTERNAL",
    "BranchInternal": "BRANCH_INTERNAL",
    "BranchLobby": "BRANCH_LOBBY",
    "RetailerOutlet": "RETAILER_OUTLET",
    "RemoteUnit": "REMOTE_UNIT",
}
_LANGUAGES = {"eng": "en", "cym": "cy", "wel": "cy", "fra": "fr", "deu": "de", "spa": "es", "zho": "zh"}


LeftOut = Counter[str]
"""What nothing was made of, and how often."""


def branch(sent: Mapping[str, Any], left: LeftOut) -> tuple[dict[str, Any], list[Refusal]]:
    """Give a branch as far as it is there, and what is wrong with the rest; count what is left out.

    Raises:
        AttributeError, KeyError, TypeError: it is not shaped like one.
    """
    faults: list[Refusal] = []
    _count(left, (name for name in sent if name not in _BRANCH_MEMBERS | _NEVER))
    codes = _texts(sent.get("ServiceAndFacility", ()))
    others = [_coded(code) for code in codes if code not in _BRANCH_SERVICES and code != "Other"]
    others += map(_other, sent.get("OtherServiceAndFacility", ()))
    _count(left, (f"ServiceAndFacility {one['code']}" for one in others[_MOST_OTHERS:]))
    record = _present(
        branch_code=sent.get("Identification"),
        name=_name(sent.get("Name")),
        branch_type=_constant(sent.get("Type", "Physical")),
        customer_segments=_known(sent, "CustomerSegment", _SEGMENTS, left) or None,
        services=[
            {"code": code} for code in dict.fromkeys(_BRANCH_SERVICES[c] for c in codes if c in _BRANCH_SERVICES)
        ],
        other_services=others[:_MOST_OTHERS],
        accessibility=_known(sent, "Accessibility", _ACCESSIBILITY, left),
        contacts=_contacts(sent.get("ContactInfo", ()), left),
    )
    record |= _place(sent.get("PostalAddress", {}), faults)
    if "Availability" in sent:
        record["availability"] = _availability(sent["Availability"], left)
    return record, faults


def atm(sent: Mapping[str, Any], left: LeftOut) -> tuple[dict[str, Any], list[Refusal]]:
    """Give an ATM as far as it is there, and what is wrong with the rest; count what is left out.

    Raises:
        AttributeError, KeyError, TypeError: it is not shaped like one.
    """
    faults: list[Refusal] = []
    _count(left, (name for name in sent if name not in _ATM_MEMBERS | _NEVER))
    place = sent.get("Location", {})
    site = place.get("Site", {}).get("Name")
    currencies = _texts(sent.get("SupportedCurrencies", ()))
    categories = _known(place, "LocationCategory", _PLACES, left)
    record = _present(
        atm_code=sent.get("Identification"),
        name=_name(site or "ATM"),
        location_category=categories[0] if categories else "OTHER",
        atm_services=_known(sent, "ATMServices", _ATM_SERVICES, left),
        accessibility=_known(sent, "Accessibility", _ACCESSIBILITY, left),
        supported_currencies=currencies or None,
        supported_languages=[_LANGUAGES.get(one.lower(), one) for one in _texts(sent.get("SupportedLanguages", ()))]
        or None,
        access_24h=sent.get("Access24HoursIndicator"),
    )
    if sent.get("MinimumPossibleAmount") and currencies:
        currency = "GBP" if "GBP" in currencies else currencies[0]
        record["minimum_amount"] = {"amount": _amount(sent["MinimumPossibleAmount"], faults), "currency": currency}
    return record | _place(place.get("PostalAddress", {}), faults), faults


def told(left: LeftOut) -> list[str]:
    """Say what was left out, the most frequent first."""
    if not left:
        return []
    return [f"Nothing is made of: {', '.join(f'{name} ({count:,})' for name, count in left.most_common(20))}."]


def _count(left: LeftOut, names: Iterable[str]) -> None:
    for name in names:
        plain = " ".join(map(shown, name.split()))
        if plain in left or len(left) < _MOST_LEFT_OUT:
            left[plain] += 1


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _name(text: object) -> dict[str, object] | None:
    return {"zh-CN": text, "en": text} if text else None


def _texts(values: Iterable[object]) -> list[str]:
    if isinstance(values, str):
        return [values]
    return [value for value in values if isinstance(value, str)]


def _known(sent: Mapping[str, Any], member: str, names: Mapping[str, str], left: LeftOut) -> list[str]:
    """Give the contract's codes of a member; count those that it has none for."""
    values = _texts(sent.get(member, ()))
    _count(left, (f"{member} {value}" for value in values if value not in names and value != "Other"))
    return list(dict.fromkeys(names[value] for value in values if value in names))


def _constant(name: object) -> str:
    """Write ``BureauDeChange`` as ``BUREAU_DE_CHANGE``."""
    return "_".join(_WORDS.split(str(name))).upper()


def _coded(code: str) -> dict[str, Any]:
    words = " ".join(_WORDS.split(code))
    return {"code": re.sub(r"[^A-Z0-9]+", "_", _constant(code))[:40], "name": _name(words), "description": words}


def _other(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a bank has its own words for."""
    name = str(sent["Name"])
    code = re.sub(r"[^A-Z0-9]+", "_", _constant(sent.get("Code") or name)).strip("_")
    return {"code": code[:40], "name": _name(name), "description": str(sent.get("Description") or name)}


def _contacts(sent: Iterable[Mapping[str, Any]], left: LeftOut) -> list[dict[str, Any]]:
    sent = list(sent)
    _count(left, (f"ContactInfo {one.get('ContactType')}" for one in sent if one.get("ContactType") not in _CONTACTS))
    return [
        {"type": _CONTACTS[one["ContactType"]], "value": one.get("ContactContent")}
        for one in sent
        if one.get("ContactType") in _CONTACTS
    ][:5]


def _place(sent: Mapping[str, Any], faults: list[Refusal]) -> dict[str, Any]:
    lines = [line for line in _texts(sent.get("AddressLine", ())) if line.strip()]
    street = " ".join(filter(None, [sent.get("BuildingNumber"), sent.get("StreetName")]))
    divisions = _texts(sent.get("CountrySubDivision", ()))
    address = _present(
        address_lines=lines or ([street] if street else None),
        street_name=sent.get("StreetName") or None,
        building_number=sent.get("BuildingNumber") or None,
        town_name=sent.get("TownName") or None,
        country_subdivision=divisions[0] if divisions else None,
        country=sent.get("Country", "GB"),
        post_code=str(sent["PostCode"]).upper() if sent.get("PostCode") else None,
    )
    record: dict[str, Any] = {"postal_address": address}
    point = sent.get("GeoLocation", {}).get("GeographicCoordinates", {})
    for member, name in (("latitude", "Latitude"), ("longitude", "Longitude")):
        if point.get(name) is None:
            continue
        try:
            record.setdefault("location", {})[member] = number(str(point[name]).strip())
        except ValueError as error:
            faults.append(wrong(f"location.{member}", "COORDINATE_MALFORMED", str(error)))
    return record


def _amount(text: object, faults: list[Refusal]) -> str:
    found = _MONEY.fullmatch(str(text).strip())
    try:
        return f"{decimal(found[1] if found else str(text)):.2f}"
    except ValueError as error:
        faults.append(wrong("minimum_amount.amount", "FIELD_INVALID", str(error)))
        return "0.00"


def _availability(sent: Mapping[str, Any], left: LeftOut) -> dict[str, Any]:
    """Give the week, and the days that differ from it where it is said when they are."""
    differ = sent.get("NonStandardAvailability") or ()
    special = [_special(one, left) for one in ([differ] if isinstance(differ, Mapping) else differ)]
    week = _cut_at_midnight(_days(sent.get("StandardAvailability", {}).get("Day", ()), _ALL_WEEK))
    return {"standard": week, "special": [one for one in special if one]}


def _special(sent: Mapping[str, Any], left: LeftOut) -> dict[str, Any] | None:
    """Give days that differ; None of those that have a name only, as no calendar says when they are."""
    begin, end = (_date(sent.get(name) or sent.get(other)) for name, other in _ENDS)
    begin, end = begin or end, end or begin
    if begin is None or end is None:
        _count(left, ["NonStandardAvailability without dates"])
        return None
    span = min((end - begin).days, 6)
    days = _days(sent.get("Day", ()), tuple(_ALL_WEEK[(begin + timedelta(days=n)).weekday()] for n in range(span + 1)))
    name = _name(sent.get("Name")) or {"zh-CN": "特殊营业时间", "en": "Other hours"}
    return {
        "name": name,
        "start_date": begin.isoformat(),
        "end_date": end.isoformat(),
        "closed": not days,
        "days": days,
    }


_ENDS = (("FromDate", "StartDate"), ("ToDate", "EndDate"))


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None


def _days(sent: Iterable[Mapping[str, Any]], weekdays: Iterable[str]) -> list[dict[str, Any]]:
    """Give the hours of these weekdays; those of a day without a name are of each of them."""
    hours: dict[str, list[dict[str, str]]] = {}
    for day in sent:
        named = [_constant(day["Name"])] if day.get("Name") else list(weekdays)
        for name in named:
            if name in weekdays or name not in _ALL_WEEK:  # a day that is none is for the check to refuse
                hours.setdefault(name, []).extend(_hours(one) for one in day.get("OpeningHours") or ())
    return [{"day": name, "opening_hours": spans} for name, spans in hours.items() if spans]


def _cut_at_midnight(week: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Give what closes after midnight to two days; what is no time or no day is for the check to refuse."""
    hours: dict[str, list[dict[str, str]]] = {}
    for day in week:
        name = day["day"]
        for span in day["opening_hours"]:
            times = [time for time in span.values() if _TIME.fullmatch(time)]
            if name in _ALL_WEEK and len(times) == len(span) and span["closes"] < span["opens"]:
                following = _ALL_WEEK[(_ALL_WEEK.index(name) + 1) % 7]
                hours.setdefault(name, []).append(span | {"closes": "24:00"})
                hours.setdefault(following, []).append(span | {"opens": "00:00"})
            else:
                hours.setdefault(name, []).append(dict(span))
    ordered = {name: sorted(spans, key=lambda span: span["opens"]) for name, spans in hours.items()}
    return [{"day": name, "opening_hours": spans} for name, spans in ordered.items()]


def _hours(sent: Mapping[str, Any]) -> dict[str, str]:
    closes = _time(sent.get("ClosingTime"))
    ends = closes == "00:00" or str(sent.get("ClosingTime")).startswith("23:59:59")
    return {"opens": _time(sent.get("OpeningTime")), "closes": "24:00" if ends else closes}


def _time(text: object) -> str:
    found = _ZONED.fullmatch(str(text))
    return found[1].zfill(5) if found else str(text)
