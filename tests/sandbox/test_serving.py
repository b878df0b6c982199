"""The sandbox over real sockets, in a process of its own: bodies, paths, bursts, kills and restarts."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import socket
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.sdk.processes import MORNING, Running, sandbox

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import open_database
from openteller_sandbox.http.checks import BODY_LIMIT
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET
from openteller_sandbox.serve import _ASKING, _may_ask


def _call(
    url: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()


def _token(url: str) -> str:
    basic = b64encode(f"{DEMO_APP_ID}:{DEMO_CLIENT_SECRET}".encode()).decode()
    form = {"Content_Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
    status, _, body = _call(url, "POST", "/oauth/token", b"grant_type=client_credentials", **form)
    assert status == 200, body
    return str(json.loads(body)["access_token"])


def _create(url: str, token: str, reference: str, key: str) -> tuple[int, dict[str, Any]]:
    body = json.dumps({"partner_reference": reference}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content_Type": "application/json", "Idempotency_Key": key}
    status, _, answer = _call(url, "POST", "/v1/payments", body, **headers)
    return status, json.loads(answer)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Running]]:
    with sandbox(tmp_path_factory.mktemp("served"), "--clock", MORNING, "--check-answers", "all") as running:
        yield running


@pytest.fixture(scope="module")
def url(served: tuple[str, Running]) -> str:
    return served[0]


def test_a_head_request_has_the_headers_of_a_get_and_no_body(url: str) -> None:
    status, got, body = _call(url, "GET", "/v1/rates/fx")
    head_status, head, nothing = _call(url, "HEAD", "/v1/rates/fx")
    assert (head_status, nothing, head["etag"], head["content-length"]) == (status, b"", got["etag"], str(len(body)))


def test_a_list_without_pages_has_a_length_by_which_a_part_of_it_is_known(url: str) -> None:
    status, headers, body = _call(url, "GET", "/v1/branches", Accept="application/x-ndjson")
    assert (status, headers["content-type"], headers["content-length"]) == (200, "application/x-ndjson", str(len(body)))
    rows = [json.loads(line) for line in body.splitlines()]
    assert len({row["branch_id"] for row in rows}) == len(rows) > 2000

    copy = _call(url, "GET", "/v1/branches", Accept="application/x-ndjson", If_None_Match=headers["etag"])
    assert (copy[0], copy[2]) == (304, b"")
    head_status, head, nothing = _call(url, "HEAD", "/v1/branches", Accept="application/x-ndjson")
    assert (head_status, nothing, head["etag"]) == (200, b"", headers["etag"])

    packed = _call(url, "GET", "/v1/branches", Accept="application/x-ndjson", Accept_Encoding="gzip")
    assert (packed[1]["content-encoding"], packed[1]["content-length"]) == ("gzip", str(len(packed[2])))
    assert gzip.decompress(packed[2]) == body


def test_a_body_that_announces_too_much_is_refused_unread(url: str) -> None:
    status, _, body = _call(url, "POST", "/v1/calculators/fx", b"[" * (BODY_LIMIT + 1), Content_Type="application/json")
    assert (status, json.loads(body)["code"]) == (413, "BODY_TOO_LARGE")


def test_a_body_in_chunks_is_cut_off_at_the_limit(url: str) -> None:
    chunk = b"%x\r\n%s\r\n" % (8192, b" " * 8192)
    lines = [
        "POST /v1/calculators/fx HTTP/1.1",
        "Host: bank",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    ]
    head = "\r\n".join([*lines, "", ""]).encode()
    with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=30) as connection:
        connection.sendall(head + chunk * 9 + b"0\r\n\r\n")
        answer = connection.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/payments/..%2f..%2fv1%2fstatus",
        "/v1/branches/%00",
        "/v1/branches/%FF%FE",
        "/v1//status",
        "/%2e%2e/etc/passwd",
    ],
)
def test_a_path_that_is_no_path_of_the_contract_is_not_found(url: str, path: str) -> None:
    status, _, body = _call(url, "GET", path)
    assert (status in {401, 404}, json.loads(body)["status"]) == (True, status)


def test_a_form_on_the_page_works_through_the_server(url: str) -> None:
    status, headers, _ = _call(url, "POST", "/link-check", b"link=x", Content_Type="application/x-www-form-urlencoded")
    assert (status, headers["cache-control"]) == (200, "no-store")


def test_one_key_on_sixteen_connections_at_once_makes_one_payment(url: str) -> None:
    token = _token(url)
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: _create(url, token, "burst-1", "burst-key"), range(16)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["payment_id"] for _, answer in answers}) == 1


def test_what_was_acknowledged_survives_a_kill_and_time_goes_on(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--clock", MORNING) as (url, process):
        token = _token(url)
        made = [_create(url, token, f"kept-{number}", f"key-{number}")[1]["payment_id"] for number in range(5)]
        process.end(signal.SIGKILL)
    with sandbox(tmp_path) as (url, _):
        _, _, body = _call(url, "GET", "/v1/payments", Authorization=f"Bearer {token}")
        assert [payment["payment_id"] for payment in json.loads(body)["data"]] == made[::-1]
        replay = _create(url, token, "kept-0", "key-0")
        assert (replay[0], replay[1]["payment_id"]) == (201, made[0])
        _, _, body = _call(url, "GET", "/v1/status")
        assert json.loads(body)["bank_time"].startswith("2026-09-29T10:3")


def test_a_database_of_another_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    from tests.sdk.processes import free_port, run

    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=999")
        connection.execute("CREATE TABLE mine (x)")
        connection.commit()
    done = run("sandbox", "serve", "--port", str(free_port()), "--database", str(path), cwd=tmp_path)
    assert done.returncode == 1
    assert "schema 999" in done.stderr
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_seed_that_does_not_fit_names_its_line_and_leaves_no_database(tmp_path: Path) -> None:
    from tests.sdk.processes import free_port, run

    from openteller_sandbox.settings import SEED_FOLDER

    seed = tmp_path / "seed"
    seed.mkdir()
    for file in SEED_FOLDER.iterdir():
        (seed / file.name).write_bytes(file.read_bytes())
    (seed / "billers.jsonl.gz").unlink()
    (seed / "billers.jsonl").write_text('{"biller_id": "blr_x"}\n')
    where = ("--port", str(free_port()), "--database", "new.db")
    done = run("sandbox", "serve", *where, "--seed", str(seed), cwd=tmp_path)
    assert done.returncode == 1
    assert "billers, line 1" in done.stderr
    assert not list(tmp_path.glob("new.db*"))


def test_a_first_start_that_was_interrupted_is_made_good_by_the_next(bank: Bank, tmp_path: Path) -> None:
    """Tables are made in one act and the seed is loaded in the next: a kill between the two leaves this file."""
    database = open_database(str(tmp_path / "bank.db"))
    database.prepare()
    database.close()
    with sandbox(tmp_path, "--clock", MORNING) as (url, _):
        status, _, body = _call(url, "GET", "/v1/billers?limit=1")
    assert (status, len(json.loads(body)["data"])) == (200, 1)


def test_whatever_may_ask_a_biller_elsewhere_keeps_no_other_request_waiting() -> None:
    asking = [each.path for each in contracts.load().operations.values() if "BILLER_QUERY_FAILED" in each.error_codes]
    assert len(asking) >= 4
    for path in [*asking, "/pay/a", "/customer/wld_a", "/sandbox/v1/events/bill.issued:trigger"]:
        assert _may_ask(_ASKING, {"REQUEST_METHOD": "POST", "PATH_INFO": path}), path
    assert not _may_ask(_ASKING, {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/payments"})
