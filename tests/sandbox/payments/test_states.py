"""The table of moves is complete, closed, and the same as the contract's list."""

from __future__ import annotations

import pytest

from openteller_sandbox import contract
from openteller_sandbox.payments.states import (
    CANCELLABLE,
    FINAL,
    ISO_20022,
    LEGAL,
    LINK_STATUS,
    TRANSITIONS,
    Debit,
    Posting,
    Status,
    money_at,
)


def _reachable(start: Status) -> set[Status]:
    seen, todo = set(), [start]
    while todo:
        status = todo.pop()
        if status not in seen:
            seen.add(status)
            todo += TRANSITIONS[status]
    return seen


def test_every_status_has_its_row_in_each_table() -> None:
    assert set(TRANSITIONS) == set(LEGAL) == set(Status)


def test_the_contract_lists_the_same_statuses_and_sides() -> None:
    schemas = contract.load().document["components"]["schemas"]
    assert set(schemas["PaymentStatus"]["x-extensible-enum"]) == {status.value for status in Status}
    assert set(schemas["DebitStatus"]["x-extensible-enum"]) == {debit.value for debit in Debit}
    assert set(schemas["PostingStatus"]["x-extensible-enum"]) == {posting.value for posting in Posting}
    assert set(ISO_20022.values()) <= set(schemas["Payment"]["properties"]["iso_status"]["x-extensible-enum"])
    assert set(LINK_STATUS.values()) | {"COMPLETED"} == set(
        schemas["PaymentLink"]["properties"]["status"]["x-extensible-enum"]
    )


def test_every_status_can_be_reached_from_a_new_link() -> None:
    assert _reachable(Status.CREATED) == set(Status)


@pytest.mark.parametrize("status", [Status.AUTHORISED, Status.PROCESSING, Status.UNKNOWN, Status.SUCCEEDED])
def test_money_that_has_moved_is_never_just_cancelled(status: Status) -> None:
    assert not _reachable(status) & {Status.CANCELLED, Status.EXPIRED, Status.FAILED, Status.CREATED}


def test_unknown_is_left_only_by_knowledge() -> None:
    assert TRANSITIONS[Status.UNKNOWN] == {Status.SUCCEEDED, Status.REFUND_PENDING}


def test_cancelling_is_possible_exactly_where_the_table_has_it() -> None:
    assert {status for status, to in TRANSITIONS.items() if Status.CANCELLED in to} == CANCELLABLE


def test_nothing_follows_a_final_status_but_a_reversal() -> None:
    assert {(status, to) for status in FINAL for to in TRANSITIONS[status]} == {
        (Status.SUCCEEDED, Status.REFUND_PENDING)
    }


@pytest.mark.parametrize(
    ("status", "where"),
    [
        (Status.CREATED, {"PAYER"}),
        (Status.FAILED, {"PAYER"}),
        (Status.CANCELLED, {"PAYER"}),
        (Status.EXPIRED, {"PAYER"}),
        (Status.AUTHORISED, {"BANK"}),
        (Status.PROCESSING, {"BANK"}),
        (Status.UNKNOWN, {"BANK"}),
        (Status.REFUND_PENDING, {"BANK"}),
        (Status.SUCCEEDED, {"BILLER"}),
        (Status.REFUNDED, {"RETURNED"}),
    ],
)
def test_where_the_money_is_follows_from_the_status(status: Status, where: set[str]) -> None:
    assert {money_at(debit, posting) for debit, posting in LEGAL[status]} == where


def test_the_moves_are_those_that_the_contract_publishes() -> None:
    published = contract.load().document["components"]["schemas"]["PaymentStatus"]["x-transitions"]
    assert published == {status.value: [to.value for to in Status if to in TRANSITIONS[status]] for status in Status}
