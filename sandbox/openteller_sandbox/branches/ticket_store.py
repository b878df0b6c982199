"""The table of tickets. It holds no name, and of a user only what the app calls it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table, Text, bindparam, delete, func, select, update

from openteller_sandbox.db import Insert, Statement, metadata

tickets = Table(
    "tickets",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("ticket_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    # The app's name for its user, or the customer's with the partner.
    Column("holder", String, nullable=False),
    Column("branch_id", String, nullable=False),
    Column("branch_code", String, nullable=False),
    Column("hours", Text, nullable=False),
    # The local day, by the instant at which the branch opens; how many of its own numbers are before this one.
    Column("opened_at", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("call_at", BigInteger, nullable=False),
    Column("cancelled_at", BigInteger),
    Column("wire", Text, nullable=False),
    Index("tickets_branch", "world_id", "branch_id", "call_at"),
    Index("tickets_holder", "world_id", "app_id", "holder", "created_at"),
    sqlite_autoincrement=True,
)

_T = tickets.c
_WAITS = (_T.call_at > bindparam("now"), _T.cancelled_at.is_(None))
_OF_BRANCH = (_T.world_id == bindparam("world_id"), _T.branch_id == bindparam("branch_id"))
_OF_HOLDER = (_T.world_id == bindparam("world_id"), _T.app_id == bindparam("app_id"), _T.holder == bindparam("holder"))
_COUNT = func.count().label("count")
INSERT = Insert(tickets, without=("seq",))
FIND = Statement(
    select(tickets).where(
        _T.ticket_id == bindparam("ticket_id"), _T.world_id == bindparam("world_id"), _T.app_id == bindparam("app_id")
    )
)
WAITING_OF_HOLDER = Statement(select(_T.ticket_id, _T.branch_id).where(*_OF_HOLDER, *_WAITS).order_by(_T.seq))
DRAWN_SINCE = Statement(select(_COUNT).where(*_OF_HOLDER, _T.created_at > bindparam("since")))
WAITING_OF_APP = Statement(select(_COUNT).where(*_OF_BRANCH, *_WAITS, _T.app_id == bindparam("app_id")))
DRAWN_OF_DAY = Statement(select(_COUNT).where(*_OF_BRANCH, _T.opened_at == bindparam("opened_at")))
LAST_OF_DAY = Statement(
    select(_T.wire).where(*_OF_BRANCH, _T.opened_at >= bindparam("begins")).order_by(_T.seq.desc()).limit(1)
)
BEFORE = Statement(select(_COUNT).where(*_OF_BRANCH, *_WAITS, _T.seq < bindparam("seq")))
LAST_CALL = Statement(
    select(func.max(_T.call_at).label("call_at")).where(*_OF_BRANCH, *_WAITS, _T.seq < bindparam("seq"))
)
CANCEL = Statement(
    update(tickets)
    .where(_T.ticket_id == bindparam("which"), _T.cancelled_at.is_(None))
    .values(cancelled_at=bindparam("at"))
)
FORGET = Statement(delete(tickets).where(_T.world_id == bindparam("world_id"), _T.call_at < bindparam("before")))
RESET = Statement(delete(tickets).where(_T.world_id == bindparam("world_id")))
BRANCHES = Statement(select(_T.branch_id).where(_T.world_id == bindparam("world_id")).distinct())
