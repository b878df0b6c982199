"""Somebody sets the clock of the bank's machine, forward or back: what is due waits or comes at once, and the books are
right."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from tests.conftest import MORNING, Partner, WallClock, make_bank, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.receivers import Answering, Receiver, receiver
from tests.simulation.audit import Audit

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.due import service as due
from openteller_sandbox.webhooks import service as webhooks
from openteller_sandbox.webhooks.sender import Attempt, Outgoing

TOP_UP = "CN-MOBILE_TOPUP-01"
SCENARIOS = ("DUE_BILL", "TIMEOUT_SUCCEEDED", "TIMEOUT_REFUNDED", "TIMEOUT_LATE", "REVERSED", "UNANSWERED_POSTED")
HOUR, DAY = 3600, 86_400


class Stepped:
    """A bank whose clock is set, and looked at after each step."""

    def __init__(self, bank: Bank, wall: WallClock) -> None:
        self.bank, self.wall, self.audit = bank, wall, Audit()
        self.client = create_app(bank).test_client(use_cookies=False)
        self.partner: Partner = make_partner(self.client)

    def pay(self, reference: str, scenario: str) -> str:
        """Have a top-up paid; give the payment."""
        body = {
            "partner_reference": reference,
            "biller_id": self.partner.biller(TOP_UP)["biller_id"],
            "inputs": self.partner.magic(TOP_UP, scenario),
            "amount": {"amount": "50.00", "currency": "CNY"},
        }
        made = self.partner.post("/v1/payments", body, key=reference)
        assert made.status_code == 201, made.text
        DirectPayer(self.bank).pay(made.json["payment_id"])
        return str(made.json["payment_id"])

    def step(self, seconds: int) -> None:
        """Set the clock, do what is due by then as a server would, and look at the books."""
        self.wall.advance(seconds)
        while due.run_all(self.bank, most=200):
            pass
        with self.bank.db.act() as tx:
            assert self.audit.look(tx) == []
        app = self.partner.app
        form, credentials = {"grant_type": "client_credentials"}, (app["client_id"], app["client_secret"])
        token = self.client.post("/oauth/token", data=form, auth=credentials)
        assert token.status_code == 200, token.text
        self.partner.headers["Authorization"] = f"Bearer {token.json['access_token']}"


@pytest.fixture
def stepped(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Stepped]:
    wall = WallClock(MORNING)
    bank = make_bank(tmp_path_factory.mktemp("stepped"), wall, engine=engine)
    yield Stepped(bank, wall)
    bank.db.close()


@pytest.mark.both_engines
@pytest.mark.parametrize("seconds", [DAY, -DAY, 20 * DAY, -HOUR])
def test_after_a_step_of_the_clock_every_payment_ends_as_it_would_have(stepped: Stepped, seconds: int) -> None:
    before = {scenario: stepped.pay(f"before-{scenario}", scenario) for scenario in SCENARIOS}
    stepped.step(seconds)
    after = {scenario: stepped.pay(f"after-{scenario}", scenario) for scenario in SCENARIOS}
    stepped.step(-seconds)
    for _ in range(4):
        stepped.step(DAY)
    expected = {"DUE_BILL": "succeeded", "TIMEOUT_SUCCEEDED": "succeeded", "UNANSWERED_POSTED": "succeeded"}
    if seconds > 0:  # what was paid in what is the future again is due there
        stepped.step(seconds)
        stepped.step(DAY)
    for payments in (before, after):
        ends = {scenario: stepped.partner.payment(payment_id)["status"] for scenario, payment_id in payments.items()}
        assert ends == {scenario: expected.get(scenario, "refunded") for scenario in SCENARIOS}


def test_a_clock_that_is_set_at_random_loses_and_doubles_nothing(stepped: Stepped) -> None:
    random = Random(7)
    for number in range(40):
        stepped.pay(f"random-{number}", random.choice(SCENARIOS))
        stepped.step(random.choice([1, 61, HOUR, DAY, -1, -61, -HOUR, -DAY]))
    for _ in range(15):
        stepped.step(DAY)
    assert set(stepped.audit.statuses.values()) == {"succeeded", "refunded"}
    assert len(stepped.audit.statuses) == 40


def test_a_key_is_good_for_its_payment_whatever_the_clock_says_meanwhile(stepped: Stepped) -> None:
    first = stepped.partner.post("/v1/payments", {"partner_reference": "order"}, key="order")
    stepped.step(-DAY)
    again = stepped.partner.post("/v1/payments", {"partner_reference": "order"}, key="order")
    assert (again.status_code, again.json["payment_id"]) == (201, first.json["payment_id"])


def test_what_a_dispatcher_held_when_it_died_is_sent_though_the_clock_was_set_back(stepped: Stepped) -> None:
    """Its claim would hold until the old time comes again."""
    with receiver(lambda _: Answering()) as server:
        assert isinstance(server, Receiver)
        assert stepped.partner.post("/v1/webhook-endpoints", {"url": server.url}, key=None).status_code == 201
        stepped.partner.post("/v1/payments", {"partner_reference": "order"})
        world = World(stepped.partner.app["world_id"])

        class Killed(BaseException):
            """The dispatcher is gone."""

        def die(_: Outgoing) -> Attempt:
            raise Killed

        dying = webhooks.dispatcher(stepped.bank)
        dying._send = die
        with pytest.raises(Killed):
            dying.deliver_world(world, 2**62)
        stepped.step(-HOUR)
        stepped.partner.advance(seconds=2 * HOUR)
        assert [received.event["type"] for received in server.got] == ["payment.created"]
