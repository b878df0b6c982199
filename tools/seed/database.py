"""The seed as a ready database: the sandbox's own importers load the records, and what they have made is packed.

Two such databases are compared by what is in them, because SQLite and zlib write other bytes in other versions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from openteller_sandbox import app, prebuilt, seeding
from openteller_sandbox.contract import Contract
from openteller_sandbox.db import open_database

Content = dict[str, str]
"""Of each table a hash over its definition, its indexes and its sorted rows; and what it was made of."""


def build(folder: Path, contract: Contract) -> bytes:
    """Load the records of a folder, each checked against the contract, and pack the database.

    Raises:
        openteller_sandbox.seeding.SeedError: a record cannot be loaded.
    """
    importers = app.seed_importers()  # they declare the tables
    with TemporaryDirectory() as name:
        database = open_database(str(Path(name) / "seed.db"))
        database.prepare()
        try:
            seeding.load(database, contract, folder, importers)
        finally:
            database.close()
        return prebuilt.pack(database.name, folder)


def content(packed: bytes) -> Content:
    """What a packed database holds.

    Raises:
        zlib.error, sqlite3.DatabaseError: it is broken.
    """
    stream = BytesIO(packed)
    head = stream.readline()
    with TemporaryDirectory() as name:
        path = Path(name) / "seed.db"
        with path.open("wb") as output:
            prebuilt.unpack(stream, output)
        with closing(sqlite3.connect(path)) as connection:
            return {"first line": head.decode(), **dict(_tables(connection))}


def _tables(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    for name in names:
        digest = sha256()
        made = connection.execute("SELECT sql FROM sqlite_schema WHERE tbl_name = ? ORDER BY name", (name,))
        rows = connection.execute(f'SELECT * FROM "{name}"')  # noqa: S608 - a name of the schema
        for line in (*map(repr, made), *sorted(map(repr, rows))):
            digest.update(f"{line}\n".encode())
        yield name, digest.hexdigest()
