"""Sets of places as integers."""

from __future__ import annotations

from hypothesis import example, given, settings
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
    assert len(place_sets.pack([*range(1600), 99_999])) == 1 + 201 * 5, "eight neighbours are one byte, and its place"


@given(st.sets(st.integers(0, 30_000), min_size=150, max_size=900), st.sets(st.integers(0, 30_000), max_size=400))
@settings(max_examples=25)
def test_sets_of_many_numbers_far_apart_are_the_sets_again_and_one_together(one: set[int], other: set[int]) -> None:
    packed = [place_sets.pack(sorted(numbers)) for numbers in (one, other)]
    assert [set(place_sets.numbers(place_sets.unpack(each))) for each in packed] == [one, other]
    assert set(place_sets.numbers(place_sets.union(packed))) == one | other
