"""Access tokens: when one is good, and how an app asks for its own (RFC 6749 section 4.4)."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Any, Protocol

import msgspec

from openteller._core.dpop import Prover
from openteller._core.forms import post_form
from openteller._core.setup import Setup
from openteller._core.wire import Effect, Outcome, Token
from openteller.errors import BrokenAnswer, ConfigurationError

__all__ = ["SENDABLE", "Grant", "Source", "Token", "Tokens", "fetch_token", "grant_of", "usable_for"]

SENDABLE = re.compile(r"[!-~]+")
"""What a header can carry as a token (RFC 6750)."""
_MARGIN = 30.0
"""Seconds before its end from which a token is not used any more: a request takes time, and clocks differ."""
_LONGEST_LIFE = 86_400.0


class Source(Protocol):
    """Where a client's tokens come from. Whoever obtains or keeps one holds the driver's lock for the source.

    Attributes:
        must_finish: whether obtaining one that has begun must not be cancelled.
    """

    must_finish: bool

    def usable(self, now: float, refused: str | None) -> Token | None:
        """Give the token at hand, unless there is none, its time is up, or it is the one that was refused."""

    def obtain(self, setup: Setup, refused: str | None) -> Generator[Effect, Any, Token]:
        """Get another one."""

    def keep(self, token: Token) -> Token:
        """Have a new one at hand."""


class Tokens:
    """The app's own token."""

    must_finish = False

    def __init__(self) -> None:
        self._held: Token | None = None

    def usable(self, now: float, refused: str | None) -> Token | None:
        """Give the token at hand, unless there is none, its time is up, or it is the one that was refused."""
        held = self._held
        return held if held and now < held.usable_until and held.value != refused else None

    def obtain(self, setup: Setup, refused: str | None) -> Generator[Effect, Any, Token]:  # noqa: ARG002 - as a Source
        """Ask for another one."""
        return (yield from fetch_token(setup))

    def keep(self, token: Token) -> Token:
        """Have a new one at hand."""
        self._held = token
        return token

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Grant(msgspec.Struct):
    """An answer of the token endpoint (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str
    expires_in: float = 300.0
    refresh_token: str | None = None
    scope: str | None = None
    authorization_details: list[dict[str, Any]] = []

    def __repr__(self) -> str:
        return "Grant()"


_GRANT = msgspec.json.Decoder(Grant)


def fetch_token(setup: Setup) -> Generator[Effect, Any, Token]:
    """Ask for a token of the app's own; it is bound to the app's key, where the app has one.

    Raises:
        ConfigurationError: the client has no credentials.
        OpenTellerError: the bank refuses, or no usable answer comes.
    """
    credentials = setup.credentials
    if credentials is None or credentials.are_public:
        raise ConfigurationError("there are no credentials to fetch a token with")
    asked_at, prover, url = setup.monotonic(), credentials.prover, f"{setup.base_url}/oauth/token"

    form = {"grant_type": "client_credentials"}
    outcome = yield from post_form(setup, "fetchToken", url, form, credentials=credentials, prover=prover)
    grant = grant_of("fetchToken", outcome, prover)
    return Token(grant.access_token, asked_at + usable_for(grant.expires_in, grant.expires_in), prover)


def usable_for(left: float, lifetime: float) -> float:
    """Give the seconds for which a token is to be used, of those that it still has and of those that it had."""
    lifetime = min(max(lifetime, 0.0), _LONGEST_LIFE)
    return min(max(left, 0.0), _LONGEST_LIFE) - min(_MARGIN, lifetime / 4)


def grant_of(name: str, outcome: Outcome, prover: Prover | None) -> Grant:
    """Read a grant: a bearer token, or one that is bound to the prover's key.

    Raises:
        BrokenAnswer: there is none, or one that no header can carry (RFC 6750).
    """
    answer, attempts, _ = outcome
    kind = "bearer" if prover is None else "DPoP"
    try:
        grant = _GRANT.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        grant = None
    if grant and grant.token_type.lower() == kind.lower() and SENDABLE.fullmatch(grant.access_token):
        return grant
    raise BrokenAnswer(
        f"{name}: the answer holds no {kind} token that can be read; is base_url right?",
        retryable="never",
        status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        attempts=attempts,
    )
