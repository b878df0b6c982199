"""${message}."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

${"\n".join(imports) if imports and not isinstance(imports, str) else imports or ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the change; there is no way back but the copy that was taken before."""
    ${upgrades if upgrades else "pass"}
