"""Opening hours: which rule decides, and when that changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openteller_sandbox import clock
from openteller_sandbox.branches.opening_hours import (
    LOOK_AHEAD_MS,
    Calendar,
    Span,
    compact,
    days_from,
    in_common,
    is_open_at,
    parse,
    span_at,
)

DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
MONDAY = date(2026, 9, 28)
NO_EXCEPTIONS = Calendar({})
Record = dict[str, Any]


def day(name: str, *hours: tuple[str, str]) -> Record:
    return {"day": name, "opening_hours": [{"opens": opens, "closes": closes} for opens, closes in hours]}


def week(*days: Record, special: tuple[Record, ...] = ()) -> Record:
    return {"standard": list(days), "special": list(special)}


def special(first: str, last: str, *days: Record) -> Record:
    return {"start_date": first, "end_date": last, "closed": not days, "days": list(days)}


NINE_TO_FIVE = [day(name, ("09:00", "17:00")) for name in DAYS[:5]]
WEEKEND = [day(name, ("10:00", "15:00")) for name in DAYS[5:]]
ALWAYS = [day(name, ("00:00", "24:00")) for name in DAYS]


def at(text: str) -> int:
    """Bank time in September or October 2026, as ``29T10:30`` or ``10-01T08:00``."""
    return clock.parse(f"2026-{text if '-' in text else f'09-{text}'}:00+08:00")


def span(record: Record, now: int, calendar: Calendar = NO_EXCEPTIONS, zone: str = "Asia/Shanghai") -> Span:
    return span_at(parse(compact(record, zone)), calendar, now)


def test_opens_at_the_minute_and_is_closed_at_the_closing_minute() -> None:
    record = week(*NINE_TO_FIVE)
    opens, closes = at("29T09:00"), at("29T17:00")

    assert [span(record, now).is_open for now in (opens - 1, opens, closes - 1, closes)] == [False, True, True, False]


def test_a_noon_break_is_a_change() -> None:
    record = week(day("TUESDAY", ("08:30", "12:00"), ("13:30", "17:00")))

    assert span(record, at("29T10:30")).next_change(at("29T10:30")) == at("29T12:00")
    assert span(record, at("29T12:10")).next_change(at("29T12:10")) == at("29T13:30")


def test_the_next_change_of_an_evening_is_the_next_opening_whenever_that_is() -> None:
    """A branch of the country is closed from Friday evening to Monday morning."""
    friday_evening = at("10-16T19:00")
    assert span(week(*NINE_TO_FIVE), friday_evening).next_change(friday_evening) == at("10-19T09:00")


def test_hours_that_go_on_after_midnight_do_not_close_at_midnight() -> None:
    record = week(day("MONDAY", ("20:00", "24:00")), day("TUESDAY", ("00:00", "02:00")))
    late, after_midnight = at("28T23:00"), at("29T01:00")

    assert span(record, late).next_change(late) == at("29T02:00")
    assert span(record, after_midnight).is_open
    assert span(record, after_midnight).next_change(after_midnight) == at("29T02:00")


def test_who_closes_at_24_00_closes_with_the_day() -> None:
    record = week(day("SUNDAY", ("12:00", "24:00")))
    sunday_night = at("27T23:59")

    assert span(record, sunday_night).next_change(sunday_night) == at("28T00:00")
    assert not span(record, at("28T00:00")).is_open


def test_who_never_closes_and_who_never_opens_has_no_change() -> None:
    now = at("29T10:30")
    assert span(week(*ALWAYS), now).is_open
    assert span(week(*ALWAYS), now).next_change(now) is None
    assert not span(week(), now).is_open
    assert span(week(), now).next_change(now) is None


def test_a_special_day_decides_alone() -> None:
    """Neither the week nor the calendar has a say on it."""
    calendar = Calendar({date(2026, 10, 1): False, date(2026, 10, 10): True})
    record = week(*NINE_TO_FIVE, special=(special("2026-10-01", "2026-10-10", day("THURSDAY", ("06:00", "07:00"))),))

    assert span(record, at("10-01T06:30"), calendar).is_open
    assert not span(record, at("10-01T10:00"), calendar).is_open
    assert not span(record, at("10-09T10:00"), calendar).is_open, "a weekday that the entry does not have is closed"
    assert not span(record, at("10-10T10:00"), calendar).is_open, "a make-up working day too"
    assert span(record, at("10-12T10:00"), calendar).is_open


def test_the_first_of_two_special_entries_decides() -> None:
    closed = special("2026-10-01", "2026-10-03")
    short = special("2026-10-01", "2026-10-07", day("FRIDAY", ("10:00", "11:00")))

    assert not span(week(special=(closed, short)), at("10-02T10:30")).is_open
    assert span(week(special=(short, closed)), at("10-02T10:30")).is_open


def test_a_make_up_working_day_has_mondays_hours_and_a_holiday_has_sundays() -> None:
    calendar = Calendar({date(2026, 9, 20): True, date(2026, 9, 25): False})
    record = week(*NINE_TO_FIVE, *WEEKEND)

    assert span(record, at("20T16:00"), calendar).is_open, "a Sunday that is worked"
    assert span(record, at("20T16:00"), calendar).next_change(at("20T16:00")) == at("20T17:00")
    assert not span(record, at("25T16:00"), calendar).is_open, "a Friday that is a holiday"
    assert span(record, at("25T11:00"), calendar).is_open


def test_hours_are_read_in_the_zone_of_the_record() -> None:
    record = week(day("TUESDAY", ("09:00", "10:00")))
    nine_in_urumqi = at("29T11:00")

    assert span(record, nine_in_urumqi, zone="Asia/Urumqi").is_open
    assert not span(record, nine_in_urumqi).is_open


def test_a_night_with_a_change_of_the_clock_keeps_the_hours_of_the_wall() -> None:
    """The night of 2026-10-25 has 25 hours in Berlin; on 2026-03-29 there is no 02:30."""
    long_night = week(day("SUNDAY", ("01:00", "04:00")))
    opens = clock.to_ms(datetime(2026, 10, 24, 23, tzinfo=UTC))
    open_span = span(long_night, opens, zone="Europe/Berlin")
    assert (open_span.begins, open_span.ends) == (opens, opens + 4 * clock.HOUR)

    in_the_gap = week(day("SUNDAY", ("02:15", "02:45"), ("02:50", "03:10")))
    before = clock.to_ms(datetime(2026, 3, 28, 23, tzinfo=UTC))
    gap_span = span(in_the_gap, before, zone="Europe/Berlin")
    assert gap_span.next_change(before) == before + 2 * clock.HOUR + 15 * clock.MINUTE, "03:15 on the wall"
    later = gap_span.ends + 30 * clock.MINUTE
    next_week = clock.to_ms(datetime(2026, 4, 5, 0, 15, tzinfo=UTC))
    assert span(in_the_gap, later, zone="Europe/Berlin").next_change(later) == next_week, "02:50 to 03:10 lasts no time"


def test_a_change_is_announced_31_days_ahead_and_not_sooner() -> None:
    record = week(special=(special("2026-11-02", "2026-11-02", day("MONDAY", ("09:00", "10:00"))),))
    opens = at("11-02T09:00")

    assert span(record, opens - LOOK_AHEAD_MS - 1).next_change(opens - LOOK_AHEAD_MS - 1) is None
    assert span(record, opens - LOOK_AHEAD_MS).next_change(opens - LOOK_AHEAD_MS) == opens


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(week(day("MONDAY", ("17:00", "09:00"))), id="ends before it begins"),
        pytest.param(week(day("MONDAY", ("09:00", "09:00"))), id="lasts no time"),
        pytest.param(week(day("MONDAY", ("09:00", "12:00"), ("11:00", "13:00"))), id="overlaps"),
        pytest.param(week(day("MONDAY", ("13:00", "14:00"), ("09:00", "10:00"))), id="out of order"),
        pytest.param(week(day("MONDAY", ("09:00", "10:00")), day("MONDAY", ("13:00", "14:00"))), id="a day twice"),
        pytest.param(week(day("FUNDAY", ("09:00", "10:00"))), id="no weekday"),
        pytest.param(week(special=(special("2026-10-07", "2026-10-01"),)), id="days that end before they begin"),
        pytest.param(
            week(special=({**special("2026-10-01", "2026-10-01", ALWAYS[0]), "closed": True},)), id="closed with hours"
        ),
    ],
)
def test_hours_that_make_no_sense_are_refused(record: Record) -> None:
    with pytest.raises(ValueError, match=r"."):
        compact(record, "Asia/Shanghai")


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        compact(week(), "Asia/Atlantis")


# --- against a reader of the wire record who goes minute by minute ----------------------------------------------------

NOW = st.integers(0, 60 * 24 * 60).map(lambda minute: at("01T00:00") + minute * clock.MINUTE)
DATES = st.integers(0, 110).map(lambda offset: date(2026, 8, 20) + timedelta(days=offset))


@st.composite
def day_hours(draw: st.DrawFn, name: str) -> Record:
    ends = sorted(draw(st.lists(st.integers(0, 48), min_size=2, max_size=6, unique=True)))
    times = [f"{half // 2:02}:{half % 2 * 30:02}" for half in ends[: len(ends) // 2 * 2]]
    return day(name, *zip(times[::2], times[1::2], strict=True))


@st.composite
def days(draw: st.DrawFn) -> list[Record]:
    return [draw(day_hours(name)) for name in draw(st.lists(st.sampled_from(DAYS), unique=True, max_size=7))]


@st.composite
def specials(draw: st.DrawFn) -> Record:
    first = draw(DATES)
    last = first + timedelta(days=draw(st.integers(0, 40)))
    return special(first.isoformat(), last.isoformat(), *draw(days()))


RECORDS = st.builds(
    lambda standard, special: week(*standard, special=tuple(special)), days(), st.lists(specials(), max_size=4)
)


def naive(record: Record, exceptions: dict[date, bool], now: int) -> bool:
    """The contract's three rules, read off the wire record."""
    local = clock.to_datetime(now)
    today, time = local.date(), local.strftime("%H:%M")
    entry = next((e for e in record["special"] if e["start_date"] <= today.isoformat() <= e["end_date"]), None)
    name = DAYS[today.weekday()]
    if entry is None and today in exceptions:
        name = "MONDAY" if exceptions[today] else "SUNDAY"
    listed = record["standard"] if entry is None else entry["days"]
    hours = next((each["opening_hours"] for each in listed if each["day"] == name), [])
    return any(each["opens"] <= time < each["closes"] for each in hours)


