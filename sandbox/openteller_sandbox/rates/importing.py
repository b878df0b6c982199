"""Loading the rate sheets of the seed: each sheet and row checked, then stored as it goes out."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.contract import Contract, ContractError
from openteller_sandbox.db import Tx
from openteller_sandbox.http import json_text
from openteller_sandbox.rates import store
from openteller_sandbox.rates.chain import Chain, ChainError
from openteller_sandbox.rates.model import FILTERS, ROW_COMPONENTS
from openteller_sandbox.seeding import SeedError, records

FILE = "rate_sheets"


def load(tx: Tx, contract: Contract, folder: Path) -> None:
    """Load `rate_sheets`: records of a sheet and its rows.

    Raises:
        SeedError: the file is missing, or a sheet or a row does not fit the contract, or the chain of its kind.
    """
    chains = {kind: Chain() for kind in ROW_COMPONENTS}
    for number, (record, line) in enumerate(records(contract, folder, FILE, None), 1):
        try:
            row = stored(contract, record, line)
            chains[row["kind"]].take(record["sheet"], record["rows"])
            tx.run(store.INSERT, **row)
        except (ContractError, ChainError, KeyError) as error:
            raise SeedError(f"{FILE}, line {number}: {error}") from error


def stored(contract: Contract, record: dict[str, Any], line: str) -> dict[str, Any]:
    """Give the row of a sheet, which is checked.

    Raises:
        ContractError: the sheet, or a row of it, does not fit the contract.
    """
    sheet, rows = record["sheet"], record["rows"]
    contract.check_record("RateSheet", sheet)
    kind = sheet["kind"]
    for row in rows:
        contract.check_record(ROW_COMPONENTS[kind], row)
    effective_from, published_at = clock.parse(sheet["effective_from"]), clock.parse(sheet["published_at"])
    return {
        "rate_sheet_id": sheet["rate_sheet_id"],
        "kind": kind,
        "sequence": sheet["sequence"],
        "effective_from": effective_from,
        "published_at": published_at,
        "holds_from": max(effective_from, published_at),
        "corrects": sheet["supersedes"] if "correction" in sheet else None,
        "carried_from": _carried_from(kind, rows),
        "wire": json_text(sheet),
        "row_keys": json_text([[row.get(name) for name in FILTERS[kind]] for row in rows]),
        "row_lines": "\n".join(_texts(sheet["rate_sheet_id"], rows, line)),
    }


def _texts(rate_sheet_id: str, rows: list[dict[str, Any]], line: str) -> list[str]:
    """The rows as they stand in the line. Writing all of them anew would take half the time of a first start.

    Compact records, which is how the seed is built, repeat these characters at the beginning of the sheet and of each
    row, and nowhere else: a quotation mark inside a text is escaped. Any other layout is written anew.
    """
    begin = f'{{"rate_sheet_id":"{rate_sheet_id}",'
    pieces = line.removesuffix("]}").split(begin)[2:]
    if len(pieces) != len(rows) or "\n" in line:
        return [json_text(row) for row in rows]
    return [begin + piece.removesuffix(",") for piece in pieces]


def _carried_from(kind: str, rows: list[dict[str, Any]]) -> str | None:
    """When the rows of a sheet, all of which rest on the same publication, begin to be old ones carried on."""
    if not rows or kind == "DEPOSIT":
        return None
    if kind == "FX":
        return str(date.fromisoformat(rows[0]["reference_date"]) + timedelta(days=1))
    return str(rows[0]["reference_rate"]["next_publication_date"])
