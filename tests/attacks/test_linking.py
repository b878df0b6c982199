"""What somebody might do to have his chat taken for another one's, or another customer's account for his own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.conftest import Partner, make_partner
from tests.linker import Actor, Customer, read
from tests.payer import POOR, RICH

from openteller_sandbox.account_links import service
from openteller_sandbox.account_links.masking import masked
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.db import Statement, metadata

INVALID, MISMATCH = "ACCOUNT_LINK_NONCE_INVALID", "ACCOUNT_LINK_ACTOR_MISMATCH"
VICTIM, MALLORY = RICH, POOR
"""Two customers of the bank; one means no good."""
AT_ONCE, ROUNDS = 12, 3


@pytest.fixture(scope="module")
def partner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False), return_urls=["https://bot.example/done"])


@pytest.fixture
def mallory(partner: Partner) -> Actor:
    return Actor(partner, label="@mallory")


@pytest.fixture
def victim(partner: Partner) -> Actor:
    return Actor(partner)


def refused(answer: Any, code: str) -> None:
    assert answer.json["code"] == code, answer.text
    assert answer.status_code in {409, 422}


def ended(partner: Partner, link: dict[str, Any], reason: str) -> None:
    now = read(partner, link)
    assert (now["status"], now.get("status_reason")) == ("FAILED", reason)
    assert "subject" not in now


# Links made by somebody else.


@pytest.mark.abuse("linking", "sends the page of his own account to a victim, who approves and writes to the bot")
def test_a_nonce_from_a_page_of_somebody_else_burns_the_link(
    flask_app: Flask, partner: Partner, mallory: Actor, victim: Actor
) -> None:
    link = mallory.start()
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    refused(victim.bring(nonce), MISMATCH)
    ended(partner, link, "ACTOR_MISMATCH")
    refused(mallory.bring(nonce), INVALID)
    assert victim.find().status_code == 404


@pytest.mark.abuse("linking", "sends the page of his own account to a victim, who approves, and guesses the nonce")
def test_three_wrong_nonces_burn_the_link(flask_app: Flask, partner: Partner, mallory: Actor) -> None:
    link = mallory.start()
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    for letters in ("BCDF", "GHJK", "LMNP"):
        assert read(partner, link)["status"] == "APPROVED"
        refused(mallory.bring("-".join([letters] * 4)), INVALID)
    ended(partner, link, "WRONG_NONCES")
    refused(mallory.bring(nonce), INVALID)


@pytest.mark.abuse("linking", "opens a victim's link and approves as himself, so that the victim pays into his hands")
def test_a_link_that_a_stranger_approves_holds_for_nobody(
    flask_app: Flask, partner: Partner, mallory: Actor, victim: Actor
) -> None:
    link = victim.start()
    nonce = Customer(flask_app, link["link_url"]).approve(MALLORY).returned["nonce"]
    refused(mallory.bring(nonce), MISMATCH)
    ended(partner, link, "ACTOR_MISMATCH")


@pytest.mark.abuse("linking", "lets a victim approve in one browser, and waits signed in at the same page in another")
def test_only_the_customer_who_approved_is_shown_the_nonce(flask_app: Flask, victim: Actor) -> None:
    url = victim.start(return_url=None)["link_url"]
    waiting = Customer(flask_app, url).send("start").sign_in(MALLORY)
    not_signed_in = Customer(flask_app, url).send("start")
    form = waiting.forms["approve"]
    Customer(flask_app, url).approve(VICTIM)
    for browser in (waiting, not_signed_in, Customer(flask_app, url)):
        assert browser.open().status_code == 410
        assert "绑定码" not in browser.text
    late = waiting._client.post(form.action, data=form.values, follow_redirects=True)
    assert late.status_code == 410


@pytest.mark.abuse("linking", "takes a nonce over to the same name on another platform")
@pytest.mark.parametrize("channel", ["qq", "wechat", "weibo2"])
def test_an_account_of_the_same_name_on_another_platform_is_another_one(
    flask_app: Flask, partner: Partner, victim: Actor, channel: str
) -> None:
    link = victim.start()
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    namesake = Actor(partner, channel, victim.actor_ref, victim.label)
    assert namesake.find().status_code == 404
    refused(namesake.bring(nonce), MISMATCH)
    ended(partner, link, "ACTOR_MISMATCH")


# Nonces.


@pytest.mark.abuse("linking", "replays a nonce that was used, after the link was ended too")
def test_a_nonce_is_good_once(flask_app: Flask, partner: Partner, mallory: Actor, victim: Actor) -> None:
    link = victim.start()
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    assert victim.bring(nonce).status_code == 200
    for actor in (victim, mallory):
        refused(actor.bring(nonce), INVALID)
    assert read(partner, link)["status"] == "ACTIVE", "who replays an old nonce can end nothing"
    partner.post(f"/v1/account-links/{link['account_link_id']}:unlink", key=None)
    refused(victim.bring(nonce), INVALID)


@pytest.mark.abuse("linking", "brings one app's nonce to another app")
@pytest.mark.parametrize("form", [{}, {"join": "world"}, {"join": "partner"}], ids=["world", "partner", "app"])
def test_a_nonce_is_good_at_its_own_app_only(
    flask_app: Flask, partner: Partner, new_partner: Callable[..., Partner], victim: Actor, form: dict[str, str]
) -> None:
    link = victim.start()
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    elsewhere = new_partner(headers=partner.headers if form else None, **form)
    refused(Actor(elsewhere, victim.channel, victim.actor_ref).bring(nonce), INVALID)
    assert read(partner, link)["status"] == "APPROVED"
    assert victim.bring(nonce).status_code == 200


@pytest.mark.abuse("linking", "uses a nonce, or the page, of a link that was started again")
def test_what_was_given_for_an_earlier_link_is_worth_nothing(flask_app: Flask, partner: Partner, victim: Actor) -> None:
    first = victim.start()
    old = Customer(flask_app, first["link_url"]).approve(VICTIM)
    second = victim.start()
    refused(victim.bring(old.returned["nonce"]), INVALID)
    assert Customer(flask_app, first["link_url"]).answer.status_code == 410
    assert read(partner, second)["status"] == "AWAITING"


@pytest.mark.abuse("linking", "brings a nonce for a link that nobody has approved")
def test_there_is_no_nonce_before_the_approval(bank: Bank, partner: Partner, victim: Actor) -> None:
    link = victim.start()
    found = service.get(bank.db.read(), link["account_link_id"])
    assert found is not None
    refused(victim.bring(service.nonce_of(bank, found)), INVALID)
    assert read(partner, link)["status"] == "AWAITING"


# Merging.


@pytest.mark.abuse("linking", "takes a victim's e-mail address, phone number or nickname for his own account's name")
@pytest.mark.parametrize("label", ["liming@example.com", "13800138000", "@小明在成都", "李明"])
def test_nobody_is_merged_by_what_an_account_is_called(flask_app: Flask, partner: Partner, label: str) -> None:
    one, other = (Actor(partner, "email", label=label) for _ in range(2))
    held = one.link(flask_app, VICTIM)
    assert other.find().status_code == 404
    link = other.start()
    assert "subject" not in link
    assert other.link(flask_app, MALLORY)["subject"] != held["subject"]
    assert one.find().json == held


@pytest.mark.abuse("linking", "links an account that a victim has linked with himself")
def test_an_account_has_one_customer_at_a_time(flask_app: Flask, partner: Partner, victim: Actor) -> None:
    earlier = victim.start()["link_url"]
    held = victim.link(flask_app, VICTIM)
    refused(victim.ask(), "ACCOUNT_LINK_EXISTS")
    assert Customer(flask_app, earlier).answer.status_code == 410
    assert victim.find().json == held


# The page.


@pytest.mark.abuse("linking", "has a browser post the page's forms without its token, or with another page's")
def test_forms_need_the_token_of_their_own_visit(flask_app: Flask, partner: Partner, victim: Actor) -> None:
    link, other = victim.start(), Actor(partner).start()
    foreign = Customer(flask_app, other["link_url"]).send("start").sign_in(VICTIM).forms["approve"].values["csrf"]
    browser = Customer(flask_app, link["link_url"]).send("start")
    before = browser.forms["sign_in"].values["csrf"]
    browser.sign_in(VICTIM)
    for csrf in ("", "x", foreign, before):
        for step in ("approve", "refuse", "language"):
            browser.send("approve", csrf=csrf, step=step)
            assert "页面已过期" in browser.text
    assert read(partner, link)["version"] == 1


@pytest.mark.abuse("linking", "has another site send the page's forms in a customer's browser")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_forms_from_other_sites_are_refused(flask_app: Flask, partner: Partner, victim: Actor, site: str) -> None:
    link = victim.start()
    browser = Customer(flask_app, link["link_url"]).send("start").sign_in(VICTIM)
    form = browser.forms["approve"]
    for data in (form.values, {"step": "start"}):
        answer = browser._client.post(form.action, data=data, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 400
    assert read(partner, link)["status"] == "AWAITING"


@pytest.mark.abuse("linking", "gives a victim a browser session that he has begun himself")
def test_who_signs_in_gets_another_cookie(flask_app: Flask, victim: Actor) -> None:
    browser = Customer(flask_app, victim.start()["link_url"]).send("start")
    before = browser._client.get_cookie("openteller_link", path=browser.path)
    browser.sign_in(VICTIM)
    after = browser._client.get_cookie("openteller_link", path=browser.path)
    assert before is not None and after is not None
    assert before.value != after.value
    assert after.http_only and after.same_site == "Lax"
    fixed = Customer(flask_app, browser.path)
    fixed._client.set_cookie("openteller_link", before.value, path=browser.path)
    fixed.open()
    assert fixed.step == "start"


@pytest.mark.abuse("linking", "takes the cookie of his own link's page to a victim's")
def test_a_cookie_is_good_at_its_own_link_only(flask_app: Flask, mallory: Actor, victim: Actor) -> None:
    own = Customer(flask_app, mallory.start()["link_url"]).send("start").sign_in(MALLORY)
    cookie = own._client.get_cookie("openteller_link", path=own.path)
    assert cookie is not None
    browser = Customer(flask_app, victim.start()["link_url"])
    browser._client.set_cookie("openteller_link", cookie.value, path=browser.path)
    browser.open()
    assert browser.step == "start"


@pytest.mark.abuse("linking", "approves without signing in")
def test_only_the_signed_in_can_answer(flask_app: Flask, partner: Partner, victim: Actor) -> None:
    link = victim.start()
    browser = Customer(flask_app, link["link_url"]).send("start")
    for step in ("approve", "refuse"):
        browser.send("sign_in", step=step)
        assert browser.step == "sign_in"
    assert read(partner, link)["version"] == 1


@pytest.mark.abuse("linking", "tries codes of a customer at the page of a link")
def test_sign_ins_are_limited_as_everywhere(flask_app: Flask, new_partner: Callable[..., Partner]) -> None:
    own = new_partner(return_urls=["https://bot.example/done"])
    browser = Customer(flask_app, Actor(own).start()["link_url"]).send("start")
    for _ in range(5):
        browser.sign_in((VICTIM[0], "000000"))
    assert "15 分钟后再试" in browser.text
    assert browser.sign_in(VICTIM).step == "sign_in"


@pytest.mark.abuse("linking", "frames the page, or has it kept, indexed or told to other sites")
def test_the_page_is_the_banks_alone(flask_app: Flask, victim: Actor) -> None:
    browser = Customer(flask_app, victim.start()["link_url"])
    for go_on in (lambda: browser.send("start"), lambda: browser.sign_in(VICTIM), lambda: None):
        headers = browser.answer.headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert (headers["X-Frame-Options"], headers["Cache-Control"]) == ("DENY", "no-store")
        assert (headers["Referrer-Policy"], headers["X-Robots-Tag"]) == ("no-referrer", "noindex, nofollow")
        assert "<script" not in browser.answer.text
        go_on()
    assert "form-action 'self' https://bot.example;" in browser.answer.headers["Content-Security-Policy"]


@pytest.mark.abuse("linking", "writes markup into the name of his account")
@pytest.mark.parametrize(
    "label", ['"onload="x"', "'onload='x'", "&lt;b&gt;", "{{7*7}}", "{% raw %}", "a\u202eb\u200bc"]
)
def test_the_name_of_an_account_is_text(flask_app: Flask, partner: Partner, label: str) -> None:
    browser = Customer(flask_app, Actor(partner, label=label).start()["link_url"]).send("start").sign_in(VICTIM)
    shown = masked(label)
    assert browser.step == "approve"
    assert label not in browser.answer.text
    assert shown in browser.text.replace("&#34;", '"').replace("&#39;", "'").replace("&amp;", "&")
    assert not set(shown) & {"\u202e", "\u200b"}


@pytest.mark.abuse("linking", "has the nonce sent to a place of his own")
@pytest.mark.parametrize(
    "url",
    [
        "https://bot.example/done/",
        "https://bot.example/done?x=1",
        "https://bot.example/done%23",
        "https://BOT.example/done",
        "https://bot.example@evil.example/done",
        "https://bot.example.evil.example/done",
        "http://bot.example/done",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
def test_browsers_go_to_registered_places_only(victim: Actor, url: str) -> None:
    refused(victim.ask(return_url=url), "RETURN_URL_NOT_REGISTERED")
    assert victim.find().status_code == 404


@pytest.mark.abuse("linking", "looks for pages of links by guessing their addresses")
@pytest.mark.parametrize("token", ["x", "a" * 26, "A" * 26, "%00", "..%2f", "é", "a" * 5000])
def test_an_address_that_nobody_was_given_is_no_page(flask_app: Flask, token: str) -> None:
    for method in ("get", "post"):
        answer = getattr(flask_app.test_client(), method)(f"/account-link/{token}")
        assert answer.status_code == 404
        assert "Set-Cookie" not in answer.headers


# Strangers.


@pytest.mark.abuse("strangers", "reads, finds, lists or ends another app's account link")
@pytest.mark.parametrize("form", [{}, {"join": "world"}, {"join": "partner"}], ids=["world", "partner", "app"])
def test_links_are_their_apps_own(
    flask_app: Flask, partner: Partner, new_partner: Callable[..., Partner], victim: Actor, form: dict[str, str]
) -> None:
    link = victim.link(flask_app, VICTIM)
    stranger = new_partner(headers=partner.headers if form else None, **form)
    path = f"/v1/account-links/{link['account_link_id']}"
    assert stranger.get(path).status_code == 404
    assert stranger.post(f"{path}:unlink", key=None).status_code == 404
    assert Actor(stranger, victim.channel, victim.actor_ref).find().status_code == 404
    assert stranger.get("/v1/account-links").json["data"] == []
    assert stranger.events() == []
    assert read(partner, link) == link


@pytest.mark.abuse("strangers", "reads in the log of a shared world which links another partner has, and who answers")
def test_the_log_of_a_shared_world_names_no_links_of_another_partner(
    flask_app: Flask, new_partner: Callable[..., Partner]
) -> None:
    own = new_partner(return_urls=["https://bot.example/done"])
    stranger = new_partner(headers=own.headers, join="world", return_urls=["https://bot.example/done"])
    links = {app.app["app_id"]: Actor(app).link(flask_app, VICTIM)["account_link_id"] for app in (own, stranger)}
    Actor(own).start()
    own.advance(seconds=600)
    for app in (own, stranger):
        log = app.get("/sandbox/v1/worlds/current/log", limit=100).json["data"]
        named = {deed["subject"] for deed in log if str(deed.get("subject")).startswith("acl_")}
        assert links[app.app["app_id"]] in named
        assert named <= {link["account_link_id"] for link in app.get("/v1/account-links").json["data"]}


# What is kept, and told.


@pytest.mark.abuse("linking", "reads the bank's tables, logs and events to learn whose account is whose")
def test_no_account_is_named_in_tables_logs_or_events(
    flask_app: Flask, bank: Bank, partner: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    actor = Actor(partner, actor_ref="the-hmac-of-somebody-special", label="@独特的昵称在重庆")
    link = actor.start()
    token = link["link_url"].rpartition("/")[2]
    nonce = Customer(flask_app, link["link_url"]).approve(VICTIM).returned["nonce"]
    secrets = {actor.actor_ref, actor.label[1:], token, nonce, nonce.replace("-", "")}
    refused(actor.bring("BCDFGHJKLMNPQRST"), INVALID)
    assert actor.bring(nonce).status_code == 200
    partner.get("/sandbox/v1/requests")
    told = [str(partner.events()), caplog.text, str(partner.get("/sandbox/v1/requests", limit=100).json)]
    assert {secret for secret in secrets for text in [*told, *_tables(bank)] if secret in text} == set()
    assert "@独***庆" in " ".join(_tables(bank))
    partner.post(f"/v1/account-links/{link['account_link_id']}:unlink", key=None)
    (row,) = [row for row in _rows(bank, "account_links") if row["account_link_id"] == link["account_link_id"]]
    assert (row["actor_hash"], row["actor_masked"], row["nonce_hash"]) == (None, None, None)
    found = service.get(bank.db.read(), link["account_link_id"])
    assert row["token_hash"] not in repr(found)


def _tables(bank: Bank) -> list[str]:
    return [str(row) for name in metadata.tables for row in _rows(bank, name) if not name.startswith(OPEN)]


OPEN = ("branch", "atm", "biller", "division", "rate", "search", "workday")


def _rows(bank: Bank, name: str) -> list[dict[str, Any]]:
    if name.startswith(OPEN):
        return []
    return [
        dict(zip(row.keys(), row, strict=True)) for row in bank.db.read().all(Statement(metadata.tables[name].select()))
    ]


# Races.


AtOnce = Callable[[Callable[[], Any]], list[Any]]


@pytest.fixture(scope="module")
def at_once() -> Iterator[AtOnce]:
    """Do the same on twelve threads, as close together as can be."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def run(act: Callable[[], Any]) -> list[Any]:
            barrier = Barrier(AT_ONCE)

            def one() -> Any:
                barrier.wait()
                return act()

            return [future.result() for future in [pool.submit(one) for _ in range(AT_ONCE)]]

        yield run


