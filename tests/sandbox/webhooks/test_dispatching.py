"""Dispatchers at work: beside a server, several at once, killed, stopped, with a database that fails."""

from __future__ import annotations

import queue
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MORNING, Partner, WallClock, make_bank, make_partner
from tests.linked import link_customer
from tests.receivers import PATIENCE_S, Answering, Received, Receiver, receiver
from tests.sandbox.webhooks.conftest import attempts, deliveries, happen
from tests.sdk import processes

from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import Clock
from openteller_sandbox.db import EngineError
from openteller_sandbox.settings import RateLimits, Settings
from openteller_sandbox.webhooks.crew import SLOW_MS, Claim, Crew, Standing, _Lane
from openteller_sandbox.webhooks.dispatcher import (
    LEASE_MS,
    MOST_CLAIMED,
    MOST_CLAIMED_FOR_AN_ENDPOINT,
    MOST_IN_FLIGHT,
    MOST_TRIED,
    Dispatcher,
)
from openteller_sandbox.webhooks.sender import Attempt, Outgoing, Sender

ENDS = time.monotonic


@pytest.fixture
def wall() -> WallClock:
    return WallClock()


@pytest.fixture
def bank(tmp_path: Path, wall: WallClock, engine: str) -> Iterator[Bank]:
    """A bank of the test's own: a dispatcher sends what is due in every world."""
    opened = make_bank(tmp_path, wall, engine=engine)
    yield opened
    opened.db.close()


@pytest.fixture
def partner(bank: Bank) -> Partner:
    return make_partner(create_app(bank).test_client(use_cookies=False))


def endpoint(partner: Partner, url: str) -> str:
    made = partner.post("/v1/webhook-endpoints", {"url": url, "event_types": ["payment.*"]})
    return str(made.json["webhook_endpoint_id"])


@contextmanager
def dispatching(
    bank: Bank, count: int = 1, *, trusting: Partner | None = None, **options: Any
) -> Iterator[list[Dispatcher]]:
    dispatchers = [Dispatcher(bank, **options) for _ in range(count)]
    for each in dispatchers:
        if trusting:
            trust(each, trusting)
        each.start()
    try:
        yield dispatchers
    finally:
        for each in dispatchers:
            each.stop()
            each.close()
        bank.dispatching = False


def trust(dispatcher: Dispatcher, partner: Partner) -> None:
    """As if the servers of a partner's endpoints had answered before."""
    for one in partner.get("/v1/webhook-endpoints").json["data"]:
        lane = dispatcher._crew._lanes[one["webhook_endpoint_id"]] = _Lane(partner.app["world_id"])
        lane.learn(Attempt("DELIVERED"))


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other threads bring about."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        threading.Event().wait(0.01)


pytestmark = pytest.mark.both_engines


def test_what_happens_is_sent_at_once(bank: Bank, partner: Partner, server: Receiver) -> None:
    endpoint(partner, server.url)
    with dispatching(bank) as (dispatcher,):
        for _ in range(3):
            (event,) = happen(bank, partner.app)
            dispatcher.wake()
            (received,) = server.wait_for(1)
            assert received.event["event_id"] == event
    assert [each["status"] for each in deliveries(partner)] == ["DELIVERED"] * 3


def test_what_another_process_writes_is_found_without_a_call(bank: Bank, partner: Partner, server: Receiver) -> None:
    endpoint(partner, server.url)
    with dispatching(bank):
        happen(bank, partner.app)
        server.wait_for(1)


def test_two_dispatchers_share_the_work_and_nothing_is_sent_twice(
    bank: Bank, partner: Partner, server: Receiver
) -> None:
    for _ in range(4):
        endpoint(partner, server.url)
    events = happen(bank, partner.app, 60)
    with dispatching(bank, 2):
        server.wait_for(240)
        until(lambda: not deliveries(partner, status="PENDING"))
    assert Counter(server.events) == Counter(dict.fromkeys(events, 4))
    assert len({each.webhook_id for each in server.got}) == 240


