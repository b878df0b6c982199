"""Statements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "statement_rows",
        sa.Column("statement_id", columns.string(), nullable=False),
        sa.Column("position", columns.integer(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("statement_id", "position"),
    )
    with op.batch_alter_table("statement_rows", schema=None) as batch_op:
        batch_op.create_index("statement_rows_world", ["world_id"], unique=False)

    op.create_table(
        "statements",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("statement_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("partner_id", columns.string(), nullable=False),
        sa.Column("business_date", columns.string(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.Column("csv", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("statement_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("statements", schema=None) as batch_op:
        batch_op.create_index("statements_day", ["world_id", "partner_id", "business_date", "version"], unique=True)
        batch_op.create_index("statements_partner", ["world_id", "partner_id", "seq"], unique=False)

    with op.batch_alter_table("ledger_lines", schema=None) as batch_op:
        batch_op.create_index("ledger_lines_day", ["world_id", "business_date"], unique=False)
