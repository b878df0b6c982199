"""What a biller's presentment lets a partner see of a bill. The payer, signed in on the bank's page, sees the whole."""

from __future__ import annotations

from typing import Any

from openteller_sandbox.biller_port.port import DueBill
from openteller_sandbox.billers.model import Biller, masked

_OPTIONS = {
    "EXACT": ["FULL"],
    "EXACT_UP": ["FULL", "OVER"],
    "EXACT_DOWN": ["FULL", "PARTIAL"],
    "RANGE": ["FULL", "PARTIAL", "OVER"],
    "ANY": ["ANY"],
}


def payment_options(biller: Biller, bill: DueBill) -> list[str]:
    """Say how much of a bill may be paid."""
    return ["ANY"] if bill.balance is not None else _OPTIONS[biller.exactness]


def for_partner(biller: Biller, bill: DueBill, account: str) -> dict[str, Any]:
    """Give the members of the contract's ``Bill`` that a partner may see."""
    seen: dict[str, Any] = {
        "biller_id": biller.biller_id,
        "bill_number": masked(bill.bill_number),
        "account_ref_masked": masked(account),
        "bill_date": bill.bill_date,
        "due_date": bill.due_date,
        "items": [],
        "payment_options": payment_options(biller, bill),
    }
    if biller.presentment in {"AMOUNT", "FULL"}:
        seen |= {
            "period": {"from_": bill.period_from, "to": bill.period_to},
            "amount": bill.amount,
            "outstanding": bill.outstanding,
            "balance": bill.balance,
            "penalty": bill.penalty,
            "min_amount": bill.min_amount,
            "max_amount": bill.max_amount,
        }
    if biller.presentment == "FULL":
        seen["items"] = [{"label": {"zh_cn": zh, "en": en}, "amount": amount} for zh, en, amount in bill.items]
    return seen


def status_of(bill: DueBill) -> str:
    """Give a bill's status. A prepaid meter owes nothing: what shows that it was paid is that something was."""
    if not bill.paid.amount:
        return "OPEN"
    return "PARTLY_PAID" if bill.outstanding.amount else "PAID"
