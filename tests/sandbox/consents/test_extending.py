"""Letting a consent last longer: who asks, who answers, and what stays as it is."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.test_customer_pages import Home
from tests.conftest import Partner, WallClock, make_partner
from tests.linked import Linked, link_customer, mandate
from tests.payer import POOR, RICH

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.consents import service as consents
from openteller_sandbox.oauth import service as oauth

DONE = "https://bot.example/done"


class Page(Home):
    """A customer's browser at the page of an extension."""

    def __init__(self, app: Flask, extension: dict[str, Any]) -> None:
        self._client = app.test_client()
        self.path = extension["approval_url"].removeprefix("http://127.0.0.1:8080")
        self.answer = self.open()


@pytest.fixture(scope="module")
def partner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False), return_urls=[DONE])


MONTH_S = 30 * 86_400


@pytest.fixture
def user(partner: Partner) -> Linked:
    return link_customer(partner, mandate(partner), lasts_seconds=MONTH_S)


def ask(user: Linked, key: str | None = None, **form: Any) -> Any:
    """Ask for 300 days unless told."""
    form.setdefault("consent_expires_at", "2027-07-26T10:30:00+08:00")
    return user.owner.post(f"/v1/consents/{user.consent_id}/extensions", form, key=key)


def asked(user: Linked, **form: Any) -> dict[str, Any]:
    answer = ask(user, **form)
    assert answer.status_code == 201, answer.text
    return dict(answer.json)


def read(user: Linked, extension: dict[str, Any]) -> dict[str, Any]:
    return dict(user.owner.get(f"/v1/consents/{user.consent_id}/extensions/{extension['extension_id']}").json)


def consent(user: Linked) -> dict[str, Any]:
    return dict(user.owner.get(f"/v1/consents/{user.consent_id}").json)


def at(wall: WallClock, days: float) -> str:
    return clock.to_wire(wall.at + int(days * DAY))


def test_only_its_customer_lets_a_consent_last_longer(flask_app: Flask, user: Linked, wall: WallClock) -> None:
    before = consent(user)
    extension = asked(user, consent_expires_at=at(wall, 300), return_url=DONE)
    assert (extension["status"], consent(user)) == ("AWAITING", before), "a partner's token alone extends nothing"
    page = Page(flask_app, extension)
    assert "测试应用" not in page.text and at(wall, 300)[:10] not in page.text, "nobody has signed in"
    page.sign_in(RICH)
    assert at(wall, 300)[:10] in page.text and before["expires_at"][:10] in page.text
    time, _, stays = page.text.partition("这项授权的内容")
    assert "¥" not in time, "what changes, the time, stands alone"
    assert "每次最多 ¥500.00" in stays and "查询账单" in stays, "which permission it is can be read all the same"
    assert "form-action 'self' https://bot.example" in page.answer.headers["Content-Security-Policy"]
    left = page.post(step="approve", csrf=page.csrf)
    assert left.headers["Location"].startswith(f"{DONE}?extension_id={extension['extension_id']}&iss=")
    after = consent(user)
    assert after == {**before, "expires_at": at(wall, 300), "version": 2}
    told = read(user, extension)
    assert told["status"] == "APPROVED" and "answered_at" in told and "approval_url" not in told
    (event,) = [each for each in user.owner.events() if each["data"].get("consent_id") == user.consent_id]
    assert (event["type"], event["data"]["version"]) == ("consent.extended", 2)
    assert user.get("/v1/saved-billers").status_code == 200, "nothing changes for its tokens"
    assert "已延长" in page.open().text


def test_the_page_reads_english_where_the_app_asks_for_that(flask_app: Flask, user: Linked, wall: WallClock) -> None:
    extension = asked(user, locale="en")
    page = Page(flask_app, extension).sign_in(RICH)
    assert "Extend this permission?" in page.text and page.answer.headers["Content-Language"] == "en"
    assert page.post(step="approve", csrf=page.csrf).headers["Location"].startswith("/customer/")
    assert consent(user)["expires_at"] == extension["consent_expires_at"]


