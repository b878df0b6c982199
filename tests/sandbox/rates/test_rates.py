"""Rates over HTTP: which board holds when, and that every way of asking agrees."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sandbox.rate_counter import Counter

FX, HISTORY, SHEETS = "/v1/rates/fx", "/v1/rates/fx/history", "/v1/rates/sheets"
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)


def only(rows: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(rows) == 1
    return rows[0]


# --- one day ---------------------------------------------------------------------------------------------------------


def test_in_the_morning_the_opening_board_repeats_the_middle_of_the_day_before(counter: Counter) -> None:
    quote = only(counter.rows(FX, base="USD"))

    assert quote["published_at"] == "2026-09-29T09:30:00+08:00"
    assert (quote["date"], quote["reference_date"]) == ("2026-09-29", "2026-09-28")
    assert (quote["is_carried_forward"], quote["indicative"]) == (True, False)
    assert quote["middle"] == "671.0494"


@pytest.mark.parametrize(
    ("instant", "reference", "carried"),
    [
        ("2026-09-29T09:29:59+08:00", "2026-09-28", True),
        ("2026-09-29T22:14:59+08:00", "2026-09-28", True),
        ("2026-09-29T22:15:00+08:00", "2026-09-29", False),
        ("2026-09-29T23:59:59+08:00", "2026-09-29", False),
        ("2026-09-30T00:00:00+08:00", "2026-09-29", True),
    ],
)
def test_a_board_holds_from_the_second_of_its_publication(
    counter: Counter, instant: str, reference: str, carried: bool
) -> None:
    with counter.at(instant):
        quote = only(counter.rows(FX, base="EUR"))

    assert (quote["reference_date"], quote["is_carried_forward"]) == (reference, carried)


def test_today_means_now_and_yesterday_means_its_end(counter: Counter) -> None:
    now, today = (counter.rows(FX, base="USD", **query) for query in ({}, {"date": "2026-09-29"}))
    yesterday = only(counter.rows(FX, base="USD", date="2026-09-28"))

    assert now == today
    assert (yesterday["published_at"], yesterday["is_carried_forward"]) == ("2026-09-28T22:15:00+08:00", False)


def test_a_weekend_answers_with_the_last_publication_and_its_own_date(counter: Counter) -> None:
    quotes = [only(counter.rows(FX, base="USD", date=day)) for day in ("2026-09-26", "2026-09-27")]

    for quote, day in zip(quotes, ("2026-09-26", "2026-09-27"), strict=True):
        assert (quote["date"], quote["reference_date"], quote["is_carried_forward"]) == (day, "2026-09-25", True)
    assert quotes[0]["rate_sheet_id"] == quotes[1]["rate_sheet_id"]


def test_after_the_end_of_the_data_the_last_board_is_carried_on(counter: Counter) -> None:
    with counter.at("2027-05-01T12:00:00+08:00"):
        quote = only(counter.rows(FX, base="USD"))

    assert (quote["date"], quote["reference_date"], quote["is_carried_forward"]) == ("2027-05-01", "2026-09-30", True)


def test_the_board_stands_in_its_order_on_one_page(counter: Counter) -> None:
    body = counter.get(FX).get_json()

    assert [row["base"] for row in body["data"]][:4] == ["USD", "EUR", "JPY", "HKD"]
    assert body["links"] == {"self": FX, "next": None, "prev": None}
    assert body["meta"]["count"] == len(body["data"]) == 22


DEPOSITS, LOANS = "/v1/rates/deposits", "/v1/rates/loans"


@pytest.mark.parametrize(
    ("path", "query", "name"),
    [
        (FX, {"date": "2024-10-31"}, "date"),
        (FX, {"date": "0001-01-01"}, "date"),
        (FX, {"as_of": "2024-11-01T22:00:00+08:00"}, "as_of"),
        (FX, {"known_at": "2024-11-01T22:00:00+08:00"}, "known_at"),
        (FX, {"known_at": "2026-09-29T10:30:01+08:00"}, "known_at"),
        (FX, {"as_of": "2026-09-29T10:30:01+08:00"}, "as_of"),
        (FX, {"as_of": "2026-09-01T00:00:00Z", "date": "2026-09-01"}, "as_of"),
        (FX, {"as_of": "0001-01-01T00:00:00+23:59"}, "as_of"),
        (SHEETS, {"as_of": "9999-12-31T23:59:59-23:59"}, "as_of"),
        (FX, {"base": "CNY"}, "base"),
        (DEPOSITS, {"date": "2022-12-31"}, "date"),
        (DEPOSITS, {"known_at": "2022-12-31T17:59:59+08:00"}, "known_at"),
        (DEPOSITS, {"currency": "EUR"}, "currency"),
        (LOANS, {"date": "2019-08-19"}, "date"),
        (LOANS, {"as_of": "2019-08-20T09:59:59+08:00"}, "as_of"),
        (HISTORY, {"base": "USD", "to": "0001-01-01"}, "to"),
        (HISTORY, {"base": "USD", "from_": "2024-10-31", "to": "2024-11-05"}, "from"),
        (HISTORY, {"base": "USD", "known_at": "2024-11-01T22:00:00+08:00"}, "known_at"),
        (HISTORY, {"base": "USD", "known_at": "2026-09-30T00:00:00+08:00"}, "known_at"),
        (HISTORY, {"base": "ZZZ"}, "base"),
        (SHEETS, {"as_of": "2019-08-20T09:59:59+08:00"}, "as_of"),
        (SHEETS, {"kind": "FX", "as_of": "2024-11-01T22:00:00+08:00"}, "as_of"),
        (SHEETS, {"kind": "FX", "known_at": "2024-11-01T22:00:00+08:00"}, "known_at"),
        (SHEETS, {"known_at": "2026-09-29T10:30:01+08:00"}, "known_at"),
    ],
)
def test_where_there_can_be_nothing_the_parameter_is_named(
    counter: Counter, path: str, query: dict[str, str], name: str
) -> None:
    """An empty list would look like an answer."""
    response = counter.get(path, **query)

    assert response.status_code == 422
    assert [(error["in"], error["name"]) for error in response.get_json()["errors"]] == [("query", name)]


def test_products_that_the_bank_does_not_have_are_none(counter: Counter) -> None:
    assert counter.rows(DEPOSITS, currency="USD", product_type="CERTIFICATE_OF_DEPOSIT") == []


@pytest.mark.parametrize("path", [FX, "/v1/rates/deposits", "/v1/rates/loans"])
def test_a_day_that_is_still_to_come_is_refused_by_name(counter: Counter, path: str) -> None:
    response = counter.get(path, date="2026-09-30")

    assert response.status_code == 422
    assert response.get_json()["errors"] == [
        {"in": "query", "name": "date", "code": "FIELD_INVALID", "message": "Must not be after today."}
    ]


@pytest.mark.parametrize("day", ["2026-02-30", "today", "2026-9-1", "9999-12-31", ""])
def test_what_is_no_past_day_is_refused(counter: Counter, day: str) -> None:
    assert counter.get(FX, date=day).status_code == 422


def test_an_unknown_parameter_is_refused(counter: Counter) -> None:
    assert counter.get(FX, dates="2026-09-29").status_code == 400


# --- a range ---------------------------------------------------------------------------------------------------------


@SHARED
@given(
    st.dates(date(2024, 11, 1), date(2026, 9, 29)),
    st.integers(0, 40),
    st.integers(1, 20),
    st.sampled_from(("USD", "JPY")),
)
def test_a_range_says_of_each_day_what_that_day_says(
    counter: Counter, first: date, length: int, limit: int, base: str
) -> None:
    last = min(first + timedelta(days=length), date(2026, 9, 29))
    response = counter.get(HISTORY, base=base, from_=first, to=last, limit=limit).get_json()
    ranged = response["data"]
    while response["links"]["next"]:
        response = counter.client.get(response["links"]["next"]).get_json()
        ranged += response["data"]

    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    assert ranged == [row for day in days for row in counter.rows(FX, base=base, date=day)]


def test_a_range_without_bounds_is_the_last_thirty_days(counter: Counter) -> None:
    rows = counter.rows(HISTORY, base="USD", limit=100)

    assert (len(rows), rows[0]["date"], rows[-1]["date"]) == (30, "2026-08-31", "2026-09-29")
    assert rows[-1:] == counter.rows(FX, base="USD")


def test_the_first_page_is_one_link_away(counter: Counter) -> None:
    first = counter.get(HISTORY, base="USD", limit=10).get_json()
    second = counter.client.get(first["links"]["next"]).get_json()

    assert first["links"]["prev"] is None
    assert counter.client.get(second["links"]["prev"]).get_json() == first


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"from_": "2026-09-02", "to": "2026-09-01"}, "from"),
        ({"to": "2026-09-30"}, "to"),
        ({"from_": "2026-09-30"}, "from"),
    ],
)
def test_a_range_that_cannot_be_is_refused_by_name(counter: Counter, query: dict[str, str], name: str) -> None:
    response = counter.get(HISTORY, base="USD", **query)

    assert response.status_code == 422
    assert [error["name"] for error in response.get_json()["errors"]] == [name]


def test_a_cursor_of_another_currency_is_refused(counter: Counter) -> None:
    following = counter.get(HISTORY, base="USD", limit=1).get_json()["links"]["next"]

    assert counter.client.get(following.replace("USD", "EUR")).status_code == 400


# --- sheets ----------------------------------------------------------------------------------------------------------


def all_sheets(counter: Counter, **query: Any) -> list[dict[str, Any]]:
    response = counter.get(SHEETS, limit=100, **query).get_json()
    sheets: list[dict[str, Any]] = response["data"]
    while response["links"]["next"]:
        response = counter.client.get(response["links"]["next"]).get_json()
        sheets += response["data"]
    return sheets


def test_every_published_sheet_is_listed_once_the_latest_first(counter: Counter) -> None:
    sheets = all_sheets(counter)

    assert len({sheet["rate_sheet_id"] for sheet in sheets}) == len(sheets) == 7 + 85 + 1435
    assert [sheet["published_at"] for sheet in sheets] == sorted((s["published_at"] for s in sheets), reverse=True)
    assert sheets[0]["published_at"] == "2026-09-29T09:30:00+08:00"


@pytest.mark.parametrize("kind", ["DEPOSIT", "LOAN", "FX"])
def test_each_sheet_ends_where_the_next_begins_and_the_last_has_no_end(counter: Counter, kind: str) -> None:
    sheets = all_sheets(counter, kind=kind)
    plain = [sheet for sheet in sheets if "correction" not in sheet]
    corrections = {sheet["supersedes"]: sheet for sheet in sheets if "correction" in sheet}

    assert {sheet["kind"] for sheet in sheets} == {kind}
    assert "effective_to" not in sheets[0]
    for later, earlier in pairwise(plain):
        assert earlier["effective_to"] == later["effective_from"]
        standing = corrections.get(earlier["rate_sheet_id"])
        corrected_before = standing and standing["published_at"] < later["published_at"]
        assert later["supersedes"] == (standing if corrected_before else earlier)["rate_sheet_id"]
        assert earlier.get("corrected_by") == (standing and standing["rate_sheet_id"])
        if standing:
            assert (standing["effective_from"], standing["effective_to"]) == (
                earlier["effective_from"],
                earlier["effective_to"],
            )


def test_a_sheet_that_is_published_ahead_ends_the_one_before_it_but_does_not_hold_yet(counter: Counter) -> None:
    with counter.at("2025-05-20T17:59:59+08:00"):
        before = counter.rows(SHEETS, kind="DEPOSIT", limit=1)
    with counter.at("2025-05-20T18:00:00+08:00"):
        ahead = counter.rows(SHEETS, kind="DEPOSIT", limit=2)
        rates = counter.rows("/v1/rates/deposits")

    assert [sheet["sequence"] for sheet in before + ahead] == [6, 7, 6]
    assert "effective_to" not in before[0]
    assert ahead[1]["effective_to"] == ahead[0]["effective_from"] == "2025-05-21T00:00:00+08:00"
    assert {rate["rate_sheet_id"] for rate in rates} == {before[0]["rate_sheet_id"]}


COMPUTED = {"effective_to", "corrected_by", "deposit_rates", "loan_rates", "fx_quotes", "date", "is_carried_forward"}


def canonical(record: dict[str, Any]) -> str:
    facts = {name: value for name, value in record.items() if name not in COMPUTED | {"hash"}}
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("kind", ["DEPOSIT", "LOAN", "FX"])
def test_the_chain_can_be_verified_over_http(counter: Counter, kind: str) -> None:
    later: dict[str, Any] = {}
    for sheet in counter.rows(SHEETS, kind=kind, rows="true", limit=5):
        rows = sheet[ROWS[kind]]
        assert sheet["hash"] == hashlib.sha256("\n".join(map(canonical, [sheet, *rows])).encode()).hexdigest()
        assert not later or (later["previous_hash"], later["sequence"]) == (sheet["hash"], sheet["sequence"] + 1)
        later = sheet


def test_a_sheet_in_a_list_with_rows_is_the_sheet_itself(counter: Counter) -> None:
    for sheet in counter.rows(SHEETS, rows="true", limit=3):
        assert sheet == counter.client.get(f"{SHEETS}/{sheet['rate_sheet_id']}").get_json()


ROWS = {"DEPOSIT": "deposit_rates", "LOAN": "loan_rates", "FX": "fx_quotes"}


@pytest.mark.parametrize(("kind", "member"), ROWS.items())
def test_a_sheet_has_the_rows_of_its_kind_and_no_others(counter: Counter, kind: str, member: str) -> None:
    sheet_id = counter.rows(SHEETS, kind=kind, limit=1)[0]["rate_sheet_id"]
    sheet = counter.client.get(f"{SHEETS}/{sheet_id}").get_json()

    assert {name for name in sheet if name.endswith(("_rates", "_quotes"))} == {member}
    assert {row["rate_sheet_id"] for row in sheet[member]} == {sheet_id}


@pytest.mark.parametrize("sheet_id", ["rsh_000000000000", "rsh_", "nonsense", "rsh_%00%00%00%00"])
def test_an_unknown_sheet_is_not_found(counter: Counter, sheet_id: str) -> None:
    assert counter.client.get(f"{SHEETS}/{sheet_id}").status_code == 404


def test_a_sheet_of_the_future_is_not_found_until_it_is_published(counter: Counter) -> None:
    with counter.at("2026-09-30T12:00:00+08:00"):
        sheet_id = counter.rows(SHEETS, kind="FX", limit=1)[0]["rate_sheet_id"]

    assert counter.client.get(f"{SHEETS}/{sheet_id}").status_code == 404


# --- deposits and loans ----------------------------------------------------------------------------------------------


def test_deposits_are_filtered_by_type_and_currency(counter: Counter) -> None:
    rates = counter.rows("/v1/rates/deposits", product_type="TIME", currency="USD")

    assert [rate["product_code"] for rate in rates] == ["TIME_USD_1M", "TIME_USD_3M", "TIME_USD_6M", "TIME_USD_1Y"]
    assert len(counter.rows("/v1/rates/deposits")) == 20


def test_deposits_of_a_past_day_are_those_of_its_sheet(counter: Counter) -> None:
    then, now = (
        {rate["product_code"]: rate["rate"] for rate in counter.rows("/v1/rates/deposits", **query)}
        for query in ({"date": "2024-01-02"}, {})
    )

    assert (then["TIME_CNY_1Y"], now["TIME_CNY_1Y"]) == ("0.0115", "0.0095")


@pytest.mark.parametrize(
    ("day", "carried"), [("2026-08-20", False), ("2026-09-19", False), ("2026-09-20", True), ("2026-09-29", True)]
)
def test_loans_are_marked_once_a_new_reference_rate_was_due(counter: Counter, day: str, carried: bool) -> None:
    rates = counter.rows("/v1/rates/loans", date=day, loan_purpose="CAR")

    assert [(rate["product_code"], rate["is_carried_forward"]) for rate in rates] == [("CAR", carried)]
    assert rates[0]["reference_rate"]["reference_date"] == "2026-08-20"


def test_until_ten_on_the_day_of_the_lpr_the_old_loan_sheet_is_an_old_one_carried_on(counter: Counter) -> None:
    with counter.at("2026-08-20T09:59:59+08:00"):
        early = only(counter.rows("/v1/rates/loans", loan_purpose="CAR"))
    with counter.at("2026-08-20T10:00:00+08:00"):
        late = only(counter.rows("/v1/rates/loans", loan_purpose="CAR"))

    assert (early["reference_rate"]["reference_date"], early["is_carried_forward"]) == ("2026-07-20", True)
    assert (late["reference_rate"]["reference_date"], late["is_carried_forward"]) == ("2026-08-20", False)


# --- conditional GET -------------------------------------------------------------------------------------------------

LISTS = [FX, f"{HISTORY}?base=USD", SHEETS, "/v1/rates/deposits", "/v1/rates/loans"]


@pytest.mark.parametrize("path", LISTS)
def test_a_copy_that_is_still_right_is_not_sent_again(counter: Counter, path: str) -> None:
    first = counter.client.get(path)
    again = counter.client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    assert not first.headers["ETag"].startswith("W/")


@pytest.mark.parametrize("path", LISTS)
def test_head_answers_like_get_without_a_body(counter: Counter, path: str) -> None:
    got, head = counter.client.get(path), counter.client.head(path)

    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


def test_a_new_board_a_new_day_and_another_question_have_other_tags(counter: Counter) -> None:
    tags = [counter.get(FX).headers["ETag"], counter.get(FX, base="USD").headers["ETag"]]
    for instant in ("2026-09-29T22:15:00+08:00", "2026-09-30T00:00:00+08:00", "2026-09-30T09:30:00+08:00"):
        with counter.at(instant):
            tags.append(counter.get(FX).headers["ETag"])

    assert len(set(tags)) == 5


def test_last_modified_is_the_publication_or_the_beginning_of_the_day(counter: Counter) -> None:
    assert counter.get(FX).headers["Last-Modified"] == "Tue, 29 Sep 2026 01:30:00 GMT"
    assert counter.get("/v1/rates/loans").headers["Last-Modified"] == "Mon, 28 Sep 2026 16:00:00 GMT"
