"""Identifiers: opaque, prefixed, never countable."""

from __future__ import annotations

import secrets
from base64 import b32encode

_BITS_96 = 12
_BITS_128 = 16


def new(prefix: str) -> str:
    """Give a fresh identifier such as ``pay_k3v8x…``: the prefix and 96 random bits in lower-case base 32."""
    return f"{prefix}_{_base32(_BITS_96)}"


def link_code() -> str:
    """Give the secret part of a payment link: 128 random bits."""
    return _base32(_BITS_128)


def digits(count: int) -> str:
    """Give ``count`` random decimal digits, leading zeros included."""
    return f"{secrets.randbelow(10**count):0{count}d}"


def _base32(size: int) -> str:
    return b32encode(secrets.token_bytes(size)).decode("ascii").rstrip("=").lower()


def choice(alphabet: str) -> str:
    """Give one random character."""
    return secrets.choice(alphabet)
