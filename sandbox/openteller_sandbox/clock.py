"""Two clocks: bank time, which the test clock moves, and wall time, which nothing moves.

Bank time = wall time + the sandbox's base offset + the world's own. Instants are integers of milliseconds since 1970
inside the sandbox and RFC 3339 with the bank's offset outside. Bank time rules bills, links, opening hours and rates;
wall time rules tokens, rate limits and signatures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

BANK_ZONE = ZoneInfo("Asia/Shanghai")
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Thread(threading.local):
    stands_at: int | None = None


class Clock:
    """Reads time for everybody. ``wall_ms`` is passed in by tests."""

    def __init__(self, base_offset_ms: int = 0, wall_ms: Callable[[], int] | None = None) -> None:
        self.base_offset_ms = base_offset_ms
        self._wall_ms = wall_ms or (lambda: time.time_ns() // 1_000_000)
        self._thread = _Thread()

    def wall(self) -> int:
        """Wall time in epoch milliseconds."""
        stands_at = self._thread.stands_at
        return self._wall_ms() if stands_at is None else stands_at

    def bank(self, world_offset_ms: int = 0) -> int:
        """Bank time of a world in epoch milliseconds."""
        return self.wall() + self.base_offset_ms + world_offset_ms

    def stand_still(self) -> bool:
        """Let wall time stand still for this thread, so that all that a deed does has one time; False where it does."""
        if self._thread.stands_at is not None:
            return False
        self._thread.stands_at = self._wall_ms()
        return True

    def go_on(self) -> None:
        """Let it go on."""
        self._thread.stands_at = None


def to_datetime(instant_ms: int) -> datetime:
    """Turn epoch milliseconds into an aware datetime in the bank's zone."""
    return (_EPOCH + timedelta(milliseconds=instant_ms)).astimezone(BANK_ZONE)


def to_ms(moment: datetime) -> int:
    """Turn an aware datetime into epoch milliseconds.

    Raises:
        ValueError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def to_wire(instant_ms: int) -> str:
    """Give an instant as RFC 3339 with the bank's offset, to the second."""
    return _second_to_wire(instant_ms // SECOND)


def to_wire_exactly(instant_ms: int) -> str:
    """Give an instant as RFC 3339 with the bank's offset, to the millisecond: `parse` gives the same one back."""
    return to_datetime(instant_ms).isoformat(timespec="milliseconds") if instant_ms % SECOND else to_wire(instant_ms)


@lru_cache(1024)
def _second_to_wire(second: int) -> str:
    """Write a second once: a record has the same one in several places."""
    return to_datetime(second * SECOND).isoformat()


def parse(text: str) -> int:
    """Read an RFC 3339 instant.

    Raises:
        ValueError: not a date and time, without an offset, or on no day of the bank's calendar.
    """
    moment = datetime.fromisoformat(text.upper())
    try:
        moment.astimezone(BANK_ZONE)  # the first and the last hours of all days there are may lie beyond them there
    except OverflowError as error:
        raise ValueError("an instant is on a day of the years 1 to 9999") from error
    return to_ms(moment)


def bank_date(instant_ms: int) -> date:
    """Give the day of the bank's calendar in which an instant lies."""
    return to_datetime(instant_ms).date()


def start_of_day(day: date) -> int:
    """Give the instant at which a day of the bank's calendar begins."""
    return to_ms(datetime(day.year, day.month, day.day, tzinfo=BANK_ZONE))
