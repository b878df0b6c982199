"""What was sent to whom, and the day's reconciliation."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "reconciliations",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("business_date", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("matched", columns.integer(), nullable=False),
        sa.Column("matched_minor", sa.BigInteger(), nullable=False),
        sa.Column("differences", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "business_date", "biller_id"),
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.add_column(sa.Column("biller_id", columns.string(), nullable=True))
        batch_op.add_column(sa.Column("amount_minor", sa.BigInteger(), nullable=True))
