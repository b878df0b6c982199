"""A world that is played again from its seed and its log stands as it did, to the last identifier and the second."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select, update
from tests.conftest import Partner, WallClock, make_partner
from tests.linked import limit, link_customer, mandate
from tests.payer import POOR, Payer
from tests.sandbox.faults.test_requests import order

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.db import Statement
from openteller_sandbox.deeds import service as log_of_deeds
from openteller_sandbox.deeds.store import deeds
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem
from openteller_sandbox.payments.store import payments as payments_table
from openteller_sandbox.replays import service as replays

pytestmark = pytest.mark.both_engines

POWER = "SH-ELECTRICITY-01"
Payers = Callable[[str], Payer]


@pytest.fixture(autouse=True)
def wall_time_goes_back(wall: WallClock) -> Iterator[None]:
    before = wall.at
    yield
    wall.at = before


def replay(partner: Partner) -> dict[str, Any]:
    answer = partner.post("/sandbox/v1/worlds/current:replay", key=None)
    assert answer.status_code == 200, answer.text
    return dict(answer.json)


def log(partner: Partner) -> list[dict[str, Any]]:
    return list(partner.get("/sandbox/v1/worlds/current/log", limit=100).json["data"])


def assert_same(report: dict[str, Any]) -> None:
    assert (report["not_repeated"], report["differences"]) == ([], [])
    assert report["same"]
    assert report["state_hash"] == report["replayed_hash"]


def pass_time(bank: Bank, wall: WallClock, seconds: float) -> None:
    """Let time pass as a server does: what falls due is done a little late."""
    wall.advance(seconds)
    while due.run_all(bank):
        pass


def live(bank: Bank, partner: Partner, payer: Payers, wall: WallClock) -> None:
    """A day with faults, payers of every kind, webhooks, disputes, a second partner, scenarios and both clocks."""
    assert partner.post("/v1/webhook-endpoints", {"url": "http://127.0.0.1:9/"}, key=None).status_code == 201
    other = make_partner(partner.client, headers=partner.headers, join="world")
    order(partner, {"leg": "post"}, {"drop": "AFTER"}, probability="0.4")
    order(partner, {"leg": "query"}, {"status": 500}, probability="0.2")
    order(partner, {"path": "/pay/*"}, {"status": 500}, probability="0.2", times=3)
    order(partner, {"operation_id": "listPayments"}, {"drop": "AFTER"}, probability="0.5")
    lives = ((partner, "DUE_BILL", POOR), (other, "DUE_BILL", None), (partner, "REVERSED", None))
    for app, scenario, who in (*lives, (other, "TIMEOUT_LATE", None), (partner, "DISPUTE_UPHELD", None)):
        app.get("/v1/payments")
        fetched = app.fetch(scenario=scenario)
        if fetched.status_code != 201:
            continue
        link = app.pay_link(bill_ids=[fetched.json["bills"][0]["bill_id"]])
        page = payer(link["payment_link"]["url"])
        try:
            page.pay(app.magic(POWER, scenario)["account_number"][-4:], *([who] if who else []))
        except KeyError:  # a fault has struck the page, and this payer gives up
            continue
        if app.payment(link["payment_id"])["status"] == "succeeded":
            app.post("/v1/disputes", {"payment_id": link["payment_id"], "type": "SERVICE_NOT_RECEIVED"})
        pass_time(bank, wall, 12.4)
        app.advance(seconds=90)
    opened = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])
    page = payer(opened["payment_link"]["url"])
    several = {"in_account_number": partner.magic(POWER, "SEVERAL_BILLS")["account_number"]}
    wrong = {"customer_number": "62000001", "demo_code": "000000"}
    right = {"customer_number": "62000001", "demo_code": "246810"}
    for step, fill in (("start", {}), ("account", several), ("sign_in", wrong), ("sign_in", right), ("retry", {})):
        if step in page.forms:
            page.send(step, **fill)
    for step in ("bills", "confirm"):
        if page.step == step:
            page.send(step)
    partner.post(f"/v1/payments/{partner.pay_link()['payment_id']}:cancel")
    partner.post("/v1/payments", {"partner_reference": "nobody", "biller_id": "blr_zzzzzzzzzzzz"})
    partner.post(f"/sandbox/v1/payments/{partner.pay_link()['payment_id']}:transition", {"to": "authorising"})
    partner.post("/sandbox/v1/events/payment.refunded:trigger", {"new": True})
    pass_time(bank, wall, 3.7)
    partner.post("/sandbox/v1/scenarios/late-posting-after-refund:run")
    partner.advance(seconds=86_400)
    pass_time(bank, wall, 600)


def test_a_day_is_the_same_when_it_is_played_again(
    bank: Bank, partner: Partner, payer: Payers, wall: WallClock
) -> None:
    live(bank, partner, payer, wall)
    report = replay(partner)
    assert_same(report)
    assert report["deeds"] > 60
    assert report["deeds"] == log_length(bank, partner) - 1
    assert replay(partner) == report


def log_length(bank: Bank, partner: Partner) -> int:
    return len(log_of_deeds.of_world(bank, bank.db.read(), partner.app["world_id"]))


def test_what_differs_is_named_and_its_values_are_not_shown(
    bank: Bank, partner: Partner, new_partner: Callable[..., Partner]
) -> None:
    payment_id = partner.pay_link(partner_reference="tampered")["payment_id"]
    of_payment = update(payments_table).where(payments_table.c.payment_id == payment_id)
    with bank.db.act(partner.app["world_id"]) as tx:
        tx.run(Statement(of_payment.values(code4="none", wire='{"metadata": "secret"}')))
    report = replay(partner)
    assert not report["same"]
    assert report["state_hash"] != report["replayed_hash"]
    (difference,) = report["differences"]
    assert (difference["what"], difference["subject"]) == ("payments", payment_id)
    assert {"code4", "wire.metadata", "wire.status"} <= set(difference["members"])
    assert "secret" not in json.dumps(report)
    stranger = new_partner(headers=partner.headers, join="world")
    assert replay(stranger)["differences"] == [difference | {"subject": ""}], "of another partner's"
    assert replay(partner)["differences"] == [difference]


def test_the_log_has_what_changed_something_in_order_and_nothing_personal(
    bank: Bank, partner: Partner, payer: Payers
) -> None:
    number = partner.magic(POWER, "DUE_BILL")["account_number"]
    link = partner.pay_link(bill_ids=[partner.fetch().json["bills"][0]["bill_id"]])
    assert partner.post("/v1/payments", {"partner_reference": "bad", "amount": "1"}).status_code == 422
    payer(link["payment_link"]["url"]).pay(number[-4:])
    partner.advance(seconds=60)
    entries = log(partner)
    assert [(entry["actor"], entry["name"]) for entry in entries] == [
        ("BANK", "begin"),
        ("PARTNER", "createBillFetch"),
        ("PARTNER", "createPayment"),
        ("PAYER", "start"),
        ("PAYER", "sign_in"),
        ("PAYER", "digits"),
        ("PAYER", "confirm"),
        ("CLOCK", "move"),
    ]
    assert entries[3]["subject"] == link["payment_id"]
    code = link["payment_link"]["url"].rpartition("/")[2]
    kept = str([tuple(row) for row in bank.db.read().all(Statement(select(deeds)))])
    opened = str(log_of_deeds.of_world(bank, bank.db.read(), partner.app["world_id"]))
    for text in (str(entries), kept, opened):
        for secret in (number, "62000001", "246810", code, partner.headers["Authorization"].split()[1]):
            assert secret not in text


def test_what_is_typed_to_sign_in_is_kept_in_no_form(bank: Bank, partner: Partner, payer: Payers) -> None:
    link = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])
    page = payer(link["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic(POWER, "DUE_BILL")["account_number"])
    page.sign_in(("62000001", "987654")).sign_in(("my-own-number", "my-own-code")).sign_in()
    done = log_of_deeds.of_world(bank, bank.db.read(), partner.app["world_id"])
    forms = [deed.details["form"] for deed in done if deed.name == "sign_in"]
    assert [form["demo_code"] for form in forms] == [["wrong"], ["wrong"], ["right"]]
    text = json.dumps([dict(deed.details) for deed in done])
    for typed in ("987654", "my-own", "246810", "csrf_", page.path):
        assert typed not in text
    assert_same(replay(partner))


def test_a_world_is_played_once_at_a_time_and_few_are_at_once(
    bank: Bank, partner: Partner, new_partner: Callable[..., Partner], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [new_partner() for _ in range(3)]
    monkeypatch.setattr(replays, "MOST_WAITING", 2)

    def prepare(of: Partner) -> replays.Replay:
        caller = Caller(World(of.app["world_id"]), app_id=of.app["app_id"], partner_id=of.app["partner_id"])
        return replays.prepare(bank, caller, "current")

    first, _second = prepare(partner), prepare(others[0])
    for refused in (partner, others[1]):
        answer = refused.post("/sandbox/v1/worlds/current:replay", key=None)
        assert (answer.status_code, answer.json["code"], answer.headers["Retry-After"]) == (429, "RATE_LIMITED", "5")
    assert first.run()["same"]
    third = prepare(others[1])
    with pytest.raises(Problem):
        prepare(partner)
    del third  # as when its server has ended before it ran
    gc.collect()
    assert_same(replay(partner))


def test_nothing_is_logged_that_changed_nothing(partner: Partner, payer: Payers) -> None:
    link = partner.pay_link()
    partner.post(f"/v1/payments/{link['payment_id']}:cancel", key="once")
    before = log(partner)
    partner.get("/v1/payments")
    payer(link["payment_link"]["url"])
    partner.post("/v1/payments", {"partner_reference": "bad", "biller_id": "blr_zzzzzzzzzzzz"})
    partner.post(f"/v1/payments/{link['payment_id']}:cancel")
    partner.post(f"/v1/payments/{link['payment_id']}:cancel", key="once")
    assert log(partner) == before


def test_a_reset_begins_a_new_log(partner: Partner, payer: Payers) -> None:
    make_partner(partner.client, headers=partner.headers, join="world")
    partner.pay_link()
    partner.post("/sandbox/v1/reset", key=None)
    assert [entry["name"] for entry in log(partner)] == ["begin"]
    partner.pay_link()
    report = replay(partner)
    assert report["deeds"] == 1
    assert_same(report)


def test_a_log_that_is_full_is_refused_instead_of_played(
    bank: Bank, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_of_deeds, "MOST", 3)
    partner.pay_link()
    partner.pay_link()
    assert_same(replay(partner))
    for _ in range(3):
        partner.pay_link()
    assert log_length(bank, partner) == 4
    answer = partner.post("/sandbox/v1/worlds/current:replay", key=None)
    assert (answer.status_code, answer.json["code"]) == (409, "WORLD_LOG_INCOMPLETE")


def test_a_world_that_is_older_than_its_log_is_refused(bank: Bank, partner: Partner) -> None:
    with bank.db.act(partner.app["world_id"]) as tx:
        tx.run(Statement(deeds.delete().where(deeds.c.world_id == partner.app["world_id"])))
    partner.pay_link()
    answer = partner.post("/sandbox/v1/worlds/current:replay", key=None)
    assert (answer.status_code, answer.json["code"]) == (409, "WORLD_LOG_INCOMPLETE")
    partner.post("/sandbox/v1/reset", key=None)
    assert_same(replay(partner))


def test_a_replay_changes_nothing_and_is_the_worlds_own(bank: Bank, partner: Partner, new_partner: Any) -> None:
    partner.pay_link()
    partner.advance(seconds=DAY // 1000)
    before = log(partner), partner.events(), partner.get("/sandbox/v1/worlds/current").json
    assert_same(replay(partner))
    assert (log(partner), partner.events(), partner.get("/sandbox/v1/worlds/current").json) == before
    stranger, world_id = new_partner(), partner.app["world_id"]
    assert stranger.post(f"/sandbox/v1/worlds/{world_id}:replay", key=None).status_code == 404
    assert stranger.get(f"/sandbox/v1/worlds/{world_id}/log").status_code == 404
    assert partner.get(f"/sandbox/v1/worlds/{world_id}/log").status_code == 200


def test_what_failed_and_was_done_later_fails_and_is_done_later_again(
    bank: Bank, partner: Partner, wall: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = partner.fetch(scenario="SLOW").json["bill_fetch_id"]
    with monkeypatch.context() as patched:

        def fail(*_: object) -> None:
            raise OSError("the disk is full")

        patched.setitem(bank.due_handlers, "bill_fetch.answer", fail)
        partner.advance(seconds=10)
    assert partner.get(f"/v1/bill-fetches/{fetched}").json["status"] == "PROCESSING"
    partner.advance(seconds=120)
    assert partner.get(f"/v1/bill-fetches/{fetched}").json["status"] == "READY"
    assert_same(replay(partner))


def test_a_delay_that_was_ordered_is_not_waited_for_again(partner: Partner) -> None:
    order(partner, {"operation_id": "createPayment"}, {"delay_ms": 200}, times=1)
    assert partner.post("/v1/payments", {"partner_reference": "late"}).status_code == 201
    order(partner, {"operation_id": "createPayment"}, {"delay_ms": 60_000}, times=1)
    report = replay(partner)
    assert_same(report)


def test_a_bank_that_has_moved_to_another_address_is_still_the_same(bank: Bank, partner: Partner) -> None:
    """What an idempotency key keeps has the link as it was given out."""
    partner.pay_link(category_code="WATER")
    here = bank.settings
    bank.settings = replace(here, public_url="https://elsewhere.example")
    try:
        assert_same(replay(partner))
    finally:
        bank.settings = here


def test_what_was_paid_under_a_mandate_is_paid_again(partner: Partner) -> None:
    """Also with a consent that has ended since, of which nothing but its deeds is known."""
    user = link_customer(partner, mandate(partner, periodic_limits=[limit("DAY", 120)]))
    saved = user.save()
    assert [user.pay(saved).status_code for _ in range(3)] == [201, 201, 403]
    partner.advance(seconds=86_400)
    assert user.pay(saved).status_code == 201
    assert partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None).json["status"] == "REVOKED"
    assert_same(replay(partner))
