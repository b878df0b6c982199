"""The table of reminders. No account or bill number is in it: ``bill_key`` is a digest, and the record is masked."""

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
    bindparam,
    delete,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, metadata
from openteller_sandbox.reminders.model import CLOSED

reminders = Table(
    "reminders",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("reminder_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("saved_biller_id", String, nullable=False),
    Column("biller_id", String, nullable=False),
    Column("bill_key", String, nullable=False),
    Column("status", String, nullable=False),
    Column("due_on", String, nullable=False),
    Column("due_told", Integer, nullable=False),
    Column("remind_at", BigInteger),
    Column("payment_id", String),
    Column("stated_at", BigInteger, nullable=False),  # when the biller stated the bill for the last time
    Column("updated_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("wire", Text, nullable=False),
    UniqueConstraint("saved_biller_id", "bill_key", name="reminders_bill"),
    Index("reminders_customer", "world_id", "customer_id"),
    Index("reminders_of_bill", "world_id", "bill_key"),
    Index("reminders_payment", "payment_id"),
    sqlite_autoincrement=True,
)

_ID = reminders.c.reminder_id == bindparam("reminder_id")
_OWN = (reminders.c.app_id == bindparam("app_id"), reminders.c.customer_id == bindparam("customer_id"))
_OF_WORLD = reminders.c.world_id == bindparam("world_id")
_OF_SAVED = reminders.c.saved_biller_id == bindparam("saved_biller_id")

INSERT = Insert(reminders, without=("seq",))
BY_ID = Statement(select(reminders).where(_ID))
FIND = Statement(select(reminders).where(_ID, *_OWN))
PAGE = Statement(
    select(reminders)
    .where(
        *_OWN,
        reminders.c.seq < bindparam("before"),
        or_(bindparam("status") == "", reminders.c.status == bindparam("status")),
        or_(bindparam("saved_biller_id") == "", _OF_SAVED),
    )
    .order_by(reminders.c.seq.desc())
    .limit(bindparam("count"))
)
OF_CUSTOMER = Statement(
    select(reminders)
    .where(_OF_WORLD, reminders.c.customer_id == bindparam("customer_id"))
    .order_by(reminders.c.seq.desc())
)
OF_SAVED = Statement(select(reminders).where(_OF_SAVED).order_by(reminders.c.seq))
OF_BILL = Statement(select(reminders).where(_OF_WORLD, reminders.c.bill_key == bindparam("bill_key")))
OF_PAYMENT = Statement(select(reminders).where(reminders.c.payment_id == bindparam("payment_id")))
ANY = Statement(select(reminders.c.reminder_id).where(_OF_WORLD).limit(1))
CHANGE = Statement(
    update(reminders)
    .where(reminders.c.reminder_id == bindparam("r"), reminders.c.version == bindparam("was"))
    .values(
        status=bindparam("to_status"),
        due_told=bindparam("to_due_told"),
        remind_at=bindparam("to_remind_at"),
        payment_id=bindparam("to_payment_id"),
        updated_at=bindparam("to_updated_at"),
        version=bindparam("to_version"),
        wire=bindparam("to_wire"),
    )
)
"""Changes a reminder that nobody has changed since it was read."""
STATED = Statement(update(reminders).where(reminders.c.reminder_id == bindparam("r")).values(stated_at=bindparam("at")))
FORGET_OLD = Statement(
    delete(reminders).where(
        _OF_SAVED,
        or_(*(reminders.c.status == status.value for status in sorted(CLOSED))),
        reminders.c.stated_at < bindparam("before"),
        reminders.c.updated_at < bindparam("before"),
    )
)
FORGET = Statement(delete(reminders).where(_OF_SAVED))
RESET = Statement(delete(reminders).where(_OF_WORLD))
