"""What a payment knows of its own future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openteller.models._base import Model
from openteller.models._transitions import TRANSITIONS

__all__ = ["PaymentMoves"]


class PaymentMoves(Model, frozen=True):
    """The moves of a payment, from the contract's table."""

    if TYPE_CHECKING:

        @property
        def status(self) -> str:
            """Where the payment stands."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Statuses that may follow this one; empty when nothing can, and when this release does not know the status."""
        return TRANSITIONS.get(self.status, ())

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected. A success can still be taken back by the biller."""
        return self.status == "succeeded" or (self.status in TRANSITIONS and not self.allowed)
