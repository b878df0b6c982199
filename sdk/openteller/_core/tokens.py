"""App tokens: when one is good, and how another is asked for (RFC 6749 section 4.4)."""

from __future__ import annotations

import base64
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
    request = Request("POST", f"{setup.base_url}/oauth/token", headers, b"grant_type=client_credentials")
    ask = Ask(name="fetchToken", path="/oauth/token", is_safe=True, needs_token=False, request=lambda _: request)
    answer, _ = yield from exchange(setup, ask)
    try:
        grant = _GRANT.decode(answer.body)
    except msgspec.MsgspecError as error:
        raise BrokenAnswer(f"the token endpoint's answer cannot be read: {error}", status=answer.status) from error
    if grant.token_type.lower() != "bearer" or not grant.access_token.isascii():
        raise BrokenAnswer("the token endpoint gave a token that this client cannot use", status=answer.status)
    lifetime = min(max(grant.expires_in, 0.0), 86_400.0)
    return Token(grant.access_token, setup.monotonic() + lifetime - min(_MARGIN, lifetime / 4))


def _basic(credentials: Credentials) -> str:
    """Write client_secret_basic: both parts form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote(credentials.client_id, safe='')}:{quote(credentials.client_secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
