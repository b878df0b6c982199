"""What the importer takes, and what it refuses."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.branches.conftest import OpenBank, SeedFolder, a_branch, an_atm, find, seed

from openteller_sandbox import clock, seeding
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import importing, service
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters, Places
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import open_database
from openteller_sandbox.seeding import SeedError

NOW = clock.parse("2026-09-29T10:30:00+08:00")
COMPUTED = {"open_now", "next_change_at", "distance_m"}


@pytest.mark.parametrize(
    ("places", "name", "code"), [(BRANCHES, "branches", "branch_code"), (ATMS, "atms", "atm_code")]
)
def test_every_record_of_the_seed_is_there_unchanged_and_in_order_of_code(
    bank: Bank, places: Places, name: str, code: str
) -> None:
    stored: list[dict[str, Any]] = []
    after = None
    while page := find(bank.db, places, Filters(), now=NOW, count=101, after=after):
        stored += [json.loads(row.wire) for row in page]
        after = page[-1][:2]

    facts = [{key: value for key, value in row.items() if key not in COMPUTED} for row in stored]
    assert facts == sorted(seed(name), key=lambda record: record[code])


def refused(open_bank: OpenBank, *branches: Any, **files: Any) -> str:
    with pytest.raises(SeedError) as error:
        open_bank(*branches, **files)
    return str(error.value)


def test_two_branches_of_one_identifier_are_refused(open_bank: OpenBank) -> None:
    one = a_branch(1)
    assert "same branch_id" in refused(open_bank, one, {**a_branch(2), "branch_id": one["branch_id"]})


def test_two_branches_of_one_code_are_refused(open_bank: OpenBank) -> None:
    one = a_branch(1)
    assert "same code" in refused(open_bank, one, {**a_branch(2), "branch_code": one["branch_code"]})


def test_a_branch_that_moved_to_nowhere_is_refused(open_bank: OpenBank) -> None:
    message = refused(open_bank, a_branch(status="RELOCATED", moved_to="brn_nowhere"))
    assert message == "brn_test1: moved_to names no branch"


def test_an_atm_of_an_unknown_branch_is_refused(open_bank: OpenBank) -> None:
    assert "branch_id" in refused(open_bank, a_branch(), atms=(an_atm(branch_id="brn_nowhere"),))


def test_hours_that_end_before_they_begin_are_refused_even_of_a_closed_branch(open_bank: OpenBank) -> None:
    turned = [{"day": "MONDAY", "opening_hours": [{"opens": "17:00", "closes": "09:00"}]}]
    message = refused(open_bank, a_branch(status="CLOSED", availability={"standard": turned, "special": []}))
    assert message.startswith("brn_test1: the hours of MONDAY")


def test_hours_of_a_service_are_checked_like_those_of_the_branch(open_bank: OpenBank) -> None:
    overlapping = [{"opens": "09:00", "closes": "12:00"}, {"opens": "11:00", "closes": "17:00"}]
    availability = {"standard": [{"day": "MONDAY", "opening_hours": overlapping}], "special": []}
    service_record = {"code": "CORPORATE", "availability": availability}
    assert "MONDAY" in refused(open_bank, a_branch(services=[service_record]))


def test_a_latitude_off_the_earth_is_refused_with_its_line(open_bank: OpenBank) -> None:
    location = {"latitude": 121.4, "longitude": 31.2, "crs": "wgs84"}
    assert refused(open_bank, a_branch(1), a_branch(2, location=location)).startswith("branches, line 2: ")


def test_search_terms_of_an_unknown_place_are_refused(open_bank: OpenBank) -> None:
    terms = [{"id": "brn_nowhere", "terms": "no where", "cities": []}]
    assert "brn_nowhere" in refused(open_bank, a_branch(), search_terms=terms)


def test_a_working_day_without_a_date_is_refused_with_its_line(open_bank: OpenBank) -> None:
    good = {"date": "2026-10-01", "holiday": "国庆节", "off": True}
    bad = {"date": "2026-13-01", "holiday": "国庆节", "off": True}
    assert refused(open_bank, a_branch(), workdays=[good, bad]).startswith("workdays, line 2: ")


def test_nothing_of_a_refused_seed_stays(tmp_path: Path, seed_folder: SeedFolder, law: Contract) -> None:
    database = open_database(str(tmp_path / "new.db"))
    database.prepare()
    folder = seed_folder(a_branch(1), atms=(an_atm(branch_id="brn_nowhere"),))
    with pytest.raises(SeedError):
        seeding.load(database, law, folder, [importing.load])

    assert service.directory_of(database, BRANCHES).version == 0
    database.close()


@pytest.mark.parametrize(
    ("day", "works"),
    [
        pytest.param(date(2026, 9, 29), True, id="a Tuesday"),
        pytest.param(date(2026, 9, 26), False, id="a Saturday"),
        pytest.param(date(2026, 10, 1), False, id="National Day"),
        pytest.param(date(2026, 10, 10), True, id="a Saturday that is worked"),
        pytest.param(date(2031, 5, 1), True, id="beyond the known calendar, a Thursday"),
    ],
)
def test_working_days_are_those_announced(bank: Bank, day: date, *, works: bool) -> None:
    assert service.is_working_day(bank.db.read(), day) is works
