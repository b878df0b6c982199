"""Several processes on PostgreSQL are one bank: they share all, do what is due once, and die alone."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from sqlalchemy import select
from tests import postgres
from tests.conftest import Partner, WallClock, make_bank, make_partner, new_database
from tests.payer import Payer
from tests.sandbox.test_serving import _call, _create, _token
from tests.sdk.processes import MORNING, PATIENCE_S, Running, environment, free_port, run, running

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.db import Statement
from openteller_sandbox.due import service as due
from openteller_sandbox.http.request_log import MOST_ROWS, SharedRequestLog, request_log, requests

THREE = 3


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Running]]:
    port = free_port()
    options = ("--port", str(port), "--workers", str(THREE), "--clock", MORNING, "--check-answers", "all")
    limits = ("--rate-limit-app", "1000000", "--rate-limit-anonymous", "1000000", "--no-limits")
    folder = tmp_path_factory.mktemp("workers")
    address = {"OPENTELLER_DATABASE_URL": new_database("postgresql", folder)}
    with running("sandbox", "serve", *options, *limits, cwd=folder, env=address) as process:
        process.read_until("Ctrl-C ends it")
        yield f"http://127.0.0.1:{port}", process


def crew(process: Running) -> set[int]:
    """Give the processes that serve."""
    pid = process.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


linux = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")


def test_one_key_on_sixteen_connections_at_three_processes_makes_one_payment(served: tuple[str, Running]) -> None:
    url = served[0]
    token = _token(url)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _create(url, token, "burst-1", "burst-key"), range(16)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["payment_id"] for _, answer in answers}) == 1


def test_what_one_process_has_done_every_other_one_answers(served: tuple[str, Running]) -> None:
    """Each call is a connection of its own, which any process may get."""
    url = served[0]
    bearer = {"Authorization": f"Bearer {_token(url)}"}
    made = _create(url, bearer["Authorization"].partition(" ")[2], "seen-by-all", "seen-by-all")[1]["payment_id"]
    for _ in range(20):
        status, _, body = _call(url, "GET", f"/v1/payments/{made}", **bearer)
        assert (status, json.loads(body)["payment_id"]) == (200, made)


def _ask(url: str, token: str, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes]:
    sent = {"Authorization": f"Bearer {token}", **headers}
    if body is None:
        status, _, answer = _call(url, method, path, **sent)
    else:
        status, _, answer = _call(url, method, path, json.dumps(body).encode(), Content_Type="application/json", **sent)
    return status, answer


def test_late_answers_keep_nobody_waiting_at_any_process(served: tuple[str, Running]) -> None:
    """One after the other a process of three would hold ten of them for 20 s."""
    url, at_once = served[0], 30
    token = _token(url)
    fault = {"match": {"operation_id": "listDisputes"}, "effect": {"delay_ms": 2000}, "times": at_once}
    assert _ask(url, token, "POST", "/sandbox/v1/faults", fault)[0] == 201
    began = time.monotonic()
    with ThreadPoolExecutor(at_once) as pool:
        late = [pool.submit(_ask, url, token, "GET", "/v1/disputes") for _ in range(at_once)]
        plain = [_call(url, "GET", "/v1/status")[0] for _ in range(30)]
        assert [each.result()[0] for each in late] == [200] * at_once
    assert plain == [200] * 30
    assert 2 <= time.monotonic() - began < 15


@pytest.mark.parametrize(("drop", "made"), [("BEFORE", 0), ("AFTER", 1)])
def test_an_answer_is_lost_at_whatever_process_is_asked(served: tuple[str, Running], drop: str, made: int) -> None:
    url = served[0]
    token, reference = _token(url), f"lost-{drop}"
    fault = {"match": {"operation_id": "createPayment"}, "effect": {"drop": drop}, "times": 1}
    assert _ask(url, token, "POST", "/sandbox/v1/faults", fault)[0] == 201
    with pytest.raises(http.client.IncompleteRead):
        _create(url, token, reference, reference)
    assert (
        json.loads(_ask(url, token, "GET", f"/v1/payments?partner_reference={reference}")[1])["meta"]["count"] == made
    )
    assert _create(url, token, reference, reference)[0] == 201


def test_a_fault_on_the_way_to_a_biller_strikes_as_often_as_was_ordered_at_all_processes_together(
    served: tuple[str, Running],
) -> None:
    url = served[0]
    token = _token(url)
    billers = json.loads(_call(url, "GET", "/v1/billers?q=SH-ELECTRICITY-01")[2])["data"]
    asked = {"biller_id": billers[0]["biller_id"], "inputs": {"account_number": "3100000011"}, "end_user_ref": "u" * 20}
    fault = {"match": {"leg": "query"}, "effect": {"status": 500}, "times": 4}
    assert _ask(url, token, "POST", "/sandbox/v1/faults", fault)[0] == 201
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _ask(url, token, "POST", "/v1/bill-fetches", asked)[0], range(8)))
    assert Counter(answers) == {502: 4, 201: 4}


@linux
def test_a_process_that_dies_is_replaced_and_the_others_go_on(served: tuple[str, Running]) -> None:
    url, process = served
    token = _token(url)
    before = crew(process)
    assert len(before) == THREE
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    process.read_until(f"worker {victim} has died (SIGKILL)")
    answered: list[int] = []
    until = time.monotonic() + PATIENCE_S
    while (len(crew(process)) < THREE or len(answered) < 20) and time.monotonic() < until:
        number = len(answered)
        with suppress(OSError):  # its connections were its own
            answered.append(_create(url, token, f"after-{number}", f"after-{number}")[0])
    assert len(crew(process)) == THREE
    assert set(answered) == {201}


@linux
def test_who_ends_the_first_process_ends_them_all(tmp_path: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        port = free_port()
        options = ("--port", str(port), "--workers", "2", "--database", new_database("postgresql", tmp_path))
        with running("sandbox", "serve", *options, cwd=tmp_path) as process:
            process.read_until("Ctrl-C ends it")
            children = crew(process)
            code, said = process.end(number)  # reads to the end of what they all may write
        assert "died" not in said
        assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        assert not any(_runs(child) for child in children)


def _runs(process: int) -> bool:
    """Tell whether a process runs; of one that nobody has asked for yet there is a name only."""
    try:
        return bool(Path(f"/proc/{process}/cmdline").read_bytes())
    except FileNotFoundError:
        return False


def test_what_is_wrong_is_said_once_and_in_one_line(tmp_path: Path) -> None:
    where = ("--port", str(free_port()), "--workers", "3", "--database", postgres.shared().url("nowhere"))
    done = run("sandbox", "serve", *where, cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert 'database "nowhere" does not exist' in done.stderr


def test_workers_that_cannot_begin_are_told_and_leave_nobody() -> None:
    program = """
