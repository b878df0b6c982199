"""Which schema a database has, and what makes it the newest: new tables at once, old ones by Alembic's revisions.

A database knows its revision (in ``alembic_version``, Alembic's own table). One that has the newest is served without
Alembic, whose import takes longer than a start should.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, select
from sqlalchemy.schema import CreateIndex, CreateTable

from openteller_sandbox.db.engine import DatabaseError
from openteller_sandbox.db.statements import POSTGRESQL, Insert, Statement, dialect, metadata

SCRIPTS = Path(__file__).parent.parent / "migrations"
FIRST = "0001"
"""What a database had that was made before there were revisions."""

versions = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
REVISION = Statement(select(versions.c.version_num))
STAMP = Insert(versions)


@cache
def newest() -> str:
    """Give the revision that this sandbox needs: files of revisions begin with their numbers."""
    return max(file.name.partition("_")[0] for file in (SCRIPTS / "versions").glob("[0-9]*.py"))


def definitions(engine: str, known: Collection[str]) -> Iterator[str]:
    """Give the statements that make the tables which are not known yet, and the one that holds the revision."""
    for table in (*metadata.sorted_tables, versions):
        if table.name in known:
            continue
        yield str(CreateTable(table).compile(dialect=dialect(engine)))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield str(CreateIndex(index).compile(dialect=dialect(engine)))
        if table.info.get("unlogged") and engine == POSTGRESQL:
            yield f"ALTER TABLE {table.name} SET UNLOGGED"


def check_known(name: str, revision: str | None) -> None:
    """Look whether a revision can be brought to the newest.

    Raises:
        DatabaseError: this sandbox does not know it.
    """
    if revision is None or not list((SCRIPTS / "versions").glob(f"{revision}_*.py")):
        advice = "use the release that made it, or newer"
        raise DatabaseError(f"{name} has schema {revision}, this sandbox knows those up to {newest()}: {advice}")


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the revisions that a database lacks, up to one, in the transaction of a connection."""
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    command.upgrade(config, to)
