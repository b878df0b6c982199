"""The tables that stores declare and the revisions of the schema are one and the same, on either engine."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine
from tests.sdk.processes import environment

from openteller_sandbox import app, prebuilt
from openteller_sandbox.db import Database, DatabaseError, facts, metadata, open_database, schema
from openteller_sandbox.settings import SEED_FOLDER
from tools import make_migration

Reach = Callable[[str], Database]


@pytest.fixture(autouse=True)
def _tables() -> None:
    app.declare_tables()


@contextmanager
def connected(address: str) -> Iterator[Connection]:
    url = f"sqlite:///{address}" if "://" not in address else address.replace("://", "+psycopg://", 1)
    engine = create_engine(url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def make_by_revisions(address: str) -> None:
    with connected(address) as connection:
        schema.upgrade(connection)


def test_what_the_revisions_make_is_what_the_stores_declare(address: str) -> None:
    make_by_revisions(address)
    with connected(address) as connection:
        assert make_migration.differences(connection) == []


def test_what_a_first_start_makes_is_what_the_stores_declare(address: str, reach: Reach) -> None:
    reach(address).close()
    with connected(address) as connection:
        assert make_migration.differences(connection) == []


def test_revisions_and_a_first_start_write_the_same_definitions_on_sqlite(tmp_path: Path, reach: Reach) -> None:
    """Alembic does not compare all: counters that never go back, for one."""
    made, started = str(tmp_path / "made.db"), str(tmp_path / "started.db")
    make_by_revisions(made)
    reach(started).close()
    assert _definitions(made) == _definitions(started)


def test_every_text_on_postgresql_is_sorted_by_code_point(postgresql: str, reach: Reach) -> None:
    database = reach(postgresql)
    with connected(postgresql) as connection:
        found = connection.exec_driver_sql(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'"
        ).all()
    assert found == [("alembic_version", "version_num")]
    database.close()


@pytest.mark.parametrize("by_revisions", [True, False])
def test_the_log_of_requests_alone_is_not_synced_to_disk(postgresql: str, reach: Reach, by_revisions: bool) -> None:
    if by_revisions:
        make_by_revisions(postgresql)
    else:
        reach(postgresql).close()
    with connected(postgresql) as connection:
        found = connection.exec_driver_sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u'")
        assert [row[0] for row in found] == ["request_log"]


def test_the_newest_revision_is_the_last_of_one_line() -> None:
    scripts = make_migration.scripts()
    assert scripts.get_heads() == [schema.newest()]
    assert scripts.get_bases() == [schema.FIRST]


def test_a_database_that_the_revisions_have_made_is_used_as_it_is(address: str, reach: Reach) -> None:
    make_by_revisions(address)
    database = open_database(address)
    assert database.prepare() is False
    with database.act() as tx:
        facts.put(tx, "a", "1")
    database.close()


def test_a_file_of_before_the_revisions_is_known_kept_and_brought_to_the_newest(tmp_path: Path) -> None:
    path = str(tmp_path / "old.db")
    with connected(path) as connection:
        schema.upgrade(connection, schema.FIRST)
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            "INSERT INTO bank_facts VALUES ('mine', '1'); DROP TABLE alembic_version; PRAGMA user_version=5"
        )
    database = open_database(path)
    assert (database.prepare(), facts.get(database.read(), "mine")) == (False, "1")
    assert database.read().one(schema.REVISION)["version_num"] == schema.newest()
    database.close()
    with connected(path) as connection:
        assert make_migration.differences(connection) == []


def test_consents_of_before_the_bank_told_of_their_end_are_told_of(tmp_path: Path) -> None:
    day = 86_400_000
    columns = (
        "consent_id, status, expires_at, world_id, app_id, customer_id, scope, details, created_at, given_at, version"
    )
    with connected(str(tmp_path / "old.db")) as connection:
        schema.upgrade(connection, "0018")
        for consent_id, status in (("cns_a", "ACTIVE"), ("cns_b", "REVOKED")):
            values = f"'{consent_id}', '{status}', {100 * day}, 'wld_a', 'app_a', 'cus_a', '', '[]', 0, 0, 1"
            connection.exec_driver_sql(f"INSERT INTO consents ({columns}) VALUES ({values})")
        schema.upgrade(connection)
        waking = connection.exec_driver_sql("SELECT consent_id, wakes_at FROM consents ORDER BY consent_id").all()
    assert [tuple(row) for row in waking] == [("cns_a", 93 * day), ("cns_b", None)]


def test_an_older_database_is_brought_to_the_newest_revision(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reach: Reach
) -> None:
    database = reach(address)
    with database.act() as tx:
        facts.put(tx, "mine", "1")
    database.close()
    _add_revision(tmp_path / "migrations", monkeypatch)
    newer = open_database(address)
    assert newer.prepare() is False
    with newer.act() as tx:
        assert (facts.get(tx, "mine"), tx.one(schema.REVISION)["version_num"]) == ("1", "9999")
    newer.close()
    with connected(address) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar() == 0


def test_a_revision_that_fails_changes_nothing(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reach: Reach
) -> None:
    reach(address).close()
    _add_revision(tmp_path / "migrations", monkeypatch, "    raise RuntimeError")
    newer = open_database(address)
    with pytest.raises(RuntimeError):
        newer.prepare()
    newer.close()
    with connected(address) as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() != "9999"


def test_a_database_of_a_newer_release_is_refused_and_left_as_it_is(address: str, reach: Reach) -> None:
    reach(address).close()
    with connected(address) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(
        DatabaseError, match=r"has schema 9999, this sandbox knows those up to [0-9]{4}: use the release"
    ):
        open_database(address).prepare()


def test_a_database_that_is_up_to_date_is_opened_without_alembic(address: str, reach: Reach) -> None:
    reach(address).close()
    program = (
        "import sys; from openteller_sandbox import app; from openteller_sandbox.db import open_database; "
        "app.declare_tables(); open_database(sys.argv[1]).prepare(); print('alembic' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, address], env=environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_the_prebuilt_seed_becomes_a_database_of_the_newest_revision(tmp_path: Path) -> None:
    path = str(tmp_path / "bank.db")
    assert prebuilt.copy(SEED_FOLDER, path)
    database = open_database(path)
    database.prepare()
    assert database.read().one(schema.REVISION)["version_num"] == schema.newest()
    database.close()
    with connected(path) as connection:
        assert make_migration.differences(connection) == []


def test_a_change_without_a_revision_is_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert make_migration.main(["--check"]) == 0
    monkeypatch.setattr(make_migration, "differences", lambda _: ["a new table"])
    assert make_migration.main(["--check"]) == 1
    assert "a new table" in capsys.readouterr().err


def _definitions(path: str) -> dict[str, list[str]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name != 'alembic_version'"
        )
        plain = {name: "".join(sql.split()).replace('"', "").casefold() for name, sql in rows}
        return {
            name: sorted(part.rstrip(")") for part in sql.split(","))
            for name, sql in plain.items()
            if name in metadata.tables
        }


def _add_revision(folder: Path, monkeypatch: pytest.MonkeyPatch, more: str = "") -> None:
    """Let there be one more revision, which makes a table."""
    import shutil

    shutil.copytree(schema.SCRIPTS, folder)
    (folder / "versions" / "9999_later.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        f"revision = '9999'\ndown_revision = {schema.newest()!r}\nbranch_labels = depends_on = None\n\n\n"
        f"def upgrade():\n    op.create_table('later', sa.Column('x', sa.Integer()))\n{more}\n"
    )
    monkeypatch.setattr(schema, "SCRIPTS", folder)
    schema.newest.cache_clear()
    monkeypatch.setattr(schema, "newest", lambda: "9999")
