"""The pages of branches and cash machines: what a person reads is what a program is told, in both languages."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import WallClock, make_bank

from openteller_sandbox import clock
from openteller_sandbox.app import create_app
from openteller_sandbox.hosted import maps
from openteller_sandbox.hosted.maps import Neighbour
from openteller_sandbox.hosted.texts import language_name, translator

PERSON = {"Accept": "text/html"}
HERE = "http://127.0.0.1:8080"
KINDS = [("branches", "branch_id"), ("atms", "atm_id")]


def rows(client: FlaskClient, kind: str = "branches", **query: Any) -> list[dict[str, Any]]:
    answer = client.get(f"/v1/{kind}", query_string=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.get_json()["data"]
    return found


def shown(client: FlaskClient, row: dict[str, Any], lang: str = "zh-CN") -> str:
    page = client.get(f"{row['page_url'].removeprefix(HERE)}?lang={lang}", headers=PERSON)
    assert (page.status_code, page.headers["Content-Language"]) == (200, lang)
    return page.text


def text_of(page: str) -> str:
    """What stands on a page, without markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<main>")[2])).split())


def week(page: str) -> list[list[str]]:
    """The days of the table and their hours."""
    (table,) = re.findall(r'<table class="figures week".*?</table>', page, re.DOTALL)
    found = re.findall(r'<tr.*?<time datetime="([0-9-]+)">.*?<td>(.*?)</td>', table, re.DOTALL)
    return [list(each) for each in found]


def metas(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:property|name)="([a-z:_]+)" content="([^"]*)">', page)
    return {name: html.unescape(content) for name, content in found}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, WallClock]]:
    """A bank whose wall clock these tests may move."""
    wall = WallClock()
    bank = make_bank(tmp_path_factory.mktemp("pages"), wall)
    yield create_app(bank), wall
    bank.db.close()


@pytest.fixture
def client(own: tuple[Flask, WallClock]) -> FlaskClient:
    return own[0].test_client(use_cookies=False)


@pytest.fixture
def at(own: tuple[Flask, WallClock]) -> Iterator[Callable[[str], None]]:
    """Set the bank's clock, and back."""
    wall = own[1]
    before = wall.at

    def move(wire: str) -> None:
        wall.at = clock.parse(wire)

    yield move
    wall.at = before


@pytest.mark.parametrize(("kind", "identifier"), KINDS)
def test_a_record_says_where_its_page_is(client: FlaskClient, kind: str, identifier: str) -> None:
    (row,) = rows(client, kind, limit=1, near="31.2336,121.4692")
    one = client.get(f"/v1/{kind}/{row[identifier]}").get_json()
    lines = client.get(f"/v1/{kind}?q={row['name']['en']}", headers={"Accept": "application/x-ndjson"})
    changed = client.get(f"/v1/{kind}?changed_since=2026-09-01T00:00:00%2B08:00&limit=1").get_json()["data"][0]

    assert row["page_url"] == one["page_url"] == f"{HERE}/{kind}/{row[identifier]}"
    assert row["page_url"] in lines.text
    assert changed["page_url"] == f"{HERE}/{kind}/{changed[identifier]}"


@pytest.mark.parametrize(("kind", "identifier"), KINDS)
@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_a_page_tells_what_the_record_says(client: FlaskClient, kind: str, identifier: str, lang: str) -> None:
    (row,) = rows(client, kind, limit=1, near="31.2336,121.4692", open_now="true")
    page = shown(client, row, lang)
    text = text_of(page)

    assert row["name"][lang] in text
    assert row["postal_address"]["address_lines"][0] in text
    assert (row["branch_code"] if kind == "branches" else row["atm_code"]) in text
    if kind == "atms":
        assert ("简体中文、英语" if lang == "zh-CN" else "Simplified Chinese, English") in text
    for contact in row.get("contacts", ()):
        assert f'href="tel:{contact["value"]}"' in page
    assert f'href="geo:{row["location"]["latitude"]},{row["location"]["longitude"]}"' in page
    assert ("营业中" if lang == "zh-CN" else "Open") in text
    if "wait" in row:
        assert f"{row['wait']['minutes']} {'分钟' if lang == 'zh-CN' else 'min'}" in text
    assert not re.search(r"\b(?:[A-Z]+_[A-Z_]+)\b", text), "a code that people do not know"


