"""Amounts of money: exact, with a currency, and never mixed."""

from __future__ import annotations

import re
from decimal import Clamped, Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, Subnormal
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CurrencyMismatch", "Money"]

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_DIGITS: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LONGEST: Final = 100
_EXACT_TYPES: Final = (Decimal, str, int)
# The program's own decimal context may round to few digits, and money must not follow it.
_EXACTLY: Final = Context(
    prec=_LONGEST, Emax=_LONGEST, Emin=-_LONGEST, traps=[Clamped, Inexact, InvalidOperation, Overflow, Subnormal]
)


class CurrencyMismatch(TypeError):
    """Amounts of two currencies cannot be added or compared.

    Attributes:
        currencies: the two.
    """

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right} do not mix: convert one of them first (client.calculators.fx)")
        self.currencies = (left, right)

    def __reduce__(self) -> tuple[type[CurrencyMismatch], tuple[str, str]]:
        return (type(self), self.currencies)


class Money:
    """An amount in major units and its ISO 4217 currency: ``Money("111.85", "CNY")``.

    The amount is a ``Decimal``; a string or an int is taken too, a float never, since it would have lost its digits
    before it came here. Sums and differences need one currency on both sides, products a number that is exact.
    Immutable; equal amounts are equal whatever their zeros (1.0 is 1.00).

    Attributes:
        amount: exact, in major units.
        currency: three capital letters.

    Raises:
        TypeError: the amount is a float or something else that is not exact.
        ValueError: the amount is not a plain decimal number of at most a hundred digits, or the currency not three
            capital letters.
    """

    __slots__ = ("amount", "currency")
    amount: Decimal
    currency: str

    def __init__(self, amount: Decimal | str | int, currency: str = "CNY") -> None:
        if not _is_currency(currency):
            raise ValueError("a currency is three capital letters, as in ISO 4217: CNY")
        object.__setattr__(self, "amount", _exact(amount))
        object.__setattr__(self, "currency", currency)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"money does not change: make a new Money instead of setting {name}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"money does not change: {name} stays")

    def __reduce__(self) -> tuple[type[Money], tuple[Decimal, str]]:
        return (Money, (self.amount, self.currency))

    def to_dict(self) -> dict[str, str]:
        """Give it as in JSON: ``{"amount": "111.85", "currency": "CNY"}``."""
        return {"amount": f"{self.amount:f}", "currency": self.currency}

    def __str__(self) -> str:
        """Write it as in a bill: ``CNY 111.85``."""
        return f"{self.currency} {self.amount:f}"

    def __repr__(self) -> str:
        return f"Money('{self.amount:f}', '{self.currency}')"

    # Type checkers see what may be added and compared; at run time anything may come.

    def __add__(self, other: Money) -> Money:
        return self._with(_EXACTLY.add, self._same(other)) if _is_money(other) else NotImplemented

    def __radd__(self, other: int) -> Money:
        # sum() begins with 0.
        return self if type(other) is int and other == 0 else NotImplemented

    def __sub__(self, other: Money) -> Money:
        return self._with(_EXACTLY.subtract, self._same(other)) if _is_money(other) else NotImplemented

    def __mul__(self, factor: Decimal | int) -> Money:
        return self._with(_EXACTLY.multiply, Decimal(factor)) if _is_factor(factor) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(self.amount.copy_negate(), self.currency)

    def __abs__(self) -> Money:
        return Money(self.amount.copy_abs(), self.currency)

    def __bool__(self) -> bool:
        return bool(self.amount)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        return self.currency == other.currency and self.amount == other.amount

    def __hash__(self) -> int:
        return hash((self.amount, self.currency))

    def __lt__(self, other: Money) -> bool:
        return self.amount < self._same(other) if _is_money(other) else NotImplemented

    def __le__(self, other: Money) -> bool:
        return self.amount <= self._same(other) if _is_money(other) else NotImplemented

    def __gt__(self, other: Money) -> bool:
        return self.amount > self._same(other) if _is_money(other) else NotImplemented

    def __ge__(self, other: Money) -> bool:
        return self.amount >= self._same(other) if _is_money(other) else NotImplemented

    def _same(self, other: Money) -> Decimal:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.amount

    def _with(self, act: Callable[[Decimal, Decimal], Decimal], other: Decimal) -> Money:
        try:
            return Money(act(self.amount, other), self.currency)
        except DecimalException:
            raise ValueError(f"the result has no exact amount of at most {_LONGEST} digits") from None


def _is_money(other: object) -> bool:
    return isinstance(other, Money)


def _is_factor(factor: object) -> bool:
    return isinstance(factor, Decimal | int) and not isinstance(factor, bool)


def _is_currency(code: object) -> bool:
    return isinstance(code, str) and _CURRENCY.fullmatch(code) is not None


def _exact(amount: object) -> Decimal:
    if not isinstance(amount, _EXACT_TYPES) or isinstance(amount, bool):
        raise TypeError("an amount is a Decimal, a string or an int, never a float: Money('111.85')")
    if isinstance(amount, str) and not _DIGITS.fullmatch(amount):
        raise ValueError("an amount is a finite number in plain digits: 111.85")
    try:
        exact = _EXACTLY.plus(Decimal(amount))  # of -0 it makes 0
    except DecimalException:
        exact = None
    if exact is None or not exact.is_finite():
        raise ValueError(f"an amount is a finite number of at most {_LONGEST} digits: 111.85")
    return exact
