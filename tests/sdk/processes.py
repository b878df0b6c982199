"""The command line as a user runs it: in a process of its own."""

from __future__ import annotations

import os
import queue
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60
MORNING = "2026-09-29T10:30:00+08:00"


def environment(**more: str) -> dict[str, str]:
    """Give an environment in which `openteller` is imported from this tree, and nothing of the caller's changes it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENTELLER_") and name != "ONCE"}
    paths = [*more.pop("ahead", "").split(), str(ROOT / "sdk"), str(ROOT / "sandbox")]
    return kept | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONWARNINGS": "error", "PYTHONIOENCODING": "utf-8"} | more


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "openteller", *arguments]


def run(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def free_port() -> int:
    """Give a port on which nobody listens, below those that systems hand out: no connection gets it meanwhile."""
    while True:
        port = random.SystemRandom().randrange(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def comes_up(port: int, process: subprocess.Popen[Any]) -> bool:
    """Connect again and again until a process listens; False when it has ended, or takes too long.

    What a process says is no sign: most speak just before they listen.
    """
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
            return False
    return False


@dataclass
class Running:
    """A command that runs on. said: what it has printed so far."""

    process: subprocess.Popen[str]
    lines: queue.Queue[str | None]
    said: list[str] = field(default_factory=list)

    def read_until(self, text: str) -> None:
        """Read what it prints up to a line with a text."""
        while not any(text in line for line in self.said):
            line = self.lines.get(timeout=PATIENCE_S)
            assert line is not None, f"it ended: {self.said}"
            self.said.append(line)

    def said_so_far(self) -> str:
        """Give all that it has printed up to now."""
        with suppress(queue.Empty):
            while (line := self.lines.get(timeout=0.1)) is not None:
                self.said.append(line)
        return "".join(self.said)

    def end(self, number: int) -> tuple[int, str]:
        """Send a signal; give the exit code and all that it has printed."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        while (line := self.lines.get(timeout=PATIENCE_S)) is not None:
            self.said.append(line)
        return code, "".join(self.said)


@contextmanager
def running(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Start a command, with its two outputs as one, and kill what is left of it."""
    process = subprocess.Popen(
        command(*arguments),
        cwd=cwd,
        env=environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()
    reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        yield Running(process, lines)
    finally:
        _kill_all(process)
        reader.join(PATIENCE_S)
        assert not reader.is_alive(), "somebody holds its output still"
        process.stdout.close()


def _kill_all(process: subprocess.Popen[str]) -> None:
    """Kill it and what it has begun: a worker that outlives it would hold its output, which is read to the end."""
    process.kill()
    process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _read(stream: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stream:
        lines.put(line)
    lines.put(None)


@contextmanager
def sandbox(folder: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[tuple[str, Running]]:
    """Serve a sandbox on a free port and the folder's database; give its URL."""
    port = free_port()
    where = ("--port", str(port), "--database", str(folder / "bank.db"))
    with running("sandbox", "serve", *where, *options, cwd=folder, env=env) as process:
        process.read_until("Ctrl-C ends it")
        url = f"http://127.0.0.1:{port}"
        assert comes_up(port, process.process), f"it does not listen: {process.said_so_far()}"
        yield url, process


def value_of(text: str, label: str) -> str:
    """Give what stands behind a label in a printed table."""
    found = re.search(rf"^\s*{re.escape(label)}\s+(.*\S)\s*$", text, re.MULTILINE)
    assert found, f"{label} is missing in:\n{text}"
    return found.group(1)
