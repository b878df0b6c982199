"""What goes over the wire, and what a call asks its driver to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Answer", "Authorise", "Effect", "Fault", "Outcome", "Request", "Send", "Sleep"]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. Its ``repr`` shows neither headers nor body nor query."""

    method: str
    url: str = field(repr=False)
    headers: Sequence[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came. Header names are in small letters."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Outcome(NamedTuple):
    """What a call came to: the answer, the number of tries, and the idempotency key that they carried."""

    answer: Answer
    attempts: int
    key: str | None


class Fault(Exception):
    """No answer came. ``is_unsent``: nothing reached the other side, so that sending it again is safe."""

    def __init__(self, kind: Literal["connection", "timeout", "broken"], reason: str, *, is_unsent: bool) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.is_unsent = is_unsent


@dataclass(frozen=True, slots=True)
class Send:
    """Send this, and give the ``Answer`` or throw a ``Fault``; ``timeout`` seconds for all of it."""

    request: Request
    timeout: float


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Authorise:
    """Give a token; not this one, which the bank has refused. ``timeout``: seconds that are left."""

    refused: str | None
    timeout: float


Effect: TypeAlias = Send | Sleep | Authorise
