"""A WSGI application in this process as the other side: no socket, no server, no thread. For tests and notebooks."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from openteller._core.wire import Answer, Fault, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["AsyncInProcess", "InProcess"]


class InProcess:
    """Calls a WSGI application (PEP 3333) for each request. What the application raises comes through.

    The time-out does not apply: the application runs in this thread.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def send(self, request: Request, timeout: float) -> Answer:  # noqa: ARG002 - see the class
        """Call the application; give its answer.

        Raises:
            Fault: it gave less than its Content-Length promised, or no status, or none that can be read.
        """
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            started.append((status, headers))
            return written.append

        chunks: Iterable[bytes] = self._app(_environ(request), start_response)
        try:
            written.extend(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        if not started:
            raise Fault("broken", "the application never called start_response", is_unsent=False)
        return _answer(request.method, *started[-1], b"".join(written))

    def close(self) -> None:
        """Do nothing: the application is its owner's."""


class AsyncInProcess:
    """The same behind ``await``; the application blocks the event loop while it runs."""

    def __init__(self, app: WSGIApplication) -> None:
        self._inner = InProcess(app)

    async def send(self, request: Request, timeout: float) -> Answer:  # noqa: ASYNC109 - see InProcess
        """Call the application; give its answer."""
        return self._inner.send(request, timeout)

    async def aclose(self) -> None:
        """Do nothing: the application is its owner's."""


def _answer(method: str, status: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
    small = {name.lower(): value for name, value in headers}
    try:
        code, promised = int(status[:3]), int(small.get("content-length", "0"))
    except ValueError:
        text = "the application's status or Content-Length is no number"
        raise Fault("broken", text, is_unsent=False) from None
    if len(body) < promised and method != "HEAD" and code not in {204, 304}:
        raise Fault("connection", "the application's answer is shorter than its Content-Length", is_unsent=False)
    return Answer(code, small, body)


def _environ(request: Request) -> dict[str, Any]:
    parts = urlsplit(request.url)
    content = request.body or b""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path).decode("latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": f"{parts.path}?{parts.query}" if parts.query else parts.path,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or (443 if parts.scheme == "https" else 80)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": parts.netloc,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(content),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if request.body is not None:
        environ["CONTENT_LENGTH"] = str(len(content))
    for name, value in request.headers:
        if name == "accept-encoding":  # nothing to save on the way
            continue
        variable = name.upper().replace("-", "_")
        environ[variable if variable == "CONTENT_TYPE" else f"HTTP_{variable}"] = value
    return environ
