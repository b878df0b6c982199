"""Opening hours as rules and instants: what is open when, and when that changes. Pure: no database, no clock, no wire.

The contract's three rules, in this order: a special entry of the record decides alone; then, on the Chinese mainland,
the holiday calendar gives make-up working days Monday's hours and public holidays Sunday's; then the weekday's own
hours hold. A year whose holidays have not been announced yet has no exceptions, and what follows from its days is
provisional. Hours are local times of the record's zone; instants are epoch milliseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from openteller_sandbox import clock

LOOK_AHEAD_MS = 31 * clock.DAY
"""How far ahead a change is announced (the contract's ``next_change_at``)."""

_SCANNED_DAYS = 45  # more than announced, so that what was found stays good for two weeks
_DAY_MINUTES = 24 * 60
_WEEKDAYS = {
    name: index
    for index, name in enumerate(("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"))
}
_MONDAY, _SUNDAY = 0, 6
_MAINLAND = frozenset(
    f"Asia/{city}" for city in ("Shanghai", "Urumqi", "Chongqing", "Chungking", "Harbin", "Kashgar")
) | {"PRC"}
"""The zones of the Chinese mainland, older names included; Hong Kong, Macao and Taipei have zones, and holidays, of
their own."""

Intervals = tuple[tuple[int, int], ...]  # minutes of the local day: opens, closes
Week = tuple[Intervals, ...]  # seven, from Monday


class Calendar:
    """The days on which the Chinese mainland does not work as the weekday says.

    Args:
        exceptions: day to whether it is worked: True for a make-up working day, False for a public holiday. The years
            that they lie in are known; a calendar without any has no holidays, and is known for ever.
    """

    __slots__ = ("_works", "_years")

    def __init__(self, exceptions: Mapping[date, bool]) -> None:
        self._works = {day.toordinal(): works for day, works in exceptions.items()}
        self._years = frozenset(day.year for day in exceptions)

    def knows(self, day: date) -> bool:
        """Whether the holidays of the day's year have been announced."""
        return not self._years or day.year in self._years

    def weekday(self, day: date) -> int:
        """Give the weekday, 0 for Monday, whose hours hold on a day."""
        works = self._works.get(day.toordinal())
        if works is None:
            return day.weekday()
        return _MONDAY if works else _SUNDAY

    def exception(self, day: date) -> bool | None:
        """Say whether a day is worked that is not as the weekday says; None of every other day."""
        return self._works.get(day.toordinal())


ELSEWHERE = Calendar({})
"""Of places that are not on the mainland: which days of their week differ, they say themselves."""


@dataclass(frozen=True, slots=True)
class Special:
    """Days, both ends included, on which only these hours hold."""

    first: int  # proleptic Gregorian ordinal, as ``date.toordinal`` gives it
    last: int
    week: Week


@dataclass(frozen=True, slots=True)
class Hours:
    """The opening hours of one place."""

    zone: ZoneInfo
    week: Week
    special: tuple[Special, ...]

    @property
    def is_on_the_mainland(self) -> bool:
        """Whether the holidays of the Chinese mainland are the place's: its time zone tells."""
        return self.zone.key in _MAINLAND


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which nothing changes, from ``begins`` up to, but not including, ``ends``.

    flips: whether it changes then; otherwise nobody looked further. certain_until: where the first day begins that
    holidays which are not announced yet may change; None where there is none.
    """

    is_open: bool
    begins: int
    ends: int
    flips: bool
    certain_until: int | None = None

    def covers(self, now: int) -> bool:
        """Whether this tells all there is to know at an instant."""
        return self.begins <= now < self.ends and (self.flips or self.ends > now + LOOK_AHEAD_MS)

    def next_change(self, now: int) -> int | None:
        """Give the instant of the next change, or None when there is none in sight."""
        return self.ends if self.flips and self.ends <= now + LOOK_AHEAD_MS else None

    def is_provisional(self, now: int) -> bool:
        """Whether holidays that are not announced yet may change what this says at an instant of it."""
        return self.certain_until is not None and self.certain_until <= min(self.ends, now + LOOK_AHEAD_MS)


@dataclass(frozen=True, slots=True)
class Day:
    """The hours of a local day.

    exception: what the calendar makes of it (``Calendar.exception``), where no special entry decides. certain: whether
    holidays that are not announced yet leave it as it is.
    """

    day: date
    hours: Intervals
    exception: bool | None
    certain: bool


def compact(availability: Mapping[str, Any], timezone: str) -> str:
    """Write the contract's ``Availability`` and a zone as the short text that is stored and that ``parse`` reads.

    Raises:
        ValueError: hours that end before they begin, overlap or touch; special days that end before they begin, or are
            closed and have hours; an unknown weekday or zone.
    """
    _zone(timezone)
    special = [_special(entry) for entry in availability["special"]]
    return json.dumps([timezone, _week(availability["standard"]), special], separators=(",", ":"))


def parse(text: str) -> Hours:
    """Read what ``compact`` has written."""
    timezone, week, special = json.loads(text)
    return Hours(
        _zone(timezone), _paired(week), tuple(Special(first, last, _paired(days)) for first, last, days in special)
    )


def span_at(hours: Hours, calendar: Calendar, now: int) -> Span:
    """Find out whether a place is open at an instant, and until when that lasts."""
    first = _local_day(hours.zone, now)
    begins = _instant(hours.zone, first, 0)
    horizon = _instant(hours.zone, first + timedelta(days=_SCANNED_DAYS), 0)
    for opens, closes in _merged(_openings(hours, calendar, first)):
        if closes <= now:
            begins = closes
        elif opens <= now:
            return _span(hours, calendar, Span(is_open=True, begins=opens, ends=closes, flips=closes < horizon))
        else:
            return _span(hours, calendar, Span(is_open=False, begins=begins, ends=opens, flips=True))
    return _span(hours, calendar, Span(is_open=False, begins=begins, ends=horizon, flips=False))


def is_open_at(hours: Hours, calendar: Calendar, now: int) -> bool:
    """Find out whether a place is open at an instant, and nothing more."""
    day = _local_day(hours.zone, now)
    return any(
        _instant(hours.zone, day, opens) <= now < _instant(hours.zone, day, closes)
        for opens, closes in intervals_on(hours, calendar, day)
    )


def intervals_on(hours: Hours, calendar: Calendar, day: date) -> Intervals:
    """Give the hours that hold on a local day."""
    ordinal = day.toordinal()
    for entry in hours.special:
        if entry.first <= ordinal <= entry.last:
            return entry.week[day.weekday()]
    return hours.week[calendar.weekday(day)]


def days_from(hours: Hours, calendar: Calendar, now: int, count: int) -> list[Day]:
    """Give so many days from the local day of an instant on."""
    first = _local_day(hours.zone, now)
    return [_day(hours, calendar, first + timedelta(days=number)) for number in range(count)]


def in_common(one: Intervals, other: Intervals) -> Intervals:
    """Give the hours that are in both."""
    both = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple((opens, closes) for opens, closes in both if opens < closes)


def open_on(hours: Hours, calendar: Calendar, now: int) -> list[tuple[int, int]]:
    """Give from when until when a place is open on the local day of an instant."""
    day = _local_day(hours.zone, now)
    instants = (
        (_instant(hours.zone, day, opens), _instant(hours.zone, day, closes))
        for opens, closes in intervals_on(hours, calendar, day)
    )
    return [(opens, closes) for opens, closes in instants if opens < closes]


def day_begins(hours: Hours, now: int) -> int:
    """Give the instant at which the local day of another one begins."""
    return _instant(hours.zone, _local_day(hours.zone, now), 0)


def _day(hours: Hours, calendar: Calendar, day: date) -> Day:
    decided = any(entry.first <= day.toordinal() <= entry.last for entry in hours.special)
    exception = None if decided else calendar.exception(day)
    return Day(day, intervals_on(hours, calendar, day), exception, is_certain(hours, calendar, day))


def is_certain(hours: Hours, calendar: Calendar, day: date) -> bool:
    """Whether the hours of a local day stay as they are, whatever holidays are announced."""
    if calendar.knows(day) or any(entry.first <= day.toordinal() <= entry.last for entry in hours.special):
        return True
    return hours.week[day.weekday()] == hours.week[_MONDAY] == hours.week[_SUNDAY]


def _span(hours: Hours, calendar: Calendar, span: Span) -> Span:
    """Find out until when a span is certain, its last instant included: the day on which it ends decides with it."""
    day, last = _local_day(hours.zone, span.begins), _local_day(hours.zone, span.ends)
    while day <= last:
        if not is_certain(hours, calendar, day):
            return replace(span, certain_until=_instant(hours.zone, day, 0))
        day += timedelta(days=1)
    return span


def _openings(hours: Hours, calendar: Calendar, first: date) -> Iterator[tuple[int, int]]:
    for offset in range(_SCANNED_DAYS):
        day = first + timedelta(days=offset)
        for opens, closes in intervals_on(hours, calendar, day):
            yield _instant(hours.zone, day, opens), _instant(hours.zone, day, closes)


def _merged(openings: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join what follows without a gap: who closes at 24:00 and opens at 00:00 has not closed."""
    held: tuple[int, int] | None = None
    for opens, closes in openings:
        if closes <= opens:  # within an hour that the change to summer time leaves out
            continue
        if held and opens <= held[1]:
            held = (held[0], max(held[1], closes))
        else:
            if held:
                yield held
            held = (opens, closes)
    if held:
        yield held


def _local_day(zone: ZoneInfo, instant: int) -> date:
    return clock.to_datetime(instant).astimezone(zone).date()


def _instant(zone: ZoneInfo, day: date, minute: int) -> int:
    if minute == _DAY_MINUTES:
        day, minute = day + timedelta(days=1), 0
    return clock.to_ms(datetime.combine(day, time(minute // 60, minute % 60), zone))


def _special(entry: Mapping[str, Any]) -> list[Any]:
    first, last = date.fromisoformat(entry["start_date"]), date.fromisoformat(entry["end_date"])
    if last < first:
        raise ValueError(f"special days from {first} end before they begin")
    if entry["closed"] and entry["days"]:
        raise ValueError(f"special days from {first} are closed and have hours")
    return [first.toordinal(), last.toordinal(), _week(entry["days"])]


def _week(days: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Write seven flat lists of minutes, from Monday: opens, closes, opens, closes."""
    week: list[list[int]] = [[] for _ in _WEEKDAYS]
    for entry in days:
        if entry["day"] not in _WEEKDAYS:
            raise ValueError("an unknown weekday")
        minutes = [_minute(hours[end]) for hours in entry["opening_hours"] for end in ("opens", "closes")]
        day = week[_WEEKDAYS[entry["day"]]]
        if day or any(later <= earlier for earlier, later in pairwise(minutes)):
            raise ValueError(f"the hours of {entry['day']} are not in order and apart")
        day.extend(minutes)
    return week


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _paired(week: list[list[int]]) -> Week:
    return tuple(tuple(zip(day[::2], day[1::2], strict=True)) for day in week)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError as error:
        raise ValueError("an unknown time zone") from error
