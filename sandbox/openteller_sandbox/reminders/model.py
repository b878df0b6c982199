"""A reminder as it is kept, and which statuses may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from openteller_sandbox.billers.model import money
from openteller_sandbox.clock import DAY, start_of_day
from openteller_sandbox.money import Money


class Status(StrEnum):
    """How a reminder stands."""

    OPEN = "OPEN"
    POSTPONED = "POSTPONED"
    PAYING = "PAYING"
    PAID = "PAID"
    DECLINED = "DECLINED"
    WITHDRAWN = "WITHDRAWN"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.POSTPONED, Status.PAYING, Status.PAID, Status.DECLINED, Status.WITHDRAWN}),
    Status.POSTPONED: frozenset(Status),
    Status.PAYING: frozenset({Status.OPEN, Status.PAID}),
    Status.PAID: frozenset({Status.OPEN}),
    Status.DECLINED: frozenset(),
    Status.WITHDRAWN: frozenset({Status.OPEN, Status.PAID}),
}
CLOSED = frozenset({Status.PAID, Status.DECLINED, Status.WITHDRAWN})
LATE_MS = 3 * DAY
"""How far a reminder can be put off whose due date is nearer than that, or has passed."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder. bill_key: names the bill without holding its number; due_told: whether its due date was told.
    Instants are bank time, epoch milliseconds.
    """

    reminder_id: str
    world_id: str
    app_id: str
    customer_id: str = field(repr=False)
    saved_biller_id: str
    biller_id: str
    bill_key: str
    status: Status
    due_on: date
    due_told: bool
    remind_at: int | None
    payment_id: str | None
    updated_at: int
    version: int
    wire: str = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)

    @property
    def outstanding(self) -> Money | None:
        """What is left to pay, as the biller stated it last; None where the app is not shown it."""
        stated = self.record.get("outstanding")
        return money(stated) if stated else None

    def may(self, to: Status) -> bool:
        """Tell whether it may move to a status."""
        return to in TRANSITIONS[self.status]

    def latest(self, now: int) -> int:
        """Give until when it can be put off."""
        return max(start_of_day(self.due_on) + DAY, now + LATE_MS)
