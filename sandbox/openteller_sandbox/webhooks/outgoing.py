"""From a stored endpoint and event to what is sent."""

from __future__ import annotations

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Row
from openteller_sandbox.webhooks import signing
from openteller_sandbox.webhooks.sender import Outgoing


def outgoing(bank: Bank, endpoint: Row, delivery_id: str, wire: str, now: int) -> Outgoing:
    """Give what is sent to an endpoint, signed when it leaves.

    Args:
        bank: whose wall clock the signature bears.
        endpoint: url, secrets and keys, as stored.
        delivery_id: names the delivery.
        wire: the event.
        now: bank time, which decides whether an old secret still signs.
    """
    body = wire.encode()
    old = (endpoint["previous_expires_at"] or 0) > now
    shared = [endpoint["secret"], *([endpoint["previous_secret"]] if old else [])]
    private = [key for key in (endpoint["private_key"], endpoint["previous_private_key"] if old else None) if key]

    def headers() -> dict[str, str]:
        return signing.headers(delivery_id, bank.clock.wall() // 1000, body, shared, private)

    return Outgoing(endpoint["url"], delivery_id, body, headers)
