"""Why a row of a file is not taken, in words that say what to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


class SourceError(Exception):
    """The file cannot be read, or not any further; the message names the place. Nothing of it is imported."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that is wrong with one row.

    where: the row, as ``line 17`` or a JSON pointer. place: what the row is about, by its code or identifier, as far as
    that could be read. field: where in the record, dotted, in the contract's names. code: for machines.
    """

    where: str
    place: str
    field: str
    code: str
    message: str

    def of(self, where: str, place: str) -> Refusal:
        """Give the same of a row."""
        return replace(self, where=where, place=place)


def wrong(field: str, code: str, message: str) -> Refusal:
    """Make a refusal before it is known of which row."""
    return Refusal("", "", field, code, message)


@dataclass(frozen=True, slots=True)
class Item:
    """A record of a file, or why it is none.

    where: as in ``Refusal``. record: in the contract's shape as far as the file has it. faults: what was wrong already
    when it was read.
    """

    where: str
    record: dict[str, Any]
    faults: tuple[Refusal, ...] = ()
