"""`openteller rates verify`: sheets that were kept are verified without the bank, and the changed one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.sdk.cli.conftest import Counter, openteller

NOWHERE = {"OPENTELLER_BASE_URL": "http://127.0.0.1:9"}


@pytest.fixture(scope="module")
def kept(counter: Counter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheets") / "deposits.jsonl"
    counter.table("rates", "verify", "--kind", "deposit", "--save", str(path))
    return path


def test_what_was_kept_is_verified_without_the_bank(kept: Path) -> None:
    noted = json.loads(kept.read_text(encoding="utf-8").splitlines()[0])["hash"]
    time = ("--as-of", "2024-10-22T12:00:00+08:00", "--known-at", "2024-10-22T12:00:00+08:00")
    done = openteller("rates", "verify", "--file", str(kept), "--noted", noted, *time, "--json", **NOWHERE)

    assert done.exit_code == 0, done.output
    (chain,) = json.loads(done.stdout)["chains"]
    assert (chain["last_hash"], chain["held_then"]) == (noted, "rsh_131i68cgbqpq")


def test_a_changed_sheet_is_named_with_code_1(kept: Path, tmp_path: Path) -> None:
    lines = kept.read_text(encoding="utf-8").splitlines()
    place = next(number for number, line in enumerate(lines) if '"rate_sheet_id":"rsh_131i68cgbqpq","kind"' in line)
    lines[place] = lines[place].replace('"0.0155"', '"0.0135"')
    changed = tmp_path / "changed.jsonl"
    changed.write_text("\n".join(lines), encoding="utf-8")
    done = openteller("rates", "verify", "--file", str(changed), **NOWHERE)

    assert done.exit_code == 1
    assert "rsh_131i68cgbqpq" in done.stderr


def test_a_noted_hash_that_is_of_no_sheet_is_told_with_code_1(kept: Path) -> None:
    done = openteller("rates", "verify", "--file", str(kept), "--noted", "0" * 64, **NOWHERE)

    assert done.exit_code == 1
    assert "no sheet has the noted hash" in done.stderr


def test_a_file_without_sheets_is_told(tmp_path: Path) -> None:
    for text, code in (("", 1), ("{}\n", 1), ("[1]\n", 2), ("{\n", 2)):
        (tmp_path / "none").write_text(text, encoding="utf-8")
        done = openteller("rates", "verify", "--file", str(tmp_path / "none"), **NOWHERE)
        assert (done.exit_code, "no such sheets" in done.stderr or "has no sheets" in done.stderr) == (code, True)
