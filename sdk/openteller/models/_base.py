"""What every model has in common. The models themselves are generated from the contract."""

from __future__ import annotations

import re
from abc import ABC
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec

from openteller.money import Money

__all__ = ["DecimalString", "Instant", "Model", "Open", "revive"]

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")

Instant: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A point in time, with its offset."""

if TYPE_CHECKING:
    E = TypeVar("E")
    Open: TypeAlias = E | str
    DecimalString: TypeAlias = Decimal
else:

    class Open:
        """A value of an enumeration that may grow: the known ones are named, an unknown one arrives as it is."""

        def __class_getitem__(cls, known: object) -> type[str]:
            return str

    class DecimalString(ABC):  # noqa: B024 - a mark for the decoder; the values are plain Decimals
        """A decimal number in a JSON string."""

    DecimalString.register(Decimal)


class Model(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A record as the contract describes it: immutable, comparable, picklable.

    Members that the contract does not require are None when they were not there. Members and values that this release
    does not know are no error.
    """

    _hidden: ClassVar[frozenset[str]] = frozenset()

    def to_dict(self) -> dict[str, Any]:
        """Give the record as in JSON: names, strings and numbers of the wire.

        Members that the contract does not require are left out when they are None.
        """
        plain: dict[str, Any] = _in_digits(
            msgspec.to_builtins(self, enc_hook=Money.to_dict, builtin_types=(Decimal,))  # as text it may be 1E-7
        )
        return plain

    def __repr__(self) -> str:
        """Show what is neither personal nor secret; the contract's ``x-sensitivity`` decides."""
        members = (
            f"{name}={'…' if name in self._hidden else repr(value)}"
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        )
        return f"{type(self).__name__}({', '.join(members)})"


def _in_digits(value: Any) -> Any:
    """Write the Decimals within a plain value as the contract does, without an exponent."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return {name: _in_digits(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_in_digits(part) for part in value]
    return value


def revive(kind: type, value: object) -> object:
    """Turn a JSON value into what a model holds, where JSON has no such type; the decoder's hook.

    Raises:
        ValueError: it is no plain decimal number: ``NaN``, ``1_000`` and digits of other scripts are not.
    """
    if kind is DecimalString:
        return _decimal(value)
    if kind is Money:
        return _money(value)
    raise NotImplementedError(f"no way to make a {kind.__name__}")


def _decimal(value: object) -> Decimal:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    raise ValueError("Expected a decimal number in a string")


def _money(value: object) -> Money:
    if isinstance(value, dict) and isinstance(currency := value.get("currency"), str):
        return Money(_decimal(value.get("amount")), currency)
    raise ValueError("Expected an amount and a currency")
