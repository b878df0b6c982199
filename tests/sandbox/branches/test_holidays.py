"""Days around the Spring Festival and the National Day of 2026, checked by hand against the State Council's notice.

The notice (国务院办公厅关于2026年部分节假日安排的通知): off from 15 to 23 February, 14 and 28 February are worked;
Mid-Autumn off from 25 to 27 September; National Day off from 1 to 7 October, 20 September and 10 October are worked.
"""

from __future__ import annotations

import json
from datetime import date

import pytest
from tests.sandbox.branches.conftest import a_branch, find, seed

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches.opening_hours import Calendar, compact, is_certain, is_open_at, parse, span_at
from openteller_sandbox.branches.service import BRANCHES, Filters, Found
from openteller_sandbox.db import Database
from openteller_sandbox.settings import SEED_FOLDER

WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")


def week(weekday: list[tuple[str, str]], saturday: list[tuple[str, str]], sunday: list[tuple[str, str]]) -> str:
    """Hours without special days: the calendar alone decides."""
    days = {**dict.fromkeys(WEEKDAYS, weekday), "SATURDAY": saturday, "SUNDAY": sunday}
    standard = [
        {"day": day, "opening_hours": [{"opens": opens, "closes": closes} for opens, closes in hours]}
        for day, hours in days.items()
        if hours
    ]
    return compact({"standard": standard, "special": []}, "Asia/Shanghai")


TOWN = week([("08:30", "12:00"), ("13:30", "17:00")], [("09:30", "15:30")], [("10:00", "14:00")])
SAMPLES = ("08:45", "10:15", "12:30", "14:30", "16:30")
WORKED, SATURDAY, OFF = "XX.XX", ".XXX.", ".XX.."
"""At which of the samples a branch with these hours is open."""

TABLE = [
    ("2026-01-01", "Thursday", OFF),
    ("2026-01-03", "Saturday", OFF),
    ("2026-01-04", "Sunday", WORKED),
    ("2026-02-07", "Saturday", SATURDAY),
    ("2026-02-08", "Sunday", OFF),
    ("2026-02-13", "Friday", WORKED),
    ("2026-02-14", "Saturday", WORKED),
    ("2026-02-15", "Sunday", OFF),
    ("2026-02-16", "Monday", OFF),
    ("2026-02-17", "Tuesday", OFF),
    ("2026-02-18", "Wednesday", OFF),
    ("2026-02-19", "Thursday", OFF),
    ("2026-02-20", "Friday", OFF),
    ("2026-02-21", "Saturday", OFF),
    ("2026-02-22", "Sunday", OFF),
    ("2026-02-23", "Monday", OFF),
    ("2026-02-24", "Tuesday", WORKED),
    ("2026-02-28", "Saturday", WORKED),
    ("2026-03-01", "Sunday", OFF),
    ("2026-03-07", "Saturday", SATURDAY),
    ("2026-09-19", "Saturday", SATURDAY),
    ("2026-09-20", "Sunday", WORKED),
    ("2026-09-21", "Monday", WORKED),
    ("2026-09-24", "Thursday", WORKED),
    ("2026-09-25", "Friday", OFF),
    ("2026-09-26", "Saturday", OFF),
    ("2026-09-27", "Sunday", OFF),
    ("2026-09-28", "Monday", WORKED),
    ("2026-09-30", "Wednesday", WORKED),
    ("2026-10-01", "Thursday", OFF),
    ("2026-10-02", "Friday", OFF),
    ("2026-10-03", "Saturday", OFF),
    ("2026-10-04", "Sunday", OFF),
    ("2026-10-05", "Monday", OFF),
    ("2026-10-06", "Tuesday", OFF),
    ("2026-10-07", "Wednesday", OFF),
    ("2026-10-08", "Thursday", WORKED),
    ("2026-10-09", "Friday", WORKED),
    ("2026-10-10", "Saturday", WORKED),
    ("2026-10-11", "Sunday", OFF),
    ("2026-10-17", "Saturday", SATURDAY),
]

CHANGES = [
    ("2026-02-13T17:00", "2026-02-14T08:30"),  # a Friday evening before a Saturday that is worked
    ("2026-02-14T17:30", "2026-02-15T10:00"),
    ("2026-02-23T14:00", "2026-02-24T08:30"),
    ("2026-02-27T18:00", "2026-02-28T08:30"),
    ("2026-09-20T12:00", "2026-09-20T13:30"),
    ("2026-09-30T16:59", "2026-09-30T17:00"),
    ("2026-09-30T17:00", "2026-10-01T10:00"),
    ("2026-10-03T13:00", "2026-10-03T14:00"),  # a Saturday with Sunday's hours
    ("2026-10-10T15:30", "2026-10-10T17:00"),
]


def at(text: str) -> int:
    return clock.parse(f"{text}:00+08:00")


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    """The seed's own days."""
    lines = (SEED_FOLDER / "workdays.jsonl").read_text(encoding="utf-8").splitlines()
    return Calendar({date.fromisoformat(row["date"]): not row["off"] for row in map(json.loads, lines)})


