"""What a limit says when it is met: to a partner, or to a payer on the page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that was met: how much it allows (fen, accounts or payers), what of it is left, and until when (bank
    time, epoch milliseconds).
    """

    limit: str
    most: int
    until: int
    left: int = 0
