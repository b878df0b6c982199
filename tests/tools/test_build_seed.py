"""The seed command: what it writes is checked, the same each time, and compared by content."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from tools.build_seed import SeedError, checked, packed, unpacked

from openteller_sandbox.contract import load
from tools import build_seed

CATEGORY = {"category_code": "WATER", "name": {"zh-CN": "水费", "en": "Water"}, "biller_count": 30}


def test_a_record_becomes_one_line_of_compact_json_in_its_own_script() -> None:
    text = checked("biller_categories.jsonl", [CATEGORY], load())

    assert text == '{"category_code":"WATER","name":{"zh-CN":"水费","en":"Water"},"biller_count":30}\n'


@pytest.mark.parametrize(
    ("name", "record", "message"),
    [
        ("biller_categories.jsonl", {**CATEGORY, "biller_count": -1}, "line 1: BillerCategory"),
        ("biller_categories.jsonl", {"category_code": "WATER"}, "line 1: BillerCategory"),
        ("numbers.jsonl", {}, "does not know what its records are"),
    ],
)
def test_what_the_contract_does_not_know_is_refused_by_file_and_line(
    name: str, record: dict[str, Any], message: str
) -> None:
    with pytest.raises(SeedError, match=message):
        checked(name, [record], load())


def test_equal_text_gives_equal_bytes(tmp_path: Path) -> None:
    """No time and no file name in the gzip header."""
    assert packed("billers.jsonl.gz", "a\n") == packed("atms.jsonl.gz", "a\n")
    assert packed("workdays.jsonl", "a\n") == b"a\n"


def test_files_are_compared_unpacked(tmp_path: Path) -> None:
    """Another zlib compresses to other bytes, and that is no difference."""
    assert build_seed.main(["billers"], output=tmp_path) == 0
    path = tmp_path / "billers.jsonl.gz"
    text = unpacked(path)
    assert text is not None
    path.write_bytes(gzip.compress(text.encode(), compresslevel=1))

    assert build_seed.main(["--check", "billers"], output=tmp_path) == 0


def test_check_names_file_line_and_command_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_seed.main(["billers"], output=tmp_path)
    path = tmp_path / "biller_categories.jsonl"
    stale = path.read_text(encoding="utf-8").replace("水费", "自来水费")
    path.write_text(stale, encoding="utf-8")
    (tmp_path / "billers.jsonl.gz").unlink()

    assert build_seed.main(["--check", "billers"], output=tmp_path) == 1

    message = capsys.readouterr().err
    assert "biller_categories.jsonl: line 2" in message
    assert "billers.jsonl.gz: is missing" in message
    assert build_seed.COMMAND in message
    assert path.read_text(encoding="utf-8") == stale


def test_a_file_that_is_right_is_not_written_again(tmp_path: Path) -> None:
    build_seed.main(["billers"], output=tmp_path)
    path = tmp_path / "billers.jsonl.gz"
    other_bytes = gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=1)
    path.write_bytes(other_bytes)

    build_seed.main(["billers"], output=tmp_path)

    assert path.read_bytes() == other_bytes


def test_an_unknown_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        build_seed.main(["customers"], output=tmp_path)


def test_the_committed_seed_is_what_the_modules_build() -> None:
    assert build_seed.main(["--check"]) == 0
