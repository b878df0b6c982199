"""Deliveries over real HTTP: what arrives, and when it is tried again in bank time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import Partner, WallClock
from tests.receivers import Answering, Received, Receiver, receiver
from tests.sandbox.webhooks.conftest import Hook, attempts, deliveries, happen

from openteller_sandbox.bank import Bank
from openteller_sandbox.webhooks.schedule import ATTEMPTS, DELAYS_MS

pytestmark = pytest.mark.both_engines

THREE_DAYS_AND_MORE = 90 * 3600
_numbers = itertools.count(1)


def signature(secret: str, received: Received) -> str:
    content = f"{received.webhook_id}.{received.headers['webhook-timestamp']}.".encode() + received.body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def failing(times: int, status: int = 500) -> Any:
    """Answer so many requests with a status, and then 204."""
    count = itertools.count()
    return lambda _: Answering(status if next(count) < times else 204)


def test_an_event_arrives_as_it_is_in_the_log_and_signed(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver, wall: WallClock
) -> None:
    made = hook()
    happen(bank, partner.app)
    partner.advance(seconds=1)
    (received,) = server.got
    assert received.event == partner.events()[0]
    assert received.headers["content-type"] == "application/json"
    assert received.headers["webhook-timestamp"] == str(wall() // 1000), "wall time, however the test clock stands"
    assert received.headers["webhook-signature"] == signature(made["secret"], received)
    assert len(received.body) < 20_000
    (delivery,) = deliveries(partner, status="DELIVERED")
    assert received.webhook_id == delivery["webhook_delivery_id"]
    assert delivery["attempt_count"] == 1
    (attempt,) = attempts(partner, delivery)
    assert (attempt["outcome"], attempt["status_code"], attempt["number"]) == ("DELIVERED", 204, 1)


@pytest.mark.abuse("webhooks", "collects payers' data by webhooks")
def test_nothing_personal_and_no_secret_is_sent(hook: Hook, partner: Partner, server: Receiver) -> None:
    made = hook(signatures=["v1", "v1a"])
    payment = partner.pay_link(bill_ids=[partner.fetch().json["bills"][0]["bill_id"]])
    partner.advance(seconds=1)
    sent = b"".join(each.body + repr(each.headers).encode() for each in server.got).decode()
    assert payment["payment_id"] in sent
    for secret in (made["secret"], made["secret"].removeprefix("whsec_"), "3100000011", payment["payment_link"]["url"]):
        assert secret not in sent


def test_a_server_that_fails_is_asked_again_on_schedule_and_under_the_same_id(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    server.answers = failing(3)
    hook()
    happen(bank, partner.app)
    partner.advance(seconds=THREE_DAYS_AND_MORE)
    (delivery,) = deliveries(partner)
    assert delivery["status"] == "DELIVERED"
    assert len({each.webhook_id for each in server.got}) == 1
    assert len({each.body for each in server.got}) == 1
    assert [each["outcome"] for each in attempts(partner, delivery)] == ["REFUSED"] * 3 + ["DELIVERED"]


def test_after_the_last_attempt_a_delivery_is_exhausted_kept_and_can_be_sent_again(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    server.answers = lambda _: Answering(500, b"out of order")
    hook()
    happen(bank, partner.app)
    partner.advance(seconds=THREE_DAYS_AND_MORE)
    (exhausted,) = deliveries(partner)
    assert (exhausted["status"], exhausted["attempt_count"]) == ("EXHAUSTED", ATTEMPTS)
    assert "next_attempt_at" not in exhausted
    partner.advance(seconds=86_400)
    assert len(server.got) == ATTEMPTS, "nothing more by itself"

    server.answers = failing(1)
    resent = partner.post(f"/sandbox/v1/webhook-deliveries/{exhausted['webhook_delivery_id']}:resend").json
    assert resent["status"] == "PENDING"
    partner.advance(seconds=10)
    (delivery,) = deliveries(partner)
    assert (delivery["status"], delivery["attempt_count"]) == ("DELIVERED", ATTEMPTS + 2)
    seen = attempts(partner, delivery)
    assert [each["number"] for each in seen] == list(range(1, ATTEMPTS + 3))
    assert seen[0]["answer_excerpt"] == "out of order"
    assert {each.webhook_id for each in server.got} == {delivery["webhook_delivery_id"]}


def test_attempts_come_at_the_delays_of_the_schedule_in_bank_time(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    server.answers = lambda _: Answering(503)
    hook()
    happen(bank, partner.app)
    partner.advance(seconds=THREE_DAYS_AND_MORE)
    (delivery,) = deliveries(partner)
    times = [datetime.fromisoformat(each["at"]) for each in attempts(partner, delivery)]
    assert times[0] == datetime.fromisoformat(delivery["created_at"])
    for delay, before, after in zip(DELAYS_MS, times, times[1:], strict=False):
        seconds = (after - before).total_seconds()
        # Both times are told to the second, and an attempt takes a moment.
        assert delay / 1000 - 1 <= seconds <= delay / 1000 * 1.1 + 16, delay
    assert len(times) == ATTEMPTS


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(1, 40_000), min_size=1, max_size=8), outage=st.integers(0, ATTEMPTS + 2))
def test_however_the_clock_is_moved_the_attempts_are_those_that_fell_due(
    steps: list[int], outage: int, bank: Bank, partner: Partner, server: Receiver
) -> None:
    """Many small steps and one large one do the same; what is not due is not sent."""
    server.got.clear()
    server.answers = failing(outage)
    number = next(_numbers)
    form = {"url": f"{server.url}?{number}", "event_types": ["payment.*"]}
    made = partner.post("/v1/webhook-endpoints", form).json["webhook_endpoint_id"]
    happen(bank, partner.app)
    for step in steps:
        partner.advance(seconds=step)
    (delivery,) = deliveries(partner, webhook_endpoint_id=made)
    seen = attempts(partner, delivery)
    begun = datetime.fromisoformat(delivery["created_at"])
    elapsed = sum(steps)
    assert len(seen) == delivery["attempt_count"] == len(server.got)
    offsets = [(datetime.fromisoformat(each["at"]) - begun).total_seconds() for each in seen]
    assert offsets == sorted(offsets)
    assert offsets[-1] <= elapsed + 1
    if delivery["status"] == "RETRYING":
        assert (datetime.fromisoformat(delivery["next_attempt_at"]) - begun).total_seconds() >= elapsed - 1
    else:
        assert delivery["status"] == ("DELIVERED" if outage < ATTEMPTS else "EXHAUSTED")
        assert delivery["attempt_count"] == min(outage + 1, ATTEMPTS)
    partner.client.delete(f"/v1/webhook-endpoints/{made}", headers=partner.headers)


def test_a_partner_that_was_down_for_a_day_gets_every_event(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    """Events happen all day long; the server comes back after a day. Each was tried as often as the schedule has it."""
    server.answers = lambda _: Answering(502)
    hook()
    sent: list[str] = []
    for _ in range(8):
        sent += happen(bank, partner.app, 3)
        partner.advance(seconds=3 * 3600)
    waiting = {each["event_id"]: each for each in deliveries(partner, status="RETRYING")}
    assert set(waiting) == set(sent)
    for number, event_id in enumerate(sent):
        elapsed = (24 - number // 3 * 3) * 3_600_000
        least, most = attempts_within(elapsed, slower=1.1), attempts_within(elapsed)
        assert least <= waiting[event_id]["attempt_count"] <= most, number
        assert most > 4, "several tries have failed"

    server.answers = lambda _: Answering(204)
    server.got.clear()
    partner.advance(seconds=THREE_DAYS_AND_MORE)
    assert set(server.events) == set(sent)
    assert len(server.events) == len(sent), "each once"
    for each in deliveries(partner, status="DELIVERED"):
        assert each["attempt_count"] == waiting.pop(each["event_id"])["attempt_count"] + 1
    assert not waiting


def attempts_within(elapsed_ms: int, *, slower: float = 1.0) -> int:
    """Tell how many attempts the schedule has in a time after the event, its delays being so much longer."""
    return 1 + sum(at * slower <= elapsed_ms for at in itertools.accumulate(DELAYS_MS))


def test_410_disables_the_endpoint_and_keeps_what_was_open(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    server.answers = lambda _: Answering(410)
    made = hook()
    happen(bank, partner.app, 3)
    partner.advance(seconds=THREE_DAYS_AND_MORE)
    assert len(server.got) == 1
    path = f"/v1/webhook-endpoints/{made['webhook_endpoint_id']}"
    gone = partner.get(path).json
    assert (gone["enabled"], gone["disabled_reason"]) == (False, "GONE")
    assert [each["status"] for each in deliveries(partner)] == ["DISABLED"] * 3
    happen(bank, partner.app)
    assert len(deliveries(partner)) == 3, "nothing is written for an endpoint that is gone"

    server.answers = lambda _: Answering(204)
    assert partner.client.patch(path, json={"enabled": True}, headers=partner.headers).json["enabled"]
    partner.advance(seconds=1)
    assert [each["status"] for each in deliveries(partner)] == ["DELIVERED"] * 3


@pytest.mark.abuse("webhooks", "redirects the bank to an internal address")
def test_a_redirect_is_a_failure_and_is_not_followed(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    with receiver() as elsewhere:
        server.answers = lambda _: Answering(308, headers={"Location": elsewhere.url})
        hook()
        happen(bank, partner.app)
        partner.advance(seconds=1)
        assert elsewhere.got == []
    (delivery,) = deliveries(partner)
    assert delivery["status"] == "RETRYING"
    assert attempts(partner, delivery)[0]["outcome"] == "REDIRECTED"


def test_a_server_may_ask_for_more_time(hook: Hook, bank: Bank, partner: Partner, server: Receiver) -> None:
    server.answers = lambda _: Answering(429, headers={"Retry-After": "7200"})
    hook()
    happen(bank, partner.app)
    partner.advance(seconds=7000)
    assert len(server.got) == 1
    partner.advance(seconds=400)
    assert len(server.got) == 2


def test_both_secrets_sign_for_a_day_after_a_rotation(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    made = hook()
    rotated = partner.post(f"/v1/webhook-endpoints/{made['webhook_endpoint_id']}:rotate-secret").json
    happen(bank, partner.app)
    partner.advance(seconds=86_400)
    happen(bank, partner.app)
    partner.advance(seconds=1)
    first, last = server.got
    assert first.headers["webhook-signature"].split(" ") == [
        signature(rotated["secret"], first),
        signature(made["secret"], first),
    ]
    assert last.headers["webhook-signature"] == signature(rotated["secret"], last)


def test_a_changed_url_takes_what_is_still_to_be_sent(
    hook: Hook, bank: Bank, partner: Partner, server: Receiver
) -> None:
    server.answers = lambda _: Answering(500)
    made = hook()
    happen(bank, partner.app)
    partner.advance(seconds=1)
    with receiver() as moved:
        path = f"/v1/webhook-endpoints/{made['webhook_endpoint_id']}"
        assert partner.client.patch(path, json={"url": moved.url}, headers=partner.headers).status_code == 200
        partner.advance(seconds=60)
        assert len(moved.got) == 1
        assert moved.got[0].webhook_id == server.got[0].webhook_id


def test_a_test_event_tells_what_the_server_answered_and_is_not_kept(
    hook: Hook, partner: Partner, server: Receiver
) -> None:
    made = hook(event_types=["payment.succeeded"], enabled=False)
    server.answers = lambda _: Answering(401, b"the signature is not valid")
    path = f"/sandbox/v1/webhook-endpoints/{made['webhook_endpoint_id']}:test"
    told = partner.post(path).json
    (received,) = server.got
    assert told["attempt"]["outcome"] == "REFUSED"
    assert told["attempt"]["status_code"] == 401
    assert told["attempt"]["answer_excerpt"] == "the signature is not valid"
    assert told["event"] == received.event
    assert told["event"]["type"] == "webhook_endpoint.test"
    assert told["webhook_id"] == received.webhook_id
    assert received.headers["webhook-signature"] == signature(made["secret"], received)
    assert deliveries(partner) == []
    assert partner.events() == []


def test_a_delivery_is_as_old_as_its_event(hook: Hook, bank: Bank, partner: Partner) -> None:
    hook()
    happen(bank, partner.app)
    partner.advance(seconds=29 * 86_400)
    assert len(deliveries(partner)) == 1
    partner.advance(seconds=3 * 86_400)
    assert deliveries(partner) == []


def test_the_payers_way_is_told_step_by_step(hook: Hook, partner: Partner, server: Receiver) -> None:
    hook(event_types=["payment.*"])
    payment = partner.pay_link(expires_in=60)
    partner.advance(seconds=120)
    told = [(each.event["type"], each.event["data"]["version"]) for each in server.got]
    assert told == [("payment.created", 1), ("payment.expired", 2)]
    assert {each.event["data"]["payment_id"] for each in server.got} == {payment["payment_id"]}
