from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.money import Money, in_words, rounded

_NUMERALS = "壹贰叁肆伍陆柒捌玖"
_CHARS = set("人民币零壹贰叁肆伍陆柒捌玖拾佰仟万亿元角分整")


@given(st.integers(-(10**15), 10**15), st.sampled_from(["CNY", "USD", "JPY", "KWD"]))
def test_minor_units_and_back_lose_nothing(minor: int, currency: str) -> None:
    assert Money.from_minor(minor, currency).minor == minor


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_adding_is_exact(one: int, other: int) -> None:
    assert (Money.from_minor(one) + Money.from_minor(other)).minor == one + other


def test_two_currencies_are_never_added() -> None:
    with pytest.raises(ValueError, match="two currencies"):
        Money(Decimal(1), "CNY") + Money(Decimal(1), "USD")


def test_more_decimals_than_the_currency_has_are_no_minor_units() -> None:
    with pytest.raises(ValueError, match="more decimals"):
        _ = Money(Decimal("0.001")).minor


def test_the_wire_always_shows_the_currencys_decimals() -> None:
    assert Money(Decimal(5)).wire() == {"amount": "5.00", "currency": "CNY"}
    assert Money(Decimal(500), "JPY").wire() == {"amount": "500", "currency": "JPY"}


@pytest.mark.parametrize(("amount", "to"), [("0.125", "0.12"), ("0.135", "0.14"), ("0.145", "0.14"), ("2.5", "2.50")])
def test_rounding_is_half_even(amount: str, to: str) -> None:
    assert rounded(Decimal(amount)) == Decimal(to)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0.00", "人民币零元整"),
        ("0.05", "人民币伍分"),
        ("0.50", "人民币伍角整"),
        ("1.00", "人民币壹元整"),
        ("10.00", "人民币壹拾元整"),
        ("128.60", "人民币壹佰贰拾捌元陆角整"),
        ("1409.50", "人民币壹仟肆佰零玖元伍角整"),
        ("6007.14", "人民币陆仟零柒元壹角肆分"),
        ("325.04", "人民币叁佰贰拾伍元零肆分"),
        ("107000.53", "人民币壹拾万零柒仟元伍角叁分"),
        ("100000000.00", "人民币壹亿元整"),
        ("10000100.00", "人民币壹仟万零壹佰元整"),
        ("100000010.01", "人民币壹亿零壹拾元零壹分"),
        ("1000000000000.00", "人民币壹万亿元整"),
        ("1000100000000.00", "人民币壹万零壹亿元整"),
        ("1234500000000.00", "人民币壹万贰仟叁佰肆拾伍亿元整"),
        ("1000000010000.00", "人民币壹万亿零壹万元整"),
    ],
)
def test_amounts_in_words_follow_the_rules_for_bills(amount: str, words: str) -> None:
    """The first examples are those that the rule of 1997 on filling in bills and settlement vouchers discusses."""
    assert in_words(Decimal(amount)) == words


@given(st.integers(0, 10**14))
def test_words_use_only_financial_numerals_and_differ_for_different_amounts(fen: int) -> None:
    words = in_words(Money.from_minor(fen).amount)
    assert set(words) <= _CHARS
    assert "零零" not in words
    assert words != in_words(Money.from_minor(fen + 1).amount)


def read(words: str) -> int:
    """Read financial numerals as a clerk does, and give the fen; whatever is not written by the rules is refused."""
    whole, _, cents = words.removeprefix("人民币").rpartition("元")
    assert words.startswith("人民币")
    assert (whole or cents) and not cents.startswith("零零")
    if not (found := re.fullmatch(r"(零)?(?:([壹-玖])角)?(?:([壹-玖])分)?(整)?".replace("壹-玖", _NUMERALS), cents)):
        raise ValueError(words)
    zero, jiao, fen, exact = found.groups()
    assert bool(exact) == (not fen)  # 整 stands where nothing follows, and nowhere else
    assert not zero or (whole and fen and not jiao)
    assert zero or jiao or not fen or not whole
    return _yuan(whole) * 100 + _digit(jiao) * 10 + _digit(fen)


def _yuan(text: str) -> int:
    """Read what stands before 元: so many 亿, and what is left."""
    if text == "零":
        return 0
    high, said, low = text.partition("亿")
    if not said:
        return _below_a_hundred_million(text)
    assert "亿" not in low
    units, rest = _below_a_hundred_million(high), _below_a_hundred_million(low.removeprefix("零"))
    assert low.startswith("零") == (rest > 0 and (rest < 10**7 or units % 10 == 0))
    return units * 10**8 + rest


def _below_a_hundred_million(text: str) -> int:
    high, said, low = text.partition("万")
    if not said:
        return _section(text)
    units, rest = _section(high), _section(low.removeprefix("零"))
    assert low.startswith("零") == (rest > 0 and (rest < 1000 or units % 10 == 0))
    return units * 10**4 + rest


def _section(text: str) -> int:
    """Read up to four digits: each with its place, and one 零 where places are left out before the next."""
    value, last = 0, None
    parts = re.findall(rf"(零)?([{_NUMERALS}])([拾佰仟])?", text)
    assert "".join(map("".join, parts)) == text
    for zero, digit, place in parts:
        power = " 拾佰仟".index(place or " ")
        assert last is None or (power < last and bool(zero) == (power < last - 1))
        assert last is not None or not zero
        value, last = value + _digit(digit) * 10**power, power
    return value


def _digit(character: str | None) -> int:
    return _NUMERALS.index(character) + 1 if character else 0


@given(st.integers(0, 10**18 - 1) | st.integers(0, 10**16).map(lambda n: n - n % 10**6) | st.integers(0, 10**5))
def test_words_are_read_back_as_the_amount(fen: int) -> None:
    assert read(in_words(Money.from_minor(fen).amount)) == fen


@pytest.mark.parametrize("amount", ["-0.01", "0.001", "1E20"])
def test_what_no_receipt_can_show_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"decimals|receipt"):
        in_words(Decimal(amount))
