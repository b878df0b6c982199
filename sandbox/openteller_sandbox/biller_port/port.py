"""What the bank asks a biller, and what a biller can answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import Protocol

from openteller_sandbox.bank import World
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.money import Money


class Refusal(StrEnum):
    """Why an account cannot be paid. Only the payer is told which; a partner sees one code for all."""

    UNKNOWN = "UNKNOWN"
    BLOCKED = "BLOCKED"
    WRONG_REGION = "WRONG_REGION"


class PostingState(StrEnum):
    """What a biller says of a posting."""

    POSTED = "POSTED"
    REJECTED = "REJECTED"
    NO_ANSWER = "NO_ANSWER"  # the connection timed out: nobody knows
    NOT_FOUND = "NOT_FOUND"  # to a query: the biller never got it


class Behaviour(StrEnum):
    """What follows on the payer's side for a magic account number; the bank plays along in the sandbox."""

    NORMAL = "NORMAL"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    PAYER_GIVES_UP = "PAYER_GIVES_UP"
    ACCOUNT_CLOSES = "ACCOUNT_CLOSES"  # after the debit: nothing can be put back on it


class Reversal(StrEnum):
    """What a biller says when it is asked to take a posting back."""

    REVERSED = "REVERSED"
    REFUSED = "REFUSED"
    NO_ANSWER = "NO_ANSWER"


class Ground(Enum):
    """Why the bank wants a posting back."""

    SURPLUS = auto()  # it was posted more than once: all but one
    RETURNED = auto()  # it was posted after the payer had got the money back
    PAID_TWICE = auto()  # the payer says to have paid the same twice
    DISPUTED = auto()  # the payer says that nothing came of it, or that it was a mistake


class Turn(Enum):
    """What a simulated biller does by itself when its scenario has come so far; a real one is not told."""

    TAKE_BACK = auto()  # it takes a posting back (冲正): its bill is due again
    POST_LATE = auto()  # it posts what it had not found: its bill is paid
    FIND = auto()  # it has posted what it got, whatever it has said
    LOSE = auto()  # it has not posted what it got


class Asking(Enum):
    """Why a biller is asked what an account owes."""

    FIRST = auto()
    AGAIN = auto()  # it has answered ``Later``
    TO_PAY = auto()  # money is about to be held for what it has answered


@dataclass(frozen=True, slots=True)
class DueBill:
    """A bill as the biller states it, in full. paid: of amount and penalty together."""

    bill_number: str = field(repr=False)
    bill_date: date
    due_date: date
    period_from: date
    period_to: date
    amount: Money
    penalty: Money
    min_amount: Money
    max_amount: Money
    balance: Money | None = None
    items: tuple[tuple[str, str, Money], ...] = ()
    paid: Money = Money(Decimal(0))  # noqa: RUF009 - frozen

    @property
    def outstanding(self) -> Money:
        """What is left to pay."""
        left = self.amount + self.penalty - self.paid
        return left if left.amount > 0 else Money(Decimal(0), left.currency)


@dataclass(frozen=True, slots=True)
class Found:
    """The account exists; ``bills`` may be empty."""

    bills: tuple[DueBill, ...]


@dataclass(frozen=True, slots=True)
class NotPayable:
    """The account cannot be paid."""

    reason: Refusal


@dataclass(frozen=True, slots=True)
class Failed:
    """The biller answered with an error."""


@dataclass(frozen=True, slots=True)
class Later:
    """The biller is slow; ask again after so many milliseconds of bank time."""

    after_ms: int


QueryAnswer = Found | NotPayable | Failed | Later


@dataclass(frozen=True, slots=True)
class Posting:
    """What the bank sends: one payment, all its bills or none."""

    posting_id: str
    biller: Biller
    inputs: Mapping[str, str] = field(repr=False)
    amounts: Mapping[str, Money] = field(repr=False)
    """By bill number; one entry with the empty number where there is no bill."""

    @property
    def total(self) -> Money:
        """The sum that is posted."""
        amounts = list(self.amounts.values())
        total = amounts[0]
        for amount in amounts[1:]:
            total = total + amount
        return total


@dataclass(frozen=True, slots=True)
class PostingAnswer:
    """What the biller says of a posting. ``times`` above 1: it posted more than once. ``reverses_after_ms``: it will
    take the posting back. answers_after_ms: there is no answer yet; it comes so much later, unless it is asked for.
    """

    state: PostingState
    reference: str = field(default="", repr=False)
    times: int = 1
    reverses_after_ms: int | None = None
    posts_late_after_ms: int | None = None
    answers_after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the biller's list of a day. times: how often it has posted it."""

    posting_id: str
    amount: Money
    reference: str = field(repr=False)
    times: int = 1


@dataclass(frozen=True, slots=True)
class LegFault:
    """What was ordered to go wrong on the way to a biller. Where ``biller_id`` is None, at any.

    status: an error that the biller answers; drop: the answer is lost, BEFORE or AFTER the biller has acted.
    """

    fault_id: str
    biller_id: str | None
    status: int | None
    delay_ms: int
    drop: str | None
    since: int


class BillerUnreachable(Exception):
    """A biller that plays a scenario cannot be told so now."""


class BillerPort(Protocol):
    """A biller, in process or far away. No transaction of the bank is open while it is asked."""

    def query(self, world: World, biller: Biller, inputs: Mapping[str, str], now: int, asking: Asking) -> QueryAnswer:
        """Ask what an account owes. A bill that was found is found TO_PAY for 24 hours, unless it was paid."""

    def post(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Send a payment. The same ``posting_id`` is posted once, however often it is sent."""

    def query_posting(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Ask what became of a payment."""

    def reconcile(self, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed] | None:
        """Give all that the biller has posted on a business day; None where the list cannot be had now."""

    def reversal_late_by(self, world: World, biller: Biller, posting_id: str, now: int) -> int:
        """Say how much later (milliseconds) the bank hears of a reversal that the biller makes now."""

    def reverse(self, world: World, posting: Posting, now: int, ground: Ground) -> Reversal:
        """Ask the biller to take a posting back (冲正). Asked again, it takes nothing more."""

    def behaviour(self, biller: Biller, inputs: Mapping[str, str]) -> Behaviour:
        """Say what the payer does; in a sandbox the account number chooses that, too."""

    def play(self, world: World, posting_id: str, turn: Turn, now: int) -> None:
        """Let a simulated biller do something by itself. Told again, it does nothing more.

        Raises:
            BillerUnreachable: it cannot be told now; whoever tells it has to do so again.
        """
