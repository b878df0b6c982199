"""The pages of rates: what a person reads is what a program is told, in both languages, drawn and as a table."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller_sandbox.hosted import charts, views
from openteller_sandbox.hosted.charts import Point

PERSON = {"Accept": "text/html"}


def cells(html: str) -> list[list[str]]:
    """The rows of the tables of a page, without markup."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in rows]


def drawing(html: str) -> ET.Element:
    found = re.search(r"<svg.*?</svg>", html, re.DOTALL)
    assert found
    return ET.fromstring(found[0])


def rows(client: FlaskClient, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path, query_string=query).get_json()["data"]
    return found


def test_the_board_is_that_of_the_api_with_what_must_be_said_of_it(client: FlaskClient) -> None:
    page = client.get("/rates", headers=PERSON)
    quotes = rows(client, "/v1/rates/fx")

    assert page.status_code == 200
    shown = cells(page.text)
    for quote in quotes:
        assert [
            f"{quote['name']['zh-CN']} {quote['base']}",
            quote["tt_buy"],
            quote["tt_sell"],
            quote["middle"],
        ] in shown
    assert f"沿用中间价，公布日 {quotes[0]['reference_date']}" in page.text
    assert "沿用 LPR，公布日 2026-08-20" in page.text
    assert ["整存整取（一年）", "0.95%"] in shown
    assert ["大额存单（三年）", "1.35% – 1.45%"] in shown
    assert ["首套房贷款（等额本息）", "3.10%", "3.1444%"] in shown
    assert "不构成要约" in page.text


def test_another_day_is_the_board_of_its_end(client: FlaskClient) -> None:
    page = client.get("/rates?date=2026-09-26&lang=en", headers=PERSON)
    (dollar,) = rows(client, "/v1/rates/fx", base="USD", date="2026-09-26")

    assert ["US dollar USD", dollar["tt_buy"], dollar["tt_sell"], dollar["middle"]] in cells(page.text)
    assert "Middle carried on from 2026-09-25" in page.text
    assert "The counters are closed" in page.text
    assert page.headers["Content-Language"] == "en"


@pytest.mark.parametrize("day", ["2099-01-01", "soon", "2026-02-30", "0001-01-01", "<script>", "1" * 400])
def test_a_day_without_rates_is_told_with_422(client: FlaskClient, day: str) -> None:
    page = client.get("/rates", query_string={"date": day}, headers=PERSON)

    assert page.status_code == 422
    assert "没有这一天的利率" in page.text
    assert "<script" not in page.text


@pytest.mark.parametrize(
    "path",
    ["/rates/XXX", "/rates/CNY", "/rates/usd", "/rates/美元", "/rates/USD/x", "/rates/%00"],
)
def test_what_there_is_not_is_a_page_that_says_so(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=PERSON)

    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "<title>今日利率与牌价 · 示范银行</title>" in page.text
    assert 'href="/rates?lang=zh-CN"' in page.text


def test_a_time_that_there_is_not_is_told_and_the_usual_one_shown(client: FlaskClient) -> None:
    page = client.get("/rates/USD?span=decade&lang=en", headers=PERSON)
    assert page.status_code == 422
    assert "There is no such time" in page.text
    assert client.get("/rates/USD?utm_source=weibo&lang=en", headers=PERSON).status_code == 200
    assert cells(page.text) == cells(client.get("/rates/USD?lang=en", headers=PERSON).text)


@pytest.mark.parametrize("path", ["/rates", "/rates/USD", "/rates/MYR?span=all&lang=en"])
def test_a_page_runs_nothing_and_styles_nothing_by_itself(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers=PERSON)

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=|javascript:", page.text)