@pytest.mark.parametrize(
    ("tag", "names"),
    [
        ("zh-CN", ("简体中文", "Simplified Chinese")),
        ("cy", ("威尔士语", "Welsh")),
        ("en-GB", ("英语 (en-GB)", "English (en-GB)")),
        ("mn", ("mn", "mn")),
        ("tlh-Latn", ("tlh-Latn", "tlh-Latn")),
    ],
)
def test_a_language_is_named_as_far_as_it_is_known(tag: str, names: tuple[str, str]) -> None:
    assert tuple(language_name(tag, translator(locale)) for locale in ("zh-CN", "en")) == names


def test_what_a_chat_shows_is_the_name_the_address_and_the_hours_of_the_day(client: FlaskClient) -> None:
    (row,) = rows(client, near="31.2336,121.4692", limit=1, service="FOREIGN_EXCHANGE")
    page = shown(client, row)
    told = metas(page)

    assert told["og:title"] == row["name"]["zh-CN"]
    assert (told["og:url"], told["og:site_name"], told["og:locale"]) == (row["page_url"], "示范银行", "zh_CN")
    assert told["og:description"].startswith(row["postal_address"]["address_lines"][0])
    assert "9月29日 周二" in told["og:description"]
    assert f'<link rel="canonical" href="{row["page_url"]}">' in page
    with client.get(told["og:image"].removeprefix(HERE)) as image:
        assert (image.status_code, image.mimetype, image.data[:4]) == (200, "image/png", b"\x89PNG")
    assert metas(shown(client, row, "en"))["og:locale"] == "en_US"


def test_the_week_has_the_special_days_and_says_why(client: FlaskClient) -> None:
    (row,) = rows(client, near="31.2336,121.4692", limit=1, service="FOREIGN_EXCHANGE")
    page = shown(client, row)

    # As the branch's record has them: Tuesday, Wednesday; National Day closed for three days, then a Sunday's hours.
    assert week(page) == [
        ["2026-09-29", "09:00–17:00"],
        ["2026-09-30", "09:00–17:00"],
        ["2026-10-01", "不营业"],
        ["2026-10-02", "不营业"],
        ["2026-10-03", "不营业"],
        ["2026-10-04", "09:00–16:00"],
        ["2026-10-05", "09:00–16:00"],
    ]
    assert page.count("<small>国庆节</small>") == 5


def test_a_service_with_hours_of_its_own_shows_those_in_which_the_branch_is_open_too(client: FlaskClient) -> None:
    (row,) = rows(client, near="31.2336,121.4692", limit=1, service="FOREIGN_EXCHANGE")
    page = shown(client, row, "en")
    (own,) = re.findall(r'<details class="own-hours">.*?</details>', page, re.DOTALL)

    assert "Business banking" in own
    found = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", own)
    assert found == [("Tue 29 Sep – Wed 30 Sep", "09:00–17:00"), ("Thu 1 Oct – Mon 5 Oct", "not offered")]


