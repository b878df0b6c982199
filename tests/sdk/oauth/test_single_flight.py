"""One renews, the others wait and use it: threads, tasks, processes, and whoever takes over from one that was killed.

The app is a public one: its refresh token changes with each use, and one that comes late ends the consent.
"""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conftest import MORNING, WallClock
from tests.docs.snippets import allow
from tests.sdk import processes
from tests.sdk.oauth.conftest import CALLBACK, URL, Door, entry, opened, spoil

from openteller import AsyncOpenTeller, OpenTeller, errors, hooks
from openteller.oauth import MemoryTokenStore, SqliteTokenStore
from openteller_sandbox.clock import Clock

CROWD = 8


class Counting:
    """A hook that counts how often tokens were renewed."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, event: hooks.Event) -> None:
        self.times += isinstance(event, hooks.Sending) and event.operation == "refreshToken"


def look(bank: OpenTeller) -> None:
    bank.for_customer("user-1").billers.categories().page()


def test_of_eight_threads_one_renews(public: Callable[..., OpenTeller], door: Door) -> None:
    counting = Counting()
    bank = public(hooks=[counting])
    door.link(bank)
    for number in range(1, 4):
        spoil(bank, "user-1")
        with ThreadPoolExecutor(CROWD) as threads:
            list(threads.map(lambda _: look(bank), range(CROWD)))
        assert counting.times == number


def test_of_eight_clients_with_one_store_one_renews(public: Callable[..., OpenTeller], door: Door) -> None:
    counting, store = Counting(), MemoryTokenStore()
    banks = [public(hooks=[counting], token_store=store) for _ in range(CROWD)]
    door.link(banks[0])
    spoil(banks[0], "user-1")
    barrier = threading.Barrier(CROWD)

    def one(bank: OpenTeller) -> None:
        barrier.wait()
        look(bank)

    with ThreadPoolExecutor(CROWD) as threads:
        list(threads.map(one, banks))
    assert counting.times == 1


@pytest.mark.anyio
async def test_of_eight_tasks_one_renews_and_one_that_is_cancelled_loses_nothing(
    public: Callable[..., OpenTeller], door: Door
) -> None:
    counting, store = Counting(), MemoryTokenStore()
    with public(token_store=store) as bank:
        door.link(bank)
        spoil(bank, "user-1")
        client_id = bank._caller.setup.credentials.client_id  # type: ignore[union-attr]
        before = entry(bank, "user-1").refresh_token
    options: dict[str, Any] = {"client_id": client_id, "client_secret": "", "token_store": store, "hooks": [counting]}
    async with AsyncOpenTeller(URL, wsgi_app=door.app, **options) as others:
        mine = others.for_customer("user-1")

        async def impatient(scope: anyio.CancelScope) -> None:
            def cancel(event: hooks.Event) -> None:
                if isinstance(event, hooks.Answered) and event.operation == "refreshToken":
                    scope.cancel()  # the bank has replaced the token, and nobody has kept the new one yet

            with scope:
                await mine.with_options(hooks=[counting, cancel]).billers.categories().page()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient, anyio.CancelScope())
            for _ in range(CROWD):
                tasks.start_soon(lambda: mine.billers.categories().page())
    assert counting.times == 1
    assert entry(bank, "user-1").refresh_token != before


# --- whoever was killed, and whoever comes late


@pytest.fixture
def wall() -> WallClock:
    return WallClock(MORNING)


@pytest.fixture
def slow_door(wall: WallClock, tmp_path: Path) -> Iterator[Door]:
    """A bank whose wall time a test moves."""
    yield from opened(tmp_path, Clock(wall_ms=wall))


def at(bank: OpenTeller, wall: WallClock) -> OpenTeller:
    """Give a client the wall time of its bank."""
    bank._caller.setup = dataclasses.replace(bank._caller.setup, wall=lambda: wall.at / 1000)
    return bank


def linked(door: Door, wall: WallClock, store: MemoryTokenStore) -> Callable[[], OpenTeller]:
    client_id = door.register(profile="baseline", auth_method="none").client_id

    def make() -> OpenTeller:
        return at(door.client(client_id=client_id, client_secret="", token_store=store), wall)

    with make() as bank:
        door.link(bank)
    return make


def test_whoever_takes_over_from_one_that_was_killed_gets_the_same_tokens(slow_door: Door, wall: WallClock) -> None:
    store = MemoryTokenStore(lambda: wall.at / 1000)
    make = linked(slow_door, wall, store)
    with make() as killed, make() as heir:
        spoil(killed, "user-1")
        old = store.load("customer:user-1")
        look(killed)
        successor = entry(killed, "user-1").refresh_token
        # As if it had been killed before it kept them: the store is as it was, and claimed.
        new = store.load("customer:user-1")
        assert old is not None and new is not None
        store.swap("customer:user-1", old.content, version=new.version)
        store.claim("customer:user-1", version=store.load("customer:user-1").version, seconds=5)  # type: ignore[union-attr]
        with pytest.raises(errors.TimedOut, match="another process"):
            look(heir.with_options(deadline=0.2))
        wall.advance(6)
        look(heir)
        assert entry(heir, "user-1").refresh_token == successor


def test_a_stale_copy_of_the_store_costs_the_consent_and_says_so(slow_door: Door, wall: WallClock) -> None:
    """A store that was brought back from a backup holds a token that was replaced long ago: as a thief's would be."""
    store = MemoryTokenStore(lambda: wall.at / 1000)
    make = linked(slow_door, wall, store)
    with make() as bank, make() as restored:
        spoil(bank, "user-1")
        old = store.load("customer:user-1")
        look(bank)
        wall.advance(60)
        new = store.load("customer:user-1")
        assert old is not None and new is not None
        store.swap("customer:user-1", old.content, version=new.version)
        with pytest.raises(errors.ConsentRequired, match="consent has ended"):
            look(restored)
        assert bank.authorization.get("user-1") is None
        with pytest.raises(errors.ConsentRequired):
            look(bank)


