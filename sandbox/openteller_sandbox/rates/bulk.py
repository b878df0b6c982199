"""Importing exchange rates: boards that come after those that are there, all of them or none.

What was published stays as it was: each sheet's hash is over the one before it. So a file adds to the end of the chain:
the ECB's days make boards with the demo bank's spreads, and sheets of another bank like this one fit behind it or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.branches import service as branches
from openteller_sandbox.contract import ContractError
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.http import json_text
from openteller_sandbox.imports.files import Source
from openteller_sandbox.imports.identifiers import derived
from openteller_sandbox.imports.json_stream import EACH, JsonReader
from openteller_sandbox.imports.mapping import decimal
from openteller_sandbox.imports.outcome import Outcome, Watch, Wish
from openteller_sandbox.imports.refusals import Refusal, SourceError, wrong
from openteller_sandbox.imports.rows import Format, Table, detect, lines_of
from openteller_sandbox.rates import boards, following, importing, store
from openteller_sandbox.rates.chain import Chain, ChainError, sheet_hash

MOST = 50_000
_KIND = "FX"
_MOST_JUMP = Decimal("1.5")
_MISSING = frozenset({"", "N/A"})
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Record = dict[str, Any]


def load(bank: Bank, filling: Database, kind: str, source: Source, wish: Wish, watch: Watch) -> Outcome:  # noqa: ARG001 - as every importer
    """Import the ECB's days, or sheets in the contract's shape with their rows.

    Raises:
        SourceError: the file cannot be read, has too much, or is of another format.
        DatabaseError, EngineError: the bank's database cannot be used, or written; an import is under way.
    """
    if wish.replace:
        raise SourceError("boards that were published are never taken away: leave --replace out")
    with bank.db.alone_of_all("import"):
        return _Import(bank, wish, watch).run(source)


class _Import:
    """One import."""

    def __init__(self, bank: Bank, wish: Wish, watch: Watch) -> None:
        self._bank = bank
        self._wish = wish
        self._watch = watch
        self._outcome = Outcome()

    def run(self, source: Source) -> Outcome:
        """Do it."""
        outcome, wish = self._outcome, self._wish
        outcome.format = wish.format or detect(source)
        sheets = self._of_the_ecb(source) if outcome.format in {Format.ECB, Format.CSV} else self._of_this_kind(source)
        if not outcome.read:
            raise SourceError(f"{source.name} has no rates")
        if not wish.limit.allows(outcome.refused, outcome.read):
            return outcome
        outcome.added = len(sheets)
        with self._bank.db.act() as tx:
            if not wish.dry_run:
                self._keep(tx, sheets)
            row = tx.one(store.COUNT, kind=_KIND)
        outcome.total = (row["count"] if row else 0) + (len(sheets) if wish.dry_run else 0)
        outcome.kept = not wish.dry_run
        return outcome

    def _keep(self, tx: Tx, sheets: list[Record]) -> None:
        last = tx.one(store.LAST_OF, kind=_KIND)
        if last and sheets and json.loads(last["wire"])["hash"] != sheets[0]["sheet"].get("previous_hash"):
            raise SourceError("other boards have come out meanwhile: do it again")
        for sheet in sheets:
            tx.run(store.INSERT, **importing.stored(self._bank.contract, sheet, json_text(sheet)))
        if sheets:
            following.follow_all(self._bank, tx)

    def _refuse(self, where: str, place: str, faults: list[Refusal]) -> None:
        self._outcome.refused += 1
        for fault in faults:
            self._watch.refused(fault.of(where, place))

    # The ECB's days

    def _of_the_ecb(self, source: Source) -> list[Record]:
        """Make boards of the days that are later than the last board's."""
        tx = self._bank.db.read()
        last = tx.one(store.LAST_OF, kind=_KIND)
        if last is None:
            raise SourceError(f"{self._bank.db.name} has no board to go on from: make it with its seed")
        quotes = [json.loads(line) for line in last["row_lines"].split("\n")]
        known = date.fromisoformat(quotes[0]["reference_date"])
        days: dict[date, Mapping[str, Decimal]] = {known: {row["base"]: Decimal(row["middle"]) for row in quotes}}
        found = {day: (where, per_euro) for day, where, per_euro in self._days(source)}
        for day, (where, per_euro) in sorted(found.items()):
            if day <= known:
                self._outcome.unchanged += 1
                continue
            middles = boards.middles(per_euro)
            if jumped := _jump(days[max(days)], middles):
                text = f"is more than half as much again, or less, as on the day before: {jumped}"
                self._refuse(where, day.isoformat(), [wrong(jumped, "RATE_IMPLAUSIBLE", text)])
            else:
                days[day] = middles
        sheets = list(self._sheets(json.loads(last["wire"]), last["published_at"], days)) if len(days) > 1 else []
        self._note_unused(days, sheets, last["published_at"])
        return sheets

    def _note_unused(self, days: Mapping[date, Any], sheets: list[Record], published_at: int) -> None:
        """Say which days have no board of their own, as a later board was out already."""
        used = {row["reference_date"] for sheet in sheets for row in sheet["rows"][:1]}
        unused = [day.isoformat() for day in sorted(days)[1:] if day.isoformat() not in used]
        self._outcome.unchanged += len(unused)
        if unused:
            board = clock.to_wire(published_at)
            self._outcome.notes.append(f"Not used: {', '.join(unused[:10])}, as the last board is that of {board}.")

    def _days(self, source: Source) -> Iterator[tuple[date, str, dict[str, Decimal]]]:
        """Give the days of a file, in any order, with what a euro is worth."""
        seen: dict[date, str] = {}
        rows = Table(source)
        header = [name.strip("\ufeff \t\r\n").upper() for name in next(rows, [])]
        if header[:1] != ["DATE"] or "CNY" not in header:
            raise SourceError(f"{source.name} has no columns Date and CNY: give the ECB's eurofxref-hist.csv")
        for cells in rows:
            if not any(cell.strip() for cell in cells):
                continue
            self._outcome.read += 1
            if self._outcome.read > MOST:
                raise SourceError(f"{source.name} has more than {MOST:,} days")
            day, per_euro, faults = _day(header, cells, seen)
            if faults or day is None:
                self._refuse(rows.where, day.isoformat() if day else "?", faults)
                continue
            seen[day] = rows.where
            yield day, rows.where, per_euro

    def _sheets(
        self, last: Record, published_after: int, days: Mapping[date, Mapping[str, Decimal]]
    ) -> Iterator[Record]:
        """Make the sheets that follow the last one."""
        tx = self._bank.db.read()
        schedule = boards.schedule(days, lambda day: branches.is_working_day(tx, day), after=min(days))
        for published_at, reference, indicative in schedule:
            instant = published_at.astimezone(clock.BANK_ZONE).isoformat()
            if int(published_at.timestamp() * 1000) <= published_after:
                continue
            sheet_id = derived("rsh", "rate_sheet", f"{_KIND}:{instant}")
            sequence = last["sequence"] + 1
            own = {"published_at": instant, "sequence": sequence}
            rows = boards.rows(days[reference], reference, indicative=indicative)
            rows = [{"rate_sheet_id": sheet_id, **row, **own} for row in rows]
            sheet = {
                "rate_sheet_id": sheet_id,
                "kind": _KIND,
                "sequence": sequence,
                "effective_from": instant,
                "published_at": instant,
                "source": boards.source(reference),
                "disclaimer": boards.DISCLAIMER,
                "supersedes": last["rate_sheet_id"],
                "previous_hash": last["hash"],
            }
            sheet["hash"] = sheet_hash(sheet, rows)
            yield {"sheet": sheet, "rows": rows}
            last = sheet

    # Sheets

    def _of_this_kind(self, source: Source) -> list[Record]:
        """Take sheets that follow those that are there."""
        chain, known, sheets = Chain(), {}, []
        for row in self._bank.db.read().all(store.ALL_OF, kind=_KIND):
            sheet = json.loads(row["wire"])
            chain.take(sheet, [json.loads(line) for line in row["row_lines"].split("\n")])
            known[sheet["rate_sheet_id"]] = sheet["hash"]
        for where, value in self._records(source):
            self._outcome.read += 1
            if self._outcome.read > MOST:
                raise SourceError(f"{source.name} has more than {MOST:,} sheets")
            identifier, fault = self._fault(value, chain, known)
            if fault:
                self._refuse(where, identifier, [fault])
            elif identifier in known:
                self._outcome.unchanged += 1
            else:
                known[identifier] = value["sheet"]["hash"]
                sheets.append(value)
        return sheets

    def _records(self, source: Source) -> Iterator[tuple[str, Any]]:
        if self._outcome.format is Format.JSON:
            yield from JsonReader(source).at((EACH,))
            return
        if self._outcome.format is not Format.NDJSON:
            raise SourceError(f"{source.name}: {self._outcome.format} is no format of rates")
        yield from lines_of(source)

    def _fault(self, value: Any, chain: Chain, known: Mapping[str, str]) -> tuple[str, Refusal | None]:
        """Look whether a sheet fits behind the others, and let it follow if it does."""
        if isinstance(value, Refusal):
            return "?", value
        try:
            sheet, rows = value["sheet"], value["rows"]
            identifier = str(sheet["rate_sheet_id"])
            if sheet["kind"] != _KIND:
                return identifier, wrong("sheet.kind", "KIND_OTHER", "is not FX: other sheets are not imported")
            if identifier in known:
                same = known[identifier] == sheet["hash"] == sheet_hash(sheet, rows)
                other = wrong(
                    "sheet.hash", "CHAIN_BROKEN", "the bank has this sheet with another hash: it never changes"
                )
                return identifier, None if same else other
            importing.stored(self._bank.contract, value, "")
            chain.take(sheet, rows)
        except (ContractError, ChainError) as error:
            return identifier, wrong("sheet", "CHAIN_BROKEN", str(error)[:300])
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return "?", wrong("", "ROW_BROKEN", "is no object of a sheet and its rows")
        return identifier, None


