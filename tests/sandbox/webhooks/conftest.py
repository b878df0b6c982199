"""What the tests of webhooks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conftest import Partner
from tests.receivers import Receiver, receiver

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Tx
from openteller_sandbox.events import service as events
from openteller_sandbox.worlds import service as worlds

Hook = Callable[..., dict[str, Any]]


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def hook(partner: Partner, server: Receiver) -> Hook:
    """Make an endpoint of the partner at the server. Of payments only, unless told: rates change by themselves."""

    def make(**form: Any) -> dict[str, Any]:
        answer = partner.post("/v1/webhook-endpoints", {"url": server.url, "event_types": ["payment.*"]} | form)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    return make


def happen(bank: Bank, app: dict[str, Any], count: int = 1) -> list[str]:
    """Let something happen to an app's payments now; give the events' identifiers."""
    world = worlds.find(bank.db.read(), app["world_id"])
    assert world is not None

    def record(tx: Tx, number: int) -> str:
        data = {"payment_id": "pay_0123456789", "status": "created", "version": number + 1}
        return events.record(bank, tx, world, app["app_id"], "payment.created", data, bank.now(world))

    with bank.db.act(world.world_id) as tx:
        return [record(tx, number) for number in range(count)]


def deliveries(partner: Partner, **filters: Any) -> list[dict[str, Any]]:
    """Read deliveries, newest first."""
    return list(partner.get("/v1/webhook-deliveries", limit=100, **filters).json["data"])


def attempts(partner: Partner, delivery: dict[str, Any]) -> list[dict[str, Any]]:
    """Read what came of a delivery so far."""
    return list(partner.get(f"/v1/webhook-deliveries/{delivery['webhook_delivery_id']}").json["attempts"])
