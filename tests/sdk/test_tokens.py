"""Tokens: fetched once for all who need one, renewed in time, and never shown."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest
from tests.sdk import doubles
from tests.sdk.doubles import APP, CREDENTIALS, TOKEN_PATH, Stage, Visit, answer, example, serving, until

from openteller import AsyncOpenTeller, OpenTeller, errors, hooks
from openteller._core.setup import Credentials
from openteller._core.tokens import Tokens, fetch_token
from openteller._core.wire import Answer, Token

CROWD = 8


@dataclass
class Counter:
    """A bank that counts token requests and knows which tokens are good. Held: tokens wait until it is set."""

    url: str = ""
    good: set[str] = field(default_factory=set)
    asked: int = 0
    served: int = 0
    refused: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    grant: Callable[[int], Any] = lambda number: {
        "access_token": f"token-{number}",
        "token_type": "Bearer",
        "expires_in": 3600,
    }

    def handle(self, visit: Visit) -> None:
        if visit.path == TOKEN_PATH:
            self.asked += 1
            number = self.asked
            self.held.wait(30)
            self.good.add(f"token-{number}")
            visit.answer(self.grant(number))
        elif visit.headers.get("authorization", "").removeprefix("Bearer ") in self.good:
            self.served += 1
            visit.answer(example("getStatus"))
        else:
            self.refused += 1
            visit.answer(doubles.problem(401, "TOKEN_INVALID"), "401 Unauthorized", "application/problem+json")


@pytest.fixture
def counter() -> Iterator[Counter]:
    counter = Counter()
    counter.held.set()
    with serving(counter.handle) as server:
        counter.url = server.url
        yield counter
        counter.held.set()


@contextmanager
def crowd_at_the_door(driver: Any, counter: Counter) -> Iterator[None]:
    """Hold the token back until the whole crowd has looked for it and found none."""
    counter.held.clear()
    arrived = 0
    lock = threading.Lock()
    usable = driver._tokens.usable

    def looked(now: float, refused: str | None) -> Token | None:
        nonlocal arrived
        found: Token | None = usable(now, refused)
        with lock:
            arrived += 1
            if arrived >= CROWD:
                counter.held.set()
        return found

    driver._tokens.usable = looked
    yield
    driver._tokens.usable = usable


def expire(driver: Any) -> None:
    """Let the token's time be up."""
    driver._tokens.keep(Token(driver._tokens._held.value, usable_until=0.0))


def test_eight_threads_on_one_expired_token_fetch_one(counter: Counter) -> None:
    with OpenTeller(counter.url, **APP) as bank:
        bank.status.get()
        expire(bank._caller.driver)
        with crowd_at_the_door(bank._caller.driver, counter), ThreadPoolExecutor(CROWD) as threads:
            results = list(threads.map(lambda _: bank.status.get(), range(CROWD)))

    assert len(results) == CROWD
    assert (counter.asked, counter.served, counter.refused) == (2, CROWD + 1, 0)


@pytest.mark.anyio
async def test_eight_tasks_on_one_expired_token_fetch_one(counter: Counter) -> None:
    async with AsyncOpenTeller(counter.url, **APP) as bank:
        await bank.status.get()
        expire(bank._caller.driver)
        with crowd_at_the_door(bank._caller.driver, counter):
            async with anyio.create_task_group() as tasks:
                for _ in range(CROWD):
                    tasks.start_soon(bank.status.get)

    assert (counter.asked, counter.served, counter.refused) == (2, CROWD + 1, 0)


def test_eight_threads_on_one_revoked_token_fetch_one(counter: Counter) -> None:
    with OpenTeller(counter.url, **APP) as bank:
        bank.status.get()
        counter.good.clear()
        with ThreadPoolExecutor(CROWD) as threads:
            results = list(threads.map(lambda _: bank.status.get(), range(CROWD)))

    assert len(results) == CROWD
    assert (counter.asked, counter.served) == (2, CROWD + 1)
    assert 1 <= counter.refused <= CROWD


@pytest.mark.anyio
async def test_eight_tasks_on_one_revoked_token_fetch_one(counter: Counter) -> None:
    async with AsyncOpenTeller(counter.url, **APP) as bank:
        await bank.status.get()
        counter.good.clear()
        async with anyio.create_task_group() as tasks:
            for _ in range(CROWD):
                tasks.start_soon(bank.status.get)

    assert (counter.asked, counter.served) == (2, CROWD + 1)


