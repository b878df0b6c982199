"""Loading the seed into a new database: records in the contract's own shape, checked one by one and stored as they are.

A feature that has seed data declares an ``Importer`` in its ``importing`` module: which file, which component, and
the table row of a record.
"""

from __future__ import annotations

import gc
import gzip
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

from openteller_sandbox.contract import Contract, ContractError
from openteller_sandbox.db import Database, DatabaseError, Tx
from openteller_sandbox.db import facts as bank_facts


class SeedError(Exception):
    """The seed cannot be loaded; the message names the file and the line."""


class Importer(Protocol):
    """Loads one feature's seed files."""

    def __call__(self, tx: Tx, contract: Contract, folder: Path) -> None:
        """Check and store every record.

        Raises:
            SeedError: a file is missing, or a record does not fit.
        """


def records(contract: Contract, folder: Path, name: str, component: str | None) -> Iterator[tuple[dict[str, Any], str]]:
    """Give (record, its JSON text) for each line of ``name.jsonl`` or ``name.jsonl.gz``, checked against a component.

    Raises:
        SeedError: the file is missing, or a line does not fit.
    """
    for number, line in enumerate(_lines(folder, name), 1):
        try:
            record = json.loads(line)
            if component:
                contract.check_record(component, record)
        except (ValueError, ContractError) as error:
            raise SeedError(f"{name}, line {number}: {error}") from error
        yield record, line


def is_loaded(database: Database) -> bool:
    """Tell whether a database has its seed; one whose first start was interrupted has not."""
    return bank_facts.get(database.read(), "seed") is not None


def load(database: Database, contract: Contract, folder: Path, importers: Sequence[Importer]) -> None:
    """Load every feature's seed in one act, unless another process has done so meanwhile.

    Raises:
        SeedError: nothing is loaded then.
    """
    # Reading makes a million objects and not one cycle: the collector would take a third of the time and find nothing.
    collects = gc.isenabled()
    gc.disable()
    try:
        with database.act() as tx:
            if bank_facts.get(tx, "seed") is None:
                for importer in importers:
                    importer(tx, contract, folder)
                bank_facts.put(tx, "seed", str(folder.name))
    finally:
        if collects:
            gc.enable()


def in_child(work: Callable[[], None]) -> None:
    """Do work in a forked child, and raise what it raises; where there is no fork, do it here.

    Raises:
        SeedError, DatabaseError: as the work does.
    """
    if not hasattr(os, "fork"):
        work()
        return
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _do_and_leave(work, writing)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:  # noqa: PTH123 - a descriptor, not a path
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    if told:
        kind, _, text = told.partition(":")
        raise _TOLD[kind](text)
    if status:
        raise SeedError("the process that loads it has died")


_TOLD: dict[str, type[Exception]] = {"SeedError": SeedError, "DatabaseError": DatabaseError}


def _do_and_leave(work: Callable[[], None], writing: int) -> NoReturn:
    """Do the work, tell what is wrong with the seed or the database, and end without the parent's clean-up."""
    code = 1
    try:
        work()
        code = 0
    except (SeedError, DatabaseError) as error:
        os.write(writing, f"{type(error).__name__}:{error}"[:4096].encode())
    finally:
        os._exit(code)


def _lines(folder: Path, name: str) -> Iterable[str]:
    packed, plain = folder / f"{name}.jsonl.gz", folder / f"{name}.jsonl"
    if packed.is_file():
        text = gzip.decompress(packed.read_bytes()).decode()
    elif plain.is_file():
        text = plain.read_text(encoding="utf-8")
    else:
        raise SeedError(f"{folder} has neither {packed.name} nor {plain.name}")
    return text.splitlines()
