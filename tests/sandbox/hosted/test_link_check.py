"""The page "is this link ours?": what is pasted there is a link, or a message with one."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner

YES, NO, MIXED = "是本行发出的缴费链接", "不是本行的链接", "消息中还有不是本行的链接"
PAGE = "是本行的页面，但不是缴费链接"
OPEN = "是本行的公开页面"
HERE = "http://127.0.0.1:8080"


def said(client: FlaskClient, text: str) -> str:
    return client.post("/link-check", data={"link": text}).text


@pytest.fixture
def to_link(partner: Partner) -> str:
    form = {"channel": "weibo", "actor_ref": "a" * 64, "actor_label": "@小明", "locale": "zh-CN"}
    return str(partner.post("/v1/account-links", form).json["link_url"])


@pytest.fixture
def link(partner: Partner) -> str:
    return str(partner.pay_link()["payment_link"]["url"])


def test_a_whole_message_and_a_link_without_its_scheme_are_read(client: FlaskClient, link: str) -> None:
    short = link.removeprefix("http://")
    for text in (
        link,
        short,
        f"  {link}?lang=en\n",
        f"上海市电费在这里交：{link} 页面上的核对码须是 8378。",
        f"电费CNY 111.85，请打开{link}，10:30 前付。",
        f"Pay CNY 111.85 here: {short}. The check code is 8378.",
        f"({link})",
        link.replace("http", "Http"),
        f"{link[:40]}\u200b{link[40:]}",
        f"{link}\n{link}",
    ):
        assert YES in said(client, text), text


@pytest.mark.abuse("link", "hides a link of another site in a message beside one of the bank's")
def test_a_link_of_another_site_beside_one_of_the_bank_makes_it_a_no(client: FlaskClient, link: str) -> None:
    for other in (
        "http://evil.example/pay",
        "https:evil",
        "evil.example/x",
        "www.evil.cn",
        "假银行.中国/pay",
        "ｅｖｉｌ．ｃｏｍ",
        "evil。com",
        "ev\u200bil.com",
        "127.0.0.2",
        "localhost:9/pay",
        "weixin://pay",
        "JavaScript:alert(1)",
        f"{link}x",
        f"{link[:-1]}/..//evil",
        f"user@{link.removeprefix('http://')}",
        f"假{link.removeprefix('http://')}",
        f"假。{link.removeprefix('http://')}",
        link.replace("http:", "https:"),
    ):
        for text in (f"{link} 或 {other}", f"{other}\n{link}", f"{other}，{link}"):
            assert YES not in said(client, text), text
        assert MIXED in said(client, f"{link} {other}"), other


def test_every_link_must_have_been_issued(client: FlaskClient, link: str) -> None:
    made_up = link[:-4] + ("aaaa" if not link.endswith("aaaa") else "bbbb")
    assert YES not in said(client, f"{link} {made_up}")
    for text in ("", "没有链接", made_up, f"假{link.removeprefix('http://')}"):
        assert NO in said(client, text), text


def test_pages_that_anybody_may_read_are_told_from_those_that_ask_for_something(client: FlaskClient, link: str) -> None:
    branch, atm = (client.get(f"/v1/{kind}?limit=1").json["data"][0]["page_url"] for kind in ("branches", "atms"))
    for text in (
        f"{HERE}/rates",
        f"{HERE}/rates/USD?lang=en",
        branch,
        f"网点在这里：{branch}?lang=en 。",
        f"{branch} {atm}",
        f"{HERE}/branches",
    ):
        assert OPEN in said(client, text), text
    assert PAGE in said(client, f"{branch} {link}")
    made_up = f"{HERE}/branches/brn_nowhere"
    for text in (
        made_up,
        f"{branch} {made_up}",
        branch.replace("branches", "atms"),
        f"{branch}x",
        f"{HERE}/rates/usd",
        f"{HERE}/rates/XXX",
        f"{HERE}/rates/USD {HERE}/rates/CNY",
    ):
        assert NO in said(client, text), text
    assert MIXED in said(client, f"{branch} evil.example/x")


def test_open_pages_are_the_banks_whatever_is_asked_of_them(client: FlaskClient, link: str) -> None:
    branch, atm = (client.get(f"/v1/{kind}?limit=1").json["data"][0]["page_url"] for kind in ("branches", "atms"))
    for text in (
        f"{HERE}/branches?near=31.2336,121.4692",
        f"{HERE}/atms?near=31.2336,-121.4692&open_now=true",
        f"{HERE}/branches?q=静安&lang=en",
        f"{HERE}/branches?q=%E9%9D%99%E5%AE%89+x&after=20-12-310",
        f"{HERE}/rates?date=2026-09-27",
        f"牌价：{HERE}/rates?date=2026-09-27。",
        f"{HERE}/rates/USD?span=year, and {HERE}/rates/USD?span=month.",
        f"{branch}#hours",
        f"{branch}?lang=en&utm_source=weibo",
        f"{branch}?utm_source=weibo.com&to=http%3A%2F%2Fevil.example#/x",
        f"{atm}?".removeprefix("http://"),
        f"{branch}?next=//evil.example@evil.example:80",
    ):
        assert OPEN in said(client, text), text
    for exact in (f"{link}?utm_source=weibo", f"{link}#x", f"{HERE}/customer?x=1", f"{HERE}/device?near=1,2"):
        assert NO in said(client, exact), exact


@pytest.mark.abuse("link", "makes an address of another site look like an open page of the bank's")
def test_what_only_looks_like_an_open_page_is_none(client: FlaskClient) -> None:
    place = HERE.removeprefix("http://")
    query = "?near=31.2336,121.4692"
    for no in (
        f"http://user@{place}/branches{query}",
        f"http://{place}@evil.example/branches{query}",
        f"http://evil.example/{place}/branches{query}",
        f"http://evil.example?{HERE}/branches{query}",
        f"http://127.0.0.1:8081/branches{query}",
        f"http://127.0.0.1/branches{query}",
        f"https://{place}/branches{query}",
        f"http://{place}.evil.example/branches{query}",
        f"http://１27.0.0.1:8080/branches{query}",
        f"http://127。0.0.1:8080/branches{query}",
        f"http:\\\\{place}/branches{query}",
        f"http://{place}\\branches{query}",
        f"{HERE}/branches\\..\\evil{query}",
        f"{HERE}/branches?\\evil",
        f"{HERE}//branches{query}",
        f"http:///{place}/branches{query}",
        f"{HERE}/branches//{query}",
        f"{HERE}/branches/../pay{query}",
        f"{HERE}/branchés{query}",
        f"{HERE}/branches/brn_nowhere?lang=en#hours",
        f"{HERE}/rates/XXX?span=year",
    ):
        assert OPEN not in said(client, no), no
    for mixed in ("?q=静安evil.example", "?q=静安，evil.example", "?q=1,evil.example", "?q=1\u200bevil.example"):
        assert MIXED in said(client, f"{HERE}/branches{mixed}"), mixed


def test_the_banks_other_pages_are_told_from_those_on_which_one_pays(
    client: FlaskClient, link: str, to_link: str
) -> None:
    extension = f"{HERE}/customer/wld_2c4e6g8j0l2n4q6s/extensions/cex_2c4e6g8j0l2n4q6s"
    asked = f"{HERE}/oauth/authorize?client_id=app_2c4e6g8j0l2n4q6s&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Ax-Y_9"
    for other in (to_link, extension, asked, f"{HERE}/customer", f"{HERE}/device", f"{to_link}?lang=en"):
        assert PAGE in said(client, other), other
        assert PAGE in said(client, f"请打开 {other}，再缴费：{link}。"), other
        for evil in (f"{other} evil.example", f"{other}/../pay", f"{other}@evil.example", f"x{other}"):
            assert PAGE not in said(client, evil), evil
    for nothing in (f"{to_link[:-26]}{'a' * 26}", f"{HERE}/docs", f"{HERE}/customers", extension.upper()):
        assert NO in said(client, nothing), nothing
    assert YES in said(client, f"谢谢！回单：{link}/receipt")
    assert NO in said(client, f"{link}/receipts")


def test_no_browser_keeps_the_form_from_being_sent(client: FlaskClient) -> None:
    """A message is no URL: a field of that type would leave the answer to the one before on the screen."""
    page = client.get("/link-check").text
    assert "<textarea" in page
    assert 'type="url"' not in page
    assert "required" not in page
