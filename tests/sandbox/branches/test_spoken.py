"""What places are called by those who type no Chinese."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller_sandbox.branches import search, spoken


def place(name: str, town: str, *lines: str) -> dict[str, Any]:
    return {"name": {"zh-CN": name, "en": "x"}, "postal_address": {"town_name": town, "address_lines": list(lines)}}


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (
            place("示范银行成都宽巷子支行", "成都市", "四川省成都市青羊区宽巷子2号"),
            "cheng du chengdu cd qing yang qingyang qy chengduqingyang kuan xiang zi kuanxiangzi kxz",
        ),
        (
            place("示範銀行南京路支行", "上海市", "上海市黃浦區南京路1號"),
            "nan jing lu nanjinglu njl nanjing nj shang hai shanghai sh huang pu huangpu hp",
        ),
        (
            place("中国某某银行股份有限公司北京东城区王府井支行", "北京市", "东城区王府井大街200号"),
            "wangfujing wfj wangfujingdajie dongcheng dc beijing bj beijingdongcheng bjdc",
        ),
        (place("吕梁支行", "吕梁市", "离石区８号"), "lvliang luliang lv lu ll lishi"),
        (place("88号公馆网点", "乐清市", "虹桥镇"), "yueqing yq hongqiao hq"),
    ],
)
def test_each_part_of_a_name_and_of_an_address_is_called_by_its_syllables_and_initials(
    record: dict[str, Any], words: str
) -> None:
    assert spoken.words_of(record) >= set(words.split())


def test_bank_office_and_house_are_not_what_a_place_is_called() -> None:
    found = spoken.words_of(place("示范银行成都宽巷子支行", "成都市", "青羊区宽巷子2号"))
    assert not found & {"shi", "fan", "shifanyinhang", "zhihang", "hang", "hao", "h"}


def test_what_is_not_chinese_is_called_nothing_more() -> None:
    assert spoken.words_of(place("Bank Street", "London", "1 Bank Street")) == set()
    assert spoken.run_together("London") == ""
    assert spoken.run_together("乐清市") == "yueqing"


FOUND_BY = (
    "jing an jingan ja jan dong feng dongfenglu dflu dfl jadfl fengl shang hai shanghai sh hj haijing zhihang zh e5"
)


@pytest.mark.parametrize(
    ("name", "cities", "words", "named"),
    [
        (
            "示范银行上海静安东风路支行",
            "上海市 上海 shanghai",
            FOUND_BY,
            "jing an jingan ja dong feng dongfenglu dfl jadfl hj haijing",
        ),
        ("示范银行吉安分行", "吉安市 吉安 jian", "ja jian ji an sh", "ja jian ji an"),
        ("示范银行吉安市支行", "吉安市 吉安 jian", "ja jian ji an", "ja jian ji an"),
        (
            "示范银行吉安永新支行",
            "吉安市 吉安 jian",
            "ja jian ji an jayx yx yongxin yong ayx",
            "jayx yx yongxin yong ayx",
        ),
        ("示範銀行廣州荔灣支行 3号自动柜员机", "广州 广州市", "gz guangzhou lw liwan hao", "lw liwan"),
        ("示范银行吕梁分行", "吕梁", "lvliang luliang lv lu ll l", "lvliang luliang lv lu ll"),
        ("Bank Street", "London", "bank bs", ""),
        ("第1支行", "", "di d zhi", "di"),
    ],
)
def test_what_a_name_is_called_is_told_from_what_its_address_is(name: str, cities: str, words: str, named: str) -> None:
    assert spoken.in_name(name, cities.split(), words.split()) == set(named.split())


@pytest.mark.parametrize(
    ("word", "named"), [("xian", True), ("xi", True), ("an", True), ("ian", False), ("xia", False)]
)
def test_syllables_are_whole(word: str, named: bool) -> None:
    assert (spoken.in_name("西安路支行", [], [word]) == {word}) is named


TEXT = st.text("示范银行成都市青羊区宽巷子路支行号大街1 2,ab龘", max_size=30)


@settings(max_examples=30)
@given(name=TEXT, town=TEXT, line=TEXT)
def test_every_word_can_be_asked_for(name: str, town: str, line: str) -> None:
    for word in spoken.words_of(place(name, town, line)):
        assert search.words_asked(word) == [word]
