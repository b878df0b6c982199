"""What comes from Weibo is believed only when it is Weibo's; what goes out fails in ways that a bot can tell apart."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from v_jiaofei.weibo import (
    LARGEST_PUSH,
    PUSH_WINDOW_S,
    BadSignature,
    MalformedPush,
    OversizedPush,
    PushError,
    RateLimited,
    RecentNonces,
    ReplayedPush,
    StalePush,
    TokenRefused,
    WeiboClient,
    WeiboRefused,
    WeiboUnreachable,
    limits,
    passive_reply,
    signature,
    verify_echo,
    verify_push,
)

SECRET = "xyz123xyz"
NOW = 1_397_022_061.823
EVENT: dict[str, Any] = {
    "type": "text",
    "receiver_id": 1902538057,
    "sender_id": 2489518277,
    "created_at": "Mon Jul 16 18:09:20 +0800 2012",
    "text": "上海电费 3100000011",
    "data": {},
}


def signed(nonce: str = "57155157", at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(round(at * 1000))
    return {"signature": signature(secret, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}


def body(**changes: Any) -> bytes:
    return json.dumps(EVENT | changes, ensure_ascii=False).encode()


def test_the_signature_is_that_of_weibos_own_example() -> None:
    assert signature("xyz123xyz", "1397022061823", "57155157") == "90e4c22c90a58f26526c2dd5b6c56c8822edeaa1"


def test_a_true_push_is_read_and_shows_nothing_of_its_text() -> None:
    push = verify_push(SECRET, signed(), body(), nonces=RecentNonces(), now=NOW)

    assert (push.type, push.sender_id, push.receiver_id) == ("text", 2489518277, 1902538057)
    assert push.text == "上海电费 3100000011"
    assert push.created_at.isoformat() == "2012-07-16T18:09:20+08:00"
    assert "3100000011" not in repr(push) + push.key


def test_the_key_is_the_same_for_each_delivery_and_for_no_other_message() -> None:
    nonces = RecentNonces()

    def key(nonce: str, **changes: Any) -> str:
        return verify_push(SECRET, signed(nonce), body(**changes), nonces=nonces, now=NOW).key

    assert key("1") == key("2")
    others = [
        key("3", text="北京电费"),
        key("4", created_at="Mon Jul 16 18:09:21 +0800 2012"),
        key("5", sender_id=1),
        key("6", type="mention", data={"key": "1"}),
    ]
    assert len({key("7"), *others}) == 5


@pytest.mark.parametrize(
    "query",
    [
        {},
        signed(secret="another"),
        signed() | {"nonce": "57155158"},
        signed() | {"timestamp": "1397022061824"},
        signed() | {"signature": ""},
        signed() | {"signature": "签名"},
        signed() | {"timestamp": "１３９７０２２０６１８２３"},
        signed() | {"timestamp": "9" * 400},
    ],
)
def test_a_forged_push_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        verify_push(SECRET, query, body(), nonces=RecentNonces(), now=NOW)
    with pytest.raises(BadSignature):
        verify_echo(SECRET, query, now=NOW)


@pytest.mark.parametrize("away", [PUSH_WINDOW_S + 1, -PUSH_WINDOW_S - 1])
def test_a_push_of_another_time_is_refused(away: float) -> None:
    with pytest.raises(StalePush):
        verify_push(SECRET, signed(), body(), nonces=RecentNonces(), now=NOW + away)


def test_a_signature_is_good_for_one_body_and_its_redelivery() -> None:
    """The signature does not cover the body: who has seen one must not be able to send another message with it."""
    nonces = RecentNonces()
    verify_push(SECRET, signed(), body(), nonces=nonces, now=NOW)

    verify_push(SECRET, signed(), body(), nonces=nonces, now=NOW + 5)
    with pytest.raises(ReplayedPush):
        verify_push(SECRET, signed(), body(text="转账"), nonces=nonces, now=NOW + 5)


def test_nonces_are_forgotten_once_their_signatures_are_no_good() -> None:
    nonces = RecentNonces(window_s=600)

    assert nonces.claim("1", "one", 0)
    assert not nonces.claim("1", "another", 600)
    assert nonces.claim("2", "one", 601)
    assert nonces.claim("1", "another", 601)


def test_the_echo_is_given_back_to_weibo_alone() -> None:
    assert verify_echo(SECRET, signed() | {"echostr": "dnPdpTZz85"}, now=NOW) == "dnPdpTZz85"


def test_an_oversized_push_is_refused_before_it_is_read() -> None:
    with pytest.raises(OversizedPush):
        verify_push(SECRET, {}, b" " * (LARGEST_PUSH + 1), nonces=RecentNonces(), now=NOW)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"[" * 60_000,
        b'{"data":' * 8_000,
        body(type=None),
        body(text=5),
        body(data=[1]),
        body(sender_id="../2489518277"),
        body(sender_id=True),
        body(receiver_id=10**30),
        body(created_at="yesterday"),
        body(created_at=None),
    ],
)
def test_what_is_signed_but_no_push_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedPush):
        verify_push(SECRET, signed(), content, nonces=RecentNonces(), now=NOW)


@given(st.dictionaries(st.sampled_from(["signature", "timestamp", "nonce", "echostr"]), st.text()), st.binary())
def test_whatever_comes_is_refused_with_a_push_error(query: dict[str, str], content: bytes) -> None:
    for given_query in (query, signed()):
        with pytest.raises(PushError):
            verify_push(SECRET, given_query, content, nonces=RecentNonces(), now=NOW)


def test_a_passive_reply_goes_back_to_the_sender() -> None:
    push = verify_push(SECRET, signed(), body(), nonces=RecentNonces(), now=NOW)
    answer = passive_reply(push, "您好")

    assert (answer["result"], answer["sender_id"], answer["receiver_id"]) == (True, 1902538057, 2489518277)
    assert answer["data"].startswith("%7B%22text%22")


def test_the_limits_carry_their_date_and_sources() -> None:
    assert (limits().message_characters, limits().comment_characters, limits().push_tries) == (300, 140, 3)


# Calls


@pytest.fixture
def client(httpserver: HTTPServer) -> Any:
    with WeiboClient(httpserver.url_for(""), "token-of-the-tests", timeout=2) as opened:
        yield opened


def test_the_token_travels_in_no_url(client: WeiboClient, httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def answer(request: Request) -> Response:
        seen.append(request)
        request.get_data()
        return Response(json.dumps({"id": 1, "statuses": [], "result": True}), content_type="application/json")

    for path in ("/2/statuses/mentions.json", "/2/comments/create.json", "/2/messages/reply.json"):
        httpserver.expect_request(path).respond_with_handler(answer)
    client.mentions(5)
    client.comment(6, "好")
    client.reply(7, "好")

    assert len(seen) == 3
    assert not [request.url for request in seen if "token-of-the-tests" in request.url]
    assert "token-of-the-tests" not in repr(client)


@pytest.mark.parametrize(
    ("code", "kind"), [(21332, TokenRefused), ("10023", RateLimited), (20016, RateLimited), (99999, WeiboRefused)]
)
def test_a_refusal_tells_what_it_is_about(
    client: WeiboClient, httpserver: HTTPServer, code: object, kind: type[WeiboRefused]
) -> None:
    refusal = {"error": "no", "error_code": code, "request": "/2/messages/reply"}
    httpserver.expect_request("/2/messages/reply.json").respond_with_json(refusal, status=400)

    with pytest.raises(kind) as caught:
        client.reply(1, "上海电费 3100000011")

    assert caught.value.code == int(str(code))
    assert "3100000011" not in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("<html>", 200),
        ("", 502),
        ("[]", 200),
        ("{}", 500),
        ('{"id": {}}', 200),
        ('{"id": "../1"}', 200),
        ("[" * 100_000, 200),
        ("{}", 302),
    ],
)
def test_an_answer_that_weibo_would_not_give_is_no_answer(
    client: WeiboClient, httpserver: HTTPServer, content: str, status: int
) -> None:
    httpserver.expect_request("/2/comments/create.json").respond_with_data(content, status=status)

    with pytest.raises(WeiboUnreachable):
        client.comment(1, "好")


@pytest.mark.parametrize("rows", [None, [{}], [5], {}, [{"id": 1, "user": {}, "created_at": "", "text": ""}]])
def test_mentions_that_cannot_be_read_are_no_answer(client: WeiboClient, httpserver: HTTPServer, rows: object) -> None:
    httpserver.expect_request("/2/statuses/mentions.json").respond_with_json({"statuses": rows})

    if rows == {}:
        assert client.mentions() == []
        return
    with pytest.raises(WeiboUnreachable):
        client.mentions()


def test_nobody_there_is_unreachable_and_names_no_token() -> None:
    with (
        WeiboClient("http://127.0.0.1:9", "token-of-the-tests", timeout=1) as client,
        pytest.raises(WeiboUnreachable) as caught,
    ):
        client.reply(1, "好")
    assert "token-of-the-tests" not in str(caught.value)
