"""Forms for the authorization server's endpoints: who sends them, and the proof of a key."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from openteller._core.dpop import Prover
from openteller._core.exchange import Ask, exchange
from openteller._core.setup import Credentials, Setup
from openteller._core.wire import Effect, Outcome, Request, Token

__all__ = ["authentication", "post_form"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60

Headers = list[tuple[str, str]]


def post_form(
    setup: Setup,
    name: str,
    url: str,
    form: Mapping[str, str | None],
    *,
    credentials: Credentials,
    prover: Prover | None = None,
    is_safe: bool = True,
) -> Generator[Effect, Any, Outcome]:
    """Send a form to an endpoint of the authorization server; each try has an assertion and a proof of its own.

    Args:
        setup: of the client.
        name: what hooks and errors call it.
        url: of the endpoint.
        form: its members; those that are None are left out.
        credentials: who sends it.
        prover: of the key that what is asked for shall be bound to.
        is_safe: doing it twice is the same as doing it once.

    Raises:
        OpenTellerError: the bank refuses, or no usable answer comes.
    """
    sent = {name: value for name, value in form.items() if value is not None}

    def request(_: Token | None) -> Request:
        headers, members = authentication(setup, credentials)
        headers += [("Content-Type", "application/x-www-form-urlencoded"), *setup.headers]
        if prover is not None:
            headers.append(("DPoP", prover.proof("POST", url, setup.wall)))
        return Request("POST", url, headers, urlencode({**sent, **members}).encode())

    ask = Ask(name=name, path=urlsplit(url).path, is_safe=is_safe, needs_token=False, request=request, prover=prover)
    return (yield from exchange(setup, ask))


def authentication(setup: Setup, credentials: Credentials) -> tuple[Headers, dict[str, str]]:
    """Give what authenticates an app: headers and members of the form.

    By ``private_key_jwt`` where it has a key (RFC 7523), by ``client_secret_basic`` where it has a secret; a public
    client only says its name.
    """
    if credentials.prover is not None:
        assertion = _assertion(setup, credentials)
        return [], {
            "client_id": credentials.client_id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }
    if credentials.client_secret:
        return [("Authorization", _basic(credentials))], {}
    return [], {"client_id": credentials.client_id}


def _assertion(setup: Setup, credentials: Credentials) -> str:
    """Sign that it is this app. Its audience is the issuer, as FAPI 2.0 wants it."""
    assert credentials.prover is not None
    key, now = credentials.prover.key, int(setup.wall())
    claims = {
        "iss": credentials.client_id,
        "sub": credentials.client_id,
        "aud": setup.base_url,
        "iat": now,
        "exp": now + _ASSERTION_SECONDS,
        "jti": secrets.token_urlsafe(18),
    }
    return key.sign({"kid": key.kid}, claims)


def _basic(credentials: Credentials) -> str:
    """Write client_secret_basic: both parts form-encoded first (RFC 6749 section 2.3.1)."""
    pair = f"{quote(credentials.client_id, safe='')}:{quote(credentials.client_secret, safe='')}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