def test_claims_of_two_dispatchers_never_meet(bank: Bank, partner: Partner, server: Receiver) -> None:
    """The race itself: both have looked, and one comes second with its claim."""
    endpoint(partner, server.url)
    happen(bank, partner.app, MOST_CLAIMED_FOR_AN_ENDPOINT + 2)
    one, other = Dispatcher(bank), Dispatcher(bank)
    for each in (one, other):
        trust(each, partner)
    seen_by_both = one._endpoints_with_work()
    with bank.db.act(partner.app["world_id"]) as tx:
        first = one.claim(tx, seen_by_both, MOST_CLAIMED)
    with bank.db.act(partner.app["world_id"]) as tx:
        second = other.claim(tx, seen_by_both, MOST_CLAIMED)
    assert len(first) == MOST_CLAIMED_FOR_AN_ENDPOINT
    assert len(second) == 2
    assert not {each.webhook_delivery_id for each in first} & {each.webhook_delivery_id for each in second}


def test_who_dies_between_claim_and_record_loses_nothing(
    bank: Bank, partner: Partner, server: Receiver, wall: WallClock
) -> None:
    endpoint(partner, server.url)
    happen(bank, partner.app, 3)
    dead, heir = Dispatcher(bank), Dispatcher(bank)
    trust(dead, partner)
    with bank.db.act(partner.app["world_id"]) as tx:
        claimed = dead.claim(tx, dead._endpoints_with_work(), MOST_IN_FLIGHT)
    assert len(claimed) == 3
    assert heir._endpoints_with_work() == [], "they are somebody's"
    wall.advance(LEASE_MS / 1000)
    world = World(partner.app["world_id"])
    heir.deliver_world(world, time.monotonic() + PATIENCE_S)
    assert len(server.got) == 3
    assert [each["status"] for each in deliveries(partner)] == ["DELIVERED"] * 3
    heir.close()


def test_a_result_that_comes_after_the_claim_has_expired_is_not_written(
    bank: Bank, partner: Partner, server: Receiver, wall: WallClock
) -> None:
    endpoint(partner, server.url)
    happen(bank, partner.app)
    world_id = partner.app["world_id"]
    slow, quick = Dispatcher(bank), Dispatcher(bank)
    with bank.db.act(world_id) as tx:
        (late,) = slow.claim(tx, slow._endpoints_with_work(), 1)
    wall.advance(LEASE_MS / 1000)
    with bank.db.act(world_id) as tx:
        (again,) = quick.claim(tx, quick._endpoints_with_work(), 1)
    with bank.db.act(world_id) as tx:
        slow.record(tx, [(late, Attempt("REFUSED", status_code=500))])
        quick.record(tx, [(again, Attempt("DELIVERED", status_code=204))])
        slow.record(tx, [(late, Attempt("REFUSED", status_code=500))])
    (delivery,) = deliveries(partner)
    assert (delivery["status"], delivery["attempt_count"]) == ("DELIVERED", 1)
    assert [each["outcome"] for each in attempts(partner, delivery)] == ["DELIVERED"]


def test_what_is_stopped_or_removed_while_on_its_way_stays_so(bank: Bank, partner: Partner) -> None:
    held, removed = endpoint(partner, "http://127.0.0.1:9/"), endpoint(partner, "http://127.0.0.1:9/")
    happen(bank, partner.app)
    dispatcher = Dispatcher(bank)
    with bank.db.act(partner.app["world_id"]) as tx:
        claims = dispatcher.claim(tx, dispatcher._endpoints_with_work(), MOST_IN_FLIGHT)
    assert len(claims) == 2
    client, headers = partner.client, partner.headers
    assert client.patch(f"/v1/webhook-endpoints/{held}", json={"enabled": False}, headers=headers).status_code == 200
    assert client.delete(f"/v1/webhook-endpoints/{removed}", headers=headers).status_code == 204
    with bank.db.act(partner.app["world_id"]) as tx:
        dispatcher.record(tx, [(claim, Attempt("REFUSED", status_code=500)) for claim in claims])
    (delivery,) = deliveries(partner)
    assert (delivery["status"], delivery["attempt_count"]) == ("DISABLED", 1)
    assert "next_attempt_at" not in delivery


