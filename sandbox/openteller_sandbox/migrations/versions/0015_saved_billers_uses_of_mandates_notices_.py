"""Saved billers, uses of mandates, notices to customers, and when a consent was given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None
# When it was in bank time, as the clocks stand now.
_GIVEN_AT = (
    "UPDATE consents SET given_at = created_at"
    " + COALESCE((SELECT offset_ms FROM worlds WHERE worlds.world_id = consents.world_id), 0)"
    " + COALESCE((SELECT CAST(value AS BIGINT) FROM bank_facts WHERE name = 'base_offset_ms'), 0)"
)


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "customer_notices",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("notice_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("kind", columns.string(), nullable=False),
        sa.Column("facts", columns.text(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("notice_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("customer_notices", schema=None) as batch_op:
        batch_op.create_index("customer_notices_customer", ["world_id", "customer_id", "seq"], unique=False)

    op.create_table(
        "mandate_uses",
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("mandate", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("number", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("saved_biller_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("used_on", columns.string(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consent_id", "mandate", "number"),
        sa.UniqueConstraint("payment_id"),
    )
    with op.batch_alter_table("mandate_uses", schema=None) as batch_op:
        batch_op.create_index("mandate_uses_customer", ["world_id", "customer_id", "used_at"], unique=False)

    op.create_table(
        "saved_billers",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("saved_biller_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("inputs", columns.text(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("app_id", "customer_id", "biller_id", "account_digest", name="saved_billers_account"),
        sa.UniqueConstraint("saved_biller_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("saved_billers", schema=None) as batch_op:
        batch_op.create_index("saved_billers_customer", ["world_id", "customer_id"], unique=False)

    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.add_column(sa.Column("given_at", sa.BigInteger(), nullable=True))
    op.execute(_GIVEN_AT)
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.alter_column("given_at", existing_type=sa.BigInteger(), nullable=False)
        batch_op.drop_index(batch_op.f("consents_app"))
        batch_op.create_index("consents_app", ["app_id", "created_at"], unique=False)
