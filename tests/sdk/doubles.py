"""What the tests of the client share: a server that says what it is told, a clock, a call that is driven by hand."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import anyio.lowlevel

from openteller._core.setup import Credentials, Setup
from openteller._core.wire import Answer, Authorise, Consult, Effect, Fault, Outcome, Request, Send, Sleep, Token
from openteller.errors import OpenTellerError

CONTRACT = Path(__file__).resolve().parents[2] / "sandbox" / "openteller_sandbox" / "openapi.json"
BANK = "https://bank.test"
TOKEN_PATH = "/oauth/token"


@cache
def contract() -> dict[str, Any]:
    return dict(json.loads(CONTRACT.read_text(encoding="utf-8")))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give (path, method, operation) of the contract."""
    for path, item in contract()["paths"].items():
        for method in ("get", "post", "put", "patch", "delete"):
            if method in item:
                yield path, method, item[method]


@cache
def _example(operation_id: str, name: str | None) -> str:
    operation = next(one for _, _, one in operations() if one["operationId"] == operation_id)
    contents = [answer["content"] for status, answer in operation["responses"].items() if status.startswith("2")]
    examples = {name: one for content in contents for name, one in content["application/json"]["examples"].items()}
    return json.dumps(examples[name or next(iter(examples))]["value"])


def example(operation_id: str, name: str | None = None) -> Any:
    """Give an answer that the contract shows for an operation, a new copy each time."""
    return json.loads(_example(operation_id, name))


PROBLEM: Mapping[str, Any] = {
    "type": "https://bank.test/errors/FIELD_INVALID",
    "title": "A field is not valid",
    "status": 422,
    "code": "FIELD_INVALID",
    "request_id": "rqs_of_the_problem",
    "errors": [{"in": "body", "pointer": "/amount", "code": "FIELD_INVALID", "message": "Must be a string."}],
    "retryable": "never",
    "source": "partner",
    "display_message": {"zh-CN": "填写的信息有误。", "en": "Something is not right."},
}


def problem(status: int, code: str, **members: Any) -> dict[str, Any]:
    return {**PROBLEM, "status": status, "code": code, "errors": [], **members}


# --- a call driven by hand


class SteadyClock:
    """A clock that only a test moves, in seconds."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def answer(status: int = 200, body: object = None, **headers: str) -> Answer:
    """Make an answer with a JSON body."""
    shown = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Answer(status, shown, json.dumps({} if body is None else body).encode())


def refusal(status: int, code: str = "SOME_CODE", *, retry_after: str | None = None, **members: Any) -> Answer:
    """Make an answer with problem details."""
    headers = {"content-type": "application/problem+json"}
    if retry_after is not None:
        headers["retry-after"] = retry_after
    return Answer(status, headers, json.dumps(problem(status, code, **members)).encode())


LOST = Fault("connection", "it broke", is_unsent=False)
UNREACHABLE = Fault("connection", "nobody listens", is_unsent=True)
SILENT = Fault("timeout", "sent, and then silence", is_unsent=False)
UNREADABLE = Fault("broken", "its encoding is damaged", is_unsent=False)


@dataclass
class Played:
    """What a call asked for, and what came of it."""

    sent: list[Request] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    refused: list[str | None] = field(default_factory=list)
    outcome: Outcome | None = None
    error: OpenTellerError | None = None

    @property
    def failure(self) -> OpenTellerError:
        assert self.error is not None
        return self.error


class Stage:
    """Drives calls: time passes only as it says, and the other side answers from a script.

    Args:
        script: answers and faults, one for each request; the last one stays for ever.
        taking: seconds that each request takes.
    """

    def __init__(self, *script: Answer | Fault, taking: float = 0.0, **options: Any) -> None:
        self.clock = SteadyClock()
        self.script = list(script)
        self.taking = taking
        self.tokens: list[str | OpenTellerError] = []
        known: dict[str, Any] = {"base_url": BANK, "credentials": None, "monotonic": self.clock, "random": lambda: 1.0}
        self.setup = Setup(**{**known, **options})

    def play(self, steps: Generator[Effect, Any, Outcome]) -> Played:
        played = Played()
        told: Any = None
        thrown: Exception | None = None
        try:
            while True:
                effect = steps.throw(thrown) if thrown else steps.send(told)
                told = thrown = None
                try:
                    told = self._do(effect, played)
                except (Fault, OpenTellerError) as error:
                    thrown = error
        except StopIteration as end:
            played.outcome = end.value
        except OpenTellerError as error:
            played.error = error
        return played

    def _do(self, effect: Effect, played: Played) -> object:
        match effect:
            case Sleep():
                played.pauses.append(effect.seconds)
                self.clock.now += effect.seconds
                return None
            case Authorise():
                played.refused.append(effect.refused)
                token = self.tokens.pop(0) if self.tokens else f"token-{len(played.refused)}"
                if isinstance(token, OpenTellerError):
                    raise token
                return Token(token, usable_until=float("inf"))
            case Consult():
                return effect.act()
            case Send():
                assert len(played.sent) < 1_000, "this call never ends"
                played.sent.append(effect.request)
                played.timeouts.append(effect.timeout)
        self.clock.now += self.taking
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Fault):
            raise said
        return said


CREDENTIALS = Credentials("app_of_the_tests", "ots_secret_of_the_tests")


async def until(is_so: Callable[[], bool]) -> None:
    """Let other tasks and threads go on until something is so."""
    while not is_so():
        await anyio.lowlevel.checkpoint()


# --- a server on this machine


@dataclass
class Visit:
    """A request as it came, and ways to answer it."""

    raw: bytes
    connection: socket.socket
    number: int
    stopping: threading.Event

    @property
    def line(self) -> str:
        return self.raw.partition(b"\r\n")[0].decode()

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def answer(self, body: object, status: str = "200 OK", media: str = "application/json", *headers: str) -> None:
        """Answer with JSON, or with bytes as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status}", f"Content-Type: {media}", f"Content-Length: {len(content)}", *headers]
        self.send("\r\n".join(head).encode() + b"\r\n\r\n" + content)

    def drip(self, content: Iterable[bytes], seconds: float) -> None:
        """Send piece by piece, until the other side has had enough."""
        for piece in content:
            if self.stopping.wait(seconds):
                return
            self.send(piece)

    def hang_up(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)


