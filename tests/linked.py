"""A customer who has allowed an app something, and the app with the customer's token."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from tests.conftest import Partner

_numbers = itertools.count(1)
POWER, TOPUP = "SH-ELECTRICITY-01", "CN-MOBILE_TOPUP-01"
LONG_AGO, FAR_AHEAD = "2026-09-01", "2027-08-31"


def yuan(amount: float | str) -> dict[str, str]:
    return {"amount": f"{float(amount):.2f}", "currency": "CNY"}


def limit(period_type: str, amount: float, alignment: str = "CALENDAR") -> dict[str, Any]:
    return {"period_type": period_type, "period_alignment": alignment, "amount": yuan(amount)}


@dataclass
class Linked(Partner):
    """An app with a customer's token. owner: the same app with its own."""

    owner: Partner = None  # type: ignore[assignment] # always given
    consent_id: str = ""

    def save(self, code: str = TOPUP, scenario: str = "DUE_BILL") -> str:
        """Save a magic account; give the saved biller."""
        body = {"biller_id": self.owner.biller(code)["biller_id"], "inputs": self.owner.magic(code, scenario)}
        answer = self.post("/v1/saved-billers", body, key=None)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json["saved_biller_id"])

    def pay(self, saved_biller_id: str, amount: float | str = 50, **form: Any) -> Any:
        """Pay under the mandate; give the answer."""
        key = form.pop("key", "new")
        form.setdefault("partner_reference", f"mandate-{next(_numbers)}")
        body = {"saved_biller_id": saved_biller_id, "amount": yuan(amount), **form}
        return self.post("/v1/mandate-payments", body, key=key)


def mandate(partner: Partner, *codes: str, most: float = 500, **more: Any) -> dict[str, Any]:
    """Give a mandate over billers, by their codes."""
    return {
        "type": "bill_payment_mandate",
        "billers": [partner.biller(code)["biller_id"] for code in codes or (POWER, TOPUP)],
        "maximum_individual_amount": yuan(most),
        "valid_from": LONG_AGO,
        "valid_to": FAR_AHEAD,
        **more,
    }


def link_customer(partner: Partner, *mandates: dict[str, Any], **form: Any) -> Linked:
    """Have a demo customer allow mandates; give the app with the customer's token."""
    body = {"authorization_details": list(mandates), **form}
    answer = partner.post("/sandbox/v1/consents", body, key=None)
    assert answer.status_code == 201, answer.text
    headers = {"Authorization": f"Bearer {answer.json['access_token']}"}
    return Linked(partner.client, partner.app, headers, partner, str(answer.json["consent_id"]))