import os
from openteller_sandbox import workers

def work(tells, leash, ready):
    raise RuntimeError("no luck")

try:
    workers.keep(2, work)
except workers.WorkerError as error:
    print(error)
try:
    os.wait()
except ChildProcessError:
    print("nobody is left")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    assert done.stdout.splitlines() == ["a worker could not begin", "nobody is left"]
    assert "RuntimeError: no luck" in done.stderr


@pytest.fixture
def banks(tmp_path: Path) -> Iterator[list[Bank]]:
    """Open one bank as three processes have it."""
    address, wall = new_database("postgresql", tmp_path), WallClock()
    opened = [make_bank(tmp_path, wall, database=address) for _ in range(THREE)]
    yield opened
    for bank in opened:
        bank.db.close()


def at_once(banks: list[Bank], work: Callable[[Bank], object]) -> list[object]:
    """Do something in all processes at the same moment."""
    barrier = threading.Barrier(len(banks))

    def do(bank: Bank) -> object:
        barrier.wait(PATIENCE_S)
        return work(bank)

    with ThreadPoolExecutor(len(banks)) as pool:
        return list(pool.map(do, banks))


def test_what_is_due_is_done_once_and_in_order_whoever_does_it(banks: list[Bank]) -> None:
    client = create_app(banks[0]).test_client(use_cookies=False)
    worlds = [make_partner(client).app["world_id"] for _ in range(4)]
    now = banks[0].now()
    for world_id in worlds:
        with banks[0].db.act(world_id) as tx:
            for number in range(10):
                due.schedule(tx, World(world_id), now - 100 + number, "count", str(number))
    done: list[tuple[str, str]] = []
    for bank in banks:
        bank.due_handlers["count"] = lambda _, act: done.append((act.world.world_id, act.subject))

    until = time.monotonic() + PATIENCE_S
    while sum(int(str(count)) for count in at_once(banks, due.run_all)):
        assert time.monotonic() < until

    assert Counter(done) == Counter((world_id, str(number)) for world_id in worlds for number in range(10))
    for world_id in worlds:
        assert [subject for world, subject in done if world == world_id] == [str(number) for number in range(10)]


def test_a_world_that_a_dead_process_was_at_is_taken_over(banks: list[Bank]) -> None:
    partner = make_partner(create_app(banks[0]).test_client(use_cookies=False))
    world = World(partner.app["world_id"])
    with banks[0].db.act(world.world_id) as tx:
        due.schedule(tx, world, banks[0].now() - 1, "count", "left")
    done: list[str] = []
    for bank in banks:
        bank.due_handlers["count"] = lambda _, act: done.append(act.subject)

    with due.alone(banks[0], world):
        assert (due.run_all(banks[1]), done) == (0, [])
        banks[0].db.close()  # as when it is killed; the server hears of it a moment later
    until = time.monotonic() + PATIENCE_S
    while not due.run_all(banks[1]):
        assert time.monotonic() < until
    assert done == ["left"]


