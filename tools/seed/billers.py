"""The billers of the demo bank: fictional companies in real cities, with published account numbers.

This module puts the records together; who there is stands in `biller_seats`, the tables in `biller_tables`, and what
the payer must say in `biller_fields`.
"""

from __future__ import annotations

import csv
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from tools.seed.biller_fields import inputs
from tools.seed.biller_seats import SHOWN, Seat, chance, drawn, hashed, seats, text
from tools.seed.biller_tables import CATEGORIES
from tools.seed.biller_words import WORDS
from tools.seed.places import english_name, short_name, syllables

__all__ = ["build"]

DIVISIONS = Path(__file__).resolve().parent / "data" / "divisions.csv"
BEYOND = ("71", "81", "82")  # the contract's adcodes are those of the mainland
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
WEEKDAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
WEEKEND = ["SATURDAY", "SUNDAY"]

Record = dict[str, Any]


def build() -> dict[str, list[Record]]:
    """The seed files of the directory: categories in menu order, billers by `biller_code`."""
    billers = sorted((_biller(seat) for seat in seats()), key=lambda biller: str(biller["biller_code"]))
    alive = Counter(biller["category_code"] for biller in billers if biller["status"] != "DEACTIVATED")
    categories = [
        {"category_code": category.code, "name": text(category.name), "biller_count": alive[category.code]}
        for category in CATEGORIES
    ]
    return {
        "biller_categories.jsonl": categories,
        "biller_words.jsonl": _words(),
        "divisions.jsonl": _places(),
        "billers.jsonl.gz": billers,
    }


def _words() -> list[Record]:
    """What people call each kind of bill."""
    return [{"word": word, "category_code": code} for code, words in WORDS.items() for word in words.split()]


def _places() -> list[Record]:
    """Every province, city and county of the mainland by code: by it one finds who serves a place of that name."""
    return [_called(code, row["name"]) for code, row in sorted(_divisions().items()) if not code.startswith(BEYOND)]


def _called(code: str, name: str) -> Record:
    """What a division is called: its name, the same without its rank, in English, and in pinyin."""
    short = short_name(name)
    pinyin = "".join(syllables(name, len(short)))
    return {"adcode": code, "name": name, "short": short, "en": english_name(name), "pinyin": pinyin}


# --- one biller ------------------------------------------------------------------------------------------------------

STATUSES = {
    "KM-CABLE_TV-01": "SUSPENDED",
    "URC-PROPERTY_FEE-01": "SUSPENDED",
    "CS-BROADBAND-01": "SUSPENDED",
    "CN-DONATION-05": "SUSPENDED",
    "HRB-LANDLINE-01": "DEACTIVATED",
    "FZ-CABLE_TV-01": "DEACTIVATED",
    "CC-TUITION-01": "DEACTIVATED",
}
UPGRADE = ("系统升级", "System upgrade")
MAINTENANCE = {
    # It runs while the demo does, so that a closed biller can be seen without moving the clock.
    "SZ-WATER-01": ("2026-09-29T09:00:00+08:00", "2026-09-29T12:00:00+08:00", UPGRADE),
    "CQ-GAS-01": ("2026-09-30T00:30:00+08:00", "2026-09-30T05:00:00+08:00", UPGRADE),
    "CN-MOBILE_TOPUP-02": ("2026-10-01T02:00:00+08:00", "2026-10-01T04:00:00+08:00", ("例行检修", "Regular check")),
    "WH-ELECTRICITY-01": ("2026-10-08T01:00:00+08:00", "2026-10-08T04:00:00+08:00", ("线路切换", "Change of lines")),
}


