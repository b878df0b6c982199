"""The seed as a ready database: it stands beside the records that it was made of, and a first start copies it.

It holds the tables that the importers write, with their rows, and no others; the rest is made when the database is
prepared. Its first line says what it was made of. When that is not what is here now, whoever starts loads the records
instead: nothing depends on this file but time.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from openteller_sandbox.db import DatabaseError, metadata

FILE_NAME = "prebuilt.sqlite.z"
_CHUNK = 1 << 15  # a tenth of what comes out of it: little memory stays behind
_LEFT_BEHIND = ("-wal", "-journal")

log = logging.getLogger("openteller_sandbox")


def fingerprint(folder: Path, tables: Iterable[str]) -> str:
    """Give what a prebuilt seed depends on, as a hash: the records of a folder and the shape of tables.

    Raises:
        KeyError: there is no such table.
    """
    digest = sha256()
    for file in sorted(folder.glob("*.jsonl*")):
        data = file.read_bytes()
        digest.update(f"{file.name} {len(data)}\n".encode() + data)
    dialect = sqlite_dialect()
    for table in (metadata.tables[name] for name in sorted(tables)):
        digest.update(str(CreateTable(table).compile(dialect=dialect)).encode())
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            digest.update(str(CreateIndex(index).compile(dialect=dialect)).encode())
    return digest.hexdigest()


def pack(database: str, folder: Path) -> bytes:
    """Write the tables of a database that have rows, which was loaded from a folder and from nothing else."""
    image = Path(f"{database}-image")
    tables = _extract(database, image)
    head = json.dumps({"fingerprint": fingerprint(folder, tables), "tables": tables})
    return head.encode() + b"\n" + zlib.compress(image.read_bytes(), 9)


def copy(folder: Path, path: str) -> bool:
    """Make a new database of a folder's prebuilt seed, whole or not at all.

    Gives whether there is a database now; where not, the records must be loaded.

    Raises:
        DatabaseError: the file cannot be made.
    """
    # SQLite throws away what is left of a deleted database when it makes a new one, and would replay it into a copy.
    if any(Path(f"{path}{suffix}").exists() for suffix in _LEFT_BEHIND):
        return False
    try:
        packed = (folder / FILE_NAME).open("rb")
    except OSError:
        return False
    with packed:
        if not _fits(packed.readline(), folder):
            return False
        try:
            return _copy(packed, Path(path))
        except zlib.error as error:
            log.warning("%s is broken (%s): loading the records", packed.name, error)
            return False
        except OSError as error:
            raise DatabaseError(f"cannot make {path}: {error.strerror or error}") from error


def unpack(packed: BinaryIO, output: BinaryIO) -> None:
    """Write the database that follows the first line.

    Raises:
        zlib.error: it is broken, or cut off.
    """
    unpacker = zlib.decompressobj()
    while chunk := packed.read(_CHUNK):
        output.write(unpacker.decompress(chunk))
    if not unpacker.eof:
        raise zlib.error("it is cut off")


def _fits(head: bytes, folder: Path) -> bool:
    try:
        made_of = json.loads(head)
        return bool(made_of["fingerprint"] == fingerprint(folder, made_of["tables"]))
    except (ValueError, KeyError, TypeError):
        return False


def _copy(packed: BinaryIO, path: Path) -> bool:
    """Copy under another name, and give the whole file its own: who is killed on the way leaves no database."""
    copied = path.with_name(f"{path.name}.new-{secrets.token_hex(4)}.db")
    try:
        with copied.open("xb") as output:
            unpack(packed, output)
            output.flush()
            os.fsync(output.fileno())
        if not _link(copied, path):
            return False
    finally:
        copied.unlink(missing_ok=True)
    _tidy(path)
    return True


def _link(copied: Path, path: Path) -> bool:
    """Give a file a second name if that is free; False where the file system knows no second names."""
    try:
        path.hardlink_to(copied)
    except (FileExistsError, FileNotFoundError):  # gone: another start was faster, and has tidied up
        return path.exists()
    except OSError:
        return False
    return True


def _tidy(path: Path) -> None:
    """Delete what starts that were killed have left. One that is under way loses its copy, and finds the database."""
    for file in path.parent.iterdir():
        if file.name.startswith(f"{path.name}.new-"):
            with suppress(OSError):
                file.unlink()


def _extract(database: str, image: Path) -> list[str]:
    """Copy the tables that have rows into a file of their own, densely and always in the same order.

    Which revision the schema has is for the database that is made of it to say.
    """
    with closing(sqlite3.connect(image, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept in the file
        connection.execute("ATTACH ? AS loaded", (database,))
        made = connection.execute("SELECT type, name, tbl_name, sql FROM loaded.sqlite_schema WHERE sql IS NOT NULL")
        schema = sorted(made, key=lambda row: (row[0] != "table", row[1]))
        declared = [name for kind, name, _, _ in schema if kind == "table" and name in metadata.tables]
        tables = [name for name in declared if _has_rows(connection, name)]
        for kind, name, table, sql in schema:
            if table in tables:
                connection.execute(sql)
                if kind == "table":
                    connection.execute(f'INSERT INTO main."{name}" SELECT * FROM loaded."{name}"')  # noqa: S608 - of the schema
    return tables


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute(f'SELECT EXISTS (SELECT 1 FROM loaded."{table}")').fetchone()  # noqa: S608 - of the schema
    return bool(found[0])
