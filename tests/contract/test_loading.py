"""The contract is read once in a process, however many banks it has."""

from __future__ import annotations

import gc
from pathlib import Path

from tests.conftest import WallClock, make_bank

from openteller_sandbox.contract import Contract


def test_another_bank_brings_no_second_contract(tmp_path: Path, wall: WallClock) -> None:
    """A replay opens a bank in the server: what it would bring with it would stay."""
    folders = [tmp_path / name for name in ("one", "other", "third")]
    for folder in folders:
        folder.mkdir()
    banks = [make_bank(folder, wall) for folder in folders[:2]]
    try:
        assert banks[0].contract is banks[1].contract
    finally:
        for bank in banks:
            bank.db.close()
    before = sum(isinstance(thing, Contract) for thing in gc.get_objects())
    make_bank(folders[2], wall).db.close()
    assert sum(isinstance(thing, Contract) for thing in gc.get_objects()) == before
