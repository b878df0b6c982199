"""A currency through time: the published digits, and weeks and months that are made of days."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete
from tests.sandbox.rate_counter import Counter
from tools.seed.rates import DATA

from openteller_sandbox import clock
from openteller_sandbox.db import Statement
from openteller_sandbox.rates import history, store

FX, HISTORY = "/v1/rates/fx", "/v1/rates/fx/history"
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
FIRST, TODAY = date(2024, 11, 1), date(2026, 9, 29)


def all_rows(counter: Counter, **query: Any) -> list[dict[str, Any]]:
    body = counter.get(HISTORY, **query).get_json()
    rows: list[dict[str, Any]] = body["data"]
    while body["links"]["next"]:
        body = counter.client.get(body["links"]["next"]).get_json()
        rows += body["data"]
    return rows


def crossed(cny: str, per_euro: str) -> str:
    """CNY per 100 units, to the fourth decimal, a tie to the even digit; in whole numbers."""
    ticks = Fraction(cny) * 1_000_000 / Fraction(per_euro)
    return str(Decimal(round(ticks)).scaleb(-4))


def test_september_2026_is_the_ecb_file_to_the_last_digit(counter: Counter) -> None:
    """Each day, each currency: asked as one day, and the dollar, the euro and the yen as a range, too."""
    with (DATA / "fx_ecb.csv").open(encoding="utf-8", newline="") as stream:
        published = {row["date"]: row for row in csv.DictReader(stream)}
    days = [date(2026, 9, 1) + timedelta(days=number) for number in range(30)]
    with counter.at("2026-10-01T08:00:00+08:00"):
        boards = {str(day): counter.rows(FX, date=day) for day in days}
        ranges = {
            base: counter.rows(HISTORY, base=base, from_=days[0], to=days[-1], limit=100)
            for base in ("USD", "EUR", "JPY")
        }

    for day, board in boards.items():
        reference = max(one for one in published if one <= day)
        row = {**published[reference], "EUR": "1"}
        assert {quote["base"]: quote["middle"] for quote in board} == {
            quote["base"]: crossed(row["CNY"], row[quote["base"]]) for quote in board
        }
        assert {quote["reference_date"] for quote in board} == {reference}
        assert {quote["is_carried_forward"] for quote in board} == {reference != day}
        assert len(board) == 22
    for base, quotes in ranges.items():
        assert quotes == [next(quote for quote in board if quote["base"] == base) for board in boards.values()]
    assert sum(reference in published for reference in boards) == 22, "the days on which the ECB published"


@SHARED
@given(
    st.dates(FIRST, TODAY),
    st.integers(0, 120),
    st.sampled_from(("week", "month")),
    st.integers(1, 20),
    st.sampled_from(("EUR", "KRW")),
)
def test_weeks_and_months_are_what_their_days_say(
    counter: Counter, first: date, length: int, group: str, limit: int, base: str
) -> None:
    asked = {"base": base, "from_": first, "to": min(first + timedelta(days=length), TODAY)}
    days = all_rows(counter, **asked, limit=100)
    grouped = all_rows(counter, **asked, group=group, limit=limit)

    def key(row: dict[str, Any]) -> Any:
        day = date.fromisoformat(row["date"])
        return day.isocalendar()[:2] if group == "week" else (day.year, day.month)

    parts = [list(part) for _, part in groupby(days, key)]
    assert [{name: value for name, value in row.items() if name != "period"} for row in grouped] == [
        part[-1] for part in parts
    ]
    for row, part in zip(grouped, parts, strict=True):
        middles = [Decimal(day["middle"]) for day in part]
        mean = sum(map(Fraction, middles), Fraction(0)) / len(middles)
        assert row["period"] == {
            "group": group,
            "from": part[0]["date"],
            "to": part[-1]["date"],
            "days": len(part),
            "first": part[0]["middle"],
            "highest": str(max(middles)),
            "lowest": str(min(middles)),
            "average": str(Decimal(round(mean * 10_000)).scaleb(-4)),
        }


def test_two_years_by_month_are_on_one_page_and_each_day_is_in_one_month(counter: Counter) -> None:
    rows = counter.rows(HISTORY, base="USD", from_=FIRST, group="month", limit=100)

    assert (len(rows), rows[0]["period"]["from"], rows[-1]["date"]) == (23, str(FIRST), str(TODAY))
    assert sum(row["period"]["days"] for row in rows) == (TODAY - FIRST).days + 1


@given(st.dates(), st.integers(0, 800), st.sampled_from(("day", "week", "month")))
@settings(max_examples=50, deadline=None)
def test_periods_have_each_day_of_a_range_once(first: date, length: int, group: str) -> None:
    last = first + timedelta(days=min(length, (date.max - first).days))
    found = list(history.periods(first, last, group))

    assert [day for period in found for day in period.days] == [
        first + timedelta(days=number) for number in range((last - first).days + 1)
    ]
    keys = {
        "day": lambda day: day,
        "week": lambda day: day - timedelta(days=min(day.weekday(), (day - date.min).days)),
        "month": lambda day: day.replace(day=1),
    }[group]
    assert len({keys(period.first) for period in found}) == len(found)
    assert all(keys(period.first) == keys(period.last) for period in found)


def test_a_page_has_no_more_days_than_are_read_at_once() -> None:
    months = list(history.periods(date(1999, 1, 4), date(2026, 9, 29), "month"))

    assert sum(len(period.days) for period in history.page(months, 100)) <= 1_100
    assert len(list(history.page(months, 12))) == 12


@pytest.mark.parametrize("group", ["year", "", "WEEK"])
def test_an_unknown_group_is_refused_by_name(counter: Counter, group: str) -> None:
    response = counter.get(HISTORY, base="USD", group=group)

    assert response.status_code == 422
    assert [error["name"] for error in response.get_json()["errors"]] == ["group"]


def test_a_mean_is_rounded_to_the_even_digit() -> None:
    days = [date(2026, 9, 1), date(2026, 9, 2)]
    period = history.Period(days[0], days[1], "week")
    for last, mean in (("1.0001", "1.0000"), ("1.0003", "1.0002")):
        summary = history._summary(period, {days[0]: '{"middle":"1.0000"}', days[1]: f'{{"middle":"{last}"}}'})
        assert summary["average"] == mean
        assert Decimal(mean) == ((1 + Decimal(last)) / 2).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


@SHARED
@given(st.dates(FIRST, TODAY), st.integers(0, 700), st.sampled_from((None, "day", "week", "month")))
def test_lines_and_tables_have_the_whole_range_as_pages_have_it(
    counter: Counter, first: date, length: int, group: str | None
) -> None:
    query = {"base": "EUR", "from": first, "to": min(first + timedelta(days=length), TODAY)}
    query |= {"group": group} if group else {}
    rows = all_rows(counter, **{"from_" if name == "from" else name: value for name, value in query.items()}, limit=100)

    lines, table = (
        counter.client.get(HISTORY, query_string=query, headers={"Accept": kind})
        for kind in ("application/x-ndjson", "text/csv")
    )

    assert [json.loads(line) for line in lines.text.splitlines()] == rows
    for cells, row in zip(csv.DictReader(io.StringIO(table.text, newline="")), rows, strict=True):
        flat = {name: value for name, value in row.items() if name not in {"period", "name"}}
        flat |= {f"period_{name}": value for name, value in row.get("period", {}).items()}
        assert cells == {
            name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in flat.items()
        }


def test_a_currency_of_which_there_are_no_notes_has_empty_cells(counter: Counter) -> None:
    table = counter.client.get(f"{HISTORY}?base=MYR&from=2026-09-29", headers={"Accept": "text/csv"})
    (row,) = csv.DictReader(io.StringIO(table.text, newline=""))

    assert (row["notes_buy"], row["notes_sell"], row["base"]) == ("", "", "MYR")
    assert table.headers["Content-Disposition"] == 'attachment; filename="fx-myr.csv"'


@pytest.mark.parametrize("name", ["limit", "after"])
def test_what_has_no_pages_takes_no_paging(counter: Counter, name: str) -> None:
    query = {"base": "USD", name: "5"}
    response = counter.client.get(HISTORY, query_string=query, headers={"Accept": "text/csv"})

    assert (response.status_code, [error["name"] for error in response.get_json()["errors"]]) == (422, [name])


def test_each_shape_has_a_tag_of_its_own_and_what_there_is_not_is_refused(counter: Counter) -> None:
    kinds = ("application/json", "application/x-ndjson", "text/csv")
    answers = [counter.client.get(f"{HISTORY}?base=USD", headers={"Accept": kind}) for kind in kinds]

    assert len({answer.headers["ETag"] for answer in answers}) == 3
    assert [answer.headers["Vary"] for answer in answers] == ["Accept", *["Accept, Accept-Encoding"] * 2]
    copy = {"Accept": "text/csv", "If-None-Match": answers[2].headers["ETag"]}
    assert counter.client.get(f"{HISTORY}?base=USD", headers=copy).status_code == 304
    assert counter.client.get(f"{HISTORY}?base=USD", headers={"Accept": "image/png"}).status_code == 406


def test_a_copy_is_no_longer_right_once_a_board_that_came_out_before_takes_effect(counter: Counter) -> None:
    published, holds = "2026-10-12T10:00:00+08:00", "2026-10-12T12:00:00+08:00"
    row = counter.bank.db.read().one(store.LAST_OF, kind="FX")
    assert row is not None
    ahead = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row is no mapping
    ahead |= {"rate_sheet_id": "rsh_ahead", "sequence": row["sequence"] + 1, "published_at": clock.parse(published)}
    ahead |= {"effective_from": clock.parse(holds), "holds_from": clock.parse(holds)}
    ahead["row_lines"] = row["row_lines"].replace('"middle":"', '"middle":"1')
    query = {"base": "USD", "group": "month"}
    with counter.bank.db.act() as tx:
        tx.run(store.INSERT, **ahead)
    try:
        with counter.at("2026-10-12T11:00:00+08:00"):
            before = counter.get(HISTORY, **query)
        with counter.at("2026-10-12T13:00:00+08:00"):
            after = counter.get(HISTORY, **query)
    finally:
        with counter.bank.db.act() as tx:
            tx.run(Statement(delete(store.rate_sheets).where(store.rate_sheets.c.rate_sheet_id == "rsh_ahead")))

    assert after.get_json()["data"] != before.get_json()["data"]
    assert after.headers["ETag"] != before.headers["ETag"]