def test_a_holiday_that_no_entry_names_and_a_day_that_may_change_are_marked(
    client: FlaskClient, at: Callable[[str], None]
) -> None:
    at("2026-12-29T09:00:00+08:00")
    (row,) = rows(client, near="31.2336,121.4692", limit=1, service="FOREIGN_EXCHANGE")
    page = shown(client, row)

    assert "可能因节假日变化" in page, "the holidays of 2027 are not announced"
    at("2026-02-14T12:00:00+08:00")
    page = shown(client, row)
    names = re.findall("<small>(.*?)</small></th>", page)
    assert names == ["调休工作日"] + ["法定节假日"] * 6, "the Spring Festival of 2026, from the Saturday before it"
    saturday, *festival = [hours for _, hours in week(page)]
    (monday,) = {each["opens"] + "–" + each["closes"] for each in row["availability"]["standard"][0]["opening_hours"]}
    assert row["availability"]["standard"][0]["day"] == "MONDAY" and saturday == monday
    assert set(festival) == {"09:00–16:00"}, "Sunday's"


def test_closed_it_says_when_it_opens(client: FlaskClient, at: Callable[[str], None]) -> None:
    at("2026-09-30T20:00:00+08:00")
    (row,) = rows(client, near="31.2336,121.4692", limit=1, service="FOREIGN_EXCHANGE")
    assert row["next_change_at"] == "2026-10-04T09:00:00+08:00"
    text = text_of(shown(client, row))

    assert "休息中 下次开门 10月4日 周日 09:00" in text
    assert "排队" not in text
    at("2026-10-03T20:00:00+08:00")
    assert "Closed opens tomorrow 09:00" in text_of(shown(client, row, "en"))


# --- the drawing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "identifier"), KINDS)
def test_the_neighbours_are_those_of_the_lists_with_distance_and_direction(
    client: FlaskClient, kind: str, identifier: str
) -> None:
    (row,) = rows(client, kind, limit=1, near="31.2336,121.4692", open_now="true")
    page = shown(client, row, "en")
    where = f"{row['location']['latitude']},{row['location']['longitude']}"
    near = [
        each
        for place in ("branches", "atms")
        for each in [
            other
            for other in rows(client, place, near=where, limit=12)
            if other["page_url"] != row["page_url"] and other["status"] in {"OPEN", "IN_SERVICE", "CASH_OUT"}
        ][:4]
    ]
    (listed,) = re.findall(r'<ol class="near">.*?</ol>', page, re.DOTALL)
    links = re.findall(r'<a href="([^"?]+)\?lang=en">(.*?)</a> <small>(.*?)</small>', listed)

    assert {HERE + path for path, _, _ in links} == {each["page_url"] for each in near} and len(links) == 8
    distances = {each["page_url"]: each["distance_m"] for each in near}
    told = [distances[HERE + path] for path, _, _ in links]
    assert told == sorted(told)
    for path, _, small in links:
        metres = distances[HERE + path]
        length = f"{metres} m" if metres < 1000 else f"{metres / 1000:.1f}".removesuffix(".0") + " km"
        assert "same place" in small if metres < 5 else length in small
    svg = ET.fromstring(re.findall(r"<svg.*?</svg>", page, re.DOTALL)[0])
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == "map-title map-text"
    assert row["name"]["en"] in svg.findtext("title", "") and "radius" in svg.findtext("desc", "")
    assert "image" not in {each.tag for each in svg.iter()}, "nothing is fetched"


@pytest.mark.parametrize(
    ("to", "degrees", "way"),
    [((32, 121), 0, 0), ((30, 121), 180, 4), ((31, 122), 90, 2), ((31, 120), 270, 6), ((31.5, 121.6), 45, 1)],
)
def test_directions_are_those_of_the_compass(to: tuple[float, float], degrees: float, way: int) -> None:
    found = maps.bearing(31, 121, *to)
    assert min(abs(found - degrees), 360 - abs(found - degrees)) < 1
    assert maps.direction(found) == way


def test_east_of_the_180th_meridian_is_east() -> None:
    assert maps.direction(maps.bearing(-17, 179.9, -17, -179.9)) == 2
    assert maps.direction(359.0) == 0


neighbours = st.lists(
    st.builds(Neighbour, st.integers(0, 50_000), st.floats(0, 360, allow_nan=False), st.booleans()),
    min_size=1,
    max_size=8,
).map(lambda found: sorted(found, key=lambda each: each.distance_m))


