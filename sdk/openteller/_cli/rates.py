"""``openteller rates``: what the bank publishes, as tables. Rates are written in per cent a year."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, dump, paged
from openteller._cli.inputs import CURRENCY, DAY
from openteller._cli.tables import table
from openteller._cli.texts import instant, more, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openteller.models import DepositRate, DepositRateList, FxQuote, FxQuoteList, LoanRate, LoanRateList

__all__ = ["rates"]

_PRICES = ("TT BUY", "NOTES BUY", "TT SELL", "NOTES SELL", "MIDDLE")


@click.group()
def rates() -> None:
    """Read the day's rates."""


@rates.command()
@click.argument("currencies", nargs=-1, type=CURRENCY)
@click.option("--date", type=DAY, help="A day of the bank's calendar; today unless told.")
@calling
def fx(session: Session, *, currencies: tuple[str, ...], date: dt.date | None) -> None:
    """Show the exchange board, or the rows of some CURRENCIES: CNY for so many units; the bank buys and sells."""
    base = currencies[0] if len(currencies) == 1 else None
    answer = session.ask(session.client.rates.fx.list(date=date, base=base).page)
    missing = sorted(set(currencies) - {quote.base for quote in answer.parsed.data})
    if missing:
        raise click.ClickException(
            f"the board does not have {', '.join(missing)}: openteller rates fx shows what it has"
        )
    if not currencies:
        session.show(answer, lambda page: _board(page.data))
    elif session.as_json:
        click.echo(dump(_only(json.loads(answer.body), currencies)))
    else:
        click.echo(_board([quote for quote in answer.parsed.data if quote.base in currencies]))


def _only(page: dict[str, Any], currencies: Sequence[str]) -> dict[str, Any]:
    data = [quote for quote in page["data"] if quote["base"] in currencies]
    return page | {"data": data, "meta": page["meta"] | {"count": len(data)}}


def _board(quotes: Sequence[FxQuote]) -> str:
    if not quotes:
        return "No board had been published by that day."
    rows = [(one.base, one.name.zh_cn, one.unit, *_prices(one)) for one in quotes]
    one = quotes[0]
    published = f"{one.quote} per UNIT, published {instant(one.published_at)}, middle of {one.reference_date}"
    marks = ["counters closed: indicative"] * one.indicative + ["carried forward"] * one.is_carried_forward
    return (
        table(["CURRENCY", "NAME", "UNIT", *_PRICES], rows, right={"UNIT", *_PRICES})
        + "\n"
        + "; ".join([published, *marks])
    )


def _prices(one: FxQuote) -> tuple[object, ...]:
    return one.tt_buy, one.notes_buy, one.tt_sell, one.notes_sell, one.middle


@rates.command()
@click.argument("currency", type=CURRENCY)
@click.option("--from", "from_", type=DAY, help="First day.")
@click.option("--to", type=DAY, help="Last day.")
@paged
@calling
def history(session: Session, *, currency: str, **options: Any) -> None:
    """Show a CURRENCY's quotes day by day."""
    rows = session.client.rates.fx.history(base=currency, **options)
    session.show(session.ask(rows.page), _history)


def _history(page: FxQuoteList) -> str:
    if not page.data:
        return "No quote in that time."
    rows = [(one.date, one.unit, *_prices(one), one.reference_date) for one in page.data]
    return table(["DATE", "UNIT", *_PRICES, "MIDDLE OF"], rows, right={"UNIT", *_PRICES}) + more(page.links)


@rates.command()
@click.option("--date", type=DAY, help="A day of the bank's calendar; today unless told.")
@click.option("--currency", type=CURRENCY, help="Products in one currency.")
@calling
def deposits(session: Session, **options: Any) -> None:
    """Show what deposits bring, in per cent a year."""
    session.show(session.ask(session.client.rates.deposits.list(**options).page), _deposits)


def _deposits(page: DepositRateList) -> str:
    if not page.data:
        return "No such product."
    rows = [(one.product_code, one.name.zh_cn, _term(one), _rate(one), one.minimum_amount) for one in page.data]
    return table(["PRODUCT", "NAME", "TERM", "RATE", "FROM"], rows, right={"RATE", "FROM"})


def _term(one: DepositRate) -> str | None:
    return f"notice {one.notice_period}" if one.notice_period else one.term


def _rate(one: DepositRate) -> str:
    """Give the rate, with tiers from the lowest to the highest."""
    best = max((tier.rate for tier in one.tiers), default=one.rate)
    return percent(one.rate) if best == one.rate else f"{percent(one.rate)} to {percent(best)}"


@rates.command()
@click.option("--date", type=DAY, help="A day of the bank's calendar; today unless told.")
@click.option("--purpose", "loan_purpose", metavar="CODE", help="HOME_PURCHASE, CAR, CONSUMPTION, …")
@calling
def loans(session: Session, **options: Any) -> None:
    """Show what loans cost, in per cent a year. APR counts all that is paid, and interest on interest."""
    session.show(session.ask(session.client.rates.loans.list(**options).page), _loans)


def _loans(page: LoanRateList) -> str:
    if not page.data:
        return "No such product."
    titles = ["PRODUCT", "NAME", "RATE", "LOWEST", "HIGHEST", "APR", "TERM", "UP TO", "FOLLOWS"]
    return table(
        titles, [_loan(one) for one in page.data], right={"RATE", "LOWEST", "HIGHEST", "APR", "UP TO", "FOLLOWS"}
    )


def _loan(one: LoanRate) -> tuple[object, ...]:
    return (
        one.product_code,
        one.name.zh_cn,
        percent(one.representative_rate),
        percent(one.minimum_rate),
        percent(one.maximum_rate),
        percent(one.annualised_rate),
        f"{one.minimum_term} to {one.maximum_term}",
        one.maximum_amount,
        f"{one.reference_rate.code} {one.reference_rate.spread_bp:+d} bp",
    )
