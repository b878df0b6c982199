"""Consents wake in wall time, and extensions of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "consent_extensions",
        sa.Column("extension_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("consent_expires_at", sa.BigInteger(), nullable=False),
        sa.Column("return_url", columns.string(), nullable=True),
        sa.Column("locale", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("status_reason", columns.string(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("extension_id"),
    )
    with op.batch_alter_table("consent_extensions", schema=None) as batch_op:
        batch_op.create_index("consent_extensions_consent", ["consent_id"], unique=False)
        batch_op.create_index("consent_extensions_customer", ["world_id", "customer_id"], unique=False)

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wakes_at", sa.BigInteger(), nullable=True))
        batch_op.create_index("consents_waking", ["wakes_at"], unique=False)
    # As many milliseconds before their end as the bank has told of it since.
    op.execute("UPDATE consents SET wakes_at = expires_at - 604800000 WHERE status = 'ACTIVE'")
