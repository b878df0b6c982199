"""Ending on a signal."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

__all__ = ["leave_on_signals"]


def leave_on_signals(*, again: bool = True) -> None:
    """Let SIGINT and SIGTERM both raise KeyboardInterrupt, so that whatever is open is closed.

    SIGINT too: what a script starts in the background inherits that it is ignored.

    again: False once one has come, while what is open is being closed.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave if again else signal.SIG_IGN)


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - as signal calls it
    raise KeyboardInterrupt
