"""The port's questions and answers as JSON: what goes over HTTP, and how a bill is written down in full.

Money is in minor units, days are ``YYYY-MM-DD``, instants are bank time in epoch milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from openteller_sandbox.biller_port.port import (
    DueBill,
    Failed,
    Found,
    Later,
    Listed,
    NotPayable,
    Posting,
    PostingAnswer,
    PostingState,
    QueryAnswer,
    Refusal,
)
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.money import Money

Json = dict[str, Any]
_AMOUNTS = ("amount", "penalty", "min_amount", "max_amount", "paid")
_TIMES = ("reverses_after_ms", "posts_late_after_ms", "answers_after_ms")


def bill_to_json(bill: DueBill) -> Json:
    """Write a bill in full."""
    return {
        "bill_number": bill.bill_number,
        "bill_date": bill.bill_date.isoformat(),
        "due_date": bill.due_date.isoformat(),
        "period_from": bill.period_from.isoformat(),
        "period_to": bill.period_to.isoformat(),
        "balance": None if bill.balance is None else bill.balance.minor,
        "items": [[zh, en, amount.minor] for zh, en, amount in bill.items],
        **{name: getattr(bill, name).minor for name in _AMOUNTS},
    }


def bill_from_json(facts: Mapping[str, Any]) -> DueBill:
    """Read what ``bill_to_json`` wrote."""
    return DueBill(
        bill_number=str(facts["bill_number"]),
        bill_date=date.fromisoformat(facts["bill_date"]),
        due_date=date.fromisoformat(facts["due_date"]),
        period_from=date.fromisoformat(facts["period_from"]),
        period_to=date.fromisoformat(facts["period_to"]),
        balance=None if facts["balance"] is None else _money(facts["balance"]),
        items=tuple((str(zh), str(en), _money(amount)) for zh, en, amount in facts["items"]),
        **{name: _money(facts[name]) for name in _AMOUNTS},
    )


def answer_to_json(answer: QueryAnswer) -> Json:
    """Write what an account owes."""
    match answer:
        case Found(bills):
            return {"answer": "FOUND", "bills": [bill_to_json(bill) for bill in bills]}
        case NotPayable(reason):
            return {"answer": "NOT_PAYABLE", "reason": reason.value}
        case Later(after_ms):
            return {"answer": "LATER", "after_ms": after_ms}
        case Failed():
            return {"answer": "FAILED"}


def answer_from_json(said: Mapping[str, Any]) -> QueryAnswer:
    """Read what an account owes."""
    match said["answer"]:
        case "FOUND":
            return Found(tuple(bill_from_json(bill) for bill in said["bills"]))
        case "NOT_PAYABLE":
            return NotPayable(Refusal(said["reason"]))
        case "LATER":
            return Later(_natural(said["after_ms"]))
        case _:
            return Failed()


def posting_to_json(posting: Posting) -> Json:
    """Write a payment as it is sent."""
    return {
        "posting_id": posting.posting_id,
        "biller_id": posting.biller.biller_id,
        "inputs": dict(posting.inputs),
        "amounts": {number: amount.minor for number, amount in posting.amounts.items()},
    }


def posting_from_json(said: Mapping[str, Any], biller: Biller) -> Posting:
    """Read a payment for a biller."""
    amounts = {str(number): _money(minor) for number, minor in said["amounts"].items()}
    return Posting(str(said["posting_id"]), biller, dict(said["inputs"]), amounts)


def posted_to_json(answer: PostingAnswer) -> Json:
    """Write what is said of a posting."""
    times = {name: getattr(answer, name) for name in _TIMES}
    return {"state": answer.state.value, "reference": answer.reference, "times": answer.times, **times}


def posted_from_json(said: Mapping[str, Any]) -> PostingAnswer:
    """Read what is said of a posting."""
    times = {name: _natural(said[name]) for name in _TIMES if said.get(name) is not None}
    reference, posted = str(said.get("reference", "")), _natural(said.get("times", 1))
    return PostingAnswer(PostingState(said["state"]), reference, times=posted, **times)


def listed_to_json(entry: Listed) -> Json:
    """Write a line of the list of a day."""
    return {
        "posting_id": entry.posting_id,
        "amount": entry.amount.minor,
        "reference": entry.reference,
        "times": entry.times,
    }


def listed_from_json(said: Mapping[str, Any]) -> Listed:
    """Read a line of the list of a day."""
    times = _natural(said.get("times", 1))
    return Listed(str(said["posting_id"]), _money(said["amount"]), str(said.get("reference", "")), times)


def _money(minor: object) -> Money:
    return Money.from_minor(_natural(minor))


def _natural(value: object) -> int:
    """Take a whole number that is neither negative nor too large, and nothing that only looks like one.

    Raises:
        TypeError: it is something else.
    """
    if type(value) is not int or not 0 <= value < 2**53:
        raise TypeError("a whole number is wanted")
    return value
