"""What a deposit earns: the rate of its tier, its interest by its day count, and when that is credited. No I/O.

Interest is rounded half-even to the currency's smallest unit when it is credited, not before. Tiers and rates come from
a rate sheet; `rate` is a fraction a year. What is withdrawn before the end of its term (提前支取) earns the demand
rate, for the days that it lay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

from openteller_sandbox.calculators.periods import add_months

__all__ = ["DepositTerms", "Early", "Entry", "Tier", "deposit_schedule", "whole_balance_rate"]

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
class Early:
    """A withdrawal before the end of the term: of how much (None: all), at which yearly rate and day count."""

    day: date
    amount: Decimal | None
    rate: Decimal
    day_count: str


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
    early: Early | None = None

    def yearly_interest(self, balance: Decimal) -> Decimal:
        """What a balance earns in a year."""
        if not self.parts:
            return balance * self.rate
        return sum((_part(balance, tier) * tier.rate for tier in self.parts), Decimal(0))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What happens on a day: money paid in, interest credited, some of both withdrawn, and the balance after it."""

    day: date
    deposit: Decimal
    interest: Decimal
    balance: Decimal
    withdrawn: Decimal = Decimal(0)


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
    yield Entry(day=terms.start, deposit=terms.amount, interest=Decimal(0), balance=terms.amount)
    left = terms.amount
    if (early := terms.early) is not None:
        taken = left if early.amount is None else early.amount
        interest = (taken * early.rate * _day_part(terms.start, early.day, early.day_count)).quantize(CENT)
        left -= taken
        if not left:
            yield Entry(day=early.day, deposit=Decimal(0), interest=interest, balance=taken + interest)
            return
        yield Entry(day=early.day, deposit=Decimal(0), interest=interest, balance=left, withdrawn=taken + interest)
    interest = (terms.yearly_interest(left) * _years(terms)).quantize(CENT)
    yield Entry(day=terms.end, deposit=Decimal(0), interest=interest, balance=left + interest)


def _years(terms: DepositTerms) -> Decimal:
    if terms.day_count == "THIRTY_360" and terms.months is not None:
        return Decimal(terms.months) / 12
    return _day_part(terms.start, terms.end, terms.day_count)


def _day_part(start: date, end: date, day_count: str) -> Decimal:
    return Decimal((end - start).days) / (365 if day_count == "ACT_365" else 360)


def _monthly_savings(terms: DepositTerms) -> Iterator[Entry]:
    """Simple interest on each instalment for its months, or for its days until an early end; paid at the end."""
    early = terms.early
    days = [add_months(terms.start, number) for number in range(terms.months or 0)]
    if early is not None:
        days = [day for day in days if day < early.day]
    for number, day in enumerate(days, 1):
        yield Entry(day=day, deposit=terms.amount, interest=Decimal(0), balance=terms.amount * number)
    if early is None:
        monthly = (terms.yearly_interest(terms.amount * number) for number in range(1, len(days) + 1))
        earned = sum(monthly, Decimal(0)) / 12
    else:
        lay = sum((_day_part(day, early.day, early.day_count) for day in days), Decimal(0))
        earned = terms.amount * early.rate * lay
    interest, end = earned.quantize(CENT), early.day if early else terms.end
    yield Entry(day=end, deposit=Decimal(0), interest=interest, balance=terms.amount * len(days) + interest)


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
