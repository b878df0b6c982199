"""The line at a branch: how many wait, who is called when. Simulated, pure: no database, no clock, no wire.

A line follows from the seed of the world, the branch and the local day, and is the same for whoever asks. Counters call
at a steady rate through the hours of the day. So many wait as two crowds, one in the morning and one after noon, and
the doors, say: nobody is in line when they open, and nobody when they close. What matters is that numbers given out and
numbers called never go back: people come at the rate of the calls plus what the crowd grows by, which is never
negative, as a crowd dissolves no faster than counters call.

Time is counted in minutes that the branch is open: at noon nobody is called.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

from openteller_sandbox.clock import MINUTE

STEP_MS = 5 * MINUTE
"""How often the feed is renewed."""

_MOST_WAITING = 10.0
_A_LONG_DAY = 480.0  # minutes; in shorter ones crowds are smaller, so that they do not dissolve too fast
_SLOWEST, _FASTER = 0.5, 0.6  # calls a minute: the least, and what is drawn on top of it
_MORNING, _AFTERNOON, _BREADTH = 0.22, 0.66, 0.09  # of the day
_AT_OPENING, _AT_CLOSING = 15.0, 45.0  # minutes in which the line fills and empties

Interval = tuple[int, int]
"""From an instant up to another, epoch milliseconds."""


class Wait(NamedTuple):
    """How long somebody who comes now waits, and how many are before them; of an instant."""

    minutes: int
    tickets_waiting: int
    as_of: int


class Line:
    """The line of a branch on one day.

    Args:
        key: names the world's seed, the branch and the day.
        hours: when the branch is open on that day, in order and apart; at least one.
    """

    __slots__ = ("_crowds", "_hours", "_minutes", "_rate")

    def __init__(self, key: str, hours: Sequence[Interval]) -> None:
        drawn = [byte / 255 for byte in blake2b(key.encode(), digest_size=5).digest()]
        self._hours = hours
        self._minutes = sum(end - begin for begin, end in hours) / MINUTE
        self._rate = _SLOWEST + _FASTER * drawn[0]
        most = _MOST_WAITING * min(1.0, self._minutes / _A_LONG_DAY)
        self._crowds = (
            (most * drawn[1], _MORNING + 0.08 * (drawn[2] - 0.5)),
            (most * drawn[3] * 0.8, _AFTERNOON + 0.08 * (drawn[4] - 0.5)),
        )

    def wait(self, now: int) -> Wait:
        """Give the feed at an instant of the hours: it is of the last five minutes' beginning."""
        as_of = max(now - now % STEP_MS, *(begin for begin, _ in self._hours if begin <= now))
        waiting = self.given_out(as_of) - self.called(as_of)
        return Wait(math.ceil(waiting / self._rate), waiting, as_of)

    def given_out(self, now: int) -> int:
        """Give how many numbers the branch itself has given out by an instant."""
        minute = self._minute(now)
        return math.floor(self._rate * minute + self._crowd(minute))

    def called(self, now: int) -> int:
        """Give how many of them have been called by an instant."""
        return math.floor(self._rate * self._minute(now))

    def call_of(self, place: int) -> int | None:
        """Give the instant at which so many have been called; None where the day ends before."""
        left = place / self._rate * MINUTE
        for begin, end in self._hours:
            if left < end - begin:
                return begin + math.ceil(left / 1000) * 1000
            left -= end - begin
        return None

    def _minute(self, now: int) -> float:
        """Give for how many minutes the branch has been open by an instant."""
        return sum(max(0, min(now, end) - begin) for begin, end in self._hours) / MINUTE

    def _crowd(self, minute: float) -> float:
        doors = min(1.0, minute / _AT_OPENING, (self._minutes - minute) / _AT_CLOSING)
        part = minute / self._minutes
        return doors * sum(size * math.exp(-(((part - peak) / _BREADTH) ** 2) / 2) for size, peak in self._crowds)
