"""A customer's own pages: everything that is theirs, over all apps of a world, and nothing of anybody else's."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import GONE, Client
from tests.attacks.oauth.test_code_flow import mandate
from tests.conftest import Partner, WallClock, make_partner
from tests.linked import link_customer
from tests.linked import mandate as a_mandate
from tests.linker import Actor, read
from tests.linker import Customer as Linker
from tests.payer import POOR, RICH, Payer
from werkzeug.test import TestResponse

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.hosted.customer_sessions import COOKIE, LIFETIME_MS
from openteller_sandbox.receipts import service as receipts

POWER = "SH-ELECTRICITY-01"


class Home(Payer):
    """A browser at the pages of a world."""

    def __init__(self, app: Flask, world_id: str) -> None:
        self._client = app.test_client()
        self.path = f"/customer/{world_id}"
        self.answer = self.open()

    def get(self, below: str) -> TestResponse:
        return self._client.get(self.path + below)

    def post(self, below: str = "", **form: str) -> TestResponse:
        return self._client.post(self.path + below, data=form)

    def cookie(self) -> str:
        found = self._client.get_cookie(COOKIE, path=self.path)
        return found.value if found else ""

    @property
    def csrf(self) -> str:
        return str(next(iter(self.forms.values())).values["csrf"])


@pytest.fixture
def world(partner: Partner) -> str:
    return str(partner.app["world_id"])


@pytest.fixture
def home(flask_app: Flask, world: str) -> Home:
    return Home(flask_app, world)


@pytest.fixture
def linked(flask_app: Flask, wall: WallClock, partner: Partner) -> Client:
    """A client of the profile fapi2 in the partner's world, with scopes and a mandate that a customer has allowed."""
    client = Client(flask_app.test_client(use_cookies=False), wall).register(partner.headers, **LINKING)
    details = json.dumps(mandate(partner))
    code = Customer(flask_app, client.pushed(authorization_details=details)).sign_in().approve().returned["code"]
    client.tokens = dict(client.redeem(code).json or {})  # type: ignore[attr-defined]
    return client


@pytest.fixture
def paid(partner: Partner, payer: Callable[[str], Payer]) -> Callable[..., str]:
    """Let a customer pay a bill; give the payment's identifier."""

    def pay(app: Partner = partner, scenario: str = "DUE_BILL") -> str:
        fetched = app.fetch(scenario=scenario).json
        payment = app.pay_link(bill_ids=[fetched["bills"][0]["bill_id"]])
        last = payer(payment["payment_link"]["url"]).pay(app.magic(POWER, scenario)["account_number"][-4:])
        assert "缴费成功" in last.text
        return str(payment["payment_id"])

    return pay


def call(client: Client, wanted: str = "/v1/bills/bil_aaaaaaaaaaaa") -> int:
    return client.call(client.tokens["access_token"], wanted).status_code  # type: ignore[attr-defined]


def test_before_the_sign_in_nothing_of_anybody_is_shown(home: Home, linked: Client, paid: Callable[..., str]) -> None:
    paid()
    home.open()
    assert home.answer.status_code == 200
    assert "受托应用" not in home.text and "¥" not in home.text
    for below in (f"/payments/{'pay_' + 'a' * 12}", "/export.json", "/export.csv"):
        assert home.get(below).headers["Location"] == home.path


def test_all_that_a_customer_has_is_shown_over_every_app_of_the_world(
    home: Home, linked: Client, paid: Callable[..., str], partner: Partner
) -> None:
    other = make_partner(partner.client, partner.headers, join="world", name="另一家")
    paid()
    paid(other, "SEVERAL_BILLS")
    home.sign_in()
    for said in ("受托应用", "查询账单", "代为缴费", "¥200.00", "授权日期", "最近使用", "测试应用", "另一家", "陈晓明"):
        assert said in home.text, said
    assert home.text.count("缴费成功") == 2
    assert linked.client_id not in home.text


def test_a_consent_that_is_taken_back_ends_its_tokens_at_the_next_request(home: Home, linked: Client) -> None:
    home.sign_in()
    assert call(linked) == 404, "the token is good, the bill is none"
    home.send("revoke")
    assert "已撤销。该应用不能再代您操作。" in home.open("?done=revoked").text
    assert call(linked) == 401
    assert linked.refresh(linked.tokens["refresh_token"]).json["error"] == "invalid_grant"  # type: ignore[attr-defined]
    assert "revoke" not in home.forms
    assert "已结束的授权 (1)" in home.open().text


