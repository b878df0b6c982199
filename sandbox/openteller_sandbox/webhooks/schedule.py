"""When a delivery is tried again: the delays that Standard Webhooks recommends, in bank time."""

from __future__ import annotations

from openteller_sandbox.clock import HOUR, MINUTE, SECOND

DELAYS_MS = (
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""From each attempt to the one that follows it; the first attempt is made at once."""
ATTEMPTS = len(DELAYS_MS) + 1
JITTER = 0.1
"""Attempts come up to so much of their delay later, so that what failed together does not come back together."""
LONGEST_RETRY_AFTER_MS = 24 * HOUR


def next_attempt(made: int, at: int, chance: float, retry_after_s: int | None = None) -> int | None:
    """Give when to try again (bank time, epoch milliseconds); None after the last attempt.

    Args:
        made: attempts of this schedule so far, at least 1.
        at: when the last one was made, bank time in epoch milliseconds.
        chance: from 0 to 1, what is left to chance.
        retry_after_s: what the server has asked for; it can only be later than the schedule, by 24 hours at most.
    """
    if made >= ATTEMPTS:
        return None
    delay = DELAYS_MS[made - 1]
    asked = min((retry_after_s or 0) * SECOND, LONGEST_RETRY_AFTER_MS)
    return at + max(delay + int(delay * JITTER * chance), asked)
