"""From one page to the next."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from openteller.errors import BrokenAnswer

__all__ = ["PageModel", "following"]


class _Links(Protocol):
    @property
    def next(self) -> str | None: ...


class PageModel(Protocol):
    """A page, as the contract has it: rows and where to go on."""

    @property
    def data(self) -> tuple[Any, ...]:
        """The rows."""

    @property
    def links(self) -> _Links:
        """Where the next page is."""


def following(
    name: str, page: PageModel, query: Mapping[str, object], used: Collection[object]
) -> dict[str, object] | None:
    """Give the query of the next page; None after the last one.

    Only the cursor is taken from ``links.next``: wherever the link points, the token goes to the client's own bank.

    Raises:
        BrokenAnswer: the link has no cursor, or one that was used before: the list would never end.
    """
    link = page.links.next
    if link is None:
        return None
    cursors = _cursors(link)
    if len(cursors) != 1 or cursors[0] in used:
        text = f"{name}: the next page cannot be found: links.next has no new cursor"
        raise BrokenAnswer(text, retryable="never")
    return {**query, "after": cursors[0]}


def _cursors(link: str) -> list[str]:
    try:
        return parse_qs(urlsplit(link).query).get("after", [])
    except ValueError:  # no URL at all
        return []
