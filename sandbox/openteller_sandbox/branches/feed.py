"""How long one waits at branches, as lists and records say it: worked out once in five minutes of bank time."""

from __future__ import annotations

from functools import lru_cache
from weakref import WeakKeyDictionary

from openteller_sandbox import clock
from openteller_sandbox.branches import openings
from openteller_sandbox.branches.openings import Openings
from openteller_sandbox.branches.waiting import STEP_MS, Interval, Line
from openteller_sandbox.db import Database

_MOST = 8192
_NO_COUNTERS = b'"branch_type":"SELF_SERVICE"'


class Feed:
    """The waits of one database's branches, in whatever world; a bounded number of them is remembered."""

    __slots__ = ("_days", "_known", "_openings")

    def __init__(self, known: Openings) -> None:
        self._openings = known
        self._known: dict[tuple[int, str, str, int], bytes] = {}
        self._days: tuple[int, dict[str, list[Interval]]] = (0, {})

    def tail(self, seed: int, code: str, hours: str | None, record: bytes, now: int) -> bytes:
        """Give the member ``wait`` of a branch, with a comma; nothing while it is closed, and where nobody serves.

        Args:
            seed: of the world.
            code: of the branch.
            hours: its hours, compact.
            record: its JSON.
            now: bank time, epoch milliseconds.
        """
        if hours is None or not self._openings.is_open(hours, now):
            return b""
        key = (seed, code, hours, now // STEP_MS)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MOST:
                self._known = {}
            found = self._known[key] = self._made(seed, code, hours, record, now)
        return found

    def line(self, seed: int, code: str, hours: str, now: int) -> Line | None:
        """Give the line of a branch on the local day of an instant; None where it does not open on it."""
        day = self._day(hours, now)
        return Line(f"{seed}:{code}:{day[0][0]}", day) if day else None

    def _day(self, hours: str, now: int) -> list[Interval]:
        """Give when a branch is open on the local day of an instant: remembered for the minute, as most have the same
        hours.
        """
        minute, days = self._days
        if minute != now // clock.MINUTE or len(days) >= _MOST:
            minute, days = self._days = (now // clock.MINUTE, {})
        if hours not in days:
            days[hours] = self._openings.day(hours, now)
        return days[hours]

    def _made(self, seed: int, code: str, hours: str, record: bytes, now: int) -> bytes:
        line = None if _NO_COUNTERS in record else self.line(seed, code, hours, now)
        if line is None:
            return b""
        wait = line.wait(now)
        written = (wait.minutes, wait.tickets_waiting, _written(wait.as_of))
        return b'"wait":{"minutes":%d,"tickets_waiting":%d,"as_of":"%b"},' % written


@lru_cache(64)
def _written(instant: int) -> bytes:
    return clock.to_wire(instant).encode()


_known: WeakKeyDictionary[Database, Feed] = WeakKeyDictionary()


def of(database: Database) -> Feed:
    """Give the feed of a database whose seed is loaded."""
    feed = _known.get(database)
    if feed is None:
        feed = _known[database] = Feed(openings.of(database))
    return feed
