"""``openteller rates``: what the bank publishes, as tables. Rates are written in per cent a year."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from openteller import errors
from openteller._cli.calling import Session, calling, dump, paged
from openteller._cli.inputs import CURRENCY, DAY, INSTANT
from openteller._cli.tables import facts, table
from openteller._cli.texts import cursor, instant, more, percent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from openteller.models import (
        DepositRate,
        DepositRateList,
        FxQuote,
        FxQuoteList,
        LoanRate,
        LoanRateList,
        RateSheet,
        RateSheetList,
    )
    from openteller.rates import VerifiedChain

__all__ = ["rates"]

_KINDS = ("DEPOSIT", "LOAN", "FX")
_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_PERIOD = ("FROM", "TO", "FIRST", "HIGHEST", "LOWEST", "AVERAGE", "LAST")
_PRICES = ("TT BUY", "NOTES BUY", "TT SELL", "NOTES SELL", "MIDDLE")


Command = TypeVar("Command", bound=Callable[..., None])


def _of_a_time(command: Command) -> Command:
    """Add ``--date``, ``--as-of`` and ``--known-at``."""
    day = click.option("--date", type=DAY, help="A day of the bank's calendar; today unless told.")
    as_of = click.option("--as-of", type=INSTANT, help="Instead of a day, an instant.")
    return day(as_of(_KNOWN_AT(command)))


_KNOWN_AT = click.option("--known-at", type=INSTANT, help="By what had been published at an instant.")


@click.group()
def rates() -> None:
    """Read rates of today and before, and verify that nobody has changed them."""


@rates.command()
@click.argument("currencies", nargs=-1, type=CURRENCY)
@_of_a_time
@calling
def fx(session: Session, *, currencies: tuple[str, ...], **time: Any) -> None:
    """Show the exchange board, or the rows of some CURRENCIES: CNY for so many units; the bank buys and sells."""
    base = currencies[0] if len(currencies) == 1 else None
    answer = session.ask(session.client.rates.fx.list(**time, base=base).page)
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
@click.option("--group", type=click.Choice(["day", "week", "month"]), help="A row for each day unless told.")
@_KNOWN_AT
@paged
@calling
def history(session: Session, *, currency: str, **options: Any) -> None:
    """Show a CURRENCY's quotes day by day, or its middles by week or month."""
    rows = session.client.rates.fx.history(base=currency, **options)
    session.show(session.ask(rows.page), _history)


def _history(page: FxQuoteList) -> str:
    if page.data and page.data[0].period:
        return table(list(_PERIOD), [_period(one) for one in page.data], right=set(_PERIOD[2:])) + more(page.links)
    rows = [(one.date, one.unit, *_prices(one), one.reference_date) for one in page.data]
    return table(["DATE", "UNIT", *_PRICES, "MIDDLE OF"], rows, right={"UNIT", *_PRICES}) + more(page.links)


def _period(one: FxQuote) -> tuple[object, ...]:
    of = one.period
    return (of.from_, of.to, of.first, of.highest, of.lowest, of.average, one.middle) if of else ()


@rates.command()
@_of_a_time
@click.option("--currency", type=CURRENCY, help="Products in one currency.")
@calling
def deposits(session: Session, **options: Any) -> None:
    """Show what deposits bring, in per cent a year."""
    session.show(session.ask(session.client.rates.deposits.list(**options).page), _deposits)


def _deposits(page: DepositRateList) -> str:
    rows = [(one.product_code, one.name.zh_cn, _term(one), _rate(one), one.minimum_amount) for one in page.data]
    return table(["PRODUCT", "NAME", "TERM", "RATE", "FROM"], rows, right={"RATE", "FROM"})


def _term(one: DepositRate) -> str | None:
    return f"notice {one.notice_period}" if one.notice_period else one.term


def _rate(one: DepositRate) -> str:
    """Give the rate, with tiers from the lowest to the highest."""
    best = max((tier.rate for tier in one.tiers), default=one.rate)
    return percent(one.rate) if best == one.rate else f"{percent(one.rate)} to {percent(best)}"


@rates.command()
@_of_a_time
@click.option("--purpose", "loan_purpose", metavar="CODE", help="HOME_PURCHASE, CAR, CONSUMPTION, …")
@calling
def loans(session: Session, **options: Any) -> None:
    """Show what loans cost, in per cent a year. APR counts all that is paid, and interest on interest."""
    session.show(session.ask(session.client.rates.loans.list(**options).page), _loans)


def _loans(page: LoanRateList) -> str:
    if not page.data:
        return "No loan for that purpose."
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


@rates.command()
@click.option("--kind", type=click.Choice(_KINDS, case_sensitive=False), help="Only sheets of this kind.")
@click.option("--as-of", type=INSTANT, help="Only those that held at an instant.")
@_KNOWN_AT
@paged
@calling
def sheets(session: Session, **options: Any) -> None:
    """List what was published, the newest first, without the rows."""
    session.show(session.ask(session.client.rates.sheets.list(**options).page), _sheets)


