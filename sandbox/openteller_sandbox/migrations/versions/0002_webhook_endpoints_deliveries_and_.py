"""Webhook endpoints, deliveries and attempts; the outbox that nobody read goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "webhook_endpoints",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("webhook_endpoint_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("url", columns.text(), nullable=False),
        sa.Column("event_types", columns.text(), nullable=False),
        sa.Column("description", columns.string(), nullable=True),
        sa.Column("enabled", columns.integer(), nullable=False),
        sa.Column("disabled_reason", columns.string(), nullable=True),
        sa.Column("secret", columns.string(), nullable=False),
        sa.Column("private_key", columns.string(), nullable=True),
        sa.Column("previous_secret", columns.string(), nullable=True),
        sa.Column("previous_private_key", columns.string(), nullable=True),
        sa.Column("previous_expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("webhook_endpoint_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("webhook_endpoints", schema=None) as batch_op:
        batch_op.create_index("webhook_endpoints_app", ["app_id", "seq"], unique=False)
        batch_op.create_index("webhook_endpoints_world", ["world_id"], unique=False)

    op.create_table(
        "webhook_deliveries",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("webhook_delivery_id", columns.string(), nullable=False),
        sa.Column("webhook_endpoint_id", columns.string(), nullable=False),
        sa.Column("event_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("event_type", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("step", columns.integer(), nullable=False),
        sa.Column("attempt_count", columns.integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease", columns.string(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["webhook_endpoint_id"], ["webhook_endpoints.webhook_endpoint_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("webhook_delivery_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("webhook_deliveries", schema=None) as batch_op:
        batch_op.create_index("webhook_deliveries_app", ["app_id", "seq"], unique=False)
        batch_op.create_index("webhook_deliveries_due", ["webhook_endpoint_id", "due_at"], unique=False)
        batch_op.create_index("webhook_deliveries_event", ["event_id"], unique=False)
        batch_op.create_index("webhook_deliveries_world", ["world_id", "due_at"], unique=False)

    op.create_table(
        "webhook_attempts",
        sa.Column("webhook_delivery_id", columns.string(), nullable=False),
        sa.Column("number", columns.integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", columns.string(), nullable=False),
        sa.Column("status_code", columns.integer(), nullable=True),
        sa.Column("duration_ms", columns.integer(), nullable=False),
        sa.Column("answer_excerpt", columns.text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_delivery_id"], ["webhook_deliveries.webhook_delivery_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("webhook_delivery_id", "number"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("outbox_due"))

    op.drop_table("outbox")
