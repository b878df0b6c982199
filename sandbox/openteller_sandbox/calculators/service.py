"""Finding the rate for a calculation, refusing what the product does not allow, and putting the result into words.

Results are the contract's shapes, ready to send; nothing is kept.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.calculators.deposit import (
    DepositTerms,
    Early,
    Entry,
    Tier,
    deposit_schedule,
    whole_balance_rate,
)
from openteller_sandbox.calculators.exchange import HOME, Leg, Prices, give, obtain
from openteller_sandbox.calculators.loan import (
    CENT,
    Extra,
    Instalment,
    LoanTerms,
    TooLittle,
    TooMuch,
    annualised_rate,
    loan_schedule,
)
from openteller_sandbox.calculators.periods import add_months, months_of
from openteller_sandbox.db import Tx
from openteller_sandbox.http.problems import Problem, field_invalid
from openteller_sandbox.money import Money, exponent
from openteller_sandbox.rates import service as rates
from openteller_sandbox.rates.model import RateSheet
from openteller_sandbox.rates.service import Moment

MOST = Decimal(1_000_000_000)
LONGEST_MONTHS = 120
HIGHEST_RATE = Decimal("0.36")
TEN_DECIMALS = Decimal("1e-10")

CREDITED = {
    "zh-CN": "利息入账时四舍六入五成双，保留两位小数。",
    "en": "Interest is rounded to two decimals when it is credited, a tie to the even digit.",
}
BY_INSTALMENT = {
    "zh-CN": "每期金额四舍六入五成双至分，余差计入最后一期。",
    "en": "Each amount is rounded to the cent, a tie to the even digit; the last instalment takes what is left.",
}
RECEIVED = {
    "zh-CN": "每一步客户所得向下取整到该货币的最小单位。",
    "en": "In each leg, what the customer gets is rounded down to the smallest unit of its currency.",
}
PAID = {
    "zh-CN": "每一步客户所付向上取整到该货币的最小单位。",
    "en": "In each leg, what the customer gives is rounded up to the smallest unit of its currency.",
}

Wire = dict[str, Any]


def deposit(
    tx: Tx,
    now: int,
    *,
    product_code: str,
    amount: Money,
    start_date: date | None = None,
    end_date: date | None = None,
    early_withdrawal: Wire | None = None,
) -> Wire:
    """Work out what a deposit earns: the contract's ``DepositCalculation``.

    Raises:
        Problem: FIELD_INVALID, the product does not exist or does not allow it.
    """
    start, sheet, product = _product(tx, "DEPOSIT", product_code, start_date, now)
    _check_amount(amount, product["currency"], Decimal(product["minimum_amount"]["amount"]), MOST)
    terms = _deposit_terms(product, amount.amount, start, _end(product, start, end_date))
    early: Wire = {}
    if early_withdrawal is not None:
        terms, early = _with_early(tx, now, sheet, product, terms, early_withdrawal)
    entries = deposit_schedule(terms)
    interest = sum((entry.interest for entry in entries), Decimal(0))
    deposited = sum((entry.deposit for entry in entries), Decimal(0))
    currency = amount.currency
    return {
        "product_code": product_code,
        "amount": amount.wire(),
        "start_date": str(start),
        "end_date": str(entries[-1].day),
        **early,
        **_cited(sheet, product, "name", "product_type", "term"),
        "rate": _rate_text(_average_rate(terms)),
        "day_count": terms.day_count,
        "days": (entries[-1].day - start).days,
        "deposited": Money(deposited, currency).wire(),
        "interest": Money(interest, currency).wire(),
        "maturity_value": Money(deposited + interest, currency).wire(),
        "schedule": [_entry(entry, currency) for entry in entries],
        "rounding": _rounding("HALF_EVEN", currency, CREDITED),
        "disclaimer": sheet.facts["disclaimer"],
    }


def loan(
    tx: Tx,
    now: int,
    *,
    product_code: str,
    amount: Money,
    term: str,
    rate: str | None = None,
    repayment_type: str | None = None,
    start_date: date | None = None,
    upfront_fee: Money | None = None,
    rate_changes: Sequence[Wire] = (),
    extra_repayments: Sequence[Wire] = (),
) -> Wire:
    """Work out what a loan costs: the contract's ``LoanCalculation``.

    Raises:
        Problem: FIELD_INVALID, the product does not exist or does not allow it.
    """
    start, sheet, product = _product(tx, "LOAN", product_code, start_date, now)
    least, most = (Decimal(product[name]["amount"]) for name in ("minimum_amount", "maximum_amount"))
    _check_amount(amount, product["currency"], least, most)
    fee = _fee(upfront_fee, amount)
    terms = _loan_terms(product, amount.amount, start, term=term, rate=rate, repayment_type=repayment_type)
    terms = replace(
        terms,
        changes=_rate_changes(rate_changes, terms.months),
        extras=_extras(extra_repayments, amount.currency, terms),
    )
    try:
        instalments = loan_schedule(terms)
    except TooMuch as error:
        raise _too_much(error, extra_repayments) from error
    except TooLittle as error:
        raise _too_little(error, extra_repayments) from error
    payments = [item.payment + item.extra for item in instalments]
    currency = amount.currency
    return {
        "product_code": product_code,
        "amount": amount.wire(),
        "term": term,
        "rate": _rate_text(terms.rate),
        "repayment_type": terms.repayment_type,
        **_echoed(rate_changes, extra_repayments),
        "start_date": str(start),
        "upfront_fee": fee.wire(),
        **_cited(sheet, product, "name", "reference_rate", "fixed_period", "revert_rate", "day_count"),
        "is_carried_forward": sheet.is_carried_forward(start),
        "annualised_rate": str(annualised_rate(amount.amount - fee.amount, payments)),
        "first_payment": Money(instalments[0].payment, currency).wire(),
        "total_interest": Money(sum(payments) - amount.amount, currency).wire(),
        "total_payment": Money(sum(payments, Decimal(0)), currency).wire(),
        "schedule": [_instalment(item, currency) for item in instalments],
        "rounding": _rounding("HALF_EVEN", currency, BY_INSTALMENT),
        "disclaimer": sheet.facts["disclaimer"],
    }


def fx(
    tx: Tx,
    now: int,
    *,
    side: str,
    amount: Money,
    counter_currency: str,
    settlement: str = "TT",
    **time: Any,
) -> Wire:
    """Work out what an exchange gives or costs: the contract's ``FxCalculation``.

    time: ``date``, or the instant ``as_of``, whose board it is by; else it is by that of now.

    Raises:
        Problem: FIELD_INVALID, a currency is not on the board, the bank handles no notes of it, or the amount comes to
            nothing in the other one.
    """
    moment, sheet = _board(tx, time, now)
    if amount.amount == 0:
        raise field_invalid("/amount/amount", "Must be above zero.")
    _check_amount(amount, amount.currency, Decimal(0), MOST)
    if counter_currency == amount.currency:
        raise field_invalid("/counter_currency", "Must be another currency than that of the amount.")
    quotes = {
        currency: _quote(sheet, currency, pointer, settlement)
        for currency, pointer in ((amount.currency, "/amount/currency"), (counter_currency, "/counter_currency"))
        if currency != HOME
    }
    board = {currency: _prices(quote, settlement) for currency, quote in quotes.items()}
    exchange = give if side == "SELL" else obtain
    legs = exchange(amount.amount, amount.currency, counter_currency, board)
    _check_worth(legs)
    quote = next(iter(quotes.values()))
    return {
        "side": side,
        "amount": amount.wire(),
        "counter_currency": counter_currency,
        "settlement": settlement,
        "date": str(moment.day),
        **({"as_of": clock.to_wire(moment.instant)} if "as_of" in time else {}),
        **_cited(sheet, quote, "reference_date", "indicative"),
        "is_carried_forward": sheet.is_carried_forward(moment.day),
        "sell": Money(legs[0].sold, legs[0].sold_currency).wire(),
        "buy": Money(legs[-1].bought, legs[-1].bought_currency).wire(),
        "legs": [_leg(leg, board[leg.base].unit, settlement) for leg in legs],
        "rounding": _rounding(
            "DOWN" if side == "SELL" else "UP", counter_currency, RECEIVED if side == "SELL" else PAID
        ),
        "disclaimer": sheet.facts["disclaimer"],
    }


def _sheet(tx: Tx, kind: str, day: date | None, now: int, pointer: str) -> tuple[date, RateSheet]:
    """The day that is meant, and its sheet."""
    meant = rates.day_asked(day, now, "body", pointer)
    sheet = rates.sheet_on(tx, kind, meant, now)
    if sheet is None:
        raise field_invalid(pointer, "Is before the first sheet of rates.")
    return meant, sheet


def _product(tx: Tx, kind: str, product_code: str, day: date | None, now: int) -> tuple[date, RateSheet, Wire]:
    """The day that is meant, its sheet, and the product's row."""
    meant, sheet = _sheet(tx, kind, day, now, "/start_date")
    rows = sheet.rows(product_code=product_code)
    if not rows:
        raise field_invalid("/product_code", "No such product on the sheet of that day.")
    return meant, sheet, json.loads(rows[0])


