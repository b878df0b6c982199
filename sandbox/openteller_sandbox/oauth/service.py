"""Issuing access tokens and finding who a token stands for."""

from __future__ import annotations

import secrets
from functools import lru_cache
from hashlib import sha256

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.oauth import store

ACCESS_TOKEN_SECONDS = 900
_PREFIX = "ota_"


def issue_token(bank: Bank, app_id: str, scope: str) -> str:
    """Make an access token of 256 bits for an app; only its hash is kept. What has expired is purged on the way."""
    token = _PREFIX + secrets.token_urlsafe(32)
    now = bank.clock.wall()
    with bank.db.act(app_id) as tx:
        tx.run(store.PURGE, now=now)
        tx.run(
            store.INSERT,
            token_hash=_hash(token),
            app_id=app_id,
            scope=scope,
            issued_at=now,
            expires_at=now + ACCESS_TOKEN_SECONDS * 1000,
        )
    return token


def identify(bank: Bank, token: str) -> Caller | None:
    """Find the caller that an access token stands for; None when it is unknown or expired."""
    if not token.startswith(_PREFIX):
        return None
    row = bank.db.read().one(store.FIND, token_hash=_hash(token))
    if row is None or row["expires_at"] <= bank.clock.wall():
        return None
    world = World(row["world_id"], row["offset_ms"], row["faults"])
    return Caller(world, _scopes(row["scope"]), row["app_id"], row["partner_id"])


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()


@lru_cache(maxsize=256)
def _scopes(scope: str) -> frozenset[str]:
    return frozenset(scope.split())
