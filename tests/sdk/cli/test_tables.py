"""How text stands in columns on a terminal."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller._cli import inputs, refusals, tables, texts

PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=12)
HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), max_size=12)
ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=12)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("户号", 4),
        ("户号 Account", 12),
        ("（）", 4),
        ("¥1", 2),
        ("é", 1),
        ("e\u0301", 1),
        ("ｶﾞ", 2),
    ],
)
def test_a_text_takes_as_many_columns_as_a_terminal_gives_it(text: str, columns: int) -> None:
    assert tables.width(text) == columns


@given(HAN, ASCII)
def test_a_chinese_character_takes_two_columns_and_a_latin_one(chinese: str, latin: str) -> None:
    assert tables.width(chinese + latin) == 2 * len(chinese) + len(latin)


@given(PRINTABLE, PRINTABLE)
def test_two_texts_side_by_side_take_what_each_takes(left: str, right: str) -> None:
    assert tables.width(left + right) == tables.width(left) + tables.width(right)


@given(PRINTABLE, st.integers(0, 40), st.booleans())
def test_padding_fills_up_and_never_cuts(text: str, columns: int, right: bool) -> None:
    filled = tables.padded(text, columns, right=right)

    assert tables.width(filled) == max(columns, tables.width(text))
    assert filled.endswith(text) if right else filled.startswith(text)


@given(st.lists(st.tuples(HAN | ASCII, HAN | ASCII), max_size=6), st.booleans())
def test_a_column_begins_at_the_same_place_in_each_row(rows: list[tuple[str, str]], right: bool) -> None:
    shown = tables.table(["名称 NAME", "B", "END"], [(*row, "|") for row in rows], right={"B"} if right else ())

    ends = [tables.width(line[: line.rindex("|")]) for line in shown.split("\n")[1:]]
    assert len(shown.split("\n")) == len(rows) + 1
    assert set(ends) <= {tables.width(shown.split("\n")[0].removesuffix("END"))}


@given(st.text(max_size=30))
def test_no_text_steers_the_terminal_or_breaks_its_line(text: str) -> None:
    shown = tables.plain(text)

    assert not {"Cc", "Zl", "Zp"} & {unicodedata.category(one) for one in shown}
    assert not {"\u202e", "\u2066"} & set(shown)
    assert len(shown.splitlines()) <= 1


def test_a_value_that_is_missing_is_an_empty_cell_and_no_fact() -> None:
    assert tables.table(["A", "B"], [(None, 1)]) == "A  B\n   1"
    assert tables.facts([("户号", "1"), ("B", None), ("C", ""), ("D", 0)]) == "户号  1\nD     0"
    assert tables.facts([]) == ""


@given(st.decimals(-1, 1, places=6))
def test_per_cent_says_all_that_the_fraction_says(fraction: Decimal) -> None:
    digits, _, sign = texts.percent(fraction).partition(" ")

    assert sign == "%"
    assert Decimal(digits) / 100 == fraction
    assert len(digits.partition(".")[2]) >= 2


@given(st.integers(0, 400), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    assert inputs.DURATION.read(f"{days}d{hours}h{minutes}m{seconds}s") == (
        days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    )


@given(ASCII, st.from_regex(r"[0-9]{6,20}|[0-9]{4}( [0-9]{4}){1,3}", fullmatch=True), ASCII)
def test_no_number_of_an_account_stays_in_a_message(before: str, number: str, after: str) -> None:
    assert number not in refusals.without_numbers(f"{before}{number}{after}")


@pytest.mark.parametrize("text", ["give a day such as 2026-09-29", "39.91,116.40", "http://127.0.0.1:8080", "12345"])
def test_dates_positions_and_ports_stay_in_a_message(text: str) -> None:
    assert refusals.without_numbers(text) == text


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Shanghai", "closed until 09-29 11:00"),
        ("Asia/Hong_Kong", "closed until 09-29 11:00"),
        ("America/Lima", "closed until 09-28 22:00 America/Lima"),
        ("Europe/London", "closed until 09-29 04:00 Europe/London"),
        ("Mars/Olympus", "closed until 09-29 11:00 +08:00"),
        ("../zone", "closed until 09-29 11:00 +08:00"),
    ],
)
def test_hours_of_a_place_are_those_of_its_own_clock_which_is_named_where_it_is_another(zone: str, said: str) -> None:
    until = datetime.fromisoformat("2026-09-29T11:00:00+08:00")
    assert texts.open_hours("OPEN", "OPEN", open_now=False, until=until, zone=zone) == said
    assert texts.open_hours("BUSY", "OPEN", open_now=True, until=None, zone=zone) == "open (BUSY)"
