"""Words of a command line into values. What is refused here is a usage error, and is not repeated: it may be a number
of somebody's account.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any, NoReturn

import click

from openteller._core.degrees import degrees
from openteller.money import Money

__all__ = [
    "AMOUNT",
    "BOX",
    "CHANGE",
    "CURRENCY",
    "DAY",
    "DURATION",
    "EXTRA",
    "FRACTION",
    "INSTANT",
    "LIMIT",
    "PAIR",
    "POSITION",
    "TERMS",
    "Positioned",
    "whole_position",
]

_DURATION = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,8})m)?(?:([0-9]{1,9})s)?")
_MINUS = re.compile(r"-[0-9.]+(?:[,，].*)?")
_SECONDS = (86_400, 3_600, 60, 1)
_LONGEST_S = 400 * 86_400
"""As in the contract's ``ClockAdvance``."""

LIMIT = click.IntRange(1, 100)
"""Rows a page."""


class _Word(click.ParamType[Any]):
    """A word with a form of its own. form: how to write it, for the usage error."""

    form = ""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give the word's value.

        Raises:
            click.BadParameter: it is written otherwise.
        """
        if not isinstance(value, str):
            return value
        try:
            return self.read(value.strip())
        except (ValueError, OverflowError):
            self._refuse(param, ctx)

    def _refuse(self, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        self.fail(self.form, param, ctx)

    def read(self, text: str) -> Any:
        """Read the word.

        Raises:
            ValueError: it cannot be read.
        """
        raise NotImplementedError


class _Position(_Word):
    name = "latitude,longitude"
    form = "give latitude,longitude in degrees, latitude first: 39.91,116.40"

    def read(self, text: str) -> tuple[float, float]:
        latitude, longitude = degrees(text)
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise ValueError
        return latitude, longitude


class _Box(_Word):
    name = "west,south,east,north"
    form = "give west,south,east,north in degrees, longitude first: 121.3,31.1,121.6,31.3"

    def read(self, text: str) -> tuple[float, ...]:
        west, south, east, north = degrees(text)
        if not (-180 <= west <= 180 and -180 <= east <= 180 and west != east and -90 <= south < north <= 90):
            raise ValueError
        return west, south, east, north


class _Terms(_Word):
    name = "words"
    form = "give words to look for, such as 静安"

    def read(self, text: str) -> str:
        if not text:
            raise ValueError
        return text


class _Day(_Word):
    name = "yyyy-mm-dd"
    form = "give a day such as 2026-09-29"

    def read(self, text: str) -> dt.date:
        return dt.date.fromisoformat(text)


class _Instant(_Word):
    name = "rfc3339"
    form = "give date and time with an offset, such as 2026-09-30T09:00:00+08:00"

    def read(self, text: str) -> dt.datetime:
        at = dt.datetime.fromisoformat(text)
        if at.utcoffset() is None:
            raise ValueError
        return at


class _Duration(_Word):
    name = "duration"
    form = "give days, hours, minutes and seconds, such as 2d, 1h30m or 90s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Give seconds; a span that cannot be is told in the words that it was typed in."""
        seconds = super().convert(value, param, ctx)
        if seconds > _LONGEST_S:
            self.fail(f"{value} is too far: the clock moves on by at most {_LONGEST_S // 86_400}d at once", param, ctx)
        return seconds

    def read(self, text: str) -> int:
        found = _DURATION.fullmatch(text)
        if not found or not text:
            raise ValueError
        return sum(int(part or 0) * seconds for part, seconds in zip(found.groups(), _SECONDS, strict=True))


class _Pair(_Word):
    name = "name=value"
    form = "give name=value, or name=- to type the value at a prompt"

    def read(self, text: str) -> tuple[str, str]:
        name, _, value = text.partition("=")
        if not name or not value:
            raise ValueError
        return name, value


class _Amount(_Word):
    name = "amount"
    form = "give an amount in plain digits, such as 111.85"

    def read(self, text: str) -> str:
        Money(text)
        return text


class _Fraction(_Word):
    name = "fraction"
    form = "give a fraction a year: 0.0310 is 3.10 %"

    def read(self, text: str) -> Decimal:
        return Money(text).amount


class _Numbered(_Word):
    """What belongs to the instalment of a number. value: reads it."""

    def __init__(self, name: str, form: str, value: _Word) -> None:
        self.name = name
        self.form = form
        self._value = value

    def read(self, text: str) -> tuple[int, Any]:
        number, _, value = text.partition("=")
        return int(number), self._value.read(value)


class _Currency(_Word):
    name = "currency"
    form = "give a currency of ISO 4217, such as USD"

    def read(self, text: str) -> str:
        return Money(0, text.upper()).currency


class Positioned(click.Command):
    """A command that takes a position, which may begin with a minus: no option is a minus and a number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; a blank before a number keeps it from being taken for an option."""
        return super().parse_args(ctx, [f" {word}" if _MINUS.fullmatch(word) else word for word in args])


def whole_position(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> tuple[float, float]:
    """Read a position that a shell may have taken apart at a blank.

    Raises:
        click.BadParameter: it is none.
    """
    written = "".join(words)
    found: tuple[float, float] = POSITION.convert(
        written if "," in written or "，" in written else ",".join(words), param, ctx
    )
    return found


POSITION = _Position()
BOX = _Box()
TERMS = _Terms()
DAY = _Day()
INSTANT = _Instant()
DURATION = _Duration()
PAIR = _Pair()
AMOUNT = _Amount()
CURRENCY = _Currency()
FRACTION = _Fraction()
CHANGE = _Numbered("number=fraction", "give number=fraction, such as 13=0.0300", FRACTION)
EXTRA = _Numbered("number=amount", "give number=amount, such as 24=50000", AMOUNT)
