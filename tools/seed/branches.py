"""Branches and ATMs of the fictional 示范银行 (Demo Bank) at real places, as wire records without computed fields.

Where they stand follows the people: systematic sampling over the counties by population, and a head branch in every
city. What they are, when they open and what they are called is made up, from tables and seeded random streams.
"""

import random
from collections.abc import Iterable
from typing import Any

from .atms import MACHINE_HELP, build_atms
from .opening import ALWAYS, EARLY_TO_LATE, Hours, Record, Week, availability, calendar_rows, service_availability, week
from .places import Place, english_name, load_places, short_name
from .search_words import search_terms
from .sites import (
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

__all__ = ["BRANCH_COUNT", "build"]

BRANCH_COUNT = 3_200
PERSONAL_SERVICES = ("ACCOUNT_OPENING", "CASH", "CARD", "BILL_PAYMENT")
SOMETIMES = (
    ("LOAN", 0.7),
    ("WEALTH", 0.6),
    ("SOCIAL_SECURITY_CARD", 0.4),
    ("COIN_EXCHANGE", 0.35),
    ("SAFE_DEPOSIT", 0.06),
)
COUNTER_HELP = (
    ("WHEELCHAIR_ACCESS", 0.7),
    ("SENIOR_COUNTER", 0.6),
    ("EXTERNAL_RAMP", 0.4),
    ("LOWER_LEVEL_COUNTER", 0.3),
    ("AUTOMATIC_DOORS", 0.3),
    ("INDUCTION_LOOP", 0.12),
    ("SIGN_LANGUAGE", 0.08),
)
COMMEMORATIVE = {
    "code": "COMMEMORATIVE_COIN",
    "name": {"zh-CN": "纪念币预约兑换", "en": "Commemorative coins"},
    "description": "Hands out commemorative coins that were ordered in advance.",
}
NAMES = {
    "HEAD": ("分行", "Branch"),
    "PHYSICAL": ("支行", "Sub-branch"),
    "COMMUNITY": ("社区支行", "Community Sub-branch"),
    "SELF_SERVICE": ("自助银行", "Self-service Branch"),
    "MOBILE": ("流动服务点", "Mobile Branch"),
}


def head_counties(places: Iterable[Place]) -> set[str]:
    """Of each city, the county with the most people: the city's head branch stands there."""
    heads: dict[str, Place] = {}
    for place in places:
        best = heads.setdefault(place.city_code, place)
        if place.population > best.population:
            heads[place.city_code] = place
    return {place.adcode for place in heads.values()}


def kind_of(site: Site, index: int, is_head: bool, rng: random.Random) -> str:
    """Type of the county's branch number `index`. The first of several has counters: it is the others' parent."""
    if is_head or (index == 0 and not site.is_alone):
        return "PHYSICAL"
    odds = (66, 16, 18, 0) if site.place.is_urban else (76, 4, 6, 14)
    return rng.choices(("PHYSICAL", "COMMUNITY", "SELF_SERVICE", "MOBILE"), odds)[0]


def shifted(hours: Hours, place: Place) -> Hours:
    """Hours moved to the sun where the common time zone is far from it: two hours later in Xinjiang, one in Xizang."""
    by = {"65": 2, "54": 1}.get(place.adcode[:2], 0)

    def later(time: str) -> str:
        return f"{int(time[:2]) + by:02}{time[2:]}"

    return tuple((later(opens), later(closes)) for opens, closes in hours)


def counter_week(place: Place, is_head: bool, rng: random.Random) -> Week:
    """Hours of a branch with counters: long ones in towns, a noon break and often no weekend in the country."""
    if not place.is_urban:
        noon: Hours = shifted((("08:30", "12:00"), ("13:30", "17:00")), place)
        saturday: Hours = shifted((("09:00", "16:00"),), place) if rng.random() < 0.5 else ()
        return week(noon, saturday)
    weekdays = shifted((rng.choice((("09:00", "17:00"), ("08:30", "17:00"), ("09:00", "17:30"))),), place)
    short = shifted((rng.choice((("09:00", "16:00"), ("09:30", "16:30"))),), place)
    weekend = 1.0 if is_head else rng.random()
    return week(
        weekdays, short if weekend > 0.25 else (), short if weekend > 0.4 else (), short if weekend > 0.7 else ()
    )


def branch_week(kind: str, place: Place, is_head: bool, rng: random.Random) -> Week:
    """Hours of a branch by its type."""
    if kind == "SELF_SERVICE":
        return ALWAYS if rng.random() < 0.7 else EARLY_TO_LATE
    if kind == "COMMUNITY":
        evening = shifted((("10:00", "19:00"),), place)
        return week(evening, evening, shifted((("10:00", "17:00"),), place) if rng.random() < 0.4 else ())
    if kind == "MOBILE":
        visit = shifted((("09:30", "15:30"),), place)
        first = rng.randrange(3)
        return Week(
            tuple(
                (day, visit)
                for day in (("MONDAY", "TUESDAY", "WEDNESDAY")[first], ("THURSDAY", "FRIDAY")[rng.randrange(2)])
            )
        )
    return counter_week(place, is_head, rng)


def corporate_service(place: Place, rng: random.Random) -> Record:
    """The corporate counter: closed at weekends and on public holidays, open on make-up working days."""
    hours = shifted((("09:00", "12:00"), ("13:30", "17:00")) if rng.random() < 0.3 else (("09:00", "17:00"),), place)
    return {"code": "CORPORATE", "availability": service_availability(week(hours))}


def services(kind: str, place: Place, is_head: bool, rng: random.Random) -> list[Record]:
    """What a branch does, by its type."""
    if kind == "SELF_SERVICE":
        return [{"code": code} for code in ("CASH", "CARD", "BILL_PAYMENT", "SELF_SERVICE")]
    if kind == "MOBILE":
        return [{"code": code} for code in ("CASH", "CARD", "BILL_PAYMENT")]
    codes = [*PERSONAL_SERVICES, *chosen(rng, SOMETIMES)]
    if kind == "COMMUNITY":
        return [{"code": code} for code in codes if code not in ("SAFE_DEPOSIT", "COIN_EXCHANGE")]
    if is_head or rng.random() < (0.45 if place.is_urban else 0.08):
        codes.append("FOREIGN_EXCHANGE")
    corporate = [corporate_service(place, rng)] if is_head or rng.random() < 0.4 else []
    return [*({"code": code} for code in [*codes, "SELF_SERVICE"]), *corporate]


def segments(kind: str, is_head: bool, offers: list[Record], rng: random.Random) -> list[str]:
    """Whom a branch serves."""
    corporate = any(offer["code"] == "CORPORATE" for offer in offers)
    rich = kind == "PHYSICAL" and rng.random() < 0.4
    return [
        "PERSONAL",
        *(["PREMIER"] if rich or is_head else []),
        *(["PRIVATE"] if is_head else []),
        *(["BUSINESS", "CORPORATE"] if corporate else []),
    ]


def branch_name(site: Site, kind: str, index: int, is_head: bool) -> Record:
    """The head branch bears its city's name, the county's first its county's, the others add their street."""
    zh_type, en_type = NAMES["HEAD" if is_head else kind]
    if is_head:
        zh, en = short_name(site.place.city), english_name(site.place.city)
    elif index == 0:
        zh, en = site.place.label, site.place.english_label
    else:
        zh, en = site.place.label + site.street, f"{site.place.english_label} {english_street(site.street)}"
    return {"zh-CN": f"示范银行{zh}{zh_type}", "en": f"Demo Bank {en} {en_type}"}


def branch_record(site: Site, index: int, is_head: bool, rng: random.Random) -> Record:
    """One branch as `OPEN`; what it belongs to and what became of it is settled later."""
    place = site.place
    code = f"{place.adcode}{index + 1:03}"
    kind = kind_of(site, index, is_head, rng)
    offers = services(kind, place, is_head, rng)
    has_people = kind != "SELF_SERVICE"
    phone = f"+86-000-{rng.randrange(100_000_000):08}"
    return {
        "branch_id": public_id("brn_", "branch", code),
        "branch_code": code,
        "name": branch_name(site, kind, index, is_head),
        "branch_type": kind,
        "status": "OPEN",
        "postal_address": address(site),
        "location": location(site.latitude, site.longitude),
        "timezone": "Asia/Shanghai",
        "customer_segments": segments(kind, is_head, offers, rng),
        "services": offers,
        "accessibility": chosen(rng, COUNTER_HELP if has_people else MACHINE_HELP),
        "other_services": [COMMEMORATIVE] if kind == "PHYSICAL" and rng.random() < 0.1 else [],
        "contacts": [
            {"type": "PHONE", "value": phone},
            *([{"type": "EMAIL", "value": f"{code}@branch.demobank.example"}] if is_head else []),
        ],
        "availability": availability(branch_week(kind, place, is_head, rng)),
        "last_updated": last_updated(rng),
    }


def set_after(record: Record, before: str, name: str, value: Any) -> Record:
    """`record` with one more member, right after `before`: members keep the order of the contract."""
    pairs = [
        pair for key, old in record.items() for pair in ([(key, old), (name, value)] if key == before else [(key, old)])
    ]
    return dict(pairs)


def with_parents(records: list[Record], places: dict[str, Place], heads: set[str]) -> list[Record]:
    """Name each one's parent.

    Counters, and whatever is alone in its county, belong to the head branch of the city; everything else belongs to
    the first branch of its county.
    """
    head_of = {places[code].city_code: public_id("brn_", "branch", f"{code}001") for code in heads}
    made = []
    for record in records:
        adcode, number = record["branch_code"][:6], record["branch_code"][6:]
        is_head = adcode in heads and number == "001"
        below_head = record["branch_type"] == "PHYSICAL" or number == "001"
        parent = head_of[places[adcode].city_code] if below_head else public_id("brn_", "branch", f"{adcode}001")
        made.append(record if is_head else set_after(record, "branch_type", "parent_branch_id", parent))
    return made


def ended(record: Record, *, moved: bool) -> Record:
    """A branch that serves nobody any more."""
    plain = [{"code": offer["code"]} for offer in record["services"]]
    gone = {**record, "status": "CLOSED", "services": plain, "availability": {"standard": [], "special": []}}
    if not moved:
        return gone
    successor = public_id("brn_", "branch", f"{record['branch_code'][:6]}001")
    return set_after({**gone, "status": "RELOCATED"}, "status", "moved_to", successor)


def with_fates(records: list[Record]) -> list[Record]:
    """Shut some for now, close some for good, move some to the first branch of their county."""
    made = []
    for record in records:
        draw = stream("fate", record["branch_code"]).random()
        if record["branch_code"].endswith("001") or draw >= 0.06:
            made.append(record)
        elif draw < 0.03:
            made.append({**record, "status": "TEMPORARILY_CLOSED"})
        else:
            made.append(ended(record, moved=draw < 0.045))
    return made


def build_branches(ground: Ground) -> list[Record]:
    """All branches, by code."""
    places = load_places()
    heads = head_counties(places)
    counts = allot(places, BRANCH_COUNT)
    records: list[Record] = []
    for place in places:
        count = max(counts[place.adcode], 1 if place.adcode in heads else 0)
        rng = stream("branch", place.adcode)
        for index, site in enumerate(sites(place, count, rng, ground)):
            records.append(branch_record(site, index, index == 0 and place.adcode in heads, rng))
    return with_fates(with_parents(records, {place.adcode: place for place in places}, heads))


def build() -> dict[str, list[dict[str, Any]]]:
    """File name -> records.

    `search_terms` and `workdays` are no records of the contract: the sandbox reads them to answer `q`, `city` and
    `open_now`.
    """
    ground = Ground()
    branches = build_branches(ground)
    atms = build_atms(branches, ground)
    places = {place.adcode: place for place in load_places()}
    terms = [search_terms(branch, "branch_id", places) for branch in branches] + [
        search_terms(atm, "atm_id", places) for atm in atms
    ]
    return {
        "branches.jsonl.gz": branches,
        "atms.jsonl.gz": atms,
        "search_terms.jsonl.gz": terms,
        "workdays.jsonl": calendar_rows(),
    }