def _biller(seat: Seat) -> Record:
    code, profile = seat.code, seat.profile
    fields, groups = inputs(seat)
    record: Record = {
        "biller_id": _biller_id(code),
        "biller_code": code,
        "name": text(_company(seat)),
        "aliases": _aliases(seat),
        "category_code": seat.category.code,
        **_place(seat),
        "status": STATUSES.get(code, "ACTIVE"),
        "fetch_mode": profile.fetch_mode,
        "presentment": profile.presentment,
        "exactness": profile.exactness,
        **({"amount_multiple": _yuan(profile.multiple)} if profile.multiple else {}),
        "min_amount": _yuan(profile.min_amount),
        "max_amount": _yuan(profile.max_amount),
        "selection": profile.selection,
        "fees": _fees(seat),
        "plans": _plans(seat),
        "supports_pending": code in SHOWN or chance(code, "pending", 50),
        "timezone": "Asia/Shanghai",
        "service_hours": _service_hours(seat),
    }
    if cutoff := _cutoff(seat):
        record["cutoff"] = cutoff
    record |= {
        "maintenance_windows": _maintenance(code),
        "input_fields": fields,
        "input_groups": groups,
        "updated_at": _updated_at(code),
    }
    return record


def _biller_id(code: str) -> str:
    number, text = hashed(code, "biller"), ""
    while number:
        number, digit = divmod(number, 36)
        text = DIGITS[digit] + text
    return f"blr_{text[:12]}"


def _company(seat: Seat) -> tuple[str, str]:
    brand = seat.national or seat.city
    zh, en = seat.category.company
    return f"{brand.brand}示范{zh}", f"{brand.brand_en} Demo {en}"


def _aliases(seat: Seat) -> list[str]:
    """What a payer may write: city and bill, the city's one character and bill, the brand, and English."""
    called, english = seat.category.called, seat.category.name[1].lower()
    if seat.national:
        words = [*called, *(seat.national.brand + word for word in called), f"{seat.national.brand_en} {english}"]
    else:
        city_name = _division(seat.city.adcode)["name"]
        words = [f"{name}{word}" for name in (city_name.removesuffix("市"), seat.city.short) for word in called]
        words += [f"{city_name}{called[0]}", seat.city.brand + seat.category.company[0]]
        words.append(f"{seat.city.name_en} {english}")
    return list(dict.fromkeys(words))


@cache
def _divisions() -> dict[str, dict[str, str]]:
    with DIVISIONS.open(encoding="utf-8", newline="") as stream:
        return {row["code"]: row for row in csv.DictReader(stream)}


def _division(adcode: str) -> dict[str, str]:
    return _divisions()[adcode]


def _place(seat: Seat) -> Record:
    city = _division(seat.city.adcode)
    province = _division(city["parent"]) if city["parent"] else city
    region = {"province": province["name"], "city": city["name"], "adcode": seat.city.adcode}
    if seat.national:
        return {"region": region, "coverage": "NATIONAL"}
    is_capital_of_province = seat.city.adcode[2:] == "0100"
    if seat.category.code in ("BROADBAND", "CABLE_TV") and is_capital_of_province:
        return {"region": {**region, "adcode": province["code"]}, "coverage": "PROVINCE"}
    return {"region": region, "coverage": "CITY"}


def _updated_at(code: str) -> str:
    if code in STATUSES:
        return "2026-09-15T09:00:00+08:00"
    return f"2026-{1 + hashed(code, 'month') % 8:02d}-{1 + hashed(code, 'day') % 28:02d}T09:00:00+08:00"


def _yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


# --- money and hours -------------------------------------------------------------------------------------------------


