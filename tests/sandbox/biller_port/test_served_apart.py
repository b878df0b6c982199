"""Bank and billers in processes of their own are one sandbox, and a biller that hangs holds up who asks it alone."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.receivers import PATIENCE_S, raw_server
from tests.sdk.processes import MORNING, free_port, run, running, sandbox

from openteller import OpenTeller
from openteller.errors import BankFailure
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET

POWER = "SH-ELECTRICITY-01"


def client(url: str) -> OpenTeller:
    patience = {"timeout": PATIENCE_S, "deadline": PATIENCE_S, "max_retries": 0}
    return OpenTeller(url, client_id=DEMO_APP_ID, client_secret=DEMO_CLIENT_SECRET, **patience)


def inputs_of(bank: OpenTeller, scenario: str) -> tuple[str, dict[str, str]]:
    biller = next(each for each in bank.billers.list(q=POWER) if each.biller_code == POWER)
    values = bank.sandbox.magic_values(biller_id=biller.biller_id)
    return biller.biller_id, dict(next(value.inputs for value in values if value.scenario == scenario))


def test_a_bill_is_fetched_and_paid_at_a_biller_in_another_process(tmp_path: Path) -> None:
    port = free_port()
    word = {"OPENTELLER_BILLER_TOKEN": "a word"}
    with (
        running("sandbox", "billers", "--port", str(port), cwd=tmp_path, env=word) as billers,
        sandbox(tmp_path, "--clock", MORNING, "--biller-url", f"http://127.0.0.1:{port}", env=word) as (url, _),
        client(url) as bank,
    ):
        billers.read_until("Ctrl-C ends it")
        biller_id, inputs = inputs_of(bank, "REVERSED")
        fetched = bank.bills.fetch(biller_id=biller_id, inputs=inputs, end_user_ref="user-of-the-tests")
        payment = bank.payments.create(partner_reference="order-1", bill_ids=[fetched.bills[0].bill_id])
        bank.sandbox.transition(payment.payment_id, to="authorising")
        event = bank.sandbox.trigger("payment.succeeded", payment_id=payment.payment_id)
        assert event.type == "payment.succeeded"
        bank.sandbox.advance_clock(seconds=2 * 86_400)
        paid = bank.payments.get(payment.payment_id)
        assert [entry.status for entry in paid.history][-3:] == ["succeeded", "refund_pending", "refunded"]
        assert bank.sandbox.worlds.get("current").books.balanced


def test_a_biller_that_hangs_holds_up_whoever_asks_it_and_nobody_else(tmp_path: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def hang(connection: socket.socket) -> None:
        asked.set()
        over.wait(PATIENCE_S)
        connection.close()

    with raw_server(hang) as silent:
        where = ("--biller-url", f"http://127.0.0.1:{silent.port}", "--biller-timeout", "60")
        with (
            sandbox(tmp_path, "--clock", MORNING, *where) as (url, _),
            client(url) as bank,
            ThreadPoolExecutor(1) as beside,
        ):
            biller_id, inputs = inputs_of(bank, "DUE_BILL")
            fetch = beside.submit(
                bank.bills.fetch, biller_id=biller_id, inputs=inputs, end_user_ref="user-of-the-tests"
            )
            assert asked.wait(PATIENCE_S)
            began = time.monotonic()
            for number in range(20):
                assert bank.status.get().status == "OPERATIONAL"
                assert bank.payments.create(partner_reference=f"meanwhile-{number}").status == "created"
            assert time.monotonic() - began < PATIENCE_S / 2
            assert not fetch.done()
            over.set()
            with pytest.raises(BankFailure) as failed:
                fetch.result(PATIENCE_S)
            assert failed.value.code == "BILLER_QUERY_FAILED"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8090", "http://", "http://a@b/", "http://h/?q"])
def test_an_address_of_billers_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    done = run("sandbox", "serve", "--port", str(free_port()), "--biller-url", url, cwd=tmp_path)
    assert (done.returncode, "--biller-url" in done.stderr) == (2, True)


def test_a_taken_port_is_told_in_a_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("sandbox", "billers", "--port", str(port), cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert not list(tmp_path.iterdir())
