"""The shapes in which a history goes out beside pages of JSON: as lines, and as a table. Each has the whole range."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator

__all__ = ["lines", "table"]

_COLUMNS = (
    "base",
    "date",
    "unit",
    "quote",
    "tt_buy",
    "notes_buy",
    "tt_sell",
    "notes_sell",
    "middle",
    "reference_date",
    "published_at",
    "sequence",
    "indicative",
    "is_carried_forward",
    "rate_sheet_id",
)
_PERIOD = ("group", "from", "to", "days", "first", "highest", "lowest", "average")


def lines(pages: Iterable[list[str]]) -> Iterator[bytes]:
    """Give a line for each row; nothing for a page without rows."""
    for rows in pages:
        if rows:
            yield "".join(f"{row}\n" for row in rows).encode()


def table(pages: Iterable[list[str]], *, grouped: bool) -> Iterator[bytes]:
    """Give the rows as CSV (RFC 4180), the names of the columns first; grouped: with those of the periods."""
    yield _written([[*_COLUMNS, *(f"period_{name}" for name in _PERIOD if grouped)]])
    for rows in pages:
        if rows:
            yield _written(_cells(json.loads(row), grouped=grouped) for row in rows)


def _cells(row: dict[str, object], *, grouped: bool) -> list[str]:
    """No cell has a text of a person: none needs to be kept from being taken for a formula."""
    period = row.get("period", {}) if grouped else {}
    assert isinstance(period, dict)
    return [_cell(row.get(name)) for name in _COLUMNS] + [_cell(period.get(name)) for name in _PERIOD if grouped]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _written(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
