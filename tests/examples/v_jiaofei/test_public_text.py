"""What of a public text is kept."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from v_jiaofei.reading import CHINESE_DIGITS, drop_digits, fold

NUMBERS = [
    "3100000011",
    "３１００００００１１",
    "3100 0000 11",
    "3 1 0 0 0 0 0 0 1 1",
    "3100-000-011",
    "三一零零零零零零一一",
    "三幺〇〇〇〇〇〇幺幺",
    "叁壹零零零零零零壹壹",
    "參壹零零零零零零壹壹",
    "③①⓪⓪⓪⓪⓪⓪①①",
    "❸❶⓿⓿⓿⓿⓿⓿❶❶",
    "𝟑𝟏𝟎𝟎𝟎𝟎𝟎𝟎𝟏𝟏",
    "٣١٠٠٠٠٠٠١١",
    "3️⃣1️⃣0️⃣0️⃣0️⃣0️⃣0️⃣0️⃣1️⃣1️⃣",
    "3一00零00〇1①",
    "三，一，零，零，零，零，零，零，一，一",
    "3😀1😀0😀0😀0😀0😀0😀0😀1😀1",
]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_dropped_however_it_is_written_and_said_to_be_there(number: str) -> None:
    public = drop_digits(f"@V缴费 交上海电费 户号{number}谢谢")

    assert not [c for c in fold(public.text) if c.isdigit() or c in CHINESE_DIGITS]
    assert public.text.startswith("@V缴费 交上海电费 户号")
    assert public.text.endswith("谢谢")
    assert public.dropped and public.account_like


@pytest.mark.parametrize("text", ["交上海电费120元", "2026年9月的电费", "3号楼电费", "9月30日到期"])
def test_amounts_and_dates_go_too_but_are_nothing_to_delete(text: str) -> None:
    public = drop_digits(text)

    assert not [c for c in public.text if c.isdigit()]
    assert (public.dropped, public.account_like) == (True, False)


@pytest.mark.parametrize("text", ["手机13900001234", "身份证11010119900101123X", "卡号6222000000000000000"])
def test_somebodys_other_numbers_are_worth_deleting_as_well(text: str) -> None:
    assert drop_digits(text).account_like


@pytest.mark.parametrize("text", ["帮我查一下上海电费", "三亚的水费怎么交", "", "🙏"])
def test_a_text_without_numbers_stays_as_it_is(text: str) -> None:
    assert drop_digits(text) == type(drop_digits(""))(text, dropped=False, account_like=False)


@given(st.text(alphabet=st.one_of(st.characters(), st.sampled_from("0９③❿三零〇两百叁①½Ⅷ٣一 -️⃣")), max_size=60))
@example("一\u20e3二")
@example("⓾㉛㊷🄂⒈㏠㍘")
def test_no_text_keeps_a_digit(text: str) -> None:
    public = drop_digits(text)

    assert not [c for c in public.text if unicodedata.category(c) in {"Nd", "No"}]
    assert not [c for c in fold(public.text) if c.isdigit()]
    neighbours = "".join(c for c in fold(public.text) if c in CHINESE_DIGITS or c.isalpha())
    assert not any({*pair} <= CHINESE_DIGITS.keys() for pair in pairwise(neighbours))
    assert drop_digits(public.text).text == public.text
