"""The stand-in behaves as Weibo does towards a bot: the bot here says what each test lets it say."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server

from v_jiaofei.serving import serving
from v_jiaofei.stand_in import BOT, DAY, HOUR, VISITOR, WeiboStandIn, What, create_app, linked
from v_jiaofei.weibo import (
    Push,
    PushError,
    RateLimited,
    RecentNonces,
    ReplyNotAllowed,
    TextTooLong,
    TokenRefused,
    WeiboClient,
    WeiboRefused,
    limits,
    passive_reply,
    verify_echo,
    verify_push,
)

SECRET, TOKEN = "secret-of-the-tests", "token-of-the-tests"
START = 1_790_000_000.0

Answer = Callable[[Push], Any]


@dataclass
class Bot:
    """A bot that answers as it is told."""

    now: Callable[[], float]
    answer: Answer = lambda push: ""
    pushes: list[Push] = field(default_factory=list)
    nonces: RecentNonces = field(default_factory=RecentNonces)

    def app(self) -> Flask:
        app = Flask("bot")

        @app.get("/weibo")
        def echo() -> str:
            return verify_echo(SECRET, request.args, now=self.now())

        @app.post("/weibo")
        def push() -> Any:
            try:
                came = verify_push(SECRET, request.args, request.get_data(), nonces=self.nonces, now=self.now())
            except PushError as error:
                return Response(str(error), 403)
            self.pushes.append(came)
            said = self.answer(came)
            return jsonify(said) if isinstance(said, dict) else said

        return app


@dataclass
class World:
    """Weibo, the bot, and the bot's way to call."""

    weibo: WeiboStandIn
    bot: Bot
    client: WeiboClient
    url: str
    clock: list[float]

    def refusals(self) -> list[str]:
        return [entry.text for entry in self.weibo.transcript if entry.what is What.REFUSAL]


