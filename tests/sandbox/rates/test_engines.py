"""What was known when, on both engines: the other tests of rates have SQLite."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

FX, HISTORY, SHEETS = "/v1/rates/fx", "/v1/rates/fx/history", "/v1/rates/sheets"
WRONG_EVENING, BEFORE = "2025-06-11", "2025-06-12T10:39:59+08:00"


def rows(client: FlaskClient, path: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(path, query_string=query).get_json()["data"]
    return found


@pytest.mark.both_engines
def test_a_correction_stands_in_the_place_of_the_wrong_sheet_once_it_is_known(client: FlaskClient) -> None:
    middles = [
        rows(client, FX, base="JPY", date=WRONG_EVENING, **known)[0]["middle"] for known in ({}, {"known_at": BEFORE})
    ]
    assert middles == ["4.9451", "4.9697"]
    held = rows(client, SHEETS, kind="FX", as_of="2025-06-12T08:00:00+08:00", known_at=BEFORE)
    assert [sheet["sequence"] for sheet in held] == [451]


@pytest.mark.both_engines
def test_a_range_is_its_days_and_a_chain_its_sheets(client: FlaskClient) -> None:
    days = [f"2025-06-{number:02}" for number in range(8, 16)]
    for known in ({}, {"known_at": BEFORE}):
        ranged = rows(client, HISTORY, base="JPY", **{"from": days[0], "to": days[-1], **known})
        assert ranged == [row for day in days for row in rows(client, FX, base="JPY", date=day, **known)]
    sheets = rows(client, SHEETS, kind="FX", known_at="2025-06-12T14:00:00+08:00", limit="5")
    assert [sheet["sequence"] for sheet in sheets] == [454, 453, 452, 451, 450]
    assert [sheet.get("corrected_by") for sheet in sheets] == [None, None, None, sheets[1]["rate_sheet_id"], None]
    assert [sheet.get("effective_to") for sheet in sheets] == [
        None,
        "2025-06-12T09:30:00+08:00",
        "2025-06-12T14:00:00+08:00",
        "2025-06-12T09:30:00+08:00",
        "2025-06-11T22:15:00+08:00",
    ]