@pytest.mark.abuse("mandates", "lets another customer, another site or an old page answer for a customer")
def test_nobody_else_answers(flask_app: Flask, user: Linked, partner: Partner) -> None:
    extension = asked(user)
    page = Page(flask_app, extension).sign_in(POOR)
    assert page.answer.status_code == 404 and "approve" not in page.forms
    csrf = Home(flask_app, partner.app["world_id"]).csrf
    assert page.post(step="approve", csrf=csrf).status_code in {404, 422}
    assert Page(flask_app, extension).post(step="approve", csrf="").status_code == 422
    own = Page(flask_app, extension).sign_in(RICH)
    assert own.post(step="approve", csrf="0" * 32).status_code == 422
    assert own.post(step="extend", csrf=own.csrf).status_code == 422
    client, form = own._client, {"step": "approve", "csrf": own.csrf}
    assert client.post(own.path, data=form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    for path in (own.path + "x", own.path.replace("cex_", "pay_"), own.path.replace("wld_", "wld_a")):
        assert client.get(path).status_code == 404
    assert (read(user, extension), consent(user)["version"]) == (extension, 1)


def test_a_refusal_leaves_everything_as_it_is_and_is_the_last_word(flask_app: Flask, user: Linked) -> None:
    before, extension = consent(user), asked(user, return_url=DONE)
    page = Page(flask_app, extension).sign_in(RICH)
    assert page.post(step="refuse", csrf=page.csrf).headers["Location"].startswith(DONE)
    assert (read(user, extension)["status"], consent(user)) == ("REFUSED", before)
    again = page.post(step="approve", csrf=page.csrf)
    assert again.headers["Location"] == page.path, "no way back to the app for an answer that does not count"
    assert "已拒绝" in page.open().text
    assert consent(user) == before


@pytest.mark.parametrize("days", [366.0001, 30, 29, 0, -1, 300_000])
def test_a_time_out_of_bounds_is_refused_with_the_bounds(days: float, user: Linked, wall: WallClock) -> None:
    answer = ask(user, consent_expires_at=at(wall, days))
    assert (answer.status_code, answer.json["code"]) == (422, "EXTENSION_OUT_OF_RANGE")
    (fault,) = answer.json["errors"]
    assert fault["pointer"] == "/consent_expires_at"
    assert at(wall, 30) in fault["message"] and at(wall, 366) in fault["message"]


@pytest.mark.parametrize("days", [30.0001, 366])
def test_the_bounds_themselves_are_taken(days: float, user: Linked, wall: WallClock) -> None:
    assert asked(user, consent_expires_at=at(wall, days))["consent_expires_at"] == at(wall, days)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"consent_expires_at": "2027-09-20T10:30:00"}, "FIELD_INVALID"),
        ({"consent_expires_at": "2027-09-20"}, "FIELD_INVALID"),
        ({"consent_expires_at": 5}, "FIELD_INVALID"),
        ({"consent_expires_at": None}, "FIELD_INVALID"),
        ({"consent_expires_at": "0001-01-01T00:00:00Z"}, "EXTENSION_OUT_OF_RANGE"),
        ({"consent_expires_at": "9999-12-31T23:59:59-12:00"}, "FIELD_INVALID"),
        ({"locale": "fr"}, "FIELD_INVALID"),
        ({"status": "APPROVED"}, "FIELD_INVALID"),
        ({"return_url": "https://bot.example/other"}, "RETURN_URL_NOT_REGISTERED"),
        ({"return_url": "javascript:alert(1)"}, "RETURN_URL_NOT_REGISTERED"),
    ],
)
def test_bad_input_is_named(form: dict[str, Any], code: str, user: Linked) -> None:
    answer = ask(user, **form)
    assert (answer.status_code, answer.json["code"]) == (422, code), answer.text


