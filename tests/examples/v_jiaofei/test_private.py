"""A conversation in private, over the stand-in and with the sandbox."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from tests.examples.v_jiaofei.town import ELECTRICITY, Town

from v_jiaofei.stand_in import BOT, VISITOR
from v_jiaofei.weibo import Push

LINK = re.compile(r"http://127\.0\.0\.1:8080/pay/[a-z0-9]{26}")


def test_a_message_that_says_all_is_answered_with_bill_amount_and_link(town: Town) -> None:
    said = town.ask(f"上海 电费 户号{ELECTRICITY}")

    assert "沪汀示范电力 户号*******011，2026-08应缴 " in said
    assert re.search(r"\d+\.\d\d 元，10-01前。", said)
    [url] = LINK.findall(said)
    assert ELECTRICITY not in said
    link = town.client.payments.list().first()
    assert link is not None and link.payment_link.url == url
    assert f"核对码须是 {link.payment_link.code4}。" in said
    assert [entry.passive for entry in town.weibo.chat(VISITOR)] == [False, True]


def test_it_is_said_in_english_to_whoever_writes_english(town: Town) -> None:
    said = town.ask(f"Shanghai electricity {ELECTRICITY}")

    assert re.match(
        r"Huting Demo Power, Account number \*{7}011: CNY \d+\.\d\d due for 2026-08, by 10-01\. Pay: http", said
    )
    assert re.search(r"The page must show the code \d{4}\.$", said)
    assert 'lang="en"' in town.payer(said).answer.text


def test_several_bills_that_may_be_paid_at_once_share_a_link(town: Town) -> None:
    assert re.search(r"，3 笔账单共 \d+\.\d\d 元。缴费：http", town.ask("上海 电费 3100000029"))


def test_of_several_bills_that_are_paid_one_by_one_the_first_is_offered_and_the_others_told(town: Town) -> None:
    biller = next(
        one
        for one in town.client.billers.list(limit=100)
        if (one.selection, one.fetch_mode, one.coverage, one.status) == ("ONE", "FETCH", "CITY", "ACTIVE")
        and [asked.name for asked in one.input_fields] == ["account_number"]
        and one.presentment == "AMOUNT"
    )
    account = town.partner.magic(biller.biller_code, "SEVERAL_BILLS")["account_number"]
    category = next(one for one in town.client.billers.categories() if one.category_code == biller.category_code)

    said = town.ask(f"{biller.region.city} {category.name.zh_cn} {biller.name.zh_cn} {account}")

    assert "（另有 2 笔，交完再问我）" in said, said
    assert len(LINK.findall(said)) == 1


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ("3100000037", "沪汀示范电力 户号*******037：现在没有待缴账单。"),
        ("3100000011 3100000029", "收到了几个号码，请只发要缴费的那一个。"),
    ],
)
def test_what_leads_to_no_link_is_said(town: Town, account: str, expected: str) -> None:
    assert town.ask(f"上海 电费 户号{account}") == expected
    assert town.client.payments.list().first() is None


@pytest.mark.parametrize("account", ["3100000045", "3100000052", "3100000060"])
def test_an_account_that_cannot_be_paid_is_told_and_another_number_is_enough(town: Town, account: str) -> None:
    refused = town.ask(f"上海 电费 户号{account}")

    assert refused and "http" not in refused and account not in refused
    assert LINK.search(town.ask(ELECTRICITY))


def test_a_number_of_another_format_is_told_with_the_billers_own_help_and_another_is_enough(town: Town) -> None:
    refused = town.ask("上海 电费 户号3100000012")

    assert refused.startswith("这不像沪汀示范电力的户号："), refused
    assert LINK.search(town.ask(ELECTRICITY))


def test_a_biller_that_is_down_is_told(town: Town) -> None:
    said = town.ask("上海 电费 户号3100000078")

    assert said and "http" not in said and "银行系统" not in said
    assert not town.bot.outage.is_on


def test_whoever_has_asked_about_enough_accounts_today_gets_a_link_whose_page_asks(town: Town) -> None:
    for account in ("3100000011", "3100000029", "3100000169", "3100000094", "3100000102"):
        assert f"户号*******{account[-3:]}" in town.ask(f"上海 电费 户号{account}")
    said = town.ask("上海 电费 户号3100000128")
    assert "沪汀示范电力" in said
    assert "户号" not in said
    assert "缴费单位" in town.payer(said).text
    assert not town.refusals()


def test_a_slow_biller_is_answered_when_it_answers(town: Town) -> None:
    assert town.ask("上海 电费 户号3100000086") == "沪汀示范电力答复较慢，查到后马上告诉您。"
    town.work()
    assert len(town.heard()) == 1

    town.partner.advance(seconds=10)
    town.work()
    town.work()

    assert len(town.heard()) == 2
    assert LINK.search(town.heard()[1])


def test_a_slow_biller_may_answer_before_the_account_has_written_down_whom_it_is_for(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = town.store.answered

    def slowly(*args: object, **kwargs: object) -> bool:
        town.partner.advance(seconds=10)
        while town.bot.hear_one():
            pass
        return keep(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(town.store, "answered", slowly)
    town.weibo.message(VISITOR, "上海 电费 户号3100000086")
    town.work()

    assert [bool(LINK.search(text)) for text in town.heard()] == [False, True]


def test_a_biller_that_shows_no_bills_is_paid_on_the_banks_page(town: Town) -> None:
    direct = next(one for one in town.client.billers.list(limit=100) if one.fetch_mode == "DIRECT")
    category = next(one for one in town.client.billers.categories() if one.category_code == direct.category_code)

    said = town.ask(f"{direct.region.city} {category.name.zh_cn} {direct.name.zh_cn} 户号12345678")

    assert "银行页面" in said and LINK.search(said), said


def test_of_several_billers_the_page_asks_which(town: Town) -> None:
    served = [one for one in town.client.billers.list(limit=100) if one.coverage == "CITY"]
    places = {(one.category_code, one.region.adcode, one.region.city) for one in served}
    code, city = next(
        (code, city)
        for code, adcode, city in sorted(places)
        if [one.status for one in town.client.billers.list(category_code=code, adcode=adcode)] == ["ACTIVE"] * 2
    )
    name = next(one.name.zh_cn for one in town.client.billers.categories() if one.category_code == code)

    said = town.ask(f"{city} {name} 户号12345")

    assert said.startswith(f"{city}{name}有几家单位，请在银行页面选择：http"), said


def test_a_city_without_such_a_biller_is_told(town: Town) -> None:
    assert town.ask("拉萨 燃气费 户号12345678") == "拉萨市还没有可以代缴燃气费的单位。"


def test_what_is_missing_is_asked_one_thing_at_a_time(town: Town) -> None:
    assert town.ask("我要缴费").startswith("您要交哪一种费用？电费、水费、")
    assert town.ask("电费") == "是哪个城市的电费？"
    assert town.ask("上海") == "请发您的电费户号（缴费单上有）。"
    assert LINK.search(town.ask("三一零零 零零零零一一"))
    assert town.store.question(str(VISITOR.id), town.clock[0]) is None


def test_the_language_of_a_question_is_that_of_its_answers_too(town: Town) -> None:
    assert town.ask("electricity, Shanghai") == "Please send the account number for Electricity; it is on the bill."
    assert town.ask(ELECTRICITY).startswith("Huting Demo Power, ")


@pytest.mark.parametrize(
    ("place", "choices"),
    [
        ("吉林", "1 吉林省 2 吉林省吉林市"),
        ("朝阳", "1 北京市朝阳区 2 辽宁省朝阳市 3 吉林省长春市朝阳区"),
        ("鼓楼", "1 江苏省南京市鼓楼区 2 江苏省徐州市鼓楼区 3 福建省福州市鼓楼区 4 河南省开封市鼓楼区"),
    ],
)
def test_a_place_that_several_bear_is_asked_back_and_its_number_answers(town: Town, place: str, choices: str) -> None:
    assert town.ask(f"{place}电费") == f"是哪一个？{choices}。请回复序号。"
    assert "电费" in town.ask("1")


def test_a_question_is_open_for_ten_minutes(town: Town) -> None:
    town.ask("上海电费")
    town.clock[0] += 599
    assert LINK.search(town.ask(ELECTRICITY))

    town.ask("上海电费")
    town.clock[0] += 600
    assert town.ask(ELECTRICITY).startswith("您要交哪一种费用？")


def test_questions_of_two_people_are_apart(town: Town) -> None:
    other = town.weibo.add_user("小红")
    town.ask("上海电费")
    town.ask("北京水费", other)

    assert "沪汀示范电力" in town.ask(ELECTRICITY)
    assert "沪汀示范电力" not in town.ask(ELECTRICITY, other)


def test_a_position_is_answered_with_the_nearest_branches(town: Town) -> None:
    def nearest(latitude: float, longitude: float) -> str:
        before = len(town.heard())
        data = {"latitude": str(latitude), "longitude": str(longitude)}
        assert town.weibo.message(VISITOR, "我在这里", kind="position", data=data).accepted
        [said] = town.heard()[before:]
        return said

    [first, *_] = nearest(31.2304, 121.4737).splitlines()
    assert re.fullmatch(r"示范银行上海.*，上海市.*，\d+ 米，.*", first)
    found = town.client.branches.list(near=(31.2304, 121.4737), limit=1).first()
    assert found is not None and first.startswith(found.name.zh_cn)


@pytest.mark.parametrize("data", [{}, {"latitude": "91", "longitude": "0"}, {"latitude": "x", "longitude": []}])
def test_a_position_that_is_none_is_answered_with_what_can_be_asked(town: Town, data: dict[str, object]) -> None:
    assert town.weibo.message(VISITOR, "", kind="position", data=data).accepted
    assert town.heard()[0].startswith("我能帮您：")


@pytest.mark.parametrize("kind", ["image", "voice"])
def test_pictures_and_voices_are_answered_with_what_can_be_asked(town: Town, kind: str) -> None:
    assert town.weibo.message(VISITOR, "发了一张图片", kind=kind, data={"vfid": 1, "tovfid": 2}).accepted
    assert town.heard()[0].startswith("我能帮您：")


@pytest.mark.parametrize("kind", ["event", "unheard_of"])
def test_other_pushes_mean_nothing_and_are_not_kept(town: Town, kind: str) -> None:
    assert town.weibo.message(VISITOR, "follow", kind=kind, data={"subtype": "follow"}).accepted
    assert town.heard() == [] and town.store.counts() == {}


def test_branches_and_rates_are_told(town: Town) -> None:
    assert town.ask("上海 人民广场 最近的网点").count("\n") == 2
    assert re.match(r"美元 \d+\.\d+/\d+\.\d+（09-29 09:30 公布，每 100 外币折人民币", town.ask("美元汇率"))
    assert town.ask("最近的网点").startswith("请发位置")
    assert town.ask("谢谢") == "不客气！"


def test_messages_in_quick_succession_are_answered_in_order(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one comes while the first is being answered: it is the answer to the question of the first."""
    answer = town.bot._counter.answer
    said_meanwhile: list[object] = []

    def while_another_comes(*args: object, **kwargs: object) -> object:
        monkeypatch.undo()
        said_meanwhile.append(town.weibo.message(VISITOR, "上海").statuses)
        assert town.bot.answer_one() is False, "it waits for the first"
        return answer(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(town.bot._counter, "answer", while_another_comes)
    town.weibo.message(VISITOR, "电费")
    town.work()

    assert said_meanwhile == [(200,)]
    assert town.heard() == ["是哪个城市的电费？", "请发您的电费户号（缴费单上有）。"]


def test_half_a_character_is_no_end_of_the_conversation(town: Town) -> None:
    push = Push("text", BOT.id, VISITOR.id, datetime.now(UTC), "上海电费\ud83d", {}, "key")

    assert town.bot.receive(push) == "请发您的电费户号（缴费单上有）。"
