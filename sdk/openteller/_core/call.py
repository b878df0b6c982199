"""From an operation and its arguments to what is asked."""

from __future__ import annotations

import secrets
from collections.abc import Generator, Mapping
from typing import Any

from openteller._core import encoding
from openteller._core.exchange import Ask, exchange
from openteller._core.operation import Key, Operation
from openteller._core.setup import Setup
from openteller._core.wire import Effect, Outcome, Request, Token
from openteller.errors import ConfigurationError

__all__ = ["call", "check_key"]

_HIDDEN = "…"
_LONGEST_ADDRESS = 8_000
"""Characters that any server takes; the contract's longest has fewer than a thousand."""


def call(
    setup: Setup,
    operation: Operation,
    *,
    identifiers: Mapping[str, str] | None = None,
    query: Mapping[str, object] | None = None,
    body: Mapping[str, object] | None = None,
    key: str | None = None,
    accept: str | None = None,
) -> Generator[Effect, Any, Outcome]:
    """Call an operation; give what it came to.

    Args:
        key: the caller's own idempotency key; without one, an operation that wants a key gets a new one.
        accept: the media type that is wanted; without it, the operation's usual one.

    Raises:
        ConfigurationError: an argument cannot be sent, or the client has no credentials where they are needed.
        OpenTellerError: the bank refuses, or no usable answer comes in time.
    """
    if not setup.calls_as_somebody and not operation.is_open:
        raise ConfigurationError(_nobody(setup, operation))
    url = setup.base_url + operation.path_for(identifiers or {}) + encoding.query(query or {})
    if len(url) > _LONGEST_ADDRESS:
        raise ConfigurationError(f"{operation.name}: an identifier or a parameter is too long to be sent")
    content = None if body is None else encoding.body(body)
    key = check_key(key) or secrets.token_urlsafe(18) if operation.key is not Key.NONE else None
    headers = list(setup.headers)
    if accept is not None:
        headers = [("accept", accept), *(header for header in headers if header[0] != "accept")]
    if content is not None:
        headers.append(("Content-Type", "application/json"))
    if key:
        headers.append(("Idempotency-Key", key))

    def request(token: Token | None) -> Request:
        sent = [*headers, *token.headers(operation.method, url, setup.wall)] if token else headers
        return Request(operation.method, url, sent, content)

    ask = Ask(
        name=operation.name,
        path=operation.path,
        is_safe=operation.is_repeatable or key is not None,
        needs_token=setup.calls_as_somebody,
        request=request,
        key=key,
        shown=_shown(operation, {**(query or {}), **(body or {})}) if setup.hooks else {},
    )
    return (yield from exchange(setup, ask))


def _nobody(setup: Setup, operation: Operation) -> str:
    if setup.credentials is not None:
        return (
            f"{operation.name} needs a token, and a public client has none of its own: call it of a client that "
            "client.for_customer gives"
        )
    return (
        f"{operation.name} needs an app's credentials (scope {operation.scope}): pass client_id and client_secret, "
        "or set OPENTELLER_CLIENT_ID and OPENTELLER_CLIENT_SECRET"
    )


def check_key(key: str | None) -> str | None:
    """Look whether an idempotency key can be sent.

    Raises:
        ConfigurationError: it is empty, longer than 64 characters, or not printable ASCII without spaces.
    """
    if key is not None and not (1 <= len(key) <= 64 and all("!" <= one <= "~" for one in key)):
        raise ConfigurationError("an idempotency key has 1 to 64 characters of printable ASCII, without spaces")
    return key


def _shown(operation: Operation, parameters: Mapping[str, object]) -> dict[str, object]:
    hidden = operation.hidden
    return {
        name: _HIDDEN if hidden is None or name in hidden else value
        for name, value in parameters.items()
        if value is not None
    }
