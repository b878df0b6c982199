"""How the account hears of the bank's events: an endpoint of its own, each event once, in any order, none missed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.examples.v_jiaofei.test_afterwards import PRIVATE, pay_privately
from tests.examples.v_jiaofei.town import ELECTRICITY, Town

from openteller import webhooks
from openteller.models import WebhookDelivery, WebhookEndpoint
from v_jiaofei.bot import Bot
from v_jiaofei.counter import HEARD_OF
from v_jiaofei.records import Happening, Hook, Link
from v_jiaofei.stand_in import VISITOR
from v_jiaofei.store import LEASE_S, REMEMBERED_S, Store

NOW = 1_790_000_000.0


def endpoints(town: Town) -> list[WebhookEndpoint]:
    return list(town.client.webhook_endpoints.list())


def deliveries(town: Town, kind: str = "") -> list[WebhookDelivery]:
    """Give what the bank has sent, or tried to, oldest first."""
    found = [one for one in town.client.webhook_deliveries.list(limit=100) if one.event_type.startswith(kind)]
    return found[::-1]


def secret(town: Town) -> str:
    hook = town.store.hook()
    assert hook is not None
    return hook.secrets[0]


def body(kind: str, payment_id: str, version: int, event_id: str = "evt_0123456789") -> bytes:
    data = {"payment_id": payment_id, "partner_reference": "r", "status": kind, "version": version}
    event = {"event_id": event_id, "type": f"payment.{kind}", "timestamp": "2026-09-29T10:30:00+08:00", "data": data}
    return json.dumps(event).encode()


def post(town: Town, sent: bytes, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Send something to the account as the bank would, signed unless told."""
    at = town.bank.sandbox.clock.wall() / 1000
    headers = webhooks.sign(sent, secret(town), timestamp=at) if headers is None else headers
    answer = town.app.test_client().post("/bank", data=sent, headers=headers)
    return answer.status_code, answer.json if answer.data else None


# --- the endpoint


def test_an_endpoint_is_made_at_the_first_start_and_kept_at_the_next_ones(town: Town) -> None:
    [made] = endpoints(town)
    assert set(made.event_types) == HEARD_OF
    assert made.url == town.settings.webhook_url
    first = town.store.hook()
    for _ in range(2):
        town.restart()

    assert endpoints(town) == [made]
    assert town.store.hook() == first
    assert not town.bank.asked.count(f"/v1/webhook-endpoints/{made.webhook_endpoint_id}:rotate-secret")


def test_a_crash_before_the_secret_was_kept_leaves_no_second_endpoint(town: Town) -> None:
    [made] = endpoints(town)
    town.store.forget_hook(made.webhook_endpoint_id)
    town.restart()

    assert [one.webhook_endpoint_id for one in endpoints(town)] == [made.webhook_endpoint_id]
    pay_privately(town)
    assert len(town.heard()) == 2, "what the new secret signs is believed"


