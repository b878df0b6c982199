"""Sets of places as integers: bit n stands for place number n. Pure arithmetic.

Numbers follow the order of codes, so the lowest bits of a set are its first page. Each filter of a list is such a set;
that all filters hold is their ``&``, and how many places are left is a bit count. 3,000 branches are 400 bytes, and a
million 125 kB, which are worked with in some ten microseconds: nothing here goes through a large set bit by bit.
"""

from __future__ import annotations

import re
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence

_SPARSE, _BITMAP, _SOME_BYTES = b"\x00", b"\x01", b"\x02"
_NUMBER_BYTES = 4
_MANY = 200
"""From so many members on, a list of bytes is read in half the time of a list of numbers."""
_SMALL = 1024
"""Bits in so many bytes are read at once, however few they are."""
_BITS = tuple(1 << bit for bit in range(8))
_SOME = re.compile(rb"[^\x00]")
_BITS_OF = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))
_FLAGS_OF = tuple(bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256))


def pack(numbers: Sequence[int]) -> bytes:
    """Write a set, given by different numbers, as bytes: as bits; where that is shorter, as a list of its numbers, or,
    of many, of where bits are and those bits, eight of them together.
    """
    size = max(numbers, default=0) // 8 + 1
    if len(numbers) < min(_MANY, size / _NUMBER_BYTES):
        return _SPARSE + _little(array("I", numbers)).tobytes()
    bitmap = _bitmap(numbers, size)
    places = array("I", (found.start() for found in _SOME.finditer(bitmap)) if size > _SMALL else ())
    if places and len(places) * (_NUMBER_BYTES + 1) < size:
        return _SOME_BYTES + _little(places).tobytes() + bitmap.translate(None, b"\x00")
    return _BITMAP + bitmap


def unpack(packed: bytes) -> int:
    """Read what ``pack`` has written."""
    return union((packed,))


def union(packed: Iterable[bytes]) -> int:
    """Read many sets that ``pack`` has written, as one."""
    members, numbers = 0, array("I")
    for each in packed:
        kind = each[:1]
        if kind == _BITMAP:
            members |= int.from_bytes(each[1:], "little")
        elif kind == _SOME_BYTES:
            members |= _of_bytes(each[1:])
        else:
            numbers.frombytes(each[1:])
    return members | of(_little(numbers))


def of(numbers: Sequence[int]) -> int:
    """Give the set of some numbers."""
    return int.from_bytes(_bitmap(numbers, max(numbers, default=0) // 8 + 1), "little")


def numbers(members: int, *, after: int = -1) -> Iterator[int]:
    """Give the numbers of a set above ``after``, in order."""
    raw, start = members.to_bytes(members.bit_length() // 8 + 1, "little"), after + 1
    for found in _SOME.finditer(raw, start >> 3):
        first = found.start() << 3
        for bit in _BITS_OF[found[0][0]]:
            if first + bit >= start:
                yield first + bit


def first(members: int, count: int, *, after: int = -1) -> list[int]:
    """Give the lowest numbers of a set above ``after``, at most ``count`` of them."""
    return [number for number, _ in zip(numbers(members, after=after), range(count), strict=False)]


def flags(members: int, size: int) -> bytes:
    """Write a set of the numbers below ``size`` as a byte for each: 1 for a member, 0 for others."""
    raw = members.to_bytes(max(size, members.bit_length()) // 8 + 1, "little")
    return b"".join(map(_FLAGS_OF.__getitem__, raw))[:size]


def _of_bytes(raw: bytes) -> int:
    """Read where bits are, in order, and then those bits."""
    count = len(raw) // (_NUMBER_BYTES + 1)
    places, bits = array("I"), raw[count * _NUMBER_BYTES :]
    places.frombytes(raw[: count * _NUMBER_BYTES])
    bitmap = bytearray(_little(places)[-1] + 1)
    for place, byte in zip(places, bits, strict=True):
        bitmap[place] = byte
    return int.from_bytes(bitmap, "little")


def _bitmap(numbers: Iterable[int], size: int) -> bytearray:
    bitmap, bits = bytearray(size), _BITS
    for number in numbers:
        bitmap[number >> 3] |= bits[number & 7]
    return bitmap


def _little(numbers: array[int]) -> array[int]:
    """Turn the bytes of numbers round where the machine has the other order."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
