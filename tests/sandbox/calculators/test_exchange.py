"""The exchange calculator: the bank's rounding never lets anybody gain by going there and back."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.calculators.exchange import Prices, give, obtain
from openteller_sandbox.money import exponent

CODES = ("USD", "EUR", "JPY", "KRW", "IDR")
CURRENCIES = st.sampled_from(("CNY", *CODES))
TICK = Decimal("0.0001")


@st.composite
def boards(draw: st.DrawFn) -> dict[str, Prices]:
    board = {}
    for code in CODES:
        buy = draw(st.integers(1, 20_000_000)) * TICK
        board[code] = Prices(unit=100, buy=buy, sell=buy + draw(st.integers(1, 100_000)) * TICK)
    return board


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[Decimal, str, str]:
    sold, bought = draw(CURRENCIES), draw(CURRENCIES)
    smallest = draw(st.integers(0, 10**11))
    return Decimal(smallest).scaleb(-exponent(sold)), sold, bought


@given(exchanges(), boards())
def test_there_and_back_never_gains(exchange: tuple[Decimal, str, str], board: dict[str, Prices]) -> None:
    amount, sold, bought = exchange
    if sold == bought:
        return
    received = give(amount, sold, bought, board)[-1].bought

    assert give(received, bought, sold, board)[-1].bought <= amount


@given(exchanges(), boards())
def test_what_is_paid_for_an_amount_buys_at_least_that_amount(
    exchange: tuple[Decimal, str, str], board: dict[str, Prices]
) -> None:
    amount, bought, sold = exchange
    if sold == bought:
        return
    cost = obtain(amount, bought, sold, board)[0].sold

    assert give(cost, sold, bought, board)[-1].bought >= amount


@given(exchanges(), boards())
def test_legs_join_and_keep_to_the_decimals_of_their_currencies(
    exchange: tuple[Decimal, str, str], board: dict[str, Prices]
) -> None:
    amount, sold, bought = exchange
    if sold == bought:
        return
    legs = give(amount, sold, bought, board)

    assert (legs[0].sold, legs[0].sold_currency, legs[-1].bought_currency) == (amount, sold, bought)
    for leg in legs:
        assert "CNY" in (leg.sold_currency, leg.bought_currency)
        assert leg.bought == round(leg.bought, exponent(leg.bought_currency))
    if len(legs) == 2:
        assert (legs[0].bought, legs[0].bought_currency) == (legs[1].sold, legs[1].sold_currency)


BOARD = {
    "USD": Prices(unit=100, buy=Decimal("669.6402"), sell=Decimal("672.4586")),
    "JPY": Prices(unit=100, buy=Decimal("4.2500"), sell=Decimal("4.2900")),
}


@pytest.mark.parametrize(
    ("amount", "sold", "bought", "received"),
    [
        ("1000.00", "USD", "CNY", "6696.40"),
        ("6724.59", "CNY", "USD", "1000.00"),
        ("6724.58", "CNY", "USD", "999.99"),
        ("1000.00", "CNY", "JPY", "23310"),
        ("100.00", "USD", "JPY", "15609"),
    ],
)
def test_the_bank_buys_at_its_lower_price_and_rounds_down(amount: str, sold: str, bought: str, received: str) -> None:
    assert give(Decimal(amount), sold, bought, BOARD)[-1].bought == Decimal(received)


def test_an_even_quotient_is_not_missed() -> None:
    """100 units of CNY at 3.0000: a third that is multiplied back must not fall below the whole number."""
    board = {"USD": Prices(unit=100, buy=Decimal("2.9999"), sell=Decimal("3.0000"))}

    assert give(Decimal("6.00"), "CNY", "USD", board)[0].bought == Decimal("200.00")
    assert obtain(Decimal("200.00"), "USD", "CNY", board)[0].sold == Decimal("6.00")


def test_a_currency_that_is_not_on_the_board_has_no_price() -> None:
    with pytest.raises(KeyError):
        give(Decimal(1), "XAU", "CNY", BOARD)
