"""The process dies in the middle of a payment: whatever was kept goes on from there, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from tests.conftest import Partner
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port.port import Posting, PostingAnswer
from openteller_sandbox.biller_port.simulated import SimulatedBiller
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import open_database
from openteller_sandbox.due import service as due
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import authorisation, posting
from openteller_sandbox.payments.store import BY_ID

pytestmark = pytest.mark.both_engines

POWER = "SH-ELECTRICITY-01"


class Killed(BaseException):
    """The process is gone: nothing after this line runs, not even what catches errors."""


@pytest.fixture
def ready(partner: Partner, payer: Callable[[str], Payer]) -> tuple[dict, Payer]:
    """Bring a payer to the confirmation."""
    payment = partner.pay_link(bill_ids=[partner.fetch().json["bills"][0]["bill_id"]])
    page = payer(payment["payment_link"]["url"]).send("start").sign_in()
    page.send("digits", digits=partner.magic(POWER, "DUE_BILL")["account_number"][-4:])
    return payment, page


@pytest.fixture(autouse=True)
def _books(bank: Bank, partner: Partner) -> Iterator[None]:
    yield
    world = World(partner.app["world_id"])
    balances = ledger.balances(bank.db.read(), world)
    assert ledger.is_balanced(bank.db.read())
    assert balances["customer:cst_demo00000001"] == customers.available(bank.db.read(), world, "cst_demo00000001").minor


def _kill_at(monkeypatch: pytest.MonkeyPatch, page: Payer, owner: object, name: str) -> None:
    """Confirm, and die when a function is called."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, die)
        with pytest.raises(Killed):
            page.send("confirm")


def test_killed_after_the_hold_the_payment_is_sent_at_the_next_start(
    bank: Bank, partner: Partner, ready: tuple[dict, Payer], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, page = ready
    _kill_at(monkeypatch, page, authorisation.posting, "send")
    assert partner.payment(payment["payment_id"])["status"] == "authorised"
    due.run_all(bank)
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


def test_killed_before_the_biller_was_asked_the_money_comes_back(
    partner: Partner, ready: tuple[dict, Payer], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, page = ready
    _kill_at(monkeypatch, page, SimulatedBiller, "post")
    assert partner.payment(payment["payment_id"])["status"] == "processing"
    partner.advance(seconds=3600)
    assert partner.payment(payment["payment_id"])["status"] == "refunded"


def test_killed_before_the_answer_was_kept_the_posting_is_found_and_not_repeated(
    partner: Partner, ready: tuple[dict, Payer], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, page = ready
    _kill_at(monkeypatch, page, posting, "settle")
    assert partner.payment(payment["payment_id"])["status"] == "processing"
    partner.advance(seconds=61)
    paid = partner.payment(payment["payment_id"])
    assert (paid["status"], paid["exceptions"]) == ("succeeded", [])


def test_that_a_payment_was_sent_is_on_disk_before_the_biller_hears_of_it(
    bank: Bank, ready: tuple[dict, Payer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server gathers acts and syncs once a turn; a biller is outside of the bank, and cannot be untold."""
    _, page = ready
    on_disk = []
    real = SimulatedBiller.post

    def look(self: SimulatedBiller, world: World, sent: Posting, now: int) -> PostingAnswer:
        with closing(open_database(bank.settings.database)) as another:
            row = another.read().one(BY_ID, payment_id=sent.posting_id)
        on_disk.append(row["status"])
        return real(self, world, sent, now)

    monkeypatch.setattr(SimulatedBiller, "post", look)
    bank.db.gather(lambda: None)
    try:
        page.send("confirm")
        bank.db.commit()
    finally:
        bank.db.gather(None)
    assert on_disk == ["processing"]


def test_killed_inside_the_hold_nothing_has_happened(
    bank: Bank, partner: Partner, ready: tuple[dict, Payer], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment, page = ready
    _kill_at(monkeypatch, page, posting.ledger, "book")
    assert partner.payment(payment["payment_id"])["status"] == "authorising"
    assert customers.available(bank.db.read(), World(partner.app["world_id"]), "cst_demo00000001").minor == 1_000_000_00
    page.open()
    page.send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"


def test_a_due_act_that_fails_is_tried_again_and_holds_up_nobody(
    bank: Bank, partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = partner.pay_link(expires_in=60), partner.pay_link(expires_in=90)
    real = bank.due_handlers["payment.expire"]

    def sick(bank_: Bank, act: due.Due) -> None:
        if act.subject == first["payment_id"] and act.at < act_before_recovery:
            raise RuntimeError("sick")
        real(bank_, act)

    act_before_recovery = bank.now() + 130_000
    monkeypatch.setitem(bank.due_handlers, "payment.expire", sick)
    partner.advance(seconds=100)
    assert [partner.payment(each["payment_id"])["status"] for each in (first, second)] == ["created", "expired"]
    partner.advance(seconds=100)
    assert partner.payment(first["payment_id"])["status"] == "expired"
