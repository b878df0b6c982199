"""Who has asked about which account, and who has paid it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "fetch_asks",
        sa.Column("bill_fetch_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("end_user_ref", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_on", columns.string(), nullable=False),
        sa.Column("is_new", columns.integer(), nullable=False),
        sa.Column("missed", columns.integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("bill_fetch_id"),
    )
    with op.batch_alter_table("fetch_asks", schema=None) as batch_op:
        batch_op.create_index("fetch_asks_account", ["world_id", "account_digest", "asked_on"], unique=False)
        batch_op.create_index("fetch_asks_asker", ["world_id", "app_id", "end_user_ref", "asked_on"], unique=False)
        batch_op.create_index("fetch_asks_latest", ["world_id", "app_id", "asked_at"], unique=False)

    op.create_table(
        "fetch_suspensions",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reason", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "app_id", "since"),
    )
    op.create_table(
        "payer_accounts",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("first_on", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "customer_id", "account_digest"),
    )
    with op.batch_alter_table("payer_accounts", schema=None) as batch_op:
        batch_op.create_index("payer_accounts_account", ["world_id", "account_digest", "first_on"], unique=False)

    op.create_table(
        "payer_days",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("day", columns.string(), nullable=False),
        sa.Column("paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("new_accounts", columns.integer(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "customer_id", "day"),
    )
