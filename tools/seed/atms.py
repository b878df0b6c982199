"""ATMs of the demo bank as wire records: those of branches, and those in stations, shops and hospitals."""

import random

from .branch_words import FREE_PLACES
from .opening import ALWAYS, EARLY_TO_LATE, Record, availability
from .places import load_places
from .sites import (
    ROADS,
    Ground,
    Site,
    address,
    allot,
    chosen,
    english_street,
    last_updated,
    location,
    public_id,
    sites,
    stream,
)

FREE_ATM_COUNT = 900
MACHINE_HELP = (("WHEELCHAIR_ACCESS", 0.6), ("LEVEL_ACCESS", 0.5), ("AUDIO_CASH_MACHINE", 0.25))
ATM_SOMETIMES = (
    ("CASH_DEPOSIT", 0.6),
    ("CARDLESS_WITHDRAWAL", 0.5),
    ("TRANSFER", 0.8),
    ("BILL_PAYMENT", 0.4),
    ("PIN_CHANGE", 0.7),
    ("CONTACTLESS", 0.6),
)


def atm_record(code: str, name: Record, where: Record, rng: random.Random) -> Record:
    """One ATM; `where` has what depends on its place: branch_id?, category, status?, address, location, hours."""
    has_foreign = where["category"] == "REMOTE_UNIT" and rng.random() < 0.05
    return {
        "atm_id": public_id("atm_", "atm", code),
        "atm_code": code,
        "name": name,
        **({"branch_id": where["branch_id"]} if "branch_id" in where else {}),
        "location_category": where["category"],
        "status": where.get("status") or rng.choices(("IN_SERVICE", "CASH_OUT", "OUT_OF_SERVICE"), (95, 3, 2))[0],
        "postal_address": where["address"],
        "location": where["location"],
        "timezone": "Asia/Shanghai",
        "atm_services": ["CASH_WITHDRAWAL", "BALANCE_ENQUIRY", *chosen(rng, ATM_SOMETIMES)],
        "access_24h": where["access_24h"],
        "accessibility": chosen(rng, MACHINE_HELP),
        "supported_currencies": ["CNY", "HKD"] if has_foreign else ["CNY"],
        "supported_languages": ["zh-CN", "en"],
        "minimum_amount": {"amount": rng.choice(("100.00", "100.00", "50.00")), "currency": "CNY"},
        "availability": where["hours"],
        "last_updated": last_updated(rng),
    }


def branch_atm(branch: Record, number: int, inside: bool, rng: random.Random, ground: Ground) -> Record:
    """One ATM a few metres from its branch's point: `inside` keeps the branch's hours, the others are always open."""
    keeps_hours = inside or branch["branch_type"] == "SELF_SERVICE"
    hours = branch["availability"] if keeps_hours else availability(ALWAYS)
    point = branch["location"]["latitude"], branch["location"]["longitude"]
    where = {
        "branch_id": branch["branch_id"],
        "category": "BRANCH_INTERNAL" if inside else rng.choice(("BRANCH_LOBBY", "BRANCH_EXTERNAL")),
        "status": None if branch["status"] == "OPEN" else "OUT_OF_SERVICE",
        "address": branch["postal_address"],
        "location": location(*ground.point(rng, point, 0.008)),
        "access_24h": hours == availability(ALWAYS),
        "hours": hours,
    }
    name = {"zh-CN": f"{branch['name']['zh-CN']} {number}号自动柜员机", "en": f"{branch['name']['en']} ATM {number}"}
    return atm_record(f"A{branch['branch_code']}{number}", name, where, rng)


def branch_atms(branch: Record, ground: Ground) -> list[Record]:
    """The ATMs of a branch: at least one where there are machines only, none at a branch that has ended."""
    rng = stream("branch-atms", branch["branch_code"])
    if branch["status"] in ("CLOSED", "RELOCATED") or branch["branch_type"] not in ("PHYSICAL", "SELF_SERVICE"):
        return []
    has_counters = branch["branch_type"] == "PHYSICAL"
    count = rng.choices((0, 1, 2), (5, 4, 1) if has_counters else (0, 2, 1))[0]
    return [
        branch_atm(branch, number, has_counters and rng.random() < 0.35, rng, ground) for number in range(1, count + 1)
    ]


def free_atm(site: Site, number: int, rng: random.Random) -> Record:
    """An ATM away from any branch."""
    word = rng.choice(sorted(FREE_PLACES))
    english, category, always = FREE_PLACES[word]
    suffix = next(suffix for suffix, _ in ROADS if site.street.endswith(suffix))
    label = f"{site.place.label}{site.street.removesuffix(suffix)}{word}"
    street = english_street(site.street).rsplit(" ", 1)[0]
    where = {
        "category": category,
        "address": address(site, f"{label}一层"),
        "location": location(site.latitude, site.longitude),
        "access_24h": always,
        "hours": availability(ALWAYS if always else EARLY_TO_LATE),
    }
    name = {
        "zh-CN": f"示范银行{label}自动柜员机",
        "en": f"Demo Bank ATM, {site.place.english_label} {street} {english}",
    }
    return atm_record(f"A{site.place.adcode}{number:04}", name, where, rng)


def build_atms(branches: list[Record], ground: Ground) -> list[Record]:
    """All ATMs, by code: those of branches, and those in stations, shops and hospitals."""
    places = load_places()
    counts = allot(places, FREE_ATM_COUNT)
    records = [atm for branch in branches for atm in branch_atms(branch, ground)]
    for place in places:
        rng = stream("atm", place.adcode)
        records += [
            free_atm(site, 9000 + n, rng) for n, site in enumerate(sites(place, counts[place.adcode], rng, ground), 1)
        ]
    return sorted(records, key=lambda record: str(record["atm_code"]))
