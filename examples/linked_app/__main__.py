"""The app, served: ``python -m linked_app --credentials app.json``. README.md says how it gets its credentials."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, run_simple

from openteller import OpenTeller
from openteller.oauth import SqliteTokenStore

from .app import create_app
from .settings import Credentials, Settings

BANK = "http://127.0.0.1:8080"


class _Quiet(WSGIRequestHandler):
    """Logs no requests: the addresses that browsers come back to hold codes."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m linked_app", description=__doc__)
    parser.add_argument("--credentials", type=Path, required=True, help="what openteller apps create has printed")
    parser.add_argument("--folder", type=Path, default=Path("linked_app_data"), help="for tokens and the app's secret")
    parser.add_argument("--port", type=int, default=8099)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    app = Credentials.read(options.credentials)
    bank_url = os.environ.get("OPENTELLER_BASE_URL") or BANK
    settings = Settings(bank_url, f"http://127.0.0.1:{options.port}", options.folder)
    settings.prepare()
    store = SqliteTokenStore(settings.tokens)
    with OpenTeller(bank_url, client_id=app.client_id, private_key=app.private_key, token_store=store) as bank:
        run_simple("127.0.0.1", options.port, create_app(settings, bank), threaded=True, request_handler=_Quiet)


if __name__ == "__main__":
    main()
