"""What cron calls: `main` reads the command, `make_card` does it.

Exit codes: 0 a card was made, or the one that is there is current; else see `faults`. One line is printed, on standard
output when all is well and on standard error otherwise.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from openteller import OpenTeller
from openteller.errors import ConfigurationError, InvalidRequest, OpenTellerError
from rate_card.facts import Facts, published, read_facts
from rate_card.faults import BankAway, CardFault, NoMeans, WrongOrder
from rate_card.keeping import Made, is_current, keep

__all__ = ["DESIGN", "Order", "main", "make_card"]

CURRENCIES = "USD,EUR,JPY,HKD,GBP,AUD,CAD,SGD"
MOST_CURRENCIES = 10
"""So many rows fit with figures that can be read on a phone."""
MAX_AGE_DAYS = 5
"""Easter: the rates of Thursday hold until those of Tuesday afternoon, which the bank shows on Wednesday morning."""
DEADLINE_S = 30.0
DESIGN = 1
"""To be raised when the card is drawn or worded differently, so that the next run makes it anew."""


@dataclass(frozen=True, slots=True)
class Order:
    """Which card to make."""

    folder: Path
    day: dt.date | None = None
    """A day of the bank's calendar; None for today."""
    currencies: tuple[str, ...] = tuple(CURRENCIES.split(","))
    channel: str = "weibo"
    """The platform whose official account is named."""
    max_age_days: int = MAX_AGE_DAYS
    font: Path | None = None
    """None for Noto Sans CJK, the package's or the system's."""


def make_card(bank: OpenTeller, order: Order) -> str:
    """Make a card, unless the folder has it; give the line that says what was done.

    Raises:
        CardFault: no card was made, and the old one is as it was.
    """
    try:
        held = published(bank, day=order.day, max_age_days=order.max_age_days)
        day = order.day.isoformat() if order.day else None
        font = str(order.font) if order.font else None
        made = Made(held.board_id, held.deposits_id, day, order.currencies, order.channel, font, DESIGN)
        what = f"board {held.board_id} of {held.quotes[0].date}, deposit rates {held.deposits_id}"
        if is_current(order.folder, made):
            return f"unchanged {order.folder}: {what}"
        facts = read_facts(bank, held, currencies=order.currencies, channel=order.channel)
    except OpenTellerError as error:
        raise _fault(error) from error
    keep(order.folder, _files(facts, order.font), made)
    return f"made {order.folder}: {what}"


def _fault(error: OpenTellerError) -> CardFault:
    line = " ".join(str(error).split())
    return WrongOrder(line) if isinstance(error, ConfigurationError | InvalidRequest) else BankAway(line)


def _files(facts: Facts, font: Path | None) -> dict[str, bytes]:
    """Draw the card. What draws is imported here, since most runs find that nothing has changed."""
    try:
        from rate_card import drawing, lettering, wording  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        raise NoMeans(f"{error.name} is not installed: pip install -r requirements.txt") from error
    svg = drawing.draw_svg(facts, lettering.Lettering(font or lettering.find_font()))
    return {
        "card.png": drawing.draw_png(svg, source=f"{facts.board_id} {facts.deposits_id}"),
        "card.svg": svg.encode(),
        "card.txt": wording.alt_text(facts).encode(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    order = Order(
        folder=options.out,
        day=options.date,
        currencies=options.currencies,
        channel=options.channel,
        max_age_days=options.max_age,
        font=options.font,
    )
    try:
        sys.stdout.write(_ask_and_make(options.url, order) + "\n")
    except CardFault as fault:
        sys.stderr.write(f"{parser.prog}: {fault}\n")
        return fault.exit_code
    return 0


def _ask_and_make(url: str | None, order: Order) -> str:
    try:
        bank = OpenTeller(url, deadline=DEADLINE_S)
    except ConfigurationError as error:
        raise _fault(error) from error
    with bank:
        return make_card(bank, order)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make_card", description="Make the day's rate card: card.png, card.svg and card.txt, its alt text."
    )
    parser.add_argument("--url", help="where the bank is; OPENTELLER_BASE_URL or a sandbox here unless told")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the card goes")
    parser.add_argument("--date", type=_date, metavar="YYYY-MM-DD", help="a past day; today unless told")
    parser.add_argument("--currencies", type=_currencies, default=CURRENCIES, help=f"{CURRENCIES} unless told")
    parser.add_argument("--channel", default="weibo", help="the platform whose official account is named; weibo")
    parser.add_argument(
        "--max-age", type=_days, default=MAX_AGE_DAYS, metavar="DAYS", help="how old the reference rates may be; 5"
    )
    parser.add_argument("--font", type=Path, metavar="FILE", help="a font with Chinese glyphs; Noto Sans CJK")
    return parser


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no date such as 2026-09-29") from None


def _currencies(text: str) -> tuple[str, ...]:
    codes = tuple(dict.fromkeys(code.strip().upper() for code in text.split(",")))
    if not all(re.fullmatch("[A-Z]{3}", code) for code in codes):
        raise argparse.ArgumentTypeError(f"{text} is no list of codes such as USD,EUR")
    if len(codes) > MOST_CURRENCIES:
        raise argparse.ArgumentTypeError(f"{len(codes)} currencies: at most {MOST_CURRENCIES} fit")
    return codes


def _days(text: str) -> int:
    if not re.fullmatch("[0-9]{1,4}", text):
        raise argparse.ArgumentTypeError(f"{text} is no number of days")
    return int(text)
