"""`rate.changed`: each world is told once of each sheet, when it takes effect in that world's bank time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.sandbox.rate_counter import DEMO_DAY, Counter

from openteller_sandbox import clock
from openteller_sandbox.bank import ANONYMOUS, Caller, Due, World
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.partners import service as partners
from openteller_sandbox.rates import following, service
from openteller_sandbox.worlds import service as worlds

AFTERNOON, EVENING = (clock.parse(f"2026-09-29T{time}:00+08:00") for time in ("14:00", "22:15"))


@pytest.fixture(scope="module")
def writable(tmp_path_factory: pytest.TempPathFactory) -> Counter:
    return Counter(tmp_path_factory.mktemp("following") / "bank.db")


@pytest.fixture
def following_counter(writable: Counter) -> Iterator[Counter]:
    """One bank for all, in which each test has worlds of its own; its clock is put back."""
    with writable.at(DEMO_DAY):
        yield writable


def new_app(counter: Counter, caller: Caller = ANONYMOUS, join: str = "none") -> tuple[str, World]:
    made = partners.create(counter.bank, caller, name="App", scopes=["sandbox"], return_urls=[], join=join)
    return made.app.app_id, made.world


def follow_afresh(counter: Counter, world: World) -> None:
    """As at the making of a world, whether or not that has done it already."""
    with counter.bank.db.act() as tx:
        due.reset(tx, world.world_id)
        following.follow(tx, world, counter.bank.now(world))


def told(counter: Counter, app_id: str) -> list[dict[str, Any]]:
    rows = events.page(counter.bank.db.read(), app_id, after=None, type_="rate.changed", count=100)
    return [json.loads(wire) for _, wire in rows or []]


def test_an_app_is_told_of_each_board_when_it_takes_effect(following_counter: Counter) -> None:
    counter = following_counter
    app_id, world = new_app(counter)
    follow_afresh(counter, world)

    worlds.advance(counter.bank, world, AFTERNOON - 1)
    assert told(counter, app_id) == []

    later = World(world.world_id, AFTERNOON - 1 - counter.bank.now())
    worlds.advance(counter.bank, later, clock.parse("2026-09-30T12:00:00+08:00"))

    heard = told(counter, app_id)
    assert [(event["timestamp"], event["data"]["version"]) for event in heard] == [
        ("2026-09-29T14:00:00+08:00", 1436),
        ("2026-09-29T22:15:00+08:00", 1437),
        ("2026-09-30T09:30:00+08:00", 1438),
    ]
    with counter.at("2026-09-30T12:00:00+08:00"):
        quote = counter.rows("/v1/rates/fx", base="USD")[0]
    assert heard[-1]["data"] == {"rate_sheet_id": quote["rate_sheet_id"], "kind": "FX", "version": quote["sequence"]}


def test_every_app_of_the_world_is_told_and_none_of_another(following_counter: Counter) -> None:
    counter = following_counter
    first, world = new_app(counter)
    second, _ = new_app(counter, Caller(world, frozenset({"sandbox"}), first), join="world")
    stranger, _ = new_app(counter)
    follow_afresh(counter, world)

    worlds.advance(counter.bank, world, AFTERNOON)

    assert [len(told(counter, app_id)) for app_id in (first, second, stranger)] == [1, 1, 0]


def test_an_act_that_is_done_again_after_a_crash_tells_nobody_twice(following_counter: Counter) -> None:
    """A kill between the act and the removal of its note leaves no note: the act has taken it away itself."""
    counter = following_counter
    app_id, world = new_app(counter)
    follow_afresh(counter, world)
    sheet = service.page(counter.bank.db.read(), "FX", AFTERNOON, None, 1)[0]
    act = Due(world, following.CHANGED, json.loads(sheet[0])["rate_sheet_id"], AFTERNOON)

    service.announce(counter.bank, act)

    waiting, next_due_at = due.waiting(counter.bank.db.read(), world)
    assert (waiting, next_due_at) == (1, EVENING)
    due.run_world(counter.bank, world, AFTERNOON)
    assert len(told(counter, app_id)) == 1


def test_a_sheet_that_was_announced_ahead_is_told_when_it_takes_effect(following_counter: Counter) -> None:
    counter = following_counter
    counter.now = clock.parse("2025-05-20T17:00:00+08:00")
    app_id, world = new_app(counter)
    follow_afresh(counter, world)

    worlds.advance(counter.bank, world, clock.parse("2025-05-21T00:00:00+08:00"))

    kinds = [(event["data"]["kind"], event["timestamp"]) for event in told(counter, app_id)]
    assert kinds == [("FX", "2025-05-20T22:15:00+08:00"), ("DEPOSIT", "2025-05-21T00:00:00+08:00")]


def test_a_correction_is_told_when_it_is_published(following_counter: Counter) -> None:
    """Its sheet says that it took effect on the evening before."""
    counter = following_counter
    counter.now = clock.parse("2025-06-12T10:00:00+08:00")
    app_id, world = new_app(counter)
    follow_afresh(counter, world)

    worlds.advance(counter.bank, world, clock.parse("2025-06-12T14:00:00+08:00"))

    heard = [(event["timestamp"], event["data"]["version"]) for event in told(counter, app_id)]
    assert heard == [("2025-06-12T10:40:00+08:00", 453), ("2025-06-12T14:00:00+08:00", 454)]


def test_after_the_last_sheet_there_is_nothing_to_wait_for(following_counter: Counter) -> None:
    counter = following_counter
    app_id, world = new_app(counter)
    follow_afresh(counter, world)

    worlds.advance(counter.bank, world, clock.parse("2026-12-31T00:00:00+08:00"))

    assert told(counter, app_id)[-1]["timestamp"] == "2026-10-08T14:00:00+08:00"
    assert due.waiting(counter.bank.db.read(), world) == (0, None)
