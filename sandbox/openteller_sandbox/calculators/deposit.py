"""What a deposit earns: the rate of its tier, its interest by its day count, and when that is credited. No I/O.

Interest is rounded half-even to the currency's smallest unit when it is credited, not before. Tiers and rates come from
a rate sheet; `rate` is a fraction a year.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from openteller_sandbox.calculators.periods import add_months

__all__ = ["DepositTerms", "Entry", "Tier", "deposit_schedule", "whole_balance_rate"]

CENT = Decimal("0.01")
ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)
# Interest on demand deposits runs through the 20th of the last month of each quarter and is credited the day after.
CREDIT_MONTHS, CREDIT_DAY = (3, 6, 9, 12), 21


@dataclass(frozen=True, kw_only=True)
class Tier:
    """`rate` for balances, or parts of them, from `minimum` and below `maximum` (None: no upper bound)."""

    minimum: Decimal
    maximum: Decimal | None
    rate: Decimal


@dataclass(frozen=True, kw_only=True)
class DepositTerms:
    """A deposit as agreed. `months` is its term, None for products that end when the customer likes.

    `amount` is paid in at the start, and for INSTALMENT products at the start of each month. `parts` are tiers of which
    each pays its rate on its part of the balance (PER_TIER); they stand in for `rate` where there are any.
    """

    product_type: str
    amount: Decimal
    rate: Decimal
    start: date
    end: date
    day_count: str
    months: int | None = None
    parts: Sequence[Tier] = ()

    def yearly_interest(self, balance: Decimal) -> Decimal:
        """What a balance earns in a year."""
        if not self.parts:
            return balance * self.rate
        return sum((_part(balance, tier) * tier.rate for tier in self.parts), Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What happens on a day: money paid in, interest credited, and the balance after both."""

    day: date
    deposit: Decimal
    interest: Decimal
    balance: Decimal


def whole_balance_rate(amount: Decimal, tiers: Sequence[Tier], otherwise: Decimal) -> Decimal:
    """The rate of the tier that the whole balance falls into (WHOLE_BALANCE), or `otherwise` below all of them."""
    reached = [tier for tier in tiers if amount >= tier.minimum]
    return max(reached, key=lambda tier: tier.minimum).rate if reached else otherwise


def deposit_schedule(terms: DepositTerms) -> list[Entry]:
    """Each day on which something is paid in or credited, the last one being the end."""
    entries = {"DEMAND": _demand, "INSTALMENT": _monthly_savings}.get(terms.product_type, _single)
    with localcontext(ARITHMETIC):
        return list(entries(terms))


def _single(terms: DepositTerms) -> Iterator[Entry]:
    interest = (terms.amount * terms.rate * _years(terms)).quantize(CENT)
    yield Entry(day=terms.start, deposit=terms.amount, interest=Decimal(0), balance=terms.amount)
    yield Entry(day=terms.end, deposit=Decimal(0), interest=interest, balance=terms.amount + interest)


def _years(terms: DepositTerms) -> Decimal:
    if terms.day_count == "THIRTY_360" and terms.months is not None:
        return Decimal(terms.months) / 12
    return Decimal((terms.end - terms.start).days) / (365 if terms.day_count == "ACT_365" else 360)


def _monthly_savings(terms: DepositTerms) -> Iterator[Entry]:
    """Simple interest on each instalment for the months that it lay, paid at the end."""
    months = terms.months or 0
    for number in range(months):
        paid_in = terms.amount * (number + 1)
        yield Entry(day=add_months(terms.start, number), deposit=terms.amount, interest=Decimal(0), balance=paid_in)
    lay = Decimal(months * (months + 1)) / 2
    interest = (terms.amount * terms.rate * lay / 12).quantize(CENT)
    yield Entry(day=terms.end, deposit=Decimal(0), interest=interest, balance=terms.amount * months + interest)


def _demand(terms: DepositTerms) -> Iterator[Entry]:
    balance, since = terms.amount, terms.start
    yield Entry(day=since, deposit=balance, interest=Decimal(0), balance=balance)
    for day in [*_credit_days(terms.start, terms.end), terms.end]:
        interest = (terms.yearly_interest(balance) * (day - since).days / 360).quantize(CENT)
        balance, since = balance + interest, day
        yield Entry(day=day, deposit=Decimal(0), interest=interest, balance=balance)


def _credit_days(start: date, end: date) -> Iterator[date]:
    for year in range(start.year, end.year + 1):
        for month in CREDIT_MONTHS:
            if start < (day := date(year, month, CREDIT_DAY)) < end:
                yield day


def _part(balance: Decimal, tier: Tier) -> Decimal:
    top = balance if tier.maximum is None else min(balance, tier.maximum)
    return max(top - tier.minimum, Decimal(0))
