"""What goes over the wire, and what a call asks its driver to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from openteller._core.dpop import Prover

__all__ = ["Answer", "Authorise", "Consult", "Effect", "Fault", "Outcome", "Request", "Send", "Sleep", "Token"]


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
class Token:
    """A token and until when to use it, on the client's own steady clock.

    Attributes:
        prover: holds the key that the token is bound to (RFC 9449); None for a bearer token.
    """

    value: str = field(repr=False)
    usable_until: float
    prover: Prover | None = None

    def headers(self, method: str, url: str, wall: Callable[[], float]) -> list[tuple[str, str]]:
        """Give the headers that it is sent with, once."""
        if self.prover is None:
            return [("Authorization", f"Bearer {self.value}")]
        proof = self.prover.proof(method, url, wall, self.value)
        return [("Authorization", f"DPoP {self.value}"), ("DPoP", proof)]


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
class Consult:
    """Call this, which asks a store of tokens and may block, and give what it gives."""

    act: Callable[[], object] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authorise:
    """Give a ``Token``; not this one, which the bank has refused. ``timeout``: seconds that are left."""

    refused: str | None = field(repr=False)
    timeout: float


Effect: TypeAlias = Send | Sleep | Consult | Authorise
