"""What a receipt on paper says; how it looks is in ``sheet``, which only the printing process loads."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """Facts as they shall be read, names and account in full. Pairs are Chinese and English.

    qr: what the QR code says; created_at: since when all this has been so, ISO 8601 in the bank's zone; refund: that
    the money is, or is on its way, back.
    """

    payment_id: str
    receipt_number: str
    verification_code: str
    payer: str = field(repr=False)
    biller: tuple[str, str]
    account_label: tuple[str, str]
    account: str = field(repr=False)
    biller_reference: str
    amount: str
    fee: str
    total: str
    total_in_words: str
    paid_at: str
    value_date: str
    notice: tuple[str, str]
    key_id: str
    signature: str
    qr: str = field(repr=False)
    created_at: str
    refund: tuple[str, str] | None = None
