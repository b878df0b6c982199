"""Bank and billers are cut off from each other: requests are lost before they arrive, or answers on the way back.

What is between them is a real proxy that lets everything through, or swallows one of the halves. However long it lasts
and whatever was under way, in the end both have the same books.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.sandbox.biller_port.conftest import serving
from tests.simulation.audit import Audit

from openteller_sandbox.app import create_app, create_billers
from openteller_sandbox.bank import Bank
from openteller_sandbox.biller_port.store import biller_postings
from openteller_sandbox.db import Database, Statement
from openteller_sandbox.payments.states import Status
from openteller_sandbox.settings import BillerLeg, Settings

TOP_UP = "CN-MOBILE_TOPUP-01"
SCENARIOS = ("DUE_BILL", "DUE_BILL", "TIMEOUT_LATE", "POSTED_TWICE", "REVERSED", "POSTING_REJECTED", "LOST_BY_BILLER")
_POSTINGS = Statement(select(biller_postings))


class Proxy:
    """Stands between two; an exchange a connection. lost: which half it swallows, ``request`` or ``answer``."""

    def __init__(self, beyond: str) -> None:
        self.lost: str | None = None
        self.swallowed = 0
        parts = urlsplit(beyond)
        self._beyond = (parts.hostname or "", parts.port or 0)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(connection,), daemon=True).start()

    def _carry(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(20)
            while request := _message(connection):
                if self.lost == "request":
                    self.swallowed += 1
                    return
                with socket.create_connection(self._beyond, timeout=20) as beyond:
                    beyond.sendall(request)
                    answer = _message(beyond)
                if self.lost == "answer":
                    self.swallowed += 1
                    return
                connection.sendall(answer)

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


def _message(connection: socket.socket) -> bytes:
    """Read a whole request or answer with a length; nothing where the other side has closed."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = connection.recv(65536)
        if not part:
            return b""
        text += part
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Apart:
    """A bank, its billers, and what is between them."""

    def __init__(self, bank: Bank, books: Database, proxy: Proxy) -> None:
        self.bank, self.books, self.proxy = bank, books, proxy
        self.partner: Partner = make_partner(create_app(bank).test_client(use_cookies=False))
        self.audit = Audit()
        self._numbers = iter(range(10_000))

    def pay(self, scenario: str) -> dict[str, Any]:
        """Have a top-up paid."""
        body = {
            "partner_reference": f"apart-{next(self._numbers)}",
            "biller_id": self.partner.biller(TOP_UP)["biller_id"],
            "inputs": self.partner.magic(TOP_UP, scenario),
            "amount": {"amount": "50.00", "currency": "CNY"},
        }
        payment_id = self.partner.post("/v1/payments", body).json["payment_id"]
        DirectPayer(self.bank).pay(payment_id)
        return self.partner.payment(payment_id)

    def look(self) -> None:
        with self.bank.db.act() as tx:
            assert self.audit.look(tx) == []

    def agree(self) -> None:
        """Both have the same books, and nothing is under way."""
        self.look()
        postings = {row["posting_id"]: row for row in self.books.read().all(_POSTINGS)}
        for payment_id, status in self.audit.statuses.items():
            row = postings.get(payment_id)
            times = row["times"] - row["taken_back"] if row and row["state"] == "POSTED" else 0
            assert (status, times) in {(Status.SUCCEEDED, 1), (Status.REFUNDED, 0)}


@pytest.fixture(params=["sqlite", "postgresql"])
def apart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    folder = tmp_path_factory.mktemp("apart")
    books, billers = create_billers(Settings(database=str(folder / "billers.db")), "", lambda: None)
    with serving(billers) as url:
        proxy = Proxy(url)
        leg = BillerLeg(url=proxy.url, timeout_s=20)
        bank = make_bank(folder, WallClock(), engine=request.param, billers=leg)
        try:
            yield Apart(bank, books, proxy)
        finally:
            bank.db.close()
            proxy.close()
            books.close()


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_a_partition_decides_nothing_and_when_it_ends_both_have_the_same_books(apart: Apart, lost: str) -> None:
    before = apart.pay("DUE_BILL")
    apart.proxy.lost = lost
    during = [apart.pay(scenario) for scenario in SCENARIOS]
    assert {payment["status"] for payment in during} == {"unknown"}
    assert {payment["money_at"] for payment in during} == {"BANK"}
    apart.look()
    fetched = apart.partner.fetch()
    assert (fetched.status_code, fetched.json["code"]) == (502, "BILLER_QUERY_FAILED")
    apart.partner.advance(seconds=2 * 86_400)
    apart.look()
    still = {apart.partner.payment(payment["payment_id"])["status"] for payment in during}
    assert still == {"unknown"}, "no answer is no knowledge, however long it takes"
    assert apart.partner.payment(before["payment_id"])["status"] == "succeeded"
    apart.proxy.lost = None
    apart.partner.advance(seconds=5 * 86_400)
    apart.agree()
    decided = [apart.partner.payment(payment["payment_id"]) for payment in during]
    if lost == "request":
        assert {payment["status"] for payment in decided} == {"refunded"}
    else:
        assert decided[0]["status"] == "succeeded"
    assert apart.proxy.swallowed > len(SCENARIOS)


def test_halves_that_are_lost_at_random_double_nothing(apart: Apart) -> None:
    random = Random(29)
    for _ in range(40):
        apart.proxy.lost = random.choice([None, None, "request", "answer"])
        payment = apart.pay(random.choice(SCENARIOS))
        if payment["status"] == "succeeded":
            body = {"payment_id": payment["payment_id"], "type": random.choice(["DUPLICATE", "SERVICE_NOT_RECEIVED"])}
            assert apart.partner.post("/v1/disputes", body).status_code == 201
        apart.proxy.lost = random.choice([None, "request", "answer"])
        apart.partner.advance(seconds=random.choice([40, 61, 301, 1801, 7200, 40_000]))
        apart.look()
    apart.proxy.lost = None
    apart.partner.advance(seconds=8 * 86_400)
    apart.agree()
    assert {Status.SUCCEEDED, Status.REFUNDED} == set(apart.audit.statuses.values())
