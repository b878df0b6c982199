"""What a client is told of a token (RFC 7662): all of its own, and of others' that they are not active."""

from __future__ import annotations

import json
from typing import Any

from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import SECOND
from openteller_sandbox.oauth import consents, tokens
from openteller_sandbox.oauth.model import Client


def of(bank: Bank, token: str, client: Client) -> dict[str, Any] | None:
    """Describe a token to a client; None where it is not active, or another client's."""
    row = tokens.find(bank, token)
    if row is None or row["app_id"] != client.client_id:
        return None
    issuer = bank.settings.public_url
    described: dict[str, Any] = {
        "active": True,
        "iss": issuer,
        "aud": issuer,
        "client_id": client.client_id,
        "scope": row["scope"],
        "token_type": "DPoP" if row["jkt"] else "Bearer",
        "iat": row["issued_at"] // SECOND,
        "exp": row["expires_at"] // SECOND,
    }
    if row["consent_id"]:
        app = client.app
        described["sub"] = consents.subject(bank, app.partner_id, app.world_id, row["customer_id"])
        if details := json.loads(row["details"]):
            described["authorization_details"] = details
    if row["jkt"]:
        described["cnf"] = {"jkt": row["jkt"]}
    return described