@settings(max_examples=40, deadline=None)
@given(neighbours)
def test_every_neighbour_is_within_the_circle_once_and_no_mark_lies_over_another(found: list[Neighbour]) -> None:
    sketch = maps.draw(found)
    numbers = [*sketch.here, *(number for mark in sketch.marks for number in mark.numbers)]
    places = [sketch.centre, *((mark.x, mark.y) for mark in sketch.marks)]

    assert sorted(numbers) == list(range(1, len(found) + 1))
    assert sketch.radius_m >= found[-1].distance_m
    assert sketch.radius_m == 100 or sketch.radius_m <= 1.5 * found[-1].distance_m, "as near as it can be"
    assert 2 * sketch.bar_m == sketch.radius_m and sketch.bar == sketch.reach / 2
    for x, y in places:
        assert math.dist((x, y), sketch.centre) <= sketch.reach + 0.1
        assert maps.MARK <= x <= sketch.width - maps.MARK and maps.MARK <= y <= sketch.height - maps.MARK
    for index, one in enumerate(places):
        assert all(math.dist(one, other) >= 2 * maps.MARK for other in places[:index])


# --- as open data, and what there is not ------------------------------------------------------------------------------


def test_a_page_may_be_kept_for_a_while_and_is_known_by_its_tag(client: FlaskClient, at: Callable[[str], None]) -> None:
    (row,) = rows(client, near="31.2336,121.4692", limit=1, open_now="true")
    path = row["page_url"].removeprefix(HERE)
    first = client.get(path, headers=PERSON)
    again = client.get(path, headers=PERSON | {"If-None-Match": first.headers["ETag"]})
    other = client.get(f"{path}?lang=en", headers=PERSON | {"If-None-Match": first.headers["ETag"]})

    assert (first.headers["Cache-Control"], first.headers["Vary"]) == ("public, max-age=60", "Accept-Language")
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert (other.status_code, other.headers["ETag"] != first.headers["ETag"]) == (200, True)
    head = client.head(path, headers=PERSON)
    assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
    at("2026-09-29T22:30:00+08:00")
    assert client.get(path, headers=PERSON | {"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/branches/brn_nowhere",
        "/atms/atm_nowhere",
        "/branches/%00",
        "/branches/brn_%F0%9F%92%A9",
        "/atms/" + "a" * 400,
        "/branches/x/y",
        "/branches/<script>",
        "/branches/brn_vgfga4on4evl%0A",
    ],
)
def test_what_there_is_not_is_a_page_that_says_so(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=PERSON)

    assert (page.status_code, page.mimetype) == (404, "text/html")
    kind, name = ("/atms", "自助机") if path.startswith("/atms") else ("/branches", "网点")
    assert f"<title>{name} · 示范银行</title>" in page.text
    assert f'href="{kind}?lang=zh-CN"' in page.text
    assert "示范银行" in page.text and "<script" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_a_machine_is_no_branch(client: FlaskClient) -> None:
    (row,) = rows(client, "atms", limit=1)
    assert client.get(f"/branches/{row['atm_id']}", headers=PERSON).status_code == 404


@pytest.mark.parametrize(("kind", "identifier"), KINDS)
def test_a_page_runs_nothing_and_fetches_nothing_of_others(client: FlaskClient, kind: str, identifier: str) -> None:
    (row,) = rows(client, kind, limit=1)
    page = client.get(row["page_url"].removeprefix(HERE), headers=PERSON)

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:|<img|<iframe", page.text)
    fetched = re.findall(r'<link rel="(?:stylesheet|icon)" href="([^"]+)"', page.text)
    assert all(path.startswith("/static/") for path in fetched)


# --- finding them -----------------------------------------------------------------------------------------------------


