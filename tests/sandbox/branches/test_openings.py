"""What is open, as lists and records say it: by status, by clock, and from memory."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.sandbox.branches.conftest import OpenBank, a_branch, an_atm, find, seed

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import openings, service
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters
from openteller_sandbox.db import Database

ONE_DAY = {
    "standard": [],
    "special": [
        {
            "name": {"zh-CN": "社区日", "en": "Community day"},
            "start_date": "2026-11-23",
            "end_date": "2026-11-23",
            "closed": False,
            "days": [{"day": "MONDAY", "opening_hours": [{"opens": "09:00", "closes": "10:00"}]}],
        }
    ],
}
CORPORATE = {"code": "CORPORATE", "availability": {**ONE_DAY, "special": []}}


def at(text: str) -> int:
    return clock.parse(f"2026-{text}:00+08:00")


def shown(database: Database, now: int, **filters: Any) -> dict[str, Any]:
    (found,) = find(database, BRANCHES, Filters(**filters), now=now, count=2)
    record = json.loads(found.wire)
    return {key: record[key] for key in ("open_now", "next_change_at") if key in record}


def open_codes(database: Database, now: int, **filters: Any) -> list[str]:
    rows = find(database, BRANCHES, Filters(open_now=True, **filters), now=now, count=101)
    return [row.code[-1] for row in rows]


def test_the_tail_follows_the_clock(open_bank: OpenBank) -> None:
    database = open_bank(a_branch())
    assert shown(database, at("09-29T10:30")) == {"open_now": True, "next_change_at": "2026-09-29T17:00:00+08:00"}
    assert shown(database, at("09-29T17:00")) == {"open_now": False, "next_change_at": "2026-09-30T09:00:00+08:00"}


def test_clocks_that_differ_do_not_mix(open_bank: OpenBank) -> None:
    """Worlds ask in turn; each hears about its own time, from memory or not."""
    database = open_bank(a_branch())
    instants = [at(f"09-{day}T{hour}:30") for day in (28, 29, 30) for hour in ("08", "10", "18")]
    first = [shown(database, now) for now in instants]

    assert [shown(database, now) for now in reversed(instants)] == first[::-1]
    assert [answer["open_now"] for answer in first] == [False, True, False] * 3


def test_a_change_that_was_too_far_ahead_is_announced_in_time(open_bank: OpenBank) -> None:
    """The same stretch of time is remembered before and after its end comes into sight."""
    database = open_bank(a_branch(availability=ONE_DAY))
    announced = {"open_now": False, "next_change_at": "2026-11-23T09:00:00+08:00"}

    assert shown(database, at("10-07T10:00")) == {"open_now": False}, "farther ahead than anybody looks"
    assert shown(database, at("10-24T10:00")) == announced
    assert shown(database, at("10-15T10:00")) == {"open_now": False}
    assert shown(database, at("10-30T10:00")) == announced
    assert shown(database, at("10-16T10:00")) == {"open_now": False}
    assert shown(database, at("11-22T10:00")) == announced


@pytest.mark.parametrize(
    ("zone", "on_the_mainland"),
    [
        ("Asia/Shanghai", True),
        ("Asia/Urumqi", True),
        ("Asia/Kashgar", True),
        ("PRC", True),
        ("Asia/Hong_Kong", False),
        ("Asia/Macau", False),
        ("Asia/Taipei", False),
        ("Asia/Singapore", False),
        ("Europe/London", False),
    ],
)
def test_holidays_and_make_up_days_of_the_mainland_are_of_its_places_only(
    open_bank: OpenBank, zone: str, on_the_mainland: bool
) -> None:
    """A Monday of National Day and the Saturday that is worked for it; no holidays of the next year are known."""
    workdays = [
        {"date": "2026-10-05", "holiday": "国庆节", "off": True},
        {"date": "2026-10-10", "holiday": "国庆节", "off": False},
    ]
    record = a_branch(timezone=zone)
    database = open_bank(record, workdays=workdays)
    monday, saturday, next_year = (
        clock.to_ms(datetime(*day, 10, 30, tzinfo=ZoneInfo(zone)))
        for day in ((2026, 10, 5), (2026, 10, 10), (2027, 3, 2))
    )

    assert [bool(open_codes(database, now)) for now in (monday, saturday)] == [not on_the_mainland, on_the_mainland]
    assert shown(database, monday)["open_now"] is not on_the_mainland
    then = find(database, BRANCHES, Filters(open_at=next_year), now=monday, count=1)
    assert json.loads(then[0].wire)["open_at"].get("provisional", False) is on_the_mainland
    days = service.days_of(database, record, monday, 6)
    assert [day.exception for day in days] == ([False, None, None, None, None, True] if on_the_mainland else [None] * 6)
    assert [bool(day.hours) for day in days] == [not on_the_mainland, True, True, True, True, on_the_mainland]
    assert service.days_of(database, record, next_year, 1)[0].certain is not on_the_mainland


@pytest.mark.parametrize("status", ["TEMPORARILY_CLOSED", "CLOSED", "RELOCATED", "SOMETHING_NEW"])
def test_only_an_open_branch_is_ever_open(open_bank: OpenBank, status: str) -> None:
    database = open_bank(a_branch(status=status))
    assert shown(database, at("09-29T10:30")) == {"open_now": False}
    assert open_codes(database, at("09-29T10:30")) == []


def test_an_atm_without_cash_is_open_and_one_out_of_service_is_not(open_bank: OpenBank) -> None:
    states = ("IN_SERVICE", "CASH_OUT", "OUT_OF_SERVICE")
    database = open_bank(a_branch(), atms=tuple(an_atm(n, status=status) for n, status in enumerate(states)))
    rows = find(database, ATMS, Filters(open_now=True), now=at("09-29T03:00"), count=9)
    assert [json.loads(row.wire)["status"] for row in rows] == ["IN_SERVICE", "CASH_OUT"]


def test_a_service_with_hours_of_its_own_is_on_offer_only_in_them(open_bank: OpenBank) -> None:
    """Of three open branches one never offers it, one always, one has no such service."""
    own_hours = a_branch(1, services=[{"code": "CASH"}, CORPORATE])
    no_own_hours = a_branch(2, services=[{"code": "CASH"}, {"code": "CORPORATE"}])
    database, now = open_bank(own_hours, no_own_hours, a_branch(3)), at("09-29T10:30")

    assert open_codes(database, now) == ["1", "2", "3"]
    assert open_codes(database, now, service="CORPORATE") == ["2"]
    assert open_codes(database, now, service="CASH") == ["1", "2", "3"]
    listed = find(database, BRANCHES, Filters(service="CORPORATE"), now=now, count=9)
    assert [row.code[-1] for row in listed] == ["1", "2"], "without open_now its hours do not matter"


def test_the_corporate_counters_of_the_seed_are_closed_at_weekends(bank: Bank) -> None:
    saturday, tuesday = at("09-26T10:30"), at("09-29T10:30")
    filters = Filters(service="CORPORATE", open_now=True, city="上海")

    assert find(bank.db, BRANCHES, filters, now=saturday, count=101) == []
    assert len(find(bank.db, BRANCHES, filters, now=tuesday, count=101)) > 10
    assert find(bank.db, BRANCHES, Filters(open_now=True, city="上海"), now=saturday, count=101)


def test_a_make_up_working_day_and_a_holiday_of_the_calendar_hold_where_the_record_is_silent(
    open_bank: OpenBank,
) -> None:
    workdays = [
        {"date": "2026-10-01", "holiday": "国庆节", "off": True},
        {"date": "2026-10-10", "holiday": "国庆节", "off": False},
    ]
    database = open_bank(a_branch(), workdays=workdays)
    assert [shown(database, at(f"10-{day}T10:00"))["open_now"] for day in ("01", "02", "10", "11")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("moment", ["09-26T10:30", "09-29T03:00", "09-29T10:30", "10-01T10:30", "10-10T16:30"])
def test_the_filter_and_the_records_agree_for_every_branch(bank: Bank, moment: str) -> None:
    now = at(moment)
    open_ones, after = set(), None
    while page := find(bank.db, BRANCHES, Filters(), now=now, count=101, after=after):
        open_ones |= {row.code for row in page if json.loads(row.wire)["open_now"]}
        after = page[-1][:2]

    filtered: set[str] = set()
    after = None
    while page := find(bank.db, BRANCHES, Filters(open_now=True), now=now, count=101, after=after):
        filtered |= {row.code for row in page}
        after = page[-1][:2]
    assert filtered == open_ones
    assert 0 < len(open_ones) < len(seed("branches"))


def test_what_is_remembered_stays_bounded(bank: Bank) -> None:
    """A partner who turns its clock through a year does not fill the bank's memory."""
    start = at("01-01T00:00")
    for minute in range(0, 365 * 24 * 60, 1000):
        find(
            bank.db,
            ATMS,
            Filters(open_now=True),
            now=start + minute * clock.MINUTE,
            count=1,
        )
    assert len(openings.of(bank.db)._keys) <= openings._MOST_MINUTES
