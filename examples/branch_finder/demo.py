"""A bank of the demo's own, in this process: nothing else needs to run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openteller import OpenTeller
from openteller_sandbox import clock
from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET
from openteller_sandbox.settings import Settings

__all__ = ["WALK", "a_bank", "tell"]

BANK_TIME = "2026-09-29T10:30:00+08:00"
"""A Tuesday before the holidays, when branches are open and have lines."""
WALK = {
    "静安 by its initials": "/branches?q=ja",
    "open now, the nearest to People's Square of Shanghai": "/branches?near=31.2304,121.4737&open_now=1",
    "on the Saturday that is a working day": "/branches?near=39.91,116.40&open_at=2026-10-10T16:30",
    "coordinates the wrong way around": "/branches?near=121.4737,31.2304",
}
"""What to look at, and where it is."""
_URL = "http://bank.example"


def tell(own_url: str) -> None:
    """Say what there is to look at."""
    print(f"A bank of its own, at {BANK_TIME}; Ctrl-C ends it.", flush=True)
    for what, path in WALK.items():
        print(f"  {what}\n    {own_url}{path}", flush=True)


@contextmanager
def a_bank() -> Iterator[OpenTeller]:
    """Open a bank in a folder that goes with it, and give a client of the demo app."""
    with tempfile.TemporaryDirectory(prefix="branch_finder_") as folder:
        started = clock.Clock(clock.parse(BANK_TIME) - clock.Clock().wall())
        bank = create_bank(Settings(database=str(Path(folder) / "bank.db")), started)
        try:
            app = create_app(bank)
            with OpenTeller(_URL, client_id=DEMO_APP_ID, client_secret=DEMO_CLIENT_SECRET, wsgi_app=app) as client:
                yield client
        finally:
            bank.db.close()
