"""Boards of foreign exchange: which there are, and what stands on them, from the ECB's reference rates. Pure.

The middles are crossed, the spreads are the demo bank's own. The seed is made of this, and what an operator imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from openteller_sandbox.clock import BANK_ZONE

ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)
DISCLAIMER = {
    "zh-CN": "示范银行演示牌价：中间价由欧洲央行参考汇率套算，买卖价差为示范银行自定，不构成要约。",
    "en": "Demo rates: middles are crossed from ECB reference rates, the spreads are Demo Bank's own. No offer.",
}
BOARD_TIMES = (time(9, 30), time(14, 0))
UNIT = 100
TICK = Decimal("0.0001")
_ECB_ZONE = ZoneInfo("Europe/Berlin")
_ECB_PUBLISHES = time(16, 15)
_BASIS_POINT = Decimal("0.0001")

Middles = Mapping[str, Decimal]
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardCurrency:
    """A currency on the board; margins in basis points of the middle; without `notes_bp` the bank handles no notes."""

    code: str
    zh: str
    en: str
    tt_bp: int
    notes_bp: int | None = None


# In the order of the board.
CURRENCIES = (
    BoardCurrency(code="USD", zh="美元", en="US dollar", tt_bp=21, notes_bp=60),
    BoardCurrency(code="EUR", zh="欧元", en="Euro", tt_bp=35, notes_bp=240),
    BoardCurrency(code="JPY", zh="日元", en="Japanese yen", tt_bp=36, notes_bp=240),
    BoardCurrency(code="HKD", zh="港币", en="Hong Kong dollar", tt_bp=20, notes_bp=50),
    BoardCurrency(code="GBP", zh="英镑", en="Pound sterling", tt_bp=36, notes_bp=240),
    BoardCurrency(code="AUD", zh="澳大利亚元", en="Australian dollar", tt_bp=36, notes_bp=240),
    BoardCurrency(code="CAD", zh="加拿大元", en="Canadian dollar", tt_bp=36, notes_bp=240),
    BoardCurrency(code="CHF", zh="瑞士法郎", en="Swiss franc", tt_bp=36, notes_bp=240),
    BoardCurrency(code="SGD", zh="新加坡元", en="Singapore dollar", tt_bp=36, notes_bp=240),
    BoardCurrency(code="NZD", zh="新西兰元", en="New Zealand dollar", tt_bp=40, notes_bp=240),
    BoardCurrency(code="KRW", zh="韩国元", en="South Korean won", tt_bp=45, notes_bp=300),
    BoardCurrency(code="THB", zh="泰铢", en="Thai baht", tt_bp=45, notes_bp=300),
    BoardCurrency(code="MYR", zh="林吉特", en="Malaysian ringgit", tt_bp=45),
    BoardCurrency(code="PHP", zh="菲律宾比索", en="Philippine peso", tt_bp=50, notes_bp=300),
    BoardCurrency(code="IDR", zh="印尼卢比", en="Indonesian rupiah", tt_bp=50, notes_bp=300),
    BoardCurrency(code="INR", zh="印度卢比", en="Indian rupee", tt_bp=60),
    BoardCurrency(code="SEK", zh="瑞典克朗", en="Swedish krona", tt_bp=45, notes_bp=300),
    BoardCurrency(code="NOK", zh="挪威克朗", en="Norwegian krone", tt_bp=45, notes_bp=300),
    BoardCurrency(code="DKK", zh="丹麦克朗", en="Danish krone", tt_bp=45, notes_bp=300),
    BoardCurrency(code="ZAR", zh="南非兰特", en="South African rand", tt_bp=60),
    BoardCurrency(code="TRY", zh="土耳其里拉", en="Turkish lira", tt_bp=80),
    BoardCurrency(code="BRL", zh="巴西里亚尔", en="Brazilian real", tt_bp=80),
)
BY_CODE = {currency.code: currency for currency in CURRENCIES}


class Board(NamedTuple):
    """When a board comes out, on which of the ECB's days it rests, and whether the counters are closed."""

    published_at: datetime
    reference: date
    indicative: bool


def schedule(
    days: Mapping[date, Middles], is_working: Callable[[date], bool], *, after: date | None = None
) -> Iterator[Board]:
    """Give the boards while the counters are open, and one at each ECB publication.

    Args:
        days: the middles of the ECB's days.
        is_working: whether the counters trade on a day.
        after: one of the days, whose own boards are out; what follows then ends with the last publication. Without it,
            from the first day on, and to the boards that repeat the last publication.
    """
    day, reference = (min(days), None) if after is None else (after + timedelta(days=1), after)
    last = max(days) if after else next_working_day(max(days), is_working)
    while day <= last:
        # The counters close before the ECB publishes, so their boards repeat the middles of an earlier day.
        if reference and is_working(day):
            for clock in BOARD_TIMES:
                yield Board(datetime.combine(day, clock, BANK_ZONE), reference, indicative=False)
        if day in days:
            reference = day
            yield Board(datetime.combine(day, _ECB_PUBLISHES, _ECB_ZONE), reference, indicative=True)
        day += timedelta(days=1)


def next_working_day(day: date, is_working: Callable[[date], bool]) -> date:
    """Give the first working day after a day."""
    following = day + timedelta(days=1)
    while not is_working(following):
        following += timedelta(days=1)
    return following


def middles(per_euro: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Cross what the ECB says of a day: CNY per 100 units, 4 decimals, half-even. It is CNY/EUR over X/EUR, and for the
    euro CNY/EUR itself.
    """
    cny = per_euro["CNY"]
    rates = {"EUR": Decimal(1), **{code: rate for code, rate in per_euro.items() if code != "CNY"}}
    return {code: ARITHMETIC.quantize(ARITHMETIC.divide(cny * UNIT, rate), TICK) for code, rate in rates.items()}


def rows(found: Middles, reference: date, *, indicative: bool) -> list[Record]:
    """Give the quotes of a board, without what its sheet gives to all of them."""
    return [
        row(currency, found[currency.code], reference, indicative=indicative)
        for currency in CURRENCIES
        if currency.code in found
    ]


def row(currency: BoardCurrency, middle: Decimal, reference: date, *, indicative: bool) -> Record:
    """Give a quote. Margins are of the published middle, and at least one tick, so that buy < middle < sell."""
    tt = _margin(middle, currency.tt_bp)
    quote: Record = {
        "base": currency.code,
        "name": {"zh-CN": currency.zh, "en": currency.en},
        "quote": "CNY",
        "unit": UNIT,
        "tt_buy": str(middle - tt),
        "tt_sell": str(middle + tt),
        "middle": str(middle),
        "reference_date": str(reference),
        "indicative": indicative,
    }
    if currency.notes_bp is not None:
        # Notes cost the bank freight and insurance, whichever way they go.
        notes = max(_margin(middle, currency.notes_bp), tt + TICK)
        quote |= {"notes_buy": str(middle - notes), "notes_sell": str(middle + notes)}
    return quote


def source(reference: date) -> str:
    """Say what a board rests on."""
    return f"ECB euro foreign exchange reference rates of {reference}, crossed; spreads by Demo Bank"


def _margin(middle: Decimal, basis_points: int) -> Decimal:
    return max(ARITHMETIC.quantize(middle * basis_points * _BASIS_POINT, TICK), TICK)
