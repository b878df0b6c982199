"""Arguments into requests: path segments, query, JSON body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from openteller.errors import ConfigurationError
from openteller.money import Money

__all__ = ["body", "money", "query", "segment"]

_NO_TEXT = "{} holds half a character, which no text can: look how it was decoded"


def segment(name: str, value: object) -> str:
    """Encode an identifier as one segment of a path.

    ``quote`` leaves dots alone, and ``..`` would climb: a segment of nothing but dots is encoded in full.

    Raises:
        ConfigurationError: it is empty, or no text.
    """
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} is needed: a non-empty string, such as an answer gave it")
    if not value.strip("."):
        return value.replace(".", "%2E")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(_NO_TEXT.format(name)) from None


def query(parameters: Mapping[str, object]) -> str:
    """Encode the parameters that are not None, with their ``?``; "" without any.

    Raises:
        ConfigurationError: a value cannot be written, such as a time without its zone.
    """
    pairs = [(name, _text(name, value)) for name, value in parameters.items() if value is not None]
    try:
        return "?" + urlencode(pairs) if pairs else ""
    except UnicodeEncodeError:
        raise ConfigurationError(_NO_TEXT.format("a parameter")) from None


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(_plain(name, value))


def body(members: Mapping[str, object]) -> bytes:
    """Encode a JSON body of the members that are not None.

    Raises:
        ConfigurationError: a value cannot be written, such as a float where money is meant.
    """
    plain = {name: _plain(name, value) for name, value in members.items() if value is not None}
    try:
        return msgspec.json.encode(plain)
    except UnicodeEncodeError:
        raise ConfigurationError(_NO_TEXT.format("the body")) from None


def money(name: str, value: Money | None) -> Money | None:
    """Give an amount as it is.

    Raises:
        ConfigurationError: it is a number or a text: which currency it is in, nobody has said.
    """
    if isinstance(value, str | int | Decimal):  # a float has a message of its own
        raise ConfigurationError(f'{name} is Money, with a currency: Money("50"), which is CNY, or Money("50", "USD")')
    return value


def _plain(name: str, value: object) -> Any:
    """Give a value as JSON has it. Strings are the most of what is sent, so they come first."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, Money):
        return value.to_dict()
    if isinstance(value, Decimal):
        return _decimal(name, value)
    if isinstance(value, datetime):
        return _instant(name, value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(f"{name}.{key}", part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(name, part) for part in value]
    raise ConfigurationError(_refusal(name, value))


def _decimal(name: str, value: Decimal) -> str:
    if not value.is_finite():
        raise ConfigurationError(f"{name} is not a finite number")
    return f"{value:f}"


def _instant(name: str, value: datetime) -> str:
    if value.utcoffset() is None:
        raise ConfigurationError(f"{name} needs a time zone: datetime(..., tzinfo=ZoneInfo('Asia/Shanghai'))")
    return value.isoformat()


def _refusal(name: str, value: object) -> str:
    if isinstance(value, float):
        return f"{name} is a float, which is not exact: use Decimal('0.0155') for a rate, Money('111.85') for money"
    return f"{name} cannot be sent: no way to write a {type(value).__name__}"
