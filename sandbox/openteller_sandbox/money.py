"""Money as ``Decimal`` with a currency, and its forms: the wire's decimal string, the database's minor units, the
receipt's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

_EXPONENTS = {"JPY": 0, "KRW": 0, "IDR": 2, "BHD": 3, "KWD": 3}
_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万")
"""Of four digits each; the last are ten thousands of 亿, which is then said once, behind them all."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units. Two currencies never meet in one sum."""

    amount: Decimal
    currency: str = "CNY"

    @classmethod
    def from_minor(cls, minor: int, currency: str = "CNY") -> Money:
        """Read minor units (fen)."""
        return cls(Decimal(minor).scaleb(-exponent(currency)), currency)

    @property
    def minor(self) -> int:
        """The amount in minor units (fen).

        Raises:
            ValueError: the amount has more decimals than the currency.
        """
        scaled = self.amount.scaleb(exponent(self.currency))
        if scaled != scaled.to_integral_value():
            raise ValueError(f"more decimals than {self.currency} has")
        return int(scaled)

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError("amounts of two currencies are never added")
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        return self + Money(-other.amount, other.currency)

    def __str__(self) -> str:
        return f"{self.amount:.{exponent(self.currency)}f}"

    def wire(self) -> dict[str, str]:
        """Give the contract's ``Money``."""
        return {"amount": str(self), "currency": self.currency}


def exponent(currency: str) -> int:
    """Give the number of decimals of a currency (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


def rounded(amount: Decimal, currency: str = "CNY") -> Decimal:
    """Round half-even to the currency's decimals."""
    return amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_EVEN)


def in_words(amount: Decimal) -> str:
    """Write a CNY amount in Chinese financial numerals, as receipts do (票据法实施规范,
    正确填写票据和结算凭证的基本规定).

    Args:
        amount: 0.00 to below 10**16, at most two decimals.

    Raises:
        ValueError: negative, too large, or finer than fen.
    """
    fen_total = Money(amount).minor
    if not 0 <= fen_total < 10**18:
        raise ValueError("no amount that a receipt can show")
    yuan, cents = divmod(fen_total, 100)
    jiao, fen = divmod(cents, 10)
    words = "人民币"
    if yuan or not cents:
        words += _integer_words(yuan) + "元"
    if not cents:
        return words + "整"
    if jiao:
        words += _DIGITS[jiao] + "角"
    elif yuan:
        words += "零"
    return words + (_DIGITS[fen] + "分" if fen else "整")


def _integer_words(number: int) -> str:
    if number == 0:
        return _DIGITS[0]
    words, gap = "", False
    digits = str(number)
    for index, digit in enumerate(digits):
        place = len(digits) - 1 - index
        if digit == "0":
            gap = True
        else:
            words += ("零" if gap and words else "") + _DIGITS[int(digit)] + _PLACES[place % 4]
            gap = False
        if place % 4 == 0 and place and int(digits[max(0, index - 3) : index + 1]):
            words += _GROUPS[place // 4]
        elif place == 8 and number >= 10**12:
            words += _GROUPS[2]
    return words