@given(RECORDS, st.dictionaries(DATES, st.booleans(), max_size=12), NOW)
@example(week(*ALWAYS), {}, at("01T00:00"))
def test_open_now_is_what_the_rules_say(record: Record, exceptions: dict[date, bool], now: int) -> None:
    assert span(record, now, Calendar(exceptions)).is_open == naive(record, exceptions, now)


@given(RECORDS, st.dictionaries(DATES, st.booleans(), max_size=12), NOW)
@example(week(*ALWAYS), {}, at("01T00:00"))
@example(week(*ALWAYS, special=(special("2026-09-30", "2026-09-30"),)), {}, at("01T00:00"))
def test_the_next_change_is_the_very_next_flip(record: Record, exceptions: dict[date, bool], now: int) -> None:
    change = span(record, now, Calendar(exceptions)).next_change(now)
    until = now + LOOK_AHEAD_MS if change is None else change
    state = naive(record, exceptions, now)

    half_hours = range(now - now % (30 * clock.MINUTE) + 30 * clock.MINUTE, until, 30 * clock.MINUTE)
    assert all(naive(record, exceptions, instant) == state for instant in half_hours)
    if change is not None:
        assert change > now
        assert naive(record, exceptions, change) != state


@given(RECORDS, NOW, st.integers(0, 20 * clock.DAY))
def test_a_span_speaks_for_every_instant_that_it_covers(record: Record, now: int, later: int) -> None:
    """What was worked out once may be used again, however the clock moves."""
    known, again = span(record, now), now + later
    if known.covers(again):
        fresh = span(record, again)
        assert (known.is_open, known.next_change(again)) == (fresh.is_open, fresh.next_change(again))