def test_sending_again_while_an_attempt_is_on_its_way_sends_again(
    bank: Bank, partner: Partner, server: Receiver
) -> None:
    endpoint(partner, server.url)
    happen(bank, partner.app)
    dispatcher = Dispatcher(bank)
    with bank.db.act(partner.app["world_id"]) as tx:
        (claim,) = dispatcher.claim(tx, dispatcher._endpoints_with_work(), 1)
    (delivery,) = deliveries(partner)
    assert partner.post(f"/sandbox/v1/webhook-deliveries/{delivery['webhook_delivery_id']}:resend").status_code == 200
    with bank.db.act(partner.app["world_id"]) as tx:
        dispatcher.record(tx, [(claim, Attempt("DELIVERED", status_code=204))])
    dispatcher.deliver_world(World(partner.app["world_id"]), time.monotonic() + PATIENCE_S)
    dispatcher.close()
    assert len(server.got) == 1
    assert deliveries(partner)[0]["status"] == "DELIVERED"


@pytest.mark.abuse("webhooks", "keeps other partners' events waiting with a server that does not answer")
def test_a_server_that_does_not_answer_holds_up_nobody_else(bank: Bank, partner: Partner, server: Receiver) -> None:
    """Sixteen at once could all wait for one server; one may."""
    endpoint(partner, "http://127.0.0.1:9/silent")
    endpoint(partner, server.url)
    release, waiting, most = threading.Event(), Counter[str](), Counter[str]()
    plain = Sender(allow_loopback=True)

    def send(outgoing: Outgoing) -> Attempt:
        if "silent" not in outgoing.url:
            return plain(outgoing)
        waiting["silent"] += 1
        most["silent"] = max(most["silent"], waiting["silent"])
        release.wait(PATIENCE_S)
        waiting["silent"] -= 1
        return Attempt("TIMED_OUT", 15_000)

    happen(bank, partner.app, 40)
    with dispatching(bank, send=send):
        server.wait_for(40)
        release.set()
        until(lambda: len(deliveries(partner, status="DELIVERED")) == 40)
    plain.close()
    assert most["silent"] == 1


class Silent:
    """Sends, and keeps what goes to silent servers until it is let go. heard: what waits there."""

    def __init__(self) -> None:
        self.plain = Sender(allow_loopback=True)
        self.lock = threading.Lock()
        self.heard = self.most = 0
        self.let_go = threading.Event()

    def __call__(self, outgoing: Outgoing) -> Attempt:
        if "silent" not in outgoing.url:
            return self.plain(outgoing)
        with self.lock:
            self.heard += 1
            self.most = max(self.most, self.heard)
        assert self.let_go.wait(PATIENCE_S * 4)
        with self.lock:
            self.heard -= 1
        return Attempt("TIMED_OUT", 15_000)


@pytest.fixture
def silent() -> Iterator[Silent]:
    found = Silent()
    yield found
    found.let_go.set()
    found.plain.close()


def silent_partners(bank: Bank) -> list[Partner]:
    """Four apps of nobody's, with sixteen endpoints each that accept and say nothing."""
    client = create_app(bank).test_client(use_cookies=False)
    partners = [make_partner(client) for _ in range(4)]
    for each in partners:
        for number in range(16):
            endpoint(each, f"http://127.0.0.1:9/silent/{number}")
    return partners


@pytest.mark.abuse("webhooks", "keeps other partners' events waiting with many servers that do not answer")
def test_many_silent_servers_hold_up_nobody_whose_server_answers(
    bank: Bank, partner: Partner, server: Receiver, silent: Silent
) -> None:
    endpoint(partner, server.url)
    attackers = silent_partners(bank)
    with dispatching(bank, send=silent):
        happen(bank, partner.app)
        server.wait_for(1)
        for each in attackers:
            happen(bank, each.app, 2)
        until(lambda: silent.heard == MOST_TRIED[Standing.NEW])
        happen(bank, partner.app, 20)
        server.wait_for(20)
        assert silent.heard == silent.most == MOST_TRIED[Standing.NEW], "all that while"
        silent.let_go.set()


