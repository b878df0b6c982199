"""When a delivery is tried again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.clock import DAY, HOUR, MINUTE, SECOND
from openteller_sandbox.webhooks.schedule import ATTEMPTS, DELAYS_MS, next_attempt

chances = st.floats(0, 1, exclude_max=True)
instants = st.integers(0, 4_000_000_000_000)


def test_the_delays_are_those_that_the_contract_names() -> None:
    hours = [2, 5, 10, 14, 20, 24]
    assert list(DELAYS_MS) == [5 * SECOND, 5 * MINUTE, 30 * MINUTE, *(each * HOUR for each in hours)]
    assert ATTEMPTS == 10


@given(st.integers(1, ATTEMPTS - 1), instants, chances)
def test_an_attempt_comes_its_delay_after_the_last_one_and_up_to_a_tenth_later(
    made: int, at: int, chance: float
) -> None:
    due = next_attempt(made, at, chance)
    assert due is not None
    assert DELAYS_MS[made - 1] <= due - at <= DELAYS_MS[made - 1] * 1.1


@given(st.integers(ATTEMPTS, 1000), instants, chances, st.none() | st.integers(0, 10**9))
def test_after_the_last_attempt_there_is_none(made: int, at: int, chance: float, asked: int | None) -> None:
    assert next_attempt(made, at, chance, asked) is None


@given(st.integers(1, ATTEMPTS - 1), instants, chances, st.integers(0, 10**9))
def test_what_a_server_asks_for_can_make_it_later_by_a_day_at_most_and_never_sooner(
    made: int, at: int, chance: float, asked: int
) -> None:
    plain, due = next_attempt(made, at, chance), next_attempt(made, at, chance, asked)
    assert plain is not None and due is not None
    assert due == max(plain, at + min(asked * SECOND, DAY))


@given(st.lists(chances, min_size=ATTEMPTS - 1, max_size=ATTEMPTS - 1))
def test_a_whole_schedule_takes_three_days_and_some_hours(drawn: list[float]) -> None:
    at = 0
    for made, chance in enumerate(drawn, start=1):
        due = next_attempt(made, at, chance)
        assert due is not None and due > at
        at = due
    assert sum(DELAYS_MS) <= at <= sum(DELAYS_MS) * 1.1
    assert 3 * DAY < sum(DELAYS_MS) < 4 * DAY
