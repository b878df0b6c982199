"""Consents name the account link that they end with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "account_link_consents",
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("account_link_id", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    with op.batch_alter_table("account_link_consents", schema=None) as batch_op:
        batch_op.create_index("account_link_consents_link", ["account_link_id"], unique=False)
        batch_op.create_index("account_link_consents_world", ["world_id"], unique=False)

    with op.batch_alter_table("account_links", schema=None) as batch_op:
        batch_op.add_column(sa.Column("consent_id", columns.string(), nullable=True))
