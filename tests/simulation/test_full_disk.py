"""A disk that is full, a database that is gone: refused for now, nothing half done, and well again when it ends."""

from __future__ import annotations

import http.client
import json
import os
import resource
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from tests import postgres
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.sdk.processes import MORNING, PATIENCE_S, Running, sandbox
from tests.simulation.audit import Audit

from openteller import OpenTeller
from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import DatabaseError, EngineUnavailable, open_database
from openteller_sandbox.http import Problem
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET
from openteller_sandbox.payments.authorisation import Confirmed

TOP_UP = "CN-MOBILE_TOPUP-01"


def audited(bank: Bank, audit: Audit) -> None:
    with bank.db.act() as tx:
        assert audit.look(tx) == []


def top_up(partner: Partner, reference: str, *, scenario: str = "DUE_BILL") -> dict[str, Any]:
    return {
        "partner_reference": reference,
        "biller_id": partner.biller(TOP_UP)["biller_id"],
        "inputs": partner.magic(TOP_UP, scenario),
        "amount": {"amount": "50.00", "currency": "CNY"},
    }


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Bank, Callable[[int], None]]]:
    """A bank on SQLite whose file may be given a number of pages, beyond which SQLite says that the disk is full."""
    bank = make_bank(tmp_path, WallClock(), engine="sqlite")
    connection = bank.db._connection()  # type: ignore[attr-defined]

    def room(pages: int) -> None:
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={used + pages}")

    yield bank, room
    bank.db.close()


@pytest.mark.parametrize("gathered", [False, True], ids=["alone", "gathered"])
def test_wherever_the_disk_is_full_on_a_payments_way_nothing_is_half_done(
    small: tuple[Bank, Callable[[int], None]], gathered: bool
) -> None:
    """Room for ever more pages, so that each statement of the way is once the one that fails."""
    bank, room = small
    partner, audit = make_partner(create_app(bank).test_client(use_cookies=False)), Audit()
    payer, outcomes = DirectPayer(bank), set()
    bodies = {number: top_up(partner, f"order-{number}") for number in range(40)}
    for number, body in bodies.items():
        bank.db.gather((lambda: None) if gathered else None)
        room(number % 20)
        answer = partner.post("/v1/payments", body, key=f"order-{number}")
        outcome = "created" if answer.status_code == 201 else "refused"
        if answer.status_code == 201:
            outcome = _pay(payer, answer.json["payment_id"])
        else:
            assert (answer.status_code, answer.json["code"]) == (503, "BANK_UNAVAILABLE")
            assert int(answer.headers["Retry-After"]) > 0
        outcomes.add(outcome if _is_kept(bank) else "undone")
        bank.db.gather(None)
        room(100_000)
        audited(bank, audit)
    assert "paid" in outcomes
    assert ("undone" if gathered else "refused") in outcomes
    for number, body in bodies.items():
        again = partner.post("/v1/payments", body, key=f"order-{number}")
        assert again.status_code == 201, again.text
        if partner.payment(again.json["payment_id"])["status"] in {"created", "authorising"}:
            assert _pay(payer, again.json["payment_id"]) == "paid"
    partner.advance(seconds=3 * 86_400)
    audited(bank, audit)
    assert set(audit.statuses.values()) <= {"succeeded", "refunded"}
    assert len(audit.statuses) == len(bodies)


def _is_kept(bank: Bank) -> bool:
    """Commit what was gathered; False where a server would answer everything of the turn with 503."""
    try:
        bank.db.commit()
    except DatabaseError:
        return False
    return True


def _pay(payer: DirectPayer, payment_id: str) -> str:
    try:
        return "paid" if payer.pay(payment_id) is Confirmed.DONE else "not paid"
    except (EngineUnavailable, DatabaseError):
        return "not paid"
    except Problem as refused:
        return refused.code


