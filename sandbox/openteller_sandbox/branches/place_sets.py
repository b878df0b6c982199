"""Sets of places as integers: bit n stands for place number n. Pure arithmetic.

Numbers follow the order of codes, so the lowest bits of a set are its first page. Each filter of a list is such a set;
that all filters hold is their ``&``, and how many places are left is a bit count. 3,000 branches are 400 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_SPARSE, _BITMAP = b"\x00", b"\x01"
_NUMBER_BYTES = 4


def pack(numbers: Sequence[int]) -> bytes:
    """Write a set, given by different numbers, as bytes: as a list of its numbers, or as bits where that is shorter."""
    bitmap_bytes = max(numbers, default=0) // 8 + 1
    if len(numbers) * _NUMBER_BYTES < bitmap_bytes:
        return _SPARSE + struct.pack(f"<{len(numbers)}I", *numbers)
    bitmap = bytearray(bitmap_bytes)
    for number in numbers:
        bitmap[number >> 3] |= 1 << (number & 7)
    return _BITMAP + bitmap


def unpack(packed: bytes) -> int:
    """Read what ``pack`` has written."""
    if packed[:1] == _BITMAP:
        return int.from_bytes(packed[1:], "little")
    members = 0
    for (number,) in struct.iter_unpack("<I", packed[1:]):
        members |= 1 << number
    return members


def first(members: int, count: int, *, after: int = -1) -> list[int]:
    """Give the lowest numbers of a set above ``after``, at most ``count`` of them."""
    members = members >> (after + 1) << (after + 1)
    numbers: list[int] = []
    while members and len(numbers) < count:
        lowest = members & -members
        numbers.append(lowest.bit_length() - 1)
        members ^= lowest
    return numbers