def _check_amount(amount: Money, currency: str, least: Decimal, most: Decimal) -> None:
    if amount.currency != currency:
        raise field_invalid("/amount/currency", "Must be the currency of the product.")
    if amount.amount != round(amount.amount, exponent(currency)):
        raise field_invalid("/amount/amount", "Has more decimals than its currency.")
    if not least <= amount.amount <= most:
        raise field_invalid("/amount/amount", f"Must be from {least} to {most}.")


def _cited(sheet: RateSheet, row: Wire, *names: str) -> Wire:
    """Where the rates come from, and what the row says of itself."""
    return {
        "rate_sheet_id": sheet.rate_sheet_id,
        "published_at": row["published_at"],
        **{name: row[name] for name in names if name in row},
    }


def _rounding(mode: str, currency: str, description: Wire) -> Wire:
    return {"mode": mode, "decimals": exponent(currency), "description": description}


def _rate_text(rate: Decimal) -> str:
    """At least the four decimals of a basis point, at most ten, no exponent."""
    text = f"{rate:.10f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"{whole}.{decimals:0<4}"


# Deposits


def _end(product: Wire, start: date, end_date: date | None) -> date:
    if "term" in product:
        if end_date is not None:
            raise field_invalid("/end_date", "The product has a term: leave the day of its end out.")
        return add_months(start, months_of(product["term"]))
    if end_date is None:
        raise field_invalid("/end_date", "The product has no term: say when it ends.", "FIELD_MISSING")
    if not start < end_date <= add_months(start, LONGEST_MONTHS):
        raise field_invalid("/end_date", "Must be after the start, and at most ten years after it.")
    return end_date


