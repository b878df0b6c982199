"""An advance of the clock is done in pieces: what comes of it is the same, and others have their turn in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import Partner

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import HOUR, parse
from openteller_sandbox.control.service import Journey, Reached
from openteller_sandbox.due import service as due
from openteller_sandbox.worlds import service as worlds

pytestmark = pytest.mark.both_engines

NewPartner = Callable[..., Partner]


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two acts, however long they take."""
    monkeypatch.setattr(due, "PIECE", 2)
    monkeypatch.setattr(due, "PIECE_S", 3600.0)


def links(partner: Partner, count: int = 5) -> None:
    """Make links that expire one after the other, half an hour apart."""
    for number in range(count):
        partner.pay_link(expires_in=1800 * (number + 1), partner_reference=f"order-{number}")


def journey(bank: Bank, partner: Partner, by_ms: int = 6 * HOUR, to: int | None = None) -> Journey:
    return Journey(bank, world_of(bank, partner), to, by_ms)


def world_of(bank: Bank, partner: Partner) -> World:
    world = worlds.find(bank.db.read(), partner.app["world_id"])
    assert world is not None
    return world


def told(partner: Partner) -> list[tuple[Any, ...]]:
    return [(one["type"], one["timestamp"], one["data"].get("partner_reference")) for one in partner.events()]


def clock(partner: Partner) -> dict[str, Any]:
    return dict(partner.get("/sandbox/v1/clock").json)


def test_in_pieces_or_at_once_the_same_comes_of_it(
    partner: Partner, new_partner: NewPartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_partner()
    for app in (partner, other):
        links(app)
    partner.advance(seconds=30 * 3600)
    monkeypatch.setattr(due, "PIECE", 10_000)
    other.advance(seconds=30 * 3600)
    assert told(partner) == told(other)
    assert len([one for one in told(partner) if one[0] == "payment.expired"]) == 5
    assert clock(partner) == clock(other)
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["differences"], report["not_repeated"]) == (True, [], [])


def test_a_stretch_ends_after_a_piece_with_the_clock_where_the_last_act_was_due(bank: Bank, partner: Partner) -> None:
    links(partner)
    going = journey(bank, partner)
    assert going.go() is Reached.STOP
    assert len(told(partner)) == 5 + 2
    assert clock(partner)["bank_time"] == "2026-09-29T11:30:00+08:00"
    assert partner.pay_link()["created_at"] == "2026-09-29T11:30:00+08:00", "whoever comes now, comes then"
    while going.go() is not Reached.THE_END:
        pass
    assert clock(partner)["bank_time"] == "2026-09-29T16:30:00+08:00"
    times = [time for _, time, _ in told(partner)]
    assert times == sorted(times)


def test_what_a_kill_in_the_middle_leaves_is_due_when_its_time_comes(bank: Bank, partner: Partner) -> None:
    while due.run_all(bank):  # what other tests have left in their worlds
        pass
    links(partner)
    assert journey(bank, partner).go() is Reached.STOP
    assert due.run_all(bank) == 0, "nothing is due at this time that was not done"
    assert clock(partner)["next_due_at"] == "2026-09-29T12:00:00+08:00"
    partner.advance(to="2026-09-29T16:30:00+08:00")
    assert [name for name, _, _ in told(partner)].count("payment.expired") == 5


def test_two_at_once_lead_as_far_as_both_and_do_everything_once(bank: Bank, partner: Partner) -> None:
    links(partner)
    going = [journey(bank, partner, 2 * HOUR), journey(bank, partner, 3 * HOUR)]
    while going:
        going = [each for each in going if each.go() is not Reached.THE_END]
    assert clock(partner)["bank_time"] == "2026-09-29T15:30:00+08:00"
    expired = [reference for name, _, reference in told(partner) if name == "payment.expired"]
    assert expired == [f"order-{number}" for number in range(5)]


def test_two_to_one_instant_end_there(bank: Bank, partner: Partner) -> None:
    links(partner)
    noon = parse("2026-09-29T12:00:00+08:00")
    going = [journey(bank, partner, to=noon) for _ in range(2)]
    while going:
        going = [each for each in going if each.go() is not Reached.THE_END]
    assert clock(partner)["bank_time"] == "2026-09-29T12:00:00+08:00"
