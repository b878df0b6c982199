"""SIGKILL takes server, dispatcher and billers at random moments under load: nothing acknowledged is lost or doubled.

A few kills here; ``make bench`` makes two hundred on each engine.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import new_database

from benchmarks import kills


@pytest.mark.parametrize(("engine", "apart"), [("sqlite", True), ("sqlite", False), ("postgresql", True)])
def test_a_few_kills_lose_and_double_nothing(engine: str, apart: bool, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("bank", "billers")]
    for folder in folders:
        folder.mkdir()
    bank, books = (new_database(engine, folder) for folder in folders)
    report = kills.run(engine, bank, books if apart else None, kills=4, seed=6, partners=2, pause_s=0.5)
    assert report.clean, report
    assert sum(report.kills.values()) == 4
    assert report.kills.keys() == ({"server", "dispatcher", "billers"} if apart else {"server", "dispatcher"})
    assert report.audits == 5
    assert min(report.acknowledged_created, report.acknowledged_paid, report.postings) > 0
    assert report.events > report.payments
