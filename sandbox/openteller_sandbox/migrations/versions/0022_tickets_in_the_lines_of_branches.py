"""Tickets in the lines of branches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "tickets",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("ticket_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("holder", columns.string(), nullable=False),
        sa.Column("branch_id", columns.string(), nullable=False),
        sa.Column("branch_code", columns.string(), nullable=False),
        sa.Column("hours", columns.text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("place", columns.integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("call_at", sa.BigInteger(), nullable=False),
        sa.Column("cancelled_at", sa.BigInteger(), nullable=True),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("ticket_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tickets", schema=None) as batch_op:
        batch_op.create_index("tickets_branch", ["world_id", "branch_id", "call_at"], unique=False)
        batch_op.create_index("tickets_holder", ["world_id", "app_id", "holder", "created_at"], unique=False)
