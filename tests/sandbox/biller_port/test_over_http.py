"""Billers that are asked over HTTP: every outcome is as in one process, and what goes wrong on the way is no answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import MORNING, Partner
from tests.contract.direct_payer import DirectPayer
from tests.receivers import PATIENCE_S, raw_server, saying
from tests.sandbox.biller_port.conftest import Remote, serving
from tests.sdk.processes import free_port

from openteller_sandbox.app import create_billers
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import store, wire
from openteller_sandbox.biller_port.port import (
    Asking,
    BillerUnreachable,
    DueBill,
    Failed,
    Ground,
    Listed,
    Posting,
    PostingAnswer,
    PostingState,
    Reversal,
    Turn,
)
from openteller_sandbox.biller_port.remote import RemoteBiller
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.money import Money
from openteller_sandbox.settings import BillerLeg, Settings
from openteller_sandbox.worlds.store import FIND as _WORLD

POWER = "SH-ELECTRICITY-01"
WORLD = World("wld_of_the_tests")
_NOTHING_SAID = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
SCENARIOS = (
    "DUE_BILL",
    "TIMEOUT_SUCCEEDED",
    "TIMEOUT_REFUNDED",
    "TIMEOUT_LATE",
    "POSTED_TWICE",
    "REVERSED",
    "POSTING_REJECTED",
    "ACCOUNT_CLOSED",
    "UNANSWERED_POSTED",
    "UNANSWERED_NOT_POSTED",
    "LOST_BY_BILLER",
)


def played(bank: Bank, partner: Partner, scenario: str) -> dict[str, Any]:
    """Pay a magic account, and let two days pass; give what became of it, without what differs every time."""
    bill = partner.fetch(scenario=scenario).json["bills"][0]
    payment_id = partner.pay_link(bill_ids=[bill["bill_id"]])["payment_id"]
    DirectPayer(bank).pay(payment_id)
    partner.advance(seconds=2 * 86_400)
    payment = partner.payment(payment_id)
    assert ledger.is_balanced(bank.db.read())
    return {
        "id": payment_id,
        "moves": [(entry["status"], entry["at"], entry["actor"]) for entry in payment["history"]],
        "exceptions": [each["type"] for each in payment["exceptions"]],
        "money_at": payment["money_at"],
        "total": payment["total"],
    }


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_what_becomes_of_a_payment_does_not_depend_on_where_the_biller_is(
    remote: Remote, bank: Bank, partner: Partner, scenario: str
) -> None:
    here, there = played(bank, partner, scenario), played(remote.bank, remote.partner(), scenario)
    row = bank.db.read().one(store.FIND, w=partner.app["world_id"], p=here.pop("id"))
    assert there["id"].startswith("pay_")
    other = _row(remote, there.pop("id"))
    assert there == here
    assert row is not None
    assert [other[name] for name in ("state", "times", "taken_back")] == [row["state"], row["times"], row["taken_back"]]


def _row(remote: Remote, payment_id: str) -> dict[str, Any]:
    """Read a posting of the billers' own books, whatever its world is called there."""
    held = DirectPayer(remote.bank).held(payment_id)
    began = remote.bank.db.read().one(_WORLD, world_id=held.world_id)
    assert began is not None
    row = remote.books.read().one(store.FIND, w=f"{held.world_id}@{began['began_at']}", p=payment_id)
    assert row is not None
    return {name: row[name] for name in row.keys()}  # noqa: SIM118 - a row of either engine


def test_a_dispute_is_put_to_the_biller(remote: Remote) -> None:
    partner = remote.partner()
    bill = partner.fetch(scenario="DISPUTE_UPHELD").json["bills"][0]
    payment_id = partner.pay_link(bill_ids=[bill["bill_id"]])["payment_id"]
    DirectPayer(remote.bank).pay(payment_id)
    body = {"payment_id": payment_id, "type": "SERVICE_NOT_RECEIVED"}
    assert partner.post("/v1/disputes", body).status_code == 201
    partner.advance(seconds=2 * 86_400)
    assert partner.payment(payment_id)["status"] == "refunded"
    assert _row(remote, payment_id)["state"] == "REVERSED"
    assert "/reverse" in remote.asked


def test_a_world_that_was_reset_is_a_new_one_to_the_biller(remote: Remote) -> None:
    partner = remote.partner()
    first = partner.fetch().json["bills"][0]
    DirectPayer(remote.bank).pay(partner.pay_link(bill_ids=[first["bill_id"]])["payment_id"])
    assert partner.fetch().json["status"] == "NO_BILL"
    remote.bank.clock._wall_ms.advance(1)  # type: ignore[attr-defined]
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert partner.fetch().json["status"] == "READY"


def test_a_bank_that_shows_no_token_is_told_nothing(remote: Remote) -> None:
    stranger = RemoteBiller(BillerLeg(url=remote.url, timeout_s=20), lambda _: None)
    biller = billers.get(remote.bank.db.read(), _biller_id(remote))
    assert stranger.query(WORLD, biller, {"account_number": "3100000011"}, MORNING, Asking.FIRST) == Failed()
    assert stranger.post(WORLD, _posting(biller), MORNING).state is PostingState.NO_ANSWER


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}",
        _NOTHING_SAID,
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n\xff\xfe{}",
        b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
        b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-none\r\n\r\n",
    ],
)
def test_whatever_is_no_answer_decides_nothing_and_nothing_is_sent_again(remote: Remote, said: bytes) -> None:
    biller = billers.get(remote.bank.db.read(), _biller_id(remote))
    with raw_server(saying(said)) as server:
        port = RemoteBiller(BillerLeg(url=f"http://127.0.0.1:{server.port}", timeout_s=20), lambda _: None)
        answers: list[Callable[[], object]] = [
            lambda: port.query(WORLD, biller, {}, MORNING, Asking.FIRST),
            lambda: port.post(WORLD, _posting(biller), MORNING),
            lambda: port.query_posting(WORLD, _posting(biller), MORNING),
            lambda: port.reverse(WORLD, _posting(biller), MORNING, Ground.DISPUTED),
            lambda: port.reconcile(WORLD, biller, date(2026, 9, 29), MORNING),
        ]
        nobody_knows = PostingAnswer(PostingState.NO_ANSWER)
        assert [answer() for answer in answers] == [Failed(), nobody_knows, nobody_knows, Reversal.NO_ANSWER, None]
        if said != _NOTHING_SAID:
            with pytest.raises(BillerUnreachable):
                port.play(WORLD, "pay_1", Turn.TAKE_BACK, MORNING)
        assert server.connections == 5 + (said != _NOTHING_SAID)


