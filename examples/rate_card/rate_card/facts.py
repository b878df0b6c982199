"""What stands on a card, as the bank says it. Nothing here knows how it is worded or drawn."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from openteller import OpenTeller
from openteller.errors import InvalidRequest
from openteller.models.common import LocalizedText
from openteller.models.rates import DepositRate, FxQuote
from openteller.models.status import OfficialAccount
from rate_card.faults import UnfitData, WrongOrder

__all__ = ["BestRate", "Both", "Facts", "Published", "Quote", "best_rates", "published", "read_facts"]

MOST_TERMS = 8
"""Of more terms, those with the highest rates are kept: the card has room for two rows of four."""
_TERM = re.compile(r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<days>\d+)D)?")


@dataclass(frozen=True, slots=True)
class Both:
    """A text in Chinese and in English, without the characters that cannot be seen."""

    zh: str
    en: str

    @classmethod
    def of(cls, text: LocalizedText) -> Both:
        """Take what the bank says; control and bidirectional characters have no place in a picture or in XML."""
        return cls(_visible(text.zh_cn), _visible(text.en))


def _visible(text: str) -> str:
    return "".join(character for character in text if character.isprintable())


@dataclass(frozen=True, slots=True)
class Quote:
    """A row of the board: CNY for `unit` units of a currency."""

    code: str
    name: Both
    unit: int
    bank_buys: Decimal
    bank_sells: Decimal
    middle: Decimal
    previous_middle: Decimal | None
    """That of the board before, for as many units; None when the currency was not on it."""
    reference_date: dt.date
    """The day of the central bank's rates behind `middle`."""
    carried_forward: bool

    @property
    def change(self) -> Decimal | None:
        """By which part the middle has risen: 0.0012 is 0.12 % up."""
        return None if not self.previous_middle else self.middle / self.previous_middle - 1


@dataclass(frozen=True, slots=True)
class BestRate:
    """The best that the bank pays for money that stays for a term."""

    term: str
    """ISO 8601 duration, such as P3M."""
    rate: Decimal
    """A year's interest as a fraction: 0.0145 is 1.45 %."""
    product: Both
    minimum: Decimal
    """The smallest deposit that earns it, in CNY."""

    @property
    def parts(self) -> tuple[int, int, int]:
        """The term as years, months and days."""
        match = _TERM.fullmatch(self.term)
        assert match, self.term
        return int(match["years"] or 0), int(match["months"] or 0), int(match["days"] or 0)

    @property
    def length(self) -> int:
        """The term in days, for sorting: a month has 30 and a year 365."""
        years, months, days = self.parts
        return years * 365 + months * 30 + days


@dataclass(frozen=True, slots=True)
class Published:
    """What holds now: enough to know whether a card is due."""

    quotes: tuple[FxQuote, ...]
    deposits: tuple[DepositRate, ...]

    @property
    def board_id(self) -> str:
        """The rate sheet of the board."""
        return self.quotes[0].rate_sheet_id

    @property
    def deposits_id(self) -> str:
        """The rate sheet of the deposits."""
        return self.deposits[0].rate_sheet_id


@dataclass(frozen=True, slots=True)
class Facts:
    """All that stands on a card. Nothing of it depends on when the card is made."""

    day: dt.date
    board_id: str
    board_published_at: dt.datetime
    """In the bank's time."""
    indicative: bool
    """Whether the board only informs, the counters being closed."""
    reference_date: dt.date
    """The latest day of the central bank's rates on the board."""
    previous_date: dt.date | None
    """The same of the board before; None when there is none."""
    quotes: tuple[Quote, ...]
    deposits_id: str
    deposits_from: dt.datetime
    deposits: tuple[BestRate, ...]
    disclaimer: Both
    account: Both | None
    """The bank's account on the platform where the card is posted."""

    @property
    def carried_forward(self) -> bool:
        """Whether the whole board rests on rates of an earlier day."""
        return all(quote.carried_forward for quote in self.quotes)


def published(bank: OpenTeller, *, day: dt.date | None, max_age_days: int) -> Published:
    """Ask what holds on a day of the bank's calendar, today unless told.

    Raises:
        UnfitData: there is no board or no deposit rate, or the board is older than it may be.
        OpenTellerError: the bank could not be asked, or has no sheet of that day (`InvalidRequest`).
    """
    found = Published(
        quotes=bank.rates.fx.list(date=day).page().data,
        deposits=bank.rates.deposits.list(date=day, currency="CNY").page().data,
    )
    when = day or "today"
    if not found.quotes:
        raise UnfitData(f"the bank has no exchange board for {when}")
    if not found.deposits:
        raise UnfitData(f"the bank has no deposit rates for {when}")
    _refuse_stale(found.quotes, max_age_days)
    return found


