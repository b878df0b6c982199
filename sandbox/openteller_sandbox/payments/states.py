"""The state machine as data. Code, documentation, pages and tests read these tables; nothing else says what may
follow what.
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a payment stands."""

    CREATED = "created"
    AUTHORISING = "authorising"
    AUTHORISED = "authorised"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    REFUND_PENDING = "refund_pending"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Debit(StrEnum):
    """What has happened on the payer's account."""

    NOT_STARTED = "NOT_STARTED"
    HELD = "HELD"
    DEBITED = "DEBITED"
    RELEASED = "RELEASED"
    RETURNED = "RETURNED"


class Posting(StrEnum):
    """What has happened at the biller."""

    NOT_SENT = "NOT_SENT"
    SENT = "SENT"
    POSTED = "POSTED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    REVERSED = "REVERSED"


TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.CREATED: frozenset({Status.AUTHORISING, Status.CANCELLED, Status.EXPIRED}),
    Status.AUTHORISING: frozenset({Status.AUTHORISED, Status.CREATED, Status.FAILED, Status.CANCELLED, Status.EXPIRED}),
    Status.AUTHORISED: frozenset({Status.PROCESSING, Status.REFUND_PENDING}),
    Status.PROCESSING: frozenset({Status.SUCCEEDED, Status.REFUND_PENDING, Status.UNKNOWN}),
    Status.UNKNOWN: frozenset({Status.SUCCEEDED, Status.REFUND_PENDING}),
    Status.SUCCEEDED: frozenset({Status.REFUND_PENDING}),
    Status.REFUND_PENDING: frozenset({Status.REFUNDED, Status.REFUND_FAILED}),
    Status.REFUND_FAILED: frozenset({Status.REFUND_PENDING, Status.REFUNDED}),
    Status.REFUNDED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.EXPIRED: frozenset(),
}

FINAL = frozenset(status for status, following in TRANSITIONS.items() if not following) | {Status.SUCCEEDED}
"""Where nothing more is expected. A success can still be reversed."""


def _reaching(goal: Status) -> frozenset[Status]:
    """Give the statuses from which a payment can still come to another one."""
    found = {goal}
    while further := {status for status, following in TRANSITIONS.items() if following & found} - found:
        found |= further
    return frozenset(found)


CAN_SUCCEED = _reaching(Status.SUCCEEDED)
"""From where the biller can still post it."""

CANCELLABLE = frozenset({Status.CREATED, Status.AUTHORISING})
"""Where no money has moved."""

_NOTHING = {(Debit.NOT_STARTED, Posting.NOT_SENT)}
LEGAL: dict[Status, frozenset[tuple[Debit, Posting]]] = {
    Status.CREATED: frozenset(_NOTHING),
    Status.AUTHORISING: frozenset(_NOTHING),
    Status.AUTHORISED: frozenset({(Debit.HELD, Posting.NOT_SENT)}),
    Status.PROCESSING: frozenset({(Debit.DEBITED, Posting.SENT)}),
    Status.UNKNOWN: frozenset({(Debit.DEBITED, Posting.UNKNOWN)}),
    Status.SUCCEEDED: frozenset({(Debit.DEBITED, Posting.POSTED)}),
    Status.REFUND_PENDING: frozenset(
        {(Debit.HELD, Posting.NOT_SENT), (Debit.DEBITED, Posting.REJECTED), (Debit.DEBITED, Posting.REVERSED)}
    ),
    Status.REFUND_FAILED: frozenset({(Debit.DEBITED, Posting.REJECTED), (Debit.DEBITED, Posting.REVERSED)}),
    Status.REFUNDED: frozenset(
        {
            (Debit.RELEASED, Posting.NOT_SENT),
            (Debit.RETURNED, Posting.REJECTED),
            (Debit.RETURNED, Posting.REVERSED),
            (Debit.RETURNED, Posting.POSTED),  # posted late, after the money went back
        }
    ),
    Status.FAILED: frozenset(_NOTHING),
    Status.CANCELLED: frozenset(_NOTHING),
    Status.EXPIRED: frozenset(_NOTHING),
}
"""The legal triples (status, debit, posting)."""

ISO_20022: dict[Status, str] = {
    Status.AUTHORISING: "RCVD",
    Status.AUTHORISED: "ACFC",
    Status.PROCESSING: "ACWP",
    Status.UNKNOWN: "ACWP",
    Status.SUCCEEDED: "ACCC",
    Status.FAILED: "RJCT",
    Status.CANCELLED: "CANC",
    Status.EXPIRED: "CANC",
    Status.REFUNDED: "CANC",
}

LINK_STATUS: dict[Status, str] = {
    Status.CREATED: "ACTIVE",
    Status.AUTHORISING: "IN_USE",
    Status.CANCELLED: "CANCELLED",
    Status.FAILED: "CANCELLED",
    Status.EXPIRED: "EXPIRED",
}
"""Of the payment link; COMPLETED in every other status."""


def money_at(debit: Debit, posting: Posting) -> str:
    """Say where the money is: PAYER, BANK, BILLER or RETURNED."""
    if debit is Debit.NOT_STARTED:
        return "PAYER"
    if debit in {Debit.RELEASED, Debit.RETURNED}:
        return "RETURNED"
    return "BILLER" if posting is Posting.POSTED else "BANK"
