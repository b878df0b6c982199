"""The device grant (RFC 8628): a device shows a code, and a customer types it in on the bank's page.

Only scopes of the tiers T0 and T1 are given so, and no mandate: whoever types a code that somebody else has sent gives
away no more than that.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import SECOND
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.oauth import authorization, codes, secrecy, store
from openteller_sandbox.oauth.authorization import Asked, Interaction
from openteller_sandbox.oauth.model import LINKED_SCOPES, Client, Grant, Refusal
from openteller_sandbox.oauth.tokens import hash_of

LIFETIME_SECONDS = 600
INTERVAL_SECONDS = 5
DEVICE_PREFIX = "otd_"
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels, so that no words arise, and without letters that look alike."""
_CODE_LENGTH = 8
_USER_CODE = re.compile(rf"[{_LETTERS}]{{{_CODE_LENGTH}}}")
_MOST_TYPED = 64
_NOT_A_DEVICE = (
    f"The client is not registered with the grant {Grant.DEVICE_CODE}, as one of the profile baseline can be."
)


def begin(bank: Bank, client: Client, form: Mapping[str, str]) -> dict[str, Any]:
    """Give a device its code and what the customer types in (RFC 8628 section 3.2).

    Raises:
        Refusal: unauthorized_client, invalid_scope.
    """
    if Grant.DEVICE_CODE not in client.grants:
        raise Refusal("unauthorized_client", _NOT_A_DEVICE)
    scope = authorization.scope_of(client, form.get("scope"))
    if set(scope.split()) & set(LINKED_SCOPES):
        raise Refusal("invalid_scope", "A device is not given what a customer has saved: send the customer's browser.")
    asked = Asked(client.client_id, "", scope, None, "", [], None, "zh-CN")
    device_code = DEVICE_PREFIX + secrets.token_urlsafe(32)
    user_code = "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
    with bank.db.act(client.client_id) as tx:
        request_hash = authorization.keep(bank, tx, asked, _reference(bank, user_code), LIFETIME_SECONDS * SECOND)
        _insert(bank, tx, client, device_code, request_hash)
    return {
        "device_code": device_code,
        "user_code": f"{user_code[:4]}-{user_code[4:]}",
        "verification_uri": f"{bank.settings.public_url}/device",
        "expires_in": LIFETIME_SECONDS,
        "interval": INTERVAL_SECONDS,
    }


def visit(bank: Bank, typed: str, begun: Callable[[Bank, str], Interaction | None]) -> Interaction:
    """Take a browser in which somebody has typed a code.

    Raises:
        Refusal: invalid_request_uri, no device shows that code.
    """
    code = "".join(letter for letter in typed[:_MOST_TYPED].upper() if letter.isalnum())
    if not _USER_CODE.fullmatch(code):
        raise Refusal("invalid_request_uri")
    return authorization.visit(bank, None, _reference(bank, code), begun)


def redeem(bank: Bank, client: Client, form: Mapping[str, str], jkt: str | None) -> dict[str, Any]:
    """Give the tokens for a device code, once the customer has allowed it.

    Raises:
        Refusal: authorization_pending, slow_down, access_denied, expired_token, invalid_grant.
    """
    answer: dict[str, Any] | None = None
    with bank.db.act(client.client_id) as tx:
        row = tx.one(store.FIND_DEVICE, device_hash=hash_of(form["device_code"]))
        if row is None or row["client_id"] != client.client_id:
            error = "invalid_grant"
        elif row["expires_at"] <= bank.clock.wall():
            error = "expired_token"
        else:
            answer, error = _answer(bank, tx, client, row, jkt)
    if answer is None:  # outside of the act, which must keep when the device has asked
        raise Refusal(error)
    return answer


def _answer(bank: Bank, tx: Tx, client: Client, row: Row, jkt: str | None) -> tuple[dict[str, Any] | None, str]:
    if row["status"] == "PENDING":
        return None, _pending(bank, tx, row)
    if row["status"] == "DENIED":
        return None, "access_denied"
    if tx.run(store.USE_DEVICE, h=row["device_hash"]) == 0:
        return None, "invalid_grant"
    return codes.first_tokens(bank, tx, client, row["consent_id"], row["family_id"], jkt), "invalid_grant"


def _pending(bank: Bank, tx: Tx, row: Row) -> str:
    """Note that the device has asked; give the error, which says whether that was too soon."""
    now, interval = bank.clock.wall(), row["interval_ms"]
    hasty = now - row["asked_at"] < interval
    waits = interval + INTERVAL_SECONDS * SECOND if hasty else interval
    tx.run(store.POLL_DEVICE, h=row["device_hash"], now=now, to_interval_ms=waits)
    return "slow_down" if hasty else "authorization_pending"


def _insert(bank: Bank, tx: Tx, client: Client, device_code: str, request_hash: str) -> None:
    now = bank.clock.wall()
    tx.run(store.PURGE_DEVICES, now=now)
    tx.run(
        store.INSERT_DEVICE,
        device_hash=hash_of(device_code),
        request_hash=request_hash,
        client_id=client.client_id,
        status="PENDING",
        consent_id=None,
        family_id=ids.new("fam"),
        interval_ms=INTERVAL_SECONDS * SECOND,
        asked_at=now - INTERVAL_SECONDS * SECOND,
        expires_at=now + LIFETIME_SECONDS * SECOND,
    )


def _reference(bank: Bank, user_code: str) -> str:
    """Name a code that people type, which is short, as only the bank can: it is kept, and found, by nothing else."""
    return secrecy.mac(bank, "user-code", user_code)
