"""The UK Open Data API's branches and ATMs (Open Banking, version 2.x) as the contract's.

``data[].Brand[].Branch[]`` and ``data[].Brand[].ATM[]``. Codes that the contract does not list become a branch's
``other_services``; of an ATM they are left out, as is what the contract has no member for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from openteller_sandbox.imports.mapping import decimal, number
from openteller_sandbox.imports.refusals import Refusal, wrong

_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ZONED = re.compile(r"([0-9]{1,2}:[0-9]{2})(?::00(?:\.0+)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?")
_SEGMENTS = {"Personal": "PERSONAL", "Premier": "PREMIER", "Private": "PRIVATE", "Business": "BUSINESS"}
_SEGMENTS |= {"SME": "BUSINESS", "Corporate": "CORPORATE", "Wealth": "PREMIER", "Student": "PERSONAL"}
_BRANCH_SERVICES = {
    "AccountOpening": "ACCOUNT_OPENING",
    "BureauDeChange": "FOREIGN_EXCHANGE",
    "CurrencyExchange": "FOREIGN_EXCHANGE",
    "CounterServices": "CASH",
    "ExternalATM": "SELF_SERVICE",
    "InternalATM": "SELF_SERVICE",
    "SelfServiceAccount": "SELF_SERVICE",
    "SafeDeposit": "SAFE_DEPOSIT",
    "BusinessCounter": "CORPORATE",
    "BusinessDeposits": "CORPORATE",
    "Mortgages": "LOAN",
}
_ATM_SERVICES = {
    "Balance": "BALANCE_ENQUIRY",
    "BillPayments": "BILL_PAYMENT",
    "CashDeposits": "CASH_DEPOSIT",
    "CashWithdrawal": "CASH_WITHDRAWAL",
    "FastCash": "CASH_WITHDRAWAL",
    "PINChange": "PIN_CHANGE",
    "PINActivation": "PIN_CHANGE",
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
_PLACES = {
    "BranchExternal": "BRANCH_EXTERNAL",
    "BranchInternal": "BRANCH_INTERNAL",
    "BranchLobby": "BRANCH_LOBBY",
    "RetailerOutlet": "RETAILER_OUTLET",
    "RemoteUnit": "REMOTE_UNIT",
}
_LANGUAGES = {"eng": "en", "cym": "cy", "wel": "cy", "fra": "fr", "deu": "de", "spa": "es", "zho": "zh"}


def branch(sent: Mapping[str, Any]) -> tuple[dict[str, Any], list[Refusal]]:
    """Give a branch as far as it is there, and what is wrong with the rest.

    Raises:
        AttributeError, KeyError, TypeError: it is not shaped like one.
    """
    faults: list[Refusal] = []
    codes = _texts(sent.get("ServiceAndFacility", ()))
    record = _present(
        branch_code=sent.get("Identification"),
        name=_name(sent.get("Name")),
        branch_type=_constant(sent.get("Type", "Physical")),
        customer_segments=_known(sent.get("CustomerSegment", ()), _SEGMENTS) or None,
        services=[{"code": code} for code in _known(codes, _BRANCH_SERVICES)],
        other_services=[_coded(code) for code in codes if code not in _BRANCH_SERVICES][:10],
        accessibility=_known(sent.get("Accessibility", ()), _ACCESSIBILITY),
        contacts=_contacts(sent.get("ContactInfo", ())),
    )
    record |= _place(sent.get("PostalAddress", {}), faults)
    if "Availability" in sent:
        record["availability"] = _availability(sent["Availability"])
    return record, faults


def atm(sent: Mapping[str, Any]) -> tuple[dict[str, Any], list[Refusal]]:
    """Give an ATM as far as it is there, and what is wrong with the rest.

    Raises:
        AttributeError, KeyError, TypeError: it is not shaped like one.
    """
    faults: list[Refusal] = []
    place = sent.get("Location", {})
    site = place.get("Site", {}).get("Name")
    currencies = _texts(sent.get("SupportedCurrencies", ()))
    categories = _known(place.get("LocationCategory", ()), _PLACES)
    record = _present(
        atm_code=sent.get("Identification"),
        name=_name(site or "ATM"),
        location_category=categories[0] if categories else "OTHER",
        atm_services=_known(sent.get("ATMServices", ()), _ATM_SERVICES),
        accessibility=_known(sent.get("Accessibility", ()), _ACCESSIBILITY),
        supported_currencies=currencies or None,
        supported_languages=[_LANGUAGES.get(one.lower(), one) for one in _texts(sent.get("SupportedLanguages", ()))]
        or None,
        access_24h=sent.get("Access24HoursIndicator"),
    )
    if "MinimumPossibleAmount" in sent and currencies:
        record["minimum_amount"] = {"amount": _amount(sent["MinimumPossibleAmount"], faults), "currency": currencies[0]}
    return record | _place(place.get("PostalAddress", {}), faults), faults


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _name(text: object) -> dict[str, object] | None:
    return {"zh-CN": text, "en": text} if text else None


def _texts(values: Iterable[object]) -> list[str]:
    if isinstance(values, (str, bytes)):
        raise TypeError("a list is expected")
    return [value for value in values if isinstance(value, str)]


def _known(values: Iterable[object], names: Mapping[str, str]) -> list[str]:
    return list(dict.fromkeys(names[value] for value in _texts(values) if value in names))


def _constant(name: object) -> str:
    """Write ``BureauDeChange`` as ``BUREAU_DE_CHANGE``."""
    return "_".join(_WORDS.split(str(name))).upper()


def _coded(code: str) -> dict[str, Any]:
    words = " ".join(_WORDS.split(code))
    return {"code": re.sub(r"[^A-Z0-9]+", "_", _constant(code))[:40], "name": _name(words), "description": words}


def _contacts(sent: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"Phone": "PHONE", "Email": "EMAIL"}
    return [
        {"type": kinds[one["ContactType"]], "value": one.get("ContactContent")}
        for one in sent
        if one.get("ContactType") in kinds
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
    try:
        return f"{decimal(str(text).strip()):.2f}"
    except ValueError as error:
        faults.append(wrong("minimum_amount.amount", "FIELD_INVALID", str(error)))
        return "0.00"


def _availability(sent: Mapping[str, Any]) -> dict[str, Any]:
    """Give the week. Days that differ are left out: a file has names for them, the contract dates."""
    days = sent.get("StandardAvailability", {}).get("Day", ())
    week = [
        {"day": _constant(day.get("Name")), "opening_hours": [_hours(one) for one in day.get("OpeningHours", ())]}
        for day in days
        if day.get("OpeningHours")
    ]
    return {"standard": week, "special": []}


def _hours(sent: Mapping[str, Any]) -> dict[str, str]:
    closes = _time(sent.get("ClosingTime"))
    return {"opens": _time(sent.get("OpeningTime")), "closes": "24:00" if closes == "00:00" else closes}


def _time(text: object) -> str:
    found = _ZONED.fullmatch(str(text))
    return found[1].zfill(5) if found else str(text)
