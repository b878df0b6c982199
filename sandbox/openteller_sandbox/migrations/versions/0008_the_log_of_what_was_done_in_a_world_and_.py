"""The log of what was done in a world, and which browser a session is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "deeds",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("number", columns.integer(), nullable=False),
        sa.Column("wall_at", sa.BigInteger(), nullable=False),
        sa.Column("base_ms", sa.BigInteger(), nullable=False),
        sa.Column("bank_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("name", columns.string(), nullable=False),
        sa.Column("salt", columns.string(), nullable=False),
        sa.Column("details", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "number"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("page_sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("browser", columns.string(), nullable=True))
