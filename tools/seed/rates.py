"""The rate sheets of the demo bank: deposits, loans and foreign exchange, each kind a chain of sheets.

`build()` turns published facts (ECB reference rates, loan prime rate, benchmark rates, the calendar of working days)
and the demo bank's own margins into records `{"sheet": RateSheet, "rows": [...]}`. Percent in the sources, fractions
here. It holds no computed member: whatever depends on the clock or the query is added by the sandbox when it answers.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from openteller_sandbox.rates import boards
from tools.seed.rate_products import (
    DEPOSIT_SLIP,
    DEPOSITS,
    FX_SLIP,
    LOANS,
    PASS_THROUGH,
    USD_RATES,
    DepositProduct,
    LoanProduct,
)

__all__ = ["build", "canonical", "chain_hash", "is_working_day", "next_working_day"]

DATA = Path(__file__).resolve().parent / "data"
BANK_ZONE = ZoneInfo("Asia/Shanghai")
LPR_SHEET_AT = time(10, 0)
DEPOSIT_SHEET_AT = time(18, 0)

BASIS_POINT = Decimal("0.0001")
FIVE_HUNDREDTHS = Decimal("0.05")
FIRST_DEPOSIT_SHEET = date(2023, 1, 1)
DEPOSIT_LPR_BASE = Decimal("4.25")
ARITHMETIC = Context(prec=34, rounding=ROUND_HALF_EVEN)

Record = dict[str, Any]


class Draft(NamedTuple):
    """A sheet before it has its place in the chain; its rows lack the members that it gives to all of them.

    `correction`: what was wrong with the sheet that took effect at the same instant, in whose place this one stands.
    """

    published_at: datetime
    effective_from: datetime
    source: str
    disclaimer: Record
    rows: list[Record]
    correction: Record | None = None


def build() -> dict[str, list[Record]]:
    """All sheets by file name: per kind in the order of the chain."""
    with localcontext(ARITHMETIC):
        return {
            "rate_sheets.jsonl.gz": [
                *_chain("DEPOSIT", _deposit_drafts()),
                *_chain("LOAN", _loan_drafts()),
                *_chain("FX", _fx_drafts()),
            ]
        }


def canonical(value: Record) -> str:
    """RFC 8785 for the values that a rate row can have: text, whole numbers, true and false, under ASCII names."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def chain_hash(sheet: Record, rows: Iterable[Record]) -> str:
    """The hash of a sheet, as `RateSheet.hash` defines it; what it says of itself includes the hash before it."""
    facts = {name: value for name, value in sheet.items() if name != "hash"}
    text = "\n".join([canonical(facts), *(canonical(row) for row in rows)])
    return hashlib.sha256(text.encode()).hexdigest()


def _chain(kind: str, drafts: Iterable[Draft]) -> Iterator[Record]:
    """The sheets in the order in which they were published, each with the hash of the one before it."""
    previous: Record = {}
    in_force: Record = {}
    standing: dict[datetime, Record] = {}  # by when it took effect: the last sheet for that time
    for sequence, draft in enumerate(sorted(drafts, key=lambda draft: draft.published_at), start=1):
        published_at, effective_from = _text(draft.published_at), _text(draft.effective_from)
        code = f"rate_sheet:{kind}:{effective_from}"
        sheet_id = _public_id("rsh", f"{code}:{published_at}" if draft.correction else code)
        own: Record = {"sequence": sequence} if kind == "FX" else {"effective_from": effective_from}
        rows = [{"rate_sheet_id": sheet_id, **row, "published_at": published_at, **own} for row in draft.rows]
        sheet: Record = {
            "rate_sheet_id": sheet_id,
            "kind": kind,
            "sequence": sequence,
            "effective_from": effective_from,
            "published_at": published_at,
            "source": draft.source,
            "disclaimer": draft.disclaimer,
        }
        if draft.correction:
            sheet |= {"correction": draft.correction}
        superseded = standing[draft.effective_from] if draft.correction else in_force
        if superseded:
            sheet |= {"supersedes": superseded["rate_sheet_id"]}
        if previous:
            sheet |= {"previous_hash": previous["hash"]}
        sheet["hash"] = chain_hash(sheet, rows)
        yield {"sheet": sheet, "rows": rows}
        standing[draft.effective_from] = previous = sheet
        in_force = standing[max(standing)]


def _public_id(prefix: str, code: str) -> str:
    number = int.from_bytes(hashlib.sha256(code.encode()).digest())
    digits = []
    while number:
        number, digit = divmod(number, 36)
        digits.append("0123456789abcdefghijklmnopqrstuvwxyz"[digit])
    return f"{prefix}_{''.join(reversed(digits))[:12]}"


