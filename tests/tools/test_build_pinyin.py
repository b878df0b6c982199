"""The table of how Chinese is read follows from the seed tools' tables, and is right about names."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from openteller_sandbox.pinyin import syllables
from tools import build_pinyin


def test_the_committed_table_is_built_from_its_sources() -> None:
    assert build_pinyin.main(["--check"]) == 0


def test_a_table_that_does_not_fit_its_sources_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "pinyin.py"
    monkeypatch.setattr(build_pinyin, "OUTPUT", stale)
    monkeypatch.setattr(build_pinyin, "ROOT", tmp_path)
    assert build_pinyin.main(["--check"]) == 1
    assert build_pinyin.main([]) == 0
    assert build_pinyin.main(["--check"]) == 0


def test_every_division_of_china_is_read_as_the_seed_reads_it() -> None:
    with (build_pinyin.DATA / "pinyin.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["text"]: row["pinyin"].split() for row in csv.DictReader(file)}
    ranks = ("市", "区", "县", "旗", "州", "盟")
    assert [name for name in rows if name.endswith(ranks) and syllables(name) != rows[name]] == []


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("示范银行", "shi fan yin hang"),
        ("重庆路", "chong qing lu"),
        ("厦门国际大厦", "xia men guo ji da sha"),
        ("朝阳长安", "chao yang chang an"),
        ("行政中心步行街", "xing zheng zhong xin bu xing jie"),
        ("漯河吕梁", "luo he lv liang"),
        ("A座x〇", "zuo"),
        ("", ""),
    ],
)
def test_names_are_read_as_people_read_them(text: str, read: str) -> None:
    assert syllables(text) == read.split()
