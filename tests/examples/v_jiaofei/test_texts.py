"""Texts fit where they are said, in both languages, whatever is filled in."""

from __future__ import annotations

import string
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller import OpenTeller
from v_jiaofei.directory import Directory
from v_jiaofei.texts import PUBLIC, TEXTS, Language, first_fitting, language_of, lines_fitting, numbered, say, shortened

URL = "https://pay.sandbox.openteller.example/pay/abcdefghijklmnopqrstuvwxyz"
LONGEST_AMOUNT = "1234567.89 元"


@pytest.mark.parametrize("language", Language)
def test_every_public_link_fits_with_its_warning_for_every_kind_of_bill_and_city(
    directory: Directory, language: Language
) -> None:
    places = [None, *directory.places]
    for code, place in product([None, *directory.names], places):
        what = directory.what(code, place, language)
        long = say("open_link", language, what=what, url=URL, code4="0123")
        assert len(long) <= 140
        short = say("short_link", language, url=URL, code4="0123")
        warnings = (say("delete_number", language), say("delete_short", language))
        text = first_fitting(140, [f"{warning} {link}" for link in (long, short) for warning in warnings])
        assert len(text) <= 140 and URL in text and "0123" in text and "…" not in text


@pytest.mark.parametrize("language", Language)
def test_every_bill_fits_for_every_biller(open_bank: OpenTeller, language: Language) -> None:
    chinese = language is Language.ZH
    for biller in open_bank.billers.list(limit=100):
        asked = biller.input_fields[0]
        about = {
            "biller": biller.name.zh_cn if chinese else biller.name.en,
            "label": asked.label.zh_cn if chinese else asked.label.en,
            "account": "*" * (asked.max_length - 3) + "011",
            "url": URL,
            "code4": "0123",
            "amount": LONGEST_AMOUNT,
            "fee": say("fee", language, fee=LONGEST_AMOUNT),
        }
        more = say("more_bills", language, count=12)
        bill = say("bill_link", language, **about, period="2026-08", due="10-01", more=more)
        bills = say("bills_link", language, **about, count=12)
        receipt = say("paid_private", language, **about, receipt="AAAA-BBBB-CCCC", verification="AAAA-BBBB")
        help_ = say("bad_account", language, **about, help=asked.help.zh_cn if chinese else asked.help.en)
        for text in (bill, bills, receipt, help_):
            assert len(text) <= 300


@pytest.mark.parametrize("language", Language)
def test_what_has_nothing_long_to_fill_in_fits(directory: Directory, language: Language) -> None:
    longest = max((directory.category(code, language) for code in directory.names), key=len)
    filled = dict.fromkeys(("what", "biller", "label", "place"), "巴音郭楞蒙古自治州") | {
        "category": longest,
        "account": "*" * 24,
        "url": URL,
        "code4": "0123",
        "choices": numbered([directory.category(code, language) for code in directory.names]),
        "found": "；".join(["美元 1234.5678/1234.5678"] * 4),
        "at": "12-31 23:59",
        "unit": "100",
        "receipt": "AAAA-BBBB-CCCC",
        "verification": "AAAA-BBBB",
        "amount": LONGEST_AMOUNT,
        "count": "12",
        "period": "2026-08",
        "due": "12-31",
        "fee": "",
        "more": "",
        "help": "",
    }
    for key, text in TEXTS.items():
        said = say(key, language, **filled)
        limit = 300 if key not in PUBLIC or key == "fx" else 140
        assert len(said) <= limit, key
        names = [{name for _, name, _, _ in string.Formatter().parse(one) if name} for one in (text.zh, text.en)]
        assert names[0] == names[1], f"{key} says more in one language"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("上海电费", Language.ZH),
        ("Shanghai electricity", Language.EN),
        ("@V缴费 Shanghai electricity", Language.EN),
        ("@V缴费：pay my bill https://weibo.com/n/7", Language.EN),
        ("pay 电费", Language.ZH),
        ("water //@小明: 上海水费怎么交", Language.EN),
        ("", Language.ZH),
        ("3100000011", Language.ZH),
        ("🙏", Language.ZH),
        ("x", Language.ZH),
    ],
)
def test_the_language_is_that_of_somebodys_own_words(text: str, language: Language) -> None:
    assert language_of(text) is language


@pytest.mark.parametrize("text", ["3100000011", "2", "", "@V缴费 3", "🙏"])
def test_what_has_no_words_goes_on_in_the_language_before(text: str) -> None:
    assert language_of(text, Language.EN) is Language.EN


@given(st.text(max_size=50), st.integers(1, 40))
def test_a_cut_text_is_as_long_as_may_be_and_shows_the_cut(text: str, limit: int) -> None:
    cut = shortened(text, limit)

    assert cut == text or (len(cut) == limit and cut.endswith("…"))


@given(st.lists(st.text(alphabet="ab", max_size=20), min_size=1, max_size=5), st.integers(1, 60))
def test_lines_are_whole_but_for_a_first_one_that_is_too_long(lines: list[str], limit: int) -> None:
    text = lines_fitting(limit, lines)

    assert len(text) <= limit
    assert "\n".join(lines).startswith(text) or text == shortened(lines[0], limit)


def test_the_first_that_fits_is_said_and_the_last_is_cut() -> None:
    assert first_fitting(5, ["123456", "12345", "1"]) == "12345"
    assert first_fitting(3, ["123456", "12345"]) == "12…"
