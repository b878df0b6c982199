"""Branches and cash machines: where the bank is, and whether it is open."""

from __future__ import annotations

from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller._core.values import Position, position
from openteller.models.branches import Atm, AtmList, Branch, BranchList

__all__ = ["AsyncAtms", "AsyncBranches", "AtmServiceName", "BranchServiceName"]

BranchServiceName = Literal[
    "ACCOUNT_OPENING",
    "CASH",
    "CARD",
    "LOAN",
    "WEALTH",
    "FOREIGN_EXCHANGE",
    "CORPORATE",
    "BILL_PAYMENT",
    "COIN_EXCHANGE",
    "SAFE_DEPOSIT",
    "SOCIAL_SECURITY_CARD",
    "SELF_SERVICE",
]
AtmServiceName = Literal[
    "CASH_WITHDRAWAL",
    "CASH_DEPOSIT",
    "CARDLESS_WITHDRAWAL",
    "BALANCE_ENQUIRY",
    "TRANSFER",
    "BILL_PAYMENT",
    "PIN_CHANGE",
    "CONTACTLESS",
]


class AsyncBranches:
    """``client.branches``. Open data: no credentials needed, a larger quota with them."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        city: str | None = None,
        q: str | None = None,
        service: BranchServiceName | None = None,
        open_now: bool | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[BranchList, Branch]:
        """List branches that match every filter; with ``near`` the nearest first, each with ``distance_m``.

        Args:
            near: latitude and longitude in degrees.
            radius_m: metres around ``near``, which it needs.
            city: by name in Chinese or Latin letters, or by division code.
            q: words of name or address: Chinese, pinyin, initials, English.
            open_now: only what is open at this moment of bank time.
            limit: rows a page, 1 to 100.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "city": city,
            "q": q,
            "service": service,
            "open_now": open_now,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_BRANCHES, BranchList, Branch, query)

    async def get(self, branch_id: str) -> Branch:
        """Get a branch.

        Raises:
            NotFound: there is no such branch.
        """
        return await self._caller.get(catalogue.GET_BRANCH, Branch, identifiers={"branch_id": branch_id})


class AsyncAtms:
    """``client.atms``. Open data: no credentials needed, a larger quota with them."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        city: str | None = None,
        q: str | None = None,
        service: AtmServiceName | None = None,
        open_now: bool | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[AtmList, Atm]:
        """List cash machines that match every filter; with ``near`` the nearest first, each with ``distance_m``.

        The arguments are those of ``client.branches.list``.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "city": city,
            "q": q,
            "service": service,
            "open_now": open_now,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_ATMS, AtmList, Atm, query)

    async def get(self, atm_id: str) -> Atm:
        """Get a cash machine.

        Raises:
            NotFound: there is no such machine.
        """
        return await self._caller.get(catalogue.GET_ATM, Atm, identifiers={"atm_id": atm_id})
