"""The pages of places that moved, closed, went or never serve, and what imported records may bring onto a page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from tests.conftest import WallClock, make_bank
from tests.sandbox.branches.conftest import Record, a_branch, an_atm

from openteller_sandbox import app
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches.service import BRANCHES, directory_of, is_gone
from openteller_sandbox.imports.files import opened
from openteller_sandbox.imports.outcome import Watch, Wish
from openteller_sandbox.imports.refusals import Refusal

PERSON = {"Accept": "text/html"}
LONDON = {"latitude": 51.5136, "longitude": -0.089, "crs": "wgs84"}
ADDRESS = {"address_lines": ["1 Lothbury"], "town_name": "London", "country": "GB"}
EDINBURGH = {"latitude": 55.95, "longitude": -3.19, "crs": "wgs84"}
AT_SEA = {"latitude": -3.19, "longitude": 55.95, "crs": "wgs84"}
NIGHT = {"standard": [{"day": day, "opening_hours": hours} for day, hours in (
    ("MONDAY", [{"opens": "22:00", "closes": "24:00"}]),
    ("TUESDAY", [{"opens": "00:00", "closes": "02:00"}, {"opens": "09:00", "closes": "11:00"}]),
)], "special": []}  # fmt: skip
FOUND = [
    a_branch(1, name={"zh-CN": "示范银行老街支行", "en": "Old Street"}, status="RELOCATED", moved_to="brn_test2"),
    a_branch(2, name={"zh-CN": "示范银行新街支行", "en": "New Street"}),
    a_branch(3, status="CLOSED"),
    a_branch(4, status="TEMPORARILY_CLOSED"),
    a_branch(5, location=LONDON, timezone="Europe/London", availability=NIGHT, postal_address=ADDRESS),
    a_branch(
        6,
        name={"zh-CN": '"><script>alert(1)</script>', "en": "{{ 7 * 7 }}"},
        contacts=[
            {"type": "PHONE", "value": "javascript:alert(1)"},
            {"type": "EMAIL", "value": 'a"@bank.example?bcc=x@evil.example'},
        ],
    ),
    a_branch(
        9,
        name={"zh-CN": "支行\u202e行支\u200b\u2066", "en": "Old\u202e teertS\u200e Street"},
        postal_address={**ADDRESS, "address_lines": ["1 \u202eyruboltoL"], "country": "GH"},
        location={"latitude": 5.7, "longitude": 0.00001, "crs": "wgs84"},
        timezone="Africa/Accra",
    ),
    a_branch(8, location=AT_SEA, timezone="Indian/Mahe", postal_address={**ADDRESS, "country": "SC"}),
    a_branch(7),
]
MACHINES = [
    an_atm(1, status="OUT_OF_SERVICE"),
    an_atm(2, status="CASH_OUT", branch_id="brn_test7"),
    an_atm(3, location=EDINBURGH, timezone="Europe/London", postal_address=ADDRESS),
]


def bring(bank: Bank, folder: Path, kind: str, records: list[Record]) -> None:
    file = folder / "file"
    code = "branch_code" if kind == "branches" else "atm_code"
    lines = []
    for record in records:
        alone = {name: value for name, value in record.items() if name != "parent_branch_id"}
        lines.append(json.dumps({**alone, code: f"T{record[code]}"}, ensure_ascii=False))  # none of the seed's
    file.write_text("\n".join(lines), encoding="utf-8")
    with opened(str(file)) as source:
        refusals: list[Refusal] = []
        outcome = app.import_file(bank, kind, source, Wish(replace=True), Watch(refused=refusals.append))
    assert (outcome.kept, outcome.refused) == (True, 0), refusals


@pytest.fixture(scope="module")
def own_bank(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Bank]:
    """A bank whose last import has taken a branch away."""
    folder = tmp_path_factory.mktemp("pages")
    bank = make_bank(folder, WallClock(), engine=engine)
    bring(bank, folder, "branches", FOUND)
    bring(bank, folder, "atms", MACHINES)
    bring(bank, folder, "branches", FOUND[:-1])
    yield bank
    bank.db.close()


@pytest.fixture(scope="module")
def anyone(own_bank: Bank) -> FlaskClient:
    return app.create_app(own_bank).test_client(use_cookies=False)


def page(anyone: FlaskClient, path: str, status: int = 200) -> str:
    answer = anyone.get(path, headers=PERSON)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    return answer.text


def test_of_a_place_that_is_gone_a_page_says_so(anyone: FlaskClient, own_bank: Bank) -> None:
    assert is_gone(own_bank.db.read(), directory_of(own_bank.db, BRANCHES).places, "brn_test7")

    assert "本行已不再列出这个地点" in page(anyone, "/branches/brn_test7", 410)
    assert "does not list this place any more" in page(anyone, "/branches/brn_test7?lang=en", 410)
    page(anyone, "/branches/brn_test99", 404)
    page(anyone, "/branches/%00", 404)
    link = {"link": "http://127.0.0.1:8080/branches/brn_test7"}
    assert "是本行的公开页面" in anyone.post("/link-check", data=link).text


def test_of_a_bank_anywhere_in_the_world_positions_the_wrong_way_round_are_refused(anyone: FlaskClient) -> None:
    """No machine is near where Edinburgh's numbers lead exchanged, but a branch is."""
    for query in ({"near": "-3.19,55.95"}, {"bbox": "55,-4,56,-3"}):
        answer = anyone.get("/v1/atms", query_string=query)
        assert [fault["name"] for fault in answer.json["errors"]] == list(query)
        (found,) = anyone.get("/v1/branches", query_string={**query, "limit": 1}).json["data"]
        assert found["branch_id"] == "brn_test8"
    assert anyone.get("/v1/atms", query_string={"near": "40.7,-74.0", "limit": 1}).json["data"]
    assert 'role="alert"' in page(anyone, "/atms?near=-3.19,55.95", 422)
    page(anyone, "/branches/brn_test8")  # it is where it says, though no machine is near


