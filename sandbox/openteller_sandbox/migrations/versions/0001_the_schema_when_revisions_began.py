"""The schema when revisions began."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    op.create_table(
        "atms",
        sa.Column("number", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", columns.text(), nullable=True),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("place_id"),
    )
    with op.batch_alter_table("atms", schema=None) as batch_op:
        batch_op.create_index("atms_changed", ["changed_at"], unique=False)

    op.create_table(
        "atms_sets",
        sa.Column("about", columns.string(), nullable=False),
        sa.Column("value", columns.string(), nullable=False),
        sa.Column("detail", columns.text(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("about", "value", "detail"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bank_facts",
        sa.Column("name", columns.string(), nullable=False),
        sa.Column("value", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "bill_fetches",
        sa.Column("bill_fetch_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("end_user_ref", columns.string(), nullable=False),
        sa.Column("inputs", columns.text(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("bill_fetch_id"),
    )
    with op.batch_alter_table("bill_fetches", schema=None) as batch_op:
        batch_op.create_index("bill_fetches_world", ["world_id"], unique=False)

    op.create_table(
        "bill_locks",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("bill_number", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "biller_id", "account_digest", "bill_number"),
    )
    with op.batch_alter_table("bill_locks", schema=None) as batch_op:
        batch_op.create_index("bill_locks_payment", ["payment_id"], unique=False)

    op.create_table(
        "biller_categories",
        sa.Column("position", columns.integer(), nullable=False),
        sa.Column("category_code", columns.string(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sa.UniqueConstraint("category_code"),
    )
    op.create_table(
        "biller_postings",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("posting_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("amounts", columns.text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("state", columns.string(), nullable=False),
        sa.Column("reference", columns.string(), nullable=False),
        sa.Column("asked", columns.integer(), nullable=False),
        sa.Column("posted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "posting_id"),
    )
    with op.batch_alter_table("biller_postings", schema=None) as batch_op:
        batch_op.create_index("biller_postings_account", ["world_id", "biller_id", "account_digest"], unique=False)

    op.create_table(
        "biller_words",
        sa.Column("word", columns.string(), nullable=False),
        sa.Column("category_code", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("word", "category_code"),
    )
    op.create_table(
        "billers",
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("biller_code", columns.string(), nullable=False),
        sa.Column("category_code", columns.string(), nullable=False),
        sa.Column("serves", columns.string(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("search_text", columns.text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("biller_id"),
        sa.UniqueConstraint("biller_code"),
    )
    with op.batch_alter_table("billers", schema=None) as batch_op:
        batch_op.create_index("billers_category", ["category_code", "biller_code"], unique=False)
        batch_op.create_index("billers_updated", ["updated_at"], unique=False)

    op.create_table(
        "bills",
        sa.Column("bill_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("bill_fetch_id", columns.string(), nullable=False),
        sa.Column("biller_id", columns.string(), nullable=False),
        sa.Column("account_digest", columns.string(), nullable=False),
        sa.Column("bill_number", columns.string(), nullable=False),
        sa.Column("position", columns.integer(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=False),
        sa.Column("facts", columns.text(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("bill_id"),
    )
    with op.batch_alter_table("bills", schema=None) as batch_op:
        batch_op.create_index("bills_fetch", ["bill_fetch_id", "position"], unique=False)
        batch_op.create_index("bills_number", ["world_id", "biller_id", "account_digest", "bill_number"], unique=False)

    op.create_table(
        "branches",
        sa.Column("number", columns.integer(), autoincrement=False, nullable=False),
        sa.Column("place_id", columns.string(), nullable=False),
        sa.Column("code", columns.string(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("hours", columns.text(), nullable=True),
        sa.Column("wire", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("code"),
        sa.UniqueConstraint("place_id"),
    )
    with op.batch_alter_table("branches", schema=None) as batch_op:
        batch_op.create_index("branches_changed", ["changed_at"], unique=False)

    op.create_table(
        "branches_sets",
        sa.Column("about", columns.string(), nullable=False),
        sa.Column("value", columns.string(), nullable=False),
        sa.Column("detail", columns.text(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("about", "value", "detail"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "customer_accounts",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=False),
        sa.Column("currency", columns.string(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "customer_id"),
    )
    op.create_table(
        "division_words",
        sa.Column("word", columns.string(), nullable=False),
        sa.Column("adcode", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("word", "adcode"),
    )
    op.create_table(
        "divisions",
        sa.Column("adcode", columns.string(), nullable=False),
        sa.Column("name", columns.string(), nullable=False),
        sa.Column("name_en", columns.string(), nullable=False),
        sa.Column("is_city", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("adcode"),
    )
    op.create_table(
        "due_acts",
        sa.Column("due_id", columns.integer(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("kind", columns.string(), nullable=False),
        sa.Column("subject", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("due_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("due_acts", schema=None) as batch_op:
        batch_op.create_index("due_acts_subject", ["world_id", "subject", "kind"], unique=False)
        batch_op.create_index("due_acts_time", ["world_id", "due_at", "due_id"], unique=False)

    op.create_table(
        "events",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("event_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("type", columns.string(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("event_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("events", schema=None) as batch_op:
        batch_op.create_index("events_app", ["app_id", "seq"], unique=False)

    op.create_table(
        "failed_sign_ins",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("number_hash", columns.string(), nullable=False),
        sa.Column("failures", columns.integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "number_hash"),
    )
    op.create_table(
        "faults",
        sa.Column("fault_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("ordinal", columns.integer(), nullable=False),
        sa.Column("operation_id", columns.string(), nullable=True),
        sa.Column("path", columns.string(), nullable=True),
        sa.Column("leg", columns.string(), nullable=True),
        sa.Column("biller_id", columns.string(), nullable=True),
        sa.Column("payment_id", columns.string(), nullable=True),
        sa.Column("code", columns.string(), nullable=True),
        sa.Column("status", columns.integer(), nullable=True),
        sa.Column("delay_ms", columns.integer(), nullable=False),
        sa.Column("drop", columns.string(), nullable=True),
        sa.Column("times_left", columns.integer(), nullable=True),
        sa.Column("probability", columns.string(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("draws", columns.integer(), nullable=False),
        sa.Column("hits", columns.integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fault_id"),
    )
    with op.batch_alter_table("faults", schema=None) as batch_op:
        batch_op.create_index("faults_world", ["world_id", "ordinal"], unique=False)

    op.create_table(
        "idempotency_keys",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("key", columns.string(), nullable=False),
        sa.Column("fingerprint", columns.string(), nullable=False),
        sa.Column("resource_id", columns.string(), nullable=False),
        sa.Column("status", columns.integer(), nullable=False),
        sa.Column("location", columns.string(), nullable=True),
        sa.Column("body", columns.text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("world_id", "app_id", "key"),
    )
    with op.batch_alter_table("idempotency_keys", schema=None) as batch_op:
        batch_op.create_index("idempotency_keys_resource", ["world_id", "resource_id"], unique=False)

    op.create_table(
        "ledger_lines",
        sa.Column("line_id", columns.integer(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("entry_id", columns.string(), nullable=False),
        sa.Column("account", columns.string(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", columns.string(), nullable=False),
        sa.Column("reason", columns.string(), nullable=False),
        sa.Column("subject", columns.string(), nullable=False),
        sa.Column("booked_at", sa.BigInteger(), nullable=False),
        sa.Column("business_date", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("line_id"),
    )
    with op.batch_alter_table("ledger_lines", schema=None) as batch_op:
        batch_op.create_index("ledger_lines_account", ["world_id", "account"], unique=False)
        batch_op.create_index("ledger_lines_subject", ["world_id", "subject"], unique=False)

    op.create_table(
        "page_sessions",
        sa.Column("session_hash", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("csrf", columns.string(), nullable=False),
        sa.Column("locale", columns.string(), nullable=False),
        sa.Column("category_code", columns.string(), nullable=True),
        sa.Column("adcode", columns.string(), nullable=True),
        sa.Column("choice", columns.text(), nullable=False),
        sa.Column("digits", columns.integer(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=True),
        sa.Column("attempt_id", columns.string(), nullable=True),
        sa.Column("notice", columns.string(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("session_hash"),
    )
    with op.batch_alter_table("page_sessions", schema=None) as batch_op:
        batch_op.create_index("page_sessions_expiry", ["expires_at"], unique=False)
        batch_op.create_index("page_sessions_world", ["world_id"], unique=False)

    op.create_table(
        "payment_contexts",
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("context", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("payment_id"),
    )
    op.create_table(
        "payments",
        sa.Column("seq", columns.integer(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("partner_id", columns.string(), nullable=False),
        sa.Column("partner_reference", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("debit_status", columns.string(), nullable=False),
        sa.Column("posting_status", columns.string(), nullable=False),
        sa.Column("version", columns.integer(), nullable=False),
        sa.Column("link_code", columns.string(), nullable=False),
        sa.Column("code4", columns.string(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", columns.string(), nullable=True),
        sa.Column("choice", columns.text(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("link_code"),
        sa.UniqueConstraint("partner_id", "partner_reference", name="payments_reference"),
        sa.UniqueConstraint("payment_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("payments", schema=None) as batch_op:
        batch_op.create_index("payments_app", ["app_id", "seq"], unique=False)
        batch_op.create_index("payments_world", ["world_id"], unique=False)

    op.create_table(
        "rate_sheets",
        sa.Column("rate_sheet_id", columns.string(), nullable=False),
        sa.Column("kind", columns.string(), nullable=False),
        sa.Column("sequence", columns.integer(), nullable=False),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.Column("carried_from", columns.string(), nullable=True),
        sa.Column("wire", columns.text(), nullable=False),
        sa.Column("row_keys", columns.text(), nullable=False),
        sa.Column("row_lines", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("rate_sheet_id"),
        sa.UniqueConstraint("kind", "sequence"),
    )
    with op.batch_alter_table("rate_sheets", schema=None) as batch_op:
        batch_op.create_index("rate_sheets_effective", ["kind", "effective_from"], unique=False)
        batch_op.create_index("rate_sheets_order", ["effective_from", "rate_sheet_id"], unique=False)
        batch_op.create_index("rate_sheets_published", ["published_at", "kind"], unique=False)

    op.create_table(
        "receipts",
        sa.Column("receipt_id", columns.string(), nullable=False),
        sa.Column("payment_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("wire", columns.text(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id"),
        sa.UniqueConstraint("payment_id"),
    )
    op.create_table(
        "workdays",
        sa.Column("day", columns.string(), nullable=False),
        sa.Column("is_working", sa.Boolean(), nullable=False),
        sa.Column("holiday", columns.string(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )
    op.create_table(
        "worlds",
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("offset_ms", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("faults", columns.integer(), nullable=False),
        sa.PrimaryKeyConstraint("world_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("event_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("status", columns.string(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.event_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("event_id"),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("outbox_due", ["status", "due_at"], unique=False)

    op.create_table(
        "partners",
        sa.Column("partner_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["world_id"],
            ["worlds.world_id"],
        ),
        sa.PrimaryKeyConstraint("partner_id"),
    )
    op.create_table(
        "apps",
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("partner_id", columns.string(), nullable=False),
        sa.Column("world_id", columns.string(), nullable=False),
        sa.Column("name", columns.string(), nullable=False),
        sa.Column("secret_hash", columns.string(), nullable=False),
        sa.Column("scopes", columns.text(), nullable=False),
        sa.Column("return_urls", columns.text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"],
            ["partners.partner_id"],
        ),
        sa.ForeignKeyConstraint(
            ["world_id"],
            ["worlds.world_id"],
        ),
        sa.PrimaryKeyConstraint("app_id"),
    )
    with op.batch_alter_table("apps", schema=None) as batch_op:
        batch_op.create_index("apps_world", ["world_id"], unique=False)

    op.create_table(
        "access_tokens",
        sa.Column("token_hash", columns.string(), nullable=False),
        sa.Column("app_id", columns.string(), nullable=False),
        sa.Column("scope", columns.string(), nullable=False),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["app_id"],
            ["apps.app_id"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("access_tokens", schema=None) as batch_op:
        batch_op.create_index("access_tokens_expiry", ["expires_at"], unique=False)