@pytest.mark.parametrize(("span", "most"), [("month", 30), ("quarter", 92), ("year", 60), ("all", 40)])
def test_the_table_has_the_days_of_the_drawing_and_the_drawing_the_words(
    client: FlaskClient, span: str, most: int
) -> None:
    page = client.get(f"/rates/USD?span={span}&lang=en", headers=PERSON)
    told = [row for row in cells(page.text) if row and row[0][:2] == "20"]
    svg = drawing(page.text)
    title, text = svg.findtext("title", ""), svg.findtext("desc", "")

    assert 20 <= len(told) <= most
    assert "US dollar" in title and told[0][0][:10] in title
    for row in told[:3]:
        day = row[0][:10]
        (quote,) = rows(client, "/v1/rates/fx", base="USD", date=day)
        assert row[1:] == [quote["tt_buy"], quote["tt_sell"], quote["middle"]]
        assert ("*" in row[0]) is quote["is_carried_forward"]
    assert re.search(r"Lowest [0-9.]+ \(20[0-9-]+\); Highest [0-9.]+ \(20[0-9-]+\)", text)
    assert svg.get("role") == "img" and svg.get("aria-labelledby") == "chart-title chart-text"


def test_carried_days_are_drawn_otherwise(client: FlaskClient) -> None:
    svg = drawing(client.get("/rates/EUR?span=month", headers=PERSON).text)
    kinds = [line.get("class") for line in svg.iter("polyline")]

    assert kinds.count("carried") == 5, "four weekends, and the morning of today"
    assert "fresh" in kinds


def test_a_currency_of_which_there_are_no_notes_has_no_such_prices(client: FlaskClient) -> None:
    assert "现钞" not in client.get("/rates/MYR", headers=PERSON).text
    assert "现钞买入" in client.get("/rates/USD", headers=PERSON).text


# --- the drawing ------------------------------------------------------------------------------------------------------


def points() -> st.SearchStrategy[list[Point]]:
    values = st.integers(1, 10**9).map(lambda ticks: Decimal(ticks).scaleb(-4))
    one = st.tuples(st.integers(1, 4), values, st.booleans())

    def placed(steps: list[tuple[int, Decimal, bool]]) -> list[Point]:
        day, found = date(2026, 1, 1), []
        for days, value, carried in steps:
            day += timedelta(days=days)
            found.append(Point(day, value, carried))
        return found

    return st.lists(one, min_size=1, max_size=60).map(placed)


def corners(lines: tuple[str, ...]) -> Iterator[tuple[float, float]]:
    for line in lines:
        for corner in line.split():
            x, y = corner.split(",")
            yield float(x), float(y)


@settings(max_examples=40, deadline=None)
@given(points())
def test_everything_is_within_the_drawing_and_the_lines_around_the_values(drawn: list[Point]) -> None:
    chart = charts.draw(drawn)
    values = [point.value for point in drawn]

    for x, y in [*corners(chart.fresh), *corners(chart.carried), chart.last]:
        assert chart.left <= x <= chart.right and 0 <= y <= chart.bottom
    labels = [Decimal(tick.text) for tick in chart.values]
    assert labels == sorted(set(labels)) and 2 <= len(labels) <= 7
    assert labels[0] <= min(values) and max(values) <= labels[-1]
    steps = {later - earlier for earlier, later in itertools.pairwise(labels)}
    assert len(steps) == 1, "the lines are evenly apart, as their labels say"
    assert [tick.at for tick in chart.values] == sorted((tick.at for tick in chart.values), reverse=True)
    parts = sum(len(line.split()) - 1 for line in (*chart.fresh, *chart.carried))
    assert parts == len(drawn) - 1, "each step from day to day is drawn once"


def test_a_value_that_never_moves_is_a_line_in_the_middle() -> None:
    days = [date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 3)]
    chart = charts.draw([Point(day, Decimal("4.2774"), carried=False) for day in days])

    assert len({y for _, y in corners(chart.fresh)}) == 1
    assert len(chart.values) >= 2
    assert [tick.text for tick in chart.days] == [str(day) for day in days]


@pytest.mark.parametrize(
    ("fraction", "text"),
    [("0.0310", "3.10%"), ("0.031444", "3.1444%"), ("0.0005", "0.05%"), ("0.1000", "10.00%"), ("0.0000", "0.00%")],
)
def test_a_rate_is_written_in_per_cent(fraction: str, text: str) -> None:
    assert views.percent(fraction) == text
