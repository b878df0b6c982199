"""A web application on a port of this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["make_quiet_server", "serving"]


_LOOK_S = 0.05
"""How soon the end is noticed."""


class _Quiet(WSGIRequestHandler):
    """Logs no requests, since their URLs carry signatures, and waits for nobody who is slow to send one."""

    timeout = 10

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def make_quiet_server(app: WSGIApplication, host: str, port: int) -> BaseWSGIServer:
    """Make a server with a thread for each request; ``server_close`` waits for those. Port 0 is any that is free."""
    server = make_server(host, port, app, threaded=True, request_handler=_Quiet)
    assert isinstance(server, ThreadedWSGIServer)
    server.daemon_threads = False
    return server


@contextmanager
def serving(app: WSGIApplication, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve in the background while the block runs; gives the base URL."""
    server = make_quiet_server(app, host, port)
    thread = threading.Thread(target=server.serve_forever, args=(_LOOK_S,), name=f"serving-{server.port}", daemon=True)
    thread.start()
    try:
        yield f"http://{server.host}:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
