"""Signing in with wrong codes: what the answers tell, and what they do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from tests.conftest import Partner
from tests.payer import RICH, Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import SignIn
from openteller_sandbox.customers.store import failed_sign_ins
from openteller_sandbox.db import Statement

pytestmark = pytest.mark.both_engines

Payers = Callable[[str], Payer]
NOBODY = "62009999"
ANSWERS = (
    "客户号或演示码不对",
    "多次输错",
)


@pytest.fixture
def told(partner: Partner, payer: Payers) -> Callable[[str, str, int], list[tuple[int, str]]]:
    """Type a number and a code again and again, at links of four tries each; give what the pages say."""

    def tell(number: str, code: str, times: int) -> list[tuple[int, str]]:
        seen = []
        for turn in range(times):
            if turn % 4 == 0:
                page = payer(partner.pay_link(biller_id=_biller(partner))["payment_link"]["url"]).send("start")
                account = partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"]
                page.send("account", in_account_number=account)
            page.send("sign_in", customer_number=number, demo_code=code)
            answer = next((text for text in ANSWERS if text in page.text), page.step)
            seen.append((page.answer.status_code, answer))
        return seen

    return tell


def _biller(partner: Partner) -> str:
    return str(partner.biller("SH-ELECTRICITY-01")["biller_id"])


@pytest.mark.abuse("enumeration", "tells customer numbers from others by which are locked")
def test_a_number_that_nobody_has_is_locked_like_a_customers(
    told: Callable[[str, str, int], list[tuple[int, str]]],
) -> None:
    customer, nobody = told(RICH[0], "000000", 7), told(NOBODY, "000000", 7)
    assert customer == nobody
    assert [answer for _, answer in nobody] == [ANSWERS[0]] * 4 + [ANSWERS[1]] * 3


@pytest.mark.abuse("enumeration", "guesses a customer's code")
def test_a_locked_customer_is_not_let_in_by_the_right_code_until_the_time_is_over(
    partner: Partner, told: Callable[[str, str, int], list[tuple[int, str]]]
) -> None:
    told(RICH[0], "000000", 5)
    assert told(*RICH, 1) == [(422, ANSWERS[1])]
    partner.advance(seconds=15 * 60)
    assert told(*RICH, 1) == [(200, "confirm")]


def test_the_right_code_clears_the_count(told: Callable[[str, str, int], list[tuple[int, str]]]) -> None:
    told(RICH[0], "000000", 4)
    assert told(*RICH, 1) == [(200, "confirm")]
    assert told(RICH[0], "000000", 4) == [(422, ANSWERS[0])] * 4


@pytest.mark.parametrize("number", [RICH[0], NOBODY, "", "六二〇", "62000001 "])
def test_every_number_is_counted_alike_and_never_kept(bank: Bank, partner: Partner, number: str) -> None:
    world, start = World(partner.app["world_id"]), bank.now()
    with bank.db.act() as tx:
        ends = [customers.sign_in(tx, world, number, "000000", start + n)[0] for n in range(6)]
        rows = [tuple(row) for row in tx.all(Statement(select(failed_sign_ins))) if row["world_id"] == world.world_id]
        later = customers.sign_in(tx, world, number, "000000", start + 16 * MINUTE)[0]
    assert ends == [SignIn.WRONG] * 4 + [SignIn.LOCKED] * 2
    assert later is SignIn.WRONG
    (row,) = rows
    assert not number or number not in str(row)


def test_old_failures_are_forgotten_and_a_reset_forgets_all(bank: Bank, partner: Partner) -> None:
    world, start = World(partner.app["world_id"]), bank.now()
    with bank.db.act() as tx:
        for number in range(20):
            customers.sign_in(tx, world, str(number), "000000", start)
        customers.sign_in(tx, world, "last", "000000", start + 25 * 60 * MINUTE)
        left = [row for row in tx.all(Statement(select(failed_sign_ins))) if row["world_id"] == world.world_id]
    assert len(left) == 1
    partner.post("/sandbox/v1/reset")
    rows = bank.db.read().all(Statement(select(failed_sign_ins)))
    assert not [row for row in rows if row["world_id"] == world.world_id]
