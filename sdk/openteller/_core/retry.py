"""Whether to try again, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from openteller.errors import BankError, BrokenAnswer, OpenTellerError, TransportError

__all__ = ["pause", "retry_after"]

_FIRST = 0.25
_LONGEST = 8.0


def pause(
    error: OpenTellerError, *, attempt: int, is_safe: bool, is_unsent: bool, random: Callable[[], float]
) -> float | None:
    """Give the seconds to wait before the next try, or None when there should be none.

    Without word from the bank the wait doubles from a quarter of a second to eight, with full jitter, so that a crowd
    of clients does not come back at once.

    Args:
        error: what the try ended with.
        attempt: which try it was, from 1.
        is_safe: doing it twice is the same as doing it once.
        is_unsent: the request cannot have arrived.
        random: from 0 to 1.
    """
    if not _is_worth_it(error, is_safe=is_safe, is_unsent=is_unsent):
        return None
    if isinstance(error, BankError) and error.retry_after is not None:
        return error.retry_after
    return min(_LONGEST, _FIRST * 2.0 ** (attempt - 1)) * random()


def _is_worth_it(error: OpenTellerError, *, is_safe: bool, is_unsent: bool) -> bool:
    if isinstance(error, TransportError):
        return not isinstance(error, BrokenAnswer) and (is_safe or is_unsent)
    if not isinstance(error, BankError) or error.retryable not in {"later", "same_key"}:
        return False
    if error.status == 409 and error.retryable == "later":  # it waits for a person or a biller: seconds do not help
        return False
    return error.status == 429 or is_safe


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After`` (RFC 9110 section 10.2.3) as seconds; None without one that can be read.

    A date is measured against the answer's own ``Date``: the clock of this machine may be off.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
        return max(0.0, wait.total_seconds())
    except (TypeError, ValueError):
        return None
