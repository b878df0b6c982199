"""Write a revision of the schema for what differs between the tables in the stores and the revisions so far.

    python tools/make_migration.py "Payments know their channel"
    python tools/make_migration.py --check      write nothing; exit 1 when something differs

Alembic compares; read what it wrote: it takes a renamed column for one that goes and one that comes.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine

from openteller_sandbox import app
from openteller_sandbox.db import metadata, schema

__all__ = ["differences", "main", "scripts"]

_NAMES = "%%(rev)s_%%(slug)s"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("message", nargs="?", help="what changes, in one line")
    what.add_argument("--check", action="store_true", help="write nothing, compare only")
    options = parser.parse_args(arguments)
    app.declare_tables()
    with _migrated() as connection:
        found = differences(connection)
        if options.check:
            for each in found:
                print(f"no revision for: {each}", file=sys.stderr)
            if found:
                print(f'run: python tools/{Path(__file__).name} "WHAT CHANGES"', file=sys.stderr)
            return 1 if found else 0
        if not found:
            print("nothing differs", file=sys.stderr)
            return 1
        print(_write(connection, options.message))
    return 0


def differences(connection: Connection) -> list[Any]:
    """Give what differs between a database and the tables that are declared."""
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def scripts() -> ScriptDirectory:
    """Give the revisions."""
    return ScriptDirectory.from_config(_config())


@contextmanager
def _migrated() -> Iterator[Connection]:
    """Give a database in memory that all revisions so far have made."""
    with create_engine("sqlite://").begin() as connection:
        if scripts().get_heads():
            schema.upgrade(connection)
        yield connection


def _config(**attributes: Any) -> Config:
    config = Config(attributes=attributes)
    config.set_main_option("script_location", str(schema.SCRIPTS))
    config.set_main_option("file_template", _NAMES)
    return config


def _write(connection: Connection, message: str) -> Path:
    known = [int(script.revision) for script in scripts().walk_revisions()]
    number = f"{max(known, default=0) + 1:04d}"
    made = command.revision(_config(connection=connection), message, autogenerate=True, rev_id=number)
    assert made is not None and not isinstance(made, list)
    path = Path(made.path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.lstrip().startswith("# ###")), encoding="utf-8")
    for way in (("check", "--fix", "--quiet"), ("format", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *way, str(path)], check=True)  # noqa: S603 - of our own
    return path


if __name__ == "__main__":
    sys.exit(main())
