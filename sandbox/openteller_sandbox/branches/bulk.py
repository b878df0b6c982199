"""Importing a file of branches or ATMs of any length: all of it, or nothing, while others read and write.

Rows are read, completed and checked one by one, and lie in a work file until all are known to be right. Then the tables
that nobody reads are filled, in small acts, with what the bank has and what the file brings, in the order of the codes;
one row, written last, says that they are read from now on. Whoever is killed on the way leaves tables that nobody
reads, which the next import clears. Two imports at once cannot be: the second one is told so, and if they did not see
each other, the one that came first finds out at its next act.
"""

from __future__ import annotations

import marshal
import secrets
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

from openteller_sandbox import clock
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.branches import datum, directory, importing, place_sets, spoken, store
from openteller_sandbox.branches.completing import Record, Rules
from openteller_sandbox.branches.nearest import Point
from openteller_sandbox.branches.store import Places
from openteller_sandbox.db import Database, DatabaseError, Row, Statement, Tx
from openteller_sandbox.imports import open_data_uk
from openteller_sandbox.imports import rows as files
from openteller_sandbox.imports.files import Source
from openteller_sandbox.imports.identifiers import derived
from openteller_sandbox.imports.json_stream import dumps, loads
from openteller_sandbox.imports.mapping import TERMS
from openteller_sandbox.imports.outcome import Outcome, Watch, Wish
from openteller_sandbox.imports.refusals import Item, Refusal, SourceError, wrong
from openteller_sandbox.imports.staging import SetKey, Sets, Staged, Staging

_AT_ONCE = 1000
_SETS_AT_ONCE = 500
_TOLD_EVERY = 1000
_MOST_FAULTS = 10
_TEXT_SETS = frozenset({store.CITY, store.LENGTH, store.NAMED, store.WORD})
_TEXTS = ("name", "postal_address")
_REFERENCES = ("branch_id", "parent_branch_id", "moved_to")
_LONGEST_TERMS = 1000


class Overtaken(DatabaseError):
    """Another import has begun meanwhile: nothing of this one is kept."""


def load(bank: Bank, filling: Database, kind: str, source: Source, wish: Wish, watch: Watch) -> Outcome:
    """Import a file of ``branches`` or ``atms``.

    Args:
        bank: whose they are.
        filling: its database once more, whose acts a power cut may take before the last one of the bank.
        kind: what the file has.
        source: the file.
        wish: what the operator wants.
        watch: hears of refusals and progress.

    Raises:
        SourceError: the file cannot be read, or there is no room for the work file.
        DatabaseError, EngineError: the bank's database cannot be used, or written; an import is under way.
    """
    with bank.db.alone_of_all("import"):
        staging = Staging()
        try:
            return _Import(
                bank, filling, store.BRANCHES if kind == "branches" else store.ATMS, staging, wish, watch
            ).run(source)
        finally:
            staging.close()


class _Kept(NamedTuple):
    """A row of the new tables, and which sets it is in: those that it had, and those that were worked out anew.

    old: its number so far. keeps_texts, keeps_facts: whether what it is found by, and whatever else it is in, is as
    before.
    """

    row: dict[str, Any]
    old: int | None
    keeps_texts: bool
    keeps_facts: bool
    keys: list[SetKey]


