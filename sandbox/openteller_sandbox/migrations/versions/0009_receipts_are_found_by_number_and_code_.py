"""Receipts are found by number and code or by QR code, and are printed."""

from __future__ import annotations

import json
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "receipt_guesses",
        sa.Column("number_hash", columns.string(), nullable=False),
        sa.Column("wrong", columns.integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number_hash"),
    )
    with op.batch_alter_table("receipt_guesses", schema=None) as batch_op:
        batch_op.create_index("receipt_guesses_age", ["since"], unique=False)

    op.create_table(
        "receipt_prints",
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("edition", columns.string(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", columns.integer(), nullable=False),
        sa.Column("lease", columns.string(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("pdf", columns.text(), nullable=True),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    with op.batch_alter_table("receipt_prints", schema=None) as batch_op:
        batch_op.create_index("receipt_prints_age", ["asked_at"], unique=False)
        batch_op.create_index("receipt_prints_world", ["world_id"], unique=False)

    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("check_digest", columns.string(), nullable=True))
        batch_op.add_column(sa.Column("compact_digest", columns.string(), nullable=True))
    _fill_in()
    with op.batch_alter_table("receipts", schema=None) as batch_op:
        batch_op.alter_column("check_digest", existing_type=columns.string(), nullable=False)
        batch_op.create_index("receipts_numbers", ["check_digest"], unique=True)
        batch_op.create_index("receipts_compact", ["compact_digest"], unique=True)


def _fill_in() -> None:
    """Let the receipts that are there be found by number and code."""
    receipts = sa.table("receipts", sa.column("receipt_id"), sa.column("wire"), sa.column("check_digest"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(receipts.c.receipt_id, receipts.c.wire)).all():
        wire = json.loads(row.wire)
        numbers = f"{wire['receipt_number']}:{wire['verification_code']}".replace("-", "")
        connection.execute(
            sa.update(receipts)
            .where(receipts.c.receipt_id == row.receipt_id)
            .values(check_digest=sha256(numbers.encode()).hexdigest())
        )
