"""What is due in many worlds is done in rounds: nobody's backlog delays what is another's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.conftest import Partner

from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.due import service as due

pytestmark = pytest.mark.both_engines

NewPartner = Callable[..., Partner]


@pytest.fixture
def done(bank: Bank) -> Iterator[list[tuple[str, str]]]:
    while due.run_all(bank):  # what other tests have left
        pass
    found: list[tuple[str, str]] = []

    def note(_: Bank, act: Due) -> None:
        found.append((act.world.world_id, act.subject))

    bank.due_handlers["note"] = note  # type: ignore[index]
    yield found
    while due.run_all(bank):
        pass
    del bank.due_handlers["note"]  # type: ignore[attr-defined]


def schedule(bank: Bank, partner: Partner, count: int, ago: int) -> str:
    world = World(partner.app["world_id"])
    with bank.db.act(world.world_id) as tx:
        for number in range(count):
            due.schedule(tx, world, bank.now(world) - ago + number, "note", str(number))
    return world.world_id


def test_a_worlds_backlog_delays_anothers_act_by_a_turn_only(
    bank: Bank, new_partner: NewPartner, done: list[tuple[str, str]]
) -> None:
    busy, other, third = new_partner(), new_partner(), new_partner()
    many = schedule(bank, busy, 30, ago=1000)
    one, two = schedule(bank, other, 1, ago=500), schedule(bank, third, 2, ago=400)
    assert due.Rounds(bank).go(10) == 10
    assert [world for world, _ in done] == [many] * due.TURN + [one] + [two] * 2 + [many] * 3
    assert due.run_all(bank) == 23
    assert [subject for world, subject in done if world == many] == [str(number) for number in range(30)]


def test_a_round_that_a_piece_has_ended_goes_on_where_it_was(
    bank: Bank, new_partner: NewPartner, done: list[tuple[str, str]]
) -> None:
    worlds = [schedule(bank, new_partner(), 20, ago=1000 - number) for number in range(3)]
    rounds = due.Rounds(bank)
    for _ in range(6):  # each as short as the one act that has room in any piece
        assert rounds.go(1) == 1
    assert {world for world, _ in done} == set(worlds)
    late = schedule(bank, new_partner(), 1, ago=1)
    while late not in {world for world, _ in done}:
        assert rounds.go(2)
    assert len(done) < 6 + 4 * due.TURN + 2, "the next round has a turn for it"


def test_a_piece_has_room_for_one_act_however_late_it_is() -> None:
    piece = due.Piece(10, 0.0)
    assert not piece.is_over
    piece.take()
    assert piece.is_over
