"""Each store does the same: what it has is changed by whoever knows what is there, and claimed by one at a time."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import redis
from tests.sdk.doubles import SteadyClock
from tests.sdk.processes import comes_up, free_port

from openteller import errors
from openteller.oauth import MemoryTokenStore, RedisTokenStore, SqliteTokenStore, TokenStore

NAME = "customer:user-1"
KINDS = ("memory", "file", "redis")


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("redis-server is missing")
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(folder))
    with subprocess.Popen([command, *options], stdout=subprocess.DEVNULL) as server:
        assert comes_up(port, server)
        yield port
        server.terminate()


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenStore]:
    if request.param == "memory":
        yield MemoryTokenStore()
    elif request.param == "file":
        yield SqliteTokenStore(tmp_path / "tokens.db")
    else:
        with redis.Redis(port=request.getfixturevalue("redis_port")) as client:
            client.flushall()
            yield RedisTokenStore(client)


def version_of(store: TokenStore) -> int:
    kept = store.load(NAME)
    assert kept is not None
    return kept.version


def test_what_is_kept_is_there_until_it_is_changed_or_forgotten(store: TokenStore) -> None:
    assert store.load(NAME) is None
    assert store.swap(NAME, b"\x00one:1", version=0)
    first = store.load(NAME)
    assert first is not None and first.content == b"\x00one:1" and first.version > 0
    assert store.load("customer:user-2") is None
    assert store.swap(NAME, b"two", version=first.version)
    assert store.load(NAME).content == b"two"  # type: ignore[union-attr]
    assert store.swap(NAME, None, version=version_of(store))
    assert store.load(NAME) is None


def test_a_change_of_what_is_not_there_any_more_is_none(store: TokenStore) -> None:
    assert not store.swap(NAME, b"one", version=7)
    assert store.swap(NAME, b"one", version=0)
    first = version_of(store)
    assert not store.swap(NAME, b"another", version=0)
    assert store.swap(NAME, b"two", version=first)
    assert not store.swap(NAME, b"three", version=first)
    assert not store.swap(NAME, None, version=first)
    assert store.load(NAME).content == b"two"  # type: ignore[union-attr]


def test_what_comes_again_has_no_version_that_it_had_before(store: TokenStore) -> None:
    seen = set()
    for _ in range(3):
        assert store.swap(NAME, b"one", version=0)
        seen.add(version_of(store))
        assert store.swap(NAME, None, version=version_of(store))
    assert len(seen) == 3


def test_a_claim_is_one_ones_until_it_is_given_up_or_used(store: TokenStore) -> None:
    assert not store.claim(NAME, version=1, seconds=60)
    store.swap(NAME, b"one", version=0)
    first = version_of(store)
    assert not store.claim(NAME, version=first + 1, seconds=60)
    assert store.claim(NAME, version=first, seconds=60)
    assert not store.claim(NAME, version=first, seconds=60)
    store.release(NAME, version=first + 1)
    assert not store.claim(NAME, version=first, seconds=60)
    store.release(NAME, version=first)
    assert store.claim(NAME, version=first, seconds=60)
    assert store.swap(NAME, b"two", version=first)
    assert store.claim(NAME, version=version_of(store), seconds=60)


def crowd(act: Callable[[], bool]) -> list[bool]:
    """Let eight threads do the same at once."""
    barrier = threading.Barrier(8)

    def one(_: int) -> bool:
        barrier.wait()
        return act()

    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(one, range(8)))


def test_of_eight_at_once_one_changes_and_one_claims(store: TokenStore) -> None:
    for number in range(5):
        version = version_of(store) if number else 0
        assert sum(crowd(lambda version=version: store.swap(NAME, b"new", version=version))) == 1  # type: ignore[misc]
        version = version_of(store)
        assert sum(crowd(lambda version=version: store.claim(NAME, version=version, seconds=60))) == 1  # type: ignore[misc]


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_time_ends_claims_and_what_is_kept_for_a_while(kind: str, tmp_path: Path) -> None:
    clock = SteadyClock()
    store = MemoryTokenStore(clock) if kind == "memory" else SqliteTokenStore(tmp_path / "tokens.db", clock)
    store.swap(NAME, b"one", version=0, seconds=60)
    assert store.claim(NAME, version=version_of(store), seconds=5)
    clock.now += 4.9
    assert not store.claim(NAME, version=version_of(store), seconds=5)
    clock.now += 0.2
    assert store.claim(NAME, version=version_of(store), seconds=5)
    clock.now += 60
    assert store.load(NAME) is None
    assert store.swap(NAME, b"two", version=0)


def test_redis_ends_claims_and_what_is_kept_for_a_while(redis_port: int) -> None:
    with redis.Redis(port=redis_port) as client:
        client.flushall()
        store = RedisTokenStore(client, prefix="bot:")
        store.swap(NAME, b"one", version=0, seconds=60)
        assert store.claim(NAME, version=version_of(store), seconds=5)
        assert 55_000 < client.pttl(f"bot:{{{NAME}}}") <= 60_000
        assert 4_000 < client.pttl(f"bot:{{{NAME}}}:claim") <= 5_000
        client.pexpire(f"bot:{{{NAME}}}:claim", 0)
        assert store.claim(NAME, version=version_of(store), seconds=5)


# --- the file


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = SqliteTokenStore(tmp_path / "tokens.db")
        store.swap(NAME, b"one", version=0)
    finally:
        os.umask(before)
    assert [mode_of(one) for one in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_that_others_can_read_is_not_used(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    SqliteTokenStore(path)
    path.chmod(mode)
    with pytest.raises(errors.ConfigurationError, match="chmod 600"):
        SqliteTokenStore(path)


def test_what_was_replaced_does_not_stay_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    store = SqliteTokenStore(path)
    store.swap(NAME, b"otr_the-first-token", version=0)
    store.swap(NAME, b"otr_the-second-token", version=version_of(store))
    assert b"the-first-token" not in path.read_bytes()
    store.swap(NAME, None, version=version_of(store))
    assert b"the-second-token" not in path.read_bytes()


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="cannot be opened: No such file"):
        SqliteTokenStore(tmp_path / "nowhere" / "tokens.db")


def test_no_repr_shows_what_is_kept(store: TokenStore) -> None:
    store.swap(NAME, b"otr_secret", version=0)
    assert "otr_secret" not in repr(store) + repr(store.load(NAME))


class Broken(MemoryTokenStore):
    """A store that has failed, with a secret in what it says."""

    def load(self, name: str) -> Any:
        raise sqlite3.OperationalError("otr_secret of user-1")


def test_a_store_that_fails_is_told_without_what_it_says(door: Any, key: Any) -> None:
    with door.client(client_id="app_1", private_key=key, token_store=Broken()) as bank:
        with pytest.raises(errors.TokenStoreFailed) as caught:
            bank.for_customer("user-1").payments.list().first()
        assert (caught.value.code, caught.value.retryable) == ("TOKEN_STORE_FAILED", "later")
        assert "otr_secret" not in str(caught.value) and isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_what_another_program_has_kept_is_no_token(door: Any, key: Any) -> None:
    store = MemoryTokenStore()
    store.swap(NAME, b"{}", version=0)
    with (
        door.client(client_id="app_1", private_key=key, token_store=store) as bank,
        pytest.raises(errors.TokenStoreFailed, match="cannot read"),
    ):
        bank.for_customer("user-1").payments.list().first()
