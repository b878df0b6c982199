"""The table of rate sheets: one row holds a whole sheet, because nearly every reader wants all of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    func,
    or_,
    select,
)

from openteller_sandbox.db import Insert, Statement, metadata

rate_sheets = Table(
    "rate_sheets",
    metadata,
    Column("rate_sheet_id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("effective_from", BigInteger, nullable=False),
    Column("published_at", BigInteger, nullable=False),
    # The first day on which its rows count as carried forward (ISO 8601), where that can be.
    Column("carried_from", String),
    Column("wire", Text, nullable=False),
    # What the rows can be filtered by, a JSON list for each row; and the rows themselves, a line each.
    Column("row_keys", Text, nullable=False),
    Column("row_lines", Text, nullable=False),
    UniqueConstraint("kind", "sequence"),
    Index("rate_sheets_effective", "kind", "effective_from"),
    Index("rate_sheets_order", "effective_from", "rate_sheet_id"),
    Index("rate_sheets_published", "published_at", "kind"),
)

_sheet = rate_sheets.c
_following = rate_sheets.alias("following")
_and_what_follows = rate_sheets.outerjoin(
    _following,
    and_(
        _following.c.kind == _sheet.kind,
        _following.c.sequence == _sheet.sequence + 1,
        _following.c.published_at <= bindparam("now"),
    ),
)
_since = (
    select(func.max(_following.c.effective_from))
    .where(_following.c.kind == bindparam("kind"), _following.c.effective_from <= bindparam("since"))
    .scalar_subquery()
)

INSERT = Insert(rate_sheets)
IN_FORCE = Statement(
    select(rate_sheets)
    .where(
        _sheet.kind == bindparam("kind"),
        _sheet.effective_from <= bindparam("until"),
        _sheet.effective_from >= func.coalesce(_since, bindparam("since")),
    )
    .order_by(_sheet.effective_from)
)
FIRST = Statement(
    select(func.min(_sheet.effective_from).label("effective_from")).where(_sheet.kind == bindparam("kind"))
)
FIND = Statement(
    select(rate_sheets, _following.c.effective_from.label("effective_to"), _following.c.published_at.label("ended_at"))
    .select_from(_and_what_follows)
    .where(_sheet.rate_sheet_id == bindparam("rate_sheet_id"), _sheet.published_at <= bindparam("now"))
)
PAGE = Statement(
    select(_sheet.wire, _sheet.published_at, _sheet.kind, _following.c.effective_from.label("effective_to"))
    .select_from(_and_what_follows)
    .where(
        _sheet.published_at <= bindparam("now"),
        or_(bindparam("kind") == "", _sheet.kind == bindparam("kind")),
        or_(
            _sheet.published_at < bindparam("published_at"),
            and_(_sheet.published_at == bindparam("published_at"), _sheet.kind > bindparam("after_kind")),
        ),
    )
    .order_by(_sheet.published_at.desc(), _sheet.kind)
    .limit(bindparam("count"))
)
LAST_PUBLISHED = Statement(
    select(func.max(_sheet.published_at).label("published_at")).where(
        _sheet.published_at <= bindparam("now"), or_(bindparam("kind") == "", _sheet.kind == bindparam("kind"))
    )
)
NEXT = Statement(
    select(_sheet.rate_sheet_id, _sheet.effective_from)
    .where(
        _sheet.effective_from >= bindparam("effective_from"),
        or_(_sheet.effective_from > bindparam("effective_from"), _sheet.rate_sheet_id > bindparam("rate_sheet_id")),
    )
    .order_by(_sheet.effective_from, _sheet.rate_sheet_id)
    .limit(1)
)
