"""The table of Traditional characters: as it is committed, and what it may hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from openteller_sandbox import traditional
from tools import build_traditional


def test_the_committed_table_is_what_is_built() -> None:
    assert build_traditional.main(["--check"]) == 0


def test_a_stale_table_is_named_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = tmp_path / "traditional.py"
    stale.write_text("stale", encoding="utf-8")
    monkeypatch.setattr(build_traditional, "ROOT", tmp_path)
    monkeypatch.setattr(build_traditional, "OUTPUT", stale)

    assert build_traditional.main(["--check"]) == 1
    assert (stale.read_text(encoding="utf-8"), "traditional.py is stale" in capsys.readouterr().err) == ("stale", True)


def test_no_character_stands_for_itself_or_for_one_that_stands_for_another() -> None:
    """So that reading text twice changes nothing more, and no Simplified name is read as another."""
    assert len(traditional._TRADITIONAL) == len(traditional._SIMPLIFIED) == len(set(traditional._TRADITIONAL))
    assert not set(traditional._TRADITIONAL) & set(traditional._SIMPLIFIED)
