"""The short way to an operation: around Flask's routing and contexts, which cost as much as a read itself."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, NamedTuple, cast

from werkzeug import Request

from openteller_sandbox.contract import Operation

_PARAMETER = re.compile(r"\\\{([a-z_]+)\\\}")

_STATUS_LINES = {each.value: f"{each.value} {each.phrase}" for each in HTTPStatus}


class Pieces(Iterator[bytes]):
    """A body that is made piece by piece, while it is sent; none of the pieces is empty."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __next__(self) -> bytes:
        """Make the next piece."""
        return next(self._pieces)


class Reply(NamedTuple):
    """An answer with every header that it leaves with."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Pieces


class Turn(Enum):
    """How something waits: beside others, after others that compute as long, or for others' turn only."""

    OTHERS = auto()
    COMPUTING = auto()
    GIVEN = auto()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request whose answer waits for somebody else: ``wait`` off the server's thread, then ``resume`` on it."""

    wait: Callable[[], Any]
    resume: Callable[[Any], Reply | Waiting]
    fail: Callable[[Exception], Reply]
    turn: Turn = Turn.OTHERS


PARKING = "openteller.parking"
"""In the environment: a list in which a server takes what waits. Without one, the wait is done here and now."""

View = Callable[[Request, dict[str, str]], Reply | Waiting]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Front:
    """Answers what is plainly a request for an operation, and hands on everything else.

    Plain is a method and a path as the contract spells them, with identifiers of letters, digits, ``_`` and ``-``.
    Pages, HEAD, OPTIONS, other methods and paths go to Flask, whose routes lead to the same views.

    Args:
        beyond: the application for everything else.
    """

    def __init__(self, beyond: Wsgi) -> None:
        self._beyond = beyond
        self._fixed: dict[tuple[str, str], View] = {}
        self._patterns: defaultdict[tuple[str, int], list[tuple[re.Pattern[str], View]]] = defaultdict(list)

    def add(self, operation: Operation, view: View) -> None:
        """Take the requests for an operation from now on."""
        pattern, parameters = _PARAMETER.subn(r"(?P<\1>[0-9A-Za-z_-]+)", re.escape(operation.path))
        if parameters:
            self._patterns[operation.method, operation.path.count("/")].append((re.compile(pattern), view))
        else:
            self._fixed[operation.method, operation.path] = view

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        view = self._fixed.get((method, path))
        if view is not None:
            return _send(view(Request(environ), {}), environ, start_response)
        for pattern, parameterised in self._patterns.get((method, path.count("/")), ()):
            found = pattern.fullmatch(path)
            if found:
                return _send(parameterised(Request(environ), found.groupdict()), environ, start_response)
        return self._beyond(environ, start_response)


def _send(reply: Reply | Waiting, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if isinstance(reply, Waiting):
        parking = cast("list[Waiting] | None", environ.get(PARKING))
        if parking is not None:
            parking.append(reply)
            return ()
        reply = finished(reply)
    start_response(_STATUS_LINES[reply.status], reply.headers)
    return reply.body if isinstance(reply.body, Pieces) else (reply.body,)


def finished(reply: Reply | Waiting) -> Reply:
    """Wait here and now."""
    while isinstance(reply, Waiting):
        try:
            result = reply.wait()
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
            return reply.fail(error)
        reply = reply.resume(result)
    return reply
