"""What the app makes of what browsers bring back: only what they began, for who is signed in, of who is linked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.payer import POOR, RICH, forms_of
from tests.sdk.oauth.conftest import URL, Door, opened

from linked_app.app import create_app
from linked_app.settings import Settings
from openteller import Money, OpenTeller
from openteller.oauth import SigningKey

OWN = "http://127.0.0.1:8099"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from opened(tmp_path_factory.mktemp("bank"))


@pytest.fixture(scope="module")
def bank(door: Door) -> Iterator[OpenTeller]:
    key = SigningKey.generate()
    made = door.register(key=key, redirect_uris=[f"{OWN}/linked", f"{OWN}/allowed"])
    with door.client(client_id=made.client_id, private_key=key) as client:
        yield client


@pytest.fixture(scope="module")
def butler(bank: OpenTeller, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app(Settings(URL, OWN, tmp_path_factory.mktemp("butler") / "data"), bank)


class Visitor:
    """A browser at the app and at the bank. who: as whom it signs in at the bank."""

    def __init__(self, butler: Flask, door: Door, account: str, who: tuple[str, str] = RICH) -> None:
        self.app: FlaskClient = butler.test_client()
        self._bank = door.app.test_client()
        self.who = who
        self.app.post("/sign-in", data={"account": account})

    def begin(self, what: str) -> str:
        """Press a button; give where the browser is sent."""
        answer = self.app.post(f"/{what}")
        assert answer.status_code == 303
        return str(answer.headers["Location"])

    def approve(self, address: str) -> str:
        """Sign in at the bank and approve; give where the browser is sent back to."""
        answer = self._bank.get(_path(address))
        for _ in range(10):
            if answer.status_code != 303:
                form = next(form for form in forms_of(answer.text) if form.step in {"start", "sign_in", "approve"})
                typed = dict(zip(("customer_number", "demo_code"), self.who, strict=True))
                filled = form.values.to_dict() | (typed if form.step == "sign_in" else {})
                answer = self._bank.post(form.action, data=filled)
            elif (place := answer.headers["Location"]).startswith(OWN):
                return str(place)
            else:
                answer = self._bank.get(_path(place))
        raise AssertionError("the bank's pages come to no end")

    def come_back(self, address: str) -> str:
        """Bring an answer; give the page that follows."""
        answer = self.app.get(_path(address))
        assert answer.status_code == 303 and answer.headers["Location"] == "/"
        return self.page

    def look_at_the_bank(self, address: str) -> str:
        return self._bank.get(_path(address)).text

    def do(self, what: str) -> str:
        return self.come_back(self.approve(self.begin(what)))

    @property
    def page(self) -> str:
        return self.app.get("/").text


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


@pytest.fixture
def visit(butler: Flask, door: Door, request: pytest.FixtureRequest) -> Any:
    def make(name: str = "a", who: tuple[str, str] = RICH) -> Visitor:
        return Visitor(butler, door, f"{request.node.name}-{name}"[-60:], who)

    return make


def test_a_nonce_that_somebody_else_was_led_to_links_nobody(visit: Any) -> None:
    """The attacker begins, and tricks a victim, signed in as himself, into finishing it."""
    attacker, victim = visit("attacker"), visit("victim")
    stolen = victim.approve(attacker.begin("link"))
    assert "绑定没有完成" in victim.come_back(stolen)
    assert "还没有绑定" in victim.page and "还没有绑定" in attacker.page
    assert "绑定没有完成" in attacker.come_back(stolen)


def test_an_answer_of_another_server_links_nobody(visit: Any) -> None:
    me = visit()
    back = me.approve(me.begin("link"))
    assert "已忽略" in me.come_back(back.replace("bank.example", "evil.example"))
    assert "还没有绑定" in me.page


def test_a_code_in_a_forged_address_does_nothing(visit: Any) -> None:
    attacker, victim = visit("attacker"), visit("victim")
    attacker.do("link")
    victim.do("link")
    stolen = attacker.approve(attacker.begin("allow"))
    assert "已忽略" in victim.come_back(stolen)
    victim.begin("allow")
    assert "已忽略" in victim.come_back(stolen)
    assert "还没有授权" in victim.page


def test_another_customer_than_the_linked_one_cannot_allow_anything(visit: Any) -> None:
    """Whoever signs in at the bank need not be who is linked: the request names the link, and the bank looks."""
    me = visit()
    me.do("link")
    me.who = POOR
    with pytest.raises(AssertionError, match="no end"):
        me.do("allow")
    assert "还没有授权" in me.page


def test_nothing_is_allowed_without_a_link(visit: Any) -> None:
    assert visit().begin("allow") == "/"


def test_unlinking_ends_both(visit: Any) -> None:
    me = visit()
    me.do("link")
    allowed = me.do("allow")
    assert "授权成功。" in allowed and "每笔最多 CNY 200.00" in allowed
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d 起可以代缴。", allowed)
    me.app.post("/unlink")
    assert "已解除绑定" in me.page
    assert "还没有绑定" in me.page


@pytest.mark.parametrize("path", ["/link", "/allow", "/unlink"])
def test_nobody_who_is_not_signed_in_can_do_anything(path: str, butler: Flask) -> None:
    answer = butler.test_client().post(path)
    assert answer.status_code == 403
    assert "请先登录。" in answer.text and 'id="sign-in"' in answer.text


@pytest.mark.parametrize("path", ["/linked?nonce=x&iss=y", "/allowed?code=x&state=y"])
def test_answers_without_a_session_are_nobodys(path: str, butler: Flask) -> None:
    assert butler.test_client().get(path).status_code in {303, 403}


def test_names_are_shown_as_text(butler: Flask) -> None:
    client = butler.test_client()
    client.post("/sign-in", data={"account": "<script>alert(1)</script>"})
    assert "<script>" not in client.get("/").text


def test_pages_are_guarded_and_speak_english(butler: Flask) -> None:
    answer = butler.test_client().get("/", headers={"Accept-Language": "en-GB"})
    assert "Sign in" in answer.text
    assert "form-action 'self' https://bank.example;" in answer.headers["Content-Security-Policy"]
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    cookie = butler.test_client().post("/sign-in", data={"account": "x"}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie


def test_a_bank_that_cannot_be_reached_is_told_of_once(tmp_path: Path) -> None:
    """The first page needs the bank: leading the browser to it again and again would show nothing at all."""
    with OpenTeller("http://127.0.0.1:9", client_id="app_none", client_secret="none", max_retries=0) as nobody:
        client = create_app(Settings(URL, OWN, tmp_path / "data"), nobody).test_client()
        client.post("/sign-in", data={"account": "小明"})
        answer = client.get("/")
    assert answer.status_code == 503
    assert "银行暂时无法处理" in answer.text and "退出" in answer.text


def save(me: Visitor, number: str) -> str:
    """Save an account; give the identifier that the page then has for it."""
    me.app.post("/save", data={"account_number": number, "label": number[-3:]})
    return next(form.values["saved_biller_id"] for form in forms_of(me.page) if form.action == "/pay")


def ready(visit: Any, bank: OpenTeller) -> Visitor:
    """Let somebody link, allow, and wait a day."""
    me: Visitor = visit()
    me.do("link")
    me.do("allow")
    bank.sandbox.advance_clock(seconds=25 * 3600)
    return me


def test_a_bill_beyond_the_mandate_leads_to_the_banks_page(
    visit: Any, bank: OpenTeller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("linked_app.app.AT_MOST", Money("50.00"))
    me = ready(visit, bank)
    place = me.app.post("/pay", data={"saved_biller_id": save(me, "3100000011")}).headers["Location"]
    assert place.startswith(f"{URL}/pay/")
    assert "CNY 111.85" in me.look_at_the_bank(place) or "沪汀示范电力" in me.look_at_the_bank(place)


def test_a_consent_that_ended_at_the_bank_is_asked_for_again(visit: Any, bank: OpenTeller) -> None:
    me = ready(visit, bank)
    saved = save(me, "3100000029")
    consent = bank.consents.list(status="ACTIVE").first()
    assert consent is not None
    bank.consents.revoke(consent.consent_id)
    assert me.app.post("/pay", data={"saved_biller_id": saved}).status_code == 303
    assert "请重新授权" in me.page and "还没有授权" in me.page


def test_a_number_that_is_none_is_told_in_the_readers_words(visit: Any, bank: OpenTeller) -> None:
    me = ready(visit, bank)
    me.app.post("/save", data={"account_number": "12"})
    assert "填写的信息有误" in me.page


def test_nobody_pays_from_what_somebody_else_has_saved(visit: Any, bank: OpenTeller) -> None:
    me = ready(visit, bank)
    saved = save(me, "3100000029")
    other = visit("other", POOR)
    other.do("link")
    other.do("allow")
    bank.sandbox.advance_clock(seconds=25 * 3600)
    before = len(bank.payments.list().to_list(at_most=50))
    other.app.post("/pay", data={"saved_biller_id": saved})
    assert "已代缴" not in other.page
    assert len(bank.payments.list().to_list(at_most=50)) == before


def test_what_is_left_of_the_mandate_is_shown(door: Door, tmp_path: Path) -> None:
    key = SigningKey.generate()
    made = door.register(key=key, redirect_uris=[f"{OWN}/linked", f"{OWN}/allowed"])
    with door.client(client_id=made.client_id, private_key=key) as alone:
        me = Visitor(create_app(Settings(URL, OWN, tmp_path / "data"), alone), door, "小明")
        me.do("link")
        me.do("allow")
        alone.sandbox.advance_clock(seconds=25 * 3600)
        assert "现在最多可缴 CNY 200.00。" in me.page and "还可代缴 CNY 500.00。" in me.page
        assert me.app.post("/pay", data={"saved_biller_id": save(me, "3100000011")}).headers["Location"] == "/"
        assert "还可代缴 CNY 388.15。" in me.page