def _text(instant: datetime) -> str:
    return instant.astimezone(BANK_ZONE).isoformat()


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, BANK_ZONE)


def _fraction(percent: Decimal) -> str:
    return str((percent / 100).quantize(BASIS_POINT))


def _money(amount: str, currency: str) -> Record:
    return {"amount": amount, "currency": currency}


def _read(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# The bank's calendar


@cache
def _exceptions() -> dict[date, bool]:
    """Public holidays (False) and make-up working days (True); nothing is known before 2024."""
    return {date.fromisoformat(row["date"]): row["off"] == "0" for row in _read("cn_workdays_2024_2026.csv")}


def is_working_day(day: date) -> bool:
    """Whether the bank's counters trade on that day: Monday to Friday, holidays and make-up days considered."""
    return _exceptions().get(day, day.weekday() < 5)


def next_working_day(day: date, *, include: bool = False) -> date:
    """The first working day after that day, or that day itself when `include` is set and it is one."""
    following = day if include else day + timedelta(days=1)
    while not is_working_day(following):
        following += timedelta(days=1)
    return following


# Foreign exchange


def _fx_drafts() -> Iterator[Draft]:
    """The boards; of one day there is a wrong one and its correction."""
    days = {date.fromisoformat(row["date"]): _middles(row) for row in _read("fx_ecb.csv")}
    before: date | None = None
    for published_at, reference, indicative in boards.schedule(days, is_working_day):
        rows = boards.rows(days[reference], reference, indicative=indicative)
        draft = Draft(published_at, published_at, boards.source(reference), boards.DISCLAIMER, rows)
        slips = indicative and before and str(reference) == FX_SLIP.day
        yield from _with_slip(draft, days[before]) if slips and before else [draft]
        before = reference


def _with_slip(right: Draft, earlier: dict[str, Decimal]) -> Iterator[Draft]:
    """A board on which one currency was left at an earlier middle, and the correction that took its place."""
    wrong = [
        boards.row(currency, earlier[currency.code], date.fromisoformat(row["reference_date"]), indicative=True)
        if (currency := boards.BY_CODE[row["base"]]).code == FX_SLIP.code
        else row
        for row in right.rows
    ]
    yield right._replace(rows=wrong)
    yield right._replace(published_at=datetime.fromisoformat(FX_SLIP.corrected_at), correction=FX_SLIP.note)


def _middles(row: dict[str, str]) -> dict[str, Decimal]:
    """The middles of a day; `N/A` has no quote."""
    return boards.middles({code: Decimal(text) for code, text in row.items() if code != "date" and text != "N/A"})


# Loans

LOAN_DISCLAIMER = {
    "zh-CN": "示范银行演示利率：以贷款市场报价利率（LPR）加减点形成，加点为示范银行自定，不构成要约。",
    "en": "Demo rates: the loan prime rate (LPR) plus spreads that are Demo Bank's own. No offer.",
}


def _loan_drafts() -> Iterator[Draft]:
    publications = _read("lpr_history.csv")
    days = [date.fromisoformat(row["publish_date"]) for row in publications]
    # When the next one was due is known from the next one; only the last has to be worked out.
    following = [*days[1:], _next_lpr_day(days[-1])]
    for row, day, next_day in zip(publications, days, following, strict=True):
        lpr = {"LPR_1Y": Decimal(row["lpr_1y"]), "LPR_5Y": Decimal(row["lpr_5y"])}
        published_at = _at(day, LPR_SHEET_AT)
        source = f"Loan prime rate (LPR) of {day}; spreads by Demo Bank"
        rows = [_loan_row(product, day, next_day, lpr[product.reference]) for product in LOANS]
        yield Draft(published_at, published_at, source, LOAN_DISCLAIMER, rows)


def _next_lpr_day(day: date) -> date:
    """The 20th of the next month, or the next working day."""
    month = day.month % 12 + 1
    return next_working_day(date(day.year + (month == 1), month, 20), include=True)


def _loan_row(product: LoanProduct, day: date, next_day: date, lpr: Decimal) -> Record:
    spread_of = {bp: lpr + Decimal(bp) / 100 for bp in (product.spread_bp, product.lowest_bp, product.highest_bp)}
    tracked = spread_of[product.spread_bp]
    representative = tracked if product.fixed_bp is None else lpr + Decimal(product.fixed_bp) / 100
    shortest, longest = product.terms
    smallest, largest = product.amounts
    row: Record = {
        "product_code": product.code,
        "name": {"zh-CN": product.zh, "en": product.en},
        "loan_purpose": product.purpose,
        "currency": "CNY",
        "minimum_amount": _money(smallest, "CNY"),
        "maximum_amount": _money(largest, "CNY"),
        "minimum_term": shortest,
        "maximum_term": longest,
        "reference_rate": {
            "code": product.reference,
            "rate": _fraction(lpr),
            "spread_bp": product.spread_bp,
            "reference_date": str(day),
            "next_publication_date": str(next_day),
        },
        "minimum_rate": _fraction(spread_of[product.lowest_bp]),
        "maximum_rate": _fraction(spread_of[product.highest_bp]),
        "representative_rate": _fraction(representative),
        "annualised_rate": str(_annualised_rate(product, representative, tracked)),
        "repayment_type": product.repayment,
        "day_count": "THIRTY_360",
        "conditions": [],
    }
    if product.repriced:
        row["repricing"] = {"cycle": "P1Y", "next_date": f"{day.year + 1}-01-01"}
    if product.fixed_period is not None:
        row |= {"fixed_period": product.fixed_period, "revert_rate": _fraction(tracked)}
    return row


def _annualised_rate(product: LoanProduct, percent: Decimal, later_percent: Decimal) -> Decimal:
    """Effective annual internal rate of return, six decimals: paid monthly over the longest term, without fees."""
    monthly = percent / 1200
    if product.fixed_period is not None:
        months, fixed = int(product.terms[1][1:-1]) * 12, int(product.fixed_period[1:-1]) * 12
        monthly = _two_step_return(monthly, later_percent / 1200, months, fixed)
    return Decimal((1 + monthly) ** 12 - 1).quantize(Decimal("0.000001"))


def _annuity(rate: Decimal, months: int) -> Decimal:
    """What one unit paid at the end of each month is worth today."""
    return (1 - (1 + rate) ** -months) / rate


def _two_step_return(first: Decimal, second: Decimal, months: int, fixed: int) -> Decimal:
    """The monthly return of a loan of one unit whose instalment is worked out again when its rate changes."""
    payment = 1 / _annuity(first, months)
    balance = payment * _annuity(first, months - fixed)
    later_payment = balance / _annuity(second, months - fixed)

    def worth(rate: Decimal) -> Decimal:
        return payment * _annuity(rate, fixed) + later_payment * _annuity(rate, months - fixed) * (1 + rate) ** -fixed

    low, high = sorted((first, second))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if worth(middle) > 1 else (low, middle)
    return low


# Deposits

DEPOSIT_DISCLAIMER = {
    "zh-CN": "示范银行演示利率：产品和利率均为示范银行自定，不构成要约。",
    "en": "Demo rates: products and rates are Demo Bank's own. No offer.",
}


def _deposit_drafts() -> Iterator[Draft]:
    """The sheet of the first day, then one after each move of the one-year LPR, announced on the evening before."""
    benchmark = _read("pboc_deposit_benchmark.csv")[-1]
    for day, lpr_date, lpr in _deposit_days():
        percents = _deposit_percents(benchmark, lpr, day)
        source = f"Demo Bank's own; follows the one-year LPR of {lpr_date} ({lpr} %)"
        rows = [_deposit_row(product, percents) for product in DEPOSITS]
        announced = _at(day - timedelta(days=1), DEPOSIT_SHEET_AT)
        draft = Draft(announced, _at(day, time()), source, DEPOSIT_DISCLAIMER, rows)
        yield from _with_misprint(draft) if str(day) == DEPOSIT_SLIP.day else [draft]


def _with_misprint(right: Draft) -> Iterator[Draft]:
    """A sheet on which one rate was misprinted, and the correction that took its place."""
    wrong = [
        {**row, "rate": DEPOSIT_SLIP.misprint} if row["product_code"] == DEPOSIT_SLIP.code else row
        for row in right.rows
    ]
    yield right._replace(rows=wrong)
    yield right._replace(published_at=datetime.fromisoformat(DEPOSIT_SLIP.corrected_at), correction=DEPOSIT_SLIP.note)


def _deposit_days() -> Iterator[tuple[date, str, Decimal]]:
    """Day of effect, date and value (percent) of the one-year LPR behind it."""
    by_day: dict[date, tuple[str, Decimal]] = {}
    last = Decimal(0)
    for row in _read("lpr_history.csv"):
        lpr = Decimal(row["lpr_1y"])
        if lpr != last:
            # What moved before the first sheet all falls on its day, where the last move is the one in force.
            day = max(next_working_day(date.fromisoformat(row["publish_date"])), FIRST_DEPOSIT_SHEET)
            by_day[day] = (row["publish_date"], lpr)
        last = lpr
    for day, (lpr_date, lpr) in by_day.items():
        yield day, lpr_date, lpr


def _deposit_percents(benchmark: dict[str, str], lpr: Decimal, day: date) -> dict[str, Decimal]:
    """The demo bank's rule: benchmark of 2015 plus a share of the LPR's move, to the nearest 0.05, at least 0.05."""
    percents = {
        tenor: _to_five_hundredths(Decimal(benchmark[column]) + share * (lpr - DEPOSIT_LPR_BASE))
        for tenor, (column, share) in PASS_THROUGH.items()
    }
    percents["notice_1d"] = percents["demand"] + Decimal("0.05")
    percents["notice_7d"] = percents["demand"] + Decimal("0.25")
    dollars = USD_RATES[max(start for start in USD_RATES if start <= str(day))]
    return percents | {f"USD {tenor}": Decimal(text) for tenor, text in dollars.items()}


def _to_five_hundredths(percent: Decimal) -> Decimal:
    return max((percent / FIVE_HUNDREDTHS).quantize(Decimal(1)) * FIVE_HUNDREDTHS, FIVE_HUNDREDTHS)


def _deposit_row(product: DepositProduct, percents: dict[str, Decimal]) -> Record:
    percent = percents[product.tenor if product.currency == "CNY" else f"{product.currency} {product.tenor}"]
    if product.kind == "INSTALMENT":
        percent = _to_five_hundredths(percent * Decimal("0.6"))
    if product.kind == "CERTIFICATE_OF_DEPOSIT":
        percent += Decimal("0.10")
    row: Record = {
        "product_code": product.code,
        "name": {"zh-CN": product.zh, "en": product.en},
        "product_type": product.kind,
        "deposit_rate_type": "VARIABLE" if product.kind in ("DEMAND", "NOTICE") else "FIXED",
        "currency": product.currency,
        "minimum_amount": _money(product.minimum, product.currency),
        "rate": _fraction(percent),
        "interest_method": "COMPOUND" if product.kind == "DEMAND" else "SIMPLE",
        "day_count": "THIRTY_360" if product.term and product.currency == "CNY" else "ACT_360",
        "tiers": _tiers(product, percent),
        "conditions": _conditions(product),
    }
    if product.term is not None:
        row["term"] = product.term
    if product.notice_period is not None:
        row["notice_period"] = product.notice_period
    if product.kind == "DEMAND":
        row |= {"calculation_frequency": "P1D", "application_frequency": "P3M"}
    return row


def _tiers(product: DepositProduct, percent: Decimal) -> list[Record]:
    """Certificates pay more on the whole balance, dollar demand deposits more on the part above a line."""
    if product.kind == "CERTIFICATE_OF_DEPOSIT":
        lines, extra, method = (200_000, 500_000, 1_000_000), Decimal("0.05"), "WHOLE_BALANCE"
    elif product.code == "DEMAND_USD":
        lines, extra, method = (0, 10_000, 100_000), Decimal("0.05"), "PER_TIER"
    else:
        return []
    tiers = []
    for step, line in enumerate(lines):
        above = lines[step + 1] if step + 1 < len(lines) else None
        tier: Record = {
            "name": {"zh-CN": f"{line:,} 起", "en": f"From {line:,}"},
            "unit_of_measure": "AMOUNT",
            "minimum_value": f"{line}.00",
            "rate": _fraction(percent + step * extra),
            "rate_application_method": method,
        }
        tiers.append(tier if above is None else {**tier, "maximum_value": f"{above}.00"})
    return tiers


def _conditions(product: DepositProduct) -> list[Record]:
    early = _condition("EARLY_WITHDRAWAL", "提前支取", "Early withdrawal",
                       "What is withdrawn before maturity earns the demand rate of the day of withdrawal.")  # fmt: skip
    monthly = _condition("MONTHLY_DEPOSIT", "每月存入", "Monthly deposit",
                         "The same amount every month; a missed month can be made up in the next one.")  # fmt: skip
    days = {"P1D": "1 day", "P7D": "7 days"}.get(product.notice_period or "")
    notice = _condition("NOTICE", "支取通知", "Notice of withdrawal",
                        f"To be announced {days} before; without notice the demand rate applies.")  # fmt: skip
    by_kind = {"TIME": [early], "CERTIFICATE_OF_DEPOSIT": [early], "INSTALMENT": [monthly, early], "NOTICE": [notice]}
    return by_kind.get(product.kind, [])


def _condition(code: str, zh: str, en: str, description: str) -> Record:
    return {"code": code, "name": {"zh-CN": zh, "en": en}, "description": description}
