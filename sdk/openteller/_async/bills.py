"""Bills: what is due on an account."""

from __future__ import annotations

from collections.abc import Mapping

from openteller._async.caller import AsyncCaller
from openteller._core import catalogue
from openteller.models.bill_payment import Bill, BillFetch

__all__ = ["AsyncBills"]

_POLL = 1.0
_LONGEST_POLL = 5.0


class AsyncBills:
    """``client.bills``. Scope ``bills:read``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def fetch(
        self,
        *,
        biller_id: str,
        inputs: Mapping[str, str],
        end_user_ref: str,
        wait: float = 0.0,
        idempotency_key: str | None = None,
    ) -> BillFetch:
        """Ask a biller what is due on an account.

        Args:
            inputs: the biller's input fields by name, such as ``{"account_number": "3100000011"}``. Sent in the body,
                and shown nowhere.
            end_user_ref: your HMAC of your user, so that limits can be counted; ``openteller.user_ref`` makes one.
            wait: seconds to wait for a biller that answers later. A fetch that is still ``PROCESSING`` then is given as
                it is; ``get_fetch`` or the event ``bill_fetch.ready`` tells the rest.

        Raises:
            InvalidRequest: ``ACCOUNT_NOT_PAYABLE``, or an input does not fit the biller's format.
            BankFailure: the biller is down (``BILLER_QUERY_FAILED``) or in maintenance.
        """
        body = {"biller_id": biller_id, "inputs": inputs, "end_user_ref": end_user_ref}
        fetch = await self._caller.post(catalogue.CREATE_BILL_FETCH, BillFetch, body=body, key=idempotency_key)
        clock = self._caller.setup.monotonic
        ends = clock() + wait
        pause = _POLL
        while fetch.status == "PROCESSING" and (left := ends - clock()) > 0:
            await self._caller.sleep(min(pause, left))
            fetch = await self.get_fetch(fetch.bill_fetch_id)
            pause = min(pause * 1.5, _LONGEST_POLL)
        return fetch

    async def get_fetch(self, bill_fetch_id: str) -> BillFetch:
        """Get a fetch, as it stands now.

        Raises:
            NotFound: there is none for this app, or it has been purged.
        """
        identifiers = {"bill_fetch_id": bill_fetch_id}
        return await self._caller.get(catalogue.GET_BILL_FETCH, BillFetch, identifiers=identifiers)

    async def get(self, bill_id: str) -> Bill:
        """Get a fetched bill, as it stands now.

        Raises:
            NotFound: there is none for this app, or it has been purged.
        """
        return await self._caller.get(catalogue.GET_BILL, Bill, identifiers={"bill_id": bill_id})