def test_a_branch_that_moved_leads_to_the_one_that_took_over(anyone: FlaskClient) -> None:
    moved = page(anyone, "/branches/brn_test1?lang=en")

    assert "This branch has moved." in moved
    assert '<a href="/branches/brn_test2?lang=en"><bdi>New Street</bdi></a>' in moved
    assert "seven days from today" not in moved and "until" not in moved, "its hours are over"


@pytest.mark.parametrize(
    ("path", "said", "has_hours"),
    [
        ("/branches/brn_test3", "本网点已停止营业。", False),
        ("/branches/brn_test4", "本网点暂停营业。", False),
        ("/atms/atm_test1", "本机暂停服务。", False),
        ("/atms/atm_test2", "本机暂无现金", True),
    ],
)
def test_a_place_that_does_not_serve_shows_no_hours(anyone: FlaskClient, path: str, said: str, has_hours: bool) -> None:
    text = page(anyone, path)

    assert said in text and said in re.findall('og:description" content="([^"]*)"', text)[0]
    assert ('id="hours"' in text) is has_hours
    assert ('class="state"' in text) is has_hours


def test_a_machine_whose_branch_is_gone_has_a_page_without_it(anyone: FlaskClient) -> None:
    assert "brn_test7" not in page(anyone, "/atms/atm_test2")


def test_hours_are_told_in_the_time_of_the_place(anyone: FlaskClient) -> None:
    text = page(anyone, "/branches/brn_test5?lang=en")  # it is 03:30 on Tuesday there

    assert "Europe/London" in text
    assert "<span>opens 09:00</span>" in text
    assert "<td>00:00–02:00, 09:00–11:00</td>" in text
    assert "no other branch or machine within 50 km" in text and "<svg" not in text


@pytest.mark.abuse("page", "brings markup and scripts onto a page by the names and addresses of an import")
def test_what_a_record_says_is_text_on_its_page(anyone: FlaskClient) -> None:
    for path in ("/branches/brn_test6", "/branches/brn_test2"):  # its own, and its neighbour's
        text = page(anyone, path)
        assert "<script" not in text and 'href="javascript:' not in text
        assert "&lt;script&gt;" in text
    text = page(anyone, "/branches/brn_test6?lang=en")
    assert "{{ 7 * 7 }}" in text and "javascript:alert(1)" in text
    assert "?bcc" not in re.findall('href="mailto:([^"]*)"', text)[0]


@pytest.mark.abuse("page", "turns what stands after an imported name around by invisible characters")
def test_what_turns_text_around_stays_within_a_name_and_out_of_a_title(anyone: FlaskClient) -> None:
    text = page(anyone, "/branches/brn_test9?lang=en")
    head, _, body = text.partition("</head>")
    assert not re.search("[\u200b-\u200f\u2028-\u202e\u2066-\u2069]", head)
    assert "<title>Old teertS Street · " in head and 'og:title" content="Old teertS Street"' in head
    for one in (body, page(anyone, "/branches?near=5.7,0&lang=en").partition("</head>")[2]):
        assert "\u202e" in one
        assert "\u202e" not in re.sub("<bdi>[^<]*</bdi>", "", one)


def test_a_position_stands_there_to_be_copied_in_plain_degrees(anyone: FlaskClient) -> None:
    text = page(anyone, "/branches/brn_test9")
    assert '<span class="mono whole">5.7,0.00001</span> <small>WGS-84</small>' in text
    assert 'href="geo:5.7,0.00001"' in text and 'place:location:longitude" content="0.00001"' in text
    page(anyone, "/branches?near=5.7,0.00001")
