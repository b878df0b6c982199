"""Webhooks of a sandbox that serves: sent at once, and never at the cost of who asks for something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.receivers import PATIENCE_S, Answering, Received, Receiver, receiver
from tests.sdk.processes import MORNING, sandbox

from openteller import OpenTeller
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with sandbox(tmp_path_factory.mktemp("served"), "--clock", MORNING, "--check-answers", "all") as (url, _):
        yield url


@pytest.fixture
def bank(url: str) -> Iterator[OpenTeller]:
    """A client of an app of the test's own."""
    with OpenTeller(url, client_id=DEMO_APP_ID, client_secret=DEMO_CLIENT_SECRET) as demo:
        app = demo.sandbox.create_app(name="My bot")
    with OpenTeller(url, client_id=app.client_id, client_secret=app.client_secret, max_retries=0) as client:
        yield client


def test_an_event_is_sent_by_itself_as_soon_as_it_is_on_disk(bank: OpenTeller, server: Receiver) -> None:
    bank.webhook_endpoints.create(url=server.url)
    payment = bank.payments.create(partner_reference="order-1")
    (received,) = server.wait_for(1)
    assert received.event["data"]["payment_id"] == payment.payment_id


def test_nobody_waits_while_a_server_is_tested_that_takes_its_time(bank: OpenTeller) -> None:
    came, release = threading.Event(), threading.Event()

    def slow(_: Received) -> Answering:
        came.set()
        release.wait(PATIENCE_S)
        return Answering(418, b"I am a teapot")

    with receiver(slow) as server, ThreadPoolExecutor(1) as beside:
        endpoint = bank.webhook_endpoints.create(url=server.url)
        told = beside.submit(bank.webhook_endpoints.test, endpoint.webhook_endpoint_id)
        assert came.wait(PATIENCE_S)
        assert bank.status.get().status == "OPERATIONAL"
        assert bank.payments.create(partner_reference="meanwhile").status == "created"
        assert not told.done()
        release.set()
        attempt = told.result(PATIENCE_S).attempt
    assert (attempt.outcome, attempt.status_code, attempt.answer_excerpt) == ("REFUSED", 418, "I am a teapot")


def test_a_server_may_ask_the_bank_before_it_answers_however_the_event_came(bank: OpenTeller) -> None:
    """Whoever reads the payment in its handler must not wait for a bank that waits for the handler."""
    read: list[str] = []

    def reads_back(received: Received) -> Answering:
        if payment_id := received.event["data"].get("payment_id"):
            read.append(bank.payments.get(payment_id).status)
        else:
            bank.status.get()
        return Answering()

    with receiver(reads_back) as server:
        endpoint = bank.webhook_endpoints.create(url=server.url, event_types=["payment.*"])
        assert bank.webhook_endpoints.test(endpoint.webhook_endpoint_id).attempt.outcome == "DELIVERED"
        bank.payments.create(partner_reference="order-2", expires_in=60)
        bank.sandbox.advance_clock(seconds=3600)
        assert read[-1] == "expired"
        assert len(bank.webhook_deliveries.list(status="DELIVERED").page().data) == 2


def test_an_advance_answers_when_what_fell_due_was_sent(bank: OpenTeller) -> None:
    down = threading.Event()
    with receiver(lambda _: Answering(503 if not down.is_set() else 204)) as server:
        bank.webhook_endpoints.create(url=server.url, event_types=["payment.*"])
        bank.payments.create(partner_reference="order-3")
        bank.sandbox.advance_clock(seconds=2 * 3600)
        assert len(server.got) == 4, "at 0 s, 5 s, 5 min and 35 min; the next one is due after 2 h more"
        down.set()
        bank.sandbox.advance_clock(seconds=2 * 3600)
        (delivery,) = bank.webhook_deliveries.list().page().data
        assert (delivery.status, delivery.attempt_count) == ("DELIVERED", 5)


def test_what_was_to_be_sent_when_the_server_was_killed_is_sent_after_its_next_start(
    tmp_path: Path, server: Receiver
) -> None:
    with (
        sandbox(tmp_path, "--clock", MORNING, "--lease", "3") as (url, process),
        OpenTeller(url, client_id="") as anonymous,
    ):
        app = anonymous.sandbox.create_app(name="My bot")
        with OpenTeller(url, client_id=app.client_id, client_secret=app.client_secret) as bank:
            server.answers = lambda _: Answering(500)
            bank.webhook_endpoints.create(url=server.url)
            for number in range(5):
                bank.payments.create(partner_reference=f"order-{number}")
            server.wait_for(5)
        process.process.kill()
    server.answers = lambda _: Answering()
    server.got.clear()
    with (
        sandbox(tmp_path) as (url, _),
        OpenTeller(url, client_id=app.client_id, client_secret=app.client_secret) as bank,
    ):
        # Their retries are due within seconds; those that were on their way when it died, when their claims expire.
        server.wait_for(5)
        assert len(set(server.events)) == 5
