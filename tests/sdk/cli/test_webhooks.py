"""``openteller webhooks`` and ``openteller listen``, against a sandbox and a partner's program on loopback."""

from __future__ import annotations

import json
import signal
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.receivers import Answering, Receiver, receiver
from tests.sdk import processes
from tests.sdk.cli.conftest import Counter, openteller

from openteller import webhooks


@pytest.fixture
def program() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def own(new_counter: Callable[..., Counter]) -> Counter:
    return new_counter()


@pytest.fixture
def listening(own: Counter, tmp_path: Path) -> Callable[..., Any]:
    """Run ``openteller listen`` as the app."""

    def run(program: str, *options: str) -> Any:
        env = {"OPENTELLER_BASE_URL": own.url, "OPENTELLER_CREDENTIALS": str(own.file)}
        return processes.running("listen", "--forward-to", program, *options, cwd=tmp_path, env=env)

    return run


def test_an_endpoint_is_added_listed_paused_and_removed(own: Counter) -> None:
    added = own.table("webhooks", "add", "https://bot.example/hook", "--events", "payment.*,bill_fetch.ready")
    endpoint = processes.value_of(added, "Endpoint")
    assert processes.value_of(added, "Secret").startswith("whsec_")
    listed = own.table("webhooks", "endpoints")
    assert endpoint in listed
    assert "payment.* bill_fetch.ready" in listed
    assert "whsec_" not in listed
    assert processes.value_of(own.table("webhooks", "disable", endpoint), "Enabled") == "no (PARTNER)"
    assert processes.value_of(own.table("webhooks", "enable", endpoint), "Enabled") == "yes"
    assert own.table("webhooks", "remove", endpoint) == f"Removed {endpoint}.\n"
    assert own.json("webhooks", "endpoints")["data"] == []


def test_a_secret_is_rotated(own: Counter) -> None:
    added = own.json("webhooks", "add", "https://bot.example/hook", "--ed25519", "--description", "The bill bot")
    rotated = own.table("webhooks", "rotate", added["webhook_endpoint_id"])
    assert processes.value_of(rotated, "Secret") != added["secret"]
    assert processes.value_of(rotated, "Public key") != added["public_key"]
    assert processes.value_of(rotated, "Old secret until").startswith("2026-09-30")


def test_a_test_shows_what_the_server_answers(own: Counter, program: Receiver) -> None:
    program.answers = lambda _: Answering(401, b"the signature is not valid")
    endpoint = own.json("webhooks", "add", program.url)["webhook_endpoint_id"]
    told = own.table("webhooks", "test", endpoint)
    assert "webhook_endpoint.test" in told
    assert "REFUSED" in told and "401" in told and "the signature is not valid" in told


def test_deliveries_are_listed_shown_and_sent_again(own: Counter, program: Receiver) -> None:
    endpoint = own.json("webhooks", "add", program.url, "--events", "payment.*")["webhook_endpoint_id"]
    own.json("payments", "create", "--reference", "order-1")
    program.wait_for(1)
    own.json("clock", "advance", "1s")
    (delivery,) = own.json("webhooks", "deliveries", "--endpoint", endpoint, "--status", "DELIVERED")["data"]
    assert "payment.created" in own.table("webhooks", "deliveries")
    identifier = delivery["webhook_delivery_id"]
    shown = own.table("webhooks", "show", identifier)
    assert "DELIVERED" in shown and "204" in shown
    assert processes.value_of(own.table("webhooks", "resend", identifier), "Status") == "PENDING"
    program.wait_for(1)
    assert [each.webhook_id for each in program.got] == [identifier] * 2


def test_listening_hands_events_on_with_their_signatures_and_prints_a_line_for_each(
    own: Counter, program: Receiver, listening: Callable[..., Any]
) -> None:
    program.answers = lambda received: Answering(204 if "created" in received.event["type"] else 500)
    with listening(program.url, "--events", "payment.*") as process:
        process.read_until("Secret")
        secret = processes.value_of("".join(process.said), "Secret")
        own.json("payments", "create", "--reference", "order-2")
        (received,) = program.wait_for(1)
        event = webhooks.verify(received.body, received.headers, secret)
        assert event.data.partner_reference == "order-2"
        process.read_until(event.event_id)
        assert f"payment.created         {event.event_id}  {received.webhook_id}  204" in process.said[-1]

        # What the program has answered is what the bank has seen, and sending again goes the same way.
        own.json("clock", "advance", "1s")
        (delivery,) = own.json("webhooks", "deliveries", "--status", "DELIVERED")["data"]
        assert delivery["webhook_delivery_id"] == received.webhook_id
        own.json("webhooks", "resend", received.webhook_id)
        (again,) = program.wait_for(1)
        assert (again.webhook_id, again.body) == (received.webhook_id, received.body)
        code, said = process.end(signal.SIGINT)
    assert code == 0, said
    assert "Traceback" not in said
    assert own.json("webhooks", "endpoints")["data"] == [], "what it made is gone"