# --- processes


PROGRAM = """
import sys
from openteller import OpenTeller, hooks
from openteller.oauth import SqliteTokenStore

times = 0

def count(event):
    global times
    times += isinstance(event, hooks.Sending) and event.operation == "refreshToken"

url, client_id, store = sys.argv[1:]
bank = OpenTeller(url, client_id=client_id, client_secret="", token_store=SqliteTokenStore(store), hooks=[count])
mine = bank.for_customer("user-1")
mine.status.get()
print("ready", flush=True)
for line in sys.stdin:
    bank._caller.setup.shared.customers["user-1"]._held = None  # as if its time were up
    mine.billers.categories().page()
    print(times, flush=True)
"""


def test_of_four_processes_one_renews_each_time(tmp_path: Path) -> None:
    path = tmp_path / "tokens.db"
    with processes.sandbox(tmp_path) as (url, _):
        with OpenTeller(url, client_id="") as nobody:
            made = nobody.authorization.register(
                name="公开的应用", redirect_uris=[CALLBACK], profile="baseline", auth_method="none"
            )
        store = SqliteTokenStore(path)
        with OpenTeller(url, client_id=made.client_id, client_secret="", token_store=store) as bank:
            asked = bank.authorization.start(redirect_uri=CALLBACK, scope=["open-data"])
            bank.authorization.finish(allow(asked.url), state=asked.state, customer="user-1")
            said = crowd_of_processes(bank, url, made.client_id, path)
    assert said == [1, 2, 3, 4, 5]


def crowd_of_processes(bank: OpenTeller, url: str, client_id: str, path: Path) -> list[int]:
    """Let four processes need the token at once, five times; give how often all of them had renewed it by then."""
    command = [sys.executable, "-c", PROGRAM, url, client_id, str(path)]
    pipe = subprocess.PIPE
    crowd = [
        subprocess.Popen(command, env=processes.environment(), stdin=pipe, stdout=pipe, text=True, bufsize=1)
        for _ in range(4)
    ]
    said, tokens = [], set()
    try:
        assert [one.stdout.readline() for one in crowd] == ["ready\n"] * 4  # type: ignore[union-attr]
        for _ in range(5):
            spoil(bank, "user-1")
            for one in crowd:
                one.stdin.write("go\n")  # type: ignore[union-attr]
            said.append(sum(int(one.stdout.readline()) for one in crowd))  # type: ignore[union-attr]
            tokens.add(entry(bank, "user-1").refresh_token)
    finally:
        for one in crowd:
            one.communicate()
    assert len(tokens) == 5
    return said
