"""What a reset does to the books of the simulated billers that are in the bank's own database.

One that is asked over HTTP is told with each question when its world began: a world that was reset is a new one to it.
"""

from __future__ import annotations

from openteller_sandbox.biller_port import store
from openteller_sandbox.db import Tx


def reset(tx: Tx, world_id: str) -> None:
    """Forget what the billers have posted in a world."""
    tx.run(store.RESET, world_id=world_id)
    tx.run(store.RESET_CALENDARS, world_id=world_id)