def test_listening_signs_with_a_secret_of_ones_own(own: Counter, program: Receiver, tmp_path: Path) -> None:
    secret = "whsec_" + b64encode(b"the same at each of its starts..").decode()
    env = {"OPENTELLER_BASE_URL": own.url, "OPENTELLER_CREDENTIALS": str(own.file), "OPENTELLER_WEBHOOK_SECRET": secret}
    with processes.running("listen", "--forward-to", program.url, cwd=tmp_path, env=env) as process:
        process.read_until("Secret")
        assert secret not in "".join(process.said)
        own.json("payments", "create", "--reference", "order-9")
        (received,) = program.wait_for(1)
        assert webhooks.verify(received.body, received.headers, secret).data.partner_reference == "order-9"
        code, _ = process.end(signal.SIGINT)
    assert code == 0


def test_a_secret_of_ones_own_that_is_none_is_told_without_it(own: Counter) -> None:
    variables = {"OPENTELLER_BASE_URL": own.url, "OPENTELLER_WEBHOOK_SECRET": "hunter2"}
    done = openteller("listen", "--forward-to", "127.0.0.1:9", **variables)
    assert done.exit_code == 2
    assert "OPENTELLER_WEBHOOK_SECRET: a secret is" in done.stderr
    assert "hunter2" not in done.output


def test_listening_says_when_the_program_does_not_answer_and_the_bank_tries_again(
    own: Counter, listening: Callable[..., Any]
) -> None:
    port = processes.free_port()
    with listening(f"127.0.0.1:{port}/hook", "--json") as process:
        process.read_until("secret")
        own.json("webhooks", "test", json.loads(process.said[0])["webhook_endpoint_id"])
        process.read_until("webhook_endpoint.test")
        told = json.loads(process.said[-1])
        assert (told["status"], told["error"]) == (None, "Connection refused")
        own.json("payments", "create", "--reference", "order-3")
        process.read_until("payment.created")
        own.json("clock", "advance", "1s")
        (delivery,) = own.json("webhooks", "deliveries")["data"]
        assert delivery["status"] in {"RETRYING", "PENDING"}
        code, _ = process.end(signal.SIGTERM)
    assert code == 0


def test_listening_hands_on_nothing_that_is_not_of_the_bank(
    own: Counter, program: Receiver, listening: Callable[..., Any]
) -> None:
    import http.client
    from urllib.parse import urlsplit

    with listening(program.url) as process:
        process.read_until("Secret")
        url = urlsplit(own.json("webhooks", "endpoints")["data"][0]["url"])
        for path in (url.path, "/elsewhere"):
            connection = http.client.HTTPConnection(url.netloc, timeout=30)
            connection.request("POST", path, b"{}", webhooks.sign(b"{}", "whsec_" + "A" * 32))
            assert connection.getresponse().status in {400, 404}
            connection.close()
        process.end(signal.SIGINT)
    assert program.got == []


@pytest.mark.parametrize(
    "target", ["ftp://127.0.0.1/", "http://", "http://127.0.0.1:port/", "http://ü.example/", "a b"]
)
def test_a_target_that_is_none_is_refused(target: str, own: Counter) -> None:
    done = own.run("listen", "--forward-to", target)
    assert done.exit_code == 2
    assert "--forward-to" in done.output
    assert own.json("webhooks", "endpoints")["data"] == []


def test_a_bank_elsewhere_cannot_reach_this_machine(own: Counter) -> None:
    done = own.run("listen", "--forward-to", "http://127.0.0.1:3000", "--url", "https://bank.example")
    assert done.exit_code == 1
    assert "webhooks add" in done.output


def test_a_misspelt_type_is_told(own: Counter) -> None:
    done = own.run("listen", "--forward-to", "http://127.0.0.1:3000", "--events", "payment.suceeded")
    assert done.exit_code == 1
    assert "/event_types/0" in done.output
