"""The pages, served: ``python -m branch_finder``, or with ``--demo`` and a bank of their own. README.md says more."""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from werkzeug.serving import WSGIRequestHandler, run_simple

from openteller import OpenTeller, errors, user_ref

from .app import create_app

DEADLINE_S = 6.0
"""A visitor waits no longer for the bank."""


class _Quiet(WSGIRequestHandler):
    """Logs no requests: their addresses say where somebody is."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main() -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m branch_finder", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8097)
    parser.add_argument("--demo", action="store_true", help="with a bank of its own, and addresses to look at")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the demo's folder goes, too
    secret = os.environ.get("BRANCH_FINDER_SECRET") or secrets.token_hex(32)
    try:
        user_ref(secret, "web", "nobody")
    except errors.ConfigurationError as error:
        parser.error(f"BRANCH_FINDER_SECRET: {error}")
    with _bank(f"http://{options.host}:{options.port}", demo=options.demo) as bank:
        run_simple(options.host, options.port, create_app(bank, secret), threaded=True, request_handler=_Quiet)


@contextmanager
def _bank(own_url: str, *, demo: bool) -> Iterator[OpenTeller]:
    if not demo:
        with OpenTeller(deadline=DEADLINE_S) as bank:
            yield bank
        return
    from .demo import a_bank, tell  # noqa: PLC0415 - needs the sandbox, which is not there where a bank is

    with a_bank() as bank:
        tell(own_url)
        yield bank


if __name__ == "__main__":
    main()
