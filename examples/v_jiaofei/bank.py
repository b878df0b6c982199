"""The bank as the account sees it: for how long an answer may take, what it means when none comes, and who stays away.

No message waits for longer than it may, however many calls its answer takes; and while the bank is down, one call at a
time finds out whether it is back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from openteller import OpenTeller
from openteller.errors import (
    AuthenticationFailed,
    BankError,
    ConnectionFailed,
    OpenTellerError,
    PermissionDenied,
    RateLimited,
    TransportError,
)

__all__ = ["BankDown", "Outage", "Visit", "asking"]

log = logging.getLogger("v_jiaofei")

_LEAST_S = 0.05
PAUSE_S = 5.0
"""How long a bank that is down is left alone."""
_IN_A_ROW = 3
"""So many failures, with nothing between that worked, are the bank's and no single message's."""


class BankDown(Exception):
    """There is no answer now; there will be one later.

    Attributes:
        code: the error's, for the log.
        for_all: nobody gets an answer now, whatever they ask.
    """

    def __init__(self, code: str, *, for_all: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.for_all = for_all


@contextmanager
def asking() -> Iterator[None]:
    """Turn the client's errors that may pass into `BankDown`; those that tell the payer something come through."""
    try:
        yield
    except BankError as error:
        if _may_pass(error):
            raise BankDown(error.code, for_all=_is_for_all(error)) from error
        raise
    except TransportError as error:
        raise BankDown(error.code, for_all=isinstance(error, ConnectionFailed)) from error


def _may_pass(error: BankError) -> bool:
    """Whether the answer should wait: for the bank, or for whoever mends the account's credentials."""
    told = error.problem.source if error.problem else "internal"
    return isinstance(error, AuthenticationFailed | PermissionDenied) or (
        error.retryable != "never" and told not in {"customer", "biller"}
    )


def _is_for_all(error: OpenTellerError) -> bool:
    return isinstance(error, AuthenticationFailed | PermissionDenied | RateLimited) or error.status == 503


class Visit:
    """The bank for as long as one answer may take, all calls together.

    Args:
        bank: the client.
        seconds: from now; 0 for what needs no bank.

    Attributes:
        asked: whether there was a call.
    """

    def __init__(self, bank: OpenTeller, seconds: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._bank = bank
        self._monotonic = monotonic
        self._ends = monotonic() + seconds
        self.asked = False

    @property
    def bank(self) -> OpenTeller:
        """The client, for one call within what is left.

        Raises:
            BankDown: nothing is left.
        """
        left = self.left
        if left < _LEAST_S:
            raise BankDown("TIMED_OUT")
        self.asked = True
        return self._bank.with_options(deadline=left, timeout=left, max_retries=1)

    @property
    def left(self) -> float:
        """Seconds, 0 at least."""
        return max(0.0, self._ends - self._monotonic())


class Outage:
    """Whether the bank is down. Threads share it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._closed_until: float | None = None
        self._failures = 0

    @property
    def is_on(self) -> bool:
        """Whether the bank was down when it was last asked."""
        return self._closed_until is not None

    def may_ask(self) -> bool:
        """Tell whether to ask the bank now; while it is down, one caller may after each pause."""
        with self._lock:
            if self._closed_until is None:
                return True
            if self._clock() < self._closed_until:
                return False
            self._closed_until = self._clock() + PAUSE_S
            return True

    def failed(self, error: BankDown) -> bool:
        """Note that there was no answer; tell whether that says something of what was asked, and not of the bank."""
        with self._lock:
            self._failures += 1
            was_on = self._closed_until is not None
            if not (was_on or error.for_all or self._failures >= _IN_A_ROW):
                return True
            self._closed_until = self._clock() + PAUSE_S
        if not was_on:
            log.warning("the bank does not answer (%s): messages wait", error.code)
        return False

    def passed(self) -> None:
        """Note an answer."""
        if self._closed_until is None and not self._failures:
            return
        with self._lock:
            was_on, self._closed_until, self._failures = self._closed_until is not None, None, 0
        if was_on:
            log.warning("the bank answers again")
