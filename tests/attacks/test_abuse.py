"""What a malicious partner, a thief of links or a forger of forms might try, and what comes of it: nothing."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.attacks.conftest import Unharmed
from tests.conftest import Partner
from tests.payer import POOR, RICH, Payer
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger

POWER, TUITION, TOPUP = "SH-ELECTRICITY-01", "BJ-TUITION-01", "CN-MOBILE_TOPUP-01"
NewPartner = Callable[..., Partner]
Payers = Callable[[str], Payer]
AtStep = Callable[[str], Payer]
CRAWLERS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "WhatsApp/2.23.20.0",
    "facebookexternalhit/1.1",
    "Mozilla/5.0 (iPhone) MicroMessenger/8.0.42",
)


@pytest.fixture
def at(partner: Partner, payer: Payers) -> AtStep:
    """Bring a payer of a fetched bill to a step of its link."""

    def go(step: str) -> Payer:
        bill = partner.fetch().json["bills"][0]
        page = payer(partner.pay_link(bill_ids=[bill["bill_id"]])["payment_link"]["url"])
        moves: dict[str, Callable[[], Payer]] = {
            "start": lambda: page.send("start"),
            "sign_in": page.sign_in,
            "digits": lambda: page.send("digits", digits=digits(partner)),
        }
        while page.step != step:
            moves[page.step]()
        return page

    return go


def digits(partner: Partner, code: str = POWER, scenario: str = "DUE_BILL") -> str:
    return partner.magic(code, scenario)["account_number"][-4:]


def taken(bank: Bank, partner: Partner) -> int:
    """Give how many fen the rich customer of a world has paid."""
    balances = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    assert sum(balances.values()) == 0
    return 1_000_000_00 - balances["customer:cst_demo00000001"]


def post(page: Payer, form: dict[str, Any], **headers: str) -> TestResponse:
    """Send a form from the page's browser, whatever the page shows."""
    return page._client.post(page.path, data=form, headers=headers)


# Finding out what there is.


@pytest.mark.abuse("enumeration", "types an account in other characters, so that it counts as another one")
def test_an_account_in_other_characters_is_refused_before_anybody_is_asked(
    partner: Partner, unharmed: Unharmed
) -> None:
    number = partner.magic(POWER, "DUE_BILL")["account_number"]
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in number)
    arabic = "".join(chr(0x0660 + int(digit)) for digit in number)
    body = {"biller_id": partner.biller(POWER)["biller_id"], "end_user_ref": "hmac-of-the-user-1"}
    odd = (wide, arabic, f" {number}", f"{number} ", f"{number[:4]}-{number[4:]}", f"0{number}", f"{number}\u200b")
    with unharmed():
        for each in odd:
            refused = partner.post("/v1/bill-fetches", body | {"inputs": {"account_number": each}})
            assert (refused.status_code, refused.json["code"]) == (422, "FIELD_INVALID")


@pytest.mark.abuse("enumeration", "guesses the second field that shows all of an account")
def test_the_second_field_of_an_account_is_guessed_ten_times_a_day(partner: Partner) -> None:
    inputs = partner.magic(TUITION, "DUE_BILL")
    assert len(inputs) > 1
    biller = partner.biller(TUITION)
    field = next(each for each in biller["input_fields"] if each["name"] == "enquiry_code")
    codes = [f"{number:05d}" for number in range(10, 22)]
    answers = []
    for turn, code in enumerate(codes):
        body = {"biller_id": biller["biller_id"], "inputs": inputs | {field["name"]: code + luhn(code)}}
        answers.append(partner.post("/v1/bill-fetches", body | {"end_user_ref": f"hmac-of-the-user-{turn}"}))
    assert [answer.json.get("code") for answer in answers[10:]] == ["FETCH_LIMIT"] * 2
    assert {answer.json["limit"] for answer in answers[10:]} == {"FETCHES_PER_ACCOUNT"}