@pytest.mark.anyio
async def test_a_task_that_is_cancelled_leaves_the_token_to_the_others(counter: Counter) -> None:
    async with AsyncOpenTeller(counter.url, **APP) as bank:
        counter.held.clear()
        impatience = anyio.CancelScope()

        async def impatient() -> None:
            with impatience:
                await bank.status.get()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(impatient)
            await until(lambda: counter.asked > 0)
            impatience.cancel()
            counter.held.set()
            for _ in range(CROWD):
                tasks.start_soon(bank.status.get)

    assert counter.served == CROWD
    assert counter.asked == 2


def test_a_token_is_kept_for_many_calls(counter: Counter) -> None:
    with OpenTeller(counter.url, **APP) as bank:
        for _ in range(3):
            bank.status.get()

    assert (counter.asked, counter.served) == (1, 3)


def test_a_thread_does_not_wait_for_anothers_token_beyond_its_deadline(counter: Counter) -> None:
    counter.held.clear()
    with OpenTeller(counter.url, **APP) as bank, ThreadPoolExecutor(1) as threads:
        slow = threads.submit(bank.status.get)
        driver = bank._caller.driver
        while not driver._lock_of(driver._tokens).locked():
            pass
        with pytest.raises(errors.TimedOut, match="another thread was still asking") as caught:
            bank.with_options(deadline=0.05).status.get()
        counter.held.set()
        assert caught.value.retryable == "later"
        slow.result()


@pytest.mark.anyio
async def test_a_task_does_not_wait_for_anothers_token_beyond_its_deadline(counter: Counter) -> None:
    counter.held.clear()
    async with AsyncOpenTeller(counter.url, **APP) as bank, anyio.create_task_group() as tasks:
        tasks.start_soon(bank.status.get)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(errors.TimedOut, match="another task was still asking"):
            await bank.with_options(deadline=0.05).status.get()
        counter.held.set()


# --- how a token is asked for


def fetch(said: Answer, **options: Any) -> tuple[Stage, Any, Any]:
    """Fetch a token from a bank that answers so; give the stage, what was played, and the token."""
    stage = Stage(said, **{"credentials": CREDENTIALS, **options})
    kept: list[Token] = []

    def steps() -> Any:
        kept.append((yield from fetch_token(stage.setup)))

    played = stage.play(steps())
    return stage, played, kept[0] if kept else None