def found(page: str) -> list[str]:
    (listed,) = re.findall(r'<ol class="near".*?</ol>', page, re.DOTALL)
    return re.findall(r'<a href="([^"?]+)', listed)


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("branches", {"q": "上海 虹口"}),
        ("branches", {"q": "hongkou", "open_now": "true"}),
        ("branches", {"near": "31.2336,121.4692"}),
        ("atms", {"near": "31.2336,121.4692", "q": "虹口"}),
    ],
)
def test_words_and_positions_find_what_the_lists_find(client: FlaskClient, kind: str, query: dict[str, str]) -> None:
    page = client.get(f"/{kind}", query_string={**query, "lang": "en"}, headers=PERSON)
    # Who names a place is told that it has moved; who wants what is near wants to be served there.
    listed = rows(client, kind, limit=20, serving="true" if "q" not in query else "false", **query)

    assert page.status_code == 200
    assert [HERE + path for path in found(page.text)] == [row["page_url"] for row in listed]
    assert ("near" in query) is (" km · " in page.text or " m · " in page.text)
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "typed", [" 31.2336 , 121.4692 ", "31.2336，121.4692", "31.23360000,121.46920000499999999999", "031.2336, 121.4692"]
)
def test_a_position_is_taken_as_people_write_it(client: FlaskClient, typed: str) -> None:
    page = client.get("/branches", query_string={"near": typed}, headers=PERSON)
    exact = client.get("/branches?near=31.2336,121.4692", headers=PERSON)
    assert (page.status_code, found(page.text)) == (200, found(exact.text))


def test_a_position_that_is_used_is_told_and_can_be_left(client: FlaskClient) -> None:
    page = client.get("/branches?near=31.2336,121.4692&q=%E9%9D%99%E5%AE%89&open_now=true&lang=en", headers=PERSON).text
    assert "from 31.2336,121.4692 (WGS-84)" in text_of(page)
    (away,) = re.findall(r'<a href="([^"]+)">without the position</a>', page)
    other = client.get(f"/branches{html.unescape(away)}", headers=PERSON).text
    assert "121.4692" not in other and "checked" in other and 'value="静安"' in other and found(other)


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ({"near": "91.5,121.4737", "q": "静安"}, "91.5"),
        ({"near": "121.4737,31.2304", "q": "静安"}, "121.4737"),
        ({"near": "121.4737,31.2304"}, "121.4737"),
        ({"open_now": "maybe", "q": "静安"}, "maybe"),
    ],
)
def test_what_was_wrong_and_is_not_seen_does_not_come_again_with_the_next_words(
    client: FlaskClient, query: dict[str, str], wrong: str
) -> None:
    page = client.get("/branches", query_string=query, headers=PERSON)
    assert page.status_code == 422
    assert wrong not in page.text
    sent = dict(re.findall(r'<input[^>]* name="(\w+)" [^>]*?value="([^"]*)"', page.text)) | {"q": "静安"}
    assert client.get("/branches", query_string=sent, headers=PERSON).status_code == 200


def test_who_asks_for_nothing_gets_the_form_and_who_finds_nothing_is_told(client: FlaskClient) -> None:
    assert "查找结果" not in client.get("/branches", headers=PERSON).text
    nothing = client.get("/branches?q=xyzzy", headers=PERSON).text
    assert "没有找到" in nothing and 'value="xyzzy"' in nothing


