"""What a payment knows of its own future, and what a reminder does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openteller.models._base import Model
from openteller.models._transitions import REMINDER_TRANSITIONS, TRANSITIONS

__all__ = ["PaymentMoves", "ReminderMoves"]


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


class ReminderMoves(Model, frozen=True):
    """The moves of a reminder, from the contract's table."""

    if TYPE_CHECKING:

        @property
        def status(self) -> str:
            """How the reminder stands."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Statuses that may follow this one; empty when nothing can, and when this release does not know the status."""
        return REMINDER_TRANSITIONS.get(self.status, ())

    @property
    def is_answerable(self) -> bool:
        """Whether the customer can answer it now: pay, later, decline."""
        return "DECLINED" in self.allowed
