"""How an import is asked for, watched, and how it came out. The same for whatever is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from openteller_sandbox.imports.refusals import Refusal
from openteller_sandbox.imports.rows import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How many rows may be refused while the others are kept: a number, or a percentage of all."""

    rows: int = 0
    percent: float | None = None

    def allows(self, refused: int, read: int) -> bool:
        """Tell whether so many of the rows are not too many."""
        return refused <= (self.rows if self.percent is None else read * self.percent / 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the operator wants.

    replace: what the file does not have goes. dry_run: nothing is written. chosen: member to column. country: of rows
    that name none. hours: of places without any, as people write them.
    """

    format: Format | None = None
    replace: bool = False
    dry_run: bool = False
    limit: Limit = Limit()
    chosen: Mapping[str, str] = field(default_factory=dict)
    country: str | None = None
    timezone: str | None = None
    hours: str | None = None


@dataclass(slots=True)
class Watch:
    """Who hears of each refusal, and how far it is: what is done, and a fraction where that is known."""

    refused: Callable[[Refusal], None] = lambda _: None
    moved: Callable[[str, float | None], None] = lambda _what, _done: None


@dataclass(slots=True)
class Outcome:
    """What came of a file.

    read: rows. refused: those that were not taken. kept: whether the others are in the bank now. version: since when,
    bank time. ignored: columns that nothing was made of. notes: what the operator should know beside that.
    """

    read: int = 0
    refused: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    total: int = 0
    kept: bool = False
    version: int = 0
    format: Format | None = None
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