# --- the days to come -------------------------------------------------------------------------------------------------

HOLIDAYS = Calendar({date(2026, 10, 2): False, date(2026, 10, 4): True})
EXCEPTIONAL = special("2026-10-01", "2026-10-02", day("THURSDAY", ("11:00", "12:30")))


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/London", "Pacific/Auckland"])
def test_the_days_to_come_are_those_on_which_it_is_open_at_each_instant(zone: str) -> None:
    hours = parse(compact(week(*NINE_TO_FIVE, *WEEKEND, special=(EXCEPTIONAL,)), zone))
    now = at("29T23:30")
    days = days_from(hours, HOLIDAYS, now, 7)

    local = clock.to_datetime(now).astimezone(hours.zone).date()
    assert [each.day for each in days] == [local + timedelta(days=number) for number in range(7)]
    for each in days:
        for minute in range(0, 24 * 60, 30):
            midnight = datetime(each.day.year, each.day.month, each.day.day, tzinfo=hours.zone)
            instant = clock.to_ms(midnight.replace(hour=minute // 60, minute=minute % 60))
            told = any(opens <= minute < closes for opens, closes in each.hours)
            assert told is is_open_at(hours, HOLIDAYS, instant), (each.day, minute)


def test_a_day_is_exceptional_by_the_calendar_only_where_no_special_entry_decides() -> None:
    hours = parse(compact(week(*NINE_TO_FIVE, special=(EXCEPTIONAL,)), "Asia/Shanghai"))
    found = {each.day.day: each.exception for each in days_from(hours, HOLIDAYS, at("10-01T08:00"), 5)}

    assert found == {1: None, 2: None, 3: None, 4: True, 5: None}
    assert [each.certain for each in days_from(hours, HOLIDAYS, clock.parse("2026-12-31T08:00:00+08:00"), 2)] == [
        True,
        False,
    ]


intervals = st.lists(st.integers(0, 24 * 60), max_size=6, unique=True).map(
    lambda ends: tuple(zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False))
)


@given(intervals, intervals)
def test_what_two_have_in_common_is_open_when_both_are(one: Any, other: Any) -> None:
    def minutes(each: Any) -> set[int]:
        return {minute for opens, closes in each for minute in range(opens, closes)}

    assert minutes(in_common(one, other)) == minutes(one) & minutes(other)
