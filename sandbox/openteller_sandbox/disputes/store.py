"""The table of disputes."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text, bindparam, delete, func, or_, select, update

from openteller_sandbox.db import Insert, Statement, metadata

disputes = Table(
    "disputes",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("dispute_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wire", Text, nullable=False),
    Index("disputes_app", "app_id", "seq"),
    Index("disputes_payment", "payment_id"),
    Index("disputes_world", "world_id"),
    sqlite_autoincrement=True,
)

INSERT = Insert(disputes, without=("seq",))
FIND = Statement(
    select(disputes.c.wire, disputes.c.payment_id).where(
        disputes.c.dispute_id == bindparam("dispute_id"), disputes.c.app_id == bindparam("app_id")
    )
)
BY_ID = Statement(select(disputes).where(disputes.c.dispute_id == bindparam("dispute_id")))
PAGE = Statement(
    select(disputes.c.seq, disputes.c.wire)
    .where(
        disputes.c.app_id == bindparam("app_id"),
        disputes.c.seq < bindparam("before"),
        or_(bindparam("status") == "", disputes.c.status == bindparam("status")),
        or_(bindparam("payment_id") == "", disputes.c.payment_id == bindparam("payment_id")),
    )
    .order_by(disputes.c.seq.desc())
    .limit(bindparam("count"))
)
OF_PAYMENT = Statement(
    select(func.count().label("count")).select_from(disputes).where(disputes.c.payment_id == bindparam("payment_id"))
)
DECIDE = Statement(
    update(disputes)
    .where(disputes.c.dispute_id == bindparam("i"), disputes.c.version == bindparam("seen"))
    .values(status=bindparam("to"), version=bindparam("v"), wire=bindparam("w"))
)
RESET = Statement(delete(disputes).where(disputes.c.world_id == bindparam("world_id")))
