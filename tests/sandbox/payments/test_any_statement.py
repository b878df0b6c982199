"""The process dies before any statement of a payment's way, whichever it is: nothing is lost and nothing doubled.

What dies is the thread of control: whatever was committed stays, whatever was not is gone, and no line after it runs,
not even what catches errors. ``test_kills.py`` kills real processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.conftest import Partner, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.sandbox.faults.test_requests import order

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import store as books
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db.statements import Statement
from openteller_sandbox.due import service as due
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.states import FINAL, Status

CUSTOMER = "cst_demo00000001"


class Killed(BaseException):
    """The process is gone."""


class Seam:
    """Counts the statements that are run, and kills before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ran = 0
        self._fatal = 0
        real = Statement.sql

        def sql(statement: Statement, *arguments: object) -> object:
            self.ran += 1
            if self.ran == self._fatal:
                raise Killed
            return real(statement, *arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(Statement, "sql", sql)

    @contextmanager
    def kill_before(self, number: int) -> Iterator[None]:
        """Kill before the n-th statement of what is inside; 0 kills never."""
        self.ran, self._fatal = 0, number
        try:
            yield
        except Killed:
            assert number
        finally:
            self._fatal = 0


@pytest.fixture
def seam(monkeypatch: pytest.MonkeyPatch) -> Seam:
    return Seam(monkeypatch)


def confirmable(bank: Bank, partner: Partner, scenario: str) -> tuple[str, DirectPayer, str]:
    bill = partner.fetch(scenario=scenario).json["bills"][0]
    payment_id = str(partner.pay_link(bill_ids=[bill["bill_id"]])["payment_id"])
    payer = DirectPayer(bank)
    _, attempt_id = payer.sign_in(payment_id)
    return payment_id, payer, attempt_id


def check(bank: Bank, partner: Partner, payment_id: str, number: int) -> str:
    """Whatever happened: the books are right, and the biller has what our books say it has."""
    tx, world = bank.db.read(), World(partner.app["world_id"])
    balances = ledger.balances(tx, world)
    payment = partner.payment(payment_id)
    assert ledger.is_balanced(tx), number
    assert sum(balances.values()) == 0, number
    assert balances[f"customer:{CUSTOMER}"] == customers.available(tx, world, CUSTOMER).minor, number
    assert all(balances.get(name, 0) == 0 for name in ("holds", "clearing", "refunds")), number
    row = tx.one(books.FIND, w=world.world_id, p=payment_id)
    at_biller = sum(amount for account, amount in balances.items() if account.startswith("biller:"))
    posted = row["amount"] if row and row["state"] == "POSTED" else 0
    assert at_biller == posted, number
    told = [event["type"] for event in partner.events() if event["data"].get("payment_id") == payment_id]
    moves = [f"payment.{entry['status']}" for entry in payment["history"]]
    assert [name for name in told if name.startswith("payment.")] == moves, number
    return str(payment["status"])


@pytest.mark.parametrize(
    "scenario",
    [
        "DUE_BILL",
        "TIMEOUT_REFUNDED",
        pytest.param("TIMEOUT_SUCCEEDED", marks=pytest.mark.soak),
        pytest.param("POSTING_REJECTED", marks=pytest.mark.soak),
    ],
)
def test_killed_before_any_statement_of_a_confirmation_a_payment_ends_well(
    bank: Bank, client: object, seam: Seam, scenario: str
) -> None:
    """The payer's click, and then a restart: what had begun goes on, what had not can be done again."""
    endings: set[str] = set()
    number, last = 0, 1
    while number <= last:
        partner = make_partner(client)  # type: ignore[arg-type]
        payment_id, payer, attempt_id = confirmable(bank, partner, scenario)
        with seam.kill_before(number):
            payer.confirm(payment_id, attempt_id)
        if number == 0:
            last = seam.ran
        due.run_all(bank, most=1000)
        if partner.payment(payment_id)["status"] == "authorising":
            payer.confirm(payment_id, attempt_id)
        partner.advance(seconds=2 * 86_400)
        endings.add(check(bank, partner, payment_id, number))
        number += 1
    assert last > 40
    expected = {"DUE_BILL": {"succeeded"}, "TIMEOUT_SUCCEEDED": {"succeeded"}}.get(scenario, {"refunded"})
    # Killed before the biller heard of it, a payment that would have succeeded comes back.
    assert endings <= expected | {"refunded"}
    assert expected <= endings
    assert {Status(name) for name in endings} <= FINAL


def test_killed_before_any_statement_of_what_falls_due_it_is_done_at_the_next_start(
    bank: Bank, client: object, seam: Seam
) -> None:
    number, last = 0, 1
    while number <= last:
        partner = make_partner(client)  # type: ignore[arg-type]
        order(partner, {"leg": "post"}, {"drop": "AFTER"}, times=1)
        payment_id, payer, attempt_id = confirmable(bank, partner, "REVERSED")
        payer.confirm(payment_id, attempt_id)
        with seam.kill_before(number):
            partner.advance(seconds=2 * 86_400)
        if number == 0:
            last = seam.ran
        partner.advance(seconds=2 * 86_400)
        assert check(bank, partner, payment_id, number) == "refunded"
        number += 7  # each of some hundred would take minutes; the steps of the way have other lengths
    assert last > 150


def test_killed_before_any_statement_of_creating_there_is_one_payment_or_none(
    bank: Bank, client: object, seam: Seam
) -> None:
    number, last = 0, 1
    while number <= last:
        partner: Partner = make_partner(client)  # type: ignore[arg-type]
        send: Callable[[], object] = lambda partner=partner: partner.post(  # noqa: E731
            "/v1/payments", {"partner_reference": "once"}, key="once"
        )
        with seam.kill_before(number):
            send()
        if number == 0:
            last = seam.ran
        send()
        made = partner.get("/v1/payments").json["data"]
        told = [event for event in partner.events() if event["type"] == "payment.created"]
        assert (len(made), len(told)) == (1, 1), number
        number += 1
    assert last >= 8
