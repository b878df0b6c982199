"""What a partner chooses to have paid: an account and an amount, or bills; and what is looked at before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openteller_sandbox.bank import Caller
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller, masked
from openteller_sandbox.bills import service as bills
from openteller_sandbox.bills.service import FetchedBill
from openteller_sandbox.contract import Fault
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.money import Money
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import amounts, posting, store
from openteller_sandbox.payments.model import Choice, Payment


def check_reference(tx: Tx, caller: Caller, reference: str) -> None:
    """Look whether a partner has used a reference before.

    Raises:
        Problem: DUPLICATE_REFERENCE.
    """
    taken = tx.one(store.BY_REFERENCE, partner_id=caller.partner_id, partner_reference=reference)
    if taken:
        own = {"payment_id": taken["payment_id"]}
        raise Problem("DUPLICATE_REFERENCE", "partner_reference is unique for a partner for ever.", members=own)


def check_return_url(tx: Tx, caller: Caller, return_url: str | None) -> None:
    """Look whether an app has registered an address.

    Raises:
        Problem: RETURN_URL_NOT_REGISTERED.
    """
    if return_url is None:
        return
    app = partners.find(tx, caller.app_id)
    if app is None or return_url not in app.return_urls:
        raise Problem("RETURN_URL_NOT_REGISTERED")


def check_hints(tx: Tx, request: Mapping[str, Any]) -> None:
    """Refuse hints that lead the payer nowhere."""
    if "category_code" in request and not billers.has_category(tx, request["category_code"]):
        raise field_invalid("/category_code", "No such category; GET /v1/biller-categories lists them.")
    if "adcode" in request and not billers.has_division(tx, request["adcode"]):
        raise field_invalid("/adcode", "No such division of mainland China (GB/T 2260), such as 310000 for Shanghai.")


def choose(
    tx: Tx, caller: Caller, payment: Payment, request: Mapping[str, Any], now: int, part: Money | None = None
) -> Choice:
    """Read which of the four forms was sent, and put what the partner may know into the payment. part: of one bill."""
    if "bill_ids" in request:
        return of_bills(tx, caller, payment, request["bill_ids"], now, part)
    if "biller_id" not in request:
        return Choice()
    biller = bills.payable_biller(tx, request["biller_id"], now, hours=False)
    payment.biller_id = biller.biller_id
    payment.category_code = biller.category_code
    if "inputs" not in request:
        return Choice(biller.biller_id)
    return direct(payment, biller, request["inputs"], request["amount"], now)


def direct(payment: Payment, biller: Biller, inputs: Mapping[str, str], amount: Money, now: int) -> Choice:
    """Choose an amount for an account that needs no bill.

    Raises:
        Problem: FIELD_INVALID, FIELD_MISSING, and what the biller refuses of the amount.
    """
    if biller.fetch_mode == "FETCH":
        fault = Fault(
            "body",
            "/biller_id",
            "FIELD_INVALID",
            "This biller has bills: fetch them and send bill_ids, or leave inputs and amount out.",
        )
        raise Problem("FIELD_INVALID", "See errors[].", faults=[fault])
    bills.check_inputs(biller, inputs, on_page=False)
    amounts.check(biller, amount)
    payment.account_ref_masked = masked(biller.account(inputs))
    amounts.show(payment, biller, {None: amount}, now)
    return Choice(biller.biller_id, dict(inputs), amount_minor=amount.minor, from_partner=True)


def of_bills(
    tx: Tx, caller: Caller, payment: Payment, bill_ids: Sequence[str], now: int, part: Money | None = None
) -> Choice:
    """Choose bills that the caller's app has fetched. part: how much of one bill, where that is not the whole.

    Raises:
        Problem: what keeps them from being paid, or from being paid together.
    """
    chosen = [_own_bill(tx, caller, index, bill_id) for index, bill_id in enumerate(bill_ids)]
    first = chosen[0]
    if any(bill.bill_fetch_id != first.bill_fetch_id for bill in chosen):
        raise Problem("BILLS_NOT_PAYABLE_TOGETHER", "Take bills of one fetch.")
    if first.valid_until <= now:
        raise Problem("BILL_EXPIRED")
    for bill in chosen:
        posting.check_unpaid(tx, caller.world, bill)
    biller = bills.payable_biller(tx, first.biller_id, now, hours=False)
    amounts.check_selection(biller, chosen, bills.bills_of_fetch(tx, first.bill_fetch_id))
    inputs = bills.inputs_of_fetch(tx, first.bill_fetch_id)
    if not inputs:  # it was purged since the bills were read, where no act is open
        raise _not_fetched(0)
    payment.biller_id, payment.category_code = biller.biller_id, biller.category_code
    payment.account_ref_masked = masked(biller.account(inputs))
    parts: dict[str | None, Money] = {bill.bill_id: bill.due.outstanding for bill in chosen}
    due_sum = amounts.outstanding(chosen)
    if part is not None:
        amounts.check_currency(biller, part)
        amounts.check_for_bill(biller, first, part)
        parts = {first.bill_id: part}
    elif due_sum is not None:
        amounts.check(biller, due_sum, with_bill=True)
    if (part or due_sum) is not None and biller.presentment in {"AMOUNT", "FULL"}:
        amounts.show(payment, biller, parts, now)
    owed = amounts.owed_minor(chosen)
    wanted = owed if part is None else part.minor
    bill_ids = [bill.bill_id for bill in chosen]
    return Choice(biller.biller_id, inputs, bill_ids, first.bill_fetch_id, wanted, owed, from_partner=True)


def _own_bill(tx: Tx, caller: Caller, index: int, bill_id: str) -> FetchedBill:
    bill = bills.find_asked_bill(tx, caller, bill_id)
    if bill is None:
        raise _not_fetched(index)
    return bill


def _not_fetched(index: int) -> Problem:
    detail = "No bill that this app has fetched; it may have been purged."
    return Problem(
        "FIELD_INVALID", "See errors[].", faults=[Fault("body", f"/bill_ids/{index}", "FIELD_INVALID", detail)]
    )
