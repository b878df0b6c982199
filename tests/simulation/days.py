"""Days of bank time in seconds: partners, payers, a faulty network and faulty billers, all drawn from one seed.

Wall time stands still until the simulation moves it, and identifiers, which nobody can draw again, take no part in what
is compared: the same seed gives the same days.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count, pairwise
from random import Random
from typing import Any

from flask import Flask
from sqlalchemy import select, update
from tests.conftest import Partner, WallClock, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.simulation.audit import Audit
from werkzeug.test import TestResponse

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.biller_port import store as books
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.db import Statement
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.ledger.store import ledger_lines
from openteller_sandbox.payments.authorisation import Confirmed
from openteller_sandbox.payments.states import FINAL, Status
from openteller_sandbox.webhooks.dispatcher import Dispatcher
from openteller_sandbox.webhooks.sender import Attempt, Outgoing
from openteller_sandbox.worlds.store import worlds

POWER = "SH-ELECTRICITY-01"
HOUR = 3600
_EVER_S = 2.0**62
MOST_REPEATS = 6
SCENARIOS = (
    "DUE_BILL",
    "SEVERAL_BILLS",
    "TIMEOUT_LATE",
    "POSTED_TWICE",
    "REVERSED",
    "POSTING_REJECTED",
    "UNANSWERED_POSTED",
    "UNANSWERED_NOT_POSTED",
)
LEG_FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("query", {"status": 500}),
    ("query", {"delay_ms": 4000}),
    ("post", {"drop": "AFTER"}),
    ("post", {"drop": "BEFORE"}),
    ("post", {"delay_ms": 30_000}),
    ("post", {"status": 500}),
    ("query_posting", {"drop": "BEFORE"}),
    ("reconcile", {"drop": "BEFORE"}),
    ("reverse", {"delay_ms": 7_200_000}),
)


class Lost(Exception):
    """The network lost the request, or the answer to it."""


@dataclass
class Network:
    """Loses requests before they arrive, or their answers on the way back; whoever cares repeats with the same key."""

    random: Random
    loss: float
    lost: int = 0

    def send(self, request: Callable[[], TestResponse]) -> TestResponse:
        """Send until an answer comes.

        Raises:
            Lost: none does, however often.
        """
        for _ in range(MOST_REPEATS):
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            answer = request()
            if self.random.random() < self.loss:
                self.lost += 1
                continue
            return answer
        raise Lost


@dataclass
class Postman:
    """The way of webhooks to the partners: loses some, or the answers to them, and every fourth day nobody is there.

    What is lost is drawn for each event and attempt alone, as identifiers, which order what is sent, are never the
    same. healed: nothing is lost any more. came: how often which event has come.
    """

    seed: int
    wall: WallClock
    healed: bool = False
    came: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    lost: int = 0

    def __call__(self, outgoing: Outgoing) -> Attempt:
        """Carry one delivery, as the bank's own sender does."""
        event = json.loads(outgoing.body)
        data = event["data"]
        name = f"{event['type']} {data.get('partner_reference', '')} {data.get('version', '')}"
        self.tried[name] += 1
        chance = Random(f"{self.seed} {name} {self.tried[name]}").random()
        if self.healed or "partner_reference" not in data:
            chance = 1.0
        if not self.healed and self.wall.at // clock.DAY % 4 == self.seed % 4:
            self.lost += 1
            return Attempt("CONNECTION_FAILED", 1)
        if chance < 0.1:
            self.lost += 1
            return Attempt("TIMED_OUT", 15_000)
        self.came[event["event_id"]] += 1
        return Attempt("TIMED_OUT", 15_000) if chance < 0.2 else Attempt("DELIVERED", 3, 204)


