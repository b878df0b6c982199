"""Partners' servers for tests of webhooks: real ones, on loopback, that answer as they are told."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATIENCE_S = 60


@dataclass(frozen=True)
class Received:
    """A request as it came. headers: names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def webhook_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Answering:
    """What a server says: status, body and further headers."""

    status: int = 204
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Answers = Callable[[Received], Answering]


class Receiver(ThreadingHTTPServer):
    """A server that keeps what it receives, and answers 204 or as ``answers`` says."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answers: Answers = lambda _: Answering()) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.got: list[Received] = []
        self.came: queue.SimpleQueue[Received] = queue.SimpleQueue()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"

    @property
    def events(self) -> list[str]:
        """Identifiers of the events that came, in order, each as often as it came."""
        return [one.event["event_id"] for one in self.got]

    def wait_for(self, count: int) -> list[Received]:
        """Wait until so many requests more have come."""
        return [self.came.get(timeout=PATIENCE_S) for _ in range(count)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece
    disable_nagle_algorithm = True
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received = Received(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.got.append(received)
        answering = self.server.answers(received)
        self.send_response(answering.status)
        for name, value in answering.headers.items():
            self.send_header(name, value)
        if answering.status != 204:
            self.send_header("Content-Length", str(len(answering.body)))
        self.end_headers()
        self.wfile.write(answering.body)
        self.wfile.flush()
        self.server.came.put(received)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def receiver(answers: Answers = lambda _: Answering()) -> Iterator[Receiver]:
    """Run a partner's server."""
    server = Receiver(answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class RawServer:
    """A server below HTTP: each connection is handed to a function, with what came of the request's head."""

    def __init__(self, talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> None:
        self._talk = talk
        self._listening = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port = int(self._listening.getsockname()[1])
        self.connections = 0
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            connection.recv(65536)
            self._talk(connection)
            connection.close()

    def close(self) -> None:
        with suppress(OSError):  # wakes whoever accepts
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[RawServer]:
    """Run a server that says bytes."""
    server = RawServer(talk, host)
    try:
        yield server
    finally:
        server.close()


def saying(*parts: bytes) -> Callable[[socket.socket], None]:
    """Say bytes, and hang up."""

    def talk(connection: socket.socket) -> None:
        for part in parts:
            connection.sendall(part)

    return talk