@pytest.fixture
def own(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False), return_urls=["https://bot.example/done"])


@pytest.mark.both_engines
@pytest.mark.abuse("replay", "brings one nonce twelve times at once")
def test_one_nonce_links_once(flask_app: Flask, own: Partner, at_once: AtOnce) -> None:
    for _ in range(ROUNDS):
        actor = Actor(own)
        nonce = Customer(flask_app, actor.start()["link_url"]).approve(VICTIM).returned["nonce"]
        answers = at_once(lambda actor=actor, nonce=nonce: actor.bring(nonce))  # type: ignore[misc]
        assert sorted(answer.status_code for answer in answers) == [200] + [422] * (AT_ONCE - 1)
        assert actor.find().json["status"] == "ACTIVE"
    assert [event["type"] for event in own.events()].count("account_link.confirmed") == ROUNDS


@pytest.mark.both_engines
@pytest.mark.abuse("replay", "brings one nonce from two accounts at once")
def test_a_nonce_that_two_accounts_bring_at_once_links_its_own_or_none(
    flask_app: Flask, own: Partner, at_once: AtOnce
) -> None:
    for _ in range(ROUNDS):
        actor, other = Actor(own), Actor(own)
        nonce = Customer(flask_app, actor.start()["link_url"]).approve(VICTIM).returned["nonce"]
        turns = [actor, other] * (AT_ONCE // 2)
        answers = at_once(lambda turns=turns, nonce=nonce: turns.pop().bring(nonce))  # type: ignore[misc]
        codes = [answer.json.get("code") for answer in answers]
        assert sorted([codes.count(None), codes.count(MISMATCH)]) == [0, 1]
        assert other.find().status_code == 404
        assert (actor.find().status_code == 200) is (None in codes)


@pytest.mark.both_engines
@pytest.mark.abuse("replay", "approves one link as two customers in twelve browsers at once")
def test_one_link_is_approved_once(flask_app: Flask, own: Partner, at_once: AtOnce) -> None:
    for _ in range(ROUNDS):
        url = Actor(own).start()["link_url"]
        browsers = [Customer(flask_app, url).send("start").sign_in(who) for who in (VICTIM, MALLORY) * (AT_ONCE // 2)]
        waiting = list(browsers)
        at_once(lambda waiting=waiting: waiting.pop().send("approve"))  # type: ignore[misc]
        assert len({browser.returned["nonce"] for browser in browsers if browser.returned}) == 1
        assert sum(bool(browser.returned) for browser in browsers) == 1
    assert [event["type"] for event in own.events()].count("account_link.approved") == ROUNDS


@pytest.mark.both_engines
@pytest.mark.abuse("replay", "starts twelve links for one account at once")
def test_an_account_has_one_open_link_however_many_are_started(own: Partner, at_once: AtOnce) -> None:
    actor = Actor(own)
    answers = at_once(actor.ask)
    assert {answer.status_code for answer in answers} == {201}
    links = own.get("/v1/account-links", limit=100).json["data"]
    assert sorted(link["status"] for link in links) == ["AWAITING"] + ["FAILED"] * (AT_ONCE - 1)


@pytest.mark.both_engines
@pytest.mark.abuse("replay", "ends a link from both sides at once")
def test_a_link_is_ended_once(flask_app: Flask, bank: Bank, own: Partner, at_once: AtOnce) -> None:
    link = Actor(own).link(flask_app, VICTIM)
    world, path = World(own.app["world_id"]), f"/v1/account-links/{link['account_link_id']}:unlink"
    customers_turns = [True, False] * (AT_ONCE // 2)

    def end() -> Any:
        if customers_turns.pop():
            return service.unlink_as_customer(bank, world, link["account_link_id"], CUSTOMERS[0].customer_id)
        return own.post(path, key=None).status_code

    results = at_once(end)
    assert results.count(True) <= 1
    assert [event["type"] for event in own.events()].count("account_link.unlinked") == 1