def test_what_is_taken_back_is_told_to_the_app_and_done_again_with_its_world(
    home: Home, linked: Client, partner: Partner
) -> None:
    home.sign_in().send("revoke")
    events = linked.call(linked.token(), "/v1/events").json["data"]
    assert [event["type"] for event in events] == ["consent.revoked"]
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])


def test_the_last_use_is_told_to_the_minute(home: Home, linked: Client, moving_wall: WallClock) -> None:
    moving_wall.advance(120)
    assert call(linked) == 404
    said = clock.to_datetime(moving_wall.at).strftime("最近使用 %Y-%m-%d %H:%M")
    assert said in home.sign_in().text


def test_a_receipt_is_had_long_after_the_page_of_the_payment_is_over(
    home: Home, paid: Callable[..., str], bank: Bank, moving_wall: WallClock
) -> None:
    payment_id = paid()
    moving_wall.advance(2 * 3600)
    home.sign_in()
    page = home.get(f"/payments/{payment_id}")
    assert "电子回单" in page.text and "3100000011" in page.text
    assert home.get(f"/payments/{payment_id}/receipt.pdf").status_code == 303, "it is not made yet"
    asked = home.post(f"/payments/{payment_id}", csrf=home.csrf)
    assert asked.status_code == 303
    printer = receipts.printer(bank)
    assert printer.print_waiting() == 1
    printer.stop()
    made = home.get(f"/payments/{payment_id}/receipt.pdf")
    assert made.mimetype == "application/pdf" and made.data.startswith(b"%PDF-")
    assert made.headers["Cache-Control"] == "no-store"
    assert made.headers["Content-Disposition"].startswith("attachment")


def test_the_export_has_everything_and_the_table_the_payments(
    home: Home, linked: Client, paid: Callable[..., str]
) -> None:
    payment_id = paid()
    home.sign_in()
    everything = home.get("/export.json").json
    assert everything["customer"] == {"customer_number": RICH[0], "name": "陈晓明"}
    assert [each["app"] for each in everything["consents"]] == ["受托应用"]
    assert everything["consents"][0]["authorization_details"][0]["maximum_individual_amount"]["amount"] == "200.00"
    assert [(each["payment_id"], each["account"]) for each in everything["payments"]] == [(payment_id, "3100000011")]
    (row,) = csv.DictReader(io.StringIO(home.get("/export.csv").data.decode("utf-8-sig")))
    assert (row["payment_id"], row["status"], row["currency"]) == (payment_id, "succeeded", "CNY")
    assert row["total"] == everything["payments"][0]["total"]["amount"]


def test_a_long_list_goes_on_on_further_pages(
    home: Home, paid: Callable[..., str], partner: Partner, payer: Callable[[str], Payer], monkeypatch: Any
) -> None:
    monkeypatch.setattr("openteller_sandbox.hosted.dashboard_views.PAGE", 1)
    first = paid()
    other = make_partner(partner.client, partner.headers, join="world")
    second = paid(other, "SEVERAL_BILLS")
    home.sign_in()
    assert second in home.answer.text and first not in home.answer.text
    (older,) = re.findall(r"before=(pay_[0-9a-z]+)", home.answer.text)
    home.open(f"?before={older}")
    assert first in home.answer.text and second not in home.answer.text
    assert "before=" not in home.answer.text


def test_the_pages_speak_english_and_stay_so(home: Home, linked: Client) -> None:
    home.open("?lang=en")
    assert "Sign in" in home.text
    home.answer = home.post("?lang=en", step="sign_in", csrf=home.csrf, customer_number=RICH[0], demo_code=RICH[1])
    assert home.answer.headers["Location"] == f"{home.path}?lang=en"
    home.open("?lang=en")
    assert home.answer.headers["Content-Language"] == "en"
    for said in ("What apps may do", "look up bills", "Take it back", "Last used", "Payments", "Export my data"):
        assert said in home.text, said


def test_who_reads_chinese_in_an_english_browser_goes_on_to(home: Home) -> None:
    english = {"Accept-Language": "en"}
    form = {"step": "sign_in", "csrf": home.csrf, "customer_number": RICH[0], "demo_code": RICH[1]}
    answer = home._client.post(f"{home.path}?lang=zh-CN", data=form, headers=english)
    assert answer.headers["Location"] == f"{home.path}?lang=zh-CN"
    assert home._client.get(answer.headers["Location"], headers=english).headers["Content-Language"] == "zh-CN"
    assert home._client.get(home.path, headers=english).headers["Content-Language"] == "en"


