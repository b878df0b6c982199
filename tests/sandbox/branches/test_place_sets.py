"""Sets of places as integers."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from openteller_sandbox.branches import place_sets

NUMBERS = st.sets(st.integers(0, 5000))


@given(NUMBERS)
@example(set())
@example({0})
@example(set(range(3240)))
def test_a_packed_set_is_the_set_again(numbers: set[int]) -> None:
    packed = place_sets.pack(sorted(numbers))
    assert set(place_sets.first(place_sets.unpack(packed), 10_000)) == numbers


def test_what_is_not_stored_is_the_empty_set() -> None:
    assert place_sets.unpack(b"") == 0


@given(NUMBERS, st.integers(-1, 5001), st.integers(1, 30))
def test_the_first_ones_after_a_number_come_in_order(numbers: set[int], after: int, count: int) -> None:
    members = place_sets.unpack(place_sets.pack(sorted(numbers)))
    assert place_sets.first(members, count, after=after) == sorted(n for n in numbers if n > after)[:count]


def test_rare_members_of_a_large_set_take_little_room() -> None:
    assert len(place_sets.pack([3239])) < 8
    assert len(place_sets.pack(range(3240))) == 406
