"""The pages at a real bank: what is shown is what the bank says, and what it refuses stands beside its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from msgspec.structs import replace
from tests.conftest import make_partner
from werkzeug.test import TestResponse

from branch_finder import texts
from branch_finder.__main__ import main
from branch_finder.app import create_app
from openteller import OpenTeller, errors
from openteller import models as m

URL = "http://bank.example"
SECRET = "a secret of the tests, long enough"
SQUARE = "31.2304,121.4737"
RELOCATED = "brn_t9oih0cmfcmo"
PINS = re.compile(r'<a href="#row-([0-9]+)" aria-label="([^"]+)">')
IDS = re.compile(r'<a href="/(?:branches|atms)/(brn_\w+|atm_\w+)">')


@pytest.fixture(scope="module")
def client(flask_app: Flask) -> Iterator[OpenTeller]:
    """An app, and with it a world, of these tests' own."""
    app = make_partner(flask_app.test_client(use_cookies=False)).app
    with OpenTeller(URL, client_id=app["client_id"], client_secret=app["client_secret"], wsgi_app=flask_app) as found:
        yield found


@pytest.fixture(scope="module")
def finder(client: OpenTeller) -> Flask:
    return create_app(client, SECRET)


@pytest.fixture
def visitor(finder: Flask) -> FlaskClient:
    return finder.test_client()


def ids(answer: TestResponse) -> list[str]:
    assert answer.status_code == 200, answer.text
    return IDS.findall(answer.text)


def names(rows: Iterable[Any]) -> list[str]:
    return [getattr(row, "branch_id" if isinstance(row, m.Branch) else "atm_id") for row in rows]


@pytest.mark.parametrize("words", ["静安", "jingan", "ja", "jing'an", "靜安"])
def test_words_of_any_script_find_what_the_bank_finds(words: str, visitor: FlaskClient, client: OpenTeller) -> None:
    page = visitor.get("/branches", query_string={"q": words})
    assert ids(page) == names(client.branches.list(q=words, limit=10).page().data)
    assert "静安" in page.text and f'value="{words}"'.replace("'", "&#39;") in page.text


@pytest.mark.parametrize("typed", [SQUARE, "31.2304，121.4737", " 31.2304 , 121.4737 "])
def test_typed_coordinates_give_the_nearest_first(typed: str, visitor: FlaskClient, client: OpenTeller) -> None:
    page = visitor.get("/atms", query_string={"near": typed})
    rows = client.atms.near(SQUARE, serving=True, limit=10).page().data
    assert ids(page) == names(rows)
    assert f"<small>{rows[0].distance_m:,} m</small>" in page.text and 'class="centre"' in page.text


@pytest.mark.parametrize(
    ("query", "same"),
    [
        ({"open_now": "1"}, {"open_now": True}),
        ({"open_at": "2026-10-10T16:30"}, {"open_at": "2026-10-10T16:30:00+08:00"}),
        ({"service": "SAFE_DEPOSIT", "accessibility": "SIGN_LANGUAGE"}, None),
        ({"crs": "gcj02"}, None),
    ],
    ids=lambda value: "-".join(value) if value else "",
)
def test_filters_are_the_banks(query: dict[str, str], same: Any, visitor: FlaskClient, client: OpenTeller) -> None:
    asked: dict[str, Any] = {"near": SQUARE, "serving": True, "limit": 10, **(same or query)}
    if "open_at" in asked:
        asked["open_at"] = texts.datetime.fromisoformat(asked["open_at"])
    assert ids(visitor.get("/branches", query_string={"near": SQUARE, **query})) == names(
        client.branches.list(**asked).page().data
    )


def test_what_is_open_at_a_time_says_until_when_and_not_how_long_one_waits_now(visitor: FlaskClient) -> None:
    page = visitor.get("/branches", query_string={"near": "39.91,116.40", "open_at": "2026-10-10T16:30"})
    assert re.search(r"10-10 16:30 营业中 至 10-1\d \d\d:\d\d", page.text)
    assert "约等" not in page.text


