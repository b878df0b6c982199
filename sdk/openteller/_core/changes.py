"""What has changed since an instant, as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

__all__ = ["Changes", "together"]

R = TypeVar("R")
G = TypeVar("G")
R_co = TypeVar("R_co", covariant=True)
G_co = TypeVar("G_co", covariant=True)


class ChangesPage(Protocol[R_co, G_co]):
    """A page of a list that was asked what has changed."""

    @property
    def data(self) -> tuple[R_co, ...]: ...
    @property
    def removed(self) -> tuple[G_co, ...] | None: ...
    @property
    def next_changed_since(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Generic[R, G]):
    """All that has changed since an instant, up to one moment.

    Attributes:
        changed: what is new or other than before, as it is now.
        removed: what the bank does not list any more.
        next_changed_since: what to ask with next; keep it with the copy, once the copy has all of this.
    """

    changed: tuple[R, ...]
    removed: tuple[G, ...]
    next_changed_since: datetime


def together(pages: Sequence[ChangesPage[R, G]], since: datetime) -> Changes[R, G]:
    """Put all pages of what has changed since an instant together."""
    return Changes(
        changed=tuple(row for page in pages for row in page.data),
        removed=tuple(row for page in pages for row in page.removed or ()),
        next_changed_since=pages[-1].next_changed_since or since,
    )
