"""The bank or Weibo is down, slow, or has had enough: nothing is lost silently, and nothing is said twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.examples.v_jiaofei.town import ELECTRICITY, NOWHERE, Town

from v_jiaofei.bank import PAUSE_S, BankDown, Visit
from v_jiaofei.paying import Paying
from v_jiaofei.stand_in import HOUR, VISITOR
from v_jiaofei.weibo import WeiboUnreachable, limits

PRIVATE, PUBLIC = f"上海 电费 户号{ELECTRICITY}", "@V缴费 交上海电费"
DOWN = "银行系统暂时连不上，恢复后我马上给您答复，不用再发。"


# The bank


def test_while_the_bank_is_down_a_private_message_is_told_so_and_answered_later_once(town: Town) -> None:
    town.bank.answers = False
    assert town.ask(PRIVATE) == DOWN
    town.later(PAUSE_S + 1)
    assert town.heard() == [DOWN]

    town.bank.answers = True
    for _ in range(5):
        town.later(PAUSE_S + 1)

    told, answer = town.heard()
    assert told == DOWN and "/pay/" in answer
    assert town.store.counts() == {"inbox DONE": 1, "outbox SAID": 1}


def test_it_is_told_in_the_language_of_the_conversation(town: Town) -> None:
    town.ask("Shanghai electricity")
    town.bank.answers = False

    assert town.ask(ELECTRICITY).startswith("The bank cannot be reached just now.")


def test_a_mention_waits_for_its_one_reply_while_the_bank_is_down(town: Town) -> None:
    town.bank.answers = False
    assert town.mention(PUBLIC) == ""
    town.restart()
    town.work()
    assert town.comments() == []

    town.bank.answers = True
    for _ in range(5):
        town.later(PAUSE_S + 1)

    assert len(town.comments()) == 1


def test_all_who_wrote_meanwhile_are_told_and_answered_in_their_order(town: Town) -> None:
    town.bank.answers = False
    assert town.ask(PRIVATE) == DOWN
    assert town.ask("电费") == DOWN, "the first one has its answer first"

    town.bank.answers = True
    for _ in range(5):
        town.later(PAUSE_S + 1)

    assert "/pay/" in town.heard()[2]
    assert town.heard()[3:] == ["是哪个城市的电费？"]


def test_what_needs_no_bank_is_answered_meanwhile(town: Town) -> None:
    town.bank.answers = False
    assert town.ask(PRIVATE, town.weibo.add_user("小红")) == DOWN

    assert town.ask("帮助").startswith("我能帮您：")
    assert town.ask("电费") == "是哪个城市的电费？"
    assert town.bot.outage.is_on


def test_a_bank_that_is_down_is_left_alone_but_for_one_call_now_and_then(town: Town) -> None:
    people = [town.weibo.add_user(f"人{number}") for number in range(20)]
    town.bank.answers = False
    before = len(town.bank.asked)
    for person in people:
        assert town.weibo.message(person, "美元汇率").accepted
    asked = len(town.bank.asked)
    assert asked - before <= 2, "one try, and its repetition"

    while town.bot.answer_one():
        pass

    assert len(town.bank.asked) == asked
    assert all(town.heard(person) == [DOWN] for person in people)


@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_a_bank_that_refuses_the_account_itself_is_waited_for_too(
    town: Town, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    def refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        problem = (
            b'{"type": "about:blank", "title": "No", "status": %d, "code": "NO", "request_id": "rqs_00000000",' % status
        )
        problem += b'"detail": "no", "retryable": "%s", "source": "bank"}' % (b"never" if status < 429 else b"later")
        start_response(f"{status} No", [("Content-Type", "application/problem+json"), ("Retry-After", "60")])
        return [problem]

    with monkeypatch.context() as now:
        now.setattr(town.bank, "app", refuse)
        assert town.ask("美元汇率") == DOWN
        assert town.bot.outage.is_on

    for _ in range(5):
        town.later(PAUSE_S + 1)
    assert town.heard()[1].startswith("美元 ")


def test_what_the_bank_fails_at_alone_hinders_nobody_else_and_is_given_up_with_a_word(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.bank.broken_paths = ("/v1/bill-fetches",)
    other = town.weibo.add_user("小红")

    assert town.ask(PRIVATE) == DOWN
    assert town.ask("美元汇率", other).startswith("美元 ")
    for _ in range(12):
        town.later(60)
        assert town.ask("美元汇率", other).startswith("美元 ")

    assert town.heard() == [DOWN, "这条消息我没能处理，请稍后再试。"]
    assert "given up" in caplog.text


@pytest.mark.parametrize("write", ["ask", "mention"])
def test_a_message_that_always_breaks_something_is_given_up_with_a_word(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, write: str
) -> None:
    tries = []

    def fail(*args: object) -> None:
        tries.append(args)
        raise ZeroDivisionError

    monkeypatch.setattr(Paying, "pay", fail)
    monkeypatch.setattr(Paying, "open_link", fail)
    said = [getattr(town, write)(PRIVATE if write == "ask" else PUBLIC)]
    for _ in range(20):
        town.later(60)

    assert said == [""]
    assert (town.heard() or town.comments()) == ["这条消息我没能处理，请稍后再试。"]
    assert len(tries) == 4
    assert "given up" in caplog.text and "ZeroDivisionError in fail" in caplog.text


def test_an_answer_ends_in_time_however_many_calls_it_takes(town: Town) -> None:
    ticks = iter(range(0, 1000, 2))
    visit = Visit(town.client, 3.5, monotonic=lambda: float(next(ticks)))

    visit.bank.rates.fx.list().page()
    with pytest.raises(BankDown):
        _ = visit.bank


def test_a_message_that_waited_too_long_is_dropped_and_the_log_says_so(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.bank.answers = False
    town.ask(PRIVATE)
    town.clock[0] += 48 * HOUR + 1
    town.bank.answers = True
    town.work()

    assert "longer than Weibo lets us answer" in caplog.text
    assert ELECTRICITY.encode() not in town.files() or not town.store.forget(town.clock[0])
    assert town.store.counts() == {"inbox DROPPED": 1}


def test_the_directory_is_read_anew_after_a_day_and_kept_when_that_fails(town: Town) -> None:
    counter, now = town.bot._counter, [0.0]
    counter._monotonic = lambda: now[0]
    counter.learn()
    first, asked = counter._known, len(town.bank.asked)

    now[0] += 86_399
    counter.learn()
    assert (counter._known, len(town.bank.asked)) == (first, asked)

    now[0] += 2
    town.bank.answers = False
    with pytest.raises(BankDown):
        town.bot.tidy()
    assert counter._known is first
    town.bank.answers = True
    counter.learn()
    assert counter._known is first, "it was tried a moment ago"
    now[0] += 61
    counter.learn()
    assert counter._known is not first


def test_whoever_asks_while_the_directory_is_read_for_the_first_time_waits_for_it(town: Town) -> None:
    counter = town.bot._counter
    counter._known = None
    with counter._learning:
        assert town.ask("美元汇率") == "" or town.heard()
        assert town.store.counts()["inbox WAITING"] == 1
    town.later(PAUSE_S + 1)
    assert town.heard()[-1].startswith("美元 ")


# Weibo


def test_what_could_not_be_said_is_said_when_weibo_is_back(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.restart(weibo_url=NOWHERE)
    town.weibo.post(VISITOR, PUBLIC)
    for _ in range(4):
        town.later(60)
    assert town.comments() == [] and "Weibo does not answer" in caplog.text

    town.restart()
    town.later(301)

    assert len(town.comments()) == 1


def test_a_comment_whose_answer_was_lost_is_not_made_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    comment = town.bot._weibo.comment

    def lost(*args: Any, **kwargs: Any) -> int:
        comment(*args, **kwargs)
        raise WeiboUnreachable("/2/comments/create.json: ReadTimeout")

    with monkeypatch.context() as now:
        now.setattr(town.bot._weibo, "comment", lost)
        town.mention("@V缴费 美元汇率")
    town.later(301)

    assert len(town.comments()) == 1
    assert town.store.counts()["outbox SAID"] == 1


def test_a_quota_is_waited_for(new_town: Callable[..., Town], caplog: pytest.LogCaptureFixture) -> None:
    town = new_town(rules=replace(limits(), comments_per_hour=2))
    for _ in range(4):
        town.weibo.post(town.weibo.add_user("人"), PUBLIC)
    town.work()
    assert len(town.comments()) == 2
    assert len(town.refusals()) == 1, "no call that is refused anyway"
    assert "quota of comments is used up" in caplog.text
    assert town.ask("帮助"), "messages are another matter"

    for _ in range(15):
        town.later(301)

    assert len(town.comments()) == 4


def test_answers_wait_for_whoever_renews_the_token(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.restart(token="expired")
    for _ in range(3):
        town.weibo.post(VISITOR, PUBLIC)
    town.work()
    town.later(60)
    assert town.comments() == [] and len(town.refusals()) == 1
    assert "authorise the account anew" in caplog.text and "expired" not in caplog.text

    town.restart()
    town.later(301)

    assert len(town.comments()) == 3


def test_a_window_that_has_closed_sheds_what_waits_and_the_log_says_so(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.restart(weibo_url=NOWHERE)
    town.weibo.post(VISITOR, PUBLIC)
    town.work()
    town.restart()
    town.later(48 * HOUR)

    assert town.comments() == []
    assert "a comment (answer) was not said within Weibo's window: shed" in caplog.text
    assert town.store.counts()["outbox SHED"] == 1


def test_a_refusal_is_logged_with_its_code_and_without_its_words(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    town.weibo.post(VISITOR, PUBLIC)
    town.weibo._posts.clear()
    town.work()

    assert re.search(r"a comment \(answer\) was not said: refused \(/2/comments/create\S*, code 20101\)", caplog.text)
    assert "does not exist" not in caplog.text
    assert town.store.counts()["outbox REFUSED"] == 1


def test_mentions_that_cannot_be_read_are_read_later(
    new_town: Callable[..., Town], caplog: pytest.LogCaptureFixture
) -> None:
    town = new_town(mentions_pushed=False)
    town.weibo.post(VISITOR, PUBLIC)
    town.restart(weibo_url=NOWHERE)
    assert not town.bot.look_for_mentions()
    assert "mentions could not be read" in caplog.text

    town.restart()
    assert town.bot.look_for_mentions()


def test_a_locked_file_loses_nothing(town: Town) -> None:
    """Another process holds the file while Weibo pushes for the first time."""
    import sqlite3

    with town.store._lock:
        town.store._connection.execute("PRAGMA busy_timeout=1")
    other = sqlite3.connect(town.settings.database, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    pushed = threading.Thread(target=town.weibo.message, args=(VISITOR, "帮助"))
    pushed.start()
    pushed.join()
    assert town.heard() == []

    other.execute("ROLLBACK")
    other.close()
    assert town.ask("帮助").startswith("我能帮您：")