@pytest.mark.parametrize(("day", "name", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_the_hours_of_a_day_are_those_of_the_notice(calendar: Calendar, day: str, name: str, expected: str) -> None:
    hours = parse(TOWN)
    assert f"{date.fromisoformat(day):%A}" == name
    shown = "".join("X" if span_at(hours, calendar, at(f"{day}T{time}")).is_open else "." for time in SAMPLES)
    quick = "".join("X" if is_open_at(hours, calendar, at(f"{day}T{time}")) else "." for time in SAMPLES)
    assert (shown, quick) == (expected, expected)


@pytest.mark.parametrize(("now", "change"), CHANGES)
def test_the_next_change_is_that_of_the_notice(calendar: Calendar, now: str, change: str) -> None:
    span = span_at(parse(TOWN), calendar, at(now))
    assert span.next_change(at(now)) == at(change)
    assert not span.is_provisional(at(now))


def test_a_branch_that_is_closed_at_weekends_is_closed_for_nine_days_at_the_spring_festival(calendar: Calendar) -> None:
    counter = parse(week([("09:00", "17:00")], [], []))
    assert span_at(counter, calendar, at("2026-02-14T18:00")).next_change(at("2026-02-14T18:00")) == at(
        "2026-02-24T09:00"
    )


# --- a branch of the seed, whose special days decide ------------------------------------------------------------------

BRANCH = "310109001"
NATIONAL_DAY = [
    # At half past ten and half past four: the branch; its corporate counter.
    ("2026-09-26", "X.", ".."),  # Saturday, a holiday: Sunday's hours
    ("2026-09-30", "XX", "XX"),
    ("2026-10-01", "..", ".."),
    ("2026-10-03", "..", ".."),
    ("2026-10-04", "X.", ".."),
    ("2026-10-07", "X.", ".."),
    ("2026-10-08", "XX", "XX"),
    ("2026-10-10", "XX", "XX"),  # Saturday, worked
    ("2026-10-11", "X.", ".."),
]


@pytest.mark.parametrize(("day", "branch", "counter"), NATIONAL_DAY)
def test_branch_and_counter_have_the_hours_that_their_special_days_say(
    bank: Bank, day: str, branch: str, counter: str
) -> None:
    def shown(service: str | None) -> str:
        return "".join(
            "X" if BRANCH in {row.code for row in find_at(bank.db, at(f"{day}T{time}"), service)} else "."
            for time in ("10:30", "16:30")
        )

    assert (shown(None), shown("CORPORATE")) == (branch, counter)


def find_at(database: Database, instant: int, service: str | None) -> list[Found]:
    return find(database, BRANCHES, Filters(open_at=instant, service=service, adcode="310109"), now=instant, count=101)


# --- what is not known yet --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T10:00", False),
        ("2026-12-31T10:00", False),  # closes at noon, whatever the new year brings
        ("2026-12-31T17:00", True),  # New Year's Day is not announced
        ("2027-01-01T10:15", True),
        ("2023-12-31T10:15", True),  # before the first year that is known
        ("2024-01-01T10:15", False),
    ],
)
def test_what_depends_on_days_that_are_not_announced_is_provisional(
    calendar: Calendar, now: str, expected: bool
) -> None:
    assert span_at(parse(TOWN), calendar, at(now)).is_provisional(at(now)) is expected


def test_who_is_always_open_is_so_whatever_is_announced(calendar: Calendar) -> None:
    always = parse(week([("00:00", "24:00")], [("00:00", "24:00")], [("00:00", "24:00")]))
    now = at("2027-02-08T03:00")
    assert is_certain(always, calendar, date(2027, 2, 8))
    assert not span_at(always, calendar, now).is_provisional(now)


def test_a_special_day_is_certain(calendar: Calendar) -> None:
    special = [{"start_date": "2027-01-01", "end_date": "2027-01-03", "closed": True, "days": []}]
    hours = parse(compact({"standard": a_branch()["availability"]["standard"], "special": special}, "Asia/Shanghai"))
    now = at("2027-01-01T10:00")
    assert [is_certain(hours, calendar, date(2027, 1, day)) for day in (1, 3, 4)] == [True, True, False]
    assert span_at(hours, calendar, now).is_provisional(now), "it opens on a day that is not"


def test_a_closed_month_becomes_provisional_31_days_before_the_unknown_days(calendar: Calendar) -> None:
    """What is announced goes as far; nothing is said of what comes later."""
    special = [{"start_date": "2026-11-01", "end_date": "2026-12-31", "closed": True, "days": []}]
    hours = parse(compact({"standard": a_branch()["availability"]["standard"], "special": special}, "Asia/Shanghai"))
    early, late = at("2026-11-15T12:00"), at("2026-12-01T12:00")
    assert [span_at(hours, calendar, now).is_provisional(now) for now in (early, late)] == [False, True]


def test_a_bank_without_holidays_knows_its_days_for_ever() -> None:
    assert not span_at(parse(TOWN), Calendar({}), at("2050-01-01T10:15")).is_provisional(at("2050-01-01T10:15"))


def test_the_quick_answer_is_that_of_the_span_through_a_whole_year(calendar: Calendar) -> None:
    texts = sorted({compact(row["availability"], row["timezone"]) for row in seed("branches")})[::6]
    for text in texts:
        hours = parse(text)
        for instant in range(at("2026-01-01T00:00"), at("2027-01-01T00:00"), 37 * clock.HOUR + 13 * clock.MINUTE):
            assert is_open_at(hours, calendar, instant) == span_at(hours, calendar, instant).is_open