def test_without_a_world_the_address_leads_to_the_one_of_the_demo(flask_app: Flask) -> None:
    answer = flask_app.test_client().get("/customer")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/customer/wld_demo00000000")


def test_a_social_account_is_shown_and_unlinked(home: Home, flask_app: Flask, partner: Partner) -> None:
    actor = Actor(partner)
    link = actor.start()
    actor.bring(Linker(flask_app, link["link_url"]).approve().returned["nonce"])
    home.sign_in()
    assert "微博 @小***都" in home.text
    assert home.get("/export.json").json["account_links"][0]["account"] == "@小***都"
    home.send("unlink")
    assert "没有绑定社交账号" in home.text
    assert read(partner, link)["status"] == "UNLINKED"


def test_what_an_app_has_saved_and_paid_for_the_customer_is_told(home: Home, partner: Partner) -> None:
    user = link_customer(partner, a_mandate(partner))
    paid = user.pay(user.save()).json
    home.sign_in()
    told = "“测试应用”按您的授权，为 "
    for said in ("应用为您保存的缴费账户", "银行通知", told, "按授权代缴", "代为缴费"):
        assert said in home.text, said
    everything = home.get("/export.json").json
    assert [use["payment_id"] for use in everything["mandate_uses"]] == [paid["payment_id"]]
    assert [notice["kind"] for notice in everything["notices"]] == ["MANDATE_USED"]
    assert len(everything["saved_billers"]) == 1


# What others try.


@pytest.mark.abuse("page", "frames, keeps or follows a customer's own pages")
def test_the_pages_cannot_be_framed_kept_or_followed(home: Home, linked: Client, paid: Callable[..., str]) -> None:
    payment_id = paid()
    seen = [home.open(), home.sign_in().answer, home.get(f"/payments/{payment_id}"), home.get("/export.json")]
    for answer in seen:
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "default-src 'none'" in policy and "script-src" not in policy
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "<script" not in answer.text


@pytest.mark.abuse("page", "goes on with a cookie from before a customer's sign-in")
def test_the_cookie_changes_with_the_sign_in_and_is_the_worlds_own(
    home: Home, flask_app: Flask, partner: Partner
) -> None:
    before = home.cookie()
    sent = home.post(step="sign_in", csrf=home.csrf, customer_number=RICH[0], demo_code=RICH[1])
    cookie = sent.headers["Set-Cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", f"Path={home.path}"))
    thief = flask_app.test_client()
    thief.set_cookie(COOKIE, before, path=home.path)
    assert "陈晓明" not in thief.get(home.path).text
    elsewhere = make_partner(partner.client).app["world_id"]
    thief.set_cookie(COOKIE, home.cookie(), path=f"/customer/{elsewhere}")
    assert "陈晓明" not in thief.get(f"/customer/{elsewhere}").text, "the cookie opens one world"


