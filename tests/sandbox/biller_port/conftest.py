"""The simulated billers behind a real port, with books of their own, and a bank that asks them over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conftest import Partner, WallClock, make_bank, make_partner
from werkzeug.serving import WSGIRequestHandler, make_server

from openteller_sandbox.app import create_app, create_billers
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Database
from openteller_sandbox.settings import BillerLeg, Settings


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """Serve a WSGI application, on a free port unless told; give its URL."""
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Remote:
    """A bank whose billers are elsewhere."""

    bank: Bank
    books: Database
    url: str
    asked: list[str]

    def partner(self, **form: Any) -> Partner:
        return make_partner(create_app(self.bank).test_client(use_cookies=False), **form)


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remote]:
    folder = tmp_path_factory.mktemp("remote")
    books, billers = create_billers(Settings(database=str(folder / "billers.db")), "a word", lambda: None)
    asked: list[str] = []

    def counting(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return billers(environ, start_response)

    with serving(counting) as url:
        leg = BillerLeg(url=url, token="a word", timeout_s=20)
        bank = make_bank(folder, WallClock(), billers=leg)
        try:
            yield Remote(bank, books, url, asked)
        finally:
            bank.db.close()
            books.close()
