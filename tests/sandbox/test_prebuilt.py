"""A first start copies a database that was built beforehand, and loads the records one by one where it does not fit."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.sdk.processes import PATIENCE_S, ROOT, Running, environment, free_port, run, running, sandbox

from openteller_sandbox import app, contract, prebuilt, seeding
from openteller_sandbox.db import Database, DatabaseError, open_database
from openteller_sandbox.settings import SEED_FOLDER, Settings

SLOW = "Loading the seed …\n"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    app.seed_importers()  # they declare the tables
    opened = open_database(str(tmp_path / "bank.db"))
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a copy of the seed, to change something in."""
    return Path(shutil.copytree(SEED_FOLDER, tmp_path / "seed"))


def _dump(path: str) -> dict[str, list[str]]:
    """Give the definition and the rows of each table, and of each index its definition."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        made = connection.execute("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
        return {
            name: [sql, *sorted(map(repr, connection.execute(f'SELECT * FROM "{name}"')))] if kind == "table" else [sql]
            for name, kind, sql in made
        }


def _works(url: str) -> bool:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request("GET", "/v1/branches?limit=1")
        return connection.getresponse().status == 200


def test_a_copy_is_what_loading_the_records_makes(database: Database, tmp_path: Path) -> None:
    assert prebuilt.copy(SEED_FOLDER, database.path)
    database.prepare()
    loaded = open_database(str(tmp_path / "loaded.db"))
    loaded.prepare()
    seeding.load(loaded, contract.load(), SEED_FOLDER, app.seed_importers())
    loaded.close()

    assert seeding.is_loaded(database)
    assert _dump(database.path) == _dump(loaded.path)


def test_a_copy_needs_no_change_of_its_journal_mode(database: Database) -> None:
    """That would be one more sync to disk, and a moment in which a second start finds it locked."""
    prebuilt.copy(SEED_FOLDER, database.path)
    with closing(sqlite3.connect(database.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_records_are_loaded_once_when_two_starts_load_them(database: Database) -> None:
    prebuilt.copy(SEED_FOLDER, database.path)
    database.prepare()
    before = _dump(database.path)
    seeding.load(database, contract.load(), SEED_FOLDER, app.seed_importers())
    assert _dump(database.path) == before


def test_other_records_than_it_was_made_of_are_loaded(folder: Path, tmp_path: Path) -> None:
    days = (folder / "workdays.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "workdays.jsonl").write_text("".join(days[:-1]), encoding="utf-8")
    told: list[str] = []
    bank = app.create_bank(
        Settings(database=str(tmp_path / "bank.db"), seed=folder), on_import=lambda: told.append("slow")
    )
    bank.db.close()

    assert told == ["slow"]
    assert len(_dump(bank.db.path)["workdays"]) == len(days)  # the definition, and all but one


def test_another_shape_of_a_table_makes_another_fingerprint() -> None:
    app.seed_importers()
    assert prebuilt.fingerprint(SEED_FOLDER, ["atms"]) != prebuilt.fingerprint(SEED_FOLDER, ["branches"])


@pytest.mark.parametrize(
    "harm",
    [
        lambda packed: packed[: len(packed) // 2],
        lambda packed: packed[:-1],
        lambda packed: packed[:5000] + b"\0" * 99 + packed[5099:],
        lambda packed: packed.replace(b'"fingerprint": "', b'"fingerprint": "0', 1),
        lambda packed: packed.replace(b'"atms"', b'"banks"', 1),
        lambda packed: b"[]\n" + packed,
        lambda packed: b"",
    ],
    ids=["half", "nearly whole", "broken", "another fingerprint", "an unknown table", "no first line", "empty"],
)
def test_a_file_that_is_harmed_is_not_used_and_leaves_nothing(harm: object, folder: Path, database: Database) -> None:
    assert callable(harm)
    file = folder / prebuilt.FILE_NAME
    file.write_bytes(harm(file.read_bytes()))

    assert not prebuilt.copy(folder, database.path)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_a_folder_without_one_is_loaded(folder: Path, database: Database) -> None:
    (folder / prebuilt.FILE_NAME).unlink()
    assert not prebuilt.copy(folder, database.path)


def test_what_is_left_of_a_deleted_database_is_not_replayed_into_a_copy(database: Database, tmp_path: Path) -> None:
    """The log of a bank that was killed outlives the file, when only the file is deleted."""
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE mine (x)")
        shutil.copy(f"{old}-wal", f"{database.path}-wal")

    assert not prebuilt.copy(SEED_FOLDER, database.path)
    database.prepare()
    database.close()
    assert "mine" not in _dump(database.path)


_KILLED = """
import os, signal, sys
from pathlib import Path
from openteller_sandbox import app, prebuilt
from openteller_sandbox.settings import SEED_FOLDER
app.seed_importers()
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
prebuilt.copy(SEED_FOLDER, sys.argv[1])
"""


def test_a_start_that_is_killed_while_it_copies_leaves_no_database(database: Database) -> None:
    path = Path(database.path)
    killed = subprocess.run([sys.executable, "-c", _KILLED, path], env=environment(), cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = path.parent.iterdir()
    assert left.name.startswith("bank.db.new-")

    assert prebuilt.copy(SEED_FOLDER, database.path)
    assert list(path.parent.iterdir()) == [path]


def test_a_database_that_another_start_has_made_meanwhile_is_taken_as_it_is(database: Database) -> None:
    with closing(sqlite3.connect(database.path)) as connection:
        connection.execute("CREATE TABLE mine (x)")

    assert prebuilt.copy(SEED_FOLDER, database.path)
    assert list(_dump(database.path)) == ["mine"]


def _said(start: Running) -> bool:
    """Read what a start says; tell whether it serves."""
    while (line := start.lines.get(timeout=PATIENCE_S)) is not None:
        start.said.append(line)
        if "Ctrl-C ends it" in line:
            return True
    return False


def test_of_two_first_starts_at_once_one_serves_and_the_other_says_so(tmp_path: Path) -> None:
    with ExitStack() as stack:
        where = ("--database", str(tmp_path / "bank.db"))
        starts = [
            stack.enter_context(running("sandbox", "serve", "--port", str(free_port()), *where, cwd=tmp_path))
            for _ in range(2)
        ]
        refused, serving = sorted(starts, key=_said)
        (line,) = refused.said
        assert line.startswith(f"Error: {tmp_path / 'bank.db'} has a server already, process {serving.process.pid}: ")
        assert refused.process.wait(PATIENCE_S) == 1
        assert SLOW not in serving.said
        assert serving.end(signal.SIGTERM)[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bank.db"]
    assert len(_dump(str(tmp_path / "bank.db"))["apps"]) == 2  # the definition, and the demo app


def test_a_server_that_was_killed_keeps_no_other_out(tmp_path: Path) -> None:
    with sandbox(tmp_path) as (_, killed):
        killed.end(signal.SIGKILL)
        assert (tmp_path / "bank.db.lock").exists()
        with sandbox(tmp_path) as (url, _):
            assert _works(url)


def test_only_loading_the_records_is_announced(folder: Path, tmp_path: Path) -> None:
    with sandbox(tmp_path) as (url, quick):
        assert _works(url)
        assert SLOW not in quick.said
    (folder / prebuilt.FILE_NAME).unlink()
    with sandbox(folder, "--seed", str(folder)) as (url, slow):
        assert _works(url)
        assert slow.said[0] == SLOW


def test_a_folder_that_cannot_be_written_is_an_error_in_one_line(tmp_path: Path) -> None:
    where = ("--port", str(free_port()), "--database", str(tmp_path / "nowhere" / "bank.db"))
    done = run("sandbox", "serve", *where, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Error: cannot make {tmp_path / 'nowhere' / 'bank.db'}: No such file")
    assert done.stderr.count("\n") == 1


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    """Root may write to any disk, but not everywhere: there the kernel's own folder has to do."""
    tmp_path.chmod(0o500)
    folder = Path("/sys/kernel") if os.access(tmp_path, os.W_OK) else tmp_path
    try:
        with pytest.raises(DatabaseError, match=r"cannot make .*bank\.db: (Permission denied|Read-only file system)"):
            prebuilt.copy(SEED_FOLDER, str(folder / "bank.db"))
    finally:
        tmp_path.chmod(0o700)


def test_a_full_disk_is_named_and_nothing_is_left(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(DatabaseError, match=r"cannot make .*bank\.db: No space left on device"):
        prebuilt.copy(SEED_FOLDER, database.path)
    assert list(Path(database.path).parent.iterdir()) == []


def test_where_files_can_have_one_name_only_the_records_are_loaded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", fail)
    assert not prebuilt.copy(SEED_FOLDER, database.path)
    assert list(Path(database.path).parent.iterdir()) == []
