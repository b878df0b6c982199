"""Billers: who can be paid, and what each wants to know."""

from __future__ import annotations

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.bill_payment import Biller, BillerCategory, BillerCategoryList, BillerList, InputSchema

__all__ = ["AsyncBillers"]


class AsyncBillers:
    """``client.billers``. Open data: no credentials needed, a larger quota with them."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def categories(self) -> AsyncRows[BillerCategoryList, BillerCategory]:
        """List the kinds of bills, in Chinese and in English."""
        return self._caller.rows(catalogue.LIST_BILLER_CATEGORIES, BillerCategoryList, BillerCategory, {})

    def list(
        self,
        *,
        category_code: str | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[BillerList, Biller]:
        """List billers that match every filter.

        Args:
            category_code: such as ``ELECTRICITY``; see ``models.CategoryCode``.
            adcode: who serves this division: six digits, ``310000`` is Shanghai.
            city: who serves the city of this name, with or without 市.
            q: words of names, aliases and codes.
            limit: rows a page, 1 to 100.
        """
        query = {
            "category_code": category_code,
            "adcode": adcode,
            "city": city,
            "q": q,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_BILLERS, BillerList, Biller, query)

    async def get(self, biller_id: str) -> Biller:
        """Get a biller: its input fields, fees, service hours.

        Raises:
            NotFound: there is no such biller.
        """
        return await self._caller.get(catalogue.GET_BILLER, Biller, identifiers={"biller_id": biller_id})

    async def input_schema(self, biller_id: str) -> InputSchema:
        """Get a biller's input fields as JSON Schema; ``to_dict()`` gives it to a validator.

        Raises:
            NotFound: there is no such biller.
        """
        identifiers = {"biller_id": biller_id}
        return await self._caller.get(catalogue.GET_BILLER_INPUT_SCHEMA, InputSchema, identifiers=identifiers)