@pytest.mark.abuse("webhooks", "keeps a new partner's first events waiting with many servers that do not answer")
def test_servers_that_are_known_to_be_silent_hold_up_no_newcomer(
    bank: Bank, partner: Partner, server: Receiver, silent: Silent
) -> None:
    attackers = silent_partners(bank)
    silent.let_go.set()  # their time is over at once
    with dispatching(bank, send=silent):
        for each in attackers:
            happen(bank, each.app)
        until(lambda: all(len(deliveries(each, status="RETRYING")) == 16 for each in attackers))
        assert silent.most <= MOST_TRIED[Standing.NEW] + MOST_TRIED[Standing.SLOW]
        silent.let_go.clear()
        silent.most = 0
        for each in attackers:
            happen(bank, each.app, 2)
        until(lambda: silent.heard == MOST_TRIED[Standing.SLOW])
        endpoint(partner, server.url)
        happen(bank, partner.app, 5)
        server.wait_for(5)
        assert silent.heard == silent.most == MOST_TRIED[Standing.SLOW], "all that while"
        silent.let_go.set()


def test_who_was_slow_is_trusted_again_after_ever_more_answers() -> None:
    crew = Crew(lambda _: Attempt("DELIVERED"), threads=1, most_for_one=4, most_in_flight=8)
    lane = crew._lanes["whe_1"] = _Lane("wld_1")

    def answers_until_trusted() -> int:
        for count in range(1000):
            if crew.standing("whe_1", "wld_1") is Standing.TRUSTED:
                return count
            crew._learn(lane, Attempt("DELIVERED", 5))
        raise AssertionError

    assert crew.standing("whe_1", "wld_1") is crew.standing("whe_2", "wld_1") is Standing.NEW
    assert answers_until_trusted() == 1
    counts = []
    for _ in range(8):
        crew._learn(lane, Attempt("TIMED_OUT", 15_000))
        assert crew.standing("whe_1", "wld_1") is crew.standing("whe_2", "wld_1") is Standing.SLOW
        counts.append(answers_until_trusted())
    assert counts == [2, 4, 8, 16, 32, 64, 64, 64]
    assert crew.standing("whe_2", "wld_1") is Standing.NEW
    crew._learn(lane, Attempt("DELIVERED", SLOW_MS + 1))
    assert (crew.standing("whe_1", "wld_1"), answers_until_trusted()) == (Standing.SLOW, 1)


