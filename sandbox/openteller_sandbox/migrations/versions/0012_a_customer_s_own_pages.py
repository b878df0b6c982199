"""A customer's own pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "customer_sessions",
        sa.Column("session_hash", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash"),
    )
    with op.batch_alter_table("customer_sessions", schema=None) as batch_op:
        batch_op.create_index("customer_sessions_expiry", ["expires_at"], unique=False)
        batch_op.create_index("customer_sessions_world", ["world_id"], unique=False)

    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("payments_customer", ["world_id", "customer_id", "seq"], unique=False)