def test_a_place_of_a_list_is_where_to_look_around(visitor: FlaskClient, client: OpenTeller) -> None:
    branch = client.branches.list(q="静安", limit=1).page().data[0]
    detail = visitor.get(f"/branches/{branch.branch_id}").text
    assert f'href="/atms?around={branch.branch_id}"' in detail
    page = visitor.get("/atms", query_string={"around": branch.branch_id})
    assert ids(page) == names(client.atms.near(branch.location, serving=True, limit=10).page().data)
    assert branch.name.zh_cn in page.text
    elsewhere = visitor.get("/atms", query_string={"around": branch.branch_id, "near": SQUARE})
    assert ids(elsewhere) == names(client.atms.near(SQUARE, serving=True, limit=10).page().data)


def test_pages_follow_each_other_with_the_same_filters(visitor: FlaskClient, client: OpenTeller) -> None:
    rows = names(client.branches.list(q="苏州", service="CASH", limit=10).to_list(at_most=25))
    address, seen = "/branches?q=苏州&service=CASH", []
    for _ in range(2):
        page = visitor.get(address)
        seen += ids(page)
        found = re.search(r'<a rel="next" href="([^"]+)">', page.text)
        assert found
        address = found[1].replace("&amp;", "&")
    assert seen == rows[:20]
    last = visitor.get(address)
    assert ids(last)[:5] == rows[20:25] and "回到第一页" in last.text


def test_each_row_has_a_pin_that_leads_to_it(visitor: FlaskClient) -> None:
    page = visitor.get("/branches", query_string={"near": SQUARE}).text
    rows = set(re.findall(r'<li id="row-([0-9]+)">', page))
    pins = dict(PINS.findall(page))
    assert list(pins) == sorted(pins, key=int), "as a keyboard goes through them"
    assert len(rows) == 10 and set(pins) <= rows and "1" in pins
    names_of = re.findall(r"<bdi>([^<]+)</bdi></a>", page)
    assert all(f"{row} {names_of[int(row) - 1]}" in said for row, said in pins.items())
    assert sum(len(said.split(", ")) for said in pins.values()) == 10, "each row is a part of some pin's name"
    assert 'role="img"' not in page, "what stands in a picture is told to nobody who hears the page"


def test_nothing_is_told_as_nothing(visitor: FlaskClient) -> None:
    page = visitor.get("/branches", query_string={"q": "没有这个地方"})
    assert page.status_code == 200 and "没有符合条件的地点" in page.text and "<svg" not in page.text


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"near": "121.4737,31.2304"}, "near"),
        ({"near": "nan,1"}, "near"),
        ({"near": "31.2304"}, "near"),
        ({"near": "外滩"}, "near"),
        ({"q": "?"}, "q"),
        ({"q": "字" * 65}, "q"),
        ({"q": "a\x00"}, "q"),
        ({"open_at": "tomorrow"}, "open_at"),
        ({"open_at": "9999-12-31T23:59"}, "open_at"),
        ({"open_at": "0001-01-01T00:00"}, "open_at"),
        ({"open_at": "2026-10-10T16:30", "open_now": "1"}, "open_at"),
        ({"service": "TEA"}, "service"),
        ({"accessibility": "LIFT"}, "accessibility"),
        ({"crs": "mars"}, "crs"),
        ({"around": "brn_nowhere"}, "around"),
        ({"around": "atm_../../apps"}, "around"),
    ],
)
def test_what_the_bank_refuses_stands_beside_its_field(query: dict[str, str], field: str, visitor: FlaskClient) -> None:
    page = visitor.get("/branches", query_string=query)
    assert page.status_code == 422
    assert re.findall(r'id="fault-(\w+)"', page.text) == [field]
    assert "有些填写的内容需要修改" in page.text and "<ol>" not in page.text and "没有符合条件" not in page.text
    told = re.search(r'class="fault"[^>]*>(.*?)</span>', page.text)
    assert told and not re.search("[A-Za-z]{2}", told[1]), "one language"


def test_a_cursor_of_another_list_is_told_and_leads_to_the_start(visitor: FlaskClient) -> None:
    page = visitor.get("/branches?after=zz")
    assert page.status_code == 422 and "请从头开始" in page.text and 'href="/branches">重新查找' in page.text
    assert "Not a cursor" not in page.text and "Not a cursor" in visitor.get("/branches?after=zz&lang=en").text