def test_a_database_that_fails_for_a_while_delays_results_and_loses_none(
    bank: Bank, partner: Partner, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint(partner, server.url)
    happen(bank, partner.app, 5)
    act, failures = bank.db.act, iter([False, True, True, False, True])

    def flaky(*arguments: Any) -> Any:
        if next(failures, False):
            raise EngineError("database or disk is full")
        return act(*arguments)

    monkeypatch.setattr(bank.db, "act", flaky)
    with dispatching(bank) as (dispatcher,):
        server.wait_for(5)
        dispatcher.wake()
        until(lambda: len(deliveries(partner, status="DELIVERED")) == 5)
    assert len(server.got) == 5, "nothing twice: results were kept until they could be written"


def test_what_cannot_be_recorded_holds_up_what_is_sent(
    bank: Bank, partner: Partner, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing can be written down, no more is sent than a kill may send twice."""
    for _ in range(4):
        endpoint(partner, server.url)
    happen(bank, partner.app, 20)
    act, claimed = bank.db.act, threading.Event()

    def once(*arguments: Any) -> Any:
        if claimed.is_set():
            raise EngineError("database or disk is full")
        claimed.set()
        return act(*arguments)

    monkeypatch.setattr(bank.db, "act", once)
    with dispatching(bank, trusting=partner):
        server.wait_for(MOST_IN_FLIGHT)
        with pytest.raises(queue.Empty):
            server.came.get(timeout=0.2)
        monkeypatch.setattr(bank.db, "act", act)
        server.wait_for(80 - MOST_IN_FLIGHT)
        until(lambda: len(deliveries(partner, status="DELIVERED")) == 80)
    assert len(server.got) == 80


def test_a_claim_that_has_waited_for_too_long_is_given_back_and_not_sent(
    bank: Bank, partner: Partner, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could expire on its way, and somebody else would send it, too."""
    endpoint(partner, server.url)
    happen(bank, partner.app, 3)
    claim_of = Dispatcher._claim_of
    expired: list[str] = []

    def late(self: Dispatcher, *arguments: Any) -> list[Claim]:
        claims = claim_of(self, *arguments)
        if expired:
            return claims
        expired.extend(claim.webhook_delivery_id for claim in claims)
        return [replace(claim, good_until=time.monotonic()) for claim in claims]

    monkeypatch.setattr(Dispatcher, "_claim_of", late)
    with dispatching(bank, trusting=partner):
        server.wait_for(3)
        until(lambda: len(deliveries(partner, status="DELIVERED")) == 3)
    assert sorted(expired) == sorted(each.webhook_id for each in server.got)
    assert [each["attempt_count"] for each in deliveries(partner)] == [1] * 3


def test_a_dispatcher_that_is_stopped_gives_free_what_it_could_not_end(bank: Bank, partner: Partner) -> None:
    endpoint(partner, "http://127.0.0.1:9/")
    happen(bank, partner.app)
    began, release = threading.Event(), threading.Event()

    def hang(_: Outgoing) -> Attempt:
        began.set()
        release.wait(PATIENCE_S)
        return Attempt("DELIVERED")

    with dispatching(bank, send=hang):
        assert began.wait(PATIENCE_S)
    assert [each.webhook_endpoint_id for each in _claimable(bank, partner)], "at once, not when the claim expires"
    release.set()


def _claimable(bank: Bank, partner: Partner) -> list[Any]:
    other = Dispatcher(bank)
    with bank.db.act(partner.app["world_id"]) as tx:
        return other.claim(tx, other._endpoints_with_work(), MOST_IN_FLIGHT)


# --- processes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def _real_bank(database: str) -> Bank:
    """A bank whose clocks run: what a process of its own sees is not the test's frozen time."""
    clock = Clock()
    settings = Settings(database=database, rate_limits=RateLimits(app=10**6, anonymous=10**6))
    return create_bank(settings, Clock(MORNING - clock.wall()))


def test_dispatchers_that_are_killed_again_and_again_lose_nothing(bank: Bank, folder: Path, engine: str) -> None:
    """Kills of a dispatcher at random moments. Every event arrives; twice at most what was on its way. Of a consent
    that ends soon it tells once.
    """
    database = bank.settings.database
    bank.db.close()
    opened = _real_bank(database)
    partner = make_partner(create_app(opened).test_client(use_cookies=False))
    warned = make_partner(partner.client)
    link_customer(warned, lasts_seconds=86_400)
    chance = random.Random(20260929)

    def answer(_: Received) -> Answering:
        threading.Event().wait(0.003)
        return Answering()

    kills = 6
    with receiver(answer) as server:
        endpoint(partner, server.url)
        events: list[str] = []
        for _ in range(kills):
            events += happen(opened, partner.app, 40)
            with processes.running(
                "sandbox", "dispatch", "--database", database, "--lease", "1", cwd=folder
            ) as process:
                server.wait_for(1 + chance.randrange(12))
                process.end(signal.SIGKILL)
        with processes.running("sandbox", "dispatch", "--database", database, "--lease", "1", cwd=folder) as process:
            until(lambda: len(set(server.events)) == len(events))
            until(lambda: not deliveries(partner, status="PENDING"))
            until(lambda: bool(warned.events()))
            code, said = process.end(signal.SIGTERM)
        assert code == 0, said
        assert [event["type"] for event in warned.events()] == ["consent.expiring"]
        assert set(server.events) == set(events)
        assert len(server.events) - len(events) <= kills * MOST_IN_FLIGHT
    opened.db.close()


def test_a_dispatcher_without_a_database_says_so_in_one_line(folder: Path, engine: str) -> None:
    done = processes.run("sandbox", "dispatch", "--database", str(folder / "nothing.db"), cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: there is no database")
    assert not (folder / "nothing.db").exists()
