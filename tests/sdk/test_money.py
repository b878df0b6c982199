"""Money is exact, and two currencies never meet."""

from __future__ import annotations

import copy
import decimal
import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller import CurrencyMismatch, Money

amounts = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**15), max_value=10**15)
long_amounts = st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**60), max_value=10**60)


@given(long_amounts, long_amounts, st.integers(1, 8))
def test_sums_are_exact_whatever_the_programs_decimal_context_rounds_to(a: Decimal, b: Decimal, digits: int) -> None:
    with decimal.localcontext(decimal.Context(prec=500)):
        total, difference = a + b, a - b
    with decimal.localcontext(decimal.Context(prec=digits)):
        assert (Money(a) + Money(b)).amount == total
        assert (Money(a) - Money(b)).amount == difference
        assert abs(-Money(a)) == abs(Money(a))
        assert (-Money(a)).amount == a.copy_negate()


@given(amounts, st.integers(-(10**6), 10**6))
def test_a_product_is_the_sum_of_its_parts(amount: Decimal, factor: int) -> None:
    with decimal.localcontext(decimal.Context(prec=3)):
        product = Money(amount) * factor
    assert product.amount == Decimal(amount) * factor
    assert factor * Money(amount) == product


@given(st.lists(amounts, max_size=8))
def test_sum_of_the_language_adds_money(parts: list[Decimal]) -> None:
    total = sum((Money(part) for part in parts), start=Money(0))

    assert total.amount == sum(parts, start=Decimal(0))
    if parts:
        assert sum(Money(part) for part in parts) == total


@given(amounts, amounts)
def test_order_and_equality_are_those_of_the_amounts(a: Decimal, b: Decimal) -> None:
    x, y = Money(a), Money(b)

    assert (x < y, x <= y, x == y, x >= y, x > y) == (a < b, a <= b, a == b, a >= b, a > b)
    assert x != y or hash(x) == hash(y)
    assert bool(x) is bool(a)


@given(long_amounts)
def test_what_it_writes_can_be_read_again(amount: Decimal) -> None:
    money = Money(amount, "USD")

    assert Money(**money.to_dict()) == money
    assert eval(repr(money)) == money
    assert pickle.loads(pickle.dumps(money)) == money
    assert copy.deepcopy(money) == money
    assert "E" not in money.to_dict()["amount"]


def test_zeros_at_the_end_stay_but_do_not_matter() -> None:
    assert str(Money("1.50")) == "CNY 1.50"
    assert Money("1.50") == Money("1.5")
    assert hash(Money("1.50")) == hash(Money("1.5"))
    assert {Money("1.50"): "found"}[Money("1.5")] == "found"


def test_there_is_no_zero_below_zero() -> None:
    for zero in (Money("-0"), Money("0.00") * -1, -Money("0.00"), Money(Decimal("-0.0"))):
        assert not zero.to_dict()["amount"].startswith("-")


@pytest.mark.parametrize(
    "amount", ["NaN", "Infinity", "-Infinity", "1_000", "1,000", "1e3", " 1", "1\n", "", "+1", "."]
)
def test_a_string_that_is_no_plain_number_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="plain digits"):
        Money(amount)


@pytest.mark.parametrize("amount", ["１２", "١٢", "一"])
def test_digits_of_other_scripts_are_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="plain digits"):
        Money(amount)


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "1E+200", "1E-200", "0E-5000", "1" * 101])
def test_a_decimal_without_an_exact_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="finite number"):
        Money(Decimal(amount))


@pytest.mark.parametrize("amount", [1.5, 0.0, True, None, b"1", object()])
def test_what_is_not_exact_is_refused(amount: object) -> None:
    with pytest.raises(TypeError, match="never a float"):
        Money(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize("currency", ["", "cny", "CN", "CNYY", "CNY\n", "ＣＮＹ", None, 156])
def test_a_currency_is_three_capital_letters(currency: object) -> None:
    with pytest.raises(ValueError, match="three capital letters"):
        Money("1", currency)  # type: ignore[arg-type]


def test_a_product_without_an_exact_amount_is_refused() -> None:
    with pytest.raises(ValueError, match="no exact amount"):
        Money(10**60) * 10**60


@pytest.mark.parametrize("act", ["__add__", "__sub__", "__lt__", "__le__", "__gt__", "__ge__"])
def test_two_currencies_do_not_mix(act: str) -> None:
    with pytest.raises(CurrencyMismatch, match="CNY and USD do not mix") as caught:
        getattr(Money(1), act)(Money(1, "USD"))

    assert caught.value.currencies == ("CNY", "USD")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.currencies) == (str(caught.value), ("CNY", "USD"))


def test_two_currencies_are_not_equal() -> None:
    assert Money(1) != Money(1, "USD")
    assert Money(1) != 1
    assert len({Money(1), Money(1, "USD")}) == 2


@pytest.mark.parametrize("other", [1, 1.0, Decimal(1), "1", None])
def test_a_bare_number_is_no_money(other: object) -> None:
    with pytest.raises(TypeError):
        Money(1) + other  # type: ignore[operator]
    with pytest.raises(TypeError):
        assert Money(1) < other  # type: ignore[operator]


@pytest.mark.parametrize("factor", [1.5, True, "2", Money(2), None])
def test_a_factor_is_an_exact_number(factor: object) -> None:
    with pytest.raises(TypeError):
        Money(1) * factor  # type: ignore[operator]


def test_money_does_not_change() -> None:
    money = Money("1.00")

    with pytest.raises(AttributeError, match="does not change"):
        money.amount = Decimal(2)
    with pytest.raises(AttributeError, match="does not change"):
        del money.currency
    assert money == Money("1.00")
