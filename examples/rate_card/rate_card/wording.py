"""What is written on a card and in its alt text, in Chinese and in English."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from rate_card.facts import BestRate, Both, Facts, Quote

__all__ = [
    "BANK",
    "DEMO",
    "DEPOSITS",
    "TITLE",
    "alt_text",
    "board",
    "change",
    "day",
    "from_amount",
    "is_marked",
    "legend",
    "per_unit",
    "percent",
    "price",
    "reference",
    "same_unit",
    "short_name",
    "sources",
    "term",
]

BANK = Both("示范银行", "Demo Bank")
DEMO = Both("演示数据", "Demo data")
TITLE = Both("每日外汇牌价与存款利率", "Exchange and deposit rates of the day")
DEPOSITS = Both("存款最高年利率", "Best annual rate of each term, CNY")
_WEEKDAYS_ZH = "一二三四五六日"
_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# strftime would ask the machine's locale.
_MONTHS_EN = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_BRACKETS = re.compile(r"（[^（）]*）$")
_CENT_OF_PERCENT = Decimal("0.01")


def day(date: dt.date) -> Both:
    """Say a day with its weekday."""
    month, weekday = _MONTHS_EN[date.month - 1], _WEEKDAYS_EN[date.weekday()]
    return Both(
        f"{date.year}年{date.month}月{date.day}日　星期{_WEEKDAYS_ZH[date.weekday()]}",
        f"{weekday}, {date.day} {month} {date.year}",
    )


def _short(date: dt.date) -> Both:
    return Both(f"{date.month}月{date.day}日", f"{date.day} {_MONTHS_EN[date.month - 1][:3]}")


def _clock(moment: dt.datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC{moment.isoformat()[-6:]}"


def price(value: Decimal) -> str:
    """Say a price as the bank does, with its decimals."""
    return f"{value:f}"


def short_name(rate: BestRate) -> str:
    """Give the Chinese name of a product without the term in brackets that ends it, which the card shows by itself."""
    return _BRACKETS.sub("", rate.product.zh) or rate.product.zh


def percent(fraction: Decimal) -> str:
    """Say a rate as a percentage with two decimals, or with more where it has more."""
    value = (fraction * 100).normalize()
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), fraction
    return f"{value:.{max(2, -exponent)}f}%"


def change(quote: Quote) -> str:
    """Say how far a middle has moved, without its direction; a dash where it has not, or where nobody knows."""
    if not quote.change:
        return "—"
    moved = (abs(quote.change) * 100).quantize(_CENT_OF_PERCENT, ROUND_HALF_EVEN)
    return f"{moved}%" if moved else "<0.01%"


def term(rate: BestRate) -> Both:
    """Say a term."""
    years, months, days = rate.parts
    zh = [f"{count}{unit}" for count, unit in ((years, "年"), (months, "个月"), (days, "天")) if count]
    units = ((years, "year"), (months, "month"), (days, "day"))
    en = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in units if count]
    return Both("".join(zh), " ".join(en))


def from_amount(rate: BestRate) -> Both:
    """Say from which deposit a rate holds."""
    whole = rate.minimum
    ten_thousands = whole / 10_000
    zh = f"{_plain(ten_thousands)}万元起" if whole >= 10_000 else f"{_plain(whole)}元起"
    return Both(zh, f"from ¥{_plain(whole, ',')}")


def _plain(value: Decimal, group: str = "") -> str:
    return f"{value.normalize():{group}f}"


def board(facts: Facts) -> Both:
    """Name the board; one that is published while the counters are closed only informs."""
    return Both("外汇牌价（参考）", "FX board, indicative") if facts.indicative else Both("外汇牌价", "FX board")


def per_unit(facts: Facts) -> Both:
    """Say what the prices are: CNY for so many units, where the rows do not say it themselves."""
    unit = same_unit(facts)
    return Both("人民币元", "CNY") if unit is None else Both(f"每{unit}外币兑人民币元", f"CNY per {unit}")


def same_unit(facts: Facts) -> int | None:
    """Give the unit that all rows share; None when they do not."""
    units = {quote.unit for quote in facts.quotes}
    return units.pop() if len(units) == 1 else None


def reference(facts: Facts) -> Both:
    """Say whose rates the middles rest on, of which day, and whether that day has passed."""
    date = _short(facts.reference_date)
    zh, en = f"中间价：欧洲央行{date.zh}参考汇率套算", f"Middle: ECB {date.en}"
    return Both(f"{zh}（沿用）", f"{en}, carried forward") if facts.carried_forward else Both(zh, en)


def legend(facts: Facts) -> Both:
    """Say what the arrows and the dagger mean. Red for a rise is the custom in China, and not elsewhere."""
    zh, en = "红涨绿跌", "Red up, green down (usual in China)"
    if facts.previous_date:
        date = _short(facts.previous_date)
        zh, en = f"{zh}，较上期（{date.zh}）", f"{en} vs {date.en}"
    if any(is_marked(facts, quote) for quote in facts.quotes):
        zh, en = f"{zh}，† 沿用更早汇率", f"{en}, † earlier rate"
    return Both(zh, en)


def is_marked(facts: Facts, quote: Quote) -> bool:
    """Whether a row rests on older rates than the rest of the board, which the heading does not say."""
    return quote.carried_forward and (not facts.carried_forward or quote.reference_date < facts.reference_date)


def sources(facts: Facts) -> tuple[str, str]:
    """Say which rate sheets the card was made from."""
    moment, since = facts.board_published_at, facts.deposits_from
    return (
        f"牌价发布于 {_clock(moment)}　Board {facts.board_id}",
        f"存款利率自 {since:%Y-%m-%d} 起执行　Deposit rates {facts.deposits_id}",
    )


def alt_text(facts: Facts) -> str:
    """Say all that the picture shows: Chinese first, then English, a blank line between."""
    return "\n".join(_alt_zh(facts)) + "\n\n" + "\n".join(_alt_en(facts)) + "\n"


def _alt_zh(facts: Facts) -> Iterator[str]:
    yield f"{BANK.zh}（{DEMO.zh}）{TITLE.zh}，{day(facts.day).zh.replace('　', '，')}。"
    yield f"{board(facts).zh}，人民币元。{reference(facts).zh}。涨跌{_compared(facts).zh}。"
    for quote in facts.quotes:
        yield (
            f"{quote.name.zh} {quote.code}，每{quote.unit}：银行买入（现汇）{price(quote.bank_buys)}，"
            f"银行卖出（现汇）{price(quote.bank_sells)}，中间价 {price(quote.middle)}，{_moved(quote).zh}"
            f"{'，沿用更早的参考汇率' if is_marked(facts, quote) else ''}。"
        )
    yield "人民币各期限存款最高年利率："
    for rate in facts.deposits:
        yield f"{term(rate).zh} {percent(rate.rate)}，{rate.product.zh}，{from_amount(rate).zh}。"
    yield facts.disclaimer.zh
    yield f"{sources(facts)[0].split('　')[0]}，牌价编号 {facts.board_id}，利率表编号 {facts.deposits_id}。"
    if facts.account:
        yield f"官方账号 {facts.account.zh}。"


def _alt_en(facts: Facts) -> Iterator[str]:
    yield f"{BANK.en} ({DEMO.en.lower()}): {TITLE.en}, {day(facts.day).en}."
    yield f"{board(facts).en}, in CNY. {reference(facts).en}. Changes are {_compared(facts).en}."
    for quote in facts.quotes:
        yield (
            f"{quote.name.en} {quote.code}, for {quote.unit}: the bank buys at {price(quote.bank_buys)} and sells at "
            f"{price(quote.bank_sells)} (transfers), middle {price(quote.middle)}, {_moved(quote).en}"
            f"{', earlier reference rate' if is_marked(facts, quote) else ''}."
        )
    yield "Best annual rate of a CNY deposit for each term:"
    for rate in facts.deposits:
        yield f"{term(rate).en}: {percent(rate.rate)}, {rate.product.en}, {from_amount(rate).en}."
    yield facts.disclaimer.en
    moment = facts.board_published_at
    yield f"Board {facts.board_id}, published {_clock(moment)}; deposit rates {facts.deposits_id}."
    if facts.account:
        yield f"Official account {facts.account.en}."


def _compared(facts: Facts) -> Both:
    if facts.previous_date is None:
        return Both("无上期牌价可比", "not known: there is no earlier board")
    date = _short(facts.previous_date)
    return Both(f"较上期（{date.zh}）中间价", f"against the board of {date.en}")


def _moved(quote: Quote) -> Both:
    if quote.change is None:
        return Both("无上期可比", "no earlier price")
    if not quote.change:
        return Both("持平", "unchanged")
    by = change(quote)
    return Both(f"涨 {by}", f"up {by}") if quote.change > 0 else Both(f"跌 {by}", f"down {by}")
