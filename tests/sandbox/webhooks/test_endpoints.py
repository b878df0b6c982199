"""Managing endpoints, and which events become deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import Partner
from tests.sandbox.webhooks.conftest import Hook, deliveries, happen
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank

pytestmark = pytest.mark.both_engines

ENDPOINTS = "/v1/webhook-endpoints"


def patch(partner: Partner, endpoint: dict[str, Any], **changes: Any) -> TestResponse:
    path = f"{ENDPOINTS}/{endpoint['webhook_endpoint_id']}"
    return partner.client.patch(path, json=changes, headers=partner.headers)


def delete(partner: Partner, endpoint: dict[str, Any]) -> TestResponse:
    path = f"{ENDPOINTS}/{endpoint['webhook_endpoint_id']}"
    return partner.client.delete(path, headers=partner.headers)


def follow(partner: Partner, page: dict[str, Any]) -> dict[str, Any]:
    """Read the next page."""
    return dict(partner.client.get(page["links"]["next"], headers=partner.headers).json)


@pytest.mark.abuse("webhooks", "reads an endpoint's secret later")
def test_a_secret_is_shown_when_an_endpoint_is_made_and_never_again(hook: Hook, partner: Partner) -> None:
    made = hook(description="The bill bot", event_types=["payment.succeeded"])
    assert made["secret"].startswith("whsec_")
    path = f"{ENDPOINTS}/{made['webhook_endpoint_id']}"
    read = partner.get(path).json
    assert read == {name: value for name, value in made.items() if name != "secret"}
    assert partner.get(ENDPOINTS).json["data"] == [read]
    assert "secret" not in patch(partner, made, description="Another").json


def test_an_endpoint_wants_everything_unless_told(partner: Partner) -> None:
    made = partner.post(ENDPOINTS, {"url": "https://bot.example/"}).json
    assert (made["event_types"], made["enabled"], made["signatures"]) == (["*"], True, ["v1"])


def test_a_public_key_comes_with_v1a_only(hook: Hook) -> None:
    assert "public_key" not in hook(signatures=["v1"])
    for asked in (["v1a"], ["v1", "v1a"]):
        made = hook(signatures=asked)
        assert made["signatures"] == ["v1", "v1a"]
        assert made["public_key"].startswith("whpk_")


@pytest.mark.parametrize("name", ["payment.suceeded", "payments.*", "nothing.at_all"])
def test_a_type_that_there_is_not_is_refused_and_not_missed_in_silence(name: str, hook: Hook, partner: Partner) -> None:
    answer = partner.post(ENDPOINTS, {"url": "https://bot.example/", "event_types": ["payment.*", name]})
    assert answer.json["code"] == "FIELD_INVALID"
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/event_types/1"]
    answer = patch(partner, hook(), event_types=[name])
    assert [fault["pointer"] for fault in answer.json["errors"]] == ["/event_types/0"]


@pytest.mark.abuse("webhooks", "registers an address inside the bank's own network")
@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/hook", "http://[::ffff:127.0.0.1]/", "http://u:p@bot.example/", "http://bot.example/#x"]
)
def test_a_url_that_the_bank_does_not_send_to_is_refused_at_once(url: str, hook: Hook, partner: Partner) -> None:
    answer = partner.post(ENDPOINTS, {"url": url})
    assert (answer.status_code, answer.json["code"]) == (422, "WEBHOOK_URL_REFUSED")
    assert patch(partner, hook(), url=url).json["code"] == "WEBHOOK_URL_REFUSED"


@pytest.mark.parametrize(
    "url", ["bot.example", "http://bot.example/ü", "http://", "ftp://bot.example/", "https://[::1"]
)
def test_what_is_no_url_is_refused(url: str, partner: Partner) -> None:
    answer = partner.post(ENDPOINTS, {"url": url})
    assert answer.status_code == 422
    assert answer.json["code"] in {"FIELD_INVALID", "WEBHOOK_URL_REFUSED"}


@pytest.mark.abuse("strangers", "reads, changes, rotates or resends another app's webhooks")
def test_another_app_sees_neither_endpoints_nor_deliveries(
    hook: Hook, bank: Bank, partner: Partner, new_partner: Callable[..., Partner]
) -> None:
    made = hook()
    happen(bank, partner.app)
    (delivery,) = deliveries(partner)
    stranger = new_partner()
    beside = new_partner(headers=partner.headers, join="world")
    for other in (stranger, beside):
        assert other.get(ENDPOINTS).json["data"] == []
        assert deliveries(other) == []
        assert deliveries(other, webhook_endpoint_id=made["webhook_endpoint_id"]) == []
        for path in (
            f"{ENDPOINTS}/{made['webhook_endpoint_id']}",
            f"/v1/webhook-deliveries/{delivery['webhook_delivery_id']}",
        ):
            assert other.get(path).status_code == 404
        assert patch(other, made, enabled=False).status_code == 404
        assert delete(other, made).status_code == 404
        for path in (
            f"{ENDPOINTS}/{made['webhook_endpoint_id']}:rotate-secret",
            f"/sandbox/v1/webhook-endpoints/{made['webhook_endpoint_id']}:test",
            f"/sandbox/v1/webhook-deliveries/{delivery['webhook_delivery_id']}:resend",
        ):
            assert other.post(path).status_code == 404


def test_endpoints_are_listed_page_by_page(hook: Hook, partner: Partner) -> None:
    made = [hook()["webhook_endpoint_id"] for _ in range(5)]
    seen, page = [], partner.get(ENDPOINTS, limit=2).json
    while True:
        seen += [each["webhook_endpoint_id"] for each in page["data"]]
        if not page["links"]["next"]:
            break
        page = follow(partner, page)
    assert seen == made


def test_deliveries_are_listed_newest_first_and_filtered(hook: Hook, bank: Bank, partner: Partner) -> None:
    first, second = hook(), hook(event_types=["payment.created"])
    events = happen(bank, partner.app, 3)
    assert [each["event_id"] for each in deliveries(partner, webhook_endpoint_id=first["webhook_endpoint_id"])] == [
        *reversed(events)
    ]
    of_one = deliveries(partner, event_id=events[1])
    assert {each["webhook_endpoint_id"] for each in of_one} == {
        first["webhook_endpoint_id"],
        second["webhook_endpoint_id"],
    }
    assert len(deliveries(partner, status="PENDING")) == 6
    assert deliveries(partner, status="DELIVERED") == []
    page = partner.get("/v1/webhook-deliveries", limit=4).json
    rest = follow(partner, page)
    assert [*page["data"], *rest["data"]] == deliveries(partner)


def test_an_event_becomes_one_delivery_for_each_endpoint_that_wants_its_type(
    hook: Hook, bank: Bank, partner: Partner
) -> None:
    wanting = [hook(event_types=types) for types in (["*"], ["payment.*"], ["payment.created", "rate.changed"])]
    hook(event_types=["payment.succeeded", "bill_fetch.*"])
    hook(enabled=False)
    happen(bank, partner.app)
    assert {each["webhook_endpoint_id"] for each in deliveries(partner)} == {
        each["webhook_endpoint_id"] for each in wanting
    }


def test_an_event_that_is_undone_leaves_no_delivery(hook: Hook, bank: Bank, partner: Partner) -> None:
    hook()

    class Undone(Exception):
        pass

    def failing(*_: object) -> None:
        raise Undone

    bank.listeners.append(failing)
    try:
        with pytest.raises(Undone):
            happen(bank, partner.app)
    finally:
        bank.listeners.remove(failing)
    assert partner.events() == []
    assert deliveries(partner) == []


def test_disabling_keeps_what_is_open_and_enabling_takes_it_up_again(hook: Hook, bank: Bank, partner: Partner) -> None:
    made = hook()
    happen(bank, partner.app)
    paused = patch(partner, made, enabled=False).json
    assert (paused["enabled"], paused["disabled_reason"]) == (False, "PARTNER")
    happen(bank, partner.app)
    (held,) = deliveries(partner)
    assert held["status"] == "DISABLED"
    assert "next_attempt_at" not in held
    refused = partner.post(f"/sandbox/v1/webhook-deliveries/{held['webhook_delivery_id']}:resend")
    assert refused.json["code"] == "WEBHOOK_ENDPOINT_DISABLED"
    again = patch(partner, made, enabled=True).json
    assert again["enabled"] is True and "disabled_reason" not in again
    (taken_up,) = deliveries(partner)
    assert (taken_up["status"], taken_up["webhook_delivery_id"]) == ("PENDING", held["webhook_delivery_id"])


def test_removing_an_endpoint_removes_its_deliveries(hook: Hook, bank: Bank, partner: Partner) -> None:
    made, kept = hook(), hook()
    happen(bank, partner.app)
    assert delete(partner, made).status_code == 204
    assert delete(partner, made).status_code == 404
    assert [each["webhook_endpoint_id"] for each in deliveries(partner)] == [kept["webhook_endpoint_id"]]


def test_a_reset_forgets_deliveries_and_keeps_endpoints_with_their_secrets(
    hook: Hook, bank: Bank, partner: Partner
) -> None:
    made = hook()
    partner.advance(seconds=100 * 86_400)
    rotated = partner.post(f"{ENDPOINTS}/{made['webhook_endpoint_id']}:rotate-secret").json
    happen(bank, partner.app)
    partner.post("/sandbox/v1/reset")
    assert deliveries(partner) == []
    (kept,) = partner.get(ENDPOINTS).json["data"]
    assert kept["webhook_endpoint_id"] == made["webhook_endpoint_id"]
    assert kept["previous_secret_expires_at"] < rotated["previous_secret_expires_at"], "a day of the clock as it is now"


def test_the_old_secret_is_good_for_a_day_of_bank_time(hook: Hook, partner: Partner) -> None:
    made = hook(signatures=["v1", "v1a"])
    path = f"{ENDPOINTS}/{made['webhook_endpoint_id']}"
    rotated = partner.post(f"{path}:rotate-secret").json
    assert rotated["secret"] != made["secret"]
    assert rotated["public_key"] != made["public_key"]
    assert rotated["previous_secret_expires_at"] == "2026-09-30T10:30:00+08:00"
    partner.advance(seconds=86_400)
    assert "previous_secret_expires_at" not in partner.get(path).json


def test_an_app_without_the_scope_manages_nothing(new_partner: Callable[..., Partner]) -> None:
    weak = new_partner(scopes=["payments:read", "sandbox"])
    assert weak.get(ENDPOINTS).json["code"] == "INSUFFICIENT_SCOPE"
    assert weak.post(ENDPOINTS, {"url": "https://bot.example/"}).json["code"] == "INSUFFICIENT_SCOPE"
