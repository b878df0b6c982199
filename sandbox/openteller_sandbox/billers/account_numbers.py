"""Check digits of account numbers, by the published standards that a biller's `check_digit` names.

Pure arithmetic on decimal text: nothing here knows a biller, a pattern or an account. Numbers are never part of an
error message. Each algorithm finds every single wrong digit; ISO7064_MOD97_10 finds every swap of two neighbours, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["ALGORITHMS", "check_digits", "is_valid"]


class _Algorithm(NamedTuple):
    length: int
    """How many check digits stand at the end of a number."""
    compute: Callable[[str], str]
    """Body (one digit at least) to check digits."""


def _luhn(body: str) -> str:
    """ISO/IEC 7812-1:2017 annex B: every second digit from the right is doubled and its digits are summed."""
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _mod_11_10(body: str) -> str:
    """ISO/IEC 7064:2003, the hybrid system MOD 11,10."""
    product = 10
    for digit in body:
        product = ((int(digit) + product) % 10 or 10) * 2 % 11
    return str((11 - product) % 10)


def _mod_97_10(body: str) -> str:
    """ISO/IEC 7064:2003, the pure system MOD 97-10: the whole number leaves 1 when divided by 97."""
    return f"{98 - int(body) * 100 % 97:02d}"


ALGORITHMS: Mapping[str, _Algorithm] = MappingProxyType(
    {
        "LUHN": _Algorithm(1, _luhn),
        "ISO7064_MOD11_10": _Algorithm(1, _mod_11_10),
        "ISO7064_MOD97_10": _Algorithm(2, _mod_97_10),
    }
)


def _is_decimal(text: str) -> bool:
    """ASCII digits only: `str.isdigit` alone takes the digits of every script."""
    return text.isascii() and text.isdigit()


def check_digits(algorithm: str, body: str) -> str:
    """The digits to append to `body` (decimal digits, at least one).

    Raises:
        KeyError: no such algorithm.
        ValueError: the body is not made of decimal digits.
    """
    compute = ALGORITHMS[algorithm].compute
    if not _is_decimal(body):
        raise ValueError("the body of a number must be decimal digits")
    return compute(body)


def is_valid(algorithm: str, number: str) -> bool:
    """Whether `number` ends in the check digits of the rest; False for anything but decimal digits.

    Raises:
        KeyError: no such algorithm.
    """
    length, compute = ALGORITHMS[algorithm]
    if len(number) <= length or not _is_decimal(number):
        return False
    return compute(number[:-length]) == number[-length:]