class _Import:
    """One import."""

    def __init__(
        self,
        bank: Bank,
        filling: Database,
        places: Places,
        staging: Staging,
        wish: Wish,
        watch: Watch,
    ) -> None:
        self._bank = bank
        self._database = bank.db
        self._filling = filling
        self._places = places
        self._staging = staging
        self._wish = wish
        self._watch = watch
        self._kind = files.BRANCHES if places.kind == store.BRANCHES.kind else files.ATMS
        self._thing = "branch" if places.kind == store.BRANCHES.kind else "atm"
        try:
            self._rules = Rules(bank.contract, self._thing, wish)
        except ValueError as error:
            raise SourceError(f"the hours that hold without others: {error}") from error
        self._slot, self._before = directory.current(bank.db.read(), places)
        self._now_read = places.slots[self._slot]
        self._filled = places.slots[1 - self._slot]
        self._outcome = Outcome(version=max(bank.now(), self._before + 1))
        self._stamp = clock.to_wire(self._outcome.version)
        self._cities = _Cities(billers.division_names(bank.db.read()))
        self._mine = secrets.token_hex(8)
        self._gone: list[dict[str, Any]] = []

    def run(self, source: Source) -> Outcome:
        """Do it."""
        outcome, wish = self._outcome, self._wish
        reading = files.Reading(wish.format or files.detect(source))
        outcome.format = reading.format
        self._know()
        for item in files.items(source, self._kind, self._rules.shape, reading, wish.chosen):
            outcome.read += 1
            self._take(item)
            if outcome.read % _TOLD_EVERY == 0:
                self._watch.moved("Reading", source.done())
        outcome.ignored = reading.ignored
        outcome.notes += open_data_uk.told(reading.left_out)
        self._drop_dangling()
        if not outcome.read:
            raise SourceError(f"{source.name} has no records")
        if not wish.limit.allows(outcome.refused, outcome.read):
            return outcome
        if wish.dry_run:
            self._count()
            return outcome
        self._fill()
        self._note_orphans()
        if outcome.added or outcome.changed or outcome.removed:
            self._switch()
        outcome.kept = True
        return outcome

    # Reading

    def _know(self) -> None:
        for rows in _pages(self._database, self._now_read):
            self._staging.know((row["code"], row["place_id"]) for row in rows)
        self._staging.index_known()

    def _take(self, item: Item) -> None:
        """Check a row, and keep it for now or refuse it."""
        record, faults, line = item.record, list(item.faults), b""
        terms, stamped, given = record.pop(TERMS, None), "last_updated" in record, record.get("location")
        if not (record or faults):
            faults = [wrong("", "ROW_BROKEN", "has nothing in it")]
        if record:
            self._rules.complete(record)
            self._identify(record)
            record.setdefault("last_updated", self._stamp)
            line = dumps(record)
            faults += islice(self._rules.faults(record, line, [fault.field for fault in faults]), _MOST_FAULTS)
            faults += _terms_faults(terms)
        if not faults:
            faults += self._stage(item.where, record, line, terms, given, stamped=stamped)
        if faults:
            self._refuse(item.where, record, faults[:_MOST_FAULTS])

    def _identify(self, record: Record) -> None:
        """Give a record that has none the identifier that its code has, or will have."""
        code = record.get(f"{self._thing}_code")
        if isinstance(code, str) and f"{self._thing}_id" not in record:
            known = self._staging.known_identifier(code) if code.isprintable() else None
            record[f"{self._thing}_id"] = known or derived(
                "brn" if self._thing == "branch" else "atm", self._thing, code
            )

    def _stage(
        self, where: str, record: Record, line: bytes, terms: str | None, given: Any, *, stamped: bool
    ) -> list[Refusal]:
        """Keep a record for now; where its code or identifier is somebody else's, say so instead.

        given: its location as the file has it.
        """
        spoken_of = spoken.words_of(record)
        called = {"cities": self._cities.of(record["postal_address"]), "terms": terms or "", "spoken": spoken_of}
        code, identifier = record[f"{self._thing}_code"], record[f"{self._thing}_id"]
        if unlike := self._staging.unlike(self._thing, code, identifier):
            return [unlike]
        row, keys = importing.prepared(importing.Place(identifier, code, record, "", called))
        del row["wire"]
        elsewhere = given if given.get("crs", datum.WGS84) != datum.WGS84 else None
        staged = Staged(
            where, code, identifier, stamped, line, marshal.dumps((row, terms is not None, keys, elsewhere))
        )
        self._staging.add(staged, [(name, record[name]) for name in _REFERENCES if name in record])
        return []

    def _refuse(self, where: str, record: Record, faults: Iterable[Refusal]) -> None:
        self._outcome.refused += 1
        code = record.get(f"{self._thing}_code")
        if isinstance(code, str) and code.isprintable():
            self._staging.refuse(code)
        place = _called(record, self._thing)
        for fault in faults:
            self._watch.refused(fault.of(where, place))

    def _drop_dangling(self) -> None:
        """Refuse rows that name a branch which will not be there, and then those that name one of these."""
        self._staging.index_names()
        while unknown := [target for target in self._staging.targets() if not self._will_be(target)]:
            for target in unknown:
                for where, code, field in self._staging.drop_naming(target):
                    fault = wrong(field, "REFERENCE_UNKNOWN", "names a branch that will not be there: bring it, too")
                    self._refuse(where, {f"{self._thing}_code": code}, [fault])

    def _will_be(self, branch_id: str) -> bool:
        """Tell whether a branch that the file does not have will be in the bank."""
        if self._thing == "atm":
            branches = directory.of(self._database, store.BRANCHES).places
            return self._database.read().one(branches.CODE_OF_ID, place_id=branch_id) is not None
        code = self._staging.known_code(branch_id)
        return code is not None and (not self._wish.replace or self._staging.is_refused(code))

    # Writing

    def _fill(self) -> None:
        """Fill the tables that nobody reads."""
        staging = self._staging
        with self._filling.act(self._scope) as tx:
            if not tx.run(store.CLAIM, kind=self._places.kind, by=self._mine):
                base = {"slot": self._slot, "version": self._before, "filled_by": self._mine}
                tx.run(store.INSERT_DATA, kind=self._places.kind, **base)
        self._clear()
        texts, facts, sets = array("q"), array("q"), Sets(staging)
        batch: list[dict[str, Any]] = []
        for number, kept in enumerate(self._merged()):
            batch.append({**kept.row, "number": number})
            sets.add(kept.keys, number)
            _move(texts, kept.old if kept.keeps_texts else None, number)
            _move(facts, kept.old if kept.keeps_facts else None, number)
            if len(batch) == _AT_ONCE:
                self._write(self._filled.INSERT, batch)
                self._watch.moved("Writing", number / max(1, staging.count))
                batch = []
            if len(self._gone) >= _AT_ONCE:
                self._write_gone()
        self._write(self._filled.INSERT, batch)
        self._write_gone()
        self._keep_gone()
        self._keep_sets(sets, texts, facts)
        self._write_sets(sets)

    def _count(self) -> None:
        for _ in self._merged():
            self._gone = []

    def _merged(self) -> Iterator[_Kept]:
        """Give what will be in the bank, in the order of the codes; count what becomes of it."""
        known, brought = self._known_rows(), self._staging.in_order()
        old, new = next(known, None), next(brought, None)
        while old is not None or new is not None:
            if new is None or (old is not None and old["code"] < new.code):
                assert old is not None
                kept = self._without(old)
                old = next(known, None)
            elif old is None or new.code < old["code"]:
                kept = self._added(new)
                new = next(brought, None)
            else:
                kept = self._again(old, new)
                old, new = next(known, None), next(brought, None)
            if kept is not None:
                self._outcome.total += 1
                yield kept

    def _known_rows(self) -> Iterator[Row]:
        for rows in _pages(self._database, self._now_read):
            yield from rows

    def _without(self, old: Row) -> _Kept | None:
        """Keep what the file does not have, unless it shall replace all; a row that was refused takes nothing away."""
        if self._wish.replace and not self._staging.is_refused(old["code"]):
            self._outcome.removed += 1
            self._gone.append({"place_id": old["place_id"], "code": old["code"], "gone_at": self._outcome.version})
            return None
        self._outcome.unchanged += 1
        return _as_it_was(old)

    def _added(self, new: Staged) -> _Kept:
        self._outcome.added += 1
        row, _, keys, _ = marshal.loads(new.marks)  # noqa: S302 - written by _stage
        return _Kept(self._row(new, row), None, keeps_texts=False, keeps_facts=False, keys=keys)

    def _again(self, old: Row, new: Staged) -> _Kept:
        """Take what the file says of a place that the bank has."""
        before, after = loads(bytes(old["wire"]).decode()), loads(new.body.decode())
        row, has_terms, keys, given = marshal.loads(new.marks)  # noqa: S302 - written by _stage
        if given is not None and before["location"] != after["location"] and _is_there(before["location"], given):
            after["location"] = before["location"]
            row |= {name: old[name] for name in ("latitude", "longitude")}
            new = new._replace(body=dumps(after))
        same = before == after or (not new.stamped and _facts(before) == _facts(after))
        if same and not has_terms:
            self._outcome.unchanged += 1
            return _as_it_was(old)
        self._outcome.changed += 1
        same_texts = not has_terms and all(before.get(name) == after.get(name) for name in _TEXTS)
        if same_texts:  # what it is found by was, perhaps, made with more than the file has
            keys = [key for key in keys if key[0] not in _TEXT_SETS]
        return _Kept(self._row(new, row), old["number"], keeps_texts=same_texts, keeps_facts=False, keys=keys)

    def _row(self, new: Staged, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "changed_at": self._outcome.version, "wire": new.body}

    def _note_orphans(self) -> None:
        """Say how many ATMs name branches that go: what becomes of them is the operator's to say."""
        if self._thing != "branch" or not self._outcome.removed:
            return
        reader, orphans = self._filling.read(), 0
        for rows in _pages(self._database, directory.of(self._database, store.ATMS).places):
            named = [loads(bytes(row["wire"]).decode()).get("branch_id") for row in rows]
            there = {one for one in set(named) - {None} if reader.one(self._filled.CODE_OF_ID, place_id=one)}
            orphans += sum(one is not None and one not in there for one in named)
        if orphans:
            self._outcome.notes.append(f"{orphans:,} ATMs name branches that are not there any more: import ATMs, too.")

    def _write_gone(self) -> None:
        self._write(self._filled.INSERT_GONE, self._gone)
        self._gone = []

    def _keep_gone(self) -> None:
        """Remember what went before, but for what has come back."""
        after = ""
        while rows := self._filling.read().all(self._now_read.GONE, after=after, count=_AT_ONCE):
            after = rows[-1]["place_id"]
            self._gone += [
                {name: row[name] for name in ("place_id", "code", "gone_at")}
                for row in rows
                if not self._staging.is_staged(row["place_id"])
            ]
            self._write_gone()

    def _keep_sets(self, sets: Sets, texts: array[int], facts: array[int]) -> None:
        """Put who is as before into the sets where it was, by its new number."""
        if not texts and not facts:
            return
        for row in self._old_sets():
            moved = texts if row["about"] in _TEXT_SETS else facts
            numbers = place_sets.numbers(place_sets.unpack(bytes(row["members"])))
            kept = [there for number in numbers if number < len(moved) and (there := moved[number]) >= 0]
            if kept:
                sets.extend((row["about"], row["value"], row["detail"]), kept)

    def _old_sets(self) -> Iterator[Row]:
        last = {"about": "", "value": "", "detail": ""}
        while rows := self._filling.read().all(self._now_read.SET_ROWS, count=_SETS_AT_ONCE, **last):
            yield from rows
            last = {name: rows[-1][name] for name in last}

    def _write_sets(self, sets: Sets) -> None:
        batch: list[dict[str, Any]] = []
        for (about, value, detail), numbers in sets.whole():
            batch.append({"about": about, "value": value, "detail": detail, "members": place_sets.pack(numbers)})
            if len(batch) == _SETS_AT_ONCE:
                self._write(self._filled.INSERT_SET, batch)
                batch = []
        self._write(self._filled.INSERT_SET, batch)

    def _clear(self) -> None:
        """Empty the tables that nobody reads, in pieces."""
        reader, after = self._filling.read(), -1
        while rows := reader.all(self._filled.NUMBERS, after=after, count=_AT_ONCE):
            after = rows[-1]["number"]
            with self._mine_still() as tx:
                tx.run(self._filled.CLEAR, below=after + 1)
        while rows := reader.all(self._filled.GONE, after="", count=_AT_ONCE):
            with self._mine_still() as tx:
                tx.run(self._filled.CLEAR_GONE, last=rows[-1]["place_id"])
        last = {"about": "", "value": "", "detail": ""}
        while rows := reader.all(self._filled.SET_KEYS, count=_SETS_AT_ONCE, **last):
            last = {name: rows[-1][name] for name in last}
            with self._mine_still() as tx:
                tx.run(self._filled.CLEAR_SETS, **last)

    def _write(self, statement: Statement, rows: list[dict[str, Any]]) -> None:
        if rows:
            with self._mine_still() as tx:
                tx.run_many(statement, rows)

    @contextmanager
    def _mine_still(self) -> Iterator[Tx]:
        """Open an act of the filling, and let others write after it.

        Raises:
            Overtaken: another import has begun.
        """
        with self._filling.act(self._scope) as tx:
            if not tx.run(store.STILL_MINE, kind=self._places.kind, by=self._mine):
                raise Overtaken("another import has begun meanwhile: nothing of this one is kept")
            yield tx
        self._filling.breathe()

    def _switch(self) -> None:
        """Let everybody read the new tables from now on, and have apps told; when this is done it is on disk, with all
        before it.
        """
        new = {"new_slot": 1 - self._slot, "new_version": self._outcome.version}
        with self._database.act(self._scope) as tx:
            if not tx.run(store.SWITCH, kind=self._places.kind, by=self._mine, **new):
                raise Overtaken("another import has begun meanwhile: nothing of this one is kept")
            type_ = announcements.BRANCHES if self._thing == "branch" else announcements.ATMS
            announcements.imported(self._bank, tx, type_, self._outcome, before=self._before)

    @property
    def _scope(self) -> str:
        return f"import:{self._places.kind}"


