"""The tables of the authorization server. Tokens, and whatever else is a key, are kept as SHA-256 only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, bindparam, delete, select, update

from openteller_sandbox.db import Insert, Statement, insert_or_ignore, metadata
from openteller_sandbox.partners.store import apps
from openteller_sandbox.worlds.store import worlds

oauth_clients = Table(
    "oauth_clients",
    metadata,
    Column("client_id", String, ForeignKey("apps.app_id"), primary_key=True),
    Column("status", String, nullable=False),
    Column("profile", String, nullable=False),
    Column("method", String, nullable=False),
    Column("grants", Text, nullable=False),
    Column("redirect_uris", Text, nullable=False),
    Column("jwks", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("registration_hash", String, nullable=False),
    Column("registered_at", BigInteger, nullable=False),
)
access_tokens = Table(
    "access_tokens",
    metadata,
    Column("token_hash", String, primary_key=True),
    Column("app_id", String, ForeignKey("apps.app_id"), nullable=False),
    Column("scope", String, nullable=False),
    Column("jkt", String),
    Column("issued_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("access_tokens_expiry", "expires_at"),
    Index("access_tokens_app", "app_id"),
)
oauth_replays = Table(
    "oauth_replays",
    metadata,
    Column("key_hash", String, primary_key=True),
    Column("expires_at", BigInteger, nullable=False),
    Index("oauth_replays_expiry", "expires_at"),
)

_CHANGING = ("status", "method", "grants", "redirect_uris", "jwks", "settings", "registration_hash")
INSERT_CLIENT = Insert(oauth_clients)
FIND_CLIENT = Statement(select(oauth_clients).where(oauth_clients.c.client_id == bindparam("client_id")))
UPDATE_CLIENT = Statement(
    update(oauth_clients)
    .where(oauth_clients.c.client_id == bindparam("id"), oauth_clients.c.status == "ACTIVE")
    .values({name: bindparam(f"to_{name}") for name in _CHANGING})
)
END_CLIENT = Statement(
    update(oauth_clients)
    .where(oauth_clients.c.client_id == bindparam("id"), oauth_clients.c.status == "ACTIVE")
    .values(status="DELETED")
)

INSERT = Insert(access_tokens)
FIND = Statement(
    select(
        access_tokens.c.app_id,
        access_tokens.c.scope,
        access_tokens.c.jkt,
        access_tokens.c.issued_at,
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
REVOKE = Statement(
    delete(access_tokens).where(
        access_tokens.c.token_hash == bindparam("token_hash"), access_tokens.c.app_id == bindparam("app_id")
    )
)
REVOKE_ALL = Statement(delete(access_tokens).where(access_tokens.c.app_id == bindparam("app_id")))
# Whose turn it is to be purged by another act is left to it: two that purge would wait for each other.
_EXPIRED = (
    select(access_tokens.c.token_hash)
    .where(access_tokens.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE = Statement(delete(access_tokens).where(access_tokens.c.token_hash.in_(_EXPIRED)))

ADD_REPLAY = insert_or_ignore(oauth_replays)
_FORGOTTEN = (
    select(oauth_replays.c.key_hash)
    .where(oauth_replays.c.expires_at < bindparam("now"))
    .with_for_update(skip_locked=True)
)
PURGE_REPLAYS = Statement(delete(oauth_replays).where(oauth_replays.c.key_hash.in_(_FORGOTTEN)))
