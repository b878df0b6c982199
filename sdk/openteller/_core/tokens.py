"""App tokens: when one is good, and how another is asked for (RFC 6749 section 4.4)."""

from __future__ import annotations

import base64
import re
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec

from openteller._core.exchange import Ask, exchange
from openteller._core.setup import Credentials, Setup
from openteller._core.wire import Effect, Request
from openteller.errors import BrokenAnswer, ConfigurationError

__all__ = ["Token", "Tokens", "fetch_token"]

_BEARER = re.compile(r"[!-~]+")
_MARGIN = 30.0
"""Seconds before its end from which a token is not used any more: a request takes time, and clocks differ."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and until when to use it, on the client's own steady clock."""

    value: str = field(repr=False)
    usable_until: float


class Tokens:
    """The token that a client holds. Whoever changes it holds the driver's lock."""

    def __init__(self) -> None:
        self._held: Token | None = None

    def usable(self, now: float, refused: str | None) -> str | None:
        """Give the token, unless there is none, its time is up, or it is the one that was refused."""
        held = self._held
        return held.value if held and now < held.usable_until and held.value != refused else None

    def keep(self, token: Token) -> str:
        """Hold a new token."""
        self._held = token
        return token.value

    def __repr__(self) -> str:
        return "Tokens()"


class _Grant(msgspec.Struct):
    access_token: str
    token_type: str
    expires_in: float = 300.0


_GRANT = msgspec.json.Decoder(_Grant)


def fetch_token(setup: Setup) -> Generator[Effect, Any, Token]:
    """Ask for a token.

    Raises:
        ConfigurationError: the client has no credentials.
        OpenTellerError: the bank refuses, or no usable answer comes.
    """
    if setup.credentials is None:
        raise ConfigurationError("there are no credentials to fetch a token with")
    headers = [
        ("Authorization", _basic(setup.credentials)),
        ("Content-Type", "application/x-www-form-urlencoded"),
        *setup.headers,
    ]
    asked_at = setup.monotonic()
    request = Request("POST", f"{setup.base_url}/oauth/token", headers, b"grant_type=client_credentials")
    ask = Ask(name="fetchToken", path="/oauth/token", is_safe=True, needs_token=False, request=lambda _: request)
    answer, attempts, _ = yield from exchange(setup, ask)
    grant = _grant(answer.body)
    if grant is None:
        request_id = answer.headers.get("x-request-id")
        known: dict[str, Any] = {"status": answer.status, "request_id": request_id, "attempts": attempts}
        text = "fetchToken: the answer holds no bearer token that can be read; is base_url right?"
        raise BrokenAnswer(text, retryable="never", **known)
    lifetime = min(max(grant.expires_in, 0.0), 86_400.0)
    return Token(grant.access_token, asked_at + lifetime - min(_MARGIN, lifetime / 4))


def _grant(body: bytes) -> _Grant | None:
    """Read a grant (RFC 6749 section 5.1); None where there is none, or one that no header can carry (RFC 6750)."""
    try:
        grant = _GRANT.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    is_usable = grant.token_type.lower() == "bearer" and _BEARER.fullmatch(grant.access_token)
    return grant if is_usable else None


def _basic(credentials: Credentials) -> str:
    """Write client_secret_basic: both parts form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote(credentials.client_id, safe='')}:{quote(credentials.client_secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