def grant(**members: Any) -> Answer:
    return answer(200, {"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600, **members})


def test_credentials_go_in_the_header_form_encoded() -> None:
    """RFC 6749 section 2.3.1: a colon or a plus in a secret must not change its meaning."""
    _, played, _ = fetch(grant(), credentials=Credentials("app:one", "ots+two %"))
    headers = dict(played.sent[0].headers)
    scheme, _, pair = headers["Authorization"].partition(" ")

    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"app%3Aone:ots%2Btwo%20%25"
    assert played.sent[0].url == f"{doubles.BANK}{TOKEN_PATH}"
    assert played.sent[0].body == b"grant_type=client_credentials"


@pytest.mark.parametrize(
    ("lifetime", "usable_for"),
    [(3600, 3570), (300, 270), (120, 90), (60, 45), (4, 3), (0, 0), (-5, 0), (10**12, 86_370)],
)
def test_a_token_is_used_until_shortly_before_its_end(lifetime: int, usable_for: float) -> None:
    stage, _, token = fetch(grant(expires_in=lifetime))

    assert token.usable_until - stage.clock.now == usable_for


def test_a_token_is_as_old_as_the_question_for_it() -> None:
    stage, _, token = fetch(grant(), taking=5.0)

    assert token.usable_until - stage.clock.now == 3570 - 5


def test_a_token_without_a_lifetime_is_used_for_some_minutes() -> None:
    said = answer(200, {"access_token": "a-token", "token_type": "bearer"})
    stage, _, token = fetch(said)

    assert token.usable_until - stage.clock.now == 270


def test_expiry_goes_by_the_steady_clock(monkeypatch: pytest.MonkeyPatch, counter: Counter) -> None:
    """A wall clock that is wrong, or is put right in between, changes nothing."""
    monkeypatch.setattr("time.time", lambda: 0.0)
    with OpenTeller(counter.url, **APP) as bank:
        bank.status.get()
        monkeypatch.setattr("time.time", lambda: 4e9)
        bank.status.get()

    assert counter.asked == 1


def test_the_steady_clock_decides() -> None:
    tokens = Tokens()
    token = tokens.keep(Token("a-token", usable_until=100.0))

    assert tokens.usable(99.9, None) is token
    assert tokens.usable(100.0, None) is None
    assert tokens.usable(99.9, "a-token") is None
    assert tokens.usable(99.9, "another") is token


def test_a_wrong_secret_is_told_with_the_banks_words() -> None:
    body = {"error": "invalid_client", "error_description": "Client authentication failed."}
    _, played, _ = fetch(answer(401, body))

    assert isinstance(played.failure, errors.AuthenticationFailed)
    assert (played.failure.code, played.failure.status, len(played.sent)) == ("INVALID_CLIENT", 401, 1)
    assert "fetchToken was refused: 401 invalid_client: Client authentication failed." in str(played.failure)


@pytest.mark.parametrize(
    "said",
    [
        answer(200, {}),
        answer(200, []),
        answer(200, {"access_token": 5, "token_type": "Bearer"}),
        answer(200, {"access_token": "a-token"}),
        grant(token_type="mac"),
        grant(access_token=""),
        grant(access_token="two words"),
        grant(access_token="a\r\nX-Header: b"),
        grant(access_token="口令"),
        grant(expires_in="3600"),
        Answer(200, {"content-type": "text/html"}, b"<h1>Sign in</h1>"),
        Answer(200, {}, b"\xff"),
        Answer(200, {}, b""),
    ],
    ids=lambda said: said.body.decode("latin-1")[:40],
)
def test_a_grant_that_cannot_be_used_is_a_broken_answer(said: Answer) -> None:
    _, played, token = fetch(said)

    assert token is None
    assert isinstance(played.failure, errors.BrokenAnswer)
    assert "no bearer token that can be read" in str(played.failure)
    assert "a-token" not in str(played.failure)


def test_a_token_endpoint_that_is_down_is_asked_again_and_told() -> None:
    with serving(lambda visit: visit.hang_up()) as server:
        with OpenTeller(server.url, **APP, max_retries=1) as bank, pytest.raises(errors.ConnectionFailed) as caught:
            bank.payments.create(partner_reference="order-1", idempotency_key="order-1")

        assert [visit.path for visit in server.visits] == [TOKEN_PATH, TOKEN_PATH]
    assert "fetchToken" in str(caught.value)
    assert caught.value.idempotency_key == "order-1"


@pytest.mark.anyio
async def test_a_token_endpoint_that_is_down_is_told_to_async_programs() -> None:
    with serving(lambda visit: visit.hang_up()) as server:
        async with AsyncOpenTeller(server.url, **APP, max_retries=0) as bank:
            with pytest.raises(errors.ConnectionFailed, match="fetchToken") as caught:
                await bank.payments.create(partner_reference="order-1", idempotency_key="order-1")

    assert caught.value.idempotency_key == "order-1"


def test_after_a_failed_fetch_the_next_call_asks_anew(counter: Counter) -> None:
    counter.grant = lambda number: {} if number == 1 else {"access_token": "token-2", "token_type": "Bearer"}
    with OpenTeller(counter.url, **APP) as bank:
        with pytest.raises(errors.BrokenAnswer):
            bank.status.get()
        assert bank.status.get().services


# --- what may be seen


def test_nothing_shows_a_token_or_a_secret(counter: Counter, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[hooks.Event] = []
    with OpenTeller(counter.url, **APP, hooks=[events.append, hooks.log()], max_retries=0) as bank:
        bank.status.get()
        counter.good.clear()
        counter.grant = lambda _: {"access_token": "token-of-no-worth", "token_type": "Bearer"}
        with pytest.raises(errors.AuthenticationFailed) as caught:
            bank.status.get()
        driver = bank._caller.driver
        shown = [repr(bank), repr(driver), repr(driver._tokens), repr(bank._caller.setup), str(caught.value)]

    shown += [repr(caught.value), caplog.text, *(repr(event) for event in events)]
    assert len(events) > 6
    for word in ("token-1", "token-of-no-worth", APP["client_id"], APP["client_secret"], "Basic "):
        assert [text for text in shown if word in text] == []
