"""DPoP (RFC 9449): a proof with each request that its sender holds the key which the token is bound to."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from openteller._core.jose import SigningKey, base64url
from openteller._core.wire import Answer

__all__ = ["Prover", "wants_nonce"]

_NONCES_KEPT = 16


class Prover:
    """Signs proofs with one key, with the nonce that each server gave last."""

    def __init__(self, key: SigningKey) -> None:
        self.key = key
        self._header = key.proof_header()
        self._nonces: dict[str, str] = {}

    def proof(self, method: str, url: str, wall: Callable[[], float], token: str | None = None) -> str:
        """Sign a proof for one request, and for one try of it: none is taken twice.

        Args:
            method: of HTTP.
            url: where it goes; query and fragment are no part of the proof.
            wall: wall time in seconds.
            token: the access token that goes with it.
        """
        claims: dict[str, Any] = {
            "htm": method,
            "htu": url.partition("?")[0].partition("#")[0],
            "iat": int(wall()),
            "jti": secrets.token_urlsafe(18),
        }
        if token is not None:
            claims["ath"] = base64url(sha256(token.encode()).digest())
        if nonce := self._nonces.get(_origin(url)):
            claims["nonce"] = nonce
        return self.key.sign(self._header, claims)

    def learn(self, url: str, answer: Answer) -> None:
        """Keep the nonce that an answer brings, for the next proof (RFC 9449 section 8.2)."""
        nonce = answer.headers.get("dpop-nonce")
        if nonce and nonce.isascii() and len(nonce) <= 512:
            if len(self._nonces) >= _NONCES_KEPT:
                self._nonces.clear()
            self._nonces[_origin(url)] = nonce

    def __repr__(self) -> str:
        return f"Prover({self.key!r})"


def wants_nonce(answer: Answer) -> bool:
    """Tell whether a server refuses for want of its nonce: at a resource (section 9), or at its own endpoints (8)."""
    if answer.status not in {400, 401} or "dpop-nonce" not in answer.headers:
        return False
    return "use_dpop_nonce" in answer.headers.get("www-authenticate", "") or b'"use_dpop_nonce"' in answer.body


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
