"""Account links and visits at their pages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "account_link_visits",
        sa.Column("visit_hash", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("account_link_id", columns.string(), nullable=False),
        sa.Column("csrf", columns.string(), nullable=False),
        sa.Column("locale", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=True),
        sa.Column("notice", columns.string(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("visit_hash"),
    )
    with op.batch_alter_table("account_link_visits", schema=None) as batch_op:
        batch_op.create_index("account_link_visits_expiry", ["expires_at"], unique=False)
        batch_op.create_index("account_link_visits_world", ["world_id"], unique=False)

    op.create_table(
        "account_links",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("account_link_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("channel", columns.string(), nullable=False),
        sa.Column("actor_hash", columns.string(), nullable=True),
        sa.Column("actor_masked", columns.string(), nullable=True),
        sa.Column("token_hash", columns.string(), nullable=False),
        sa.Column("nonce_hash", columns.string(), nullable=True),
        sa.Column("wrong_nonces", columns.integer(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=True),
        sa.Column("return_url", columns.string(), nullable=True),
        sa.Column("locale", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("account_link_id"),
        sa.UniqueConstraint("app_id", "channel", "actor_hash", name="account_links_actor"),
        sa.UniqueConstraint("token_hash"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("account_links", schema=None) as batch_op:
        batch_op.create_index("account_links_app", ["app_id", "seq"], unique=False)
        batch_op.create_index("account_links_customer", ["world_id", "customer_id"], unique=False)
        batch_op.create_index("account_links_nonce", ["app_id", "nonce_hash"], unique=False)
