"""A forked child: connections of its own, and no lock that a thread of the parent has held."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.sdk import doubles, processes
from tests.sdk.doubles import APP, Visit, serving

PREPARE = """
import os, sys, threading
from openteller import OpenTeller
client = OpenTeller(sys.argv[1], client_id=sys.argv[2], client_secret=sys.argv[3], max_retries=0)
def ask():
    return client.status.get().status
"""

SHARING = """
ask()
child = os.fork()
if child == 0:
    ask(); ask()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
ask()
"""

LOCKED = """
driver = client._caller.driver
held = threading.Event()
def hold():
    lock = driver._lock_of(driver._tokens)
    with driver._connecting, lock:
        held.set()
        go_on.wait()
go_on = threading.Event()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = os.fork()
if child == 0:
    ask()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
go_on.set()
thread.join()
ask()
"""


def run(script: str, url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", PREPARE + script, url, *APP.values()],
        env=processes.environment(),
        capture_output=True,
        timeout=processes.PATIENCE_S,
        check=False,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr


def handle(visit: Visit) -> None:
    if not doubles.gives_token(visit):
        visit.answer(doubles.example("getStatus"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_does_not_share_its_parents_connection() -> None:
    with serving(handle) as server:
        run(SHARING, server.url)
        asked = [visit for visit in server.visits if visit.path == "/v1/status"]
        parent, first, second, later = [visit.connection for visit in asked]

        assert first is second is not parent
        assert later is parent
        assert server.connections == 2
        assert len(server.visits) == 5  # the token is good in the child, too


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_child_does_not_wait_for_a_lock_of_its_parent() -> None:
    with serving(handle) as server:
        run(LOCKED, server.url)

        assert [visit.path for visit in server.visits].count("/v1/status") == 2