def test_what_is_typed_is_shown_as_text(visitor: FlaskClient) -> None:
    bad = '"><script>alert(1)</script>'
    for name in ("q", "near", "around", "open_at", "service"):
        assert "<script" not in visitor.get("/branches", query_string={name: bad}).text


def test_links_lead_to_this_site_whatever_an_address_holds(visitor: FlaskClient) -> None:
    page = visitor.get("/branches?_scheme=javascript&_external=1&_anchor=x&lang=en")
    assert set(re.findall(r'href="(.)', page.text)) == {"/", "#"}
    assert 'href="//' not in page.text and 'href="//' not in visitor.get("//evil.example/").text


def test_a_branch_is_told_with_its_hours_and_its_line(visitor: FlaskClient, client: OpenTeller) -> None:
    branch = client.branches.near(SQUARE, service="CASH", type="PHYSICAL", open_now=True).first()
    assert branch and branch.wait
    page = visitor.get(f"/branches/{branch.branch_id}").text
    assert f"约等 {branch.wait.minutes} 分钟，{branch.wait.tickets_waiting} 人排队" in page
    assert re.search(r"周一</th><td>\d\d:\d\d–\d\d:\d\d", page)
    assert re.search(r"2026-10-01 – 10-07 国庆节</th><td>休息", page)
    assert "2026-10-10 国庆节调休上班</th><td>周六 " in page
    assert branch.contacts[0].value in page and branch.postal_address.address_lines[0] in page


def test_a_branch_that_moved_leads_on_and_has_no_line(visitor: FlaskClient, client: OpenTeller) -> None:
    page = visitor.get(f"/branches/{RELOCATED}").text
    assert f'href="/branches/{client.branches.get(RELOCATED).moved_to}"' in page
    assert "已迁址" in page and 'id="draw"' not in page


def test_a_machine_is_told(visitor: FlaskClient, client: OpenTeller) -> None:
    atm = client.atms.near(SQUARE).first()
    assert atm
    page = visitor.get(f"/atms/{atm.atm_id}").text
    assert atm.name.zh_cn in page and "取款" in page and 'id="draw"' not in page


@pytest.mark.parametrize("path", ["/nowhere", "/branches/brn_nowhere", "/atms/brn_z6oqt022fnet", "/tickets/tkt_x"])
def test_what_is_not_there_is_404(path: str, visitor: FlaskClient) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404 and "没有找到" in answer.text


def test_english_comes_from_the_browser_or_by_choice(finder: Flask) -> None:
    assert (
        "Opening hours" in finder.test_client().get(f"/branches/{RELOCATED}", headers={"Accept-Language": "en-GB"}).text
    )
    visitor = finder.test_client()
    assert "筛选" in visitor.get("/branches?q=ja").text
    assert "Filters" in visitor.get("/branches?q=ja&lang=en").text
    page = visitor.get("/branches?q=ja").text
    assert "Demo Bank" in page and 'href="/branches?q=ja&amp;lang=zh-CN"' in page


def test_each_code_has_words_in_both_languages(finder: Flask) -> None:
    enums: tuple[Any, ...] = (
        m.BranchServiceCode, m.AtmService, m.AccessibilityFeature, m.LocationCrs, m.TicketService, m.TicketStatus,
        m.Weekday,
    )  # fmt: skip
    unusual = {*m.BranchStatus, *m.AtmStatus} - {"OPEN", "IN_SERVICE"}
    for lang in texts.LANGUAGES:
        with finder.test_request_context(headers={"Accept-Language": lang}):
            assert [
                each for each in [*(value for enum in enums for value in enum), *unusual] if texts.code(each) == each
            ] == []


def test_answers_are_guarded(visitor: FlaskClient) -> None:
    for answer in (visitor.get("/branches?q=ja"), visitor.get("/nowhere"), visitor.get("/branches?near=x")):
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'self';") and "unsafe" not in policy
        assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
        assert "<script" not in answer.text and " style=" not in answer.text and "http" not in answer.text


