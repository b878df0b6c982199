"""What was used once is known to every process, also by way of Redis; and while Redis is away nobody is let in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis
from tests.attacks.oauth.browsers import rows
from tests.attacks.oauth.parties import CREDENTIALS, Client, refused
from tests.conftest import WallClock, make_bank
from tests.sdk.processes import comes_up, free_port

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank

_SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(_SERVER is None, reason="redis-server is not installed")
PATIENCE_S = 60


@dataclass
class RedisServer:
    """A Redis at one address, which comes and goes."""

    port: int
    folder: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder))
        self.running.append(subprocess.Popen([_SERVER or "", *options], stdout=subprocess.DEVNULL))
        assert comes_up(self.port, self.running[-1])

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(free_port(), tmp_path_factory.mktemp("redis"))
    made.start()
    yield made
    for process in made.running:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def banks(tmp_path_factory: pytest.TempPathFactory, server: RedisServer) -> Iterator[tuple[Bank, Bank]]:
    """Two processes of one bank, as far as their memory goes."""
    folder, clock = tmp_path_factory.mktemp("bank"), WallClock()
    url = f"redis://127.0.0.1:{server.port}/0"
    address = str(Path(folder) / "bank.db")
    made = [make_bank(folder, clock, database=address, redis_url=url) for _ in range(2)]
    yield made[0], made[1]
    for each in made:
        each.db.close()


@pytest.fixture
def me(banks: tuple[Bank, Bank]) -> Client:
    return Client(create_app(banks[0]).test_client(use_cookies=False), banks[0].clock._wall_ms).register()  # type: ignore[arg-type]


def test_a_proof_is_used_once_over_all_processes_and_no_row_is_written(me: Client, banks: tuple[Bank, Bank]) -> None:
    token = me.token()
    proof = me.proof("GET", "/v1/payments", token=token)
    assert me.call(token, proof=proof).status_code == 200
    me.http = create_app(banks[1]).test_client(use_cookies=False)
    assert me.call(token, proof=proof).json["code"] == "DPOP_PROOF_INVALID"
    assert rows(banks[0], "oauth_replays") == []


def test_an_assertion_is_used_once(me: Client) -> None:
    form = CREDENTIALS | {"client_assertion": me.assertion()}
    assert me.grant(form).status_code == 200
    refused(me.grant(form), "invalid_client")


def test_what_is_noted_is_a_hash_and_goes_with_what_it_is_of(me: Client, server: RedisServer) -> None:
    me.token()
    with server.client() as client:
        for key in client.scan_iter():
            assert key.startswith(b"openteller:once:") and len(key) == len("openteller:once:") + 64
            assert 0 < client.pttl(key) <= 400_000


@pytest.mark.abuse("credentials", "uses a proof again while the store of what was used is down")
def test_while_redis_is_away_nobody_is_let_in_and_afterwards_all_is_well(me: Client, server: RedisServer) -> None:
    token = me.token()
    with server.client() as client:
        client.shutdown(nosave=True)
    for answer in (me.call(token), me.grant(CREDENTIALS)):
        assert answer.status_code == 503, answer.text
        assert answer.headers["Retry-After"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "redis" not in answer.text.lower()
    server.start()
    assert me.call(token).status_code == 200
