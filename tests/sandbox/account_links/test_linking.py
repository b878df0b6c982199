"""The way from a chat to the bank and back, and everything that a link can come to."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flask import Flask
from tests.conftest import Partner
from tests.linker import NONCE, Actor, Customer, read
from tests.payer import POOR
from tests.sandbox.faults.test_requests import order

from openteller_sandbox.account_links import service
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.deeds import service as deeds

pytestmark = pytest.mark.both_engines

RICH_ID = CUSTOMERS[0].customer_id


@pytest.fixture
def actor(partner: Partner) -> Actor:
    return Actor(partner)


def kinds(partner: Partner) -> list[str]:
    return [event["type"] for event in partner.events()]


def test_an_account_is_linked_when_it_brings_back_what_its_customer_was_given(
    flask_app: Flask, partner: Partner, actor: Actor
) -> None:
    link = actor.start()
    assert (link["status"], link["version"], link["expires_at"]) == ("AWAITING", 1, "2026-09-29T10:40:00+08:00")
    browser = Customer(flask_app, link["link_url"]).approve()
    assert browser.left_to == "https://bot.example/done"
    assert browser.returned["account_link_id"] == link["account_link_id"]
    assert browser.returned["iss"] == "http://127.0.0.1:8080"
    assert read(partner, link)["status"] == "APPROVED"
    confirmed = actor.bring(browser.returned["nonce"]).json
    assert (confirmed["status"], confirmed["version"]) == ("ACTIVE", 3)
    assert confirmed["subject"].startswith("sub_")
    assert read(partner, link) == confirmed == actor.find().json
    assert "link_url" not in confirmed
    assert kinds(partner) == ["account_link.approved", "account_link.confirmed"]
    assert partner.events()[-1]["data"] == {
        "account_link_id": link["account_link_id"],
        "status": "ACTIVE",
        "version": 3,
    }


def test_without_a_page_of_the_apps_the_bank_shows_the_nonce(flask_app: Flask, actor: Actor) -> None:
    browser = Customer(flask_app, actor.start(return_url=None)["link_url"]).approve()
    (nonce,) = re.findall(NONCE, browser.text)
    assert "不要告诉其他任何人" in browser.text
    assert browser.open().status_code == 200
    assert nonce in browser.text
    assert actor.bring(nonce.replace("-", " ").lower()).json["status"] == "ACTIVE"
    assert browser.open().status_code == 410


def test_a_browser_that_lost_its_way_back_finds_it_on_the_page(flask_app: Flask, actor: Actor) -> None:
    browser = Customer(flask_app, actor.start()["link_url"]).approve()
    nonce = browser.returned["nonce"]
    browser.open()
    assert f"nonce={nonce}" in browser.answer.text
    assert nonce not in browser.text, "an app with a page of its own needs no code that people could be asked for"


def test_the_page_shows_who_asks_first_and_whose_account_it_is_to_the_signed_in_only(
    flask_app: Flask, actor: Actor
) -> None:
    browser = Customer(flask_app, actor.start()["link_url"])
    assert "测试应用" in browser.text
    assert "微博" in browser.text
    assert "***" not in browser.text
    browser.send("start")
    assert "***" not in browser.text
    browser.sign_in()
    assert "@小***都" in browser.text
    assert "小明在成都" not in browser.answer.text
    assert "陈晓明" in browser.text
    assert "bot.example" in browser.text


def test_the_page_speaks_english_where_the_app_or_the_customer_wants_it(flask_app: Flask, actor: Actor) -> None:
    url = actor.start(locale="en")["link_url"]
    assert "Weibo" in Customer(flask_app, url).text
    assert "微博" in flask_app.test_client().get(f"{url}?lang=zh-CN").text
    browser = Customer(flask_app, url).send("start")
    browser.send("language")
    assert "请先登录" in browser.text


def test_a_get_of_the_page_changes_nothing(flask_app: Flask, partner: Partner, actor: Actor, bank: Bank) -> None:
    link = actor.start()
    for _ in range(3):
        answer = flask_app.test_client().get(link["link_url"])
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert read(partner, link)["version"] == 1


def test_a_customer_may_refuse(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.start()
    browser = Customer(flask_app, link["link_url"]).send("start").sign_in().send("refuse")
    assert browser.answer.status_code == 410
    assert read(partner, link)["status"] == "REFUSED"
    assert actor.find().status_code == 404
    assert kinds(partner) == ["account_link.refused"]


def test_the_page_is_open_for_ten_minutes(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.start()
    late = Customer(flask_app, link["link_url"]).send("start").sign_in()
    partner.advance(seconds=599)
    assert late.open().status_code == 200
    partner.advance(seconds=1)
    assert late.open().status_code == 410
    assert read(partner, link)["status"] == "EXPIRED"
    assert kinds(partner) == ["account_link.expired"]


def test_the_nonce_is_good_for_ten_minutes(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.start()
    partner.advance(seconds=500)
    nonce = Customer(flask_app, link["link_url"]).approve().returned["nonce"]
    partner.advance(seconds=599)
    assert read(partner, link)["status"] == "APPROVED"
    partner.advance(seconds=1)
    assert actor.bring(nonce).json["code"] == "ACCOUNT_LINK_NONCE_INVALID"
    assert read(partner, link)["status"] == "EXPIRED"


def test_the_app_ends_a_link_at_once_and_may_start_another(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.link(flask_app)
    assert actor.ask().json["code"] == "ACCOUNT_LINK_EXISTS"
    assert actor.ask().json["account_link_id"] == link["account_link_id"]
    path = f"/v1/account-links/{link['account_link_id']}:unlink"
    ended = partner.post(path, key=None).json
    assert (ended["status"], ended["status_reason"]) == ("UNLINKED", "BY_PARTNER")
    assert partner.post(path, key=None).json == ended
    assert actor.find().status_code == 404
    again = actor.link(flask_app, POOR)
    assert again["account_link_id"] != link["account_link_id"]
    assert again["subject"] != link["subject"]


def test_the_customer_ends_a_link_at_once(flask_app: Flask, partner: Partner, actor: Actor, bank: Bank) -> None:
    link = actor.link(flask_app)
    world = World(partner.app["world_id"])
    (mine,) = service.of_customer(bank.db.read(), world.world_id, RICH_ID)
    assert (mine.account_link_id, mine.actor_masked) == (link["account_link_id"], "@小***都")
    assert not service.unlink_as_customer(bank, world, mine.account_link_id, CUSTOMERS[1].customer_id)
    assert service.unlink_as_customer(bank, world, mine.account_link_id, RICH_ID)
    assert not service.unlink_as_customer(bank, world, mine.account_link_id, RICH_ID)
    assert read(partner, link)["status_reason"] == "BY_CUSTOMER"
    assert service.of_customer(bank.db.read(), world.world_id, RICH_ID) == []
    assert kinds(partner)[-1] == "account_link.unlinked"


def test_a_link_under_way_is_withdrawn(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.start()
    nonce = Customer(flask_app, link["link_url"]).approve().returned["nonce"]
    ended = partner.post(f"/v1/account-links/{link['account_link_id']}:unlink", key=None).json
    assert (ended["status"], ended["status_reason"]) == ("FAILED", "BY_PARTNER")
    assert actor.bring(nonce).json["code"] == "ACCOUNT_LINK_NONCE_INVALID"


def test_starting_again_takes_the_place_of_what_is_not_confirmed(
    flask_app: Flask, partner: Partner, actor: Actor
) -> None:
    first = actor.start()
    nonce = Customer(flask_app, first["link_url"]).approve().returned["nonce"]
    second = actor.start()
    assert read(partner, first)["status_reason"] == "REPLACED"
    assert Customer(flask_app, first["link_url"]).answer.status_code == 410
    assert actor.bring(nonce).json["code"] == "ACCOUNT_LINK_NONCE_INVALID"
    nonce = Customer(flask_app, second["link_url"]).approve().returned["nonce"]
    assert actor.bring(nonce).status_code == 200


def test_a_repeated_confirmation_gets_the_first_answer(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    """Chats deliver at least once, and answers get lost."""
    nonce = Customer(flask_app, actor.start()["link_url"]).approve().returned["nonce"]
    answers = [actor.bring(nonce, key="of-this-message") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert actor.bring(nonce, key="of-another").json["code"] == "ACCOUNT_LINK_NONCE_INVALID"
    assert actor.find().json["status"] == "ACTIVE"


def test_one_customer_may_link_several_accounts_under_one_subject(flask_app: Flask, partner: Partner) -> None:
    links = [Actor(partner, channel).link(flask_app) for channel in ("weibo", "qq", "email")]
    assert len({link["subject"] for link in links}) == 1
    assert len({link["account_link_id"] for link in links}) == 3


def test_the_subject_is_that_of_introspection_and_another_one_for_every_partner(
    flask_app: Flask, bank: Bank, partner: Partner, new_partner: Callable[..., Partner]
) -> None:
    sibling = new_partner(headers=partner.headers, join="partner", return_urls=["https://bot.example/done"])
    stranger = new_partner(headers=partner.headers, join="world", return_urls=["https://bot.example/done"])
    mine, siblings, strangers = (Actor(each).link(flask_app)["subject"] for each in (partner, sibling, stranger))
    assert mine == siblings != strangers


def test_lists_are_the_apps_own_newest_first(flask_app: Flask, partner: Partner) -> None:
    started = [Actor(partner).start()["account_link_id"] for _ in range(3)]
    held = Actor(partner).link(flask_app)["account_link_id"]
    first = partner.get("/v1/account-links", limit=2).json
    rest = partner.client.get(first["links"]["next"], headers=partner.headers).json
    assert [link["account_link_id"] for link in [*first["data"], *rest["data"]]] == [held, *reversed(started)]
    assert [link["account_link_id"] for link in partner.get("/v1/account-links", status="ACTIVE").json["data"]] == [
        held
    ]


def test_a_reset_forgets_links_and_visits(flask_app: Flask, partner: Partner, actor: Actor) -> None:
    link = actor.start()
    browser = Customer(flask_app, link["link_url"]).send("start")
    partner.post("/sandbox/v1/reset", key=None)
    assert browser.open().status_code == 404
    assert partner.get(f"/v1/account-links/{link['account_link_id']}").status_code == 404


def test_a_world_with_links_can_be_replayed(flask_app: Flask, bank: Bank, partner: Partner, actor: Actor) -> None:
    link = actor.link(flask_app)
    refused = Actor(partner).start()
    Customer(flask_app, refused["link_url"]).send("start").sign_in().send("refuse")
    service.unlink_as_customer(bank, World(partner.app["world_id"]), link["account_link_id"], RICH_ID)
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert report["same"], report["differences"]
    assert report["not_repeated"] == []


def test_the_log_has_no_account_no_label_and_no_nonce_and_a_replay_comes_to_the_same(
    flask_app: Flask, bank: Bank, partner: Partner, actor: Actor
) -> None:
    order(partner, {"operation_id": "findAccountLink"}, {"drop": "AFTER"}, times=1)  # so that looking is a deed, too
    order(partner, {"operation_id": "startAccountLink"}, {"drop": "AFTER"}, times=1)
    order(partner, {"operation_id": "confirmAccountLink"}, {"drop": "AFTER"}, times=1)
    actor.find()
    assert actor.ask(locale="FR").status_code >= 400
    others = [Actor(partner, "qq", label=label) for label in ("2803301701", "明", f"a@{'b' * 58}")]
    for other in others:
        other.start()
    browser = Customer(flask_app, actor.start()["link_url"]).approve()
    nonce, wrong = browser.returned["nonce"], "BCDF-GHJK-LMNP-QRST"
    typed = nonce.replace("-", " ").lower()
    assert actor.bring(wrong).status_code >= 400
    answers = [actor.bring(brought, key="of-this-message") for brought in (typed, nonce, typed)]
    assert answers[-1].json["status"] == answers[-2].json["status"] == "ACTIVE"
    assert actor.bring(wrong, key="of-this-message").json["code"] == "IDEMPOTENCY_MISMATCH"
    started = Customer(flask_app, others[0].start()["link_url"]).approve()
    assert others[1].bring(started.returned["nonce"]).json["code"] == "ACCOUNT_LINK_ACTOR_MISMATCH"
    done = deeds.of_world(bank, bank.db.read(), partner.app["world_id"])
    names = [deed.name for deed in done]
    assert {"startAccountLink", "findAccountLink", "confirmAccountLink"} <= set(names)
    text = json.dumps([dict(deed.details) for deed in done], ensure_ascii=False)
    nonces = [nonce, started.returned["nonce"], wrong]
    secrets = [*nonces, *(each.replace("-", "") for each in nonces), typed, "小明在成都"]
    for secret in [*secrets, *(who.actor_ref for who in (actor, *others)), others[0].label, others[2].label]:
        assert secret not in text
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert report["same"], report["differences"]
    assert report["not_repeated"] == []


@pytest.mark.parametrize("name", service.EVENTS.values())
def test_the_sandbox_brings_a_link_anywhere(partner: Partner, actor: Actor, name: str) -> None:
    """Whoever needs a linked customer starts a link, and has it confirmed without a browser."""
    for subject in ({"new": True}, {"account_link_id": actor.start()["account_link_id"]}):
        told = partner.post(f"/sandbox/v1/events/account_link.{name}:trigger", subject, key=None)
        assert told.status_code == 200, told.text
        link = read(partner, told.json["data"])
        assert service.EVENTS[link["status"]] == name
    again = partner.post(f"/sandbox/v1/events/account_link.{name}:trigger", subject, key=None)
    assert again.json["code"] == "INVALID_TRANSITION"
