"""What the bot understands."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.examples.v_jiaofei.messages import noisy_messages

from v_jiaofei.reading import LONGEST_MESSAGE, Ask, Intent, Reader, Reading

HELD_OUT = Path(__file__).parent / "held_out.tsv"
SEED = 20260929


def facts(reading: Reading) -> tuple[str, str, str, str, str, str]:
    return (
        reading.intent.value,
        ",".join(place.adcode for place in reading.places),
        ",".join(reading.categories),
        reading.account or "",
        reading.ask.value if reading.ask else "",
        ",".join(reading.currencies),
    )


def held_out() -> list[tuple[str, tuple[str, ...]]]:
    lines = [line for line in HELD_OUT.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = [line.split("\t") for line in lines]
    return [(row[0].replace("\\n", "\n"), tuple(row[1:])) for row in rows]


# Whole messages


def test_of_2000_noisy_messages_99_percent_are_read_whole_and_none_is_read_wrong(
    reader: Reader, billers: list[dict[str, Any]]
) -> None:
    whole, wrong = 0, []
    for expected in noisy_messages(billers, 2000, SEED):
        reading = reader.read(expected.text)
        found = (reading.place and reading.place.adcode, reading.category_code, reading.account)
        is_right = found == (expected.adcode, expected.category, expected.account)
        whole += is_right and reading.ask is None
        if reading.ask is None and not is_right:
            wrong.append(expected)

    assert whole >= 1980
    assert wrong == []


@pytest.mark.parametrize(("text", "expected"), held_out())
def test_messages_written_before_the_reader_are_read(reader: Reader, text: str, expected: tuple[str, ...]) -> None:
    assert facts(reader.read(text)) == expected


def test_there_are_enough_held_out_messages_of_each_kind() -> None:
    intents = [expected[0] for _, expected in held_out()]

    assert len(intents) >= 120
    assert set(intents) == {intent.value for intent in Intent}


# What is never guessed


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("吉林水费", ["吉林省", "吉林省吉林市"]),
        ("朝阳水费", ["北京市朝阳区", "辽宁省朝阳市", "吉林省长春市朝阳区"]),
        ("鼓楼区水费", ["江苏省南京市鼓楼区", "江苏省徐州市鼓楼区", "福建省福州市鼓楼区", "河南省开封市鼓楼区"]),
        ("宝山电费", ["黑龙江省双鸭山市宝山区", "上海市宝山区"]),
        ("江北电费", ["浙江省宁波市江北区", "重庆市江北区"]),
        ("sz dianfei", ["江苏省苏州市", "广东省深圳市"]),
        ("上海北京电费", ["北京市", "上海市"]),
    ],
)
def test_a_name_of_several_places_is_asked_back_with_all_of_them(reader: Reader, text: str, labels: list[str]) -> None:
    reading = reader.read(text)

    assert [place.label for place in reading.places] == labels
    assert reading.ask is Ask.PLACE


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("吉林省长春市水费", "吉林省长春市"),
        ("吉林吉林水费", "吉林省吉林市"),
        ("北京朝阳水费", "北京市朝阳区"),
        ("朝阳区水费，北京的", "北京市朝阳区"),
        ("不是北京是上海的水费", "上海市"),
        ("鼓楼水费，南京", "江苏省南京市鼓楼区"),
        ("上海南京路的水费", "上海市"),
    ],
)
def test_a_second_name_settles_which_place_is_meant(reader: Reader, text: str, label: str) -> None:
    place = reader.read(text).place

    assert place is not None
    assert place.label == label


def test_the_answer_to_which_place_may_be_a_number_a_name_or_more_of_the_wish(reader: Reader) -> None:
    asked = reader.read("朝阳水费 22113000013")
    assert asked.ask is Ask.PLACE

    for answer in ("2", "②", "第二个", "辽宁", "辽宁省朝阳市", "辽宁的"):
        settled = reader.read(answer, after=asked)
        assert (settled.place and settled.place.adcode, settled.account, settled.ask) == ("211300", "22113000013", None)


def test_each_answer_brings_the_next_question_until_nothing_is_missing(reader: Reader) -> None:
    first = reader.read("缴费")
    second = reader.read("电费", after=first)
    third = reader.read("上海", after=second)
    last = reader.read("31零零00零零一1", after=third)

    assert [reading.ask for reading in (first, second, third, last)] == [Ask.CATEGORY, Ask.PLACE, Ask.ACCOUNT, None]
    assert (last.category_code, last.place and last.place.adcode, last.account) == (
        "ELECTRICITY",
        "310000",
        "3100000011",
    )


def test_a_question_does_not_hold_on_to_someone_who_wants_something_else(reader: Reader) -> None:
    asked = reader.read("上海电费")

    assert reader.read("美元汇率", after=asked).intent is Intent.FX
    assert reader.read("谢谢", after=asked).intent is Intent.THANKS
    assert reader.read("哈哈哈", after=asked).intent is Intent.UNCLEAR
    assert reader.read("北京", after=asked).places[0].adcode == "110000"


def test_where_a_branch_is_wanted_is_asked_and_any_words_will_do(reader: Reader) -> None:
    asked = reader.read("最近的网点")
    assert asked.ask is Ask.PLACE

    assert reader.read("人民广场", after=asked).words == "人民广场"
    assert reader.read("杭州", after=asked).places[0].adcode == "330100"
    assert reader.read("31.2304, 121.4737", after=asked).position == (31.2304, 121.4737)


def test_two_numbers_or_two_kinds_of_bill_are_asked_back(reader: Reader) -> None:
    numbers = reader.read("上海电费 3100000011 3100000029")
    assert (numbers.accounts, numbers.account, numbers.ask) == (("3100000011", "3100000029"), None, Ask.ACCOUNT)
    assert reader.read("2", after=numbers).account == "3100000029"

    kinds = reader.read("上海水电费 3100000011")
    assert (kinds.categories, kinds.category_code, kinds.ask) == (("ELECTRICITY", "WATER"), None, Ask.CATEGORY)
    assert reader.read("电费", after=kinds).ask is None


# Numbers that are none


@pytest.mark.parametrize(
    "text",
    [
        "上海电费 120元",
        "上海电费一百二十元",
        "上海电费 ¥1,234.50",
        "上海2026年9月30日的电费",
        "上海电费 2026-09-30 10:30",
        "上海电费 20260930",
        "上海电费 手机13900001234",
        "上海电费 13900001234",
        "上海电费 021-12345678",
        "上海电费 身份证11010119900101123X",
        "上海电费 银行卡6222000000000000000",
        "上海电费 验证码246810",
        "上海电费 3号楼2单元301室",
        "上海电费 第2户",
    ],
)
def test_what_only_looks_like_an_account_number_is_not_taken_for_one(reader: Reader, text: str) -> None:
    reading = reader.read(text)

    assert (reading.accounts, reading.ask) == ((), Ask.ACCOUNT)


def test_a_number_beside_other_numbers_is_found(reader: Reader) -> None:
    text = "9月30日前交 上海电费120元 3号楼301室 户号3100 0000 11 手机13900001234 2026年"
    reading = reader.read(text)

    assert reading.account == "3100000011"
    assert reading.phone_given


def test_an_account_number_of_a_telephones_form_counts_when_it_is_called_one_or_was_asked_for(reader: Reader) -> None:
    assert reader.read("上海水费 户号13900001234").account == "13900001234"
    asked = reader.read("上海水费")
    assert reader.read("13900001234", after=asked).account == "13900001234"


def test_chinese_digits_of_words_are_no_part_of_a_number(reader: Reader) -> None:
    assert reader.read("二五一〇一七三七一九二 四川省成都市 自来水").account == "25101737192"
    assert reader.read("三亚电费四六零二零零零零一二").account == "4602000012"


# In public


def test_in_public_no_number_is_kept_and_none_asked_for(reader: Reader) -> None:
    reading = reader.read_public("@V缴费 交上海电费 户号三一零零零零零零一一")

    assert (reading.accounts, reading.ask) == ((), None)
    assert (reading.category_code, reading.place and reading.place.adcode) == ("ELECTRICITY", "310000")


def test_a_quoted_post_of_somebody_else_is_not_read(reader: Reader) -> None:
    assert reader.read_public("转发微博//@小明:@V缴费 交上海电费").intent is Intent.UNCLEAR
    assert reader.read_public("@V缴费 @上海电力2026 交北京水费").places[0].adcode == "110000"


def test_a_reading_does_not_show_what_was_written(reader: Reader) -> None:
    assert "3100000011" not in repr(reader.read("上海电费 3100000011 张三丰"))
    assert "张三丰" not in repr(reader.read("上海电费 3100000011 张三丰"))


# Any text at all


WORDS = "上海 吉林 朝阳 电费 水 殿费 户号 手机 第 年 月 号 元 点 不是 最近 网点 美元"
OTHERS = "@ // @V缴费 https:// 1 31 三 幺 〇 ① ٣ ⅷ ½ １ - ，"
PIECES = [*re.split(" ", f"{WORDS} {OTHERS}"), "\n", " "]
TYPED = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            [
                "上海",
                "吉林",
                "朝阳",
                "电费",
                "水",
                "殿费",
                "户号",
                "手机",
                "第",
                "年",
                "月",
                "号",
                "元",
                "点",
                "@",
                "//",
                "@V缴费",
                "https://",
                "不是",
                "最近",
                "网点",
                "美元",
                "1",
                "31",
                "三",
                "幺",
                "〇",
                "①",
                "٣",
                "ⅷ",
                "½",
                "１",
                "-",
                "，",
                "\n",
            ]
        ),
        st.integers(0, 10**20).map(str),
    ),
    max_size=20,
).map("".join)


@given(TYPED, TYPED)
@example("\ud800", "2")
@example("1" * 400, "9")
def test_any_text_gives_a_reading(reader: Reader, text: str, answer: str) -> None:
    first = reader.read(text)
    second = reader.read(answer, after=first)

    for reading in (first, second):
        assert all(account.isascii() and account.isdigit() for account in reading.accounts)
        assert (reading.ask is None) or reading.intent in {Intent.PAY, Intent.BRANCHES}
        if reading.intent is Intent.PAY and reading.ask is None:
            assert reading.category_code is not None


def _cpu_seconds(reader: Reader, text: str) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        reader.read(text)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize(
    "unit", ["一", "1 ", "31-0", "殿费上嗨", "吉林朝阳", "上 ", "1.2,", "dian", "a ", "不是", "@", "̖̀"]
)
def test_a_long_message_takes_time_in_proportion_to_its_length(reader: Reader, unit: str) -> None:
    """Ten times the text takes about ten times as long; a hundred times would be a quadratic step."""
    short, long = (unit * LONGEST_MESSAGE)[:1000], (unit * LONGEST_MESSAGE)[:LONGEST_MESSAGE]
    reader.read(short)

    assert _cpu_seconds(reader, long) < 40 * max(_cpu_seconds(reader, short), 0.002)
