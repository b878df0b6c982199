"""What is open now, remembered.

Hours are parsed once, a state is worked out once for as long as it lasts, and who is open once a minute. Places share
their hours (3,000 branches have 60 different ones), so all is kept by the text of the hours. The calendar is written
with the seed only; one ``Openings`` reads it for one database, and keeps a bounded number of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from weakref import WeakKeyDictionary

from openteller_sandbox import clock
from openteller_sandbox.branches import place_sets, store
from openteller_sandbox.branches.opening_hours import Calendar, Span, parse, span_at
from openteller_sandbox.branches.store import Places
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.http import json_text

_MOST_HOURS = 4096
_MOST_STRETCHES = 4  # worlds whose clocks differ
_MOST_SETS = 128


class State(NamedTuple):
    """Whether a place is open; ``tail`` says it as the last members of a JSON object, its brace included."""

    is_open: bool
    tail: bytes


NEVER_OPEN = State(is_open=False, tail=b'"open_now":false}')


class _Stretch:
    """A span with its state: the one that announces the change at its end, and the one while that is too far ahead."""

    __slots__ = ("_announced", "_silent", "span")

    def __init__(self, span: Span) -> None:
        members: dict[str, object] = {"open_now": span.is_open}
        announced = {**members, "next_change_at": clock.to_wire(span.ends)}
        self.span = span
        self._silent = State(span.is_open, json_text(members).encode()[1:])
        self._announced = State(span.is_open, json_text(announced).encode()[1:])

    def state(self, now: int) -> State:
        """Give the state at an instant of the span."""
        return self._silent if self.span.next_change(now) is None else self._announced


class _Timetable:
    """The states that one text of hours gave lately."""

    __slots__ = ("_calendar", "_hours", "_stretches")

    def __init__(self, text: str, calendar: Calendar) -> None:
        self._hours = parse(text)
        self._calendar = calendar
        self._stretches: tuple[_Stretch, ...] = ()

    def state(self, now: int) -> State:
        """Give the state at an instant."""
        for stretch in self._stretches:
            if stretch.span.covers(now):
                return stretch.state(now)
        stretch = _Stretch(span_at(self._hours, self._calendar, now))
        self._stretches = (stretch, *self._stretches[: _MOST_STRETCHES - 1])
        return stretch.state(now)


class Openings:
    """Answers for one database which places are open."""

    def __init__(self, tx: Tx) -> None:
        calendar = Calendar({date.fromisoformat(row["day"]): bool(row["is_working"]) for row in tx.all(store.WORKDAYS)})
        self._timetable: Callable[[str], _Timetable] = lru_cache(_MOST_HOURS)(lambda text: _Timetable(text, calendar))
        self._sets: dict[tuple[str, int, str, int], int] = {}
        self._tails: tuple[int, Mapping[str | None, bytes]] = (0, {})

    def state(self, hours: str | None, now: int) -> State:
        """Give the state of a place with these hours; without any it is never open."""
        return NEVER_OPEN if hours is None else self._timetable(hours).state(now)

    def tails(self, now: int) -> Mapping[str | None, bytes]:
        """Give the state, as the last members of a JSON object, for any hours: remembered for the minute, as a list
        asks for many.
        """
        minute, tails = self._tails
        if minute != now // clock.MINUTE:
            minute, tails = self._tails = (now // clock.MINUTE, _Tails(self, now))
        return tails

    def open_places(self, tx: Tx, places: Places, version: int, service: str | None, now: int) -> int:
        """Give the set of places that are open and whose hours for a service, where it has its own, say so too.

        Args:
            tx: reads the tables.
            places: the tables of branches or of ATMs that are read.
            version: since when they are.
            service: a service, or None for no one in particular.
            now: bank time, epoch milliseconds. Hours are whole minutes, so that a minute has one answer.
        """
        key = (places.name, version, service or "", now // clock.MINUTE)
        found = self._sets.get(key)
        if found is None:
            found, _ = self._by_state(tx, places, "", now)
            if service:
                _, not_offered = self._by_state(tx, places, service, now)
                found &= ~not_offered
            if len(self._sets) >= _MOST_SETS:
                self._sets = {}
            self._sets[key] = found
        return found

    def _by_state(self, tx: Tx, places: Places, value: str, now: int) -> tuple[int, int]:
        """Give who is open and who is not, of those that have such hours."""
        found = {True: 0, False: 0}
        for row in tx.all(places.SETS, about=store.HOURS, value=value):
            found[self.state(row["detail"], now).is_open] |= place_sets.unpack(row["members"])
        return found[True], found[False]


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