@dataclass
class Server:
    """A server that records what comes."""

    url: str
    visits: list[Visit] = field(default_factory=list)
    connections: int = 0
    open: list[socket.socket] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        return [visit.line for visit in self.visits]


@contextmanager
def serving(handle: Callable[[Visit], None], tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Serve on a free port of this machine, each connection in a thread, and end all of it afterwards."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = Server(f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}")
    stopping = threading.Event()
    lock = threading.Lock()
    threads = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with lock:
                server.connections += 1
                server.open.append(connection)
            thread = threading.Thread(target=converse, args=(connection,), daemon=True)
            threads.append(thread)
            thread.start()

    def converse(accepted: socket.socket) -> None:
        with suppress(OSError), _secured(accepted, tls) as connection:
            while raw := _request(connection):
                with lock:
                    visit = Visit(raw, connection, len(server.visits) + 1, stopping)
                    server.visits.append(visit)
                handle(visit)

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        stopping.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        accepting.join()
        for connection in server.open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def _secured(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return tls.wrap_socket(connection, server_side=True) if tls else connection


def _request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        more = connection.recv(65536)
        if not more:
            return b""
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    wanted = 0
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            wanted = int(value)
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


# --- a bank in this process


Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass
class Bank:
    """A WSGI application that answers from a script and records what came; for tokens it says one by itself."""

    script: list[Answer]
    seen: list[dict[str, Any]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    tokens: int = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        if environ["PATH_INFO"].endswith(TOKEN_PATH):
            self.tokens += 1
            said = answer(200, {"access_token": f"token-{self.tokens}", "token_type": "Bearer", "expires_in": 3600})
        else:
            self.seen.append(environ)
            self.bodies.append(body)
            said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        start_response(f"{said.status} Said", list(said.headers.items()))
        return [said.body]

    @property
    def addresses(self) -> list[str]:
        return [f"{one['PATH_INFO']}?{one['QUERY_STRING']}".rstrip("?") for one in self.seen]


def bank(*script: Answer) -> Bank:
    return Bank(list(script))


APP = {"client_id": "app_of_the_tests", "client_secret": "ots_secret_of_the_tests"}


def gives_token(visit: Visit) -> bool:
    """Answer a visit that asks for a token; tell whether it did."""
    if visit.path != TOKEN_PATH:
        return False
    visit.answer({"access_token": f"token-of-visit-{visit.number}", "token_type": "Bearer", "expires_in": 3600})
    return True
