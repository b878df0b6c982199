"""A bank lives through days of faults, and the same seed gives the same days.

``make test`` takes some days of a seed; ``make soak`` takes months of many.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from tests.conftest import WallClock, make_bank
from tests.simulation.days import Simulation

from openteller_sandbox.app import create_app


def simulate(folder: Path, seed: int, days: int) -> tuple[str, Counter[str]]:
    folder.mkdir()
    wall = WallClock()
    bank = make_bank(folder, wall)
    try:
        simulation = Simulation(bank, create_app(bank), wall, seed)
        return simulation.run(days), simulation.seen
    finally:
        bank.db.close()


@pytest.mark.parametrize("seed", [20260929, pytest.param(1, marks=pytest.mark.soak)])
def test_days_of_faults_end_well_and_repeat_from_their_seed(tmp_path: Path, seed: int) -> None:
    first, seen = simulate(tmp_path / "first", seed, days=7)
    again, _ = simulate(tmp_path / "again", seed, days=7)
    assert first == again
    assert seen["succeeded"] > 15
    assert seen["refunded"] > 5
    assert seen["further versions"]
    assert seen["webhooks lost"] > 20
    assert seen["webhooks twice"] > 20
    assert {"PAYMENT SUCCEEDED", "PAYMENT NOT_POSTED", "REFUND RETURNED", "ADJUSTMENT RECOVERED"} <= set(seen)


def test_another_seed_gives_other_days(tmp_path: Path) -> None:
    assert simulate(tmp_path / "one", 3, days=1)[0] != simulate(tmp_path / "other", 4, days=1)[0]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 120))
def test_months_of_faults_end_well(tmp_path: Path, seed: int) -> None:
    _, seen = simulate(tmp_path / "months", seed, days=75)
    assert {"succeeded", "refunded", "cancelled", "expired", "failed"} <= set(seen)