def _refuse_stale(quotes: Sequence[FxQuote], max_age_days: int) -> None:
    """A board is as old as its reference rates: each morning the bank publishes anew, with the same ones if need be."""
    newest = max(quote.reference_date for quote in quotes)
    age = (quotes[0].date - newest).days
    if age > max_age_days:
        raise UnfitData(
            f"the board of {quotes[0].date} is stale: its reference rates are of {newest}, --max-age is {max_age_days}"
        )


def read_facts(bank: OpenTeller, held: Published, *, currencies: Sequence[str], channel: str) -> Facts:
    """Gather what else a card needs about what holds.

    Args:
        held: what `published` gave.
        currencies: codes, in the order of the rows.
        channel: the platform whose official account is named.

    Raises:
        WrongOrder: a currency is not on the board.
        UnfitData: no deposit has a term.
        OpenTellerError: the bank could not be asked.
    """
    first = held.quotes[0]
    reference_date = max(quote.reference_date for quote in held.quotes)
    # At the end of the day before, the board rested on the reference rates before these; the board of yesterday
    # evening has the same middles as that of this morning.
    previous = _board_before(bank, reference_date)
    best = best_rates(held.deposits)
    if not best:
        raise UnfitData(f"the bank has no deposit with a term on {first.date}")
    return Facts(
        day=first.date,
        board_id=held.board_id,
        board_published_at=first.published_at,
        indicative=first.indicative,
        reference_date=reference_date,
        previous_date=max((quote.reference_date for quote in previous), default=None),
        quotes=tuple(_rows(held.quotes, previous, currencies)),
        deposits_id=held.deposits_id,
        deposits_from=held.deposits[0].effective_from,
        deposits=best,
        disclaimer=Both.of(bank.rates.sheets.get(held.board_id).disclaimer),
        account=_account(bank.status.official_accounts(), channel, first.date),
    )


def _board_before(bank: OpenTeller, day: dt.date) -> tuple[FxQuote, ...]:
    """The board at the end of the day before; none before the first of all, of which the bank refuses to speak."""
    try:
        return bank.rates.fx.list(date=day - dt.timedelta(days=1)).page().data
    except InvalidRequest:
        return ()


def _rows(quotes: Sequence[FxQuote], previous: Sequence[FxQuote], currencies: Sequence[str]) -> Iterator[Quote]:
    by_code = {quote.base: quote for quote in quotes}
    before = {(quote.base, quote.unit): quote.middle for quote in previous}
    if unknown := [code for code in currencies if code not in by_code]:
        raise WrongOrder(f"not on the board: {', '.join(unknown)}; there are {', '.join(by_code)}")
    for quote in (by_code[code] for code in currencies):
        yield Quote(
            code=quote.base,
            name=Both.of(quote.name),
            unit=quote.unit,
            bank_buys=quote.tt_buy,
            bank_sells=quote.tt_sell,
            middle=quote.middle,
            previous_middle=before.get((quote.base, quote.unit)),
            reference_date=quote.reference_date,
            carried_forward=quote.is_carried_forward,
        )


def best_rates(deposits: Iterable[DepositRate]) -> tuple[BestRate, ...]:
    """Give the best rate of each term, the shortest term first.

    Of equal rates the one for the smaller deposit is better. Demand and notice deposits have no term. A tier whose rate
    holds for a part of the balance only is left out: nobody earns that rate on the whole.
    """
    best: dict[str, BestRate] = {}
    for offer in (offer for deposit in deposits for offer in _offers(deposit)):
        held = best.get(offer.term)
        if held is None or (offer.rate, -offer.minimum) > (held.rate, -held.minimum):
            best[offer.term] = offer
    kept = sorted(best.values(), key=lambda offer: offer.rate, reverse=True)[:MOST_TERMS]
    return tuple(sorted(kept, key=lambda offer: offer.length))


def _offers(deposit: DepositRate) -> Iterator[BestRate]:
    if deposit.term is None:
        return
    name = Both.of(deposit.name)
    yield BestRate(deposit.term, deposit.rate, name, deposit.minimum_amount.amount)
    for tier in deposit.tiers:
        if tier.unit_of_measure == "AMOUNT" and tier.rate_application_method == "WHOLE_BALANCE":
            minimum = max(Decimal(tier.minimum_value), deposit.minimum_amount.amount)
            yield BestRate(deposit.term, tier.rate, name, minimum)


def _account(accounts: Iterable[OfficialAccount], channel: str, day: dt.date) -> Both | None:
    """Give the handle with its name, so that a reader can check who posted the card."""
    for account in accounts:
        if account.channel == channel and account.valid_from <= day:
            handle, name = _visible(account.handle), Both.of(account.name)
            return Both(f"@{handle} · {name.zh}", f"@{handle} · {name.en}")
    return None
