"""A payment's whole life at random: partners, payers, the biller, the clock and faults act in any order, and the books
are always right."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.payer import POOR, RICH, Payer
from tests.receivers import Receiver, receiver
from tests.simulation.audit import Audit
from werkzeug.test import TestResponse

from openteller_sandbox.app import create_app
from openteller_sandbox.biller_port import store as books
from openteller_sandbox.due import service as due
from openteller_sandbox.payments.states import FINAL, Status

POWER, PROPERTY, TOP_UP = "SH-ELECTRICITY-01", "SH-PROPERTY_FEE-01", "CN-MOBILE_TOPUP-01"
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
LEGS = ("query", "post", "query_posting", "reverse", "reconcile")
LEG_EFFECTS: tuple[dict[str, Any], ...] = (
    {"status": 500},
    {"drop": "BEFORE"},
    {"drop": "AFTER"},
    {"delay_ms": 4000},
    {"delay_ms": 100_000},
)
OPERATIONS = ("createPayment", "createBillFetch", "cancelPayment", "createDispute", "getPayment")
OPERATION_EFFECTS: tuple[dict[str, Any], ...] = ({"status": 500}, {"drop": "BEFORE"}, {"drop": "AFTER"})
DISPUTES = ("SERVICE_NOT_RECEIVED", "DUPLICATE", "WRONG_AMOUNT", "ACCOUNT_NOT_UPDATED")
MOST_REPEATS = 30
ENDINGS = {"succeeded", "refunded", "cancelled", "expired", "failed"}

_counter = itertools.count()
_seen: Counter[str] = Counter()
_folder = TemporaryDirectory(prefix="openteller-machine-")
_wall = WallClock()
_bank = make_bank(Path(_folder.name), _wall)
_app = create_app(_bank)


class Link(NamedTuple):
    """A payment link. app: whose; number: the account that is behind it."""

    app: int
    payment_id: str
    url: str
    number: str


class PaymentLife(RuleBasedStateMachine):
    """Two apps of one world and several browsers."""

    links = Bundle("links")
    pages = Bundle("pages")
    server: Receiver

    @initialize()
    def begin(self) -> None:
        self.stack = ExitStack()
        self.server = self.stack.enter_context(receiver())
        client = _app.test_client(use_cookies=False)
        self.one = make_partner(client)
        self.apps = (self.one, make_partner(client, headers=self.one.headers, join="world"))
        self.world_id = self.one.app["world_id"]
        self.audit = Audit(world_id=self.world_id, outbox=True)
        for partner in self.apps:
            endpoint = {"url": self.server.url, "event_types": ["*"]}
            assert partner.post("/v1/webhook-endpoints", endpoint, key=None).status_code == 201
        self.biller_ids = {code: self.one.biller(code)["biller_id"] for code in (POWER, PROPERTY, TOP_UP)}
        self.inputs = {code: _inputs(self.one, biller_id) for code, biller_id in self.biller_ids.items()}

    def send(self, partner: Partner, path: str, body: Any = None) -> TestResponse:
        """Send as a partner does: with one key, until an answer comes whole that is no fault of the bank."""
        key = f"machine-{next(_counter)}"
        for _ in range(MOST_REPEATS):
            answer = partner.post(path, body, key=key)
            if answer.status_code != 500 and int(answer.headers["Content-Length"]) == len(answer.data):
                return answer
            _seen["lost or broken"] += 1
        raise AssertionError("faults end")

    @rule(
        target=links,
        app=st.integers(0, 1),
        code=st.sampled_from([POWER, POWER, PROPERTY]),
        scenario=st.sampled_from(SCENARIOS),
        several=st.booleans(),
        expires_in=st.sampled_from([60, 3600, 86_400]),
    )
    def fetch_and_link(self, app: int, code: str, scenario: str, several: bool, expires_in: int) -> Link:
        partner, inputs = self.apps[app], self.inputs[code][scenario]
        asked = {
            "biller_id": self.biller_ids[code],
            "inputs": inputs,
            "end_user_ref": f"user-of-machine-{next(_counter)}",
        }
        fetched = self.send(partner, "/v1/bill-fetches", asked)
        assert fetched.status_code in {201, 202, 409, 429, 502}, fetched.text  # 429: this account, enough for a day
        bills = [bill["bill_id"] for bill in fetched.json.get("bills", [])]
        form: dict[str, Any] = {"biller_id": self.biller_ids[code]}
        if bills:
            form = {"bill_ids": bills if several else bills[:1]}
        form |= {"partner_reference": f"m-{next(_counter)}", "expires_in": expires_in}
        made = self.send(partner, "/v1/payments", form)
        if made.status_code != 201:
            _seen[f"refused: {made.json['code']}"] += 1
            assert made.json["code"] in {"BILL_ALREADY_PAID", "BILLS_NOT_PAYABLE_TOGETHER"}, made.text
            open_link = {"partner_reference": f"m-{next(_counter)}", "expires_in": expires_in}
            made = self.send(partner, "/v1/payments", open_link)
        return self._link(app, made, inputs)

    @rule(target=links, app=st.integers(0, 1), scenario=st.sampled_from(SCENARIOS))
    def link_directly(self, app: int, scenario: str) -> Link:
        inputs = self.inputs[TOP_UP].get(scenario, self.inputs[TOP_UP]["DUE_BILL"])
        form = {
            "biller_id": self.biller_ids[TOP_UP],
            "inputs": inputs,
            "amount": {"amount": "50.00", "currency": "CNY"},
        }
        made = self.send(self.apps[app], "/v1/payments", {"partner_reference": f"m-{next(_counter)}", **form})
        return self._link(app, made, inputs)

    def _link(self, app: int, made: TestResponse, inputs: dict[str, str]) -> Link:
        assert made.status_code == 201, made.text
        return Link(app, made.json["payment_id"], made.json["payment_link"]["url"], next(iter(inputs.values())))

    @rule(target=pages, link=links)
    def open_page(self, link: Link) -> tuple[Payer, str]:
        page = Payer(_app.test_client(), link.url)
        if page.step == "start":
            page.send("start")
        return page, link.number

    @rule(
        page=pages,
        who=st.sampled_from([RICH, RICH, POOR, ("62000001", "000000")]),
        steps=st.integers(1, 7),
        part=st.booleans(),
    )
    def go_on(self, page: tuple[Payer, str], who: tuple[str, str], steps: int, part: bool) -> None:
        payer, number = page
        fill = {
            "sign_in": {"customer_number": who[0], "demo_code": who[1]},
            "digits": {"digits": number[-4:]},
            "account": {"in_account_number": number},
            "place": {"category_code": "ELECTRICITY", "adcode": "310000"},
            "amount": {"amount": "30.00"},
        }
        going = {"start", "sign_in", "digits", "account", "bills", "amount", "confirm", "retry", "place", "biller"}
        payer.open()
        for _ in range(steps):
            if part and payer.step == "confirm" and "change_amount" in payer.forms:
                payer.send("change_amount")
                part = False
            if payer.step in going:
                payer.send(payer.step, **fill.get(payer.step, {}))
            assert payer.answer.status_code in {200, 404, 409, 410, 422, 429, 502, 503}, payer.text

    @rule(target=links, app=st.integers(0, 1), scenario=st.sampled_from(SCENARIOS), part=st.booleans())
    def link_and_pay(self, app: int, scenario: str, part: bool) -> Link:
        link = self.fetch_and_link(app, PROPERTY if part else POWER, scenario, several=not part, expires_in=3600)
        self.go_on((Payer(_app.test_client(), link.url), link.number), RICH, 8, part)
        return link

    @rule(target=links, app=st.integers(0, 1), scenario=st.sampled_from(SCENARIOS))
    def top_up(self, app: int, scenario: str) -> Link:
        link = self.link_directly(app, scenario)
        self.go_on((Payer(_app.test_client(), link.url), link.number), RICH, 6, part=False)
        return link

    @rule(link=links)
    def guess_codes(self, link: Link) -> None:
        self.go_on((Payer(_app.test_client(), link.url), link.number), ("62000003", "000000"), 8, part=False)

    @rule(page=pages, way=st.sampled_from(["again", "leave", "language"]))
    def go_back(self, page: tuple[Payer, str], way: str) -> None:
        page[0].open()
        if way in page[0].forms:
            page[0].send(way)
        assert page[0].answer.status_code < 500, page[0].text

    @rule(link=links)
    def cancel(self, link: Link) -> None:
        answer = self.send(self.apps[link.app], f"/v1/payments/{link.payment_id}:cancel")
        assert answer.status_code in {200, 409}

    @rule(link=links, type_=st.sampled_from(DISPUTES))
    def dispute(self, link: Link, type_: str) -> None:
        answer = self.send(self.apps[link.app], "/v1/disputes", {"payment_id": link.payment_id, "type": type_})
        assert answer.status_code in {201, 409}, answer.text
        _seen[f"dispute {answer.status_code}"] += 1

    @rule(link=links, to=st.sampled_from(sorted(Status)))
    def drive(self, link: Link, to: Status) -> None:
        path = f"/sandbox/v1/payments/{link.payment_id}:transition"
        answer = self.apps[link.app].post(path, {"to": to.value}, key=None)
        assert answer.status_code in {200, 409}, answer.text
        _seen[f"driven {answer.status_code}"] += 1

    @rule(
        leg=st.sampled_from(LEGS),
        effect=st.sampled_from(LEG_EFFECTS),
        times=st.integers(1, 4),
        probability=st.sampled_from(["0.3", "0.9", None]),
    )
    def fail_on_a_leg(self, leg: str, effect: dict[str, Any], times: int, probability: str | None) -> None:
        self._order({"leg": leg}, effect, times, probability)

    @rule(
        operation_id=st.sampled_from(OPERATIONS),
        effect=st.sampled_from(OPERATION_EFFECTS),
        times=st.integers(1, 4),
        probability=st.sampled_from(["0.3", None]),
    )
    def fail_at_the_counter(
        self, operation_id: str, effect: dict[str, Any], times: int, probability: str | None
    ) -> None:
        self._order({"operation_id": operation_id}, effect, times, probability)

    def _order(self, match: dict[str, str], effect: dict[str, Any], times: int, probability: str | None) -> None:
        body = {
            "match": match,
            "effect": effect,
            "times": times,
            **({"probability": probability} if probability else {}),
        }
        answer = self.one.post("/sandbox/v1/faults", body, key=None)
        assert answer.status_code == 201, answer.text
        _seen["faults"] += 1

    @rule(seconds=st.sampled_from([1, 40, 61, 301, 3600, 7300, 30_000, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.one.advance(seconds=seconds)

    @rule(seconds=st.sampled_from([-7200, -61, -1, 1, 61, 7200]))
    def somebody_sets_the_clock(self, seconds: int) -> None:
        _wall.advance(seconds)
        due.run_all(_bank, most=1000)
        for partner in self.apps:
            _renew(partner)

    @invariant()
    def the_books_are_right(self) -> None:
        if hasattr(self, "audit"):
            with _bank.db.act() as tx:
                assert self.audit.look(tx) == []

    def teardown(self) -> None:
        if not hasattr(self, "apps"):
            return
        with self.stack:
            for fault in self.one.get("/sandbox/v1/faults", limit=100).json["data"]:
                _seen[f"struck {fault['match'].get('leg', 'operation')}"] += fault["hits"]
                self.one.client.delete(f"/sandbox/v1/faults/{fault['fault_id']}", headers=self.one.headers)
            for _ in range(6):
                self.one.advance(seconds=86_400)
            self.the_books_are_right()
            self._has_ended_well()

    def _has_ended_well(self) -> None:
        """Nothing is under way, the biller has what our books say it has, and every event was told once."""
        tx = _bank.db.read()
        for payment_id, status in self.audit.statuses.items():
            assert status in FINAL, (payment_id, status)
            row = tx.one(books.FIND, w=self.world_id, p=payment_id)
            times = row["times"] - row["taken_back"] if row and row["state"] == "POSTED" else 0
            assert times == (status is Status.SUCCEEDED), (payment_id, status, dict(row) if row else None)
            _seen[status] += 1
        for history in self.audit.histories.values():
            _seen.update(f"via {name}" for name, _ in history)
        told = [event for partner in self.apps for event in _all_events(partner)]
        came = Counter(self.server.events)
        assert set(came.values()) <= {1}
        assert {event["event_id"] for event in told if event["type"] != "rates.updated"} >= set(came)
        assert len(came) >= sum(event["type"].startswith("payment.") for event in told)


def _inputs(partner: Partner, biller_id: str) -> dict[str, dict[str, str]]:
    """Give the magic inputs of a biller, the ordinary ones for a scenario that it cannot play."""
    values = partner.get("/sandbox/v1/magic-values", biller_id=biller_id).json["data"]
    found = {value["scenario"]: dict(value["inputs"]) for value in values}
    return {name: found.get(name, found["DUE_BILL"]) for name in SCENARIOS}


def _all_events(partner: Partner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    path: str | None = "/v1/events?limit=100"
    while path:
        page = partner.client.get(path, headers=partner.headers).json
        found += page["data"]
        path = page["links"]["next"]
    return found


def _renew(partner: Partner) -> None:
    """Fetch a new token: they live in wall time."""
    form, credentials = {"grant_type": "client_credentials"}, (partner.app["client_id"], partner.app["client_secret"])
    token = partner.client.post("/oauth/token", data=form, auth=credentials)
    assert token.status_code == 200, token.text
    partner.headers["Authorization"] = f"Bearer {token.json['access_token']}"


def run(**how: Any) -> None:
    """Walk; and one that never pays would show nothing, so each way of ending, and of going there, must occur."""
    _seen.clear()
    run_state_machine_as_test(PaymentLife, settings=settings(deadline=None, **how))
    assert {status for status in ENDINGS if _seen[status]} == ENDINGS, _seen
    assert all(_seen[f"via {status}"] for status in Status if status is not Status.REFUND_FAILED), _seen
    assert _seen["dispute 201"] and _seen["driven 200"] and _seen["lost or broken"], _seen


def test_a_payments_whole_life_at_random_keeps_the_books_right() -> None:
    """The same walk in every run."""
    run(max_examples=20, stateful_step_count=18, derandomize=True)


@pytest.mark.soak
def test_a_payments_whole_life_at_random_keeps_the_books_right_for_long() -> None:
    """Another walk in every run."""
    run(max_examples=400, stateful_step_count=40, print_blob=True)
    assert _seen["via refund_failed"], _seen
