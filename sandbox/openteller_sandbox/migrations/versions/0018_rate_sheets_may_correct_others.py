"""Rate sheets may correct others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from openteller_sandbox.migrations import columns

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    with op.batch_alter_table("rate_sheets", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holds_from", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("corrects", columns.string(), nullable=True))
        batch_op.drop_index("rate_sheets_effective")
        batch_op.drop_index("rate_sheets_order")
        batch_op.create_index("rate_sheets_corrects", ["corrects"], unique=True)
        batch_op.create_index("rate_sheets_effective", ["kind", "effective_from", "published_at"], unique=False)
        batch_op.create_index("rate_sheets_order", ["holds_from", "rate_sheet_id"], unique=False)
    # No sheet took effect before it was published then.
    op.execute("UPDATE rate_sheets SET holds_from = effective_from")
    with op.batch_alter_table("rate_sheets", schema=None) as batch_op:
        batch_op.alter_column("holds_from", existing_type=sa.BigInteger(), nullable=False)
