"""What is kept of the places in memory, and for how long."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from sqlalchemy import update
from tests.sandbox.branches.conftest import OpenBank, a_branch, an_atm, find

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import directory as directories
from openteller_sandbox.branches import service
from openteller_sandbox.branches.nearest import Point
from openteller_sandbox.branches.service import ATMS, BRANCHES, Filters, Found
from openteller_sandbox.db import Database, Statement, metadata, open_database

NOW = clock.parse("2026-09-29T10:30:00+08:00")
SHANGHAI = Point(31.2304, 121.4737)


def at(latitude: float, longitude: float) -> dict[str, Any]:
    return {"location": {"latitude": latitude, "longitude": longitude, "crs": "WGS84"}}


def nearest(database: Database, count: int = 101, after: tuple[int, str] | None = None) -> list[Found]:
    return find(database, BRANCHES, Filters(near=SHANGHAI), now=NOW, count=count, after=after)


def test_it_stays_while_the_data_is_the_same(bank: Bank) -> None:
    assert service.directory_of(bank.db, BRANCHES) is service.directory_of(bank.db, BRANCHES)


def test_branches_and_atms_are_kept_apart(open_bank: OpenBank) -> None:
    database = open_bank(a_branch(1), a_branch(2), atms=(an_atm(1),))
    codes = []
    for places in (BRANCHES, ATMS):
        rows = find(database, places, Filters(near=SHANGHAI), now=NOW, count=9)
        codes.append([row.code for row in rows])
    assert codes == [["110101001", "110101002"], ["A1101010001"]]


def test_data_of_another_version_is_read_anew(open_bank: OpenBank) -> None:
    """Both where a place is and what is said about it."""
    database = open_bank(a_branch(1, **at(31.23, 121.47)), a_branch(2, **at(31.5, 121.47)))
    assert [row.code for row in nearest(database)] == ["110101001", "110101002"]

    table = metadata.tables["branches"]
    moved = update(table).where(table.c.number == 0)
    with database.act() as tx:
        tx.run(Statement(moved.values(latitude=39.9, changed_at=NOW, wire=b'{"branch_id":"brn_moved"}')))

    rows = nearest(database)
    assert [row.code for row in rows] == ["110101002", "110101001"]
    assert rows[1].wire.startswith(b'{"branch_id":"brn_moved","distance_m":')


def test_however_few_are_kept_every_page_is_right(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = nearest(bank.db)
    monkeypatch.setattr(directories, "MOST_RECORDS", 10)
    assert nearest(bank.db, 7) == expected[:7]
    walked: list[Found] = []
    while len(walked) < len(expected):
        walked += nearest(bank.db, 7, walked[-1][:2] if walked else None)
    assert walked[: len(expected)] == expected


def test_a_closed_database_is_not_held(open_bank: OpenBank) -> None:
    database = open_bank(a_branch(1))
    nearest(database)
    copy = open_database(database.path)
    nearest(copy)
    held = weakref.ref(copy)
    copy.close()
    del copy
    gc.collect()
    assert held() is None