def test_a_clock_that_two_processes_advance_at_once_moves_by_both(banks: list[Bank]) -> None:
    clients = {id(bank): create_app(bank).test_client(use_cookies=False) for bank in banks}
    partner = make_partner(clients[id(banks[0])])

    def advance(bank: Bank) -> int:
        there = Partner(clients[id(bank)], partner.app, partner.headers)
        return there.post("/sandbox/v1/clock:advance", {"seconds": 3600}, key=None).status_code

    assert at_once(banks, advance) == [200] * THREE
    assert partner.get("/sandbox/v1/clock").json["bank_time"] == "2026-09-29T13:30:00+08:00"


def test_the_log_of_requests_is_one_of_bounded_length(banks: list[Bank]) -> None:
    apps = [create_app(bank) for bank in banks]
    logs = [app.extensions["openteller"].requests for app in apps]
    partner = make_partner(apps[0].test_client(use_cookies=False))
    world_id = partner.app["world_id"]
    doors = [Partner(app.test_client(use_cookies=False), partner.app, partner.headers) for app in apps]
    asked = {door.get("/v1/status").headers["X-Request-Id"] for door in doors}
    for log in logs:
        log.flush()  # as the server does each second
    for door in doors:
        assert asked <= {row["request_id"] for row in door.get("/sandbox/v1/requests", limit=100).json["data"]}
    for number in range(800):
        doors[number % THREE].get("/v1/status")
    rows = banks[0].db.read().all(Statement(select(requests.c.seq).where(requests.c.world_id == world_id)))
    assert MOST_ROWS <= len(rows) < MOST_ROWS + THREE * 64
    assert len(logs[1].newest_first(world_id, 1000)) < MOST_ROWS + THREE * 64


def test_the_log_of_requests_is_in_the_order_of_time_whoever_has_written_first(
    banks: list[Bank],
) -> None:
    logs = [request_log(bank.db) for bank in banks]
    row = dict.fromkeys(("app_id", "operation_id", "method", "path"), "x") | {"status": 200, "code": None}
    for number in range(30):
        times = {"duration_ms": 1, "received_at": number, "bank_time": number}
        logs[number % THREE].note("wld_1", {**row, **times, "request_id": str(number)})
    for log in reversed(logs):
        log.flush()
    first = logs[0].newest_first("wld_1", 12)
    rest = logs[1].newest_first("wld_1", 100, first[-1][0])
    assert [row["request_id"] for _, row in first + rest] == [str(number) for number in reversed(range(30))]


def test_a_request_costs_the_log_no_statement_of_its_own(banks: list[Bank], monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    log = SharedRequestLog(banks[0].db)
    monkeypatch.setattr(log, "_write", lambda rows: written.append(len(rows)))
    for _ in range(130):
        log.note("wld_1", {"received_at": 1})
    log.flush()
    assert written == [64, 64, 2]


def test_a_log_that_cannot_be_written_holds_up_no_answer(banks: list[Bank], caplog: pytest.LogCaptureFixture) -> None:
    app = create_app(banks[0])
    partner = make_partner(app.test_client(use_cookies=False))
    with psycopg.connect(banks[0].settings.database) as connection:
        connection.execute("DROP TABLE request_log")
    for _ in range(70):
        assert partner.get("/v1/status").status_code == 200
    assert "64 requests are missing in the log" in caplog.text


def test_wrong_digits_are_counted_at_whatever_process_they_are_guessed(banks: list[Bank]) -> None:
    """Each of the guesses at once counts, though each process has seen the session before the others' came."""
    apps = {id(bank): create_app(bank) for bank in banks}
    partner = make_partner(apps[id(banks[0])].test_client(use_cookies=False))
    bills = [partner.fetch().json["bills"][0]["bill_id"]]
    first = Payer(apps[id(banks[0])].test_client(), partner.pay_link(bill_ids=bills)["payment_link"]["url"])
    first.send("start").sign_in()
    browsers = {id(bank): _same_browser(first, apps[id(bank)]) for bank in banks}

    at_once(banks, lambda bank: browsers[id(bank)].send("digits", digits="0000"))

    first.open()
    assert first.step == "sign_in", "three wrong guesses end the attempt"


def _same_browser(first: Payer, app: Flask) -> Payer:
    """Give a browser at its page, as if its next form went to another process."""
    client = app.test_client()
    cookie = first._client.get_cookie("openteller_pay", path=first.path)
    assert cookie is not None
    client.set_cookie("openteller_pay", cookie.value, path=first.path)
    return Payer(client, first.path)


def test_due_acts_carry_their_world(banks: list[Bank]) -> None:
    seen: list[Due] = []
    partner = make_partner(create_app(banks[0]).test_client(use_cookies=False))
    partner.advance(seconds=60)
    world = World(partner.app["world_id"])
    with banks[0].db.act(world.world_id) as tx:
        due.schedule(tx, world, banks[0].now() + 50_000, "count", "later")
    for bank in banks:
        bank.due_handlers["count"] = lambda _, act: seen.append(act)
    due.run_all(banks[1])
    assert [act.world.offset_ms for act in seen] == [60_000]
