"""Identifiers of what a file names by a code alone."""

from __future__ import annotations

import hashlib

_SYMBOLS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 12


def derived(prefix: str, thing: str, code: str) -> str:
    """Give the identifier of a code, the same whenever it is asked for."""
    value = int.from_bytes(hashlib.sha256(f"{thing}:{code}".encode()).digest())
    digits = ""
    for _ in range(_LENGTH):
        value, digit = divmod(value, len(_SYMBOLS))
        digits += _SYMBOLS[digit]
    return f"{prefix}_{digits}"
