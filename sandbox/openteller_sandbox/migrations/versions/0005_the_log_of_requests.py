"""The log of requests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "request_log",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("request_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("operation_id", columns.string(), nullable=False),
        sa.Column("method", columns.string(), nullable=False),
        sa.Column("path", columns.string(), nullable=False),
        sa.Column("status", columns.integer(), nullable=False),
        sa.Column("code", columns.string(), nullable=True),
        sa.Column("duration_ms", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("bank_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    with op.batch_alter_table("request_log", schema=None) as batch_op:
        batch_op.create_index("request_log_world", ["world_id", "received_at", "seq"], unique=False)
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE request_log SET UNLOGGED")
