"""What wall time brings about for consents: an app hears once that one ends soon, and what ends takes along what was
saved under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.test_customer_pages import Home
from tests.conftest import Partner, WallClock, make_partner
from tests.linked import Linked, link_customer, mandate
from tests.payer import RICH

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.consents import service as consents
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.oauth import service as oauth

WEEK_S = 7 * 86_400


@pytest.fixture
def partner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False))


@pytest.fixture
def moving(wall: WallClock) -> Iterator[WallClock]:
    """Wall time that a test may move, by seconds: what others were allowed lasts for months."""
    before = wall.at
    yield wall
    wall.at = before


def watch(bank: Bank) -> None:
    while consents.watch(bank):
        pass


def told(partner: Partner, type_: str = "consent.expiring") -> list[dict[str, Any]]:
    return [event for event in partner.events() if event["type"] == type_]


def saved_by(bank: Bank, partner: Partner) -> int:
    rows = bank.db.read().all(Statement(metadata.tables["saved_billers"].select()))
    return sum(row["app_id"] == partner.app["client_id"] for row in rows)


@pytest.mark.both_engines
def test_an_app_is_told_seven_days_before_in_wall_time_and_once(
    partner: Partner, bank: Bank, moving: WallClock
) -> None:
    user = link_customer(partner, lasts_seconds=WEEK_S + 10)
    partner.advance(seconds=30 * 86_400)
    watch(bank)
    assert told(partner) == [], "the test clock ages no consent"
    moving.advance(9)
    watch(bank)
    assert told(partner) == []
    moving.advance(1)
    for _ in range(2):
        watch(bank)
    (event,) = told(partner)
    assert event["data"] == {"consent_id": user.consent_id, "status": "ACTIVE", "version": 1}
    assert event["timestamp"] == "2026-10-29T10:30:10+08:00", "bank time, as of every event"
    assert partner.get(f"/v1/consents/{user.consent_id}").json["version"] == 1


def test_a_consent_that_lasts_longer_is_told_of_anew_before_its_new_end(
    partner: Partner, bank: Bank, moving: WallClock
) -> None:
    user = link_customer(partner, lasts_seconds=WEEK_S)
    watch(bank)
    assert len(told(partner)) == 1
    for until, after, times in ((WEEK_S + 5, 4, 1), (WEEK_S + 10, 1, 1), (WEEK_S + 11, 11, 2), (WEEK_S * 9, 5, 2)):
        body = {"consent_expires_at": clock.to_wire(moving.at + until * 1000)}
        assert partner.post(f"/v1/consents/{user.consent_id}/extensions", body, key=None).status_code == 201
        assert consents.renew(bank, user.consent_id)
        moving.advance(after)
        watch(bank)
        assert len(told(partner)) == times, until


@pytest.mark.both_engines
def test_of_several_processes_one_tells(partner: Partner, bank: Bank) -> None:
    with ThreadPoolExecutor(6) as hands:
        for number in range(1, 4):
            user, together = link_customer(partner), Barrier(6)

            def tell(_: int, consent_id: str = user.consent_id, together: Barrier = together) -> bool:
                together.wait()
                return consents.tell_expiring(bank, consent_id)

            assert sum(hands.map(tell, range(6))) == 1
            assert len(told(partner)) == number


def test_a_consent_that_fails_is_tried_again_and_holds_up_neither_the_server_nor_others(
    partner: Partner, flask_app: Flask, bank: Bank, moving: WallClock, caplog: pytest.LogCaptureFixture
) -> None:
    other = make_partner(flask_app.test_client(use_cookies=False))
    link_customer(partner, lasts_seconds=WEEK_S)
    link_customer(other, lasts_seconds=WEEK_S + 1)
    moving.advance(1)
    faulty = True

    def fail(_: Bank, __: Any, ___: Any, app_id: str, *____: Any) -> None:
        if faulty and app_id == partner.app["client_id"]:
            raise KeyError("62000001")

    bank.listeners.append(fail)
    try:
        watch(bank)
        assert (told(partner), len(told(other))) == ([], 1)
        assert "a consent failed: KeyError; again in 1 min" in caplog.text and "62000001" not in caplog.text
        faulty = False
        for seconds, times in ((59, 0), (1, 1), (60, 1)):
            moving.advance(seconds)
            watch(bank)
            assert len(told(partner)) == times, seconds
    finally:
        bank.listeners.remove(fail)


@pytest.mark.abuse("mandates", "keeps a customer's account numbers with the bank after the consent has run out")
def test_what_ends_by_itself_is_forgotten_as_what_is_taken_back(
    partner: Partner, bank: Bank, moving: WallClock
) -> None:
    over, lasting = link_customer(partner, lasts_seconds=60), link_customer(partner, lasts_seconds=120)
    over.save()
    lasting.save()
    watch(bank)
    for seconds, left in ((59, 1), (1, 1), (60, 0)):
        moving.advance(seconds)
        watch(bank)
        assert saved_by(bank, partner) == left
    assert partner.get("/v1/consents", status="EXPIRED").json["meta"]["count"] == 2
    assert told(partner, "consent.revoked") == []
    events = [event["type"] for event in partner.events()]
    assert events.count("consent.expiring") == 2
    for user in (over, lasting):
        answer = user.owner.get(f"/v1/consents/{user.consent_id}").json
        assert (answer["status"], answer["version"]) == ("EXPIRED", 1), "as it was read before the bank noticed"


def test_a_consent_that_was_over_before_anybody_looked_is_not_told_of(
    partner: Partner, bank: Bank, moving: WallClock
) -> None:
    user = link_customer(partner, lasts_seconds=5)
    moving.advance(5)
    watch(bank)
    assert told(partner) == []
    assert not consents.tell_expiring(bank, user.consent_id)
    consent = oauth.find_consent(bank, user.consent_id)
    assert consent is not None and (consent.status, consent.wakes_at) == ("EXPIRED", None)


def test_what_was_used_up_or_is_no_longer_allowed_is_forgotten(partner: Partner, bank: Bank) -> None:
    user = link_customer(partner, mandate(partner, maximum_uses=1), scopes=["saved-billers"])
    saved = user.save()
    user.save(scenario="REVERSED")
    paid = user.pay(saved)
    assert paid.status_code == 201
    assert partner.get(f"/v1/consents/{user.consent_id}").json["status"] == "CONSUMED"
    assert saved_by(bank, partner) == 0
    assert partner.payment(paid.json["payment_id"])["status"] == "succeeded"


def test_what_the_bank_did_in_wall_time_is_done_again_with_its_world(
    partner: Partner, bank: Bank, moving: WallClock
) -> None:
    user = link_customer(partner, lasts_seconds=WEEK_S + 5)
    user.save()
    short = link_customer(partner, lasts_seconds=5)
    moving.advance(6)
    watch(bank)
    assert len(told(partner)) == 1
    assert partner.get(f"/v1/consents/{short.consent_id}").json["status"] == "EXPIRED"
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])
    log = {each["name"] for each in partner.get("/sandbox/v1/worlds/current/log", limit=100).json["data"]}
    assert {"consent.expiring", "consent.expire"} <= log


def test_a_partner_makes_the_event_happen_on_its_own_consent(partner: Partner) -> None:
    user = link_customer(partner)
    for subject in ({"consent_id": user.consent_id}, {"new": True}):
        answer = partner.post("/sandbox/v1/events/consent.expiring:trigger", subject, key=None)
        assert answer.status_code == 200, answer.text
        assert answer.json["type"] == "consent.expiring"
    again = partner.post("/sandbox/v1/events/consent.expiring:trigger", {"consent_id": user.consent_id}, key=None)
    assert (again.status_code, again.json["code"]) == (409, "INVALID_TRANSITION")


def test_a_customer_sees_that_a_permission_ends_soon_and_deletes_what_an_app_has_saved(
    flask_app: Flask, partner: Partner, bank: Bank
) -> None:
    user: Linked = link_customer(partner, lasts_seconds=3 * 86_400)
    other = link_customer(partner, customer_number="62000002")
    kept = other.save()
    saved = user.save()
    home = Home(flask_app, partner.app["world_id"]).sign_in(RICH)
    assert "将在 3 天内到期" in home.text
    assert home.post(step="forget", csrf=home.csrf, saved_biller_id=kept).status_code == 422
    assert home.post(step="forget", csrf=home.csrf, saved_biller_id="x").status_code == 422
    assert home.post(step="forget", csrf="", saved_biller_id=saved).status_code == 422
    assert saved_by(bank, partner) == 2
    home.send("forget")
    assert "已删除" in home.open("?done=forgotten").text
    assert user.get(f"/v1/saved-billers/{saved}").status_code == 404
    assert saved_by(bank, partner) == 1
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])
