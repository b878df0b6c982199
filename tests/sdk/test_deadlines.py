"""Nothing is waited for beyond the deadline, and an error says whether the bank may have acted."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk.doubles import CREDENTIALS, LOST, SILENT, UNREACHABLE, Stage, answer, refusal

from openteller import errors
from openteller._core import catalogue
from openteller._core.call import call
from openteller._core.tokens import fetch_token
from openteller._core.wire import Answer, Fault, Token


def test_a_retry_after_longer_than_the_deadline_is_not_waited_for() -> None:
    stage = Stage(refusal(429, retryable="later", retry_after="31"), deadline=30.0)
    played = stage.play(call(stage.setup, catalogue.GET_STATUS))

    assert played.pauses == []
    assert isinstance(played.failure, errors.RateLimited)
    assert played.failure.retry_after == 31.0


def test_a_pause_that_would_end_at_the_deadline_is_not_made() -> None:
    stage = Stage(refusal(429, retryable="later", retry_after="30"), answer(), deadline=30.0)

    assert stage.play(call(stage.setup, catalogue.GET_STATUS)).pauses == []


def test_a_429_for_ever_ends_with_the_tries_or_the_deadline() -> None:
    stage = Stage(refusal(429, retryable="later", retry_after="9"), deadline=30.0, max_retries=100)
    played = stage.play(call(stage.setup, catalogue.GET_STATUS))

    assert played.pauses == [9.0, 9.0, 9.0]
    assert played.failure.attempts == 4


@given(
    st.lists(st.sampled_from([LOST, SILENT, UNREACHABLE, "429", "503"]), min_size=1, max_size=8),
    st.floats(0, 20),
    st.floats(0.1, 60),
    st.floats(0.1, 30),
    st.integers(0, 10),
    st.integers(0, 40),
    st.booleans(),
)
def test_no_pause_and_no_try_begins_after_the_deadline(
    faults: list[Any], taking: float, deadline: float, timeout: float, retries: int, wait: int, has_key: bool
) -> None:
    script: list[Answer | Fault] = [
        one if isinstance(one, Fault) else refusal(int(one), retryable="later", retry_after=str(wait)) for one in faults
    ]
    stage = Stage(
        *script, taking=taking, deadline=deadline, timeout=timeout, max_retries=retries, credentials=CREDENTIALS
    )
    began = stage.clock.now
    operation = catalogue.CREATE_PAYMENT if has_key else catalogue.CREATE_APP
    played = stage.play(call(stage.setup, operation, body={}))

    assert sum(played.pauses) < deadline
    assert stage.clock.now - began <= deadline + taking
    assert all(0 < one <= timeout for one in played.timeouts)
    assert len(played.sent) <= retries + 1
    assert played.failure.attempts == len(played.sent)


def test_a_try_gets_what_is_left_of_the_deadline() -> None:
    stage = Stage(SILENT, taking=8.0, timeout=8.0, deadline=20.0, random=lambda: 0.0)
    played = stage.play(call(stage.setup, catalogue.GET_STATUS))

    assert played.timeouts == [8.0, 8.0, 4.0]
    assert isinstance(played.failure, errors.TimedOut)


def test_a_deadline_that_passes_before_anything_is_sent_says_so() -> None:
    stage = Stage(answer(), credentials=CREDENTIALS, deadline=5.0)
    steps = call(stage.setup, catalogue.CREATE_APP, body={})
    next(steps)
    stage.clock.now += 6.0
    with pytest.raises(errors.TimedOut, match=r"the deadline has passed\); nothing was sent") as caught:
        steps.send(Token("a-token-that-took-its-time", usable_until=inf))

    assert (caught.value.attempts, caught.value.retryable) == (0, "later")


def test_a_deadline_that_passes_after_a_try_does_not_say_that_nothing_was_sent() -> None:
    stage = Stage(LOST, credentials=CREDENTIALS, deadline=5.0, random=lambda: 0.0)
    steps = call(stage.setup, catalogue.CREATE_PAYMENT, body={}, key="order-1")
    next(steps)
    steps.send(Token("token-1", usable_until=inf))
    steps.throw(LOST)
    steps.send(None)
    stage.clock.now += 6.0
    with pytest.raises(errors.TimedOut, match="repeat it with the same idempotency_key") as caught:
        steps.send(Token("token-2", usable_until=inf))

    assert (caught.value.attempts, caught.value.idempotency_key) == (1, "order-1")


@pytest.mark.parametrize("first", [LOST, SILENT, refusal(503, retryable="later")])
def test_a_bank_that_cannot_be_reached_any_more_may_still_have_acted(first: Answer | Fault) -> None:
    stage = Stage(first, UNREACHABLE)
    failure = stage.play(call(stage.setup, catalogue.GET_STATUS)).failure
    assert "repeat it" in str(failure)

    keyed = Stage(first, UNREACHABLE, credentials=CREDENTIALS)
    failure = keyed.play(call(keyed.setup, catalogue.CREATE_PAYMENT, body={})).failure
    assert "with the same idempotency_key" in str(failure)
    assert failure.retryable == "same_key"


def test_a_token_too_is_fetched_within_the_deadline() -> None:
    stage = Stage(LOST, taking=2.0, credentials=CREDENTIALS, deadline=5.0, random=lambda: 0.0)
    played = stage.play(fetch_token(stage.setup))  # type: ignore[arg-type]

    assert played.timeouts == [5.0, 3.0, 1.0]
    assert isinstance(played.failure, errors.ConnectionFailed)
