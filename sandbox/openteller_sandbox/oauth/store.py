"""The table of access tokens."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, bindparam, delete, select

from openteller_sandbox.db import Insert, Statement, metadata
from openteller_sandbox.partners.store import apps
from openteller_sandbox.worlds.store import worlds

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("app_id", String, ForeignKey("apps.app_id"), nullable=False),
    Column("scope", String, nullable=False),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("access_tokens_expiry", "expires_at"),
)

INSERT = Insert(access_tokens)
FIND = Statement(
    select(
        access_tokens.c.app_id,
        access_tokens.c.scope,
        access_tokens.c.expires_at,
        apps.c.partner_id,
        worlds.c.world_id,
        worlds.c.offset_ms,
        worlds.c.faults,
    )
    .select_from(access_tokens)
    .join(apps, apps.c.app_id == access_tokens.c.app_id)
    .join(worlds, worlds.c.world_id == apps.c.world_id)
    .where(access_tokens.c.token_hash == bindparam("token_hash"))
)
# Whose turn it is to be purged by another act is left to it: two that purge would wait for each other.
_EXPIRED = (
    select(access_tokens.c.token_hash)
    .where(access_tokens.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE = Statement(delete(access_tokens).where(access_tokens.c.token_hash.in_(_EXPIRED)))