class Line:
    """A visitor at a branch that is open and gives out numbers."""

    def __init__(self, finder: Flask, branch_id: str) -> None:
        self.browser = finder.test_client()
        self.branch_id = branch_id
        page = self.browser.get(f"/branches/{branch_id}")
        found = re.search(r'name="token" value="([^"]+)"', page.text)
        self.token = found[1] if found else ""

    def draw(self, *, token: str | None = None, branch_id: str = "", service: str = "CASH") -> TestResponse:
        form = {"token": self.token if token is None else token, "service": service}
        return self.browser.post(f"/branches/{branch_id or self.branch_id}/tickets", data=form)


@pytest.fixture(scope="module")
def open_branches(client: OpenTeller) -> list[str]:
    rows = client.branches.near(SQUARE, service="CASH", type="PHYSICAL", open_now=True)
    return names(rows.to_list(at_most=5))


@pytest.fixture
def line(finder: Flask, open_branches: list[str]) -> Callable[[], Line]:
    return lambda: Line(finder, open_branches[0])


def test_a_number_is_drawn_shown_to_who_drew_it_and_given_back(line: Callable[[], Line], client: OpenTeller) -> None:
    me, other = line(), line()
    place = me.draw().headers["Location"]
    ticket = client.tickets.get(place.rpartition("/")[2])
    page = me.browser.get(place).text
    assert f'<strong id="number">{ticket.ticket_number}</strong>' in page
    assert f"前面还有 {ticket.ahead} 人" in page and "我的号" in page
    assert me.draw().headers["Location"] == place  # pressed twice: the bank says which one is held
    assert other.browser.get(place).status_code == 404
    assert other.browser.post(f"{place}/cancel", data={"token": other.token}).status_code == 404
    assert client.tickets.get(ticket.ticket_id).status == "WAITING"
    assert me.browser.post(f"{place}/cancel", data={"token": me.token}).status_code == 303
    assert "已取消" in me.browser.get(place).text
    assert me.browser.post(f"{place}/cancel", data={"token": me.token}).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "令牌"])
def test_a_form_of_another_site_draws_nothing_and_gives_nothing_back(
    token: str, line: Callable[[], Line], client: OpenTeller
) -> None:
    me = line()
    answer = me.draw(token=token)
    assert answer.status_code == 403 and "没有完成" in answer.text
    assert me.browser.get("/branches").status_code == 200 and "我的号" not in me.browser.get("/branches").text
    place = me.draw().headers["Location"]
    assert me.browser.post(f"{place}/cancel", data={"token": token}).status_code == 403
    assert client.tickets.get(place.rpartition("/")[2]).status == "WAITING"


def test_nobody_who_brings_no_cookie_draws(finder: Flask, open_branches: list[str]) -> None:
    answer = finder.test_client().post(f"/branches/{open_branches[0]}/tickets", data={"token": "", "service": "CASH"})
    assert answer.status_code == 403


def test_the_bank_says_why_there_is_no_number(line: Callable[[], Line], open_branches: list[str]) -> None:
    me = line()
    for branch_id, service, status in (
        (RELOCATED, "CASH", 409),
        (open_branches[0], "TEA", 422),
        (open_branches[0], "", 422),
    ):
        answer = me.draw(branch_id=branch_id, service=service)
        assert answer.status_code == status
        assert re.search(r'<p role="alert" class="fault">[一-龥]', answer.text), answer.text
    assert me.draw(branch_id="brn_nowhere").status_code == 404


def test_a_visitor_holds_two_numbers_and_is_told_so(line: Callable[[], Line], open_branches: list[str]) -> None:
    me = line()
    drawn = [me.draw(branch_id=branch_id) for branch_id in open_branches[:3]]
    assert [answer.status_code for answer in drawn] == [303, 303, 429]
    assert 'class="fault"' in drawn[-1].text


def test_without_an_apps_credentials_all_but_numbers_is_there(flask_app: Flask, open_branches: list[str]) -> None:
    with OpenTeller(URL, client_id="", wsgi_app=flask_app) as anybody:
        me = Line(create_app(anybody, SECRET), open_branches[0])
        answer = me.draw()
    assert answer.status_code == 503 and "暂时不能取号" in answer.text


