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
    # When it begins to count: published and in effect.
    Column("holds_from", BigInteger, nullable=False),
    # The sheet that it corrects.
    Column("corrects", String),
    UniqueConstraint("kind", "sequence"),
    Index("rate_sheets_corrects", "corrects", unique=True),
    Index("rate_sheets_effective", "kind", "effective_from", "published_at"),
    Index("rate_sheets_order", "holds_from", "rate_sheet_id"),
    Index("rate_sheets_published", "published_at", "kind"),
)

_sheet = rate_sheets.c
_following = rate_sheets.alias("following")
_later = rate_sheets.alias("later")
_correction = rate_sheets.alias("correction")
# Ordered and limited instead of by min() and max(): so both engines stop at the first row of the index that will do.
_next = (
    select(_later.c.rate_sheet_id)
    .where(
        _later.c.kind == _sheet.kind,
        _later.c.effective_from > _sheet.effective_from,
        _later.c.published_at <= bindparam("known_at"),
    )
    .order_by(_later.c.effective_from, _later.c.published_at)
    .limit(1)
    .correlate(rate_sheets)
    .scalar_subquery()
)
_and_what_follows = rate_sheets.outerjoin(_following, _following.c.rate_sheet_id == _next).outerjoin(
    _correction,
    and_(_correction.c.corrects == _sheet.rate_sheet_id, _correction.c.published_at <= bindparam("known_at")),
)
_standing = (
    _following.c.effective_from.label("effective_to"),
    _following.c.published_at.label("ended_at"),
    _correction.c.rate_sheet_id.label("corrected_by"),
    _correction.c.published_at.label("corrected_at"),
)
_since = (
    select(_later.c.effective_from)
    .where(
        _later.c.kind == bindparam("kind"),
        _later.c.effective_from <= bindparam("since"),
        _later.c.published_at <= bindparam("known_at"),
    )
    .order_by(_later.c.effective_from.desc())
    .limit(1)
    .scalar_subquery()
)

INSERT = Insert(rate_sheets)
_OF_KIND = select(rate_sheets).where(_sheet.kind == bindparam("kind"))
ALL_OF = Statement(_OF_KIND.order_by(_sheet.sequence))
LAST_OF = Statement(_OF_KIND.order_by(_sheet.sequence.desc()).limit(1))
COUNT = Statement(select(func.count().label("count")).select_from(rate_sheets).where(_sheet.kind == bindparam("kind")))
# By publication, which is the order of sequences and, unlike those, in the index: nothing has to be sorted.
IN_FORCE = Statement(
    select(rate_sheets)
    .where(
        _sheet.kind == bindparam("kind"),
        _sheet.effective_from <= bindparam("until"),
        _sheet.effective_from >= func.coalesce(_since, bindparam("since")),
        _sheet.published_at <= bindparam("known_at"),
    )
    .order_by(_sheet.effective_from, _sheet.published_at)
)
# Of each day of the bank's calendar the last that took effect: whoever asks for days needs no other.
_DAY_MS, _ZONE_MS = 86_400_000, 28_800_000  # Asia/Shanghai is eight hours ahead, in summer too, since 1991
_by_day = (
    select(
        _sheet.rate_sheet_id,
        func.row_number()
        .over(
            partition_by=(_sheet.effective_from + _ZONE_MS) // _DAY_MS,
            order_by=(_sheet.effective_from.desc(), _sheet.published_at.desc()),
        )
        .label("place"),
    )
    .where(
        _sheet.kind == bindparam("kind"),
        _sheet.effective_from <= bindparam("until"),
        _sheet.effective_from >= func.coalesce(_since, bindparam("since")),
        _sheet.published_at <= bindparam("known_at"),
    )
    .subquery()
)
LAST_OF_DAYS = Statement(
    select(rate_sheets)
    .join(_by_day, _by_day.c.rate_sheet_id == _sheet.rate_sheet_id)
    .where(_by_day.c.place == 1)
    .order_by(_sheet.effective_from, _sheet.published_at)
)
FIRST = Statement(
    select(_sheet.effective_from, _sheet.published_at).where(_sheet.kind == bindparam("kind"), _sheet.sequence == 1)
)
FIND = Statement(
    select(rate_sheets, *_standing)
    .select_from(_and_what_follows)
    .where(_sheet.rate_sheet_id == bindparam("rate_sheet_id"), _sheet.published_at <= bindparam("known_at"))
)
_page = (
    select(_sheet.rate_sheet_id, _sheet.kind, _sheet.published_at, _sheet.wire, *_standing)
    .select_from(_and_what_follows)
    .where(
        _sheet.published_at <= bindparam("known_at"),
        or_(bindparam("kind") == "", _sheet.kind == bindparam("kind")),
        or_(
            _sheet.published_at < bindparam("published_at"),
            and_(_sheet.published_at == bindparam("published_at"), _sheet.kind > bindparam("after_kind")),
        ),
    )
    .order_by(_sheet.published_at.desc(), _sheet.kind)
    .limit(bindparam("count"))
)
PAGE = Statement(_page)
PAGE_WITH_ROWS = Statement(
    _page.add_columns(
        *(column for column in _sheet if column.name not in {"rate_sheet_id", "kind", "published_at", "wire"})
    )
)
LAST_PUBLISHED = Statement(
    select(func.max(_sheet.published_at).label("published_at")).where(
        _sheet.published_at <= bindparam("known_at"), or_(bindparam("kind") == "", _sheet.kind == bindparam("kind"))
    )
)
NEXT = Statement(
    select(_sheet.rate_sheet_id, _sheet.holds_from)
    .where(
        _sheet.holds_from >= bindparam("holds_from"),
        or_(_sheet.holds_from > bindparam("holds_from"), _sheet.rate_sheet_id > bindparam("rate_sheet_id")),
    )
    .order_by(_sheet.holds_from, _sheet.rate_sheet_id)
    .limit(1)
)