def pages(client: FlaskClient, url: str) -> Iterator[str]:
    """Follow the links to what comes next, as a person does."""
    following: str | None = url
    while following:
        page = client.get(following, headers=PERSON).text
        yield page
        links = re.findall(r'<a href="([^"]+)" rel="next">', page)
        following = f"{url.partition('?')[0]}{html.unescape(links[0])}" if links else None


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("branches", {"q": "上海 & 示范", "open_now": "true"}),
        ("branches", {"near": "31.2336,121.4692", "q": "上海", "open_now": "true"}),
        ("atms", {"q": "shanghai"}),
    ],
)
def test_page_after_page_shows_every_row_of_the_list_once(
    client: FlaskClient, kind: str, query: dict[str, str]
) -> None:
    read = list(pages(client, f"/{kind}?{urlencode({**query, 'lang': 'en'})}"))
    lines = client.get(f"/v1/{kind}", query_string=query, headers={"Accept": "application/x-ndjson"}).text.splitlines()

    assert len(read) > 2
    assert [HERE + path for page in read for path in found(page)] == [json.loads(line)["page_url"] for line in lines]
    assert [page.count("From the beginning") for page in read] == [0] + [1] * (len(read) - 1)
    assert '<ol class="near" aria-labelledby="found" start="21">' in read[1]
    (other,) = re.findall(r'lang="zh-CN" href="([^"]+)"', read[1])
    assert found(client.get(f"/{kind}{html.unescape(other)}", headers=PERSON).text) == found(read[1])
    kinds = re.findall(r'<a href="(/(?:atms|branches)\?[^"]+)"', read[1])
    assert len(kinds) == 2 and not any("after=" in each for each in kinds), "the other kind begins at its beginning"


def test_after_the_last_row_there_are_no_more_and_nobody_is_told_that_there_are_none(client: FlaskClient) -> None:
    page = client.get("/branches?q=shanghai&after=60-999999999999-zzz", headers=PERSON)
    assert page.status_code == 200
    assert "后面没有了" in page.text and "没有找到" not in page.text and "回到开头" in page.text


def test_what_others_add_to_an_address_changes_nothing_and_false_is_not_true(client: FlaskClient) -> None:
    query = {"near": "31.2336,121.4692", "lang": "en"}
    pages = [
        client.get("/branches", query_string={**query, **more}, headers=PERSON)
        for more in ({}, {"utm_source": "weibo", "foo": "1"}, {"open_now": ""})
    ]
    assert {(page.status_code, page.text) for page in pages} == {(200, pages[0].text)}
    assert "checked" not in client.get("/branches", query_string={**query, "open_now": "false"}, headers=PERSON).text


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"q": "!!!"}, "请输入文字"),
        ({"q": "", "open_now": "true"}, "请输入文字"),
        ({"q": "上海", "open_now": "maybe"}, "“只看营业中的”写得不对"),
        ({"q": "a" * 65}, "请输入文字"),
        ({"q": "a\x00b"}, "请输入文字"),
        ({"near": "121.4692,31.2336"}, "纬度,经度"),
        ({"near": "87.6168,43.8256"}, "纬度,经度"),
        ({"near": "here"}, "纬度,经度"),
        ({"near": "31.2336,121.4692\n"}, "纬度,经度"),
        ({"near": "1" * 400}, "纬度,经度"),
        ({"near": "3111.2,121"}, "纬度,经度"),
        ({"near": "90.01,121.4692"}, "纬度,经度"),
        ({"near": "31.2336,180.00001"}, "纬度,经度"),
        ({"near": "31.2336,121.4692,1"}, "纬度,经度"),
        ({"near": "31.2336 121.4692"}, "纬度,经度"),
        ({"near": '"><script>'}, "纬度,经度"),
        ({"q": "上海", "after": "20"}, "重新查找"),
        ({"q": "上海", "after": "20-1-"}, "重新查找"),
        ({"q": "上海", "after": "20-" + "9" * 20 + "-310"}, "重新查找"),
        ({"q": "上海", "after": "20-1-310\n"}, "重新查找"),
        ({"q": "上海", "after": '20-1-"><script>'}, "重新查找"),
    ],
)
def test_what_is_no_question_is_told_with_422(client: FlaskClient, query: dict[str, str], said: str) -> None:
    page = client.get("/branches", query_string=query, headers=PERSON)

    assert (page.status_code, page.mimetype) == (422, "text/html")
    assert said in page.text and "<script" not in page.text
