"""What is pushed: who is believed, and that each message is answered once, whatever happens meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from tests.examples.v_jiaofei.town import ELECTRICITY, SECRET, Crash, Town

from v_jiaofei.bot import GRACE_S, Bot
from v_jiaofei.paying import Paying
from v_jiaofei.stand_in import VISITOR
from v_jiaofei.store import LEASE_S, Store
from v_jiaofei.weibo import LARGEST_PUSH, WeiboClient, signature

PRIVATE, PUBLIC = f"上海 电费 户号{ELECTRICITY}", "@V缴费 交上海电费"


def post(town: Town, body: Any, *, nonce: str = "12345678", at: float | None = None, **query: str) -> httpx2.Response:
    """Push as anybody may who knows the address; signed, unless the query says otherwise."""
    timestamp = str(int((town.clock[0] if at is None else at) * 1000))
    signed = {"signature": signature(SECRET, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx2.post(town.weibo._push_url, params=signed | query, content=content)


def event(town: Town, text: str = "帮助") -> dict[str, Any]:
    return town.weibo._event("text", VISITOR, text, town.clock[0], {})


def nothing_is_kept(town: Town) -> bool:
    with town.store._lock:
        tables = ("inbox", "outbox", "questions", "links", "nonces")
        return not any(town.store._connection.execute(f"SELECT 1 FROM {table}").fetchone() for table in tables)


# Who is believed


def test_weibo_is_sent_its_echo(town: Town) -> None:
    assert town.weibo.connect()


def test_nobody_else_is_sent_an_echo(town: Town) -> None:
    answer = httpx2.get(town.weibo._push_url, params={"echostr": "<script>", "signature": "0" * 40, "nonce": "1"})

    assert answer.status_code == 403 and "<script>" not in answer.text


@pytest.mark.parametrize(
    ("body", "how", "status"),
    [
        (None, {"signature": "0" * 40}, 403),
        (None, {"signature": ""}, 403),
        (None, {"timestamp": "1"}, 403),
        (None, {"at": -301.0}, 403),
        (None, {"at": 301.0}, 403),
        (b"not JSON", {}, 403),
        (b"[]", {}, 403),
        (b"\xff", {}, 403),
        (b"{}", {}, 403),
        (b"[" * 60_000, {}, 403),
        (b" " * (LARGEST_PUSH + 1), {}, 413),
    ],
)
def test_a_push_that_is_forged_stale_oversized_or_no_push_is_refused_and_nothing_is_kept(
    town: Town, body: bytes | None, how: dict[str, Any], status: int
) -> None:
    given = dict(how)
    at = town.clock[0] + given.pop("at", 0.0)

    answer = post(town, event(town) if body is None else body, at=at, **given)

    assert answer.status_code == status
    assert nothing_is_kept(town) and town.heard() == []


def test_an_oversized_push_without_a_length_is_refused(town: Town) -> None:
    answer = httpx2.post(town.weibo._push_url, content=iter([b" " * 40_000, b" " * 40_000]))

    assert answer.status_code in {403, 413} and nothing_is_kept(town)


def test_a_signature_is_good_for_one_body_only(town: Town) -> None:
    assert post(town, event(town)).status_code == 200
    town.settle()
    kept = town.store.counts()

    assert post(town, event(town, "交费")).status_code == 403
    assert town.store.counts() == kept


def test_a_signature_stays_used_after_a_restart(town: Town) -> None:
    assert post(town, event(town)).status_code == 200
    town.restart()

    assert post(town, event(town, "交费"), at=town.clock[0] - LEASE_S - 1).status_code == 403


def test_what_is_kept_of_a_used_signature_does_not_tell_the_body(town: Town) -> None:
    """An account number has few digits: of a plain digest it could be found by trying."""
    import hashlib

    body = json.dumps(event(town, PRIVATE)).encode()
    post(town, body)

    assert hashlib.sha256(body).hexdigest().encode() not in town.files()


# Once


@pytest.mark.parametrize("text", [PRIVATE, PUBLIC])
def test_what_is_delivered_again_is_answered_once(town: Town, text: str) -> None:
    write = town.weibo.post if text is PUBLIC else town.weibo.message
    write(VISITOR, text, copies=4)
    town.work()
    town.later(GRACE_S + 1)

    assert len(town.weibo.said_by_bot()) == 1
    assert len(town.client.payments.list().to_list(at_most=9)) == 1


@pytest.mark.parametrize("text", [PRIVATE, PUBLIC])
def test_what_is_delivered_on_eight_threads_at_once_is_answered_once(town: Town, text: str) -> None:
    kind, data = ("mention", {"subtype": "status", "key": "77"}) if text is PUBLIC else ("text", {})
    if text is PUBLIC:
        town.weibo.post(VISITOR, "今天")
        data["key"] = str(town.weibo.timeline[-1].id)
    town.weibo._windows[VISITOR.id].last_message_at = town.clock[0]
    push = town.weibo._event(kind, VISITOR, text, town.clock[0], data)
    barrier = threading.Barrier(8)

    def deliver(_: int) -> bool:
        barrier.wait()
        return town.weibo.redeliver(push).accepted

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(deliver, range(8)))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: town.work(), range(4)))

    assert len(town.weibo.said_by_bot()) == 1


@pytest.mark.parametrize("text", [PRIVATE, PUBLIC])
def test_what_is_delivered_after_a_restart_is_not_answered_again(town: Town, text: str) -> None:
    write = town.weibo.post if text is PUBLIC else town.weibo.message
    write(VISITOR, text)
    town.work()
    [asked] = [entry for entry in town.entries() if entry.text == text]
    kind, data = ("mention", {"subtype": "status", "key": str(asked.ref)}) if text is PUBLIC else ("text", {})
    push = town.weibo._event(kind, VISITOR, text, asked.at, data)

    town.restart()
    assert town.weibo.redeliver(push).accepted
    town.work()

    assert len(town.weibo.said_by_bot()) == 1


def dying(after: bool, then: Callable[..., Any]) -> Callable[..., Any]:
    """A step in or after which the process dies, once."""
    alive = [True]

    def step(*args: Any, **kwargs: Any) -> Any:
        if not alive:
            return then(*args, **kwargs)
        alive.clear()
        if after:
            then(*args, **kwargs)
        raise Crash

    return step


STEPS: list[tuple[type, str]] = [
    (Store, "claim"),
    (Store, "receive"),
    (Store, "answered"),
    (Paying, "_create"),
]
WORKERS_STEPS: list[tuple[type, str]] = [
    (Store, "take_message"),
    (Paying, "_create"),
    (Store, "answered"),
    (Store, "take_outgoing"),
    (WeiboClient, "comment"),
    (Store, "said"),
]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("owner", "name"), STEPS)
def test_a_private_message_is_answered_once_when_the_process_dies_in_a_push(
    town: Town, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, after: bool
) -> None:
    monkeypatch.setattr(owner, name, dying(after, getattr(owner, name)))

    town.weibo.message(VISITOR, PRIVATE)  # tried again by Weibo, as nobody has answered
    town.restart()
    town.work()
    town.later(GRACE_S + 1)

    [said] = town.heard()
    assert "/pay/" in said
    assert len(town.client.payments.list().to_list(at_most=9)) == 1
    assert town.refusals() == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("owner", "name"), WORKERS_STEPS)
def test_a_mention_is_answered_once_when_the_process_dies_in_a_worker(
    town: Town, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, after: bool
) -> None:
    town.weibo.post(VISITOR, PUBLIC)
    monkeypatch.setattr(owner, name, dying(after, getattr(owner, name)))

    with pytest.raises(Crash):
        town.work()
    town.restart()
    town.work()

    [said] = town.comments()
    assert "/pay/" in said
    assert len(town.client.payments.list().to_list(at_most=9)) == 1
    assert town.store.counts() == {"inbox DONE": 1, "outbox SAID": 1}


def test_an_answer_that_may_not_have_left_is_said_again_in_the_same_words(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process has died between the two: saying nothing would leave somebody without an answer."""
    monkeypatch.setattr(Bot, "was_said", dying(False, Bot.was_said))
    town.weibo.message(VISITOR, PRIVATE)
    town.restart()
    town.work()

    first, second = town.heard()
    assert first == second


