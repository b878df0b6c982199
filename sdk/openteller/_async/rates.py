"""Rates: what the bank publishes on deposits, loans and foreign exchange. A rate is a fraction: 0.0155 is 1.55 %."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from openteller._async.branches import ExportFormat
from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.rates import (
    DepositRate,
    DepositRateList,
    FxQuote,
    FxQuoteList,
    LoanRate,
    LoanRateList,
    RateSheet,
    RateSheetList,
)

_MEDIA_TYPES: dict[ExportFormat, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}

__all__ = ["AsyncDepositRates", "AsyncFxRates", "AsyncLoanRates", "AsyncRateSheets", "AsyncRates"]


class AsyncRates:
    """``client.rates``: ``sheets``, ``deposits``, ``loans``, ``fx``. Open data."""

    def __init__(self, caller: AsyncCaller) -> None:
        self.sheets = AsyncRateSheets(caller)
        self.deposits = AsyncDepositRates(caller)
        self.loans = AsyncLoanRates(caller)
        self.fx = AsyncFxRates(caller)


class AsyncRateSheets:
    """``client.rates.sheets``: what was published when; each sheet carries the hash of the one before it."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        kind: Literal["DEPOSIT", "LOAN", "FX"] | None = None,
        rows: bool | None = None,
        as_of: dt.datetime | str | None = None,
        known_at: dt.datetime | str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[RateSheetList, RateSheet]:
        """List sheets, the newest first; of one ``kind`` with ``rows`` they are a chain that
        ``openteller.rates.verify_chain`` verifies.

        Args:
            as_of: only those that held at that instant, one of each kind.
            known_at: only what had been published by then.
        """
        query = {"kind": kind, "rows": rows, "as_of": as_of, "known_at": known_at, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_RATE_SHEETS, RateSheetList, RateSheet, query)

    async def get(self, rate_sheet_id: str) -> RateSheet:
        """Get a sheet.

        Raises:
            NotFound: there is no such sheet.
        """
        identifiers = {"rate_sheet_id": rate_sheet_id}
        return await self._caller.get(catalogue.GET_RATE_SHEET, RateSheet, identifiers=identifiers)


class AsyncDepositRates:
    """``client.rates.deposits``: what deposits earn, product by product."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        date: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
        known_at: dt.datetime | str | None = None,
        currency: str | None = None,
        product_type: Literal["DEMAND", "TIME", "INSTALMENT", "NOTICE", "CERTIFICATE_OF_DEPOSIT"] | None = None,
    ) -> AsyncRows[DepositRateList, DepositRate]:
        """List the deposit rates of a day of the bank's calendar, or of an instant (``as_of``); now unless told.

        ``known_at``: by what had been published by then.
        """
        query = {"date": date, "as_of": as_of, "known_at": known_at, "currency": currency, "product_type": product_type}
        return self._caller.rows(catalogue.LIST_DEPOSIT_RATES, DepositRateList, DepositRate, query)


class AsyncLoanRates:
    """``client.rates.loans``: what loans cost, product by product."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        date: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
        known_at: dt.datetime | str | None = None,
        loan_purpose: Literal[
            "HOME_PURCHASE", "HOME_IMPROVEMENT", "CAR", "CONSUMPTION", "EDUCATION", "BUSINESS", "AGRICULTURE"
        ]
        | None = None,
    ) -> AsyncRows[LoanRateList, LoanRate]:
        """List the loan rates of a day of the bank's calendar, or of an instant (``as_of``); now unless told.

        ``known_at``: by what had been published by then.
        """
        query = {"date": date, "as_of": as_of, "known_at": known_at, "loan_purpose": loan_purpose}
        return self._caller.rows(catalogue.LIST_LOAN_RATES, LoanRateList, LoanRate, query)


class AsyncFxRates:
    """``client.rates.fx``: CNY per ``unit`` of the base currency; the bank buys and sells."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        date: dt.date | str | None = None,
        as_of: dt.datetime | str | None = None,
        known_at: dt.datetime | str | None = None,
        base: str | None = None,
    ) -> AsyncRows[FxQuoteList, FxQuote]:
        """List the board of a day of the bank's calendar, or of an instant (``as_of``), now unless told; one currency
        with ``base``.

        ``known_at``: by what had been published by then.
        """
        query = {"date": date, "as_of": as_of, "known_at": known_at, "base": base}
        return self._caller.rows(catalogue.LIST_FX_QUOTES, FxQuoteList, FxQuote, query)

    def history(
        self,
        *,
        base: str,
        from_: dt.date | str | None = None,
        to: dt.date | str | None = None,
        group: Literal["day", "week", "month"] | None = None,
        known_at: dt.datetime | str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[FxQuoteList, FxQuote]:
        """List a currency's quotes day by day, the oldest first; ``from_`` and ``to`` included.

        Args:
            group: one row a day unless told, or that of the last day of each week or month, with a ``period`` that says
                how the middle moved in it.
            known_at: by what had been published by then.
        """
        query = {
            "base": base,
            "from": from_,
            "to": to,
            "group": group,
            "known_at": known_at,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_FX_HISTORY, FxQuoteList, FxQuote, query)

    async def export(
        self,
        format: ExportFormat = "csv",  # noqa: A002 - what everybody calls it
        *,
        base: str,
        from_: dt.date | str | None = None,
        to: dt.date | str | None = None,
        group: Literal["day", "week", "month"] | None = None,
        known_at: dt.datetime | str | None = None,
    ) -> bytes:
        """Download a currency's whole history, by the arguments of ``history``: a table, or JSON lines."""
        query = {"base": base, "from": from_, "to": to, "group": group, "known_at": known_at}
        outcome = await self._caller.send(catalogue.LIST_FX_HISTORY, query=query, accept=_MEDIA_TYPES[format])
        return outcome.answer.body
