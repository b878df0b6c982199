"""``openteller sandbox import`` as an operator meets it: beside a server, and used wrongly."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.conftest import WallClock, make_bank
from tests.sdk.cli.conftest import openteller
from tests.sdk.processes import MORNING, sandbox

from openteller import OpenTeller

HEADER = "code,name,address,city,lat,lon,hours\n"
ROW = "9000000001,示范银行成都茶馆支行,成都市茶馆路1号,成都市,30.6712,104.0553,Mo-Fr 09:00-17:00\n"
WRONG = "9000000002,=1+1,成都市茶馆路2号,成都市,104.05,30.67,Mo-Fr 09:00-17:00\n"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bank")
    make_bank(folder, WallClock(), database=str(folder / "bank.db")).db.close()
    return str(folder / "bank.db")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "branches.csv"
    path.write_text(HEADER + ROW, encoding="utf-8")
    return str(path)


def test_a_server_that_runs_shows_what_was_imported_with_its_next_answer(tmp_path: Path, file: str) -> None:
    with sandbox(tmp_path, "--clock", MORNING) as (url, _), OpenTeller(url, client_id="") as anybody:
        assert list(anybody.branches.list(q="茶馆")) == []
        done = openteller("sandbox", "import", "branches", file, "--database", str(tmp_path / "bank.db"))
        assert done.exit_code == 0, done.output
        (found,) = anybody.branches.list(q="茶馆", near=(30.6712, 104.0553))
    assert (found.branch_code, found.distance_m) == ("9000000001", 0)


def test_the_standard_input_is_read_and_reports_are_lines_or_cells(database: str, tmp_path: Path) -> None:
    lines, cells = tmp_path / "refused.ndjson", tmp_path / "refused.csv"
    for report in (lines, cells):
        command = ("sandbox", "import", "branches", "-", "--database", database, "--report", str(report))
        done = openteller(*command, typed=HEADER + ROW + WRONG)
        assert done.exit_code == 1
        assert "Nothing was imported." in done.output
    told = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    assert {row["code"] for row in told} == {"COORDINATES_SWAPPED", "TEXT_FORMULA"}
    assert len(cells.read_text(encoding="utf-8").splitlines()) == len(told) + 1


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("--max-refused", "many"), 2, "a number such as 10"),
        (("--max-refused", "101%"), 2, "a number such as 10"),
        (("--map", "name.en"), 2, "MEMBER=COLUMN"),
        (("--map", "colour=name"), 1, "there is no member colour"),
        (("--map", "name.en=Name"), 1, "the file has no column Name"),
        (("--replace",), 2, "say --yes"),
        (("--default-hours", "always"), 1, "hours that hold without others"),
        (("--format", "geojson"), 1, "character 1"),
        (("--encoding", "klingon"), 1, "is no encoding"),
        (("--report", "/no/such/folder/report.csv"), 2, "--report"),
    ],
)
def test_what_is_typed_wrong_is_told_and_nothing_is_imported(
    database: str, file: str, arguments: tuple[str, ...], code: int, told: str
) -> None:
    done = openteller("sandbox", "import", "branches", file, "--database", database, *arguments)
    assert (done.exit_code, told in done.output) == (code, True), done.output
    assert "Imported" not in done.output


def test_a_mapping_file_that_is_none_is_told(database: str, file: str, tmp_path: Path) -> None:
    for text in ("no json", "[1]", '{"name.en": 1}'):
        (tmp_path / "map.json").write_text(text, encoding="utf-8")
        done = openteller(
            "sandbox", "import", "branches", file, "--database", database, "--mapping", str(tmp_path / "map.json")
        )
        assert (done.exit_code, "--mapping" in done.output) == (2, True)


def test_only_a_database_that_is_there_and_known_is_opened(database: str, file: str, tmp_path: Path) -> None:
    nowhere = openteller("sandbox", "import", "branches", file, "--database", str(tmp_path / "none.db"))
    assert (nowhere.exit_code, "there is no database" in nowhere.output) == (1, True)
    assert not (tmp_path / "none.db").exists()
    newer = tmp_path / "newer.db"
    with closing(sqlite3.connect(database)) as known, closing(sqlite3.connect(newer)) as copy:
        known.backup(copy)
        copy.execute("UPDATE alembic_version SET version_num = '9999'")
        copy.commit()
    done = openteller("sandbox", "import", "branches", file, "--database", str(newer))
    assert (done.exit_code, "use the release that made it" in done.output) == (1, True)