def test_an_answer_that_left_too_late_for_weibo_is_said_by_api(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    keep = Bot.was_said
    monkeypatch.setattr(Bot, "was_said", lambda bot, push, *, after_s: keep(bot, push, after_s=after_s + 5))
    town.weibo.message(VISITOR, "帮助")
    assert len(town.heard()) == 1  # this Weibo has waited

    town.later(GRACE_S + 1)

    assert [entry.passive for entry in town.entries() if entry.text == town.heard()[0]] == [True, False]


def test_a_crash_between_two_payments_makes_no_second_one_of_what_was_read_otherwise(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The retry knows another city, as after the bank's directory has changed."""
    monkeypatch.setattr(Store, "answered", dying(False, Store.answered))
    town.weibo.post(VISITOR, PUBLIC)
    with pytest.raises(Crash):
        town.work()
    town.restart()
    with town.store._act() as sql:
        sql.execute("UPDATE inbox SET text = '@V缴费 交北京电费'")
    town.work()

    [said] = town.comments()
    link = town.client.payments.list().first()
    assert link is not None and link.payment_link.url in said and link.adcode == "310000"


# Nothing of what people wrote


@pytest.mark.parametrize("text", [PRIVATE, "最近的网点 张江高科", "电费"])
def test_what_was_written_is_forgotten_when_it_is_answered(town: Town, text: str) -> None:
    town.ask(text)
    town.clock[0] += 601
    town.store.forget(town.clock[0])

    on_disk = town.files()
    for word in (ELECTRICITY, "张江高科", str(VISITOR.id), text):
        told_of = word == str(VISITOR.id) and text == PRIVATE  # a link is followed for two days
        assert (word.encode() in on_disk) == told_of


def test_after_two_days_nobody_is_known(town: Town) -> None:
    town.ask(PRIVATE)
    town.clock[0] += 48 * 3600 + 1
    town.store.forget(town.clock[0])

    assert str(VISITOR.id).encode() not in town.files()


def test_the_log_has_nothing_of_what_people_write(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    def fail(self: object, *args: object, **kwargs: object) -> None:
        raise KeyError(PRIVATE, VISITOR.id)

    town.ask(PRIVATE)
    monkeypatch.setattr(Paying, "pay", fail)
    town.ask("上海 水费 3100000029")
    monkeypatch.setattr(Store, "receive", fail)
    assert not town.weibo.message(VISITOR, "上海 燃气费 3100000037").accepted
    for _ in range(8):
        town.later(301)

    assert "KeyError in fail" in caplog.text
    for personal in (ELECTRICITY, "3100000029", "3100000037", str(VISITOR.id), "上海", "小明"):
        assert personal not in caplog.text


def test_health_tells_counts_only(town: Town) -> None:
    town.ask("帮助")

    shown = town.app.test_client().get("/healthz").json

    assert shown == {"bank": "up", "inbox DONE": 1, "outbox SAID": 1}
