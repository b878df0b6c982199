"""Branches and ATMs have their tables twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "atms_2",
        sa.Column("number", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", columns.text(), nullable=True),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("place_id"),
    )
    with op.batch_alter_table("atms_2", schema=None) as batch_op:
        batch_op.create_index("atms_2_changed", ["changed_at"], unique=False)

    op.create_table(
        "atms_2_sets",
        sa.Column("about", columns.string(), nullable=False),
        sa.Column("value", columns.string(), nullable=False),
        sa.Column("detail", columns.text(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("about", "value", "detail"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "branches_2",
        sa.Column("number", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", columns.text(), nullable=True),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("place_id"),
    )
    with op.batch_alter_table("branches_2", schema=None) as batch_op:
        batch_op.create_index("branches_2_changed", ["changed_at"], unique=False)

    op.create_table(
        "branches_2_sets",
        sa.Column("about", columns.string(), nullable=False),
        sa.Column("value", columns.string(), nullable=False),
        sa.Column("detail", columns.text(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("about", "value", "detail"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "place_data",
        sa.Column("kind", columns.string(), nullable=False),
        sa.Column("slot", columns.integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("filled_by", columns.string(), nullable=True),
        sa.PrimaryKeyConstraint("kind"),
    )
