"""What an exchange of currencies gives or costs at a board: one leg for the renminbi, two by way of it. No I/O.

Every leg is rounded on its own, to the smallest unit of its currency: down what the customer receives, up what the
customer pays. Hence no way there and back ends with more than it began with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, localcontext

from openteller_sandbox.money import exponent

__all__ = ["HOME", "Leg", "Prices", "give", "obtain"]

HOME = "CNY"
ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True)
class Prices:
    """CNY per `unit` of a currency: what the bank pays for it (`buy`) and what it asks for it (`sell`)."""

    unit: int
    buy: Decimal
    sell: Decimal


@dataclass(frozen=True, kw_only=True)
class Leg:
    """The customer gives one amount and gets another; `price` is that of `base`, in CNY per its unit."""

    base: str
    bank_buys: bool
    price: Decimal
    sold: Decimal
    sold_currency: str
    bought: Decimal
    bought_currency: str


def give(amount: Decimal, currency: str, wanted: str, board: Mapping[str, Prices]) -> list[Leg]:
    """The legs when the customer gives exactly `amount` of `currency`.

    Raises:
        KeyError: the board has no price for one of the two.
    """
    legs: list[Leg] = []
    for sold, bought in _ways(currency, wanted):
        leg = _leg(sold, bought, board, sold_amount=amount)
        legs.append(leg)
        amount = leg.bought
    return legs


def obtain(amount: Decimal, currency: str, given: str, board: Mapping[str, Prices]) -> list[Leg]:
    """The legs when the customer gets exactly `amount` of `currency`.

    Raises:
        KeyError: the board has no price for one of the two.
    """
    legs: list[Leg] = []
    for sold, bought in reversed(_ways(given, currency)):
        leg = _leg(sold, bought, board, bought_amount=amount)
        legs.insert(0, leg)
        amount = leg.sold
    return legs


def _ways(sold: str, bought: str) -> list[tuple[str, str]]:
    return [(sold, bought)] if HOME in (sold, bought) else [(sold, HOME), (HOME, bought)]


def _leg(
    sold: str,
    bought: str,
    board: Mapping[str, Prices],
    *,
    sold_amount: Decimal | None = None,
    bought_amount: Decimal | None = None,
) -> Leg:
    """One leg of which one side is given; the other is worked out and rounded against the customer."""
    bank_buys = bought == HOME
    base = sold if bank_buys else bought
    prices = board[base]
    price = prices.buy if bank_buys else prices.sell
    # Multiplied before divided: a quotient that comes out even must not be missed by the last digit.
    over, under = (price, Decimal(prices.unit)) if bank_buys else (Decimal(prices.unit), price)
    with localcontext(ARITHMETIC):
        if sold_amount is not None:
            bought_amount = (sold_amount * over / under).quantize(_smallest(bought), ROUND_FLOOR)
        elif bought_amount is not None:
            sold_amount = (bought_amount * under / over).quantize(_smallest(sold), ROUND_CEILING)
        else:
            raise TypeError("one side of a leg must be given")
    return Leg(
        base=base,
        bank_buys=bank_buys,
        price=price,
        sold=sold_amount,
        sold_currency=sold,
        bought=bought_amount,
        bought_currency=bought,
    )


def _smallest(currency: str) -> Decimal:
    return Decimal(1).scaleb(-exponent(currency))
