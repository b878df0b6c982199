"""A rate sheet as features handle it: facts for the rules, JSON texts for the wire."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from openteller_sandbox.db import Row

ROW_COMPONENTS = {"DEPOSIT": "DepositRate", "LOAN": "LoanRate", "FX": "FxQuote"}
ROW_MEMBERS = {"DEPOSIT": "deposit_rates", "LOAN": "loan_rates", "FX": "fx_quotes"}
FILTERS = {
    "DEPOSIT": ("product_code", "currency", "product_type"),
    "LOAN": ("product_code", "loan_purpose"),
    "FX": ("base",),
}


@dataclass(frozen=True, slots=True)
class RateSheet:
    """A sheet and its rows, as stored. Instants are epoch milliseconds of bank time."""

    rate_sheet_id: str
    kind: str
    sequence: int
    effective_from: int
    published_at: int
    holds_from: int
    carried_from: str | None
    wire: str
    row_keys: str
    row_lines: str

    @classmethod
    def of(cls, row: Row) -> RateSheet:
        """Read a database row."""
        return cls(*(row[name] for name in cls.__slots__))

    @property
    def facts(self) -> dict[str, Any]:
        """The sheet itself, parsed."""
        facts: dict[str, Any] = json.loads(self.wire)
        return facts

    def rows(self, **wanted: str | None) -> list[str]:
        """Give the rows whose members have these values (None: any), as JSON texts in the order of the sheet."""
        lines = self.row_lines.split("\n") if self.row_lines else []
        tests = tuple((FILTERS[self.kind].index(name), value) for name, value in wanted.items() if value is not None)
        return [lines[place] for place in _places(self.row_keys, tests)] if tests else lines

    def has(self, name: str, value: str) -> bool:
        """Whether one of the rows has this value of a member that it can be filtered by."""
        return bool(_places(self.row_keys, ((FILTERS[self.kind].index(name), value),)))

    def is_carried_forward(self, day: date) -> bool:
        """Whether its rows are, on that day, old ones carried on."""
        return self.carried_from is not None and day.isoformat() >= self.carried_from


@lru_cache(maxsize=256)
def _places(row_keys: str, tests: tuple[tuple[int, str], ...]) -> tuple[int, ...]:
    """Where the rows stand that pass; found once for all boards, whose keys are the same text."""
    keys = json.loads(row_keys)
    return tuple(place for place, values in enumerate(keys) if all(values[index] == value for index, value in tests))
