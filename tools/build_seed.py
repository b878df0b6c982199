"""Build the seed of the demo bank: `tools/seed/*.py` decide the records, this checks them and writes the files, and
beside them the database that a first start copies.

    python tools/build_seed.py            write what changed in sandbox/openteller_sandbox/seed/
    python tools/build_seed.py --check    write nothing; exit 1 and name the first difference of each file

A file holds one record per line as compact UTF-8 JSON; `.gz` files are compared unpacked, because compressed bytes
differ between versions of zlib; so is the database, table by table. Each record is checked against the merged contract
before anything is written.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Run as a file, Python looks for modules beside it only; the seed modules are found from the project's root.
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "sandbox"))

from openteller_sandbox import seeding  # noqa: E402 - needs the two lines above
from openteller_sandbox.contract import Contract, ContractError, load  # noqa: E402 - likewise
from openteller_sandbox.prebuilt import FILE_NAME  # noqa: E402 - likewise
from tools.seed import database  # noqa: E402 - likewise

__all__ = ["COMMAND", "MODULES", "OUTPUT", "SeedError", "checked", "main", "packed", "unpacked"]

OUTPUT = ROOT / "sandbox" / "openteller_sandbox" / "seed"
COMMAND = "python tools/build_seed.py"
MODULES = ("branches", "rates", "billers")
ROW_COMPONENTS = {"DEPOSIT": "DepositRate", "LOAN": "LoanRate", "FX": "FxQuote"}

Record = dict[str, Any]
Parts = Iterable[tuple[str, Any]]


class SeedError(Exception):
    """A record does not fit the contract, or a file has no place here; the message names both."""


def _one(component: str) -> Callable[[Record], Parts]:
    return lambda record: [(component, record)]


def _sheet_and_rows(record: Record) -> Parts:
    yield "RateSheet", record["sheet"]
    for row in record["rows"]:
        yield ROW_COMPONENTS[record["sheet"]["kind"]], row


def _helper(_: Record) -> Parts:
    """What only the sandbox reads has no shape in the contract."""
    return ()


# Which components of the contract the records of a file consist of.
FILES: Mapping[str, Callable[[Record], Parts]] = {
    "branches": _one("Branch"),
    "atms": _one("Atm"),
    "rate_sheets": _sheet_and_rows,
    "biller_categories": _one("BillerCategory"),
    "billers": _one("Biller"),
    "biller_words": _helper,
    "divisions": _helper,
    "search_terms": _helper,
    "workdays": _helper,
}


def checked(name: str, records: list[Record], contract: Contract) -> str:
    """The text of a seed file, after each record has been held to the contract.

    Raises:
        SeedError: the file is not listed in `FILES`, or a record does not fit its component.
    """
    stem = name.partition(".")[0]
    if stem not in FILES:
        raise SeedError(f"{name}: {Path(__file__).name} does not know what its records are")
    for number, record in enumerate(records, start=1):
        for component, value in FILES[stem](record):
            try:
                contract.check_record(component, value)
            except ContractError as error:
                raise SeedError(f"{name} line {number}: {error}") from error
    return "".join(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records)


def packed(name: str, text: str) -> bytes:
    """The bytes of a file; a gzip header without time or name, so that equal text gives equal bytes."""
    data = text.encode()
    return gzip.compress(data, compresslevel=9, mtime=0) if name.endswith(".gz") else data


def unpacked(path: Path) -> str | None:
    """The text of a file, or None when there is none."""
    if not path.exists():
        return None
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def _difference(name: str, committed: str | None, built: str) -> str | None:
    """Where a committed file first differs from what is built, or None."""
    if committed == built:
        return None
    if committed is None:
        return f"{name}: is missing"
    old, new = committed.splitlines(), built.splitlines()
    number = next((index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    place = f"line {number + 1}" if number < min(len(old), len(new)) else f"{len(old)} lines instead of {len(new)}"
    return f"{name}: {place} is not what is built"


def _stale_database(output: Path, built: bytes) -> str | None:
    """Which part of a committed database is not what is built, or None."""
    path = output / FILE_NAME
    if not path.exists():
        return f"{FILE_NAME}: is missing"
    try:
        old, new = database.content(path.read_bytes()), database.content(built)
    except (zlib.error, sqlite3.DatabaseError, ValueError) as error:
        return f"{FILE_NAME}: is broken ({error})"
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return f"{FILE_NAME}: {', '.join(names)} is not what is built" if names else None


def _is_whole(output: Path) -> bool:
    """Whether a folder has every file, so that there is a database to build."""
    return {file.name.partition(".")[0] for file in output.glob("*.jsonl*")} >= FILES.keys()


def _built(modules: Iterable[str], contract: Contract) -> Iterator[tuple[str, str]]:
    for module in modules:
        for name, records in sorted(import_module(f"tools.seed.{module}").build().items()):
            yield name, checked(name, records, contract)


def main(arguments: list[str] | None = None, *, output: Path = OUTPUT) -> int:
    """Run the command; 0 when the files are written or right, 1 otherwise."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Build the seed of the demo bank.")
    parser.add_argument("modules", nargs="*", metavar="module", help=f"only these of {', '.join(MODULES)}")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a committed file is stale")
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.modules).difference(MODULES)):
        parser.error(f"no such module: {', '.join(unknown)}")
    contract = load()
    try:
        files = dict(_built(options.modules or MODULES, contract))
    except SeedError as error:
        print(f"seed: {error}", file=sys.stderr)
        return 1
    differences = {name: found for name, text in files.items()
                   if (found := _difference(name, unpacked(output / name), text))}  # fmt: skip
    if not options.check:
        output.mkdir(parents=True, exist_ok=True)
        for name in differences:
            (output / name).write_bytes(packed(name, files[name]))
    stale = None
    if _is_whole(output):  # of the records as they are in the folder now
        try:
            ready = database.build(output, contract)
        except seeding.SeedError as error:
            print(f"seed: {error}", file=sys.stderr)
            return 1
        stale = _stale_database(output, ready)
        if stale and not options.check:
            (output / FILE_NAME).write_bytes(ready)
    if not options.check:
        return 0
    found = [*differences.values(), *([stale] if stale else ())]
    for line in found:
        print(f"seed: {line}; run: {COMMAND}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