def _sheets(page: RateSheetList) -> str:
    rows = [
        (one.rate_sheet_id, one.kind, one.sequence, *map(instant, _times(one)), _standing(one)) for one in page.data
    ]
    return table(["SHEET", "KIND", "NO.", "PUBLISHED", "HOLDS FROM", "STANDING"], rows, right={"NO."}) + more(
        page.links
    )


def _times(one: RateSheet) -> tuple[dt.datetime, dt.datetime]:
    return one.published_at, one.effective_from


def _standing(one: RateSheet) -> str | None:
    if one.corrected_by:
        return f"corrected by {one.corrected_by}"
    return f"corrects {one.supersedes}" if one.correction else None


@rates.command()
@click.option("--kind", type=click.Choice(_KINDS, case_sensitive=False), help="Only this kind; all three unless told.")
@click.option("--file", "path", type=_FILE, metavar="FILE", help="Offline: sheets that --save kept; - reads them.")
@click.option("--save", type=_FILE, metavar="FILE", help="Keep the sheets, a line of JSON each.")
@click.option("--noted", multiple=True, metavar="HASH", help="A hash that you have noted; it must be there.")
@click.option("--as-of", type=INSTANT, help="Tell which sheet held at an instant.")
@click.option("--known-at", type=INSTANT, help="With --as-of: by what had been published at another.")
@calling
def verify(session: Session, *, path: Path | None, save: Path | None, noted: tuple[str, ...], **what: Any) -> None:
    """Verify that no sheet was changed and none is missing; exits with 1, and names the sheet, where one was.

    Note the hash of the last sheet: whoever shows it later shows what had been published by now.
    """
    if path and save:
        raise click.UsageError("--save keeps what the bank gives: there is nothing to keep of a --file")
    kinds = [what["kind"].upper()] if what["kind"] else list(_KINDS)
    lines = _lines_in(path) if path else [line for kind in kinds for line in _asked(session, kind)]
    if save:
        with click.open_file(str(save), "w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps(line, ensure_ascii=False, separators=(',', ':'))}\n" for line in lines)
    chains = [chain for kind in kinds if (chain := _verified(lines, kind))]
    if not chains:
        raise click.ClickException("there are no such sheets")
    _check_noted(chains, noted)
    shown = [_chain(chain, what["as_of"], what["known_at"]) for chain in chains]
    if session.as_json:
        plain = [{name.lower().replace(" ", "_"): str(value) for name, value in one if value} for one in shown]
        click.echo(dump({"chains": plain}))
    else:
        click.echo("\n\n".join(facts(one) for one in shown))


def _asked(session: Session, kind: Any) -> Iterator[dict[str, Any]]:
    """Give all sheets of a kind as they come over the wire, which is what their hashes are over."""
    after: str | None = None
    while True:
        sheets = session.client.rates.sheets.list(kind=kind, rows=True, limit=100, after=after)
        answer = session.ask(sheets.page)
        yield from json.loads(answer.body)["data"]
        after = cursor(answer.parsed.links)
        if after is None:
            return


def _lines_in(path: Path) -> list[dict[str, Any]]:
    try:
        with click.open_file(str(path), encoding="utf-8") as file:
            return [dict(json.loads(line)) for line in file if line.strip()]
    except (OSError, TypeError, ValueError) as error:
        raise click.BadParameter(f"{path} has no sheets, a line of JSON each", param_hint="--file") from error


def _verified(lines: list[dict[str, Any]], kind: str) -> VerifiedChain | None:
    from openteller.rates import verify_chain  # noqa: PLC0415 - the help needs none of it

    own = [line for line in lines if line.get("kind") == kind]
    try:
        return verify_chain(own) if own else None
    except errors.BrokenChain as error:
        raise click.ClickException(f"{kind}: {error.message}") from error


def _check_noted(chains: Sequence[VerifiedChain], noted: Sequence[str]) -> None:
    """A noted hash is of one of the kinds, whichever that is."""
    found = {sheet.hash for chain in chains for sheet in chain.sheets}
    for one in noted:
        if one not in found:
            raise click.ClickException(f"no sheet has the noted hash {one}: what it was of was changed")


def _chain(chain: VerifiedChain, as_of: dt.datetime | None, known_at: dt.datetime | None) -> list[tuple[str, object]]:
    held = chain.sheet_at(as_of, known_at=known_at) if as_of else None
    return [
        ("Kind", chain.kind),
        ("Sheets", f"{chain.first} to {chain.last}, none changed or missing"),
        ("Published", f"{instant(chain.sheets[0].published_at)} to {instant(chain.sheets[-1].published_at)}"),
        ("Last hash", chain.head),
        ("Held then", (held.rate_sheet_id if held else "none") if as_of else None),
    ]