def _deposit_terms(product: Wire, amount: Decimal, start: date, end: date) -> DepositTerms:
    tiers = [
        Tier(
            minimum=Decimal(tier["minimum_value"]),
            maximum=Decimal(tier["maximum_value"]) if "maximum_value" in tier else None,
            rate=Decimal(tier["rate"]),
        )
        for tier in product["tiers"]
    ]
    by_part = any(tier["rate_application_method"] == "PER_TIER" for tier in product["tiers"])
    rate = Decimal(product["rate"])
    return DepositTerms(
        product_type=product["product_type"],
        amount=amount,
        rate=rate if by_part else whole_balance_rate(amount, tiers, rate),
        start=start,
        end=end,
        day_count=product["day_count"],
        months=months_of(product["term"]) if "term" in product else None,
        parts=tiers if by_part else (),
    )


def _with_early(
    tx: Tx, now: int, sheet: RateSheet, product: Wire, terms: DepositTerms, asked: Wire
) -> tuple[DepositTerms, Wire]:
    """The terms with a withdrawal before their end, and what the answer says of it.

    The demand rate is that of the sheet of the withdrawal's day; of a day to come, of the sheet of today.

    Raises:
        Problem: FIELD_INVALID, the product has no term, or the day or the amount does not fit it.
    """
    day, amount = asked["date"], asked.get("amount")
    if terms.months is None:
        raise field_invalid("/early_withdrawal", "The product has no term: say in end_date when it ends.")
    if not terms.start < day < terms.end:
        raise field_invalid("/early_withdrawal/date", f"Must be after {terms.start} and before {terms.end}.")
    if amount is not None:
        _check_part(product, terms, amount)
    then = rates.sheet_on(tx, "DEPOSIT", min(day, clock.bank_date(now)), now) or sheet
    demand = _demand_row(then, product["currency"])
    early = Early(
        day=day,
        amount=None if amount is None else amount.amount,
        rate=Decimal(demand["rate"]),
        day_count=demand["day_count"],
    )
    said = {"date": str(day), "rate": demand["rate"], "day_count": early.day_count, "rate_sheet_id": then.rate_sheet_id}
    said |= {} if amount is None else {"amount": amount.wire()}
    return replace(terms, early=early), {"early_withdrawal": said}


def _demand_row(sheet: RateSheet, currency: str) -> Wire:
    rows = sheet.rows(product_type="DEMAND", currency=currency)
    if not rows:
        raise field_invalid("/early_withdrawal", "There is no demand rate in this currency.")
    row: Wire = json.loads(rows[0])
    return row