@pytest.mark.abuse("mandates", "extends what has ended, or what was allowed another app")
def test_what_has_ended_or_is_anothers_is_not_extended(
    flask_app: Flask, partner: Partner, user: Linked, wall: WallClock
) -> None:
    stranger = make_partner(flask_app.test_client(use_cookies=False), partner.headers, join="world")
    extension = asked(user)
    theirs = link_customer(stranger)
    path = f"/v1/consents/{user.consent_id}/extensions"
    body = {"consent_expires_at": extension["consent_expires_at"]}
    assert stranger.post(path, body, key=None).status_code == 404
    assert stranger.get(f"{path}/{extension['extension_id']}").status_code == 404
    assert stranger.get(f"/v1/consents/{theirs.consent_id}/extensions/{extension['extension_id']}").status_code == 404
    assert user.post(path, body, key=None).json["code"] == "INSUFFICIENT_SCOPE", "nor with a customer's own token"
    over, spent = (
        link_customer(partner, lasts_seconds=1),
        link_customer(partner, mandate(partner, maximum_uses=1), scopes=["saved-billers"]),
    )
    assert spent.pay(spent.save()).status_code == 201
    partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None)
    wall.advance(2)
    try:
        for ended, status in ((user, "REVOKED"), (over, "EXPIRED"), (spent, "CONSUMED")):
            answer = ask(ended)
            assert (answer.status_code, answer.json["code"]) == (409, "CONSENT_NOT_ACTIVE")
            assert status in answer.json["detail"]
        ended_with_it = read(user, extension)
        assert (ended_with_it["status"], ended_with_it["status_reason"]) == ("EXPIRED", "CONSENT_ENDED")
    finally:
        wall.advance(-2)


def test_a_further_extension_takes_the_place_of_the_one_that_waits(flask_app: Flask, user: Linked) -> None:
    first = asked(user)
    page = Page(flask_app, first).sign_in(RICH)
    second = asked(user)
    told = read(user, first)
    assert (told["status"], told["status_reason"]) == ("EXPIRED", "REPLACED")
    page.post(step="approve", csrf=page.csrf)
    assert page.open().status_code == 410 and "已失效" in page.text
    assert (read(user, second)["status"], consent(user)["version"]) == ("AWAITING", 1)


def test_a_renewal_on_the_page_of_consents_takes_its_place_where_it_lasts_longer(
    bank: Bank, partner: Partner, wall: WallClock
) -> None:
    user = link_customer(partner, lasts_seconds=60)
    extension = asked(user, consent_expires_at=at(wall, 100))
    assert oauth.extend_consent(bank, user.consent_id)  # as the page of consents does, for 180 days
    assert read(user, extension)["status_reason"] == "REPLACED"
    customer = extension["approval_url"].rpartition("/")[2]
    found = consents.get_extension(bank.db.read(), customer)
    world = oauth.world_of(bank.db.read(), oauth.find_consent(bank, user.consent_id))  # type: ignore[arg-type]
    assert found and world
    assert not consents.answer_extension(bank, world, found.extension_id, found.customer_id, approves=True)
    assert consent(user)["expires_at"] == at(wall, 180)


def test_a_renewal_never_makes_a_consent_shorter(bank: Bank, user: Linked, wall: WallClock) -> None:
    asked(user, consent_expires_at=at(wall, 366))
    assert user.owner.post("/sandbox/v1/events/consent.extended:trigger", {"consent_id": user.consent_id}, key=None)
    assert consent(user)["expires_at"] == at(wall, 366), "the trigger agrees to what waits"
    assert oauth.extend_consent(bank, user.consent_id)
    assert (consent(user)["expires_at"], consent(user)["version"]) == (at(wall, 366), 3)


