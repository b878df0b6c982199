"""Reminders of bills of saved accounts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "reminders",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("reminder_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("saved_biller_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("bill_key", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("due_on", columns.string(), nullable=False),
        sa.Column("due_told", columns.integer(), nullable=False),
        sa.Column("remind_at", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", columns.string(), nullable=True),
        sa.Column("stated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("reminder_id"),
        sa.UniqueConstraint("saved_biller_id", "bill_key", name="reminders_bill"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("reminders", schema=None) as batch_op:
        batch_op.create_index("reminders_customer", ["world_id", "customer_id"], unique=False)
        batch_op.create_index("reminders_of_bill", ["world_id", "bill_key"], unique=False)
        batch_op.create_index("reminders_payment", ["payment_id"], unique=False)
