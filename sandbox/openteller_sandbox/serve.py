"""The server: a small RSGI shell on granian that calls the WSGI app inline on the event loop's thread.

One thread does everything: several Python threads in a process cost three to four times as much. Once a second the
loop does what has fallen due.
"""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from openteller_sandbox.bank import Bank
from openteller_sandbox.due import service as due
from openteller_sandbox.http.checks import BODY_LIMIT

if TYPE_CHECKING:
    from flask import Flask
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope

log = logging.getLogger("openteller_sandbox")
_TICK_S = 1.0
_BODY_HEADERS = frozenset({"content-length", "transfer-encoding"})  # the body is read whole before the app sees it
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Shell:
    """Turns RSGI requests into WSGI calls."""

    def __init__(self, app: Wsgi) -> None:
        self._app = app

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Serve one request."""
        body = b"" if scope.method in _BODILESS else await _read(scope, protocol)
        status, headers, chunks = self._call(scope, body)
        if chunks:
            protocol.response_bytes(status, headers, chunks)
        else:
            protocol.response_empty(status, headers)

    def _call(self, scope: Scope, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        answer: list[Any] = [500, []]

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:  # noqa: ARG001
            answer[0] = int(status[:3])
            answer[1] = headers

        result = self._app(_environ(scope, body), start_response)
        try:
            data = b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        return answer[0], answer[1], data


async def _read(scope: Scope, protocol: HTTPProtocol) -> bytes:
    """Read the body, but not more than one byte over the limit: the app then refuses it."""
    announced = scope.headers.get("content-length")
    if announced is not None and announced.isdigit() and int(announced) > BODY_LIMIT:
        return b"\0" * (BODY_LIMIT + 1)
    parts, size = [], 0
    async for part in protocol:
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            break
    return b"".join(parts)


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    server_name, _, server_port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in scope.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in _BODY_HEADERS:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ.setdefault("HTTP_HOST", scope.authority or scope.server)
    return environ


async def _serve(bank: Bank, app: Flask, host: str, port: int, ready: Callable[[], None]) -> None:
    from granian.constants import Interfaces  # noqa: PLC0415 - a WSGI host needs no granian
    from granian.server.embed import Server  # noqa: PLC0415

    server = Server(
        Shell(app.wsgi_app), address=host, port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    serving = asyncio.create_task(server.serve())
    ready()
    while not serving.done():
        due.run_all(bank)
        await asyncio.wait([serving], timeout=_TICK_S)
    serving.result()


def serve(bank: Bank, app: Flask, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        bank: whose due acts are done.
        app: what answers.
        host: the address to listen on.
        port: the port to listen on.
        ready: called when the listener is about to accept.

    Raises:
        OSError: the address is taken.
    """
    _probe(host, port)
    asyncio.run(_serve(bank, app, host, port, ready))


def _probe(host: str, port: int) -> None:
    """Find a taken port now, with the system's own error, instead of inside the server's thread."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