def _check_part(product: Wire, terms: DepositTerms, part: Money) -> None:
    """A part of a sum may be withdrawn where enough for the product is left.

    Raises:
        Problem: FIELD_INVALID.
    """
    at = "/early_withdrawal/amount"
    if product["product_type"] == "INSTALMENT":
        raise field_invalid(at, "Monthly savings are withdrawn as a whole.")
    if part.currency != product["currency"]:
        raise field_invalid(f"{at}/currency", "Must be the currency of the product.")
    most = terms.amount - Decimal(product["minimum_amount"]["amount"])
    if not 0 < part.amount <= most:
        raise field_invalid(
            f"{at}/amount", f"Must be above zero and leave the product's minimum: at most {max(most, Decimal(0))}."
        )


def _average_rate(terms: DepositTerms) -> Decimal:
    return (terms.yearly_interest(terms.amount) / terms.amount).quantize(TEN_DECIMALS)


def _entry(entry: Entry, currency: str) -> Wire:
    return {
        "date": str(entry.day),
        "deposit": Money(entry.deposit, currency).wire(),
        "interest": Money(entry.interest, currency).wire(),
        **({"withdrawn": Money(entry.withdrawn, currency).wire()} if entry.withdrawn else {}),
        "balance": Money(entry.balance, currency).wire(),
    }


# Loans


def _fee(upfront_fee: Money | None, amount: Money) -> Money:
    fee = upfront_fee or Money(Decimal(0), amount.currency)
    if fee.currency != amount.currency:
        raise field_invalid("/upfront_fee/currency", "Must be the currency of the loan.")
    if fee.amount * 10 >= amount.amount:
        raise field_invalid("/upfront_fee/amount", "Must be below a tenth of the amount.")
    return fee


def _loan_terms(
    product: Wire, amount: Decimal, start: date, *, term: str, rate: str | None, repayment_type: str | None
) -> LoanTerms:
    months = months_of(term)
    if not months_of(product["minimum_term"]) <= months <= months_of(product["maximum_term"]):
        raise field_invalid("/term", f"Must be from {product['minimum_term']} to {product['maximum_term']}.")
    chosen = Decimal(product["representative_rate"] if rate is None else rate)
    if not Decimal(product["minimum_rate"]) <= chosen <= Decimal(product["maximum_rate"]):
        raise field_invalid("/rate", f"Must be from {product['minimum_rate']} to {product['maximum_rate']}.")
    return LoanTerms(
        amount=amount,
        rate=chosen,
        months=months,
        repayment_type=repayment_type or product["repayment_type"],
        start=start,
        fixed_months=months_of(product["fixed_period"]) if "fixed_period" in product else None,
        revert_rate=Decimal(product["revert_rate"]) if "revert_rate" in product else None,
    )


def _instalment(item: Instalment, currency: str) -> Wire:
    return {
        "number": item.number,
        "due_date": str(item.due_date),
        "rate": _rate_text(item.rate),
        "payment": Money(item.payment, currency).wire(),
        "principal": Money(item.principal, currency).wire(),
        "interest": Money(item.interest, currency).wire(),
        **({"extra_repayment": Money(item.extra, currency).wire()} if item.extra else {}),
        "balance": Money(item.balance, currency).wire(),
    }


def _rate_changes(asked: Sequence[Wire], months: int) -> dict[int, Decimal]:
    """The rates from a number on.

    Raises:
        Problem: FIELD_INVALID, one is out of order, after the last instalment, negative or too high.
    """
    changes: dict[int, Decimal] = {}
    for place, change in enumerate(asked):
        number, rate = change["from_number"], Decimal(change["rate"])
        _check_number(number, changes, 2, months, f"/rate_changes/{place}/from_number")
        if not 0 <= rate <= HIGHEST_RATE:
            raise field_invalid(f"/rate_changes/{place}/rate", f"Must be from 0 to {HIGHEST_RATE}.")
        changes[number] = rate
    return changes


