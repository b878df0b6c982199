"""How text is cut into the words that places are found by."""

from __future__ import annotations

import pytest

from openteller_sandbox.branches.search import city_key, words_asked, words_of


def found(asked: str, text: str) -> bool:
    words = words_asked(asked)
    return bool(words) and set(words) <= words_of(text)


@pytest.mark.parametrize(
    "asked",
    [
        "黄浦",
        "示范银行",
        "浦",
        "黄浦 上海",
        "HUANGPU",
        "huang pu",
        "ｈｕａｎｇｐｕ",
        "hp",
        "Sub-branch",
        "上海huangpu",
        "42号",
        "黄浦，示范",
        "黃浦",
        "示範銀行 黃浦支行",
    ],
)
def test_these_find_a_branch_in_huangpu(asked: str) -> None:
    assert found(
        asked,
        "示范银行上海黄浦支行\nDemo Bank Shanghai Huangpu Sub-branch\n上海市黄浦区文化街42号\nhuang pu huangpu hp",
    )


@pytest.mark.parametrize("asked", ["浦黄", "黄埔", "huang hai", "huangp", "4", "!?", "  ", "。"])
def test_these_do_not(asked: str) -> None:
    assert not found(
        asked,
        "示范银行上海黄浦支行\nDemo Bank Shanghai Huangpu Sub-branch\n上海市黄浦区文化街42号\nhuang pu huangpu hp",
    )


def test_names_of_two_characters_are_one_word() -> None:
    """Tokenizers that want three characters find nothing here."""
    assert words_asked("静安") == ["静安"]
    assert words_asked("静安东风路") == ["静安", "安东", "东风", "风路"]


def test_accents_and_apostrophes_make_no_difference() -> None:
    assert words_asked("Jing'an Lüliang") == words_asked("jing’an LULIANG") == ["jingan", "luliang"]


@pytest.mark.parametrize("name", ["Xi'an", "xi an", "XIAN", "xi-an"])
def test_a_city_has_one_key_however_it_is_written(name: str) -> None:
    assert city_key(name) == "xian"