def test_an_answer_that_drips_ends_at_the_time_out_and_the_biller_is_left_alone_for_a_while(remote: Remote) -> None:
    """Nobody waits for each byte anew, and the next question is not asked at all: it would wait as long."""
    over = threading.Event()
    biller = billers.get(remote.bank.db.read(), _biller_id(remote))

    def drip(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        while not over.wait(0.01):
            connection.sendall(b" ")

    with raw_server(drip) as server:
        url = f"http://127.0.0.1:{server.port}"
        port = RemoteBiller(BillerLeg(url=url, timeout_s=0.3, pause_s=3600), lambda _: None)
        states = {port.post(WORLD, _posting(biller), MORNING).state for _ in range(50)}
        over.set()
        assert (states, server.connections) == ({PostingState.NO_ANSWER}, 1)


def test_a_biller_that_came_back_is_asked_on_a_new_connection(tmp_path: Path, remote: Remote) -> None:
    """A kept connection that has died in the meantime is seen before anything is sent over it."""
    biller = billers.get(remote.bank.db.read(), _biller_id(remote))
    books, app = create_billers(Settings(database=str(tmp_path / "billers.db")), "", lambda: None)
    port_number = free_port()
    port = RemoteBiller(BillerLeg(url=f"http://127.0.0.1:{port_number}", timeout_s=20), lambda _: None)
    posting = _posting(biller)
    for _ in range(2):
        with serving(app, port_number):
            assert port.post(WORLD, posting, MORNING).state is PostingState.POSTED
        assert port.post(WORLD, posting, MORNING).state is PostingState.NO_ANSWER, "it is not there"
    row = books.read().one(store.FIND, w=f"{WORLD.world_id}@", p=posting.posting_id)
    assert row is not None and row["times"] == 1
    books.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/query", b"", 405),
        ("POST", "/else", b"{}", 404),
        ("POST", "/query", b"", 400),
        ("POST", "/query", b"[1]", 400),
        ("POST", "/query", b'{"world": {"world_id": "w"}, "at": 1}', 400),
        ("POST", "/post", b'{"world": {"world_id": "w", "began_at": null}, "at": "1"}', 400),
        ("POST", "/post", b'{"world": {"world_id": "w", "began_at": 1}, "at": 1, "biller_id": "blr_none"}', 422),
        ("POST", "/query", b"{" * 100_000, 400),
    ],
)
def test_questions_that_are_none_are_refused(remote: Remote, method: str, path: str, body: bytes, status: int) -> None:
    asked = Request(remote.url + path, body or None, {"Authorization": "Bearer a word"}, method=method)
    with pytest.raises(HTTPError) as refused:
        urlopen(asked, timeout=PATIENCE_S)
    assert refused.value.code == status
    assert set(json.loads(refused.value.read())) == {"error"}


money = st.integers(0, 10**12).map(Money.from_minor)
days = st.integers(0, 20_000).map(lambda number: date(1990, 1, 1) + timedelta(days=number))
bills = st.builds(
    DueBill,
    bill_number=st.text(max_size=20),
    bill_date=days,
    due_date=days,
    period_from=days,
    period_to=days,
    amount=money,
    penalty=money,
    min_amount=money,
    max_amount=money,
    balance=st.none() | money,
    items=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9), money), max_size=3).map(tuple),
    paid=money,
)


@given(bill=bills)
def test_a_bill_is_read_as_it_was_written(bill: DueBill) -> None:
    assert wire.bill_from_json(json.loads(json.dumps(wire.bill_to_json(bill)))) == bill


@given(
    answer=st.builds(
        PostingAnswer,
        state=st.sampled_from(PostingState),
        reference=st.text(max_size=30),
        times=st.integers(0, 9),
        reverses_after_ms=st.none() | st.integers(0, 10**9),
        posts_late_after_ms=st.none() | st.integers(0, 10**9),
        answers_after_ms=st.none() | st.integers(0, 10**9),
    )
)
def test_what_is_said_of_a_posting_is_read_as_it_was_written(answer: PostingAnswer) -> None:
    assert wire.posted_from_json(json.loads(json.dumps(wire.posted_to_json(answer)))) == answer


@pytest.mark.parametrize("amount", [-1, 1.0, "100", True, None, 2**53, [1]])
def test_an_amount_that_only_looks_like_one_is_not_read(amount: object) -> None:
    line = wire.listed_to_json(Listed("pay_1", Money(Decimal(1)), "r")) | {"amount": amount}
    with pytest.raises(TypeError):
        wire.listed_from_json(line)


def _biller_id(remote: Remote) -> str:
    return str(remote.partner().biller(POWER)["biller_id"])


def _posting(biller: Biller) -> Posting:
    return Posting("pay_of_the_tests", biller, {"account_number": "3100000011"}, {"": Money(Decimal(5))})
