"""Consents, authorization requests, devices, codes and refresh tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "oauth_codes",
        sa.Column("code_hash", columns.string(), nullable=False),
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("family_id", columns.string(), nullable=False),
        sa.Column("redirect_uri", columns.string(), nullable=False),
        sa.Column("code_challenge", columns.string(), nullable=False),
        sa.Column("jkt", columns.string(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("code_hash"),
    )
    with op.batch_alter_table("oauth_codes", schema=None) as batch_op:
        batch_op.create_index("oauth_codes_expiry", ["kept_until"], unique=False)

    op.create_table(
        "oauth_devices",
        sa.Column("device_hash", columns.string(), nullable=False),
        sa.Column("request_hash", columns.string(), nullable=False),
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("consent_id", columns.string(), nullable=True),
        sa.Column("family_id", columns.string(), nullable=False),
        sa.Column("interval_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("device_hash"),
        sa.UniqueConstraint("request_hash"),
    )
    with op.batch_alter_table("oauth_devices", schema=None) as batch_op:
        batch_op.create_index("oauth_devices_expiry", ["expires_at"], unique=False)

    op.create_table(
        "oauth_interactions",
        sa.Column("interaction_id", columns.string(), nullable=False),
        sa.Column("cookie_hash", columns.string(), nullable=False),
        sa.Column("request_hash", columns.string(), nullable=False),
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("csrf", columns.string(), nullable=False),
        sa.Column("locale", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=True),
        sa.Column("notice", columns.string(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("interaction_id"),
    )
    with op.batch_alter_table("oauth_interactions", schema=None) as batch_op:
        batch_op.create_index("oauth_interactions_expiry", ["expires_at"], unique=False)
        batch_op.create_index("oauth_interactions_world", ["world_id"], unique=False)

    op.create_table(
        "oauth_requests",
        sa.Column("request_hash", columns.string(), nullable=False),
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("parameters", columns.text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("kept_until", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("request_hash"),
    )
    with op.batch_alter_table("oauth_requests", schema=None) as batch_op:
        batch_op.create_index("oauth_requests_expiry", ["kept_until"], unique=False)

    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", columns.string(), nullable=False),
        sa.Column("client_id", columns.string(), nullable=False),
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("family_id", columns.string(), nullable=False),
        sa.Column("jkt", columns.string(), nullable=True),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("rotated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.create_index("refresh_tokens_client", ["client_id"], unique=False)
        batch_op.create_index("refresh_tokens_expiry", ["expires_at"], unique=False)
        batch_op.create_index("refresh_tokens_family", ["family_id"], unique=False)

    op.create_table(
        "consents",
        sa.Column("consent_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("scope", columns.string(), nullable=False),
        sa.Column("details", columns.text(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("version", columns.integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("consent_id"),
    )
    with op.batch_alter_table("consents", schema=None) as batch_op:
        batch_op.create_index("consents_app", ["app_id"], unique=False)
        batch_op.create_index("consents_customer", ["world_id", "customer_id"], unique=False)

    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("consent_id", columns.string(), nullable=True))
        batch_op.add_column(sa.Column("family_id", columns.string(), nullable=True))
        batch_op.create_index("access_tokens_family", ["family_id"], unique=False)
