"""Private keys and what they sign: client assertions and DPoP proofs. The extra ``oauth`` brings what it needs."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from openteller.errors import ConfigurationError

__all__ = ["SigningKey", "base64url"]

_MISSING = 'keys need the extra oauth: pip install "openteller[oauth]"'
_ALGORITHMS = {("EC", "P-256"): "ES256", ("OKP", "Ed25519"): "EdDSA", ("RSA", None): "PS256"}
_PUBLIC = {"EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x"), "RSA": ("kty", "n", "e")}
_RSA_BITS = 2048
_LARGEST_FILE = 64 * 1024


class SigningKey:
    """A private key: EC P-256 (ES256), Ed25519 (EdDSA) or RSA from 2048 bits (PS256). Its ``repr`` shows its name.

    ``SigningKey.generate()`` makes one, ``SigningKey.load(path)`` reads one, ``save`` writes it into a new file.
    """

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Take a private key as a JSON Web Key (RFC 7517).

        Raises:
            ConfigurationError: it is none that can sign here, or the extra is not installed.
        """
        self._key = _imported(jwk)
        members = self._key.as_dict(private=True)
        self.algorithm = _algorithm(members, self._key)
        self._essence = {name: members[name] for name in _PUBLIC[members["kty"]]}
        self.thumbprint = str(self._key.thumbprint())
        kid = jwk.get("kid")
        self.kid = kid if isinstance(kid, str) and kid else self.thumbprint

    @classmethod
    def generate(cls) -> Self:
        """Make a new key, EC P-256.

        Raises:
            ConfigurationError: the extra is not installed.
        """
        return cls(_joserfc().ECKey.generate_key("P-256").as_dict(private=True))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a key from a file: a JSON Web Key, a set with one private key in it, or PEM without a password.

        Raises:
            ConfigurationError: there is no such file, or no key in it.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
        else:
            return cls.parse(text)
        raise ConfigurationError(f"the key file {os.fspath(path)} cannot be read: {reason}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key from a text, as ``load`` does from a file.

        Raises:
            ConfigurationError: there is no private key in it.
        """
        if len(text) > _LARGEST_FILE:
            raise ConfigurationError("that is too large for a key")
        if text.lstrip().startswith("-----BEGIN"):
            return cls(_of_pem(text))
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None  # what it holds is nobody's to see, not even as the cause of an error
        if isinstance(found, dict) and isinstance(found.get("keys"), list):
            private = [one for one in found["keys"] if isinstance(one, dict) and "d" in one]
            found = private[0] if len(private) == 1 else None
        if not isinstance(found, dict):
            raise ConfigurationError("a key is a JSON Web Key, a set with one private key, or PEM without a password")
        return cls(found)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key into a new file that only its owner can read (mode 0600).

        Raises:
            ConfigurationError: the file is there already, or cannot be made.
        """
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            reason = error.strerror
        else:
            with os.fdopen(file, "w", encoding="utf-8") as opened:
                json.dump(self.to_jwk(), opened)
            return
        raise ConfigurationError(f"the key file {os.fspath(path)} cannot be made: {reason}")

    def to_jwk(self) -> dict[str, Any]:
        """Give the private key as a JSON Web Key. Keep it secret."""
        return {**self._key.as_dict(private=True), "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def public_jwk(self) -> dict[str, Any]:
        """Give the public half as a JSON Web Key, as a bank registers it."""
        return {**self._essence, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """Write a JWT in its compact form (RFC 7515); ``alg`` is added."""
        from joserfc.jws import JWSRegistry  # noqa: PLC0415 - an extra, which made the key

        parts = ({**header, "alg": self.algorithm}, claims)
        signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        # Not by joserfc's ``encode``: it takes no header that holds a key of RSA.
        return f"{signed}.{base64url(JWSRegistry.algorithms[self.algorithm].sign(signed.encode(), self._key))}"

    def proof_header(self) -> dict[str, Any]:
        """Give the header of a DPoP proof, with the public key in it (RFC 9449 section 4.2)."""
        return {"typ": "dpop+jwt", "jwk": self._essence}

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r}, {self.algorithm})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.to_jwk(),)


def base64url(content: bytes) -> str:
    """Encode bytes in base64url without padding (RFC 7515 section 2)."""
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _joserfc() -> Any:
    try:
        from joserfc import jwk  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigurationError(_MISSING) from error
    return jwk


def _imported(jwk: Mapping[str, Any]) -> Any:
    joserfc = _joserfc()
    from joserfc.errors import JoseError  # noqa: PLC0415 - it is there by now

    kind = jwk.get("kty")
    if kind in _PUBLIC and "d" in jwk:
        try:
            return joserfc.import_key({name: value for name, value in jwk.items() if name not in {"use", "key_ops"}})
        except (JoseError, ValueError, TypeError):
            pass  # the reason may hold a part of the key
    raise ConfigurationError("that is no private key of EC P-256, Ed25519 or RSA")


def _algorithm(members: Mapping[str, Any], key: Any) -> str:
    """Give what a key signs with.

    Raises:
        ConfigurationError: it is of another curve, or too short.
    """
    algorithm = _ALGORITHMS.get((members["kty"], members.get("crv")))
    if algorithm is None or (algorithm == "PS256" and key.private_key.key_size < _RSA_BITS):
        raise ConfigurationError("a key is of EC P-256, Ed25519, or RSA from 2048 bits")
    return algorithm


def _of_pem(text: str) -> dict[str, Any]:
    joserfc = _joserfc()
    from joserfc.errors import JoseError  # noqa: PLC0415 - it is there by now

    for kind in _PUBLIC:
        try:
            return dict(joserfc.import_key(text.encode(), kind).as_dict(private=True))
        except (JoseError, ValueError, TypeError):
            continue  # PEM of another kind, or none
    raise ConfigurationError("that PEM holds no private key without a password")
