"""What is open now, remembered.

Hours are parsed once, a state is worked out once for as long as it lasts, and which hours are open once a minute; the
set of places that are open follows from that, and changes a few times a day. Places share their hours (3,000 branches
have 60 different ones), so all is kept by the text of the hours. The calendar is written with the seed only; one
``Openings`` reads it for one database, and keeps a bounded number of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from openteller_sandbox import clock
from openteller_sandbox.branches import place_sets, store
from openteller_sandbox.branches.directory import Directory, Key
from openteller_sandbox.branches.opening_hours import (
    ELSEWHERE,
    Calendar,
    Day,
    Span,
    day_begins,
    days_from,
    is_open_at,
    open_on,
    parse,
    span_at,
)
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.http import json_text

_MOST_HOURS = 4096
_MOST_STRETCHES = 4  # worlds whose clocks differ
_MOST_MINUTES = 512


class State(NamedTuple):
    """Whether a place is open; ``tail`` says it as the last members of a JSON object, its brace included."""

    is_open: bool
    tail: bytes


NEVER_OPEN = State(is_open=False, tail=b'"open_now":false}')


class _Stretch:
    """A span with its states: whether the change at its end is announced or too far ahead, and is certain."""

    __slots__ = ("_states", "span")

    def __init__(self, span: Span) -> None:
        self.span = span
        self._states: dict[tuple[bool, bool], State] = {}

    def state(self, now: int) -> State:
        """Give the state at an instant of the span."""
        kind = (self.span.next_change(now) is not None, self.span.is_provisional(now))
        if kind not in self._states:
            self._states[kind] = self._made(*kind)
        return self._states[kind]

    def _made(self, announced: bool, provisional: bool) -> State:
        members: dict[str, object] = {"open_now": self.span.is_open}
        if announced:
            members["next_change_at"] = clock.to_wire(self.span.ends)
        if provisional:
            members["provisional"] = True
        return State(self.span.is_open, json_text(members).encode()[1:])


class _Timetable:
    """The states that one text of hours gave lately."""

    __slots__ = ("_calendar", "_stretches", "hours")

    def __init__(self, text: str, calendar: Calendar) -> None:
        self.hours = parse(text)
        self._calendar = calendar if self.hours.is_on_the_mainland else ELSEWHERE
        self._stretches: tuple[_Stretch, ...] = ()

    def state(self, now: int) -> State:
        """Give the state at an instant."""
        return self._stretch(now).state(now)

    def span(self, now: int) -> Span:
        """Give the time around an instant in which nothing changes."""
        return self._stretch(now).span

    def is_open(self, now: int) -> bool:
        """Tell whether it is open at an instant, without finding out until when."""
        for stretch in self._stretches:
            if stretch.span.begins <= now < stretch.span.ends:
                return stretch.span.is_open
        return is_open_at(self.hours, self._calendar, now)

    def day(self, now: int) -> list[tuple[int, int]]:
        """Give from when until when it is open on the local day of an instant."""
        return open_on(self.hours, self._calendar, now)

    def day_begins(self, now: int) -> int:
        """Give the instant at which the local day of another one begins."""
        return day_begins(self.hours, now)

    def days(self, now: int, count: int) -> list[Day]:
        """Give so many days from the local day of an instant on."""
        return days_from(self.hours, self._calendar, now, count)

    def _stretch(self, now: int) -> _Stretch:
        for stretch in self._stretches:
            if stretch.span.covers(now):
                return stretch
        stretch = _Stretch(span_at(self.hours, self._calendar, now))
        self._stretches = (stretch, *self._stretches[: _MOST_STRETCHES - 1])
        return stretch


class Openings:
    """Answers for one database which places are open."""

    def __init__(self, tx: Tx) -> None:
        calendar = Calendar({date.fromisoformat(row["day"]): bool(row["is_working"]) for row in tx.all(store.WORKDAYS)})
        self._timetable: Callable[[str], _Timetable] = lru_cache(_MOST_HOURS)(lambda text: _Timetable(text, calendar))
        self._keys: dict[tuple[str, int, str, int], Key] = {}
        self._tails: tuple[int, Mapping[str | None, bytes]] = (0, {})

    def state(self, hours: str | None, now: int) -> State:
        """Give the state of a place with these hours; without any it is never open."""
        return NEVER_OPEN if hours is None else self._timetable(hours).state(now)

    def span(self, hours: str, now: int) -> Span:
        """Give the time around an instant in which nothing changes for a place with these hours."""
        return self._timetable(hours).span(now)

    def is_open(self, hours: str, now: int) -> bool:
        """Tell whether a place with these hours is open at an instant."""
        return self._timetable(hours).is_open(now)

    def day(self, hours: str, now: int) -> list[tuple[int, int]]:
        """Give from when until when a place with these hours is open on the local day of an instant."""
        return self._timetable(hours).day(now)

    def day_begins(self, hours: str, now: int) -> int:
        """Give when the local day of an instant begins where a place with these hours is."""
        return self._timetable(hours).day_begins(now)

    def days(self, hours: str, now: int, count: int) -> list[Day]:
        """Give so many days of a place with these hours, from the local day of an instant on."""
        return self._timetable(hours).days(now, count)

    def tails(self, now: int) -> Mapping[str | None, bytes]:
        """Give the state, as the last members of a JSON object, for any hours: remembered for the minute, as a list
        asks for many.
        """
        minute, tails = self._tails
        if minute != now // clock.MINUTE:
            minute, tails = self._tails = (now // clock.MINUTE, _Tails(self, now))
        return tails

    def tail_at(self, hours: str | None, instant: int) -> bytes:
        """Give what a place of a list of those that are open at an instant says of it: the member ``open_at``."""
        assert hours is not None  # it was open
        span = self.span(hours, instant)
        members: dict[str, object] = {"at": clock.to_wire(instant)}
        if (until := span.next_change(instant)) is not None:
            members["until"] = clock.to_wire(until)
        if span.is_provisional(instant):
            members["provisional"] = True
        return b'"open_at":%b,' % json_text(members).encode()

    def open_places(self, tx: Tx, directory: Directory, service: str | None, now: int) -> tuple[Key, int]:
        """Give the set of places that are open and whose hours for a service, where it has its own, say so too; and
        what the set is kept under.

        Args:
            tx: reads the tables.
            directory: the branches or ATMs.
            service: a service, or None for no one in particular.
            now: bank time, epoch milliseconds. Hours are whole minutes, so that a minute has one answer.
        """
        minute = (directory.places.name, directory.version, service or "", now // clock.MINUTE)
        key = self._keys.get(minute)
        if key is None:
            if len(self._keys) >= _MOST_MINUTES:
                self._keys = {}
            key = self._keys[minute] = self._who(tx, directory, service, now)
        return key, directory.remember(key, lambda: _united(tx, directory, key))

    def _who(self, tx: Tx, directory: Directory, service: str | None, now: int) -> Key:
        """Name what is open by the hours that are, and (with a service) by those of the service that are: many minutes
        have one answer, whoever's clock they are read from.
        """

        def which(value: str) -> bytes:
            return bytes(self._timetable(text).is_open(now) for text, _ in directory.hours(tx, value))

        return ("OPEN", which(""), service, which(service)) if service else ("OPEN", which(""))


def _united(tx: Tx, directory: Directory, key: Key) -> int:
    """Make the set of a key of ``Openings``: those whose own hours are open, but for those whose service's are not."""
    found = _those(tx, directory, "", key[1], 1)
    return found & ~_those(tx, directory, key[2], key[3], 0) if len(key) > 2 else found


def _those(tx: Tx, directory: Directory, value: str, which: bytes, state: int) -> int:
    hours = zip(directory.hours(tx, value), which, strict=True)
    return place_sets.union(members for (_, members), is_open in hours if is_open == state)


class _Tails(dict[str | None, bytes]):
    """What was asked for at an instant; what was not is worked out."""

    __slots__ = ("_now", "_openings")

    def __init__(self, openings: Openings, now: int) -> None:
        super().__init__()
        self._openings = openings
        self._now = now

    def __missing__(self, hours: str | None) -> bytes:
        tail = self[hours] = self._openings.state(hours, self._now).tail
        return tail


_known: WeakKeyDictionary[Database, Openings] = WeakKeyDictionary()


def of(database: Database) -> Openings:
    """Give the openings of a database whose seed is loaded."""
    openings = _known.get(database)
    if openings is None:
        openings = _known[database] = Openings(database.read())
    return openings
