"""The demo: what it tells, and that a story that goes wrong is no success."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pytest_httpserver import HTTPServer
from tests.sdk import processes
from werkzeug import Request, Response

from openteller import OpenTeller, errors
from openteller._cli.demo import story, wire
from openteller._cli.demo.browser import Browser

FORM = """
<h1>确认 <b>缴费</b></h1>
<p class="code4"><span>核对码</span> <strong>4821</strong></p>
<p role="alert">请再试一次。</p>
<dl><div><dt>合计</dt><dd>¥111.85</dd></div></dl>
<form method="post" action="/pay/abc"><input type="hidden" name="step" value="language"><button>English</button></form>
<form method="post" action="/pay/abc">
<input type="hidden" name="csrf" value="token"><input type="hidden" name="step" value="confirm">
<input type="radio" name="bill" value="1"><input type="radio" name="bill" value="2" checked>
<input type="checkbox" name="all" value="yes">
<select name="city"><option value="a">A<option value="b" selected>B</select>
<select name="kind"><option value="c">C<option value="d">D</select>
<input name="note" value="">
<button>确认支付</button></form>
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The demo's whole output."""
    folder = tmp_path_factory.mktemp("demo")
    done = processes.run("demo", "--once", cwd=folder, env={"TMPDIR": str(folder)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert list(folder.iterdir()) == [], "the demo leaves nothing behind"
    return done.stdout


@pytest.fixture
def site(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.check_assertions()


def test_the_demo_tells_each_step(told: str) -> None:
    assert re.findall(r"^([1-9])  ", told, re.MULTILINE) == list("1234567")
    assert processes.value_of(told, "银行时间 Bank time").startswith("2026-09-29 10:30")
    assert processes.value_of(told, "距离 Distance").endswith(" m")
    assert re.search(r"买入 buys [0-9.]+  卖出 sells [0-9.]+", told)
    assert processes.value_of(told, "应缴 Due").startswith("CNY ")
    assert re.fullmatch(r"[0-9]{4}", processes.value_of(told, "核对码 Check code"))
    assert "succeeded  money_at BILLER" in told
    assert re.findall(r"payment\.[a-z]+", told)[0] == "payment.created"
    assert re.findall(r"payment\.[a-z]+", told)[-1] == "payment.succeeded"


def test_the_demo_shows_the_partner_a_masked_account(told: str) -> None:
    assert re.fullmatch(r"\*+[0-9]+", processes.value_of(told, "户号 Account"))


def test_the_demo_stays_up_until_it_is_interrupted(tmp_path: Path) -> None:
    with processes.running("demo", cwd=tmp_path, env={"TMPDIR": str(tmp_path), "ONCE": ""}) as running:
        running.read_until("Ctrl-C")
        said = "".join(running.said)
        docs = processes.value_of(said, "Reference")
        assert wire.send("GET", docs).status == 200
        assert Browser().open(processes.value_of(said, "轮到您 Your turn")).heading == "生活缴费"
        code, _ = running.end(signal.SIGINT)

    assert code == 0
    with pytest.raises(wire.Unreachable):
        wire.send("GET", docs)
    assert list(tmp_path.iterdir()) == []


def test_a_demo_that_cannot_start_its_sandbox_says_why(tmp_path: Path) -> None:
    (tmp_path / "granian.py").write_text("raise RuntimeError('broken')\n", encoding="utf-8")

    done = processes.run("demo", "--once", cwd=tmp_path, env={"ahead": str(tmp_path)})

    assert done.returncode == 1
    assert done.stderr == "Error: RuntimeError: broken\n"


def test_a_story_at_something_else_fails(site: HTTPServer) -> None:
    site.expect_request("/sandbox/v1/apps").respond_with_data("<p>no bank</p>", 200, content_type="text/html")

    with (
        OpenTeller(site.url_for("/"), client_id="") as client,
        pytest.raises(errors.BrokenAnswer, match="the answer is text/html, not JSON"),
    ):
        story.make_app(client)


def test_the_browser_reads_what_a_payer_reads(site: HTTPServer) -> None:
    site.expect_request("/pay/abc").respond_with_data(FORM, content_type="text/html")

    page = Browser().open(site.url_for("/pay/abc"))

    assert (page.heading, page.code4, page.notice) == ("确认 缴费", "4821", "请再试一次。")
    assert page.facts == {"合计": "¥111.85"}
    language, confirm = page.forms
    assert language.step == "language"
    assert confirm.values == {"csrf": "token", "step": "confirm", "bill": "2", "city": "b", "kind": "c", "note": ""}
    assert confirm.names == {"csrf", "step", "bill", "all", "city", "kind", "note"}


def test_the_browser_keeps_cookies_and_follows_a_redirect_with_get(site: HTTPServer) -> None:
    def act(request: Request) -> Response:
        untouched = {"csrf": "token", "step": "confirm", "city": "b", "kind": "c"}
        assert request.form.to_dict() == untouched | {"bill": "1", "note": "满"}
        answer = Response(status=303, headers={"Location": "/pay/abc"})
        answer.set_cookie("session", "s1", path="/pay/abc", httponly=True)
        return answer

    site.expect_ordered_request("/pay/abc", "GET").respond_with_data(FORM, content_type="text/html")
    site.expect_ordered_request("/pay/abc", "POST").respond_with_handler(act)
    site.expect_ordered_request("/pay/abc", "GET", headers={"Cookie": "session=s1"}).respond_with_data("<h1>完成</h1>")
    browser = Browser()
    page = browser.open(site.url_for("/pay/abc"))

    assert browser.submit(page, page.forms[1], {"bill": "1", "note": "满"}).heading == "完成"


def test_a_field_that_the_page_lacks_is_no_silent_loss(site: HTTPServer) -> None:
    site.expect_request("/pay/abc").respond_with_data(FORM, content_type="text/html")
    browser = Browser()
    page = browser.open(site.url_for("/pay/abc"))

    with pytest.raises(click.ClickException, match="does not ask for in_account"):
        browser.submit(page, page.forms[1], {"in_account": "1"})


def test_an_error_page_is_told_with_its_heading(site: HTTPServer) -> None:
    site.expect_request("/pay/abc").respond_with_data("<h1>链接已过期</h1>", 410, content_type="text/html")

    with pytest.raises(click.ClickException, match="410: 链接已过期"):
        Browser().open(site.url_for("/pay/abc"))


def test_a_page_that_redirects_for_ever_ends(site: HTTPServer) -> None:
    site.expect_request("/pay/abc").respond_with_data("", 303, {"Location": "/pay/abc"})

    with pytest.raises(click.ClickException, match="without end"):
        Browser().open(site.url_for("/pay/abc"))
