"""The types of columns as revisions name them, which are what ``db.statements`` makes of the stores' types."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine


def integer() -> TypeEngine[Any]:
    """Give a number of 64 bits on either engine; one that counts by itself on SQLite, too."""
    return sa.Integer().with_variant(sa.BigInteger(), "postgresql")


def string() -> TypeEngine[Any]:
    """Give a short text that is sorted by code point."""
    return sa.String().with_variant(sa.String(collation="C"), "postgresql")


def text() -> TypeEngine[Any]:
    """Give a long text that is sorted by code point."""
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def name_of(type_: object) -> str | None:
    """Give what to write for a type of a store, None where Alembic's own way is right."""
    if isinstance(type_, sa.BigInteger):
        return None
    names = {sa.Integer: "integer", sa.Text: "text", sa.String: "string"}
    found = next((name for known, name in names.items() if isinstance(type_, known)), None)
    return f"columns.{found}()" if found else None