def luhn(body: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if index % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@pytest.mark.abuse("enumeration", "opens payments by the four digits of their check codes")
def test_a_check_code_opens_nothing(partner: Partner, client: FlaskClient, unharmed: Unharmed) -> None:
    code4 = partner.pay_link()["payment_link"]["code4"]
    with unharmed():
        for code in (code4, code4 * 6 + "aa", *(f"{number:04d}" for number in range(0, 10_000, 500))):
            assert client.get(f"/pay/{code}").status_code == 404
        checked = client.post("/link-check", data={"link": f"http://127.0.0.1:8080/pay/{code4}"})
        assert "不是本行的链接" in checked.text


@pytest.mark.abuse("enumeration", "counts on from an identifier or a link to the next one")
def test_identifiers_and_links_do_not_count(partner: Partner) -> None:
    made = [partner.pay_link() for _ in range(20)]
    for names in (
        [each["payment_id"].partition("_")[2] for each in made],
        [each["payment_link"]["url"].rpartition("/")[2] for each in made],
    ):
        assert len(set(names)) == len({name[:6] for name in names}) == len(made), "no common beginning"
        assert names not in (sorted(names), sorted(names, reverse=True))
        assert all(len(name) >= 20 for name in names)


@pytest.mark.abuse("enumeration", "reads a payer's name, balance or account from a link")
def test_a_link_shows_nothing_of_anybody_before_the_sign_in(at: AtStep, partner: Partner) -> None:
    page = at("start")
    account = partner.magic(POWER, "DUE_BILL")["account_number"]
    for _ in range(2):
        assert not any(shown in page.answer.text for shown in (account, account[-4:], "陈晓明", "¥", "1,000,000"))
        page.send("start") if page.step == "start" else None


# What belongs to others.


@pytest.mark.abuse("strangers", "moves, triggers, disputes or cancels another app's payment")
@pytest.mark.parametrize("near", ["world", "partner"])
def test_anothers_payment_is_moved_by_no_operation(
    near: str, at: AtStep, partner: Partner, new_partner: NewPartner, bank: Bank, unharmed: Unharmed
) -> None:
    stranger = new_partner(headers=partner.headers, join=near)
    at("confirm").send("confirm")
    payment_id = partner.get("/v1/payments").json["data"][0]["payment_id"]
    before = taken(bank, partner)
    tries: list[tuple[str, Any]] = [
        (f"/v1/payments/{payment_id}:cancel", None),
        (f"/sandbox/v1/payments/{payment_id}:transition", {"to": "refund_pending"}),
        ("/v1/disputes", {"payment_id": payment_id, "type": "DUPLICATE"}),
        ("/sandbox/v1/events/payment.refunded:trigger", {"payment_id": payment_id}),
    ]
    with unharmed():
        for path, body in tries:
            answer = stranger.post(path, body)
            assert answer.status_code in {404, 422}, (path, answer.text)
    assert taken(bank, partner) == before


@pytest.mark.abuse("strangers", "reads what another app has paid out of its list, its log or its events")
def test_nothing_of_another_app_stands_in_any_list(at: AtStep, partner: Partner, new_partner: NewPartner) -> None:
    """Nor in a list of what the path names: the world that both are in, a statement of the other's."""
    stranger = new_partner(headers=partner.headers, join="world")
    at("confirm").send("confirm")
    payment_id = partner.get("/v1/payments").json["data"][0]["payment_id"]
    fetch_id = partner.fetch().json["bill_fetch_id"]
    assert partner.post("/v1/disputes", {"payment_id": payment_id, "type": "DUPLICATE"}).status_code == 201
    assert partner.post(f"/v1/payments/{partner.pay_link()['payment_id']}:cancel").status_code == 200
    partner.advance(seconds=2 * 86_400)  # the bank's deeds concern what is the partner's, too
    named = {"world_id": "current", "statement_id": partner.get("/v1/statements").json["data"][0]["statement_id"]}
    lists = [
        operation.path.format_map(named)
        for operation in contracts.load().operations.values()
        if operation.method == "GET" and "after" in operation.query_names
    ]
    assert len(lists) >= 12
    for path in lists:
        answer = stranger.get(path, limit=100)
        if named["statement_id"] in path:
            assert answer.status_code == 404
        else:
            assert answer.status_code in {200, 403, 422}, path  # 403: a customer's, who has to be asked
        for made in (payment_id, fetch_id, "pay_", "dsp_"):
            assert made not in answer.text, path


@pytest.mark.abuse("strangers", "reads in the log of a shared world what another partner does")
def test_the_log_of_a_shared_world_names_nothing_of_another_partner(
    at: AtStep, partner: Partner, new_partner: NewPartner
) -> None:
    stranger, sibling = (new_partner(headers=partner.headers, join=near) for near in ("world", "partner"))
    at("confirm").send("confirm")
    partner.fetch()
    stranger.pay_link()
    partner.advance(seconds=2 * 86_400)
    whole, part = (app.get("/sandbox/v1/worlds/current/log", limit=100).json["data"] for app in (sibling, stranger))
    assert [deed["number"] for deed in whole] == [deed["number"] for deed in part]
    assert {deed.get("app_id") for deed in part} == {None, stranger.app["app_id"]}
    assert {deed.get("app_id") for deed in whole} == {None, partner.app["app_id"]}
    payments = {app.get("/v1/payments").json["data"][0]["payment_id"] for app in (partner, stranger)}
    assert {deed["actor"] for deed in part} == {"PARTNER", "PAYER", "BANK", "CLOCK"}
    for shown, own in ((whole, partner), (part, stranger)):
        (payment_id,) = (one["payment_id"] for one in own.get("/v1/payments").json["data"])
        assert {deed["subject"] for deed in shown if deed.get("subject") in payments} == {payment_id}


# Links.


@pytest.mark.abuse("link", "lets a preview or a crawler open the link, so that it is used up")
def test_whatever_opens_a_link_without_a_form_changes_nothing(
    partner: Partner, client: FlaskClient, unharmed: Unharmed
) -> None:
    payment = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])
    path = urlsplit(payment["payment_link"]["url"]).path
    with unharmed():
        for agent, suffix in itertools.product(CRAWLERS, ("", "?lang=en", "?step=confirm", "/qr.svg", "/receipt")):
            headers = {"User-Agent": agent, "Purpose": "prefetch", "Sec-Purpose": "prefetch;prerender"}
            for method in ("GET", "HEAD"):
                assert client.open(path + suffix, method=method, headers=headers).status_code in {200, 303}
        for method in ("PUT", "PATCH", "DELETE"):
            assert client.open(path, method=method).status_code == 405
    assert partner.payment(payment["payment_id"])["payment_link"]["status"] == "ACTIVE"


