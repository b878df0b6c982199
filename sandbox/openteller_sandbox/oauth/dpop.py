"""DPoP (RFC 9449): a proof that whoever sends a request holds the key which its token is bound to.

``htu`` is compared with the configured public URL, whatever a proxy made of the request. Nonces are optional; they are
stateless: an HMAC of the half minute.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import SECOND
from openteller_sandbox.http.exchange import Proof
from openteller_sandbox.oauth import jose, replays, secrecy
from openteller_sandbox.oauth.model import Refusal

MOST_CHARACTERS = 6144
"""A key of RSA with 4096 bits fits in it."""
_OLDEST_S = 120
_FUTURE_S = 60
_MOST_JTI = 256
_NONCE_MS = 30 * SECOND
_DEFAULT_PORTS = {"http": 80, "https": 443}


def check(bank: Bank, proof: Proof, *, token: str | None = None, bound_to: str | None = None) -> str:
    """Check the proof of a request; give its key's thumbprint.

    Args:
        bank: gives the clock and the address.
        proof: the request's headers ``DPoP``, its method and its path.
        token: the access token that came with it.
        bound_to: the thumbprint that is expected.

    Raises:
        Refusal: invalid_dpop_proof, use_dpop_nonce.
    """
    if len(proof.proofs) != 1:
        raise Refusal("invalid_dpop_proof", "Send the header DPoP, once.")
    try:
        jwt = jose.read(proof.proofs[0], MOST_CHARACTERS)
        key = jose.public_key(jwt.header.get("jwk"))
    except jose.Invalid as error:
        raise Refusal("invalid_dpop_proof") from error
    if jwt.header.get("typ") != "dpop+jwt" or not jose.verify(jwt, key):
        raise Refusal("invalid_dpop_proof")
    thumbprint = jose.thumbprint(key)
    if bound_to is not None and not hmac.compare_digest(thumbprint, bound_to):
        raise Refusal("invalid_dpop_proof", "The proof is signed with another key than the token is bound to.")
    _check_request(bank, proof, jwt.claims)
    _check_token(token, jwt.claims.get("ath"))
    _check_time(bank, jwt.claims)
    _check_replay(bank, thumbprint, jwt.claims)
    return thumbprint


def nonce(bank: Bank, ago: int = 0) -> str:
    """Give the nonce of this half minute, or of an earlier one."""
    return secrecy.mac(bank, "dpop-nonce", str(bank.clock.wall() // _NONCE_MS - ago))


def _check_request(bank: Bank, proof: Proof, claims: dict[str, Any]) -> None:
    if claims.get("htm") != proof.method:
        raise Refusal("invalid_dpop_proof", "htm is not the method of the request.")
    if not _same_place(claims.get("htu"), f"{bank.settings.public_url}{proof.path}"):
        raise Refusal("invalid_dpop_proof", "htu is not the address of the request, at this server's public URL.")


def _check_token(token: str | None, ath: object) -> None:
    if token is None:
        return
    right = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=")
    if not isinstance(ath, str) or not hmac.compare_digest(ath.encode("utf-8", "replace"), right):
        raise Refusal("invalid_dpop_proof", "ath is not the hash of the access token.")


def _check_time(bank: Bank, claims: dict[str, Any]) -> None:
    """Look at the age, and at the nonce where the server wants one or the proof has one."""
    now, issued = bank.clock.wall() // SECOND, claims.get("iat")
    if type(issued) not in (int, float) or not now - _OLDEST_S <= issued <= now + _FUTURE_S:  # type: ignore[operator]
        raise Refusal("invalid_dpop_proof", "iat is not of this time: compare the clocks.")
    sent = claims.get("nonce")
    if sent is None and not bank.settings.dpop_nonce:
        return
    known = isinstance(sent, str) and any(
        hmac.compare_digest(sent.encode("utf-8", "replace"), nonce(bank, ago).encode()) for ago in range(3)
    )
    if not known:
        raise Refusal("use_dpop_nonce", nonce=nonce(bank))


def _check_replay(bank: Bank, thumbprint: str, claims: dict[str, Any]) -> None:
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= _MOST_JTI:
        raise Refusal("invalid_dpop_proof", "jti is missing or too long.")
    expires_at = (int(claims["iat"]) + _OLDEST_S + 1) * SECOND
    if not replays.add(bank, "dpop", thumbprint, jti, expires_at):
        raise Refusal("invalid_dpop_proof", "The proof was used before: sign a new one for each request.")


def _same_place(sent: object, expected: str) -> bool:
    """Compare two addresses without query and fragment, as RFC 3986 section 6.2.2 and 6.2.3 normalise them."""
    if sent == expected:
        return True
    if not isinstance(sent, str) or len(sent) > 2048:
        return False
    try:
        return _normalised(urlsplit(sent)) == _normalised(urlsplit(expected))
    except ValueError:  # a port that is none
        return False


def _normalised(url: SplitResult) -> tuple[str, str | None, int | None, str]:
    if "@" in url.netloc:
        raise ValueError("an address of a resource names nobody")
    return url.scheme, url.hostname, url.port or _DEFAULT_PORTS.get(url.scheme), unquote(url.path) or "/"
