"""Threads that use models for the first time together: the process lives, and each gets its answer.

msgspec shows what it knows of a struct before it knows all of it, which took processes down.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.sdk.processes import PATIENCE_S, environment

MANY = """
import sys, threading, msgspec
sys.setswitchinterval(1e-6)
from openteller import models
from openteller._core.decoding import decoder_of
together, done = threading.Barrier(12), []
def use():
    together.wait()
    for name in ("PaymentList", "BillerList", "EventList", "BranchList", "DisputeList", "MagicValueList"):
        try:
            decoder_of(getattr(models, name)).decode(b'{"data": [{}], "links": {}}')
        except msgspec.ValidationError:
            done.append(name)
threads = [threading.Thread(target=use) for _ in range(12)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(done))
"""
FORKED = """
import os, threading
from openteller._core import decoding
from openteller.models import PaymentList
decoding._making.acquire()  # as a thread of the parent may hold it
child = os.fork()
if child == 0:
    decoding.decoder_of(PaymentList)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program]
    env = environment()
    return subprocess.run(command, env=env, capture_output=True, encoding="utf-8", timeout=PATIENCE_S, check=False)


@pytest.mark.parametrize("_", range(3))
def test_twelve_threads_that_meet_at_their_first_answers_all_get_them(_: int) -> None:
    done = run(MANY)
    assert (done.returncode, done.stdout) == (0, "72\n"), done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_fork_in_the_middle_of_a_first_use_holds_up_no_child() -> None:
    done = run(FORKED)
    assert done.stdout == "7\n", done.stderr
