"""Calculators: what a deposit brings, what a loan costs, what an amount is in another currency."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._core import catalogue
from openteller._core.encoding import money
from openteller.models.rates import DepositCalculation, FxCalculation, LoanCalculation
from openteller.money import Money

__all__ = ["AsyncCalculators"]


class AsyncCalculators:
    """``client.calculators``. Open data. Every result names its rate sheet and its rounding rule."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def deposit(
        self,
        *,
        product_code: str,
        amount: Money,
        start_date: dt.date | str | None = None,
        end_date: dt.date | str | None = None,
        early_withdrawal: Mapping[str, object] | None = None,
    ) -> DepositCalculation:
        """Work out what a deposit brings.

        Args:
            amount: paid in at the start, or each month for instalment products.
            start_date: today unless told.
            end_date: for products without a term, when it is withdrawn.
            early_withdrawal: for products with one: ``date``, and ``amount`` (Money) where it is not all.

        Raises:
            InvalidRequest: there is no such product, or an argument lies outside its bounds.
        """
        body = {
            "product_code": product_code,
            "amount": money("amount", amount),
            "start_date": start_date,
            "end_date": end_date,
            "early_withdrawal": early_withdrawal,
        }
        return await self._caller.post(catalogue.CALCULATE_DEPOSIT, DepositCalculation, body=body)

    async def loan(
        self,
        *,
        product_code: str,
        amount: Money,
        term: str,
        rate: Decimal | None = None,
        repayment_type: Literal["EQUAL_INSTALMENT", "EQUAL_PRINCIPAL", "INTEREST_ONLY"] | None = None,
        start_date: dt.date | str | None = None,
        upfront_fee: Money | None = None,
        rate_changes: Sequence[Mapping[str, object]] | None = None,
        extra_repayments: Sequence[Mapping[str, object]] | None = None,
    ) -> LoanCalculation:
        """Work out a loan's schedule and what it costs a year.

        Args:
            term: ISO 8601 in years and months: ``P30Y``, ``P18M``.
            rate: a fraction a year, within the product's bounds; its representative rate unless told.
            start_date: today unless told.
            rate_changes: ``from_number`` (of the instalment) and ``rate``, one after the other.
            extra_repayments: ``number`` (of the instalment), ``amount`` (Money) and, unless the payments that follow
                shall be lower, the ``effect`` ``SHORTER_TERM``.

        Raises:
            InvalidRequest: there is no such product, or an argument lies outside its bounds.
        """
        body = {
            "product_code": product_code,
            "amount": money("amount", amount),
            "term": term,
            "rate": rate,
            "repayment_type": repayment_type,
            "start_date": start_date,
            "upfront_fee": money("upfront_fee", upfront_fee),
            "rate_changes": rate_changes,
            "extra_repayments": extra_repayments,
        }
        return await self._caller.post(catalogue.CALCULATE_LOAN, LoanCalculation, body=body)

    async def fx(
        self,
        *,
        side: Literal["SELL", "BUY"],
        amount: Money,
        counter_currency: str,
        settlement: Literal["TT", "NOTES"] | None = None,
        date: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
    ) -> FxCalculation:
        """Convert by the board of now, or of another time.

        Args:
            side: ``SELL``: the customer gives ``amount``; ``BUY``: the customer gets it.
            settlement: ``TT`` between accounts, which is the default, or ``NOTES`` at the counter.
            date: by the last board of this day.
            as_of: instead, by the board that held at an instant, which has a zone.

        Raises:
            InvalidRequest: a currency is on no board, the bank handles no notes of it, or ``amount`` is worth less than
                the smallest unit of the other currency.
        """
        body = {
            "side": side,
            "amount": money("amount", amount),
            "counter_currency": counter_currency,
            "settlement": settlement,
            "date": date,
            "as_of": as_of,
        }
        return await self._caller.post(catalogue.CALCULATE_FX, FxCalculation, body=body)