@pytest.mark.abuse("page", "uses a customer's session after its time, or after signing out")
def test_a_session_ends_by_the_wall_clock_with_signing_out_and_with_a_reset(
    home: Home, moving_wall: WallClock, partner: Partner
) -> None:
    home.sign_in()
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert "陈晓明" not in home.open().get_data(as_text=True)
    home.sign_in()
    moving_wall.advance(LIFETIME_MS // 1000 - 1)
    assert "陈晓明" in home.open().get_data(as_text=True)
    moving_wall.advance(1)
    assert "陈晓明" not in home.open().get_data(as_text=True)
    home.sign_in()
    kept = home.cookie()
    home.post(step="sign_out", csrf=home.csrf)
    home._client.set_cookie(COOKIE, kept, path=home.path)
    assert "陈晓明" not in home.open().get_data(as_text=True)


@pytest.mark.abuse("page", "takes a customer's consent back, signs in or out by a forged form")
@pytest.mark.parametrize("csrf", ["", "0" * 32, "é" * 32])
def test_a_form_that_is_not_the_pages_does_nothing(home: Home, linked: Client, csrf: str) -> None:
    assert home.post(step="sign_in", csrf=csrf, customer_number=RICH[0], demo_code=RICH[1]).status_code == 422
    home.sign_in()
    consent_id = home.forms["revoke"].values["consent_id"]
    assert home.post(step="revoke", csrf=csrf, consent_id=consent_id).status_code == 422
    assert home.post(step="sign_out", csrf=csrf).status_code == 422
    assert call(linked) == 404
    foreign = home._client.post(
        home.path,
        data={"step": "revoke", "csrf": home.csrf, "consent_id": consent_id},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert foreign.status_code == 400
    assert call(linked) == 404


@pytest.mark.abuse("page", "has a link opened that would take a consent back")
def test_a_get_changes_nothing(home: Home, linked: Client) -> None:
    home.sign_in()
    values = home.forms["revoke"].values
    home.open(f"?step=revoke&csrf={values['csrf']}&consent_id={values['consent_id']}&done=revoked")
    assert call(linked) == 404


@pytest.mark.abuse("strangers", "takes back, reads or prints what is another customer's, as a customer")
def test_a_customer_reaches_nothing_of_another_one(
    home: Home, flask_app: Flask, world: str, linked: Client, paid: Callable[..., str], partner: Partner
) -> None:
    payment_id = paid()
    home.sign_in()
    consent_id = home.forms["revoke"].values["consent_id"]
    other = Home(flask_app, world)
    other.sign_in(POOR)
    assert "受托应用" not in other.text and payment_id not in other.answer.text
    assert other.post(step="revoke", csrf=other.csrf, consent_id=consent_id).status_code == 422
    assert call(linked) == 404
    actor = Actor(partner)
    link = actor.start()
    actor.bring(Linker(flask_app, link["link_url"]).approve().returned["nonce"])
    for link_id in (link["account_link_id"], "", "acl_\0", "acl_aaaaaaaaaaaa"):
        assert other.post(step="unlink", csrf=other.csrf, account_link_id=link_id).status_code == 422
    assert read(partner, link)["status"] == "ACTIVE"
    for below in ("", "/receipt.pdf"):
        assert other.get(f"/payments/{payment_id}{below}").status_code == 404
    assert other.post(f"/payments/{payment_id}", csrf=other.csrf).status_code == 404
    assert other.get("/export.json").json["payments"] == []


@pytest.mark.abuse("enumeration", "guesses a customer's code on the customer's own pages")
def test_guessing_locks_the_number_on_every_page_of_the_world(home: Home) -> None:
    for _ in range(5):
        home.send("sign_in", customer_number=RICH[0], demo_code="000000")
    assert home.answer.status_code == 422
    home.send("sign_in", customer_number=RICH[0], demo_code=RICH[1])
    assert "15 分钟" in home.text and "陈晓明" not in home.text


@pytest.mark.abuse("page", "writes markup or a formula into an app's name for a customer's pages and files")
def test_the_name_of_an_app_is_text_and_no_formula(
    flask_app: Flask, wall: WallClock, partner: Partner, home: Home, paid: Callable[..., str]
) -> None:
    named = make_partner(partner.client, partner.headers, join="world", name="=1+1&\"'")
    paid(named)
    home.sign_in()
    assert "=1+1&amp;&#34;&#39;" in home.answer.text
    (row,) = csv.DictReader(io.StringIO(home.get("/export.csv").data.decode("utf-8-sig")))
    assert row["app"] == "'=1+1&\"'"


@pytest.mark.abuse("page", "sends a customer's pages what they do not expect")
@pytest.mark.parametrize(
    "below",
    ["/payments/pay_%00", "/payments/..%2f..", "/export.xml", "?before=pay_%F0&lang=xx&done=%3Cb%3E", "/payments/"],
)
def test_whatever_an_address_says_the_answer_is_a_page(home: Home, below: str) -> None:
    home.sign_in()
    answer = home._client.get(home.path + below, headers={"Accept": "text/html"})
    assert answer.status_code in {200, 404}
    assert answer.mimetype == "text/html"
    assert "<b>" not in answer.text


@pytest.mark.parametrize("world_id", ["wld_public", "wld_aaaaaaaaaaaa", "wld_%00", "x" * 300])
def test_a_world_that_is_none_has_no_pages(flask_app: Flask, world_id: str) -> None:
    answer = flask_app.test_client().get(f"/customer/{world_id}", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_a_public_client_that_was_allowed_something_is_shown_too(
    flask_app: Flask, wall: WallClock, partner: Partner, home: Home
) -> None:
    client = Client(flask_app.test_client(use_cookies=False), wall).register(
        partner.headers,
        profile="baseline",
        token_endpoint_auth_method="none",
        jwks=GONE,
        redirect_uris=["https://app.example/cb"],
        grant_types=["authorization_code", "refresh_token"],
        client_name="手机应用",
    )
    Customer(flask_app, client.request()).sign_in().approve()
    home.sign_in()
    assert "手机应用" in home.text and "尚未使用" in home.text