def test_an_extension_waits_for_three_days_of_bank_time(flask_app: Flask) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    user = link_customer(partner, lasts_seconds=MONTH_S)
    extension = asked(user)
    assert extension["expires_at"] == "2026-10-02T10:30:00+08:00"
    partner.advance(to="2026-10-02T10:29:59+08:00")
    assert read(user, extension)["status"] == "AWAITING"
    partner.advance(seconds=1)
    told = read(user, extension)
    assert (told["status"], told["status_reason"]) == ("EXPIRED", "TIMED_OUT")
    page = Page(flask_app, extension).sign_in(RICH)
    assert page.answer.status_code == 410


def test_a_key_asks_once_until_a_day_after_the_answer(flask_app: Flask) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    user = link_customer(partner, lasts_seconds=MONTH_S)
    first = ask(user, "ask-once", locale="en")
    assert ask(user, "ask-once", locale="en").data == first.data
    changed = ask(user, "ask-once")
    assert (changed.status_code, changed.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    page = Page(flask_app, first.json).sign_in(RICH)
    page.post(step="refuse", csrf=page.csrf)
    partner.advance(seconds=86_399)
    assert ask(user, "ask-once", locale="en").data == first.data
    partner.advance(seconds=1)
    assert ask(user, "ask-once", locale="en").json["extension_id"] != first.json["extension_id"]


def test_what_was_asked_and_answered_is_done_again_with_its_world(flask_app: Flask) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    users = [link_customer(partner, lasts_seconds=MONTH_S) for _ in range(2)]
    for user, step in zip(users, ("approve", "refuse"), strict=True):
        page = Page(flask_app, asked(user)).sign_in(RICH)
        page.post(step=step, csrf=page.csrf)
    asked(users[1])
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])
    log = partner.get("/sandbox/v1/worlds/current/log", limit=100).json["data"]
    assert {"approveExtension", "refuseExtension", "createConsentExtension"} <= {each["name"] for each in log}


def test_what_waits_for_a_customer_is_on_their_own_page(flask_app: Flask) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    extension = asked(link_customer(partner, lasts_seconds=MONTH_S))
    home = Home(flask_app, partner.app["world_id"])
    home.sign_in(RICH)
    exported = json.loads(home.get("/export.json").data)["extensions"]
    assert [(each["status"], each["consent_expires_at"]) for each in exported] == [
        ("AWAITING", extension["consent_expires_at"])
    ]
    assert "等待您答复" in home.text and extension["extension_id"] in home.answer.text
    assert "等待您答复" not in Home(flask_app, partner.app["world_id"]).sign_in(POOR).text


@pytest.mark.both_engines
@pytest.mark.abuse("mandates", "answers an extension many times at once, while the consent is taken back")
def test_of_answers_at_once_one_counts_and_nothing_comes_back_to_life(flask_app: Flask, bank: Bank) -> None:
    partner = make_partner(flask_app.test_client(use_cookies=False))
    with ThreadPoolExecutor(6) as hands:
        for number in range(4):
            user = link_customer(partner, lasts_seconds=MONTH_S)
            extension_id, revokes = asked(user)["extension_id"], number % 2 == 1
            found = consents.get_extension(bank.db.read(), extension_id)
            assert found is not None
            world, together = World(found.world_id), Barrier(6)

            def act(
                hand: int, found: Any = found, world: World = world, together: Barrier = together, ends: bool = revokes
            ) -> bool:
                together.wait()
                if ends and hand == 0:
                    return not oauth.revoke_consent(bank, found.consent_id)
                return consents.answer_extension(
                    bank, world, found.extension_id, found.customer_id, approves=hand % 2 == 0
                )

            counted = sum(hands.map(act, range(6)))
            status, now = read(user, {"extension_id": extension_id})["status"], consent(user)
            assert counted <= 1 and (revokes or counted == 1)
            assert now["status"] == ("REVOKED" if revokes else "ACTIVE")
            events = [each["type"] for each in partner.events() if each["data"].get("consent_id") == user.consent_id]
            assert events.count("consent.extended") == (1 if status == "APPROVED" else 0)
            assert now["version"] == 1 + len(events)
