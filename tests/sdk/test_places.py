"""Where and when, as a program says it and as it is sent."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.sdk.doubles import BANK, Bank, answer, bank, example

from openteller import OpenTeller
from openteller.errors import ConfigurationError

PLACE = (31.2304, 121.4737)
SATURDAY = datetime.fromisoformat("2026-10-10T10:00:00+08:00")


def a_page() -> Bank:
    return bank(answer(200, example("listBranches")))


def sent(app: Bank) -> dict[str, str]:
    (address,) = app.addresses
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_near_is_a_list_by_distance() -> None:
    first, second = a_page(), a_page()
    OpenTeller(BANK, wsgi_app=first).branches.near(PLACE, within_m=500, q="支行", open_at=SATURDAY).page()
    OpenTeller(BANK, wsgi_app=second).branches.list(near=PLACE, radius_m=500, q="支行", open_at=SATURDAY).page()
    assert first.addresses == second.addresses


def test_a_part_of_the_map_and_an_instant_are_written_as_the_contract_has_them() -> None:
    app = a_page()
    OpenTeller(BANK, wsgi_app=app).branches.list(bbox=(170.0, -1.5, -170.12345678, 0.0000001), open_at=SATURDAY).page()
    assert sent(app) == {"bbox": "170,-1.5,-170.1234568,0.0000001", "open_at": "2026-10-10T10:00:00+08:00"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"near": (121.4737, 31.2304)},
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
        OpenTeller(BANK, wsgi_app=app).branches.list(**wrong)
    assert app.addresses == []