@pytest.mark.abuse("link", "finds a link in a search engine or a referrer")
def test_a_link_is_neither_indexed_nor_told_to_where_it_leads(at: AtStep) -> None:
    for step in ("start", "sign_in", "digits", "confirm"):
        page = at(step)
        assert page.answer.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert page.answer.headers["Referrer-Policy"] == "no-referrer"
        assert page.answer.headers["Cache-Control"] == "no-store"


@pytest.mark.abuse("link", "pays, or reads, through a link that was cancelled")
def test_a_cancelled_link_leads_nowhere(partner: Partner, payer: Payers, unharmed: Unharmed) -> None:
    payment = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])
    page = payer(payment["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic(POWER, "DUE_BILL")["account_number"])
    assert partner.post(f"/v1/payments/{payment['payment_id']}:cancel").status_code == 200
    form = {"csrf": page.forms["sign_in"].values["csrf"], "customer_number": RICH[0], "demo_code": RICH[1]}
    with unharmed():
        assert post(page, {**form, "step": "sign_in"}).status_code == 410
        assert payer(payment["payment_link"]["url"]).answer.status_code == 410
        assert post(page, {"step": "start"}).status_code == 410


@pytest.mark.abuse("link", "keeps a link until its bill has grown, or its payer forgot it")
def test_an_expired_link_leads_nowhere(partner: Partner, payer: Payers, unharmed: Unharmed) -> None:
    payment = partner.pay_link(expires_in=60)
    page = payer(payment["payment_link"]["url"])
    partner.advance(seconds=61)
    with unharmed():
        assert post(page, {"step": "start"}).status_code == 410
        assert page.open().status_code == 410


@pytest.mark.abuse("link", "opens a paid link to see who has paid what, or to take the receipt")
def test_a_paid_link_shows_a_stranger_only_that_it_was_used(
    at: AtStep, partner: Partner, flask_app: Flask, unharmed: Unharmed
) -> None:
    page = at("confirm").send("confirm")
    account = partner.magic(POWER, "DUE_BILL")["account_number"]
    thief = Payer(flask_app.test_client(), page.path)
    with unharmed():
        assert "此链接已由他人使用" in thief.text
        for suffix in ("", "/receipt", "?receipt=1"):
            shown = thief.open(suffix)
            assert not any(text in shown.text for text in (account, account[-4:], "陈", "¥", "回单号"))
        assert "Set-Cookie" not in post(thief, {"step": "start"}).headers


@pytest.mark.abuse("link", "signs in at somebody's paid link, to get at the receipt")
def test_another_customer_at_the_payers_link_gets_no_receipt(at: AtStep, flask_app: Flask, unharmed: Unharmed) -> None:
    page, other = at("confirm"), at("sign_in")
    page.send("confirm")
    other.sign_in(POOR)
    cookie = other._client.get_cookie("openteller_pay", path=other.path)
    assert cookie is not None
    thief = flask_app.test_client()
    thief.set_cookie("openteller_pay", cookie.value, path=page.path)
    with unharmed():
        assert thief.get(f"{page.path}/receipt").status_code == 303
        assert "此链接已由他人使用" in thief.get(page.path).text


@pytest.mark.abuse("link", "sends payers on to an address of its own after the payment")
def test_a_payer_is_led_to_the_registered_address_only(
    partner: Partner, client: FlaskClient, payer: Payers, unharmed: Unharmed
) -> None:
    odd = (
        "https://bot.example/done/../evil",
        "https://bot.example/done?x=1",
        "https://bot.example.evil.example/done",
        "https://BOT.example/done",
        "//evil.example",
        "javascript:alert(1)",
    )
    with unharmed():
        for url in odd:
            form = {"partner_reference": "to-elsewhere", "return_url": url}
            answer = partner.post("/v1/payments", form)
            assert answer.status_code == 422
    link = partner.pay_link(return_url="https://bot.example/done")["payment_link"]["url"]
    page = payer(f"{link}?return_url=https://evil.example&next=https://evil.example").send("start")
    assert "evil.example" not in page.answer.text
    assert "evil.example" not in client.get(urlsplit(link).path + "?next=//evil.example").text


@pytest.mark.abuse("link", "shows a payer a look-alike of the bank's link")
def test_a_look_alike_is_not_the_banks_link(partner: Partner, client: FlaskClient, unharmed: Unharmed) -> None:
    url = partner.pay_link()["payment_link"]["url"]
    code = url.rpartition("/")[2]
    fakes = (
        f"http://127.0.0.1:8080.evil.example/pay/{code}",
        f"http://evil.example/pay/{code}",
        f"http://evil.example/?http://127.0.0.1:8080/pay/{code}",
        f"http://127.0.0.1:8080@evil.example/pay/{code}",
        f"http://127.0.0.1:8080/pay/{code}/../../evil",
        f"http://127.0.0.1:8080/pay//{code}",
        f"https://127.0.0.1:8080/pay/{code}",
        f"http://127.0.0.1:8080/pay/{code[:-1]}",
        f"http://127.0.0.1:8080/pay/{code.upper()}",
        f"http://127.0.0.1:8080\u2044pay/{code}",
    )
    with unharmed():
        assert "是本行发出的缴费链接" in client.post("/link-check", data={"link": url}).text
        for fake in fakes:
            assert "不是本行的链接" in client.post("/link-check", data={"link": fake}).text, fake


@pytest.mark.abuse("link", "reads a payer's session from a script, another path or another site")
def test_a_session_is_kept_from_scripts_other_paths_and_other_sites(at: AtStep) -> None:
    page = at("start")
    answer = post(page, {"step": "start"})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert f"Path={page.path}" in cookie
    value = re.search(r"openteller_pay=([^;]+)", cookie)
    assert value is not None
    assert len(value[1]) >= 43, "256 bits"


# The page.


@pytest.mark.abuse("page", "has another site send the payer's forms (CSRF)")
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_does_nothing(site: str, at: AtStep, bank: Bank, partner: Partner) -> None:
    for step in ("start", "sign_in", "digits", "confirm"):
        page = at(step)
        form = page.forms[step].values.to_dict()
        before = taken(bank, partner)
        answer = post(page, form, **{"Sec-Fetch-Site": site, "Origin": "https://evil.example"})
        assert answer.status_code == 400
        assert page.open().status_code == 200
        assert (page.step, taken(bank, partner)) == (step, before)


@pytest.mark.abuse("page", "sends a form with the token of a session of its own")
def test_a_token_of_another_session_is_none(at: AtStep, bank: Bank, partner: Partner) -> None:
    victim, attacker = at("confirm"), at("confirm")
    form = victim.forms["confirm"].values.to_dict() | {"csrf": attacker.forms["confirm"].values["csrf"]}
    assert post(victim, form).status_code == 303
    assert "请再试一次" in " ".join(victim.open().text.split())
    assert (victim.step, taken(bank, partner)) == ("confirm", 0)


@pytest.mark.abuse("page", "frames the page, or runs a script on it")
def test_no_page_can_be_framed_or_runs_a_script(at: AtStep, client: FlaskClient) -> None:
    answers = [at(step).answer for step in ("start", "sign_in", "digits", "confirm")]
    paid = at("confirm").send("confirm")
    answers += [paid.answer, paid.open("/receipt"), client.get("/link-check"), client.get("/pay/none")]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "form-action 'self'" in policy
        assert "<script" not in answer.text
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.abuse("page", "puts markup into what a payer reads")
def test_markup_of_a_partner_stays_text(partner: Partner, payer: Payers) -> None:
    marked = '<img src=x onerror="alert(1)">'
    payment = partner.pay_link(metadata={"note": marked})
    page = payer(payment["payment_link"]["url"])
    assert "<img" not in page.answer.text
    page.send("start", lang=marked)
    assert "onerror" not in page.answer.text
    page.open(f"?lang={marked}")
    assert "onerror" not in page.answer.text


@pytest.mark.abuse("page", "puts a bill of another account, app or payment into the form")
def test_bills_that_were_not_offered_are_not_paid(
    partner: Partner, new_partner: NewPartner, payer: Payers, bank: Bank
) -> None:
    foreign = new_partner(headers=partner.headers, join="world").fetch(scenario="REVERSED").json["bills"][0]
    own = partner.fetch(scenario="POSTED_TWICE").json["bills"][0]
    page = payer(partner.pay_link(biller_id=partner.biller(POWER)["biller_id"])["payment_link"]["url"]).send("start")
    page.send("account", in_account_number=partner.magic(POWER, "SEVERAL_BILLS")["account_number"]).sign_in()
    assert page.step == "bills"
    for bill_id in (foreign["bill_id"], own["bill_id"], "bil_zzzzzzzzzzzz", "' OR 1=1 --"):
        page.send("bills", bill_id=[bill_id])
        assert page.step == "bills"
        assert "请至少选择一张账单" in page.text
    assert taken(bank, partner) == 0


@pytest.mark.abuse("page", "puts another biller, or one that is closed, into the form")
@pytest.mark.parametrize("code", ["BJ-WATER-01", "blr_zzzzzzzzzzzz", "../etc", ""])
def test_a_biller_that_is_not_offered_cannot_be_slipped_in_at_a_later_step(
    code: str, at: AtStep, partner: Partner, bank: Bank
) -> None:
    page = at("confirm")
    shown = page.text
    biller_id = partner.biller(code)["biller_id"] if code.startswith("BJ") else code
    form = {"csrf": page.forms["confirm"].values["csrf"], "step": "biller", "biller_id": biller_id}
    post(page, form)
    page.open()
    assert "沪汀示范电力" in page.text
    assert shown.partition("确认缴费")[2] in page.text
    assert taken(bank, partner) == 0


@pytest.mark.abuse("page", "puts another account into a form, where the app has fixed it")
def test_an_account_that_the_app_has_fixed_stays(at: AtStep, partner: Partner, bank: Bank) -> None:
    other = partner.magic(POWER, "POSTED_TWICE")["account_number"]
    page = at("confirm")
    csrf = page.forms["confirm"].values["csrf"]
    for step in ("account", "again", "digits"):
        post(page, {"csrf": csrf, "step": step, "in_account_number": other, "digits": other[-4:]})
        page.open()
        assert other not in page.answer.text
    assert taken(bank, partner) == 0


@pytest.mark.abuse("page", "names another payer, attempt or session in a hidden field")
def test_fields_that_the_form_does_not_have_mean_nothing(at: AtStep, partner: Partner, bank: Bank) -> None:
    page = at("confirm")
    form = page.forms["confirm"].values.to_dict()
    more = {"customer_id": "cst_demo00000003", "attempt_id": "att_zzzz", "payment_id": "pay_zzzz", "amount": "0.01"}
    post(page, form | more)
    page.open()
    balances = ledger.balances(bank.db.read(), World(partner.app["world_id"]))
    assert balances.get("customer:cst_demo00000003", 0) == 0
    assert taken(bank, partner) == round(float(form["total"]) * 100)


@pytest.mark.abuse("page", "skips the confirmation of the last four digits")
def test_no_bill_of_an_app_is_paid_without_its_last_digits(at: AtStep, partner: Partner, bank: Bank) -> None:
    page = at("digits")
    csrf = page.forms["digits"].values["csrf"]
    for step in ("confirm", "bills", "amount", "retry", "change_amount", "sign_in"):
        post(page, {"csrf": csrf, "step": step, "total": "111.85", "amount": "1.00"})
        page.open()
        assert page.step == "digits"
    assert taken(bank, partner) == 0


# Repeating.


@pytest.mark.abuse("replay", "sends the confirmation again after it was taken")
def test_a_confirmation_that_is_sent_again_takes_nothing_more(
    at: AtStep, partner: Partner, bank: Bank, unharmed: Unharmed
) -> None:
    page = at("confirm")
    form = page.forms["confirm"].values.to_dict()
    page.send("confirm")
    once = taken(bank, partner)
    assert once > 0
    steps = [
        form,
        form | {"step": "sign_in", "customer_number": RICH[0], "demo_code": RICH[1]},
        form | {"step": "again"},
    ]
    for each in (*steps, form | {"step": "leave"}, form | {"step": "change_amount"}, {"step": "start"}):
        post(page, each)
        assert taken(bank, partner) == once
    page.open()
    assert "缴费成功" in page.text
    with unharmed():
        page.open("/receipt")


@pytest.mark.abuse("replay", "pays a bill again through a new link after it was paid")
def test_a_paid_bill_gets_no_second_link(
    at: AtStep, partner: Partner, new_partner: NewPartner, unharmed: Unharmed
) -> None:
    other = new_partner(headers=partner.headers, join="world")
    theirs = other.fetch().json["bills"][0]["bill_id"]
    at("confirm").send("confirm")
    mine = partner.get("/v1/payments").json["data"][0]["allocations"][0]["bill_id"]
    with unharmed():
        for each, bill_id in ((partner, mine), (other, theirs)):
            answer = each.post("/v1/payments", {"partner_reference": "once-more", "bill_ids": [bill_id]})
            assert (answer.status_code, answer.json["code"]) == (409, "BILL_ALREADY_PAID")


@pytest.mark.abuse("replay", "takes a key of its own for another act")
def test_a_key_that_was_used_for_one_act_does_no_other(partner: Partner, unharmed: Unharmed) -> None:
    made = partner.post("/v1/payments", {"partner_reference": "under-a-key"}, key="a-key-of-ours").json
    other = partner.pay_link()
    with unharmed():
        for path, body in (
            ("/v1/payments", {"partner_reference": "under-a-key-2"}),
            (f"/v1/payments/{made['payment_id']}:cancel", None),
            (f"/v1/payments/{other['payment_id']}:cancel", None),
        ):
            answer = partner.post(path, body, key="a-key-of-ours")
            assert (answer.status_code, answer.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")


@pytest.mark.abuse("replay", "cancels a payment after the payer has confirmed")
def test_a_payment_whose_money_is_held_is_not_cancelled(at: AtStep, partner: Partner, unharmed: Unharmed) -> None:
    at("confirm").send("confirm")
    payment_id = partner.get("/v1/payments").json["data"][0]["payment_id"]
    with unharmed():
        answer = partner.post(f"/v1/payments/{payment_id}:cancel")
        assert (answer.status_code, answer.json["code"]) == (409, "INVALID_TRANSITION")


# Money by a partner's word.


@pytest.mark.abuse("returns", "has a partner's token refund or pay out money")
def test_no_operation_of_a_partner_sends_money_anywhere(partner: Partner, at: AtStep, unharmed: Unharmed) -> None:
    writing = {
        operation.path
        for operation in contracts.load().operations.values()
        if operation.method != "GET" and not operation.path.startswith("/sandbox/")
    }
    assert not [path for path in writing if re.search("refund|payout|transfer|reverse|credit|capture", path)]
    at("confirm").send("confirm")
    payment_id = partner.get("/v1/payments").json["data"][0]["payment_id"]
    with unharmed():
        for path in ("/v1/refunds", f"/v1/payments/{payment_id}:refund", f"/v1/payments/{payment_id}/refunds"):
            assert partner.post(path, {"payment_id": payment_id, "amount": "1.00"}).status_code in {404, 405}


@pytest.mark.abuse("returns", "disputes payments that nobody has paid")
def test_what_was_never_paid_is_not_disputed(partner: Partner, at: AtStep, unharmed: Unharmed) -> None:
    at("sign_in")
    payment_id = partner.get("/v1/payments").json["data"][0]["payment_id"]
    with unharmed():
        for type_ in ("SERVICE_NOT_RECEIVED", "PAID_WRONG_ACCOUNT", "DUPLICATE", "WRONG_AMOUNT"):
            answer = partner.post("/v1/disputes", {"payment_id": payment_id, "type": type_})
            assert (answer.status_code, answer.json["code"]) == (409, "DISPUTE_NOT_POSSIBLE")


@pytest.mark.abuse("webhooks", "makes endpoints without end")
def test_an_app_has_sixteen_endpoints(partner: Partner, unharmed: Unharmed) -> None:
    body = {"url": "http://127.0.0.1:9/hook"}
    for _ in range(16):
        assert partner.post("/v1/webhook-endpoints", body, key=None).status_code == 201
    with unharmed():
        refused = partner.post("/v1/webhook-endpoints", body, key=None)
        assert refused.json["code"] == "WEBHOOK_ENDPOINTS_EXCEEDED"


@pytest.mark.abuse("amounts", "asks for more than one payment may be")
def test_a_link_above_the_limit_of_a_payment_is_not_made(partner: Partner, unharmed: Unharmed) -> None:
    biller = partner.biller("CN-DONATION-01")
    inputs = partner.magic("CN-DONATION-01", "DUE_BILL")
    with unharmed():
        for yuan in ("50000.01", "99999.99"):
            form = {"biller_id": biller["biller_id"], "inputs": inputs, "amount": {"amount": yuan, "currency": "CNY"}}
            answer = partner.post("/v1/payments", {"partner_reference": "too-much", **form})
            assert answer.json["code"] in {"LIMIT_EXCEEDED", "AMOUNT_OUT_OF_RANGE"}
