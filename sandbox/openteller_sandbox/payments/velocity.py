"""How much a payer pays, how many strangers' accounts, and how many strangers pay one account.

Looked at and counted in the act that holds the money: acts of a world come one after the other, so that of payments at
once no more get through than one by one. An account that a payer has paid once is no stranger's to them any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from openteller_sandbox import clock
from openteller_sandbox.bank import World
from openteller_sandbox.customers.service import Customer
from openteller_sandbox.db import Tx
from openteller_sandbox.limits import Reached
from openteller_sandbox.money import Money
from openteller_sandbox.payments import store
from openteller_sandbox.payments.model import Held
from openteller_sandbox.settings import PaymentLimits

MONTH_DAYS = 30


class Limit(StrEnum):
    """Which limit a payment has met; the page has a text for each."""

    DAY_AMOUNT = "DAY_AMOUNT"
    NEW_ACCOUNTS_DAY = "NEW_ACCOUNTS_DAY"
    NEW_ACCOUNTS_MONTH = "NEW_ACCOUNTS_MONTH"
    NEW_PAYERS_DAY = "NEW_PAYERS_DAY"
    NEW_PAYERS_MONTH = "NEW_PAYERS_MONTH"


@dataclass(frozen=True, slots=True)
class Paying:
    """What is about to be paid: who pays, to which account (by its digest), how much with the fees, and on which day
    of the bank's calendar.
    """

    customer: Customer
    account_digest: str
    total: Money
    day: date

    def payer(self, world: World) -> dict[str, str]:
        """Give what names the payer in the tables."""
        return {"world_id": world.world_id, "customer_id": self.customer.customer_id}


def reached(limits: PaymentLimits, tx: Tx, world: World, paying: Paying) -> Reached | None:
    """Give the limit that a payment would meet; nothing is counted."""
    over = _over_amount(limits, tx, world, paying)
    if over or not _is_new(tx, world, paying):
        return over
    return _over_accounts(limits, tx, world, paying) or _over_payers(limits, tx, world, paying)


def count(limits: PaymentLimits, tx: Tx, world: World, paying: Paying) -> None:
    """Count a payment whose limits were looked at in the same act."""
    day = paying.day.isoformat()
    new = tx.run(store.KNOW_ACCOUNT, **paying.payer(world), account_digest=paying.account_digest, first_on=day)
    tx.run(store.BEGIN_DAY, **paying.payer(world), day=day, paid_minor=0, new_accounts=0)
    counted = tx.run(
        store.COUNT_PAID,
        w=world.world_id,
        c=paying.customer.customer_id,
        d=day,
        minor=paying.total.minor,
        most=_day_minor(limits, paying.customer),
        new=new,
    )
    if not counted:
        raise RuntimeError("a limit was looked at in another act than it was counted in")


def give_back(tx: Tx, world: World, held: Held, amount: Money) -> None:
    """Let a payer pay again, on the day of a payment, what of it has come back."""
    day = held.payment.business_date
    assert day and held.customer_id
    tx.run(store.COUNT_RETURNED, w=world.world_id, c=held.customer_id, d=day.isoformat(), minor=amount.minor)


def _over_amount(limits: PaymentLimits, tx: Tx, world: World, paying: Paying) -> Reached | None:
    row = tx.one(store.PAID_ON, **paying.payer(world), day=paying.day.isoformat())
    most = _day_minor(limits, paying.customer)
    left = most - (row["paid_minor"] if row else 0)
    if paying.total.minor <= left:
        return None
    return Reached(Limit.DAY_AMOUNT, most, _begins(paying.day, 1), max(left, 0))


def _is_new(tx: Tx, world: World, paying: Paying) -> bool:
    return tx.one(store.PAID_BEFORE, **paying.payer(world), account_digest=paying.account_digest) is None


def _over_accounts(limits: PaymentLimits, tx: Tx, world: World, paying: Paying) -> Reached | None:
    """Look at how many accounts are new to the payer."""
    factor = limits.business if paying.customer.is_business else 1
    rows = tx.all(store.NEW_ACCOUNTS, **paying.payer(world), since=_month_ago(paying.day))
    counts = {row["day"]: row["new_accounts"] for row in rows}
    most = limits.new_accounts_day * factor
    if counts.get(paying.day.isoformat(), 0) >= most:
        return Reached(Limit.NEW_ACCOUNTS_DAY, most, _begins(paying.day, 1))
    most = limits.new_accounts_month * factor
    if sum(counts.values()) >= most:
        return Reached(Limit.NEW_ACCOUNTS_MONTH, most, _begins(date.fromisoformat(min(counts)), MONTH_DAYS))
    return None


def _over_payers(limits: PaymentLimits, tx: Tx, world: World, paying: Paying) -> Reached | None:
    """Look at how many payers are new to the account."""
    account = {"world_id": world.world_id, "account_digest": paying.account_digest}
    days = [row["first_on"] for row in tx.all(store.NEW_PAYERS, **account, since=_month_ago(paying.day))]
    if days.count(paying.day.isoformat()) >= limits.new_payers_day:
        return Reached(Limit.NEW_PAYERS_DAY, limits.new_payers_day, _begins(paying.day, 1))
    if len(days) >= limits.new_payers_month:
        until = _begins(date.fromisoformat(days[0]), MONTH_DAYS)
        return Reached(Limit.NEW_PAYERS_MONTH, limits.new_payers_month, until)
    return None


def _day_minor(limits: PaymentLimits, customer: Customer) -> int:
    return limits.day_yuan * 100 * (limits.business if customer.is_business else 1)


def _month_ago(day: date) -> str:
    """Give the last day that counts no more."""
    return (day - timedelta(days=MONTH_DAYS)).isoformat()


def _begins(day: date, later: int) -> int:
    """Give when the day begins that comes so many days later."""
    return clock.start_of_day(day + timedelta(days=later))
