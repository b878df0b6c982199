"""What a loan costs: its instalments, cent by cent, and its internal rate of return. Decimal arithmetic, no I/O.

The currency has two decimals. A month is a twelfth of a year (THIRTY_360). Every amount is rounded half-even to the
cent when it arises; the last instalment takes what the rounding left, so that the principal sums to the loan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from openteller_sandbox.calculators.periods import add_months

__all__ = ["Instalment", "LoanTerms", "annualised_rate", "loan_schedule"]

CENT = Decimal("0.01")
MILLIONTH = Decimal("0.000001")
ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, kw_only=True)
class LoanTerms:
    """A loan as agreed: `rate` is a fraction a year; after `fixed_months`, where given, `revert_rate` follows it."""

    amount: Decimal
    rate: Decimal
    months: int
    repayment_type: str
    start: date
    fixed_months: int | None = None
    revert_rate: Decimal | None = None

    def rate_of(self, number: int) -> Decimal:
        """The rate of the instalment of that number, from 1."""
        if self.revert_rate is None or self.fixed_months is None or number <= self.fixed_months:
            return self.rate
        return self.revert_rate


@dataclass(frozen=True, kw_only=True)
class Instalment:
    """One payment; `balance` is what is owed after it."""

    number: int
    due_date: date
    rate: Decimal
    payment: Decimal
    principal: Decimal
    interest: Decimal
    balance: Decimal


def loan_schedule(terms: LoanTerms) -> list[Instalment]:
    """All instalments, the first a month after the start."""
    with localcontext(ARITHMETIC):
        return list(_instalments(terms))


def _instalments(terms: LoanTerms) -> Iterator[Instalment]:
    balance = terms.amount
    level: Decimal | None = None
    for number in range(1, terms.months + 1):
        rate = terms.rate_of(number)
        interest = (balance * rate / 12).quantize(CENT)
        if terms.repayment_type == "EQUAL_INSTALMENT" and (level is None or rate != terms.rate_of(number - 1)):
            level = _level_payment(balance, rate / 12, terms.months - number + 1)
        principal = balance if number == terms.months else _principal(terms, balance, interest, level)
        balance -= principal
        yield Instalment(
            number=number,
            due_date=add_months(terms.start, number),
            rate=rate,
            payment=principal + interest,
            principal=principal,
            interest=interest,
            balance=balance,
        )


def _principal(terms: LoanTerms, balance: Decimal, interest: Decimal, level: Decimal | None) -> Decimal:
    if level is not None:
        return min(max(level - interest, Decimal(0)), balance)
    if terms.repayment_type == "EQUAL_PRINCIPAL":
        return min((terms.amount / terms.months).quantize(CENT), balance)
    return Decimal(0)


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