@contextmanager
def file_size_limit(running: Running, folder: Path) -> Iterator[None]:
    """No file of a process grows any more (RLIMIT_FSIZE)."""
    pid, before = running.process.pid, resource.prlimit(running.process.pid, resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in folder.iterdir() if file.name.startswith("bank.db-wal"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def filled_up(_: Running, folder: Path) -> Iterator[None]:
    """Another file takes all that is left of a small disk."""
    stuffing = folder / "stuffing"
    with stuffing.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue
    try:
        yield
    finally:
        stuffing.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Mount a small file system in memory."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a file system can only be mounted by root, where the system lets it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    if request.node.callspec.params["full"] is filled_up:
        with small_disk(tmp_path / "disk") as mounted:
            yield mounted
    else:
        yield tmp_path


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prlimit and tmpfs are Linux's")
@pytest.mark.parametrize("full", [file_size_limit, filled_up])
def test_a_server_on_a_full_disk_refuses_what_it_cannot_keep_and_reads_on(folder: Path, full: Any) -> None:
    with sandbox(folder, "--clock", MORNING) as (url, running):
        token, numbers = _token(url), count()
        kept = [_create(url, token, f"order-{next(numbers)}") for _ in range(5)]
        assert {status for status, _, _ in kept} == {201}
        with full(running, folder):
            refused = _until_refused(url, token, numbers)
            reference, headers, body = refused
            assert (body["code"], body["retryable"]) == ("BANK_UNAVAILABLE", "same_key")
            assert int(headers["retry-after"]) > 0
            with ThreadPoolExecutor(8) as pool:
                several = list(pool.map(lambda number: _create(url, token, f"at-once-{number}"), range(8)))
            assert {status for status, _, _ in several} <= {201, 503}
            assert _call(url, "GET", "/v1/payments?limit=1", token)[0] == 200
            assert _call(url, "GET", "/v1/branches?limit=1", token)[0] == 200
            told = {f"at-once-{number}": each[2]["payment_id"] for number, each in enumerate(several) if each[0] == 201}
        with OpenTeller(url, client_id=DEMO_APP_ID, client_secret=DEMO_CLIENT_SECRET) as bank:
            here = {each.partner_reference: each.payment_id for each in bank.payments.list(limit=100)}
            assert told.items() <= here.items()
            assert reference not in here, "what was refused was not done"
            assert _create(url, token, reference)[0] == 201
            bank.sandbox.trigger("payment.refunded", new=True)
            assert bank.sandbox.worlds.get("current").books.balanced
    with closing(open_database(str(folder / "bank.db"))) as database, database.act() as tx:
        assert Audit().look(tx) == []


def _until_refused(url: str, token: str, numbers: Iterator[int]) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Create payments until one is refused: what is left of the log takes some more."""
    for number in numbers:
        assert number < 20_000
        reference = f"order-{number}"
        status, headers, body = _create(url, token, reference)
        if status != 201:
            assert status == 503, body
            return reference, headers, body
    raise AssertionError


def _call(
    url: str, method: str, path: str, token: str = "", body: Any = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {}
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), sent | headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, json.loads(answer.read())


def _create(url: str, token: str, reference: str) -> tuple[int, dict[str, str], Any]:
    key = {"Idempotency-Key": reference}
    return _call(url, "POST", "/v1/payments", token, {"partner_reference": reference}, **key)


def _token(url: str) -> str:
    basic = b64encode(f"{DEMO_APP_ID}:{DEMO_CLIENT_SECRET}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/oauth/token", b"grant_type=client_credentials", headers)
        return str(json.loads(connection.getresponse().read())["access_token"])


def test_a_database_server_that_is_gone_is_refused_for_now_and_used_again_when_it_is_back(tmp_path: Path) -> None:
    url = postgres.new_database()
    bank = make_bank(tmp_path, WallClock(), database=url)
    name = str(conninfo_to_dict(url)["dbname"])
    try:
        partner, audit = make_partner(create_app(bank).test_client(use_cookies=False)), Audit()
        paid = partner.post("/v1/payments", top_up(partner, "order-0"))
        DirectPayer(bank).pay(paid.json["payment_id"])
        postgres.shared().do(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        _end_connections(name)
        for _ in range(3):
            refused = partner.post("/v1/payments", {"partner_reference": "order-1"}, key="order-1")
            assert (refused.status_code, refused.json["code"]) == (503, "BANK_UNAVAILABLE")
            assert int(refused.headers["Retry-After"]) > 0
        postgres.shared().do(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))
        assert partner.post("/v1/payments", {"partner_reference": "order-1"}, key="order-1").status_code == 201
        partner.advance(seconds=86_400)
        audited(bank, audit)
    finally:
        bank.db.close()


def _end_connections(name: str) -> None:
    with psycopg.connect(postgres.shared().url(), autocommit=True) as connection:
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
        connection.execute(ended, [name])
