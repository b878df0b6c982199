"""``openteller calc``: what a deposit brings, what a loan costs, what an amount is in another currency."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling
from openteller._cli.inputs import AMOUNT, CHANGE, CURRENCY, DAY, EXTRA, FRACTION, INSTANT
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant, percent
from openteller.money import Money

if TYPE_CHECKING:
    from decimal import Decimal

    from openteller.models import DepositCalculation, FxCalculation, LoanCalculation

__all__ = ["calc"]

_COUNTED = ("PAYMENT", "PRINCIPAL", "INTEREST", "BALANCE")


@click.group()
def calc() -> None:
    """Work out deposits, loans and exchanges by the day's rates."""


@calc.command()
@click.argument("product")
@click.argument("amount", type=AMOUNT)
@click.option("--currency", type=CURRENCY, default="CNY", show_default=True)
@click.option("--start", "start_date", type=DAY, help="When it is paid in; today unless told.")
@click.option("--end", "end_date", type=DAY, help="When it is withdrawn, for products without a term.")
@click.option("--withdraw", type=DAY, help="Withdraw it before the end of its term.")
@click.option("--part", type=AMOUNT, help="With --withdraw: only so much of it.")
@calling
def deposit(
    session: Session,
    *,
    product: str,
    amount: str,
    currency: str,
    withdraw: dt.date | None,
    part: str | None,
    **days: Any,
) -> None:
    """Work out what AMOUNT in a deposit PRODUCT brings, such as TIME_CNY_1Y; in instalments, AMOUNT each month."""
    if part and withdraw is None:
        raise click.UsageError("--part is of what is withdrawn: give --withdraw, too")
    early: dict[str, object] = {"date": withdraw} | ({"amount": Money(part, currency)} if part else {})
    answer = session.ask(
        session.client.calculators.deposit,
        product_code=product,
        amount=Money(amount, currency),
        early_withdrawal=early if withdraw else None,
        **days,
    )
    session.show(answer, _deposit)


def _deposit(found: DepositCalculation) -> str:
    early = found.early_withdrawal
    return facts(
        [
            ("Product", both(found.name)),
            ("From, to", f"{found.start_date} – {found.end_date}, {found.days} days"),
            ("Rate", percent(found.rate)),
            ("Withdrawn", f"{early.amount or 'all'} on {early.date} at {percent(early.rate)}" if early else None),
            ("Paid in", found.deposited),
            ("Interest", found.interest),
            ("At the end", found.maturity_value),
            ("Rounding", found.rounding.description.en),
        ]
    )


@calc.command()
@click.argument("product")
@click.argument("amount", type=AMOUNT)
@click.argument("term")
@click.option("--rate", type=FRACTION, help="A fraction a year, 0.0310 is 3.10 %; representative unless told.")
@click.option("--repayment", "repayment_type", metavar="CODE", help="EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_ONLY.")
@click.option("--start", "start_date", type=DAY, help="When it begins; today unless told.")
@click.option("--fee", type=AMOUNT, help="What is paid at the start, in CNY.")
@click.option("--rate-change", "changes", type=CHANGE, multiple=True, help="From an instalment on: 13=0.0300.")
@click.option("--extra", "lower", type=EXTRA, multiple=True, help="Repaid with an instalment beside it: 24=50000.")
@click.option("--extra-sooner", "sooner", type=EXTRA, multiple=True, help="Likewise; the loan then ends sooner.")
@click.option("--schedule", is_flag=True, help="Show all payments.")
@calling
def loan(
    session: Session,
    *,
    product: str,
    amount: str,
    fee: str | None,
    schedule: bool,
    changes: tuple[tuple[int, Decimal], ...],
    lower: tuple[tuple[int, str], ...],
    sooner: tuple[tuple[int, str], ...],
    **form: Any,
) -> None:
    """Work out what AMOUNT of a loan PRODUCT costs over TERM: HOME_FIRST 1000000 P30Y, where P18M is 18 months."""
    answer = session.ask(
        session.client.calculators.loan,
        product_code=product,
        amount=Money(amount),
        upfront_fee=Money(fee) if fee else None,
        rate_changes=[{"from_number": number, "rate": rate} for number, rate in sorted(changes)] or None,
        extra_repayments=_extras(lower, sooner) or None,
        **form,
    )
    session.show(answer, _loan_with_schedule if schedule else _loan)


def _extras(lower: tuple[tuple[int, str], ...], sooner: tuple[tuple[int, str], ...]) -> list[dict[str, object]]:
    """Give all of them in the order of their numbers."""
    named = [(*each, "LOWER_PAYMENT") for each in lower] + [(*each, "SHORTER_TERM") for each in sooner]
    return [{"number": number, "amount": Money(amount), "effect": effect} for number, amount, effect in sorted(named)]


def _loan(found: LoanCalculation) -> str:
    return facts(
        [
            ("Product", both(found.name)),
            ("Amount", found.amount),
            ("Term", f"{found.term} from {found.start_date}"),
            ("Rate", f"{percent(found.rate)}, {found.repayment_type}"),
            ("Fixed for", found.fixed_period),
            ("Rate after it", percent(found.revert_rate) if found.revert_rate else None),
            ("Fee", found.upfront_fee or None),
            ("First payment", found.first_payment),
            ("Last payment", f"number {found.schedule[-1].number}, on {found.schedule[-1].due_date}"),
            ("Interest", found.total_interest),
            ("All payments", found.total_payment),
            ("APR", percent(found.annualised_rate)),
        ]
    )


def _loan_with_schedule(found: LoanCalculation) -> str:
    beside = any(one.extra_repayment for one in found.schedule)
    titles = [*_COUNTED[:3], *["EXTRA"] * beside, _COUNTED[3]]
    rows = [
        (one.number, one.due_date, one.payment.amount, one.principal.amount, one.interest.amount)
        + ((one.extra_repayment.amount if one.extra_repayment else None,) if beside else ())
        + (one.balance.amount,)
        for one in found.schedule
    ]
    return f"{_loan(found)}\n\n{table(['NUMBER', 'DUE', *titles], rows, right={'NUMBER', *titles})}"


@calc.command()
@click.argument("side", type=click.Choice(["sell", "buy"], case_sensitive=False))
@click.argument("amount", type=AMOUNT)
@click.argument("currency", type=CURRENCY)
@click.argument("counter", type=CURRENCY, default="CNY")
@click.option("--notes", is_flag=True, help="Notes at the counter, instead of transfers between accounts.")
@click.option("--date", type=DAY, help="By the last board of this day; by that of now unless told.")
@click.option("--as-of", type=INSTANT, help="Instead of a day, by the board of an instant.")
@calling
def fx(session: Session, *, side: str, amount: str, currency: str, counter: str, notes: bool, **time: Any) -> None:
    """Convert: what a customer gets who sells AMOUNT of CURRENCY, or pays who buys it, in COUNTER (CNY)."""
    answer = session.ask(
        session.client.calculators.fx,
        side="BUY" if side == "buy" else "SELL",
        amount=Money(amount, currency),
        counter_currency=counter,
        settlement="NOTES" if notes else None,
        **time,
    )
    session.show(answer, _fx)


def _fx(found: FxCalculation) -> str:
    return facts(
        [
            ("Customer gives", found.sell),
            ("Customer gets", found.buy),
            *((f"{leg.base} {leg.price_type}", f"{leg.price} per {leg.unit}") for leg in found.legs),
            ("Board of", f"{instant(found.as_of) if found.as_of else found.date}, middle of {found.reference_date}"),
            ("Rounding", found.rounding.description.en),
        ]
    )
