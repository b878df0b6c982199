"""Whether the bank is well, and which accounts on social platforms are its own."""

from __future__ import annotations

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.status import OfficialAccount, OfficialAccountList, Outage, OutageList, ServiceStatus

__all__ = ["AsyncStatus"]


class AsyncStatus:
    """``client.status``. Open data."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def get(self) -> ServiceStatus:
        """Get the health of each service, and the bank's time."""
        return await self._caller.get(catalogue.GET_STATUS, ServiceStatus)

    def official_accounts(self) -> AsyncRows[OfficialAccountList, OfficialAccount]:
        """List the bank's accounts on social platforms; the page also says what every payment link begins with."""
        return self._caller.rows(catalogue.LIST_OFFICIAL_ACCOUNTS, OfficialAccountList, OfficialAccount, {})

    def outages(
        self, *, biller_id: str | None = None, after: str | None = None, limit: int | None = None
    ) -> AsyncRows[OutageList, Outage]:
        """List what is out of order or announced to be, the earliest first.

        Args:
            biller_id: only what concerns payments to this biller.
        """
        query = {"biller_id": biller_id, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_OUTAGES, OutageList, Outage, query)
