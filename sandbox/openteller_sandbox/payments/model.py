"""A payment as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from openteller_sandbox.money import Money
from openteller_sandbox.payments import states
from openteller_sandbox.payments.states import Debit, Posting, Status


@dataclass(slots=True)
class Side:
    """How far one side of a payment is, since when (bank time, epoch milliseconds), and the biller's masked
    reference.
    """

    status: str
    at: int | None = None
    biller_reference: str | None = None


@dataclass(slots=True)
class Allocation:
    """What of the payment goes to which bill."""

    amount: Money
    posting: str
    bill_id: str | None = None


@dataclass(slots=True)
class Fee:
    """A fee that the payer bears."""

    type: str
    amount: Money


@dataclass(slots=True)
class Attempt:
    """One try of a payer."""

    attempt_id: str
    status: str
    started_at: int
    reason: str | None = None


@dataclass(slots=True)
class Resolution:
    """How an unknown payment is decided."""

    method: str
    expected_by: int


@dataclass(slots=True)
class ExceptionNote:
    """Something that was put right in the ledger."""

    type: str
    at: int
    amount: Money


@dataclass(slots=True)
class Refund:
    """Money on its way back."""

    refund_id: str
    status: str
    amount: Money
    reason: str
    created_at: int
    completed_at: int | None = None


@dataclass(slots=True)
class HistoryEntry:
    """A move."""

    status: str
    at: int
    actor: str


@dataclass(slots=True, kw_only=True)
class Payment:
    """What the contract's ``Payment`` holds, but for its link, which is computed."""

    payment_id: str
    status: Status
    partner_reference: str
    created_at: int
    updated_at: int
    status_reason: str | None = None
    consent_id: str | None = None
    category_code: str | None = None
    adcode: str | None = None
    biller_id: str | None = None
    account_ref_masked: str | None = None
    allocations: list[Allocation] = field(default_factory=list)
    amount: Money | None = None
    fees: list[Fee] = field(default_factory=list)
    total: Money | None = None
    debit: Side = field(default_factory=lambda: Side(Debit.NOT_STARTED.value))
    posting: Side = field(default_factory=lambda: Side(Posting.NOT_SENT.value))
    attempts: list[Attempt] = field(default_factory=list)
    resolution: Resolution | None = None
    exceptions: list[ExceptionNote] = field(default_factory=list)
    business_date: date | None = None
    value_date: date | None = None
    expected_posting_at: int | None = None
    receipt_id: str | None = None
    refunds: list[Refund] = field(default_factory=list)
    history: list[HistoryEntry] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)
    locale: str = "zh-CN"
    return_url: str | None = None
    version: int = 1

    @property
    def money_at(self) -> str:
        """Where the money is now."""
        return states.money_at(Debit(self.debit.status), Posting(self.posting.status))

    @property
    def iso_status(self) -> str | None:
        """The ISO 20022 status."""
        return states.ISO_20022.get(self.status)

    @property
    def failed_attempts(self) -> int:
        """How many attempts have failed."""
        return sum(attempt.status == "FAILED" for attempt in self.attempts)


@dataclass(slots=True)
class Choice:
    """What is paid, as only the bank knows it: account numbers in full. Filled by the partner's request or, step by
    step, on the page. owed_minor: what the bills added up to when they were chosen; bill_numbers: what the biller calls
    each bill, kept with the payment from when it was confirmed.
    """

    biller_id: str | None = None
    inputs: dict[str, str] = field(default_factory=dict, repr=False)
    bill_ids: list[str] = field(default_factory=list)
    bill_fetch_id: str | None = None
    amount_minor: int | None = None
    owed_minor: int | None = None
    from_partner: bool = False
    bill_numbers: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Held:
    """A payment with what stands beside its record in the database. sent_on: the day of the bank's calendar on which it
    was debited and sent; wire: the record as it was last read or written.
    """

    payment: Payment
    world_id: str
    app_id: str
    partner_id: str
    link_code: str = field(repr=False)
    code4: str
    expires_at: int
    choice: Choice = field(repr=False)
    customer_id: str | None = None
    sent_on: str | None = None
    wire: str = field(default="", repr=False)
