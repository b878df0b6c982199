"""The chain of a kind of sheets: what a sheet's hash is over, and whether a sheet fits behind the others. No I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from openteller_sandbox import clock

__all__ = ["Chain", "ChainError", "sheet_hash"]

Wire = Mapping[str, Any]


class ChainError(Exception):
    """A sheet does not fit where it stands; the message names it and says why."""


def sheet_hash(sheet: Wire, rows: Sequence[Wire]) -> str:
    """Give the hash of a stored sheet and its rows, as `RateSheet.hash` of the contract defines it."""
    facts = {name: value for name, value in sheet.items() if name != "hash"}
    return hashlib.sha256("\n".join([_canonical(facts), *map(_canonical, rows)]).encode()).hexdigest()


def _canonical(value: Wire) -> str:
    """RFC 8785 for what sheets hold: texts, whole numbers, true and false, under ASCII names."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Chain:
    """The sheets of one kind, taken in one after the other."""

    def __init__(self) -> None:
        self._last: Wire = {}
        self._standing: dict[int, str] = {}  # the sheet that stands for each instant at which one took effect

    def take(self, sheet: Wire, rows: Sequence[Wire]) -> None:
        """Let a sheet follow.

        Raises:
            ChainError: its place, its times, what it supersedes or its hash is wrong.
        """
        effective_from, published_at = clock.parse(sheet["effective_from"]), clock.parse(sheet["published_at"])
        fault = self._fault(sheet, effective_from, published_at)
        if fault is None and sheet["hash"] != sheet_hash(sheet, rows):
            fault = "its hash is not that of what it says"
        if fault is not None:
            raise ChainError(f"{sheet['rate_sheet_id']}: {fault}")
        self._standing[effective_from] = sheet["rate_sheet_id"]
        self._last = sheet

    def _fault(self, sheet: Wire, effective_from: int, published_at: int) -> str | None:
        if sheet["sequence"] != self._last.get("sequence", 0) + 1:
            return "its sequence does not follow the one before it"
        if sheet.get("previous_hash") != self._last.get("hash"):
            return "its previous_hash is not the hash before it"
        if self._last and published_at <= clock.parse(self._last["published_at"]):
            return "it is not published after the one before it"
        if "correction" in sheet:
            wrong = self._standing.get(effective_from)
            if wrong is None or sheet["supersedes"] != wrong:
                return "it corrects no sheet that took effect when it does"
        elif self._standing and effective_from <= max(self._standing):
            return "it takes effect before one that was published before it, and is no correction"
        elif sheet.get("supersedes") != (self._standing[max(self._standing)] if self._standing else None):
            return "it does not supersede the sheet that held before it"
        return None
