"""Whether a receipt is genuine."""

from __future__ import annotations

from openteller._async.caller import AsyncCaller
from openteller._core import catalogue
from openteller.models.receipts import ReceiptKeySet, ReceiptVerdict

__all__ = ["AsyncReceipts"]


class AsyncReceipts:
    """``client.receipts``. Open data: it needs no app. The receipt of a payment is ``client.payments.receipt``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def verify(
        self,
        *,
        receipt_number: str | None = None,
        verification_code: str | None = None,
        compact: str | None = None,
    ) -> ReceiptVerdict:
        """Ask the bank whether a receipt is genuine, and how its payment stands by now.

        Without asking, ``openteller.receipts.verify_offline`` finds out whether the bank has signed it.

        Args:
            receipt_number: as it is printed; hyphens, blanks and small letters do not matter.
            verification_code: likewise.
            compact: instead of both, what the QR code says after ``/R/``.

        Raises:
            RateLimited: too many wrong codes have come for this number.
        """
        body = {"receipt_number": receipt_number, "verification_code": verification_code, "compact": compact}
        return await self._caller.post(catalogue.VERIFY_RECEIPT, ReceiptVerdict, body=body)

    async def keys(self) -> ReceiptKeySet:
        """Get the public keys of receipts, the newest first, as a JSON Web Key Set."""
        return await self._caller.get(catalogue.LIST_RECEIPT_KEYS, ReceiptKeySet)
