"""``private_key_jwt``: a client authenticates with a JWT that it has signed (RFC 7523, as FAPI 2.0 narrows it)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import SECOND
from openteller_sandbox.oauth import jose, keysets, replays
from openteller_sandbox.oauth.model import Client, Method, Refusal

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MOST_CHARACTERS = 4096
_TYPES = (None, "JWT", "jwt", "client-authentication+jwt")
_LONGEST_LIFE_S = 300
_FUTURE_S = 60
_OLDEST_S = 3600
_MOST_SUBJECT = 64
_MOST_JTI = 256


def authenticate(bank: Bank, find: Callable[[str], Client | None], assertion: str, client_id: str | None) -> Client:
    """Give the client that an assertion authenticates.

    Args:
        bank: gives the clock and the address.
        find: gives a client by its identifier.
        assertion: as it was sent.
        client_id: of the same form, where it has one.

    Raises:
        Refusal: invalid_client.
    """
    try:
        token = jose.read(assertion, MOST_CHARACTERS)
    except jose.Invalid as error:
        raise Refusal("invalid_client") from error
    subject = token.claims.get("sub")
    if not isinstance(subject, str) or len(subject) > _MOST_SUBJECT or token.claims.get("iss") != subject:
        raise Refusal("invalid_client")
    client = find(subject) if client_id in {None, subject} else None
    if client is None or client.method is not Method.KEY or token.header.get("typ") not in _TYPES:
        raise Refusal("invalid_client")
    _check_signature(bank, client, token)
    _check_claims(bank, client, token.claims)
    return client


def _check_signature(bank: Bank, client: Client, token: jose.Unverified) -> None:
    kid = token.header.get("kid")
    known = keysets.keys_of(bank, client.jwks_uri, kid) if client.jwks_uri else client.jwks
    keys = [key for key in known if kid is None or key.get("kid") == kid]
    if not any(jose.verify(token, key) for key in keys):
        raise Refusal("invalid_client")


def _check_claims(bank: Bank, client: Client, claims: dict[str, Any]) -> None:
    """Look at audience and time, and last whether the assertion was used before."""
    issuer, now = bank.settings.public_url, bank.clock.wall() // SECOND
    if claims.get("aud") not in (issuer, f"{issuer}/oauth/token"):
        raise Refusal("invalid_client", "The audience of the assertion is the issuer, as one string.")
    expires, issued, begins = (claims.get(name, now) for name in ("exp", "iat", "nbf"))
    if "exp" not in claims or not all(type(at) in (int, float) for at in (expires, issued, begins)):
        raise Refusal("invalid_client", "The assertion needs exp, as a number.")
    if not now < expires <= now + _LONGEST_LIFE_S + _FUTURE_S:
        raise Refusal("invalid_client", "The assertion has expired, or lives longer than 5 minutes.")
    if max(issued, begins) > now + _FUTURE_S or issued < now - _OLDEST_S:
        raise Refusal("invalid_client", "The assertion is of another time: compare the clocks.")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= _MOST_JTI:
        raise Refusal("invalid_client", "The assertion needs a jti of at most 256 characters.")
    if not replays.add(bank, "assertion", client.client_id, jti, (int(expires) + 1) * SECOND):
        raise Refusal("invalid_client", "The assertion was used before: sign a new one for each request.")
