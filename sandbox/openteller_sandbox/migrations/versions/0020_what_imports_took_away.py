"""What imports took away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "atms_2_gone",
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id"),
    )
    with op.batch_alter_table("atms_2_gone", schema=None) as batch_op:
        batch_op.create_index("atms_2_gone_since", ["gone_at", "place_id"], unique=False)

    op.create_table(
        "atms_gone",
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id"),
    )
    with op.batch_alter_table("atms_gone", schema=None) as batch_op:
        batch_op.create_index("atms_gone_since", ["gone_at", "place_id"], unique=False)

    op.create_table(
        "branches_2_gone",
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id"),
    )
    with op.batch_alter_table("branches_2_gone", schema=None) as batch_op:
        batch_op.create_index("branches_2_gone_since", ["gone_at", "place_id"], unique=False)

    op.create_table(
        "branches_gone",
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place_id"),
    )
    with op.batch_alter_table("branches_gone", schema=None) as batch_op:
        batch_op.create_index("branches_gone_since", ["gone_at", "place_id"], unique=False)
