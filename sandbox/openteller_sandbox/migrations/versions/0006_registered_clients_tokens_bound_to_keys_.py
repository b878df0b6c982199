"""Registered clients, tokens bound to keys, and what may be used once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "oauth_replays",
        sa.Column("key_hash", columns.string(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_hash"),
    )
    with op.batch_alter_table("oauth_replays", schema=None) as batch_op:
        batch_op.create_index("oauth_replays_expiry", ["expires_at"], unique=False)

    op.create_table(
        "oauth_clients",
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("profile", columns.string(), nullable=False),
        sa.Column("method", columns.string(), nullable=False),
        sa.Column("grants", columns.text(), nullable=False),
        sa.Column("redirect_uris", columns.text(), nullable=False),
        sa.Column("jwks", columns.text(), nullable=False),
        sa.Column("settings", columns.text(), nullable=False),
        sa.Column("registration_hash", columns.string(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("client_id"),
    )
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("jkt", columns.string(), nullable=True))
        batch_op.create_index("access_tokens_app", ["app_id"], unique=False)
