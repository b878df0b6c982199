"""What is measured of webhooks: deliveries a second of the dispatcher, against dramatiq on Redis.

Both send with the very same function, ``webhooks.sender.Sender``, and sign with the same one, to the same receiver. In
each round a process of one kind is started on a backlog; what counts is the time between deliveries as the receiver
sees them, from the first hundreds on, so that starting costs nothing. A process of each kind has one core. The receiver
and, for the peer, Redis have the other: what Redis does is not on the peer's account, as what SQLite does is on ours.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import servers
from measures import Lab, Row
from servers import PROJECT, Unavailable, pinned

_HERE = Path(__file__).parent
_PORTS = 8
"""Partners, each with a server of its own."""
_THREADS = 16
_SKIPPED = 200
_PATIENCE_S = 60.0


def _dispatching(lab: Lab) -> list[Row]:
    redis = shutil.which("redis-server")
    if redis is None:
        print("webhooks: not measured, redis-server is not installed", file=sys.stderr)
        return []
    count = 3000 if lab.pace.rounds > 3 else 1000
    python = str(servers.peer_python())
    with ExitStack() as stack:
        folder = lab.folder / "webhooks"
        folder.mkdir(exist_ok=True)
        receiver = stack.enter_context(_receiving(lab))
        backlog = stack.enter_context(_backlog(folder, receiver.ports))
        url = stack.enter_context(_redis(lab, redis, folder))
        seen: dict[str, list[dict[str, Any]]] = {"openteller": [], "dramatiq": []}
        for _ in range(lab.pace.rounds):
            deliveries = backlog.fill(count)
            with receiver.round(count) as came, _dispatcher(lab, backlog.database, folder) as process:
                seen["openteller"].append(came() | {"cpu_s": _cpu_s(process)})
            _enqueue(python, url, deliveries)
            with receiver.round(count) as came, _dramatiq(lab, python, url, folder) as process:
                seen["dramatiq"].append(came() | {"cpu_s": _cpu_s(process)})
    rates = {name: [one["count"] / one["seconds"] for one in rounds] for name, rounds in seen.items()}
    ratios = [mine / its for mine, its in zip(rates["openteller"], rates["dramatiq"], strict=True)]
    note = (
        f"{count} deliveries a round to {_PORTS} servers on loopback, the same sender on both sides, one process and "
        f"{_THREADS} threads each. Ours also keeps what came of each attempt; neither waits for the disk."
    )
    ours, peer = median(rates["openteller"]), median(rates["dramatiq"])
    name = "webhooks delivered by one process"
    return [Row(name, "/s", ours, "dramatiq", peer, ratios, 1.8, "more", seen, note)]


class Receiver:
    """The partners' servers, in a process of their own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: list[int] = self._told()

    def _told(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    @contextmanager
    def round(self, count: int) -> Iterator[Callable[[], dict[str, Any]]]:
        """Begin a round; gives what waits for its last delivery and tells of it."""
        assert self._process.stdin is not None
        print(count, _SKIPPED, file=self._process.stdin, flush=True)
        self._told()
        yield self._told


@contextmanager
def _receiving(lab: Lab) -> Iterator[Receiver]:
    command = pinned(lab.cores.generator, [sys.executable, str(_HERE / "webhook_receiver.py"), str(_PORTS)])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Receiver(process)
        finally:
            process.kill()


class Backlog:
    """A bank with an app for each partner's server, and events to be told."""

    def __init__(self, bank: Any, database: Path, apps: list[tuple[Any, str, str, str]]) -> None:
        self.database = database
        self._bank = bank
        self._apps = apps

    def fill(self, count: int) -> list[tuple[str, str, str, str]]:
        """Let so many events happen; give them as deliveries for the peer: url, id, body, secret."""
        from openteller_sandbox import ids
        from openteller_sandbox.events import service as events

        deliveries = []
        for number in range(count):
            world, app_id, url, secret = self._apps[number % len(self._apps)]
            data = {
                "payment_id": ids.new("pay"),
                "partner_reference": f"order-{number}",
                "status": "succeeded",
                "version": 5,
            }
            now = self._bank.now(world)
            with self._bank.db.act(world.world_id) as tx:
                events.record(self._bank, tx, world, app_id, "payment.succeeded", data, now)
            _, wire = events.compose(self._bank, "payment.succeeded", data, now)
            deliveries.append((url, ids.new("dlv"), wire, secret))
        return deliveries


@contextmanager
def _backlog(folder: Path, ports: list[int]) -> Iterator[Backlog]:
    from openteller import OpenTeller
    from openteller_sandbox.app import create_app, create_bank
    from openteller_sandbox.settings import RateLimits, Settings
    from openteller_sandbox.worlds import service as worlds

    database = folder / "bank.db"
    limits = RateLimits(app=10**9, anonymous=10**9)
    bank = create_bank(Settings(database=str(database), rate_limits=limits))
    served = create_app(bank)
    apps = []
    with OpenTeller("http://127.0.0.1:8080", client_id="", wsgi_app=served) as anyone:
        made = [anyone.sandbox.create_app(name=f"Partner {port}") for port in ports]
    for app, port in zip(made, ports, strict=True):
        url = f"http://127.0.0.1:{port}/hook"
        with OpenTeller(
            "http://127.0.0.1:8080", client_id=app.client_id, client_secret=app.client_secret, wsgi_app=served
        ) as client:
            endpoint = client.webhook_endpoints.create(url=url, event_types=["payment.*"])
        world = worlds.find(bank.db.read(), app.world_id)
        apps.append((world, app.app_id, url, endpoint.secret or ""))
    try:
        yield Backlog(bank, database, apps)
    finally:
        bank.db.close()


@contextmanager
def _redis(lab: Lab, program: str, folder: Path) -> Iterator[str]:
    """Run Redis as it is by default, but for where it listens and what it may leave."""
    port = servers.free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with _running(pinned(lab.cores.generator, [program, *options]), folder / "redis.log", {}):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _dispatcher(lab: Lab, database: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "openteller", "sandbox", "dispatch", "--database", str(database)]
    environment = {"PYTHONPATH": f"{PROJECT / 'sdk'}{os.pathsep}{PROJECT / 'sandbox'}"}
    with _running(pinned(lab.cores.server, command), folder / "dispatch.log", environment) as process:
        yield process


def _peer_environment(url: str) -> dict[str, str]:
    return {"PYTHONPATH": f"{_HERE}{os.pathsep}{PROJECT / 'sandbox'}", "REDIS_URL": url}


def _enqueue(python: str, url: str, deliveries: list[tuple[str, str, str, str]]) -> None:
    environment = os.environ | _peer_environment(url)
    text = json.dumps(deliveries)
    command = [python, str(_HERE / "webhook_peer.py")]
    done = subprocess.run(command, input=text, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"dramatiq took no deliveries: {done.stderr[-600:]}")


@contextmanager
def _dramatiq(lab: Lab, python: str, url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [python, "-m", "dramatiq", "webhook_peer", "--processes", "1", "--threads", str(_THREADS)]
    with _running(pinned(lab.cores.server, command), folder / "dramatiq.log", _peer_environment(url)) as process:
        yield process


@contextmanager
def _running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | environment, cwd=log.parent)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cpu_s(process: subprocess.Popen[bytes]) -> float | None:
    """Give the CPU seconds of a process and of those that it has started, where the kernel tells."""
    stat = Path("/proc")
    if not stat.is_dir():
        return None
    ticks = 0
    for pid in [process.pid, *_children(process.pid)]:
        fields = (stat / str(pid) / "stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found + [grandchild for child in found for grandchild in _children(child)]


WEBHOOK_MEASURES: dict[str, Callable[[Lab], list[Row]]] = {"webhooks": _dispatching}