def _extras(asked: Sequence[Wire], currency: str, terms: LoanTerms) -> dict[int, Extra]:
    """What is repaid beside the instalments.

    Raises:
        Problem: FIELD_INVALID, one is out of order, nothing, in another currency, or cannot do what it is for.
    """
    extras: dict[int, Extra] = {}
    for place, extra in enumerate(asked):
        at, amount, sooner = f"/extra_repayments/{place}", extra["amount"], extra["effect"] == "SHORTER_TERM"
        _check_number(extra["number"], extras, 1, terms.months - 1, f"{at}/number")
        if amount.currency != currency:
            raise field_invalid(f"{at}/amount/currency", "Must be the currency of the loan.")
        if not amount.amount:
            raise field_invalid(f"{at}/amount/amount", "Must be above zero.")
        if sooner and terms.repayment_type == "INTEREST_ONLY":
            raise field_invalid(f"{at}/effect", "A loan of which only interest is paid ends when it ends.")
        extras[extra["number"]] = Extra(amount=amount.amount, sooner=sooner)
    return extras


def _check_number(number: int, before: Collection[int], least: int, most: int, pointer: str) -> None:
    if not least <= number <= most:
        raise field_invalid(pointer, f"Must be from {least} to {most}.")
    if before and number <= max(before):
        raise field_invalid(pointer, "Must be after the one before it.")


def _too_much(error: TooMuch, asked: Sequence[Wire]) -> Problem:
    place = next(place for place, extra in enumerate(asked) if extra["number"] == error.number)
    if not error.owed:
        return field_invalid(f"/extra_repayments/{place}/number", "Nothing is owed any more by then.")
    return field_invalid(
        f"/extra_repayments/{place}/amount/amount", f"Must be at most {error.owed}, which is owed then."
    )


def _too_little(error: TooLittle, asked: Sequence[Wire]) -> Problem:
    if not error.number:
        return field_invalid("/amount/amount", f"Is repaid in instalments of less than {CENT}.")
    place, extra = next((place, extra) for place, extra in enumerate(asked) if extra["number"] == error.number)
    return field_invalid(
        f"/extra_repayments/{place}/amount/amount",
        f"Leaves {error.left}, which is repaid in instalments of less than {CENT}: "
        f"all that is owed then is {extra['amount'].amount + error.left}.",
    )


def _echoed(rate_changes: Sequence[Wire], extra_repayments: Sequence[Wire]) -> Wire:
    """What was asked about the time of the loan, as it was asked; nothing where nothing was."""
    changes = [{**change, "rate": _rate_text(Decimal(change["rate"]))} for change in rate_changes]
    extras = [{**extra, "amount": extra["amount"].wire()} for extra in extra_repayments]
    named = {"rate_changes": changes, "extra_repayments": extras}
    return {name: value for name, value in named.items() if value}


# Foreign exchange


def _board(tx: Tx, time: Mapping[str, Any], now: int) -> tuple[Moment, RateSheet]:
    """The moment that is meant, and the board that holds then."""
    moment = rates.moment_asked(time, now, "body")
    sheet = rates.sheet_at(tx, "FX", moment.instant, moment.known_at)
    if sheet is None:
        raise field_invalid(f"/{next(iter(time), 'date')}", "Is before the first sheet of rates.")
    return moment, sheet


def _check_worth(legs: Sequence[Leg]) -> None:
    """Nobody changes money for nothing; what is paid for an amount is rounded up, and never nothing.

    Raises:
        Problem: FIELD_INVALID.
    """
    for leg in legs:
        if not leg.bought:
            least = Decimal(1).scaleb(-exponent(leg.bought_currency))
            raise field_invalid("/amount/amount", f"Comes to less than {least} {leg.bought_currency}.")


def _quote(sheet: RateSheet, currency: str, pointer: str, settlement: str) -> Wire:
    rows = sheet.rows(base=currency)
    if not rows:
        raise field_invalid(pointer, "Is not on the board of that day.")
    quote: Wire = json.loads(rows[0])
    if settlement == "NOTES" and "notes_buy" not in quote:
        raise field_invalid("/settlement", "The bank handles no notes of one of the currencies.")
    return quote


def _prices(quote: Wire, settlement: str) -> Prices:
    prefix = settlement.lower()
    return Prices(unit=quote["unit"], buy=Decimal(quote[f"{prefix}_buy"]), sell=Decimal(quote[f"{prefix}_sell"]))


def _leg(leg: Leg, unit: int, settlement: str) -> Wire:
    return {
        "base": leg.base,
        "price_type": f"{settlement}_{'BUY' if leg.bank_buys else 'SELL'}",
        "price": str(leg.price),
        "unit": unit,
        "sell": Money(leg.sold, leg.sold_currency).wire(),
        "buy": Money(leg.bought, leg.bought_currency).wire(),
    }
