"""What a loan costs: its instalments, cent by cent, and its internal rate of return. Decimal arithmetic, no I/O.

The currency has two decimals. A month is a twelfth of a year (THIRTY_360). Every amount is rounded half-even to the
cent when it arises; the last instalment takes what the rounding left, so that the principal sums to the loan.

What is repaid beside an instalment (提前还款) goes to the principal on its day, after it. Either the instalments are
worked out again over the months that are left, or they stay and end sooner.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from openteller_sandbox.calculators.periods import add_months

__all__ = ["CENT", "Extra", "Instalment", "LoanTerms", "TooLittle", "TooMuch", "annualised_rate", "loan_schedule"]

CENT = Decimal("0.01")
MILLIONTH = Decimal("0.000001")
ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)


class TooMuch(Exception):
    """More is repaid beside an instalment than is owed after it, or nothing is owed any more by then.

    Attributes:
        number: of the instalment.
        owed: what is owed after it.
    """

    def __init__(self, number: int, owed: Decimal) -> None:
        super().__init__(number, owed)
        self.number = number
        self.owed = owed


class TooLittle(Exception):
    """So little is owed that an instalment comes to less than a cent: a schedule of nothings.

    Attributes:
        number: of the instalment beside which the rest was repaid; 0 where nothing was.
        left: what was owed after it.
    """

    def __init__(self, number: int, left: Decimal) -> None:
        super().__init__(number, left)
        self.number = number
        self.left = left


@dataclass(frozen=True, kw_only=True)
class Extra:
    """What is repaid beside an instalment; `sooner`: the loan ends sooner, instead of costing less each month."""

    amount: Decimal
    sooner: bool


@dataclass(frozen=True, kw_only=True)
class LoanTerms:
    """A loan as agreed: `rate` is a fraction a year; after `fixed_months`, where given, `revert_rate` follows it.

    `changes`: the rate from the instalment of a number on, whatever was agreed. `extras`: by the number of the
    instalment beside which they are repaid.
    """

    amount: Decimal
    rate: Decimal
    months: int
    repayment_type: str
    start: date
    fixed_months: int | None = None
    revert_rate: Decimal | None = None
    changes: Mapping[int, Decimal] = field(default_factory=dict)
    extras: Mapping[int, Extra] = field(default_factory=dict)

    def rate_of(self, number: int) -> Decimal:
        """The rate of the instalment of that number, from 1."""
        changed = max((start for start in self.changes if start <= number), default=0)
        if changed and (self.fixed_months is None or not changed <= self.fixed_months < number):
            return self.changes[changed]
        if self.revert_rate is None or self.fixed_months is None or number <= self.fixed_months:
            return self.rate
        return self.revert_rate


@dataclass(frozen=True, kw_only=True)
class Instalment:
    """One payment; `extra` is what is repaid beside it, `balance` what is owed after both."""

    number: int
    due_date: date
    rate: Decimal
    payment: Decimal
    principal: Decimal
    interest: Decimal
    extra: Decimal
    balance: Decimal


def loan_schedule(terms: LoanTerms) -> list[Instalment]:
    """All instalments, the first a month after the start.

    Raises:
        TooMuch: more is repaid beside one than is owed.
        TooLittle: what is owed, or what is left of it, is not worth its instalments.
    """
    with localcontext(ARITHMETIC):
        schedule = list(_instalments(terms))
    if late := [number for number in terms.extras if number > len(schedule)]:
        raise TooMuch(min(late), Decimal(0))
    return schedule


def _instalments(terms: LoanTerms) -> Iterator[Instalment]:
    balance, end = terms.amount, terms.months
    regular: Decimal | None = None
    number, lowered, left = 0, 0, terms.amount
    while number < end:
        number += 1
        rate = terms.rate_of(number)
        interest = (balance * rate / 12).quantize(CENT)
        if regular is None or (terms.repayment_type == "EQUAL_INSTALMENT" and rate != terms.rate_of(number - 1)):
            regular = _regular(terms, balance, rate, end - number + 1)
        principal = balance if number == end else _principal(terms, balance, interest, regular)
        if balance and not principal + interest and (rate or terms.repayment_type != "INTEREST_ONLY"):
            raise TooLittle(lowered, left)
        balance -= principal
        extra = terms.extras.get(number)
        if extra is not None:
            if extra.amount > balance:
                raise TooMuch(number, balance)
            balance -= extra.amount
            lowered, left = number, balance
            if not balance:
                end = number
            elif extra.sooner:
                end = number + _months_left(terms, balance, number, regular, end - number)
            else:
                regular = None
        yield Instalment(
            number=number,
            due_date=add_months(terms.start, number),
            rate=rate,
            payment=principal + interest,
            principal=principal,
            interest=interest,
            extra=extra.amount if extra else Decimal(0),
            balance=balance,
        )


def _regular(terms: LoanTerms, balance: Decimal, rate: Decimal, months: int) -> Decimal:
    """What stays the same each month: the payment, the principal, or (INTEREST_ONLY) nothing."""
    if terms.repayment_type == "EQUAL_INSTALMENT":
        return _level_payment(balance, rate / 12, months)
    return (balance / months).quantize(CENT) if terms.repayment_type == "EQUAL_PRINCIPAL" else Decimal(0)


def _principal(terms: LoanTerms, balance: Decimal, interest: Decimal, regular: Decimal) -> Decimal:
    by_payment = terms.repayment_type == "EQUAL_INSTALMENT"
    return min(max(regular - interest, Decimal(0)) if by_payment else regular, balance)


def _months_left(terms: LoanTerms, balance: Decimal, number: int, regular: Decimal, most: int) -> int:
    """How many more instalments it takes when they and their rate stay as they are."""
    rate = terms.rate_of(number)
    for month in range(1, most):
        interest = (balance * rate / 12).quantize(CENT)
        balance -= _principal(terms, balance, interest, regular)
        if not balance:
            return month
    return most


def _level_payment(balance: Decimal, monthly: Decimal, months: int) -> Decimal:
    if not monthly:
        return (balance / months).quantize(CENT)
    return (balance * monthly / (1 - (1 + monthly) ** -months)).quantize(CENT)


def annualised_rate(received: Decimal, payments: Sequence[Decimal]) -> Decimal:
    """Effective annual internal rate of return of what is received now and paid back monthly; six decimals, half-even.

    Solves sum(payment_k * v^k) = received for the monthly discount factor v by Newton's method. The left side is
    increasing and convex in v and the start lies at or above the root, so that each step comes closer from above.

    Raises:
        ValueError: nothing is received, or less is paid back than was received.
    """
    if not 0 < received <= sum(payments):
        raise ValueError("a loan is a positive amount that is paid back in full")
    with localcontext(ARITHMETIC):
        factor = Decimal(1)
        while (step := _newton_step(factor, received, payments)) > Decimal("1e-16"):
            factor -= step
        return Decimal(factor**-12 - 1).quantize(MILLIONTH)


def _newton_step(factor: Decimal, received: Decimal, payments: Sequence[Decimal]) -> Decimal:
    """Value over slope at `factor`, both by Horner's rule."""
    value = slope = Decimal(0)
    for payment in reversed(payments):
        slope = slope * factor + value
        value = value * factor + payment
    # `value` lacks the last factor: the first payment is due after one month.
    return (value * factor - received) / (value + slope * factor)