def _day(
    header: list[str], cells: list[str], seen: Mapping[date, str]
) -> tuple[date | None, dict[str, Decimal], list[Refusal]]:
    """Read a row of the ECB's: the day, what a euro is worth, and what is wrong."""
    if len(cells) != len(header):
        return None, {}, [wrong("", "ROW_BROKEN", f"has {len(cells)} cells, the header {len(header)}")]
    text = cells[0].strip()
    try:
        day = date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        return None, {}, [wrong("date", "FIELD_INVALID", "is no day such as 2026-09-30")]
    if day in seen:
        return day, {}, [wrong("date", "DATE_DUPLICATE", f"is that of {seen[day]}, too")]
    per_euro, faults = {}, []
    for code, cell in zip(header[1:], cells[1:], strict=True):
        if (code != "CNY" and code not in boards.BY_CODE) or cell.strip() in _MISSING:
            continue
        try:
            per_euro[code] = decimal(cell.strip())
        except ValueError as error:
            faults.append(wrong(code, "RATE_MALFORMED", str(error)))
    faults += [wrong(code, "RATE_MALFORMED", "is not more than 0") for code, rate in per_euro.items() if not rate]
    if "CNY" not in per_euro and not faults:
        faults.append(wrong("CNY", "FIELD_MISSING", "is missing: every middle is crossed with it"))
    return day, per_euro, faults


def _jump(before: Mapping[str, Decimal], after: Mapping[str, Decimal]) -> str:
    """Name a currency that has moved as none does in a day."""
    for code, middle in after.items():
        low, high = sorted((middle, before.get(code, middle)))
        if high > low * _MOST_JUMP:
            return code
    return ""
