"""The tables of payments, contexts, receipts and refunds, and of what payers have paid in a day.
``choice`` holds account numbers: it never leaves the bank.
"""

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
    func,
    null,
    or_,
    select,
    update,
)

from openteller_sandbox.db import Insert, Statement, insert_or_ignore, metadata

payments = Table(
    "payments",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("payment_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("partner_reference", String, nullable=False),
    Column("status", String, nullable=False),
    Column("debit_status", String, nullable=False),
    Column("posting_status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("link_code", String, nullable=False, unique=True),
    Column("code4", String, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("customer_id", String),
    Column("biller_id", String),
    Column("amount_minor", BigInteger),
    Column("sent_on", String),
    Column("open_dispute", String),
    Column("choice", Text, nullable=False),
    Column("wire", Text, nullable=False),
    UniqueConstraint("partner_id", "partner_reference", name="payments_reference"),
    Index("payments_app", "app_id", "seq"),
    Index("payments_world", "world_id", "sent_on"),
    Index("payments_customer", "world_id", "customer_id", "seq"),
    sqlite_autoincrement=True,
)
payment_contexts = Table(
    "payment_contexts",
    metadata,
    Column("payment_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("context", Text, nullable=False),
)
receipts = Table(
    "receipts",
    metadata,
    Column("receipt_id", String, primary_key=True),
    Column("payment_id", String, nullable=False, unique=True),
    Column("world_id", String, nullable=False),
    Column("check_digest", String, nullable=False),
    Column("compact_digest", String),
    Column("wire", Text, nullable=False),
    Index("receipts_numbers", "check_digest", unique=True),
    Index("receipts_compact", "compact_digest", unique=True),
)
refunds = Table(
    "refunds",
    metadata,
    Column("refund_id", String, primary_key=True),
    Column("world_id", String, nullable=False),
    Column("app_id", String, nullable=False),
    Column("partner_id", String, nullable=False),
    Column("payment_id", String, nullable=False),
    Column("returned_on", String),
    Column("version", Integer, nullable=False),
    Column("wire", Text, nullable=False),
    Index("refunds_day", "world_id", "returned_on"),
)
reconciliations = Table(
    "reconciliations",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("business_date", String, primary_key=True),
    Column("biller_id", String, primary_key=True),
    Column("run_at", BigInteger, nullable=False),
    Column("status", String, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("matched_minor", BigInteger, nullable=False),
    Column("differences", Text, nullable=False),
)
payer_days = Table(
    "payer_days",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("customer_id", String, primary_key=True),
    Column("day", String, primary_key=True),
    Column("paid_minor", BigInteger, nullable=False),
    Column("new_accounts", Integer, nullable=False),
)
payer_accounts = Table(
    "payer_accounts",
    metadata,
    Column("world_id", String, primary_key=True),
    Column("customer_id", String, primary_key=True),
    Column("account_digest", String, primary_key=True),
    Column("first_on", String, nullable=False),
    Index("payer_accounts_account", "world_id", "account_digest", "first_on"),
)

INSERT = Insert(payments, without=("seq",))
FIND = Statement(
    select(payments).where(payments.c.payment_id == bindparam("payment_id"), payments.c.app_id == bindparam("app_id"))
)
BY_ID = Statement(select(payments).where(payments.c.payment_id == bindparam("payment_id")))
BY_CODE = Statement(select(payments).where(payments.c.link_code == bindparam("link_code")))
BY_REFERENCE = Statement(
    select(payments.c.payment_id, payments.c.app_id).where(
        payments.c.partner_id == bindparam("partner_id"), payments.c.partner_reference == bindparam("partner_reference")
    )
)
PAGE = Statement(
    select(payments)
    .where(
        payments.c.app_id == bindparam("app_id"),
        payments.c.seq < bindparam("before"),
        or_(bindparam("status") == "", payments.c.status == bindparam("status")),
        or_(bindparam("partner_reference") == "", payments.c.partner_reference == bindparam("partner_reference")),
        or_(bindparam("customer_id") == "", payments.c.customer_id == bindparam("customer_id")),
    )
    .order_by(payments.c.seq.desc())
    .limit(bindparam("count"))
)
_earlier = select(payments.c.seq).where(payments.c.payment_id == bindparam("before"))
PAGE_OF_CUSTOMER = Statement(
    select(payments)
    .where(
        payments.c.world_id == bindparam("world_id"),
        payments.c.customer_id == bindparam("customer_id"),
        or_(bindparam("before") == "", payments.c.seq < _earlier.scalar_subquery()),
        payments.c.debit_status != "NOT_STARTED",
    )
    .order_by(payments.c.seq.desc())
    .limit(bindparam("count"))
)
MOVE = Statement(
    update(payments)
    .where(payments.c.payment_id == bindparam("p"), payments.c.version == bindparam("seen"))
    .values(
        status=bindparam("to"),
        debit_status=bindparam("debit"),
        posting_status=bindparam("posting"),
        version=bindparam("v"),
        customer_id=bindparam("customer"),
        sent_on=bindparam("sent"),
        biller_id=bindparam("biller"),
        amount_minor=bindparam("minor"),
        choice=bindparam("chosen"),
        wire=bindparam("w"),
    )
)
FORGET_CHOICE = Statement(
    update(payments).where(payments.c.payment_id == bindparam("p")).values(choice=bindparam("chosen"))
)
OPEN_DISPUTE = Statement(
    update(payments)
    .where(payments.c.payment_id == bindparam("p"), payments.c.open_dispute.is_(None))
    .values(open_dispute=bindparam("d"))
)
CLOSE_DISPUTE = Statement(update(payments).where(payments.c.payment_id == bindparam("p")).values(open_dispute=null()))
DISPUTE_OF = Statement(select(payments.c.open_dispute).where(payments.c.payment_id == bindparam("payment_id")))
COUNT = Statement(select(func.count().label("count")).where(payments.c.world_id == bindparam("world_id")))
INSERT_CONTEXT = Insert(payment_contexts)
FORGET_CONTEXT = Statement(delete(payment_contexts).where(payment_contexts.c.payment_id == bindparam("payment_id")))
INSERT_RECEIPT = Insert(receipts)
FIND_RECEIPT = Statement(select(receipts).where(receipts.c.payment_id == bindparam("payment_id")))
RECEIPT_BY_NUMBERS = Statement(select(receipts.c.wire).where(receipts.c.check_digest == bindparam("digest")))
RECEIPT_BY_COMPACT = Statement(select(receipts.c.wire).where(receipts.c.compact_digest == bindparam("digest")))
INSERT_REFUND = Insert(refunds)
FIND_REFUND = Statement(
    select(refunds.c.wire, refunds.c.payment_id).where(
        refunds.c.refund_id == bindparam("refund_id"), refunds.c.app_id == bindparam("app_id")
    )
)
REFUND_BY_ID = Statement(select(refunds).where(refunds.c.refund_id == bindparam("refund_id")))
SET_REFUND = Statement(
    update(refunds)
    .where(refunds.c.refund_id == bindparam("r"))
    .values(version=bindparam("v"), returned_on=bindparam("on"), wire=bindparam("w"))
)
SENT_TO = Statement(
    select(
        payments.c.payment_id,
        payments.c.status,
        payments.c.amount_minor,
        payments.c.wire.contains('"DOUBLE_POSTING"').label("doubled"),
    )
    .where(
        payments.c.world_id == bindparam("world_id"),
        payments.c.sent_on == bindparam("sent_on"),
        payments.c.biller_id == bindparam("biller_id"),
    )
    .order_by(payments.c.seq)
)
BILLERS_PAID = Statement(
    select(payments.c.biller_id)
    .where(
        payments.c.world_id == bindparam("world_id"),
        payments.c.sent_on >= bindparam("since"),
        payments.c.sent_on <= bindparam("until"),
        payments.c.biller_id.is_not(None),
    )
    .distinct()
    .order_by(payments.c.biller_id)
)
_RECONCILIATION = (
    reconciliations.c.world_id == bindparam("world_id"),
    reconciliations.c.business_date == bindparam("business_date"),
)
KEEP_RECONCILIATION = Insert(reconciliations)
FORGET_RECONCILIATION = Statement(
    delete(reconciliations).where(*_RECONCILIATION, reconciliations.c.biller_id == bindparam("biller_id"))
)
RECONCILIATIONS = Statement(select(reconciliations).where(*_RECONCILIATION).order_by(reconciliations.c.biller_id))
_OF_PAYER = (payer_days.c.world_id == bindparam("world_id"), payer_days.c.customer_id == bindparam("customer_id"))
BEGIN_DAY = insert_or_ignore(payer_days)
NEW_ACCOUNTS = Statement(
    select(payer_days.c.day, payer_days.c.new_accounts)
    .where(*_OF_PAYER, payer_days.c.day > bindparam("since"), payer_days.c.new_accounts > 0)
    .order_by(payer_days.c.day)
)
PAID_ON = Statement(select(payer_days.c.paid_minor).where(*_OF_PAYER, payer_days.c.day == bindparam("day")))
_THAT_DAY = (
    payer_days.c.world_id == bindparam("w"),
    payer_days.c.customer_id == bindparam("c"),
    payer_days.c.day == bindparam("d"),
)
COUNT_PAID = Statement(
    update(payer_days)
    .where(*_THAT_DAY, payer_days.c.paid_minor + bindparam("minor") <= bindparam("most"))
    .values(
        paid_minor=payer_days.c.paid_minor + bindparam("minor"),
        new_accounts=payer_days.c.new_accounts + bindparam("new"),
    )
)
COUNT_RETURNED = Statement(
    update(payer_days).where(*_THAT_DAY).values(paid_minor=payer_days.c.paid_minor - bindparam("minor"))
)
PAID_BEFORE = Statement(
    select(payer_accounts.c.first_on).where(
        payer_accounts.c.world_id == bindparam("world_id"),
        payer_accounts.c.customer_id == bindparam("customer_id"),
        payer_accounts.c.account_digest == bindparam("account_digest"),
    )
)
NEW_PAYERS = Statement(
    select(payer_accounts.c.first_on)
    .where(
        payer_accounts.c.world_id == bindparam("world_id"),
        payer_accounts.c.account_digest == bindparam("account_digest"),
        payer_accounts.c.first_on > bindparam("since"),
    )
    .order_by(payer_accounts.c.first_on)
)
KNOW_ACCOUNT = insert_or_ignore(payer_accounts)
RESET = [
    Statement(delete(table).where(table.c.world_id == bindparam("world_id")))
    for table in (
        payments,
        payment_contexts,
        receipts,
        refunds,
        reconciliations,
        payer_days,
        payer_accounts,
    )
]
