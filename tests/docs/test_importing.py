"""What docs/importing.md shows is what happens: its files are written, and its commands run in order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from tests.conftest import WallClock, make_bank
from tests.docs.snippets import ROOT
from tests.sdk.cli.conftest import openteller

PAGE = (ROOT / "docs" / "importing.md").read_text(encoding="utf-8")
_FILE = re.compile(r"^<!-- file (\S+) -->\n```[a-z]+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def settled(text: str) -> str:
    return re.sub(r"in [0-9.…]+ s, [0-9,…]+ a second", "in … s, … a second", text).strip()


@pytest.mark.on_sqlite
def test_the_commands_of_the_page_print_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = str(tmp_path / "openteller-sandbox.db")
    make_bank(tmp_path, WallClock(), database=database).db.close()
    monkeypatch.chdir(tmp_path)
    for name, text in _FILE.findall(PAGE):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for block in _BLOCK.findall(PAGE):
        for step in block.split("$ openteller ")[1:]:
            command, _, expected = step.partition("\n")
            done = openteller(*shlex.split(command))
            assert settled(done.output) == settled(expected), command
            assert (done.exit_code == 0) is ("Error: " not in expected)
