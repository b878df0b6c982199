"""Reading and verifying JWTs that others have signed, on joserfc: one way for all of them, and a strict one.

Compact form only; its length is capped before anything is parsed; the header names an algorithm of ours, and nothing
critical; the key is a public one that fits the algorithm. Whoever calls looks at the claims. Importing this takes
long: it is done where the first JWT comes.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from joserfc import jwk as joserfc_jwk
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from openteller_sandbox.http.checks import read_json
from openteller_sandbox.oauth.model import ALGORITHMS

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,700}")
_KID = re.compile(r"[!-~]{1,128}")
_KINDS = {"ES256": ("EC", "P-256"), "PS256": ("RSA", None), "EdDSA": ("OKP", "Ed25519"), "Ed25519": ("OKP", "Ed25519")}
_PUBLIC = {"EC": ("kty", "crv", "x", "y"), "RSA": ("kty", "n", "e"), "OKP": ("kty", "crv", "x")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}
_NUMBERS = frozenset({"x", "y", "n", "e"})
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_RSA_BITS = range(2048, 4097)


class Invalid(Exception):
    """It cannot be taken; ``str`` of it is constant."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A JWT that can be read; nothing says yet that it is true."""

    header: dict[str, Any] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def read(token: str, most: int) -> Unverified:
    """Take a JWT apart.

    Raises:
        Invalid: it is longer than ``most``, no compact JWS of two JSON objects, or signed as we do not take it.
    """
    found = _COMPACT.fullmatch(token) if len(token) <= most else None
    if found is None:
        raise Invalid("no compact JWS")
    header, claims = _object(found[1]), _object(found[2])
    if header.get("alg") not in ALGORITHMS or "crit" in header or "b64" in header:
        raise Invalid("the algorithm is not one of ours")
    return Unverified(header, claims, token.rpartition(".")[0].encode(), _decoded(found[3]))


def verify(token: Unverified, key: dict[str, Any]) -> bool:
    """Tell whether a public key, checked by ``public_key``, has signed a JWT."""
    name = token.header["alg"]
    kind, curve = _KINDS[name]
    if key["kty"] != kind or key.get("crv") != curve or key.get("alg", name) != name:
        return False
    # Not by ``get_alg``, which warns of EdDSA by its older name; which names there are, ``read`` has looked at.
    return bool(JWSRegistry.algorithms[name].verify(token.signed, token.signature, _known(_essence(key)).imported))


def public_key(value: object) -> dict[str, Any]:
    """Check a JSON Web Key and give what of it is kept.

    Raises:
        Invalid: it is private, weak, of another kind than our algorithms need, or no key at all.
    """
    if not isinstance(value, dict) or _PRIVATE & value.keys() or value.get("use", "sig") != "sig":
        raise Invalid("no public key for signatures")
    names = _PUBLIC.get(value["kty"]) if isinstance(value.get("kty"), str) else None
    if names is None or value.get("crv") != _CURVES.get(value["kty"]):
        raise Invalid("a kind of key that is not taken")
    kept: dict[str, Any] = {name: value.get(name) for name in names}
    numbers = [kept[name] for name in names if name in _NUMBERS]
    if not all(isinstance(number, str) and _BASE64URL.fullmatch(number) for number in numbers):
        raise Invalid("a member is missing")
    if "alg" in value:
        if value["alg"] not in ALGORITHMS or _KINDS[value["alg"]][0] != value["kty"]:
            raise Invalid("the algorithm does not fit the key")
        kept["alg"] = value["alg"]
    if "kid" in value:
        if not isinstance(value["kid"], str) or not _KID.fullmatch(value["kid"]):
            raise Invalid("no readable kid")
        kept["kid"] = value["kid"]
    _known(_essence(kept))
    return kept


def is_private(value: dict[str, Any]) -> bool:
    """Tell whether a JSON Web Key has a part that is nobody's but its owner's."""
    return bool(_PRIVATE & value.keys())


def thumbprint(key: dict[str, Any]) -> str:
    """Give the thumbprint (RFC 7638) of a key that ``public_key`` has checked."""
    return _known(_essence(key)).thumbprint


@dataclass(frozen=True, slots=True)
class _Known:
    """A key that is strong enough."""

    imported: Any
    thumbprint: str


@lru_cache(maxsize=1024)
def _known(essence: tuple[str, ...]) -> _Known:
    """Import a key, which costs more than a signature; whoever signs once will sign again.

    Raises:
        Invalid: it is weak, or none.
    """
    try:
        imported: Any = joserfc_jwk.import_key(dict(zip(_PUBLIC[essence[0]], essence, strict=True)))
        raw = imported.public_key
    except (JoseError, ValueError, TypeError) as error:
        raise Invalid("not a key") from error
    if essence[0] == "RSA" and (raw.key_size not in _RSA_BITS or raw.public_numbers().e < 65537):
        raise Invalid("an RSA key of another size than 2048 to 4096 bits")
    return _Known(imported, str(imported.thumbprint()))


def _essence(key: dict[str, Any]) -> tuple[str, ...]:
    """Give what makes a key that key: the members that RFC 7638 looks at."""
    return tuple(key[name] for name in _PUBLIC[key["kty"]])


def _object(segment: str) -> dict[str, Any]:
    try:
        value = read_json(_decoded(segment))
    except ValueError as error:
        raise Invalid("not JSON") from error
    if not isinstance(value, dict):
        raise Invalid("not an object")
    return value


def _decoded(segment: str) -> bytes:
    try:
        return urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise Invalid("not base64url") from error
