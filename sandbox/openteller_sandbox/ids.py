"""Identifiers: opaque, prefixed, never countable."""

from __future__ import annotations

import secrets

_SYMBOLS_96_BITS = 20
_SYMBOLS_128_BITS = 26
_BASE_32 = b"abcdefghijklmnopqrstuvwxyz234567"
_SYMBOL_OF_BYTE = _BASE_32 * (256 // len(_BASE_32))
"""Each symbol stands for eight of the 256 bytes, so that random bytes give random symbols."""


def new(prefix: str) -> str:
    """Give a fresh identifier such as ``pay_k3v8x…``: the prefix and at least 96 random bits in lower-case
    base 32.
    """
    return f"{prefix}_{_base32(_SYMBOLS_96_BITS)}"


def link_code() -> str:
    """Give the secret part of a payment link: at least 128 random bits."""
    return _base32(_SYMBOLS_128_BITS)


def digits(count: int) -> str:
    """Give ``count`` random decimal digits, leading zeros included."""
    return f"{secrets.randbelow(10**count):0{count}d}"


def _base32(symbols: int) -> str:
    return secrets.token_bytes(symbols).translate(_SYMBOL_OF_BYTE).decode("ascii")


def choice(alphabet: str) -> str:
    """Give one random character."""
    return secrets.choice(alphabet)
