"""Rate sheets: proving without asking that nothing in them was changed, and what was known when.

::

    from openteller import rates

    sheets = client.rates.sheets.list(kind="FX", rows=True, limit=100)
    chain = rates.verify_chain(sheets)
    print(chain.last, chain.head)  # note the head: later it shows that the sheets up to it were not changed
    chain.sheet_at(as_of, known_at=then)

Everything here is computation: nothing is sent, read or waited for. Each sheet has the hash of the one before it, so
that a hash which was noted at some time vouches for all that had been published by then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from openteller.errors import BrokenChain, ConfigurationError

if TYPE_CHECKING:
    from openteller.models import RateSheet

__all__ = ["VerifiedChain", "VerifiedSheet", "verify_chain"]

Sheets: TypeAlias = "Iterable[RateSheet | Mapping[str, Any]]"

ROWS: Final = {"DEPOSIT": "deposit_rates", "LOAN": "loan_rates", "FX": "fx_quotes"}
"""In which member the rows of a kind are."""
SHEET_COMPUTED: Final = frozenset({"effective_to", "corrected_by", *ROWS.values()})
ROW_COMPUTED: Final = frozenset({"date", "is_carried_forward", "period"})
"""What the bank adds to a record when it answers, and no hash is over (``x-computed`` in the contract)."""
_NEEDED: Final = {"rate_sheet_id": str, "kind": str, "sequence": int, "hash": str}


@dataclass(frozen=True, slots=True)
class VerifiedSheet:
    """A sheet of a chain that holds together.

    Attributes:
        rate_sheet_id: which one.
        sequence: its place.
        effective_from: from when it holds.
        published_at: when it was made known.
        supersedes: the sheet whose place it takes; None on the first.
        is_correction: whether that was a wrong one, of the same time.
        hash: note it to prove later what had been published by then.
        rows: its rates, as JSON, as they were published.
    """

    rate_sheet_id: str
    sequence: int
    effective_from: datetime
    published_at: datetime
    supersedes: str | None
    is_correction: bool
    hash: str
    rows: tuple[Mapping[str, Any], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """Sheets of a kind that follow each other without a gap, and were not changed since they were published.

    Attributes:
        kind: ``DEPOSIT``, ``LOAN`` or ``FX``.
        sheets: in the order in which they were published.
    """

    kind: str
    sheets: tuple[VerifiedSheet, ...] = field(repr=False)

    @property
    def first(self) -> int:
        """The sequence of the first sheet; 1 where nothing before it is missing."""
        return self.sheets[0].sequence

    @property
    def last(self) -> int:
        """The sequence of the last sheet."""
        return self.sheets[-1].sequence

    @property
    def head(self) -> str:
        """The hash of the last sheet, which vouches for all of them."""
        return self.sheets[-1].hash

    def sheet_at(self, as_of: datetime, *, known_at: datetime | None = None) -> VerifiedSheet | None:
        """Give the sheet that held at an instant, by what had been published by another; None before the first.

        Args:
            as_of: with an offset.
            known_at: likewise; what was published later does not count. All sheets count unless told.
        """
        for instant in (as_of, known_at):
            if instant is not None and instant.tzinfo is None:
                raise ConfigurationError("an instant needs an offset: datetime(…, tzinfo=…)")
        able = [
            sheet
            for sheet in self.sheets
            if sheet.effective_from <= as_of and (known_at is None or sheet.published_at <= known_at)
        ]
        return max(able, key=lambda sheet: (sheet.effective_from, sheet.sequence), default=None)


def verify_chain(sheets: Sheets, *, noted: Iterable[str] = ()) -> VerifiedChain:
    """Make sure that sheets are as they were published, and none between them is missing.

    Args:
        sheets: of one kind, each with its rows, in any order: what ``client.rates.sheets.list(kind=…, rows=True)``
            gives, or that as JSON, parsed.
        noted: hashes that you have noted of this kind; each must be there. Without them it is shown that the sheets fit
            each other; with them, that they are those of that time.

    Raises:
        BrokenChain: something was changed or is missing; ``rate_sheet_id`` and ``reason`` say where and what.
        ConfigurationError: there are no sheets, of two kinds, or without their rows.
    """
    plain = sorted(map(_plain, sheets), key=lambda sheet: sheet["sequence"])
    if not plain:
        raise ConfigurationError("there are no sheets to verify")
    kind = plain[0]["kind"]
    if kind not in ROWS or any(sheet["kind"] != kind for sheet in plain):
        raise ConfigurationError("a chain is of one kind: DEPOSIT, LOAN or FX")
    verified: list[VerifiedSheet] = []
    for sheet in plain:
        found = _verified(sheet, kind)
        _check_follows(sheet, found, verified)
        verified.append(found)
    missing = set(noted) - {sheet.hash for sheet in verified}
    if missing:
        raise BrokenChain(f"no sheet has the noted hash {min(missing)}: what it was of was changed", reason="noted")
    return VerifiedChain(kind, tuple(verified))


def _plain(sheet: Any) -> Mapping[str, Any]:
    plain = sheet.to_dict() if hasattr(sheet, "to_dict") else sheet
    if not isinstance(plain, Mapping) or not all(isinstance(plain.get(name), form) for name, form in _NEEDED.items()):
        raise ConfigurationError("a sheet is a record of client.rates.sheets, or its JSON, parsed")
    return plain


def _verified(sheet: Mapping[str, Any], kind: str) -> VerifiedSheet:
    """Hold a sheet to its own hash."""
    rows = sheet.get(ROWS[kind])
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise ConfigurationError(f"{sheet['rate_sheet_id']} has no rows: list the sheets with rows=True")
    facts = {name: value for name, value in sheet.items() if name not in SHEET_COMPUTED}
    published = [{name: value for name, value in row.items() if name not in ROW_COMPUTED} for row in rows]
    hashed = {name: value for name, value in facts.items() if name != "hash"}
    try:
        text = "\n".join(map(_canonical, [hashed, *published])).encode()
        found = VerifiedSheet(
            rate_sheet_id=sheet["rate_sheet_id"],
            sequence=sheet["sequence"],
            effective_from=_instant(facts["effective_from"]),
            published_at=_instant(facts["published_at"]),
            supersedes=facts.get("supersedes"),
            is_correction="correction" in facts,
            hash=sheet["hash"],
            rows=tuple(published),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise _broken(sheet, "form", "it holds what no sheet holds") from error
    if hashlib.sha256(text).hexdigest() != found.hash:
        raise _broken(sheet, "hash", "it does not have the hash that it says: something in it was changed")
    return found


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset")
    return moment


def _check_follows(sheet: Mapping[str, Any], found: VerifiedSheet, before: list[VerifiedSheet]) -> None:
    if not before:
        if found.sequence == 1 and "previous_hash" in sheet:
            raise _broken(sheet, "link", "it is the first, and names a hash before it")
        return
    last = before[-1]
    if found.sequence == last.sequence:
        raise _broken(sheet, "gap", f"its place, {found.sequence}, is taken twice")
    if found.sequence != last.sequence + 1:
        raise _broken(sheet, "gap", f"between {last.sequence} and {found.sequence} sheets are missing")
    if sheet.get("previous_hash") != last.hash:
        raise _broken(sheet, "link", f"it follows another sheet than {last.rate_sheet_id}")
    if found.published_at <= last.published_at:
        raise _broken(sheet, "time", "it was published before the one before it")


def _broken(sheet: Mapping[str, Any], reason: str, what: str) -> BrokenChain:
    return BrokenChain(f"{sheet['rate_sheet_id']}: {what}", reason=reason, rate_sheet_id=sheet["rate_sheet_id"])


def _canonical(record: Mapping[str, Any]) -> str:
    """Give the RFC 8785 form; what a sheet holds is made of texts, whole numbers and truths, under ASCII names."""
    _check_plain(record)
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _check_plain(value: Any) -> None:
    if isinstance(value, Mapping):
        for name, member in value.items():
            if not (isinstance(name, str) and name.isascii()):
                raise TypeError
            _check_plain(member)
    elif isinstance(value, list):
        for member in value:
            _check_plain(member)
    elif not isinstance(value, str | int):
        raise TypeError
