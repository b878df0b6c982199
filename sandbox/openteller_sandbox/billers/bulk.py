"""Importing a file of billers: all of it, or nothing.

Every search goes through all of the directory, so that it has thousands of billers and not millions: what is right is
written in one act. A biller is never taken away, as payments name it: where the file shall be all there is, the others
are deactivated.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import importing, service, store
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.imports import rows as files
from openteller_sandbox.imports.files import Source
from openteller_sandbox.imports.identifiers import derived
from openteller_sandbox.imports.json_stream import dumps
from openteller_sandbox.imports.outcome import Outcome, Watch, Wish
from openteller_sandbox.imports.refusals import Item, Refusal, SourceError, wrong
from openteller_sandbox.imports.shape import Shape
from openteller_sandbox.imports.staging import Staged, Staging
from openteller_sandbox.seeding import SeedError

MOST = 50_000
_COMPONENT = "Biller"
_MOST_FAULTS = 10
_TOLD_EVERY = 100
_DEACTIVATED = "DEACTIVATED"

Record = dict[str, Any]


def load(bank: Bank, filling: Database, kind: str, source: Source, wish: Wish, watch: Watch) -> Outcome:  # noqa: ARG001 - as every importer
    """Import a file of billers.

    Raises:
        SourceError: the file cannot be read or has too many, or there is no room for the work file.
        DatabaseError, EngineError: the bank's database cannot be used, or written; an import is under way.
    """
    with bank.db.alone_of_all("import"):
        staging = Staging()
        try:
            return _Import(bank, staging, wish, watch).run(source)
        finally:
            staging.close()


class _Import:
    """One import."""

    def __init__(self, bank: Bank, staging: Staging, wish: Wish, watch: Watch) -> None:
        self._bank = bank
        self._staging = staging
        self._wish = wish
        self._watch = watch
        self._shape = Shape.of(bank.contract, _COMPONENT)
        tx = bank.db.read()
        self._categories = frozenset(service.category_codes(tx))
        self._outcome = Outcome(version=max(bank.now(), service.last_update(tx) + 1))
        self._stamp = clock.to_wire(self._outcome.version)

    def run(self, source: Source) -> Outcome:
        """Do it."""
        outcome, wish = self._outcome, self._wish
        reading = files.Reading(wish.format or files.detect(source))
        outcome.format = reading.format
        self._staging.know((row["biller_code"], row["biller_id"]) for row in self._bank.db.read().all(store.ALL))
        self._staging.index_known()
        for item in files.items(source, files.BILLERS, self._shape, reading, wish.chosen):
            outcome.read += 1
            if outcome.read > MOST:
                raise SourceError(
                    f"{source.name} has more than {MOST:,} billers: every search goes through all of them"
                )
            self._take(item)
            if outcome.read % _TOLD_EVERY == 0:
                self._watch.moved("Reading", source.done())
        outcome.ignored = reading.ignored
        if not outcome.read:
            raise SourceError(f"{source.name} has no records")
        if wish.limit.allows(outcome.refused, outcome.read):
            self._write()
        return outcome

    def _take(self, item: Item) -> None:
        record, faults = item.record, list(item.faults)
        if not (record or faults):
            faults = [wrong("", "ROW_BROKEN", "has nothing in it")]
        stamped = "updated_at" in record
        if record:
            code = record.get("biller_code")
            if isinstance(code, str) and "biller_id" not in record:
                known = self._staging.known_identifier(code) if code.isprintable() else None
                record["biller_id"] = known or derived("blr", "biller", code)
            record.setdefault("updated_at", self._stamp)
            told = {fault.field for fault in faults}
            found = (fault for fault in self._faults(record) if fault.field not in told)
            faults += islice(found, _MOST_FAULTS)
        if not faults and (unlike := self._staging.unlike("biller", record["biller_code"], record["biller_id"])):
            faults.append(unlike)
        if faults:
            self._refuse(item.where, record, faults)
            return
        marks = marshal.dumps(importing.row_of(record))
        body = dumps(record)
        self._staging.add(Staged(item.where, record["biller_code"], record["biller_id"], stamped, body, marks))

    def _faults(self, record: Record) -> Iterator[Refusal]:
        """Find what is wrong with a biller, each member once."""
        told: set[str] = set()
        shapes, may_ask = self._shape.look(record, dumps(record))
        for fault in chain(shapes, self._unfit(record) if may_ask else ()):
            if fault.field not in told:
                told.add(fault.field)
                yield fault
        if not told:
            yield from self._strange(record)

    def _unfit(self, record: Record) -> Iterator[Refusal]:
        for fault in self._bank.contract.record_faults(_COMPONENT, record):
            yield wrong(fault.where.strip("/").replace("/", "."), fault.code, fault.message)

    def _strange(self, record: Record) -> Iterator[Refusal]:
        """Find what this bank does not know, or could not ask a payer."""
        if record["category_code"] not in self._categories:
            yield wrong("category_code", "CODE_UNKNOWN", f"is none of {', '.join(sorted(self._categories))}")
        if not service.has_division(self._bank.db.read(), record["region"]["adcode"]):
            yield wrong("region.adcode", "CODE_UNKNOWN", "is no division of mainland China (GB/T 2260)")
        try:
            importing.check_formats(record)
        except SeedError as error:
            yield wrong("input_fields", "EXAMPLE_INVALID", str(error).partition(", ")[2] or str(error))

    def _refuse(self, where: str, record: Record, faults: list[Refusal]) -> None:
        self._outcome.refused += 1
        code = record.get("biller_code")
        shown = code[:48] if isinstance(code, str) and code.isprintable() else ""
        if shown:
            self._staging.refuse(shown)
        for fault in faults[:_MOST_FAULTS]:
            self._watch.refused(fault.of(where, shown or "?"))

    def _write(self) -> None:
        """Write what is new and what has changed, in one act; a dry run only counts."""
        outcome = self._outcome
        if self._wish.dry_run:
            self._merge(None)
            return
        with self._bank.db.act() as tx:
            self._merge(tx)
            announcements.imported(self._bank, tx, announcements.BILLERS, outcome)
        outcome.kept = True

    def _merge(self, tx: Tx | None) -> None:
        known = {row["biller_code"]: row for row in (tx or self._bank.db.read()).all(store.ALL)}
        outcome = self._outcome
        for new in self._staging.in_order():
            old = known.pop(new.code, None)
            if old is not None and _same(json.loads(old["wire"]), json.loads(new.body), stamped=new.stamped):
                outcome.unchanged += 1
                continue
            outcome.changed += old is not None
            outcome.added += old is None
            self._put(tx, marshal.loads(new.marks), new.body.decode())  # noqa: S302 - written by _take
        for code, old in known.items():
            self._without(tx, code, json.loads(old["wire"]))
        outcome.total = outcome.added + outcome.changed + outcome.unchanged + outcome.removed

    def _without(self, tx: Tx | None, code: str, record: Record) -> None:
        """Deactivate what the file does not have, if it shall be all there is."""
        if not self._wish.replace or record["status"] == _DEACTIVATED or self._staging.is_refused(code):
            self._outcome.unchanged += 1
            return
        self._outcome.removed += 1
        record |= {"status": _DEACTIVATED, "updated_at": self._stamp}
        self._put(tx, importing.row_of(record), dumps(record).decode())

    def _put(self, tx: Tx | None, row: Record, wire: str) -> None:
        if tx is not None:
            tx.run(store.DELETE, biller_id=row["biller_id"])
            tx.run(store.INSERT, **{**row, "updated_at": self._outcome.version, "wire": wire})


def _same(old: Record, new: Record, *, stamped: bool) -> bool:
    return old == new or (not stamped and {**old, "updated_at": ""} == {**new, "updated_at": ""})