@dataclass
class Simulation:
    """A bank, two apps that share a world, and their customers. acknowledged: what a partner was told that it has."""

    bank: Bank
    app: Flask
    wall: WallClock
    seed: int
    acknowledged: dict[str, str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.network = Network(self.random, loss=0.1)
        client = self.app.test_client(use_cookies=False)
        one = make_partner(client)
        self.partners = (one, make_partner(client, headers=one.headers, join="world"))
        self.world_id = one.app["world_id"]
        self._numbers = count(1)
        self._scattered = iter(Random(self.seed).sample(range(2000, 100_000), 10_000))  # as people's accounts lie
        with self.bank.db.act() as tx:
            tx.run(Statement(update(worlds).where(worlds.c.world_id == self.world_id).values(seed=self.seed)))
        self.postman = Postman(self.seed, self.wall)
        self._dispatcher = Dispatcher(self.bank, self.postman, chance=lambda: 0.5)
        for partner in self.partners:
            endpoint = {"url": "http://127.0.0.1:9/hook", "event_types": ["*"]}
            assert partner.post("/v1/webhook-endpoints", endpoint, key=None).status_code == 201
        self.audit = Audit(world_id=self.world_id, outbox=True)
        for leg, effect in LEG_FAULTS:
            body = {"match": {"leg": leg}, "effect": effect, "probability": "0.08"}
            assert one.post("/sandbox/v1/faults", body, key=None).status_code == 201
        self.numbers = {scenario: one.magic(POWER, scenario)["account_number"] for scenario in SCENARIOS}
        self.biller_id = one.biller(POWER)["biller_id"]

    def run(self, days: int) -> str:
        """Let days pass; give what became of every payment, without what nobody can draw again."""
        for _ in range(days):
            for _ in range(self.random.randint(12, 24)):
                self._something_happens()
                self._pass(self.random.randint(1, HOUR))
            self.check()
            self.check_statements()
        for _ in range(6):  # reconciliations that fail come again the next day
            self._pass(24 * HOUR)
        self.postman.healed = True
        for _ in range(2):
            self._pass(24 * HOUR)
        self.check()
        self.check_statements(over=True)
        return f"{self._outcome()}\n{self._webhooks()}"

    def _webhooks(self) -> str:
        """Say how often what came; every event did, whatever was lost on the way."""
        told = [event for partner in self.partners for event in self._all(partner, "/v1/events?limit=100")]
        since = {event["event_id"] for event in told if event["data"].get("payment_id")}
        assert since <= self.postman.came.keys()
        self.seen["webhooks lost"] = self.postman.lost
        self.seen["webhooks twice"] = sum(count > 1 for count in self.postman.came.values())
        return f"{len(self.postman.came)} events came {self.postman.came.total()} times, {self.postman.lost} were lost"

    def _something_happens(self) -> None:
        partner = self.random.choice(self.partners)
        acts: list[Callable[[Partner], None]] = [self._link_and_pay] * 10 + [
            self._cancel,
            self._give_up,
            self._nobody_pays,
        ]
        try:
            self.random.choice(acts)(partner)
        except Lost:
            self.seen["given up by the partner"] += 1

    def _link_and_pay(self, partner: Partner) -> None:
        """Link, to a bill or to a direct payment, and have it paid."""
        form = self._bill(partner)
        if form is None:
            return
        payment_id = self._create(partner, form)
        if payment_id is None:
            return
        payer = DirectPayer(self.bank, self.random.choice([CUSTOMERS[0], CUSTOMERS[0], CUSTOMERS[1]]))
        try:
            if payer.pay(payment_id) is Confirmed.DONE:
                self.confirmed.add(payment_id)
        except (Problem, AssertionError) as refusal:
            self.seen[f"refused: {getattr(refusal, 'code', 'sign-in')}"] += 1

    def _bill(self, partner: Partner) -> dict[str, Any] | None:
        magic = self.random.random() < 0.3
        number = self.numbers[self.random.choice(SCENARIOS)] if magic else self._ordinary()
        body = {
            "biller_id": self.biller_id,
            "inputs": {"account_number": number},
            "end_user_ref": f"user-of-the-days-{next(self._numbers)}",
        }
        key = f"fetch-{next(self._numbers)}"
        answer = self.network.send(lambda: partner.post("/v1/bill-fetches", body, key=key))
        self.seen[f"fetch {answer.status_code}"] += 1
        bills = answer.json.get("bills", []) if answer.status_code == 201 else []
        payable = [bill["bill_id"] for bill in bills if bill["status"] in {"OPEN", "PARTLY_PAID"}]
        return {"bill_ids": payable[:1]} if payable else None

    def _ordinary(self) -> str:
        from openteller_sandbox.billers import service as billers

        biller = billers.get(self.bank.db.read(), self.biller_id)
        number = biller.input_fields[0].with_serial(next(self._scattered))
        assert number is not None
        return number

    def _create(self, partner: Partner, form: dict[str, Any]) -> str | None:
        reference = f"day-{self.seed}-{next(self._numbers)}"
        body = {"partner_reference": reference, **form}
        answer = self.network.send(lambda: partner.post("/v1/payments", body, key=reference))
        self.seen[f"create {answer.status_code}"] += 1
        if answer.status_code != 201:
            return None
        self.acknowledged[reference] = answer.json["payment_id"]
        return str(answer.json["payment_id"])

    def _cancel(self, partner: Partner) -> None:
        payment_id = self._create(partner, {"category_code": "WATER"})
        if payment_id:
            key = f"cancel-{next(self._numbers)}"
            answer = self.network.send(lambda: partner.post(f"/v1/payments/{payment_id}:cancel", key=key))
            assert answer.status_code == 200

    def _give_up(self, partner: Partner) -> None:
        payment_id = self._create(partner, {"category_code": "GAS"})
        if payment_id:
            for _ in range(self.random.randint(1, 6)):
                try:
                    DirectPayer(self.bank).sign_in(payment_id, code="000000")
                except Problem as problem:
                    self.seen[f"refused: {problem.code}"] += 1

    def _nobody_pays(self, partner: Partner) -> None:
        self._create(partner, {"category_code": "HEATING", "expires_in": self.random.randint(60, 86_400)})

    def _pass(self, seconds: int) -> None:
        """Let time pass as a server would: what falls due is done when its time has come, some of it late."""
        self.wall.advance(seconds)
        while due.run_all(self.bank, most=200):
            pass
        self._dispatcher.deliver_world(World(self.world_id), _EVER_S)
        self._token_again()

    def _token_again(self) -> None:
        """Tokens live in wall time."""
        for partner in self.partners:
            credentials = (partner.app["client_id"], partner.app["client_secret"])
            token = partner.client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
            partner.headers["Authorization"] = f"Bearer {token.json['access_token']}"

    def check(self) -> None:
        """What always holds: the books add up, moves and triples are legal, nothing acknowledged is lost or doubled."""
        with self.bank.db.act() as tx:
            assert self.audit.look(tx) == []
        kept = {reference: payment_id for (_, reference), payment_id in self.audit.references.items()}
        assert self.acknowledged.items() <= kept.items()

    def check_statements(self, *, over: bool = False) -> None:
        """What statements always say of the ledger: each day alone, and all of them together. over: nothing is on its
        way any more.
        """
        tx = self.bank.db.read()
        own = {payment["payment_id"] for payment in self.payments()}
        booked: Counter[str] = Counter()
        for line in tx.all(Statement(select(ledger_lines).where(ledger_lines.c.world_id == self.world_id))):
            if line["subject"] in own and is_outside(line["account"], line["reason"]):
                booked[line["business_date"]] += line["amount"]
        told: Counter[str] = Counter()
        for partner in self.partners:
            for day, statement in self.statements(partner).items():
                told[day] += minor(statement["sum"]) + minor(statement["fee_sum"])
                assert statement["undecided"] == 0 or not over
                self.seen["statements"] += 1
        closed = clock.bank_date(self.bank.now(World(self.world_id))).isoformat()
        assert {day: sum_ for day, sum_ in booked.items() if day < closed and sum_} == {
            day: sum_ for day, sum_ in told.items() if sum_
        }
        if over:
            balances = ledger.balances(tx, World(self.world_id))
            assert sum(told.values()) == sum(
                balance for account, balance in balances.items() if account == "fees" or account.startswith("biller:")
            )

    def statements(self, partner: Partner) -> dict[str, dict[str, Any]]:
        """Read the statement of each day that counts, and hold it against its rows and its file."""
        found: dict[str, dict[str, Any]] = {}
        for statement in self._all(partner, "/v1/statements?limit=100"):
            day = statement["business_date"]
            if day in found:
                assert statement["version"] == found[day]["version"] - 1
                self.seen["further versions"] += 1
                continue
            found[day] = statement
            path = f"/v1/statements/{statement['statement_id']}"
            rows = self._all(partner, f"{path}/rows?limit=7")
            self.seen.update(f"{row['type']} {row['status']}" for row in rows)
            assert len(rows) == statement["count"]
            assert sum(minor(row["amount"]) for row in rows) == minor(statement["sum"])
            assert sum(minor(row["fee"]) for row in rows) == minor(statement["fee_sum"])
            file = partner.get(f"{path}/csv").data
            assert sha256(file).hexdigest() == statement["sha256"]
            assert file.count(b"\r\n") == statement["count"] + 1
        days = [date.fromisoformat(day) for day in sorted(found)]
        assert all(after - before == timedelta(days=1) for before, after in pairwise(days)), "a day has none"
        return found

    def payments(self) -> list[dict[str, Any]]:
        """Read every payment of both apps."""
        return [payment for partner in self.partners for payment in self._all(partner, "/v1/payments?limit=100")]

    def _all(self, partner: Partner, path: str | None) -> list[dict[str, Any]]:
        found = []
        while path:
            page = partner.client.get(path, headers=partner.headers).json
            found += page["data"]
            path = page["links"]["next"]
        return found

    def _outcome(self) -> str:
        """Say how it ended; and hold every payment against the biller's own books."""
        tx = self.bank.db.read()
        lines = []
        for payment in sorted(self.payments(), key=lambda each: each["partner_reference"]):
            assert Status(payment["status"]) in FINAL, payment
            if payment["payment_id"] in self.confirmed:
                assert payment["status"] in {"succeeded", "refunded"}, payment
            row = tx.one(books.FIND, w=self.world_id, p=payment["payment_id"])
            at_biller = bool(row and row["state"] == "POSTED")
            assert at_biller is (payment["posting"]["status"] == "POSTED"), payment
            self.seen[payment["status"]] += 1
            moves = ",".join(f"{entry['status']}@{entry['at']}" for entry in payment["history"])
            exceptions = ",".join(each["type"] for each in payment["exceptions"])
            total = payment.get("total", {}).get("amount", "-")
            lines.append(f"{payment['partner_reference']} {total} {moves} {exceptions}")
        return "\n".join(lines)


def minor(amount: dict[str, str]) -> int:
    """Give an amount of the wire in minor units."""
    return int(Decimal(amount["amount"]) * 100)


def is_outside(account: str, reason: str) -> bool:
    """Whether a line of the ledger is of what was put up for billers: at the biller, earned as a fee, on its way there
    or back, or kept aside for the payer. What the bank itself has in suspense is not.
    """
    if account == "suspense":
        return reason in {"keep aside", "try again", "pay out"}
    return account in {"clearing", "refunds", "fees"} or account.startswith("biller:")
