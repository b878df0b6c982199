"""A payment's whole life at random: partners, payers, the biller and the clock act in any order, and the books are
always right."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from tests.conftest import WallClock, make_bank, make_partner
from tests.payer import POOR, RICH, Payer

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Statement
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.states import LEGAL, TRANSITIONS, Debit, Posting, Status
from openteller_sandbox.payments.store import payments

POWER = "SH-ELECTRICITY-01"
SCENARIOS = (
    "DUE_BILL",
    "SEVERAL_BILLS",
    "TIMEOUT_SUCCEEDED",
    "TIMEOUT_REFUNDED",
    "TIMEOUT_LATE",
    "POSTED_TWICE",
    "REVERSED",
    "POSTING_REJECTED",
    "INSUFFICIENT_FUNDS",
    "PAYER_GIVES_UP",
    "BILL_CHANGES",
    "ACCOUNT_CLOSED",
    "DISPUTE_UPHELD",
    "UNANSWERED_POSTED",
    "UNANSWERED_NOT_POSTED",
    "LOST_BY_BILLER",
)
_ALL = Statement(
    select(
        payments.c.world_id,
        payments.c.payment_id,
        payments.c.status,
        payments.c.debit_status,
        payments.c.posting_status,
    )
)
_counter = itertools.count()
_endings: Counter[str] = Counter()
_disputes: Counter[str] = Counter()
_folder = TemporaryDirectory(prefix="openteller-machine-")
_bank = make_bank(Path(_folder.name), WallClock())
_app = create_app(_bank)


class PaymentLife(RuleBasedStateMachine):
    """Two apps of one world and several browsers."""

    links = Bundle("links")
    pages = Bundle("pages")

    @initialize()
    def begin(self) -> None:
        client = _app.test_client(use_cookies=False)
        self.one = make_partner(client)
        self.apps = (self.one, make_partner(client, headers=self.one.headers, join="world"))
        self.world = World(self.one.app["world_id"])
        self.biller_id = self.one.biller(POWER)["biller_id"]
        self.numbers = {scenario: self.one.magic(POWER, scenario)["account_number"] for scenario in SCENARIOS}

    @rule(
        target=links,
        app=st.integers(0, 1),
        scenario=st.sampled_from(SCENARIOS),
        expires_in=st.sampled_from([60, 3600, 86_400]),
    )
    def fetch_and_link(self, app: int, scenario: str, expires_in: int) -> tuple[int, str, str, str]:
        partner = self.apps[app]
        body = {
            "biller_id": self.biller_id,
            "inputs": {"account_number": self.numbers[scenario]},
            "end_user_ref": "user-of-the-machine",
        }
        fetched = partner.post("/v1/bill-fetches", body)
        assert fetched.status_code in {201, 409}, fetched.text
        bills = fetched.json.get("bills", [])[:1]
        form = {"bill_ids": [bills[0]["bill_id"]]} if bills else {"biller_id": self.biller_id}
        made = partner.post(
            "/v1/payments", {"partner_reference": f"m-{next(_counter)}", "expires_in": expires_in, **form}
        )
        if made.status_code != 201:
            assert made.json["code"] == "BILL_ALREADY_PAID"
            form = {}
            made = partner.post("/v1/payments", {"partner_reference": f"m-{next(_counter)}", "expires_in": expires_in})
        return app, made.json["payment_id"], made.json["payment_link"]["url"], self.numbers[scenario]

    @rule(target=pages, link=links)
    def open_page(self, link: tuple[int, str, str, str]) -> tuple[Payer, str]:
        page = Payer(_app.test_client(), link[2])
        if page.step == "start":
            page.send("start")
        return page, link[3]

    @rule(page=pages, who=st.sampled_from([RICH, RICH, POOR, ("62000001", "000000")]), steps=st.integers(1, 6))
    def go_on(self, page: tuple[Payer, str], who: tuple[str, str], steps: int) -> None:
        payer, number = page
        fill = {
            "sign_in": {"customer_number": who[0], "demo_code": who[1]},
            "digits": {"digits": number[-4:]},
            "account": {"in_account_number": number},
            "place": {"category_code": "ELECTRICITY", "adcode": "310000"},
        }
        payer.open()
        for _ in range(steps):
            if payer.step in {"start", "sign_in", "digits", "account", "bills", "confirm", "retry", "place", "biller"}:
                payer.send(payer.step, **fill.get(payer.step, {}))
            assert payer.answer.status_code < 500, payer.text

    @rule(target=links, app=st.integers(0, 1), scenario=st.sampled_from(SCENARIOS))
    def link_and_pay(self, app: int, scenario: str) -> tuple[int, str, str, str]:
        link = self.fetch_and_link(app, scenario, 3600)
        self.go_on((Payer(_app.test_client(), link[2]), link[3]), RICH, 6)
        return link

    @rule(link=links)
    def guess_codes(self, link: tuple[int, str, str, str]) -> None:
        page = Payer(_app.test_client(), link[2]), link[3]
        self.go_on(page, ("62000003", "000000"), 8)

    @rule(page=pages, way=st.sampled_from(["again", "leave", "language"]))
    def go_back(self, page: tuple[Payer, str], way: str) -> None:
        page[0].open()
        if way in page[0].forms:
            page[0].send(way)
        assert page[0].answer.status_code < 500, page[0].text

    @rule(link=links)
    def cancel(self, link: tuple[int, str, str, str]) -> None:
        answer = self.apps[link[0]].post(f"/v1/payments/{link[1]}:cancel")
        assert answer.status_code in {200, 409}

    @rule(
        link=links, type_=st.sampled_from(["SERVICE_NOT_RECEIVED", "DUPLICATE", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED"])
    )
    def dispute(self, link: tuple[int, str, str, str], type_: str) -> None:
        answer = self.apps[link[0]].post("/v1/disputes", {"payment_id": link[1], "type": type_})
        assert answer.status_code in {201, 409}, answer.text
        _disputes[answer.json.get("status", 0)] += 1

    @rule(seconds=st.sampled_from([1, 40, 61, 301, 3600, 7300, 30_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.one.advance(seconds=seconds)

    @invariant()
    def the_books_balance(self) -> None:
        if hasattr(self, "world"):
            tx = _bank.db.read()
            assert ledger.is_balanced(tx)
            balances = ledger.balances(tx, self.world)
            assert sum(balances.values()) == 0
            for customer in customers.CUSTOMERS:
                booked = balances.get(ledger.customer(customer.customer_id), 0)
                assert booked == customers.available(tx, self.world, customer.customer_id).minor >= 0

    @invariant()
    def every_payment_is_legal(self) -> None:
        for row in _bank.db.read().all(_ALL):
            assert (Debit(row["debit_status"]), Posting(row["posting_status"])) in LEGAL[Status(row["status"])]

    def teardown(self) -> None:
        if not hasattr(self, "apps"):
            return
        for partner in self.apps:
            for payment in partner.get("/v1/payments", limit=100).json["data"]:
                moves = [Status(entry["status"]) for entry in payment["history"]]
                assert all(to in TRANSITIONS[since] for since, to in itertools.pairwise(moves))
                types = [e["type"] for e in partner.events() if e["data"].get("payment_id") == payment["payment_id"]]
                assert len(types) >= min(100, len(moves)) or len(partner.events()) == 100
        self.one.advance(seconds=4 * 86_400)
        for partner in self.apps:
            for payment in partner.get("/v1/payments", limit=100).json["data"]:
                assert payment["status"] in {"succeeded", "refunded", "cancelled", "expired", "failed"}
                _endings[payment["status"]] += 1


def test_a_payments_whole_life_at_random_keeps_the_books_right() -> None:
    """The same walk in every run; and one that never pays would show nothing, so each way of ending must occur."""
    run_state_machine_as_test(
        PaymentLife, settings=settings(max_examples=30, stateful_step_count=15, deadline=None, derandomize=True)
    )
    assert _disputes["ASSIGNED"]
    assert set(_endings) == {"succeeded", "refunded", "cancelled", "expired", "failed"}, _endings
