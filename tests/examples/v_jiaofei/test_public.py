"""Mentions: one comment each, and nothing of anybody's in it, nor on disk, nor in the log."""

from __future__ import annotations

import logging
import re
import string
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples.v_jiaofei.test_public_text import NUMBERS
from tests.examples.v_jiaofei.town import ELECTRICITY, Town

from v_jiaofei.paying import Room
from v_jiaofei.reading import CHINESE_DIGITS, fold
from v_jiaofei.stand_in import VISITOR
from v_jiaofei.texts import PUBLIC, TEXTS
from v_jiaofei.weibo import limits

LINK = re.compile(r"http://127\.0\.0\.1:8080/pay/[a-z0-9]{26}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@V缴费 交上海电费", "上海市电费在这里交：{url} 页面上的核对码须是 {code4}。"),
        ("@V缴费 交电费", "电费在这里交：{url} 页面上的核对码须是 {code4}。"),
        ("@V缴费 交费", "费用在这里交：{url} 页面上的核对码须是 {code4}。"),
        ("@V缴费 朝阳水费", "水费在这里交：{url} 页面上的核对码须是 {code4}。"),
        ("@V缴费 话费", "手机充值在这里交：{url} 页面上的核对码须是 {code4}。"),
        ("@V缴费 拉萨的燃气费", "燃气费在这里交：{url} 页面上的核对码须是 {code4}。"),
        (
            "@V缴费 pay electricity in Shanghai",
            "Pay Electricity (上海市) here: {url} The page must show the code {code4}.",
        ),
        ("Hi @V缴费 water bill please", "Pay Water here: {url} The page must show the code {code4}."),
    ],
)
def test_a_mention_gets_one_comment_with_a_link_and_its_code(town: Town, text: str, expected: str) -> None:
    said = town.mention(text)

    link = town.client.payments.list().first()
    assert link is not None
    assert said == expected.format(url=link.payment_link.url, code4=link.payment_link.code4)
    assert len(said) <= 140
    assert town.heard() == [] and town.refusals() == []


def test_the_link_knows_what_was_clear(town: Town) -> None:
    town.mention("@V缴费 交上海电费")

    link = town.client.payments.list().first()
    assert link is not None
    assert (link.category_code, link.adcode) == ("ELECTRICITY", "310000")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("@V缴费 你好", "想交哪里的什么费？"),
        ("@V缴费 hello", "Which bill, where?"),
        ("@V缴费 最近的网点", "请私信我您的位置"),
        ("@V缴费 上海 人民广场 最近的网点", "示范银行上海"),
        ("@V缴费 美元汇率", "美元 "),
        ("@V缴费 谢谢", "不客气！"),
    ],
)
def test_other_mentions_are_answered_in_one_comment_too(town: Town, text: str, begins: str) -> None:
    said = town.mention(text)

    assert said.startswith(begins) and "\n" not in said and len(said) <= 140


def test_a_comment_that_mentions_the_account_is_answered_under_its_post(town: Town) -> None:
    town.weibo.post(VISITOR, "电费又涨了")
    post = town.weibo.timeline[-1]
    town.weibo.comment(VISITOR, post.id, "@V缴费 交上海电费")
    town.work()

    assert [comment.user.name for comment in post.comments] == ["小明", "V缴费"]
    assert "/pay/" in post.comments[1].text


def test_the_same_answer_twice_running_is_told_apart_by_the_time(town: Town) -> None:
    first, second = town.mention("@V缴费 美元汇率"), town.mention("@V缴费 美元汇率")

    assert re.fullmatch(re.escape(first) + r" \d\d:\d\d:\d\d", second)


def test_the_account_does_not_answer_itself(town: Town) -> None:
    event = town.weibo._event("mention", VISITOR, "@V缴费 交电费", town.clock[0], {"subtype": "status", "key": "7"})
    town.weibo.redeliver(event | {"receiver_id": VISITOR.id})
    town.work()

    assert town.store.counts() == {} and town.comments() == []


@pytest.mark.parametrize("key", ["", "x", "-7", "٣", "9" * 19, "0", None, []])
def test_a_mention_of_nothing_is_not_kept(town: Town, key: object) -> None:
    event = town.weibo._event("mention", VISITOR, "@V缴费 交电费", town.clock[0], {"subtype": "status", "key": key})

    assert town.weibo.redeliver(event).accepted
    assert town.store.counts() == {}


