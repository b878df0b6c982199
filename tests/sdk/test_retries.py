"""When a call is tried again, and when it is not. The calls are driven by hand: nothing is sent and nobody waits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.sdk.doubles import CREDENTIALS, LOST, SILENT, UNREACHABLE, UNREADABLE, Played, Stage, answer, refusal

from openteller import errors
from openteller._core import catalogue, retry
from openteller._core.call import call
from openteller._core.operation import Operation
from openteller._core.wire import Answer, Fault

QUESTION = catalogue.GET_STATUS
KEYED = catalogue.CREATE_PAYMENT
UNSAFE = catalogue.CREATE_APP
"""Neither repeatable by its nature nor by a key."""

AUTHENTICATED = {catalogue.CREATE_PAYMENT.name, catalogue.CREATE_BILL_FETCH.name}


def play(operation: Operation, *script: Answer | Fault, stage: Stage | None = None, **arguments: Any) -> Played:
    stage = stage or Stage(*script, credentials=CREDENTIALS if operation.name in AUTHENTICATED else None)
    body = None if operation.method == "GET" else {"name": "x"}
    return stage.play(call(stage.setup, operation, body=body, **arguments))


def test_a_good_answer_is_given_at_once() -> None:
    played = play(QUESTION, answer(200, {"a": 1}))

    assert played.outcome is not None
    assert (played.outcome.answer.body, played.outcome.attempts, played.pauses) == (b'{"a": 1}', 1, [])


@pytest.mark.parametrize(
    "failure", [LOST, SILENT, UNREACHABLE, refusal(503, retryable="later"), refusal(429, retryable="same_key")]
)
def test_a_question_is_asked_again(failure: Answer | Fault) -> None:
    played = play(QUESTION, failure, answer())

    assert played.outcome is not None and played.outcome.attempts == 2
    assert len(played.sent) == 2


def test_pauses_double_up_to_eight_seconds() -> None:
    stage = Stage(LOST, max_retries=8, deadline=1_000.0)
    played = play(QUESTION, stage=stage)

    assert played.pauses == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert played.failure.attempts == 9


@given(st.floats(0, 1))
def test_a_pause_is_any_part_of_its_length(part: float) -> None:
    """Full jitter: a crowd that was refused together does not come back together."""
    stage = Stage(LOST, max_retries=2, random=lambda: part)
    played = play(QUESTION, stage=stage)

    assert played.pauses == [0.25 * part, 0.5 * part]


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_there_are_so_many_tries_and_no_more(retries: int) -> None:
    played = play(QUESTION, stage=Stage(refusal(503, retryable="later"), max_retries=retries))

    assert isinstance(played.failure, errors.BankFailure)
    assert len(played.sent) == played.failure.attempts == retries + 1


@pytest.mark.parametrize(
    "failure",
    [LOST, SILENT, refusal(503, retryable="later"), refusal(500, retryable="same_key"), answer(502, "<html>")],
)
def test_an_act_without_a_key_that_may_have_been_done_is_not_repeated(failure: Answer | Fault) -> None:
    played = play(UNSAFE, failure, answer())

    assert len(played.sent) == 1
    if not isinstance(failure, Answer) or b'"later"' not in failure.body:  # which the bank says where nothing was done
        assert played.failure.retryable == "never"
    if isinstance(failure, Fault):
        assert "look whether the bank has acted" in str(played.failure)


@pytest.mark.parametrize("said", [answer(502, "<html>"), refusal(500, retryable="same_key")])
def test_what_may_be_repeated_after_a_failure_of_the_server_depends_on_the_call(said: Answer) -> None:
    told = {ask: play(ask, said).failure.retryable for ask in (QUESTION, KEYED, UNSAFE)}

    assert told == {QUESTION: "later", KEYED: "same_key", UNSAFE: "never"}


def test_a_refusal_that_names_a_key_means_later_to_a_call_without_one() -> None:
    assert play(UNSAFE, refusal(429, retryable="same_key")).failure.retryable == "later"


def test_an_act_that_did_not_leave_is_sent_again() -> None:
    played = play(UNSAFE, UNREACHABLE, answer())

    assert played.outcome is not None and played.outcome.attempts == 2


def test_an_act_that_never_left_may_be_repeated_later() -> None:
    failure = play(UNSAFE, UNREACHABLE).failure

    assert (failure.retryable, failure.attempts) == ("later", 4)
    assert "is the bank running" in str(failure)


def test_an_act_that_was_sent_away_is_repeated() -> None:
    """429 says that nothing was done."""
    played = play(UNSAFE, refusal(429, retryable="later", retry_after="2"), answer())

    assert played.pauses == [2.0]
    assert played.outcome is not None


def test_the_key_is_made_once_and_stays_over_all_tries() -> None:
    played = play(KEYED, LOST)
    keys = {dict(request.headers)["Idempotency-Key"] for request in played.sent}

    assert len(played.sent) == 4
    assert keys == {played.failure.idempotency_key}
    assert played.failure.retryable == "same_key"
    assert "same idempotency_key" in str(played.failure)


def test_two_calls_have_two_keys() -> None:
    first, second = play(KEYED, LOST).failure, play(KEYED, LOST).failure

    assert first.idempotency_key != second.idempotency_key
    assert len(first.idempotency_key or "") >= 20


@pytest.mark.parametrize("said", [LOST, UNREACHABLE, SILENT, UNREADABLE, refusal(409), answer(302), refusal(500)])
def test_the_callers_key_is_sent_and_told(said: Answer | Fault) -> None:
    played = play(KEYED, said, key="order-1")

    assert {dict(request.headers)["Idempotency-Key"] for request in played.sent} == {"order-1"}
    assert played.failure.idempotency_key == "order-1"


def test_an_operation_without_a_key_sends_none() -> None:
    assert "Idempotency-Key" not in dict(play(QUESTION, answer()).sent[0].headers)


@pytest.mark.parametrize("retryable", ["never", "tomorrow"])
@pytest.mark.parametrize("status", [400, 404, 409, 422, 429, 500, 503])
def test_what_the_bank_does_not_call_retryable_is_not_repeated(status: int, retryable: str) -> None:
    """Also a word that this release does not know."""
    played = play(QUESTION, refusal(status, retryable=retryable), answer())

    assert len(played.sent) == 1
    assert played.failure.retryable == retryable


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_an_error_page_of_something_between_is_repeated(status: int) -> None:
    page = Answer(status, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>")
    played = play(QUESTION, page, answer())

    assert len(played.sent) == 2


@pytest.mark.parametrize("status", [400, 404, 405, 414])
def test_an_error_page_for_a_wrong_address_is_not_repeated(status: int) -> None:
    page = Answer(status, {"content-type": "text/html"}, b"<h1>Nothing here</h1>")
    played = play(QUESTION, page, answer())

    assert len(played.sent) == 1
    assert "is base_url right?" in str(played.failure)


@pytest.mark.parametrize("said", [UNREADABLE, answer(302, location="https://elsewhere.test/a?token=x"), answer(304)])
def test_an_answer_that_is_none_is_not_asked_for_again(said: Answer | Fault) -> None:
    played = play(QUESTION, said, answer())

    assert len(played.sent) == 1
    assert isinstance(played.failure, errors.BrokenAnswer)


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://elsewhere.test/a?token=x", "https://elsewhere.test"),
        ("https://user:secret@elsewhere.test/", "https://elsewhere.test"),
        ("/a?token=x", "elsewhere"),
        ("http://:80/a", "elsewhere"),
        ("http://[", "no place that can be read"),
    ],
)
def test_a_redirect_is_named_without_what_may_be_secret(location: str, shown: str) -> None:
    text = str(play(QUESTION, answer(302, location=location)).failure)

    assert f"a redirect to {shown}, which is not followed" in text
    assert "secret" not in text and "token" not in text


def test_the_banks_wait_goes_before_the_clients_own() -> None:
    played = play(QUESTION, refusal(503, retryable="later", retry_after="7"), LOST, answer())

    assert played.pauses == [7.0, 0.5]


def test_problem_details_tell_the_error() -> None:
    fault = {"in": "body", "pointer": "/amount", "code": "FIELD_INVALID", "message": "Must be a string."}
    failure = play(QUESTION, refusal(422, "FIELD_INVALID", errors=[fault])).failure

    assert isinstance(failure, errors.InvalidRequest)
    assert (failure.status, failure.code, failure.request_id) == (422, "FIELD_INVALID", "rqs_of_the_problem")
    assert str(failure) == ("getStatus was refused: 422 FIELD_INVALID: /amount: Must be a string. [rqs_of_the_problem]")


def test_a_refusal_without_faults_tells_its_detail_or_its_title() -> None:
    assert "409 X: Look again." in str(play(QUESTION, refusal(409, "X", detail="Look again.")).failure)
    assert "409 X: A field is not valid" in str(play(QUESTION, refusal(409, "X")).failure)


def test_the_wait_is_told() -> None:
    failure = play(QUESTION, stage=Stage(refusal(429, retryable="later", retry_after="2"), max_retries=0)).failure

    assert isinstance(failure, errors.RateLimited)
    assert failure.retry_after == 2.0


# --- a refused token


def test_a_refused_token_is_changed_once() -> None:
    stage = Stage(refusal(401, "TOKEN_INVALID"), answer(), credentials=CREDENTIALS)
    played = play(QUESTION, stage=stage)

    assert played.refused == [None, "token-1"]
    assert [dict(request.headers)["Authorization"] for request in played.sent] == ["Bearer token-1", "Bearer token-2"]
    assert played.pauses == []


def test_a_token_that_is_refused_again_is_an_error() -> None:
    stage = Stage(refusal(401, "TOKEN_INVALID"), credentials=CREDENTIALS)
    played = play(UNSAFE, stage=stage)

    assert isinstance(played.failure, errors.AuthenticationFailed)
    assert (len(played.sent), played.failure.attempts) == (2, 2)


def test_a_refused_token_is_changed_even_without_retries() -> None:
    stage = Stage(refusal(401, "TOKEN_INVALID"), answer(), credentials=CREDENTIALS, max_retries=0)

    assert play(KEYED, stage=stage).outcome is not None


def test_a_refusal_of_an_anonymous_client_is_an_error() -> None:
    played = play(QUESTION, refusal(401, "TOKEN_MISSING"), answer())

    assert isinstance(played.failure, errors.AuthenticationFailed)
    assert len(played.sent) == 1


def test_an_error_on_the_way_to_a_token_tells_the_key_of_the_call() -> None:
    """The first try may have done it: without the key nobody could repeat it."""
    stage = Stage(LOST, answer(), credentials=CREDENTIALS)
    stage.tokens = ["token-1", errors.ConnectionFailed("fetchToken: nobody listens", retryable="later")]
    failure = play(KEYED, stage=stage, key="order-1").failure

    assert isinstance(failure, errors.ConnectionFailed)
    assert (failure.idempotency_key, failure.retryable) == ("order-1", "same_key")


def test_wrong_credentials_stay_wrong_whatever_the_key() -> None:
    stage = Stage(answer(), credentials=CREDENTIALS)
    stage.tokens = [errors.AuthenticationFailed("fetchToken was refused")]

    assert play(KEYED, stage=stage, key="order-1").failure.retryable == "never"


# --- Retry-After


@given(st.integers(0, 10**9 - 1))
def test_retry_after_in_seconds(seconds: int) -> None:
    assert retry.retry_after({"retry-after": f" {seconds} "}) == seconds


@pytest.mark.parametrize("value", ["", "-1", "1.5", "１２", "soon", "1" * 10, "Mon, 99 Foo 2026 10:00:00 GMT"])
def test_a_wait_that_cannot_be_read_is_none(value: str) -> None:
    assert retry.retry_after({"retry-after": value, "date": "Mon, 05 Oct 2026 10:00:00 GMT"}) is None


def test_a_date_is_measured_against_the_answers_own() -> None:
    """The clock of this machine may be off by years."""
    until, date = "Mon, 05 Oct 2026 10:00:30 GMT", "Mon, 05 Oct 2026 10:00:00 GMT"

    assert retry.retry_after({"retry-after": until, "date": date}) == 30.0
    assert retry.retry_after({"retry-after": date, "date": until}) == 0.0
    assert retry.retry_after({"retry-after": until}) is None
    assert retry.retry_after({"retry-after": "Mon, 05 Oct 2026 10:00:30 -0000", "date": date}) is None


@given(st.text(), st.text())
@example("Mon, 05 Oct 99999 10:00:30 GMT", "Mon, 05 Oct 2026 10:00:00 +9999")
def test_no_header_stops_a_call(value: str, date: str) -> None:
    wait = retry.retry_after({"retry-after": value, "date": date})

    assert wait is None or wait >= 0


def test_a_conflict_that_passes_later_is_not_waited_for_and_one_of_the_same_key_is() -> None:
    """A receipt that is not ready, or a biller past its hours, is not there in seconds either."""
    assert len(play(QUESTION, refusal(409, "RECEIPT_NOT_READY", retryable="later")).sent) == 1
    assert len(play(KEYED, refusal(409, "IDEMPOTENCY_IN_PROGRESS", retryable="same_key")).sent) == 4
