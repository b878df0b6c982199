"""Identifiers: opaque, prefixed, never countable. What a deed draws can be drawn again, by whoever has its seed."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from hashlib import shake_256

_SYMBOLS_96_BITS = 20
_SYMBOLS_128_BITS = 26
_BASE_32 = b"abcdefghijklmnopqrstuvwxyz234567"
_SYMBOL_OF_BYTE = _BASE_32 * (256 // len(_BASE_32))
"""Each symbol stands for eight of the 256 bytes, so that random bytes give random symbols."""


class _Thread(threading.local):
    drawing: Drawing | None = None


class Drawing:
    """Random bytes of a seed, in an order that is always the same.

    Args:
        sow: gives the seed, at least 128 random bits, when something is drawn.
    """

    __slots__ = ("_drawn", "_seed", "_sow")

    def __init__(self, sow: Callable[[], bytes]) -> None:
        self._sow = sow
        self._seed = b""
        self._drawn = 0

    def __call__(self, count: int) -> bytes:
        """Draw so many."""
        if not self._drawn:
            self._seed = self._sow()
        self._drawn += 1
        return shake_256(self._seed + self._drawn.to_bytes(8)).digest(count)


_thread = _Thread()


def draw_from(drawing: Drawing | None) -> Drawing | None:
    """Let this thread draw from a seed from now on, or (None) at random; give from what it has drawn before."""
    before, _thread.drawing = _thread.drawing, drawing
    return before


def new(prefix: str) -> str:
    """Give a fresh identifier such as ``pay_k3v8x…``: the prefix and at least 96 random bits in lower-case
    base 32.
    """
    return f"{prefix}_{_base32(_SYMBOLS_96_BITS)}"


def new_apart(prefix: str) -> str:
    """Give a fresh identifier that no seed decides: of what is not done again when a deed is."""
    before = draw_from(None)
    try:
        return new(prefix)
    finally:
        draw_from(before)


def link_code() -> str:
    """Give the secret part of a payment link: at least 128 random bits."""
    return _base32(_SYMBOLS_128_BITS)


def digits(count: int) -> str:
    """Give ``count`` random decimal digits, leading zeros included."""
    return f"{_below(10**count):0{count}d}"


def choice(alphabet: str) -> str:
    """Give one random character."""
    return alphabet[_below(len(alphabet))]


def _base32(symbols: int) -> str:
    return _bytes(symbols).translate(_SYMBOL_OF_BYTE).decode("ascii")


def _below(limit: int) -> int:
    """Give a number; of 64 bits more than are needed, so that none is likelier than another by more than 2**-64."""
    return int.from_bytes(_bytes(limit.bit_length() // 8 + 9)) % limit


def _bytes(count: int) -> bytes:
    drawing = _thread.drawing
    return secrets.token_bytes(count) if drawing is None else drawing(count)
