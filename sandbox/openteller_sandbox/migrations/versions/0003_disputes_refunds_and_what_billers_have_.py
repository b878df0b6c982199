"""Disputes, refunds, and what billers have taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "disputes",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("dispute_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("dispute_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("disputes", schema=None) as batch_op:
        batch_op.create_index("disputes_app", ["app_id", "seq"], unique=False)
        batch_op.create_index("disputes_payment", ["payment_id"], unique=False)
        batch_op.create_index("disputes_world", ["world_id"], unique=False)

    op.create_table(
        "refunds",
        sa.Column("refund_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("partner_id", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("returned_on", columns.string(), nullable=True),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("refund_id"),
    )
    with op.batch_alter_table("refunds", schema=None) as batch_op:
        batch_op.create_index("refunds_day", ["world_id", "returned_on"], unique=False)

    with op.batch_alter_table("biller_postings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scenario", columns.string(), nullable=True))
        batch_op.add_column(sa.Column("times", columns.integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("taken_back", columns.integer(), nullable=False, server_default="0"))
    with op.batch_alter_table(
        "biller_postings", schema=None
    ) as batch_op:  # the values were for the rows that are there
        batch_op.alter_column("times", server_default=None)
        batch_op.alter_column("taken_back", server_default=None)

    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sent_on", columns.string(), nullable=True))
        batch_op.add_column(sa.Column("open_dispute", columns.string(), nullable=True))
        batch_op.drop_index(batch_op.f("payments_world"))
        batch_op.create_index("payments_world", ["world_id", "sent_on"], unique=False)