def _fees(seat: Seat) -> list[Record]:
    """Most billers are free for the payer. Slabs cover the biller's whole range, without gap or overlap."""
    code, low, high = seat.code, seat.profile.min_amount, seat.profile.max_amount
    kind = seat.category.code
    if kind == "MOBILE_TOPUP":
        return [_fee("COMMISSION", [(low, high, "0.00", "0.003")], is_refundable=True)]
    if kind == "PROPERTY_FEE" and chance(code, "fee", 40):
        slabs = drawn(
            code,
            "slabs",
            [
                [(low, high, "2.00", "0")],
                [(low, "1000.00", "1.00", "0"), ("1000.01", high, "0.00", "0.001")],
            ],
        )
        return [_fee("PAYER_FEE", slabs, is_refundable=chance(code, "refundable", 50))]
    if kind == "TUITION" and chance(code, "fee", 40):
        slabs = [(low, "10000.00", "0.00", "0.002"), ("10000.01", high, "20.00", "0")]
        return [_fee("PAYER_FEE", slabs, is_refundable=True)]
    if kind == "TRAFFIC_FINE" and chance(code, "fee", 50):
        return [_fee("PAYER_FEE", [(low, high, "1.00", "0")], is_refundable=False)]
    return []


def _fee(kind: str, slabs: list[tuple[str, str, str, str]], *, is_refundable: bool) -> Record:
    return {
        "type": kind,
        "slabs": [
            {"min": _yuan(low), "max": _yuan(high), "flat": _yuan(flat), "rate": rate}
            for low, high, flat, rate in slabs
        ],
        "effective_from": "2026-01-01",
        "refundable": is_refundable,
    }


def _plans(seat: Seat) -> list[Record]:
    if seat.category.code != "MOBILE_TOPUP":
        return []
    return [
        {
            "plan_code": f"TOPUP-{yuan}",
            "name": text((f"充值 {yuan} 元", f"Top-up of {yuan} yuan")),
            "amount": _yuan(f"{yuan}.00"),
        }
        for yuan in (10, 20, 30, 50, 100, 200, 300, 500)
    ]


ALWAYS = [([*WEEKDAYS, *WEEKEND], "00:00", "24:00")]
NIGHT_BREAK = [([*WEEKDAYS, *WEEKEND], "00:30", "23:30")]
DAYTIME = [([*WEEKDAYS, *WEEKEND], "06:00", "22:00")]
COUNTER = [(WEEKDAYS, "08:00", "20:00"), (WEEKEND, "09:00", "17:00")]
OFFICE = [(WEEKDAYS, "09:00", "17:00")]
HOURS = {
    "ELECTRICITY": NIGHT_BREAK,
    "WATER": DAYTIME,
    "GAS": NIGHT_BREAK,
    "HEATING": DAYTIME,
    "LANDLINE": NIGHT_BREAK,
    "CABLE_TV": NIGHT_BREAK,
    "PROPERTY_FEE": COUNTER,
    "TUITION": DAYTIME,
    "SOCIAL_INSURANCE": OFFICE,
    "TRAFFIC_FINE": COUNTER,
}
# Share of the category's billers that have a cut-off, its hour, and what happens then.
CUTOFFS = {
    "ELECTRICITY": (30, "22:30", "NEXT_DAY"),
    "WATER": (40, "20:00", "NEXT_DAY"),
    "HEATING": (30, "21:00", "NEXT_DAY"),
    "PROPERTY_FEE": (25, "16:00", "NEXT_DAY"),
    "TUITION": (30, "20:00", "REJECT"),
    "SOCIAL_INSURANCE": (100, "16:30", "REJECT"),
    "TRAFFIC_FINE": (50, "16:30", "REJECT"),
}


def _service_hours(seat: Seat) -> list[Record]:
    rows = HOURS.get(seat.category.code, ALWAYS)
    return [{"days": list(days), "opens": opens, "closes": closes} for days, opens, closes in rows]


def _cutoff(seat: Seat) -> Record | None:
    percent, time, after = CUTOFFS.get(seat.category.code, (0, "", ""))
    return {"time": time, "after": after} if chance(seat.code, "cutoff", percent) else None


def _maintenance(code: str) -> list[Record]:
    if code not in MAINTENANCE:
        return []
    starts_at, ends_at, description = MAINTENANCE[code]
    return [{"starts_at": starts_at, "ends_at": ends_at, "description": text(description)}]
