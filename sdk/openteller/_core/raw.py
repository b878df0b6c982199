"""Answers as they came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from openteller._core.operation import Key, Operation
from openteller._core.wire import Answer
from openteller.errors import BrokenAnswer, ConfigurationError

__all__ = ["RawAnswer", "adhoc", "parsed"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RawAnswer(Generic[T]):
    """An answer as it came, and what it means.

    Attributes:
        parsed: what the method gives; of ``client.request``, plain JSON values.
        headers: names in small letters.
        attempts: how often the request was sent.
    """

    parsed: T
    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    attempts: int

    @property
    def request_id(self) -> str | None:
        """The bank's name for the request."""
        return self.headers.get("x-request-id")


def parsed(result: Any, answers: list[tuple[Answer, int]]) -> RawAnswer[Any]:
    """Pair a result with its answer; where several were needed, with the last. Without a result, parse the body.

    Raises:
        ConfigurationError: nothing was sent: the method is no call of this client.
        BrokenAnswer: the body is no JSON.
    """
    if not answers:
        raise ConfigurationError("nothing was sent: pass a method of this client, such as client.payments.get")
    answer, attempts = answers[-1]
    if result is None:
        try:
            result = msgspec.json.decode(answer.body) if answer.body else None
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BrokenAnswer(f"the answer is no JSON: {error}", status=answer.status, attempts=attempts) from None
    return RawAnswer(result, answer.status, answer.headers, answer.body, attempts)


def adhoc(method: str, path: str, *, has_key: bool, is_open: bool) -> Operation:
    """Make an operation of a method and a path.

    Raises:
        ConfigurationError: the path could lead elsewhere.
    """
    if not path.startswith("/") or path.startswith("//") or any(one in path for one in "?#\\{} \r\n") or "/.." in path:
        raise ConfigurationError("a path begins with one slash and holds no query: client.request('GET', '/v1/status')")
    method = method.upper()
    return Operation(
        name=f"{method} {path}",
        method=method,
        path=path,
        scope="",
        is_open=is_open,
        key=Key.OPTIONAL if has_key else Key.NONE,
        is_repeatable=method in {"GET", "HEAD"},
        hidden=frozenset(),
    )
