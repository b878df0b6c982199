"""Answers as they came."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

from openteller._core.decoding import decode
from openteller._core.operation import Key, Operation
from openteller._core.wire import Outcome
from openteller.errors import ConfigurationError

__all__ = ["RawAnswer", "adhoc", "last", "parsed"]

T = TypeVar("T")

_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"})


@dataclass(frozen=True, slots=True)
class RawAnswer(Generic[T]):
    """An answer as it came, and what it means. Its ``repr`` shows neither.

    Attributes:
        parsed: what the method gives; of ``client.request``, plain JSON values.
        status: the HTTP status.
        headers: names in small letters.
        body: as it came, unpacked.
        attempts: how often the request was sent.
    """

    parsed: T = field(repr=False)
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    attempts: int

    @property
    def request_id(self) -> str | None:
        """The bank's name for the request."""
        return self.headers.get("x-request-id")


def last(result: T, outcomes: Sequence[Outcome]) -> RawAnswer[T]:
    """Pair a result with its answer; where several were needed, with the last.

    Raises:
        ConfigurationError: nothing was sent: the method is no call of this client.
    """
    if not outcomes:
        raise ConfigurationError(
            "nothing was sent: pass a method of this client that makes a call, such as client.payments.get, or of a "
            "list: client.raw(client.payments.list().page)"
        )
    answer, attempts, _ = outcomes[-1]
    return RawAnswer(result, answer.status, answer.headers, answer.body, attempts)


def parsed(name: str, outcome: Outcome) -> RawAnswer[Any]:
    """Parse an answer into plain JSON values; None when it has no body.

    Raises:
        BrokenAnswer: the body is no JSON.
    """
    if not outcome.answer.body:
        return last(None, [outcome])
    # ``object`` would be a type of its own for the decoder, and plain values none of that type.
    plain: Any = Any
    return last(decode(name, plain, outcome), [outcome])


def adhoc(method: str, path: str, *, has_key: bool, is_open: bool) -> Operation:
    """Make an operation of a method and a path.

    Raises:
        ConfigurationError: the path could lead elsewhere, or the method is none of HTTP's.
    """
    if not _PATH.fullmatch(path) or any(unquote(part) in {".", ".."} for part in path.split("/")):
        raise ConfigurationError("a path begins with one slash and holds no query: client.request('GET', '/v1/status')")
    method = method.upper()
    if method not in _METHODS:
        raise ConfigurationError(f"a method is one of {', '.join(sorted(_METHODS))}")
    return Operation(
        name=f"{method} {path}",
        method=method,
        path=path,
        scope="",
        is_open=is_open,
        key=Key.OPTIONAL if has_key else Key.NONE,
        is_repeatable=method in {"GET", "HEAD"},
        hidden=None,
    )