def test_two_processes_on_one_file_make_one_endpoint(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.lose_endpoint()
    keep = Store.keep_hook

    def another_was_faster(self: Store, endpoint_id: str, given: str) -> bool:
        monkeypatch.setattr(Store, "keep_hook", keep)
        town.sweep()
        return keep(self, endpoint_id, given)

    monkeypatch.setattr(Store, "keep_hook", another_was_faster)
    town.sweep()

    [left] = endpoints(town)
    hook = town.store.hook()
    assert hook is not None and hook.endpoint_id == left.webhook_endpoint_id
    pay_privately(town)
    assert len(town.heard()) == 2


def test_an_account_that_has_moved_takes_its_endpoint_along(town: Town) -> None:
    [made] = endpoints(town)
    town.client.webhook_endpoints.update(
        made.webhook_endpoint_id, url="https://old.example/bank", event_types=["payment.*"]
    )
    town.restart()

    [moved] = endpoints(town)
    assert (moved.webhook_endpoint_id, moved.url) == (made.webhook_endpoint_id, town.settings.webhook_url)
    assert set(moved.event_types) == HEARD_OF


def test_an_endpoint_that_was_disabled_is_enabled_and_what_happened_meanwhile_is_read(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    [made] = endpoints(town)
    town.client.webhook_endpoints.update(made.webhook_endpoint_id, enabled=False)
    pay_privately(town)
    assert len(town.heard()) == 1

    town.sweep()
    town.work()

    assert endpoints(town)[0].enabled
    assert len(town.heard()) == 2
    assert "the bank had stopped sending events (PARTNER)" in caplog.text


def test_an_endpoint_that_was_removed_is_made_anew(town: Town) -> None:
    [made] = endpoints(town)
    town.client.webhook_endpoints.delete(made.webhook_endpoint_id)
    town.sweep()

    [anew] = endpoints(town)
    assert anew.webhook_endpoint_id != made.webhook_endpoint_id
    pay_privately(town)
    assert len(town.heard()) == 2


def test_where_the_bank_does_not_send_the_log_says_so_once_and_events_are_read(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.lose_endpoint()
    town.bot.endpoint._url = "http://10.0.0.1/bank"
    for _ in range(3):
        town.sweep()

    assert caplog.text.count("the bank sends no events to http://10.0.0.1/bank (WEBHOOK_URL_REFUSED)") == 1
    assert not town.bot.endpoint.stands and town.bot.health()["bank"] == "up"
    pay_privately(town)
    town.sweep()
    town.work()
    assert len(town.heard()) == 2


def test_a_bank_that_is_down_says_nothing_of_the_endpoint(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    town.bank.answers = False
    town.bot.see_to_events()
    assert town.bot.endpoint.stands
    assert "sends no events" not in caplog.text


# --- what comes


def test_an_event_is_kept_and_answered_without_a_call_to_the_bank(town: Town) -> None:
    said = town.ask(PRIVATE)
    town.payer(said).pay(ELECTRICITY[-4:])
    town.bank.asked.clear()
    town.deliver()

    assert town.bank.asked == []
    assert [one.status for one in deliveries(town, "payment.succeeded")] == ["DELIVERED"]
    town.work()
    assert len(town.heard()) == 2


@pytest.mark.parametrize("kind", ["another secret", "written anew", "an hour ago", "nothing", "twice"])
def test_what_is_not_of_the_bank_is_refused_and_nothing_is_kept(
    kind: str, town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    sent, at = body("succeeded", "pay_1", 5), town.bank.sandbox.clock.wall() / 1000
    signed = webhooks.sign(sent, secret(town), timestamp=at)
    status, answer = post(
        town,
        json.dumps(json.loads(sent), separators=(",", ":")).encode() if kind == "written anew" else sent,
        {
            "another secret": webhooks.sign(sent, "whsec_" + "A" * 32, timestamp=at),
            "an hour ago": webhooks.sign(sent, secret(town), timestamp=at - 3600),
            "nothing": {},
            "twice": signed | {"webhook-id": "dlv_1, dlv_2"},
        }.get(kind, signed),
    )

    assert (status, answer["error"]) == (400, "InvalidSignature")
    assert "an event was refused" in caplog.text and secret(town) not in caplog.text
    assert 'INSERT INTO "happenings"' not in town.values()


def test_what_comes_before_there_is_a_secret_is_to_be_sent_again(town: Town) -> None:
    signed = webhooks.sign(b"{}", secret(town))
    town.lose_endpoint()
    assert post(town, b"{}", signed) == (503, {"error": "NoSecretYet"})


@pytest.mark.parametrize("kind", ["created", "a_status_to_come"])
def test_what_nobody_is_told_of_is_accepted(kind: str, town: Town) -> None:
    assert post(town, body(kind, "pay_1", 1)) == (204, None)
    [made] = endpoints(town)
    tested = town.client.webhook_endpoints.test(made.webhook_endpoint_id)
    assert (tested.attempt.outcome, tested.attempt.status_code) == ("DELIVERED", 204)


def test_while_a_secret_is_rotated_either_is_believed(town: Town) -> None:
    old = secret(town)
    [made] = endpoints(town)
    new = town.client.webhook_endpoints.rotate_secret(made.webhook_endpoint_id).secret
    assert new is not None and town.store.keep_hook(made.webhook_endpoint_id, new)

    at = town.bank.sandbox.clock.wall() / 1000
    for number, each in enumerate((old, new)):
        sent = body("created", "pay_1", 1, f"evt_{number}")
        assert post(town, sent, webhooks.sign(sent, each, timestamp=at)) == (204, None)


# --- each once, in any order


def test_what_is_delivered_again_and_again_is_told_once(town: Town) -> None:
    pay_privately(town)
    [delivery] = deliveries(town, "payment.succeeded")
    for _ in range(3):
        town.client.webhook_deliveries.resend(delivery.webhook_delivery_id)
        town.work()
    town.sweep()
    town.work()

    [again] = deliveries(town, "payment.succeeded")
    assert (again.status, again.attempt_count) == ("DELIVERED", 4)
    assert len(town.heard()) == 2


def test_what_is_delivered_when_it_is_no_longer_so_is_not_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a payment is in doubt comes hours after it has been thanked for."""
    hear = Bot.hear

    def fail_at_doubts(self: Bot, body: bytes, headers: Any) -> None:
        if b"payment.unknown" in body:
            raise OSError
        hear(self, body, headers)

    monkeypatch.setattr(Bot, "hear", fail_at_doubts)
    pay_privately(town, "3100000094")
    town.partner.advance(seconds=3600)
    town.work()
    assert [text[:4] for text in town.heard()[1:]] == ["缴费成功"]
    assert [one.status for one in deliveries(town, "payment.unknown")] == ["RETRYING"]

    monkeypatch.setattr(Bot, "hear", hear)
    town.partner.advance(seconds=3 * 3600)
    town.work()

    assert [one.status for one in deliveries(town, "payment.unknown")] == ["DELIVERED"]
    assert len(town.heard()) == 2


def test_an_account_that_was_down_for_a_day_is_sent_everything_and_tells_it_once(town: Town) -> None:
    """Bank time passes, attempt after attempt fails as the schedule has it; then each event comes. Nobody reads."""
    writers = [VISITOR, *(town.weibo.add_user(name) for name in ("小红", "小刚"))]
    accounts = (ELECTRICITY, "3100000029", "3100000094")
    for writer, account, hours in zip(writers, accounts, (9, 9, 6), strict=True):
        town.is_down = False
        said = town.ask(f"上海 电费 户号{account}", writer)
        town.is_down = True
        town.payer(said).pay(account[-4:])
        town.partner.advance(seconds=hours * 3600)
    tried = {one.event_id: one.attempt_count for one in deliveries(town)}
    assert len(tried) == 4, "two were paid at once, one is in doubt and paid an hour later"
    assert {one.status for one in deliveries(town)} == {"RETRYING"}
    assert sorted(tried.values()) == [5, 5, 6, 7], "after 6 hours, 15 and 24"

    town.is_down = False
    town.bank.asked.clear()
    town.partner.advance(seconds=20 * 3600)
    town.work()

    assert {one.status for one in deliveries(town)} == {"DELIVERED"}
    assert {one.event_id: one.attempt_count - 1 for one in deliveries(town)} == tried
    assert "/v1/events" not in town.bank.asked
    assert [town.heard(writer)[-1][:4] for writer in writers] == ["缴费成功"] * 3
    assert [len(town.heard(writer)) for writer in writers] == [2, 2, 3]


def test_what_happened_while_the_account_was_down_is_read_and_then_sent_and_told_once(town: Town) -> None:
    said = town.ask(PRIVATE)
    town.store.close()
    town.payer(said).pay(ELECTRICITY[-4:])
    town.deliver()
    assert [one.status for one in deliveries(town, "payment.succeeded")] == ["RETRYING"]

    town.restart()
    town.work()
    assert len(town.heard()) == 2, "read at the start, and not when the bank tries again"
    town.partner.advance(seconds=600)
    town.work()

    assert [one.status for one in deliveries(town, "payment.succeeded")] == ["DELIVERED"]
    assert len(town.heard()) == 2


# --- the store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "account.db")) as opened:
        yield opened


def follow(store: Store, subject: str = "pay_1") -> None:
    with store._act() as sql:
        store._follow(sql, Link(subject, "0123", "a", "7", is_public=False, language="en"), NOW)


def taken(store: Store, now: float = NOW) -> str | None:
    found = store.take_event(now)
    return found.event_id if found else None


def keep(store: Store, *versions: int) -> int:
    return store.keep_events([Happening(f"evt_{one}", "payment.unknown", "pay_1", one) for one in versions], NOW)


def test_events_of_one_payment_are_taken_in_the_order_of_their_versions(store: Store) -> None:
    follow(store)
    assert keep(store, 3, 1, 2) == 3
    for one in (1, 2, 3):
        assert taken(store) == f"evt_{one}"
        assert taken(store) is None, "one at a time"
        store.heard(f"evt_{one}", NOW)
    assert taken(store) is None


def test_a_lower_version_that_comes_while_a_higher_one_is_in_hand_is_old_news(store: Store) -> None:
    follow(store)
    keep(store, 5)
    assert taken(store) == "evt_5"
    keep(store, 4)
    assert taken(store) is None
    store.heard("evt_5", NOW)
    assert keep(store, 3) == 1
    assert taken(store, NOW + 2 * LEASE_S) is None


def test_a_lower_version_goes_first_when_whoever_had_the_higher_one_died(store: Store) -> None:
    follow(store)
    keep(store, 5)
    assert taken(store) == "evt_5"
    keep(store, 4)
    assert taken(store, NOW + LEASE_S) == "evt_4"
    store.heard("evt_4", NOW)
    assert taken(store, NOW + LEASE_S) == "evt_5"


def test_an_event_is_known_for_as_long_as_the_bank_tries(store: Store) -> None:
    follow(store)
    assert (keep(store, 5), keep(store, 5)) == (1, 0)
    assert taken(store) == "evt_5"
    store.heard("evt_5", NOW)
    store.forget(NOW + REMEMBERED_S - 1)
    assert keep(store, 5) == 0
    assert REMEMBERED_S > 4 * 86_400, "three days and some hours of attempts"


def test_an_endpoint_is_kept_with_its_last_two_secrets_and_shows_none(store: Store) -> None:
    assert [store.keep_hook("whe_1", f"whsec_{number}") for number in range(3)] == [True] * 3
    assert not store.keep_hook("whe_2", "whsec_other")
    assert store.hook() == Hook("whe_1", ("whsec_2", "whsec_1"))
    assert "whsec" not in repr(store.hook())
    store.forget_hook("whe_2")
    assert store.hook() is not None
    store.forget_hook("whe_1")
    assert store.hook() is None
