"""The load generator: keeps a number of HTTP/1.1 connections busy from one thread, with the standard library alone.

It runs in a process of its own, pinned to another core than the server: it reads a plan as JSON on standard input and
writes a result as JSON on standard output. Every connection sends a request, waits for its whole answer and sends the
next one (a closed loop). A script has one step or several, of which a later one may use an identifier from the answer
before: create, then get. The result says how busy the generator was, so that one that was the bottleneck is seen.
"""

from __future__ import annotations

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import asdict, dataclass, field

_SERIAL = b"{serial}"
_SERIAL_FORMAT = b"%012d"
_CAPTURED = b"{id}"
_CHOICE = b"{choice}"
_OTHER = b"{other}"
_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_LAST_CHUNK = b"0\r\n\r\n"
_NO_BODY = (b"HTTP/1.1 204 ", b"HTTP/1.1 304 ")


@dataclass(frozen=True)
class Step:
    """A request of a script.

    ``{serial}`` in path, headers or body becomes a number of 12 digits that is never repeated; ``{id}`` in the path
    what ``capture``, a regular expression with one group, found in the answer to the step before; ``{choice}`` in the
    path or headers each of ``choices`` in turn, and ``{other}`` in the body what stands beside it in ``others``, which
    are of one length. expect: the status that counts; any other one fails the run.
    """

    method: str
    path: str
    expect: int
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    capture: str = ""
    choices: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """What to send where.

    It ends after ``duration_s``, not counting ``warmup_s``, or after ``most`` requests if that is above zero.
    """

    port: int
    connections: int
    steps: list[Step]
    duration_s: float
    warmup_s: float = 0.0
    most: int = 0
    first_serial: int = 0


@dataclass(frozen=True)
class Result:
    """What was seen. Latencies in milliseconds, worst_ms the longest; busy: the share of one core that the generator
    used.
    """

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    busy: float
    next_serial: int

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class UnexpectedAnswer(Exception):
    """An answer that the plan did not expect; the beginning of it is the message."""


class _Request:
    """A step as bytes, but for its serial and identifier."""

    def __init__(self, step: Step, port: int) -> None:
        body = step.body.encode()
        self._others = [other.encode() for other in step.others]
        length = len(body.replace(_SERIAL, _SERIAL_FORMAT % 0).replace(_OTHER, next(iter(self._others), b"")))
        headers = {"Host": f"127.0.0.1:{port}", "Accept": "application/json"}
        if body:
            headers |= {"Content-Type": "application/json", "Content-Length": str(length)}
        headers |= step.headers
        lines = [f"{step.method} {step.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        self._bytes = "\r\n".join([*lines, "", ""]).encode() + body
        self._has_serial = _SERIAL in self._bytes
        self._has_id = _CAPTURED in self._bytes
        self.status = str(step.expect).encode()
        self._choices = [choice.encode() for choice in step.choices]
        self.capture = re.compile(step.capture.encode()) if step.capture else None

    def render(self, serial: int, captured: bytes) -> bytes:
        """Give the bytes to send."""
        text = self._bytes
        if self._has_serial:
            text = text.replace(_SERIAL, _SERIAL_FORMAT % serial)
        if self._choices:
            text = text.replace(_CHOICE, self._choices[serial % len(self._choices)])
        if self._others:
            text = text.replace(_OTHER, self._others[serial % len(self._others)])
        return text.replace(_CAPTURED, captured) if self._has_id else text


class _Connection:
    """One socket and where it is in the script."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.step = 0
        self.captured = b""
        self.received = b""
        self.needed = -1
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send the next request; it is small enough for the socket's buffer."""
        self.received, self.needed = b"", -1
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Take what has come; give whether the answer is whole.

        Raises:
            UnexpectedAnswer: the server closed the connection.
        """
        part = self.socket.recv(262_144)
        if not part:
            raise UnexpectedAnswer("the server closed the connection")
        self.received += part
        if self.needed < 0:
            self._read_head()
        return len(self.received) >= self.needed if self.needed else self.received.endswith(_LAST_CHUNK)

    def _read_head(self) -> None:
        """Find out how long the answer is: ``needed`` stays below zero until that is known, and is zero for chunks."""
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            self.needed = -1
            return
        length = _LENGTH.search(self.received, 0, end + 2)
        if length:
            self.needed = end + 4 + int(length.group(1))
        elif _CHUNKED.search(self.received, 0, end + 2):
            self.needed = 0
        elif self.received.startswith(_NO_BODY):
            self.needed = end + 4
        else:
            raise UnexpectedAnswer("neither a length nor chunks")


class _Run:
    """Drives all connections through the script."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = [_Request(step, plan.port) for step in plan.steps]
        self._serial = plan.first_serial
        self._selector = selectors.DefaultSelector()
        self._latencies: list[float] = []

    def result(self) -> Result:
        """Run to the end."""
        plan = self._plan
        connections = [_Connection(plan.port) for _ in range(plan.connections)]
        for connection in connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._send(connection)
        self._drive(time.perf_counter() + plan.warmup_s, 0)
        self._latencies.clear()
        began, cpu = time.perf_counter(), time.process_time()
        self._drive(began + plan.duration_s, plan.most)
        seconds, busy = time.perf_counter() - began, time.process_time() - cpu
        for connection in connections:
            connection.socket.close()
        latencies = sorted(self._latencies)
        if not latencies:
            raise UnexpectedAnswer("no answer came in time")
        return Result(
            requests=len(latencies),
            seconds=seconds,
            p50_ms=_percentile(latencies, 0.50),
            p99_ms=_percentile(latencies, 0.99),
            worst_ms=_percentile(latencies, 1.0),
            busy=busy / seconds,
            next_serial=self._serial,
        )

    def _drive(self, until: float, most: int) -> None:
        while time.perf_counter() < until and not (most and len(self._latencies) >= most):
            for key, _ in self._selector.select(timeout=0.1):
                connection: _Connection = key.data
                if connection.receive():
                    self._latencies.append(time.perf_counter() - connection.sent_at)
                    self._advance(connection)

    def _send(self, connection: _Connection) -> None:
        self._serial += 1
        connection.send(self._requests[connection.step].render(self._serial, connection.captured))

    def _advance(self, connection: _Connection) -> None:
        """Check the answer and send the next step."""
        request = self._requests[connection.step]
        if connection.received[9:12] != request.status:
            raise UnexpectedAnswer(connection.received[:600].decode("utf-8", "replace"))
        if request.capture:
            found = request.capture.search(connection.received)
            if found is None:
                raise UnexpectedAnswer(f"{request.capture.pattern!r} is not in the answer")
            connection.captured = found.group(1)
        connection.step = (connection.step + 1) % len(self._requests)
        self._send(connection)


def _percentile(ordered: list[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 3)


def main() -> int:
    """Run the plan on standard input."""
    plan = json.load(sys.stdin)
    plan["steps"] = [Step(**step) for step in plan["steps"]]
    try:
        result = _Run(Plan(**plan)).result()
    except (UnexpectedAnswer, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    json.dump(asdict(result), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
