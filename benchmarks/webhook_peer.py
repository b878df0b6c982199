"""The peer that webhooks are measured against: the sandbox's own sender as an actor of dramatiq, over Redis.

``python -m dramatiq webhook_peer`` works; ``python webhook_peer.py`` takes deliveries from its input, a JSON list of
[url, id, body, secret], and puts them into the queue. REDIS_URL says where that is.
"""

from __future__ import annotations

import json
import os
import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from openteller_sandbox.webhooks import signing
from openteller_sandbox.webhooks.sender import Outgoing, Sender

broker = RedisBroker(url=os.environ["REDIS_URL"])
dramatiq.set_broker(broker)
_sender = Sender(allow_loopback=True)


class NotDelivered(Exception):
    """It is to be tried again."""


@dramatiq.actor(max_retries=9)
def deliver(url: str, delivery_id: str, body: str, secret: str) -> None:
    """Send one delivery, as the sandbox's dispatcher does."""
    content = body.encode()

    def headers() -> dict[str, str]:
        return signing.headers(delivery_id, int(time.time()), content, [secret])

    attempt = _sender(Outgoing(url, delivery_id, content, headers))
    if attempt.outcome != "DELIVERED":
        raise NotDelivered(attempt.outcome)


if __name__ == "__main__":
    from webhook_peer import deliver as actor  # as the workers know it

    broker.flush_all()
    for each in json.load(sys.stdin):
        actor.send(*each)
