"""Access tokens: opaque, 256 bits behind a prefix that says what they are, kept as SHA-256."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.clock import SECOND
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.oauth import consents, store
from openteller_sandbox.oauth.model import Client

ACCESS_PREFIX = "ota_"
REFRESH_PREFIX = "otr_"
CODE_PREFIX = "otc_"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an access token. jkt: the thumbprint of the key that it is bound to; good_until, and used_at of its
    consent: wall time.
    """

    caller: Caller
    jkt: str | None
    good_until: int
    used_at: int


def hash_of(token: str) -> str:
    """Hash a token: 256 random bits need no slow hash."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def issue(
    bank: Bank,
    tx: Tx,
    client: Client,
    scope: str,
    jkt: str | None,
    *,
    consent_id: str | None = None,
    family_id: str | None = None,
) -> dict[str, Any]:
    """Make an access token; give the answer of the token endpoint. What has expired is purged on the way.

    Args:
        bank: gives the clock.
        tx: the act that it is part of.
        client: who gets it.
        scope: what it is good for.
        jkt: the thumbprint of the key that it is bound to.
        consent_id: whose end is the token's, too.
        family_id: of all tokens that have come of one code.
    """
    token = ACCESS_PREFIX + secrets.token_urlsafe(32)
    now = bank.clock.wall()
    tx.run(store.PURGE, now=now)
    tx.run(
        store.INSERT,
        token_hash=hash_of(token),
        app_id=client.client_id,
        scope=scope,
        jkt=jkt,
        consent_id=consent_id,
        family_id=family_id,
        issued_at=now,
        expires_at=now + client.access_seconds * SECOND,
    )
    return {
        "access_token": token,
        "token_type": "DPoP" if jkt else "Bearer",
        "expires_in": client.access_seconds,
        "scope": scope,
    }


def find(bank: Bank, token: str) -> Row | None:
    """Give the row of an access token that is good now."""
    row = _row(bank.db.read(), hash_of(token)) if token.startswith(ACCESS_PREFIX) else None
    return row if row is not None and bank.clock.wall() < _good_until(row) else None


def holder(bank: Bank, token: str) -> Holder | None:
    """Give who holds an access token that is good now. What is known of it is known until anything is written."""
    if not token.startswith(ACCESS_PREFIX):
        return None
    token_hash = hash_of(token)
    found = bank.db.while_unchanged(token_hash, lambda tx: _holder(bank, _row(tx, token_hash)))
    return found if found is not None and bank.clock.wall() < found.good_until else None


def _row(tx: Tx, token_hash: str) -> Row | None:
    return tx.one(store.FIND, token_hash=token_hash)


def _good_until(row: Row) -> int:
    """Give when a token and its consent are over; of a consent that was ended, zero."""
    if not row["consent_id"]:
        return int(row["expires_at"])
    return min(row["expires_at"], row["consent_expires_at"]) if row["consent_status"] == "ACTIVE" else 0


def _holder(bank: Bank, row: Row | None) -> Holder | None:
    if row is None:
        return None
    caller = Caller(
        World(row["world_id"], row["offset_ms"], row["faults"]),
        frozenset(row["scope"].split()),
        row["app_id"],
        row["partner_id"],
        row["consent_id"] or "",
        row["customer_id"] or "",
        consents.subject(bank, row["partner_id"], row["world_id"], row["customer_id"]) if row["customer_id"] else "",
    )
    return Holder(caller, row["jkt"], _good_until(row), row["last_used_at"] or 0)


def revoke(bank: Bank, token: str, client_id: str) -> None:
    """End an access token of a client, where it is one."""
    with bank.db.act(client_id) as tx:
        tx.run(store.REVOKE, token_hash=hash_of(token), app_id=client_id)