# Numbers in public


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("polled", [False, True])
def test_a_number_in_public_is_kept_nowhere_and_said_nowhere(
    new_town: Callable[..., Town], number: str, polled: bool, caplog: pytest.LogCaptureFixture
) -> None:
    town = new_town(mentions_pushed=not polled)
    caplog.set_level(logging.DEBUG)

    town.weibo.post(VISITOR, f"@V缴费 交上海电费 户号{number}")
    if polled:
        town.bot.look_for_mentions()
    on_disk, kept = town.files(), town.values()
    town.work()
    on_disk, kept = on_disk + town.files(), kept + town.values()

    [said] = town.comments()
    assert said.startswith("您的微博里有号码，请删除那条微博。上海市电费在这里交：http")
    assert len(said) <= 140
    for form in {number, fold(number), ELECTRICITY}:
        assert form.encode() not in on_disk
        assert form not in said and form not in caplog.text
    digits = {one for one in number if not one.isascii() and (fold(one).isdigit() or fold(one) in CHINESE_DIGITS)}
    assert not [one for one in digits if one in kept]


def test_a_number_in_public_is_asked_to_be_deleted_in_english_too(town: Town) -> None:
    said = town.mention(f"@V缴费 pay electricity, account {ELECTRICITY}, Shanghai")

    assert re.match(r"(Your post holds a number: please delete it|Please delete that post)\. Pay ", said)
    assert len(said) <= 140 and LINK.search(said) and re.search(r"[Cc]ode \d{4}", said)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    number=st.sampled_from([*NUMBERS, "13900001234", "11010119900101123X", "6222000000000000000"]),
    before=st.sampled_from(
        ["交上海电费", "北京水费", "pay gas bill", "最近的网点", "谢谢", "手机充值", "张伟欠费120.5元 电费", "美元"]
    ),
    between=st.sampled_from([" ", "户号", "account ", "，户名李娜，", "卡号:", ""]),
)
def test_no_public_text_repeats_anything_of_the_writers(town: Town, number: str, before: str, between: str) -> None:
    said = town.mention(f"@V缴费 {before}{between}{number}")

    bare = LINK.sub("", said)
    for personal in (number, fold(number), "张伟", "李娜", "120.5", "*", "¥", "￥"):
        assert personal not in bare
    assert not re.search(r"[0-9]{6,}", bare)
    assert "@" not in said and 0 < len(said) <= 140


def test_public_texts_have_no_place_for_a_number_a_name_or_an_amount() -> None:
    allowed = {"url", "code4", "what", "found", "at", "unit"}
    for key in PUBLIC:
        for text in (TEXTS[key].zh, TEXTS[key].en):
            places = {name for _, name, _, _ in string.Formatter().parse(text) if name}
            assert places <= allowed, key
            assert "@" not in text and not re.search(r"(?<!code)[0-9]", text)


def test_the_accounts_room_is_weibos() -> None:
    assert Room(limits().comment_characters, limits().message_characters) == Room(140, 300)


# Polling


def test_mentions_are_found_by_polling_each_once(new_town: Callable[..., Town]) -> None:
    town = new_town(mentions_pushed=False)
    town.weibo.post(VISITOR, "@V缴费 交上海电费")
    town.weibo.comment(VISITOR, town.weibo.timeline[0].id, "@V缴费 北京水费")

    assert town.bot.look_for_mentions()
    assert not town.bot.look_for_mentions()
    town.work()
    town.restart()
    assert not town.bot.look_for_mentions()
    town.work()

    assert len(town.comments()) == 2


def test_a_mention_that_is_pushed_and_polled_gets_one_comment(town: Town) -> None:
    town.weibo.post(VISITOR, "@V缴费 交上海电费")
    assert not town.bot.look_for_mentions(), "it was pushed"
    town.work()
    town.bot.look_for_mentions()
    town.work()

    assert len(town.comments()) == 1


def test_a_burst_is_read_to_its_end(new_town: Callable[..., Town]) -> None:
    town = new_town(mentions_pushed=False)
    for _ in range(450):
        town.weibo.post(VISITOR, "@V缴费 交电费")

    town.bot.look_for_mentions()

    assert town.store.counts() == {"inbox WAITING": 450}


def test_mentions_that_nobody_may_answer_any_more_are_passed_over(new_town: Callable[..., Town]) -> None:
    town = new_town(mentions_pushed=False)
    town.weibo.post(VISITOR, "@V缴费 交电费")
    town.clock[0] += 49 * 3600
    town.weibo.post(VISITOR, "@V缴费 交水费")

    town.bot.look_for_mentions()

    assert town.store.counts() == {"inbox WAITING": 1}
