"""Starting the sandbox and its peers, each as one process on a free loopback port, and reading what they use."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import venv
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]
CONTRACT = PROJECT / "sandbox" / "openteller_sandbox" / "openapi.json"
RESULTS = Path(__file__).with_name("results")
"""Databases and logs are made here: a temporary folder may be in memory, where a sync to disk costs nothing."""

BANK_TIME = "2026-09-29T10:30:00+08:00"
LOCALSTRIPE_KEY = {"Authorization": "Bearer sk_test_benchmark"}
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 5.0
_PEERS = Path(__file__).with_name(".venv")
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
_NO_QUOTA = "1000000000"


class Unavailable(Exception):
    """A server cannot be started here; the message says what is missing."""


@dataclass(frozen=True)
class Cores:
    """Which core servers and the generator are pinned to; None where they are not."""

    server: int | None
    generator: int | None

    @staticmethod
    def choose() -> Cores:
        """Take two different cores where this machine has them and can pin."""
        allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if len(allowed) < 2 or shutil.which("taskset") is None:
            return Cores(None, None)
        return Cores(allowed[0], allowed[-1])


def pinned(core: int | None, command: list[str]) -> list[str]:
    """Give a command that runs on one core."""
    return command if core is None else ["taskset", "-c", str(core), *command]


@dataclass
class Server:
    """A running server."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    started_mib: float = 0.0
    """The memory at the first 200."""

    def get(self, path: str) -> Any:
        """Read JSON."""
        return self.call("GET", path)[1]

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Send a request; give the status and the JSON of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def resident_mib(self) -> float:
        """Give the memory of the process that is resident, in MiB (what the kernel calls VmRSS)."""
        status = Path(f"/proc/{self.process.pid}/status")
        if status.is_file():
            text = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
            return int(text.split()[1]) / 1024
        command = ["ps", "-o", "rss=", "-p", str(self.process.pid)]
        return int(subprocess.run(command, capture_output=True, check=True, text=True).stdout) / 1024

    def stop(self) -> None:
        """End the process that was started here."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Launcher:
    """How to start one kind of server."""

    name: str
    command: list[str]
    ready_path: str
    environment: dict[str, str] = field(default_factory=dict)
    ready_headers: Mapping[str, str] = field(default_factory=dict)

    def start(self, folder: Path, port: int, cores: Cores) -> Server:
        """Start it without waiting. What it logs goes to a file, as much as it logs by default."""
        log = folder / f"{self.name}-{port}.log"
        command = [part.replace("{port}", str(port)).replace("{folder}", str(folder)) for part in self.command]
        with log.open("wb") as output:
            process = subprocess.Popen(
                pinned(cores.server, command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env={**os.environ, **self.environment},
            )
        return Server(self.name, port, process, log)

    def wait(self, server: Server) -> None:
        """Wait for the first 200.

        Raises:
            Unavailable: it ended, or took too long; the message has the end of its log.
        """
        until = time.monotonic() + _START_LIMIT_S
        while time.monotonic() < until and server.process.poll() is None:
            with suppress(OSError, http.client.HTTPException, ValueError):
                if server.call("GET", self.ready_path, headers=self.ready_headers)[0] == 200:
                    server.started_mib = server.resident_mib()
                    return
            time.sleep(0.005)
        server.stop()
        raise Unavailable(f"{self.name} did not start: {server.log.read_text(errors='replace')[-600:]}")

    @contextmanager
    def running(self, folder: Path, cores: Cores) -> Iterator[Server]:
        """Run it for as long as the block lasts."""
        server = self.start(folder, free_port(), cores)
        try:
            self.wait(server)
            yield server
        finally:
            server.stop()


def free_port() -> int:
    """Give a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def sandbox(ready_path: str) -> Launcher:
    """Start the sandbox as an operator does, but without quotas and limits: they would be all that is measured."""
    serve = [sys.executable, "-m", "openteller", "sandbox", "serve", "--port", "{port}", "--clock", BANK_TIME]
    environment = {
        "PYTHONPATH": f"{PROJECT / 'sdk'}{os.pathsep}{PROJECT / 'sandbox'}",
        "PYTHONDONTWRITEBYTECODE": "",  # what is installed has been compiled, too
        "OPENTELLER_RATE_LIMIT_APP": _NO_QUOTA,
        "OPENTELLER_RATE_LIMIT_ANONYMOUS": _NO_QUOTA,
        "OPENTELLER_NO_LIMITS": "1",
    }
    return Launcher("openteller", [*serve, "--database", "{folder}/bank.db"], ready_path, environment)


def naive(ready_path: str) -> Launcher:
    """Start the same application the naive way; see ``naive``."""
    program = Path(__file__).with_name("naive.py")
    environment = {"PYTHONPATH": f"{PROJECT / 'sdk'}{os.pathsep}{PROJECT / 'sandbox'}"}
    command = [sys.executable, str(program), "{port}", "{folder}/naive.db", BANK_TIME]
    return Launcher("naive", command, ready_path, environment)


def token(server: Server) -> dict[str, str]:
    """Get a token of the demo app, as the header that shows it."""
    from openteller_sandbox.partners import service as partners

    pair = b64encode(f"{partners.DEMO_APP_ID}:{partners.DEMO_CLIENT_SECRET}".encode()).decode()
    form = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
    status, answer = server.call("POST", "/oauth/token", b"grant_type=client_credentials", form)
    if status != 200:
        raise Unavailable(f"no token: {status} {answer}")
    return {"Authorization": f"Bearer {answer['access_token']}"}


def order_fault(server: Server, token: Mapping[str, str], fault: Mapping[str, Any]) -> None:
    """Let something go wrong from now on in the world of the demo app.

    Raises:
        Unavailable: the server does not let it.
    """
    headers = {**token, "Content-Type": "application/json"}
    status, answer = server.call("POST", "/sandbox/v1/faults", json.dumps(fault).encode(), headers)
    if status != 201:
        raise Unavailable(f"no fault: {status} {answer}")


def prism(ready_path: str, *options: str) -> Launcher:
    """Start Prism on the same contract, with its default logging unless an option says otherwise.

    Raises:
        Unavailable: there is no Node, or the packages cannot be installed.
    """
    program = PROJECT / "node_modules" / ".bin" / "prism"
    if not program.exists():
        if shutil.which("npm") is None:
            raise Unavailable("Prism needs Node 20 or newer with npm")
        _install("Prism", ["npm", "ci"])
    return Launcher("prism", [str(program), "mock", "--port", "{port}", *options, str(CONTRACT)], ready_path)


def localstripe() -> Launcher:
    """Start localstripe.

    Raises:
        Unavailable: it cannot be installed.
    """
    command = [str(peer_python()), "-m", "localstripe", "--from-scratch", "--port", "{port}"]
    return Launcher("localstripe", command, "/v1/payment_intents", ready_headers=LOCALSTRIPE_KEY)


def peer_python() -> Path:
    """Give the Python of an environment of the peers' own: they are no dependencies.

    Raises:
        Unavailable: they cannot be installed.
    """
    python = _PEERS / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        venv.create(_PEERS, with_pip=True)
    wanted = "import dramatiq, httpx, localstripe, openai, redis, stripe"
    if subprocess.run([python, "-c", wanted], capture_output=True, check=False).returncode:
        install = [str(python), "-m", "pip", "install", "--quiet", "--requirement", str(_REQUIREMENTS)]
        _install("the Python peers", install)
    return python


def _install(name: str, command: list[str]) -> None:
    print(f"installing {name}: {' '.join(command)}", file=sys.stderr)
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{name} cannot be installed: {done.stderr[-600:]}")