def test_a_bank_that_cannot_be_reached_is_a_503_that_can_be_tried_again() -> None:
    with OpenTeller("http://127.0.0.1:9", client_id="", max_retries=0) as nobody:
        visitor = create_app(nobody, SECRET).test_client()
        answer = visitor.get("/branches?near=31,121&q=x")
        detail = visitor.get("/branches/brn_x")
    assert answer.status_code == detail.status_code == 503
    assert answer.headers["Retry-After"] == "15" and "银行暂时无法答复" in answer.text
    assert 'id="retry" href="/branches?near=31%2C121&amp;q=x"' in answer.text
    assert 'id="retry" href="/branches/brn_x"' in detail.text


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable", "200 OK"])
def test_a_bank_that_has_too_much_to_do_says_when_to_come_back(status: str) -> None:
    """And one that answers with something else altogether is down, too."""

    def busy(_: Any, start: Any) -> list[bytes]:
        start(status, [("Retry-After", "7"), ("Content-Type", "text/html")])
        return [b"<h1>not now</h1>"]

    with OpenTeller(URL, client_id="", wsgi_app=busy, max_retries=0) as bank:
        answer = create_app(bank, SECRET).test_client().get("/atms")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15" if status == "200 OK" else "7")


def test_each_page_has_a_heading_and_an_address_its_language(visitor: FlaskClient) -> None:
    for path in ("/branches?q=ja&lang=en", f"/branches/{RELOCATED}", "/atms", "/nowhere"):
        page = visitor.get(path).text
        assert page.count("<h1") == 1
    page = visitor.get("/branches?q=ja").text
    assert page.count('<p lang="zh-CN"><bdi>') == 10 and '<html lang="en">' in page


def test_a_number_that_the_bank_has_forgotten_is_forgotten(line: Callable[[], Line]) -> None:
    for method, path in (("GET", ""), ("POST", "/cancel")):
        me = line()
        with me.browser.session_transaction() as kept:
            kept["tickets"] = ["tkt_nowhere0000"]
        assert "我的号" in me.browser.get("/branches").text
        answer = me.browser.open(f"/tickets/tkt_nowhere0000{path}", method=method, data={"token": me.token})
        assert answer.status_code == 404 and "我的号" not in answer.text
        assert "我的号" not in me.browser.get("/branches").text


def test_what_the_server_refuses_by_itself_has_a_page_with_a_way_back(line: Callable[[], Line]) -> None:
    me = line()
    wrong = me.browser.get(f"/branches/{me.branch_id}/tickets")
    long = me.browser.post(f"/branches/{me.branch_id}/tickets", data={"token": "x" * 5000})
    assert (wrong.status_code, long.status_code) == (405, 413)
    assert set(wrong.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert f'id="retry" href="/branches/{me.branch_id}"' in long.text
    for answer in (wrong, long):
        assert "没有完成" in answer.text and "返回查询" in answer.text
        assert answer.headers["Content-Security-Policy"] and answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_branch_that_moved_nobody_knows_where_is_said_to_have_moved_and_no_more(
    finder: Flask, client: OpenTeller
) -> None:
    moved = replace(client.branches.get(RELOCATED), moved_to=None)
    with finder.test_request_context(headers={"Accept-Language": "en"}):
        assert texts.opening(moved) == "Moved"


def test_times_are_those_of_the_place_which_is_named_where_it_is_far_away(finder: Flask, client: OpenTeller) -> None:
    closes = datetime(2026, 9, 29, 11, 0, tzinfo=timezone(timedelta(hours=8)))
    here = client.branches.near(SQUARE, open_now=True).first()
    assert here
    lima = replace(here, timezone="America/Lima", open_now=False, next_change_at=closes, provisional=False)
    with finder.test_request_context(headers={"Accept-Language": "en"}):
        assert texts.opening(lima) == "Closed until 09-28 22:00 (America/Lima)"
        assert texts.opening(replace(lima, timezone="Asia/Shanghai")) == "Closed until 09-29 11:00"


def test_a_secret_that_is_too_short_is_refused_at_the_start(
    client: OpenTeller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.ConfigurationError):
        create_app(client, "x" * 15)
    monkeypatch.setenv("BRANCH_FINDER_SECRET", "秘密")
    monkeypatch.setattr("sys.argv", ["branch_finder"])
    with pytest.raises(SystemExit):
        main()
    assert "BRANCH_FINDER_SECRET: the key of user_ref has at least 16 bytes" in capsys.readouterr().err
