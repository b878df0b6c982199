"""Where and when, as a program says it and as it is sent."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sdk.doubles import BANK, Answer, Bank, answer, bank, example, refusal

from openteller import OpenTeller, geo
from openteller.errors import BankFailure, ConfigurationError

PLACE = (31.2304, 121.4737)
SATURDAY = datetime.fromisoformat("2026-10-10T10:00:00+08:00")


def a_page() -> Bank:
    return bank(answer(200, example("listBranches")))


def sent(app: Bank) -> dict[str, str]:
    (address,) = app.addresses
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_near_is_a_list_by_distance() -> None:
    first, second = a_page(), a_page()
    OpenTeller(BANK, wsgi_app=first).branches.near(PLACE, radius_m=500, q="支行", open_at=SATURDAY).page()
    OpenTeller(BANK, wsgi_app=second).branches.list(near=PLACE, radius_m=500, q="支行", open_at=SATURDAY).page()
    assert first.addresses == second.addresses


def test_a_part_of_the_map_and_an_instant_are_written_as_the_contract_has_them() -> None:
    app = a_page()
    OpenTeller(BANK, wsgi_app=app).branches.list(bbox=(170.0, -1.5, -170.12345678, 0.0000001), open_at=SATURDAY).page()
    assert sent(app) == {"bbox": "170,-1.5,-170.1234568,0.0000001", "open_at": "2026-10-10T10:00:00+08:00"}


def test_texts_are_sent_as_the_contract_has_them() -> None:
    app = a_page()
    instant = SATURDAY.isoformat()
    OpenTeller(BANK, wsgi_app=app).branches.list(
        near=" 31.2304， -0.50 ", bbox="170, -1.5,-170,0", open_at=instant
    ).page()
    assert sent(app) == {"near": "31.2304,-0.50", "bbox": "170,-1.5,-170,0", "open_at": instant}


@pytest.mark.parametrize("text", ["1e1,1_0", "121.4737,31.2304", "31.2304", "人民广场", ""])
def test_a_text_that_is_no_position_is_sent_for_the_bank_to_refuse_by_its_field(text: str) -> None:
    app = a_page()
    OpenTeller(BANK, wsgi_app=app).branches.list(near=text).page()
    assert parse_qs(urlsplit(app.addresses[0]).query, keep_blank_values=True) == {"near": [text]}
    with pytest.raises(ConfigurationError):
        geo.distance_m(text, PLACE)


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": (121.4737, 31.2304)},
        {"near": (math.inf, "x")},
        {"near": (math.nan, 0.0)},
        {"near": (31.2,)},
        {"bbox": (31.1, 121.3, 31.4, 121.6)},
        {"bbox": (121.3, 31.4, 121.6, 31.1)},
        {"bbox": (121.3, 31.1, 121.3, 31.4)},
        {"bbox": (121.3, 31.1, 121.6)},
        {"bbox": (math.nan, 31.1, 121.6, 31.4)},
        {"bbox": 5},
        {"open_at": datetime(2026, 10, 10, 10)},  # noqa: DTZ001 - that is what is wrong with it
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    app = a_page()
    with pytest.raises(ConfigurationError):
        OpenTeller(BANK, wsgi_app=app).branches.list(**wrong).page()
    assert app.addresses == []


# --- a copy that keeps up


def changed_page(data: list[str], removed: list[str], following: str | None = None) -> Answer:
    rows = [example("listBranches")["data"][0] | {"branch_id": name} for name in data]
    gone = [{"branch_id": name, "branch_code": "1", "removed_at": "2026-09-29T10:30:00+08:00"} for name in removed]
    links = {"self": "/v1/branches", "next": following, "prev": None}
    meta = {"as_of": "2026-09-29T10:30:00+08:00", "count": len(rows)}
    then = {"removed": gone, "next_changed_since": "2026-09-29T10:00:00.123+08:00"}
    return answer(200, {"data": rows, "links": links, "meta": meta} | then)


def test_changes_are_those_of_all_pages_and_say_what_to_ask_with_next() -> None:
    app = bank(changed_page(["brn_a"], ["brn_x"], "/v1/branches?after=2"), changed_page(["brn_b", "brn_a"], []))
    news = OpenTeller(BANK, wsgi_app=app).branches.changes(SATURDAY, crs="gcj02")

    assert [branch.branch_id for branch in news.changed] == ["brn_a", "brn_b", "brn_a"]
    assert [gone.branch_id for gone in news.removed] == ["brn_x"]
    assert news.next_changed_since == datetime.fromisoformat("2026-09-29T10:00:00.123+08:00")
    first, second = (parse_qs(urlsplit(address).query) for address in app.addresses)
    assert first == {"changed_since": ["2026-10-10T10:00:00+08:00"], "crs": ["gcj02"], "limit": ["100"]}
    assert second == first | {"after": ["2"]}


def test_of_changes_that_are_not_read_to_the_end_there_are_none() -> None:
    app = bank(changed_page(["brn_a"], [], "/v1/branches?after=2"), refusal(503))
    with pytest.raises(BankFailure):
        OpenTeller(BANK, wsgi_app=app, max_retries=0).branches.changes(SATURDAY)


@pytest.mark.parametrize("wrong", [datetime(2026, 10, 10), "2026-10-10T10:00:00", "yesterday", 5, None])  # noqa: DTZ001
def test_what_is_no_instant_with_a_zone_is_no_beginning_of_changes(wrong: Any) -> None:
    app = a_page()
    with pytest.raises(ConfigurationError):
        OpenTeller(BANK, wsgi_app=app).branches.changes(wrong)
    assert app.addresses == []


def test_changes_begin_at_an_instant_that_is_a_text() -> None:
    app = bank(changed_page([], []))
    OpenTeller(BANK, wsgi_app=app).branches.changes("2026-10-10T02:00:00Z")
    assert sent(app)["changed_since"] == "2026-10-10T02:00:00+00:00"
