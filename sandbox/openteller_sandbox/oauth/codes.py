"""Codes and refresh tokens: what a customer's consent is turned into tokens with.

Each is used by a conditional update whose row count decides, in the act that issues what it is used for. What was used
before was stolen, from the client or by it: all that has come of it ends.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import SECOND
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.oauth import consents, secrecy, store, tokens
from openteller_sandbox.oauth.model import Client, Consent, Grant, Refusal
from openteller_sandbox.oauth.tokens import REFRESH_PREFIX, hash_of

GRACE_MS = 10 * SECOND
"""For so long the former refresh token of a public client gives the same successor again: the answer may be lost."""


def redeem(bank: Bank, client: Client, form: Mapping[str, str], jkt: str | None) -> dict[str, Any]:
    """Give the tokens for a code (RFC 6749 section 4.1.3, RFC 7636).

    Raises:
        Refusal: invalid_grant.
    """
    with bank.db.act(client.client_id) as tx:
        row = tx.one(store.FIND_CODE, code_hash=hash_of(form["code"]))
        if row is None or not _fits(bank, row, client, form, jkt):
            answer = None
        elif tx.run(store.USE_CODE, h=row["code_hash"], now=bank.clock.wall()) == 0:
            end_family(tx, row["family_id"])
            answer = None
        else:
            answer = first_tokens(bank, tx, client, row["consent_id"], row["family_id"], jkt)
    if answer is None:  # outside of the act, which must keep what it has ended
        raise Refusal("invalid_grant")
    return answer


def refresh(bank: Bank, client: Client, form: Mapping[str, str], jkt: str | None) -> dict[str, Any]:
    """Give an access token for a refresh token (RFC 6749 section 6).

    A client that authenticates keeps its token. A public client's is bound to its key and replaced with each use by one
    that is derived from it, so that a use whose answer was lost, or several at once, leave one successor.

    Raises:
        Refusal: invalid_grant, invalid_scope.
    """
    with bank.db.act(client.client_id) as tx:
        row = tx.one(store.FIND_REFRESH, token_hash=hash_of(form["refresh_token"]))
        answer = None
        if row is not None and _is_ones_own(bank, row, client, jkt):
            answer = _refreshed(bank, tx, client, row, form, jkt)
    if answer is None:
        raise Refusal("invalid_grant")
    return answer


def end_family(tx: Tx, family_id: str) -> None:
    """End all tokens that have come of one code."""
    for statement in store.END_FAMILY:
        tx.run(statement, family_id=family_id)


def revoke(bank: Bank, token: str, client_id: str) -> None:
    """End a refresh token of a client, and all tokens that have come of the same code."""
    with bank.db.act(client_id) as tx:
        row = tx.one(store.FIND_REFRESH, token_hash=hash_of(token))
        if row is not None and row["client_id"] == client_id:
            end_family(tx, row["family_id"])


def _fits(bank: Bank, row: Row, client: Client, form: Mapping[str, str], jkt: str | None) -> bool:
    """Tell whether a code was given to this client, for this address, verifier and key, and is not too old.

    One that was used before fits for longer: whoever comes with it, and with all the rest, is to be found out.
    """
    digest = urlsafe_b64encode(sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
    return (
        row["client_id"] == client.client_id
        and form["redirect_uri"] == row["redirect_uri"]
        and hmac.compare_digest(digest, row["code_challenge"].encode())
        and row["jkt"] in {None, jkt}
        and (row["used_at"] is not None or row["expires_at"] > bank.clock.wall())
    )


def _is_ones_own(bank: Bank, row: Row, client: Client, jkt: str | None) -> bool:
    """Tell whether a refresh token is good, and of this client, and a public client's of this key."""
    if row["client_id"] != client.client_id or row["expires_at"] <= bank.clock.wall():
        return False
    return not client.public or row["jkt"] == jkt


def first_tokens(
    bank: Bank, tx: Tx, client: Client, consent_id: str, family_id: str, jkt: str | None
) -> dict[str, Any] | None:
    """Give the first tokens under a consent; None where it has ended."""
    consent = consents.use(bank, tx, consent_id)
    if consent is None:
        return None
    answer = _access(bank, tx, client, consent, family_id, consent.scope, jkt)
    if Grant.REFRESH_TOKEN in client.grants and (jkt or not client.public):
        token = REFRESH_PREFIX + secrets.token_urlsafe(32)
        _keep(bank, tx, token, client, consent, family_id, jkt)
        answer["refresh_token"] = token
    return answer


def _refreshed(
    bank: Bank, tx: Tx, client: Client, row: Row, form: Mapping[str, str], jkt: str | None
) -> dict[str, Any] | None:
    consent = consents.use(bank, tx, row["consent_id"])
    if consent is None:
        return None
    scope = _narrowed(consent.scope, form.get("scope"))
    successor = _successor(bank, tx, client, consent, row, form["refresh_token"]) if client.public else None
    if client.public and successor is None:
        end_family(tx, row["family_id"])
        return None
    answer = _access(bank, tx, client, consent, row["family_id"], scope, jkt)
    return answer | ({"refresh_token": successor} if successor else {})


def _successor(bank: Bank, tx: Tx, client: Client, consent: Consent, row: Row, token: str) -> str | None:
    """Give the token that follows on one, the same each time; None where that one was replaced too long ago."""
    successor, now = REFRESH_PREFIX + secrecy.mac(bank, "refresh-token", token), bank.clock.wall()
    if tx.run(store.ROTATE, h=row["token_hash"], now=now) == 1:
        _keep(bank, tx, successor, client, consent, row["family_id"], row["jkt"])
        return successor
    return successor if row["rotated_at"] is not None and now - row["rotated_at"] < GRACE_MS else None


def _keep(bank: Bank, tx: Tx, token: str, client: Client, consent: Consent, family_id: str, jkt: str | None) -> None:
    now = bank.clock.wall()
    tx.run(store.PURGE_REFRESH, now=now)
    tx.run(
        store.INSERT_REFRESH,
        token_hash=hash_of(token),
        client_id=client.client_id,
        consent_id=consent.consent_id,
        family_id=family_id,
        jkt=jkt if client.public else None,
        issued_at=now,
        expires_at=consent.expires_at,
        rotated_at=None,
    )


def _access(
    bank: Bank, tx: Tx, client: Client, consent: Consent, family_id: str, scope: str, jkt: str | None
) -> dict[str, Any]:
    answer = tokens.issue(bank, tx, client, scope, jkt, consent_id=consent.consent_id, family_id=family_id)
    return answer | ({"authorization_details": consent.details} if consent.details else {})


def _narrowed(scope: str, asked: str | None) -> str:
    wanted = dict.fromkeys(asked.split()) if asked else dict.fromkeys(scope.split())
    if not wanted.keys() <= set(scope.split()) or (asked and not wanted):
        raise Refusal("invalid_scope", "A refreshed token is good for no more than the customer has allowed.")
    return " ".join(wanted)
