"""What a program can watch of its calls, for logs, metrics and traces.

A hook is called with each event, in the thread or task of the call. Values that the contract marks as personal or
secret are shown as ``…``, and tokens and headers not at all. A hook that raises is reported to the logger
``openteller``; the call goes on.

::

    client = OpenTeller(hooks=[hooks.log()])
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from openteller.errors import OpenTellerError

__all__ = ["Answered", "Event", "Failed", "Hook", "Sending", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """What all events carry.

    Attributes:
        call: the same object for all events of one call, to tell calls apart; compare it with ``is``.
        operation: the contract's ``operationId``, or ``fetchToken``, ``refreshToken`` and the like for what the client
            asks the authorization server.
        attempt: which try it is, from 1.
    """

    call: object
    operation: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending(_Event):
    """A request goes out.

    Attributes:
        method: HTTP's.
        path: as in the contract, with ``{parameter}`` in place of identifiers.
        parameters: query and members of the body; personal and secret ones as ``…``.
    """

    method: str
    path: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(_Event):
    """An answer came, good or bad.

    Attributes:
        status: the HTTP status.
        seconds: since the request went out.
        request_id: the bank's name for the request.
    """

    status: int
    seconds: float
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(_Event):
    """A try failed: no answer came, or one that is no success.

    Attributes:
        error: what it ended with.
        retry_in: seconds until the next try; None when there is none and the error is raised.
    """

    error: OpenTellerError
    retry_in: float | None


Event: TypeAlias = Sending | Answered | Failed
Hook: TypeAlias = Callable[[Event], None]


def log(logger: logging.Logger | None = None) -> Hook:
    """Make a hook that writes to a logger, ``openteller`` unless told: failures as warnings, the rest for debugging."""
    target = logger or logging.getLogger("openteller")

    def write(event: Event) -> None:
        match event:
            case Answered():
                told = (event.operation, event.status, event.seconds * 1000, event.request_id)
                target.debug("%s %d in %.0f ms [%s]", *told)
            case Failed():
                then = "gave up" if event.retry_in is None else f"again in {event.retry_in:.1f} s"
                target.warning("%s failed (try %d): %r; %s", event.operation, event.attempt, event.error, then)
            case Sending():
                target.debug("%s %s %s %s", event.operation, event.method, event.path, dict(event.parameters))

    return write


def tell(hooks: Iterable[Hook], event: Event) -> None:
    """Call the hooks, each guarded."""
    for hook in hooks:
        try:
            hook(event)
        except Exception:
            logging.getLogger("openteller").exception("a hook failed on %s", type(event).__name__)