class _Cities:
    """What people call the city of an address."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._names = names

    def of(self, address: Mapping[str, Any]) -> list[str]:
        """Give the names."""
        town, adcode = str(address["town_name"]), str(address.get("adcode", ""))
        found = [town, town.removesuffix("市"), *filter(None, [spoken.run_together(town)])]
        for code in (adcode, f"{adcode[:4]}00", f"{adcode[:2]}0000" if adcode[:2] in _MUNICIPALITIES else ""):
            found += self._names.get(code, ())
        return list(dict.fromkeys(found))


_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})


def _pages(database: Database, places: Places) -> Iterator[list[Row]]:
    """Give all rows of a kind, some at a time."""
    after = -1
    while rows := database.read().all(places.ROWS, after=after, count=_AT_ONCE):
        yield rows
        after = rows[-1]["number"]


def _as_it_was(old: Row) -> _Kept:
    row = {name: old[name] for name in old.keys()}  # noqa: SIM118 - a row is no mapping
    return _Kept(row, old["number"], keeps_texts=True, keeps_facts=True, keys=[])


def _is_there(location: Record, given: Record) -> bool:
    """Tell whether a place goes out as a location that a file has in another datum."""
    here, there = (Point(one["latitude"], one["longitude"]) for one in (location, given))
    return datum.is_shown_as(here, there, given["crs"])


def _facts(record: Record) -> Record:
    return {name: value for name, value in record.items() if name != "last_updated"}


def _move(moved: array[int], old: int | None, new: int) -> None:
    """Note that somebody's number is another one now."""
    if old is not None:
        while len(moved) <= old:
            moved.append(-1)
        moved[old] = new


def _terms_faults(terms: object) -> list[Refusal]:
    if terms is None or (isinstance(terms, str) and len(terms) <= _LONGEST_TERMS and terms.isprintable()):
        return []
    return [wrong(TERMS, "FIELD_INVALID", f"must be words of at most {_LONGEST_TERMS} characters")]


def _called(record: Record, thing: str) -> str:
    """Say which place a row is about, as far as that can be shown."""
    for name in (f"{thing}_code", f"{thing}_id"):
        value = record.get(name)
        if isinstance(value, str) and value.isprintable():
            return value[:48]
    return "?"