@contextmanager
def served(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def a_world(**options: Any) -> Iterator[World]:
    clock = [START]
    bot = Bot(lambda: clock[0])
    with ExitStack() as stack:
        bot_url = stack.enter_context(served(bot.app()))
        weibo = WeiboStandIn(f"{bot_url}/weibo", SECRET, TOKEN, now=lambda: clock[0], seed=1, **options)
        stack.callback(weibo.close)
        url = stack.enter_context(serving(create_app(weibo)))
        client = stack.enter_context(WeiboClient(url, TOKEN))
        yield World(weibo, bot, client, url, clock)


@pytest.fixture
def world() -> Iterator[World]:
    with a_world() as made:
        yield made


# Pushes


def test_the_push_address_is_checked_by_an_echo(world: World) -> None:
    assert world.weibo.connect()


def test_a_private_message_is_pushed_with_a_true_signature_and_answered_in_the_push(world: World) -> None:
    world.bot.answer = lambda push: passive_reply(push, "您好，请问哪个城市？")

    delivery = world.weibo.message(VISITOR, "电费")

    assert delivery.accepted
    assert [(push.type, push.sender_id, push.text) for push in world.bot.pushes] == [("text", VISITOR.id, "电费")]
    assert [entry.text for entry in world.weibo.chat(VISITOR)] == ["电费", "您好，请问哪个城市？"]


def test_a_mention_is_pushed_with_the_id_to_answer_under(world: World) -> None:
    world.bot.answer = lambda push: world.client.comment(int(push.data["key"]), "请点链接") and ""

    world.weibo.post(VISITOR, "@V缴费 交上海电费")
    world.weibo.post(VISITOR, "今天天气真好")

    assert [push.type for push in world.bot.pushes] == ["mention"]
    assert [comment.text for comment in world.weibo.timeline[0].comments] == ["请点链接"]


def test_what_is_not_answered_with_200_is_pushed_three_times(world: World) -> None:
    world.bot.answer = lambda push: Response("", 500)

    delivery = world.weibo.message(VISITOR, "电费")

    assert delivery.statuses == (500, 500, 500)
    assert len({push.key for push in world.bot.pushes}) == 1


def test_what_is_not_answered_in_time_is_pushed_again() -> None:
    waiting = threading.Event()
    with a_world(rules=replace(limits(), push_timeout_seconds=0.2)) as world:

        def late_at_first(push: Push) -> str:
            if len(world.bot.pushes) == 1:
                waiting.wait(10)
            return ""

        world.bot.answer = late_at_first
        delivery = world.weibo.message(VISITOR, "电费")
        waiting.set()

        assert delivery.statuses == (None, 200)


def test_a_bot_that_is_down_is_tried_and_given_up() -> None:
    weibo = WeiboStandIn("http://127.0.0.1:9/weibo", SECRET, TOKEN, now=lambda: START)

    assert weibo.message(VISITOR, "电费").statuses == (None, None, None)
    assert not weibo.connect()
    weibo.close()


def test_duplicates_are_the_same_message_with_signatures_of_their_own(world: World) -> None:
    world.weibo.message(VISITOR, "电费", copies=3)

    assert len(world.bot.pushes) == 3
    assert len({push.key for push in world.bot.pushes}) == 1


def test_mentions_of_an_account_that_is_not_approved_are_found_by_polling() -> None:
    with a_world(mentions_pushed=False) as world:
        first = world.weibo.post(VISITOR, "@V缴费 交上海电费")
        world.weibo.post(VISITOR, "别的")
        world.weibo.comment(VISITOR, world.weibo.timeline[1].id, "@V缴费 也交北京水费")

        assert first.statuses == () and world.bot.pushes == []
        (post,) = world.client.mentions()
        (comment,) = world.client.comment_mentions()
        assert (post.text, post.is_comment) == ("@V缴费 交上海电费", False)
        assert (comment.is_comment, comment.status_id) == (True, world.weibo.timeline[1].id)
        assert world.client.mentions(post.id) == []
        world.client.comment(comment.status_id, "请点链接", comment_id=comment.id)
        assert world.weibo.timeline[1].comments[-1].user == BOT


# What is refused


def test_a_wrong_token_is_refused(world: World) -> None:
    with WeiboClient(world.url, "another") as stranger, pytest.raises(TokenRefused):
        stranger.reply(VISITOR.id, "您好")


def test_nobody_who_has_not_written_is_written_to(world: World) -> None:
    with pytest.raises(ReplyNotAllowed):
        world.client.reply(VISITOR.id, "您好")


def test_private_replies_are_free_for_48_hours_after_a_message(world: World) -> None:
    world.weibo.message(VISITOR, "电费")
    for number in range(3):
        world.client.reply(VISITOR.id, f"第{number}条")
    world.clock[0] += 48 * HOUR + 1

    with pytest.raises(ReplyNotAllowed):
        world.client.reply(VISITOR.id, "您好")


def test_a_mention_allows_one_private_reply(world: World) -> None:
    world.weibo.post(VISITOR, "@V缴费 交上海电费")
    world.client.reply(VISITOR.id, "您好")

    with pytest.raises(ReplyNotAllowed):
        world.client.reply(VISITOR.id, "还有")


def test_a_mention_that_comes_twice_is_answered_once_even_by_a_forgetful_bot(world: World) -> None:
    world.bot.answer = lambda push: passive_reply(push, "您好")

    world.weibo.post(VISITOR, "@V缴费 交上海电费", copies=2)

    assert [entry.text for entry in world.weibo.chat(VISITOR)] == ["您好"]
    assert world.refusals() == ["10014 Insufficient app permissions!"]


def test_a_mention_gets_one_public_comment(world: World) -> None:
    world.weibo.post(VISITOR, "@V缴费 交上海电费")
    post = world.weibo.timeline[0]
    world.client.comment(post.id, "请点链接")

    with pytest.raises(ReplyNotAllowed):
        world.client.comment(post.id, "再说一次")


def test_texts_that_are_too_long_are_refused(world: World) -> None:
    world.weibo.post(VISITOR, "@V缴费 交上海电费")
    world.weibo.message(VISITOR, "电费")

    world.client.reply(VISITOR.id, "好" * 300)
    with pytest.raises(TextTooLong):
        world.client.reply(VISITOR.id, "好" * 301)
    with pytest.raises(TextTooLong):
        world.client.comment(world.weibo.timeline[0].id, "好" * 141)
    world.client.comment(world.weibo.timeline[0].id, "好" * 140)


def test_a_passive_reply_that_weibo_would_not_take_is_refused(world: World) -> None:
    wrong: list[Answer] = [
        lambda push: passive_reply(push, "好" * 301),
        lambda push: passive_reply(push, "好") | {"receiver_id": 1},
        lambda push: passive_reply(push, "好") | {"data": '{"text": "好"}'},
        lambda push: "success",
    ]
    for answer in wrong:
        world.bot.answer = answer
        world.weibo.message(VISITOR, "电费")

    assert len(world.refusals()) == 4
    assert world.weibo.said_by_bot() == []


def test_the_hours_comments_and_the_days_calls_run_out_and_come_back() -> None:
    with a_world(rules=replace(limits(), comments_per_hour=2, calls_per_day=6)) as world:
        for _ in range(4):
            world.weibo.post(VISITOR, "@V缴费 交上海电费")
        posts = [post.id for post in world.weibo.timeline]
        world.client.comment(posts[0], "一")
        world.client.comment(posts[1], "二")
        with pytest.raises(RateLimited):
            world.client.comment(posts[2], "三")
        world.clock[0] += HOUR
        world.client.comment(posts[2], "三")
        world.client.mentions()
        world.client.mentions()
        with pytest.raises(RateLimited):
            world.client.mentions()
        world.clock[0] += DAY
        assert len(world.client.mentions()) == 4


def test_other_mistakes_are_refused_in_weibos_own_shape(world: World) -> None:
    for call, code in [
        (lambda: world.client.comment(1, "好"), 20101),
        (lambda: world.client.reply(5, "好"), 20003),
        (lambda: world.client._call("POST", "/2/comments/create.json", id=1), 10016),
        (lambda: world.client._call("POST", "/2/comments/create.json", id="x", comment="好"), 10017),
        (
            lambda: world.client._call(
                "POST", "/2/messages/reply.json", receiver_id=VISITOR.id, type="articles", data="{}"
            ),
            10017,
        ),
        (
            lambda: world.client._call("POST", "/2/messages/reply.json", receiver_id=VISITOR.id, type="text", data="x"),
            10017,
        ),
    ]:
        with pytest.raises(WeiboRefused) as caught:
            call()
        assert caught.value.code == code

    answer = create_app(world.weibo).test_client().post("/2/messages/reply.json")
    assert answer.status_code == 401
    assert answer.json == {"error": "invalid_access_token", "error_code": 21332, "request": "/2/messages/reply"}


# The page


def test_a_visitor_writes_in_public_and_in_private_and_sees_the_answers(world: World) -> None:
    def answer(push: Push) -> Any:
        if push.type == "mention":
            world.client.comment(int(push.data["key"]), "请打开 http://127.0.0.1:8080/pay/abc <b>")
            return ""
        return passive_reply(push, "请问哪个城市？")

    world.bot.answer = answer
    browser = create_app(world.weibo).test_client()

    assert browser.post("/say/public", data={"text": "@V缴费 交上海电费"}).status_code == 303
    assert browser.post("/say/private", data={"text": "电费 & 水费"}).status_code == 303
    page = browser.get("/")

    assert '<a href="http://127.0.0.1:8080/pay/abc" target="_blank" rel="noreferrer">' in page.text
    assert "请问哪个城市？" in page.text
    assert "电费 &amp; 水费" in page.text and "<b>" not in linked("<b>")
    assert "&lt;b&gt;" in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "请问哪个城市？" in browser.get("/feed").text
    assert [entry["what"] for entry in browser.get("/transcript.json").json if entry["what"] != "push"] == [
        "post",
        "comment",
        "message",
        "message",
    ]


def test_a_form_of_another_site_says_nothing(world: World) -> None:
    browser = create_app(world.weibo).test_client()

    browser.post("/say/private", data={"text": "电费"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert world.weibo.transcript == []


def test_several_people_have_chats_of_their_own(world: World) -> None:
    other = world.weibo.add_user("小红")
    world.bot.answer = lambda push: passive_reply(push, f"您好 {push.text}")

    world.weibo.message(VISITOR, "一")
    world.weibo.message(other, "二")

    assert [entry.text for entry in world.weibo.chat(other)] == ["二", "您好 二"]
    assert [entry.text for entry in world.weibo.chat(VISITOR)] == ["一", "您好 一"]
