"""One call with all its tries: what to send, when to try again, what to raise. The heart of the client."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from openteller import hooks
from openteller._core import retry
from openteller._core.decoding import oauth_error, problem_of
from openteller._core.dpop import Prover, wants_nonce
from openteller._core.setup import Setup
from openteller._core.wire import Answer, Authorise, Effect, Fault, Outcome, Request, Send, Sleep, Token
from openteller.errors import (
    AuthenticationFailed,
    BrokenAnswer,
    ConnectionFailed,
    OpenTellerError,
    TimedOut,
    TransportError,
    for_status,
)

__all__ = ["Ask", "exchange"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is to be asked.

    Attributes:
        name: the contract's ``operationId``.
        path: as in the contract; for hooks.
        is_safe: doing it twice is the same as doing it once, by its nature or by its key.
        needs_token: whether a token goes with it.
        request: makes the request of one try, given the token.
        prover: signs the proofs of requests that carry no token.
        key: the idempotency key; made once, before the first try.
        shown: parameters that a hook may see.
    """

    name: str
    path: str
    is_safe: bool
    needs_token: bool
    request: Callable[[Token | None], Request]
    prover: Prover | None = None
    key: str | None = None
    shown: Mapping[str, object] = field(default_factory=dict)


class _Call:
    """The state of one call."""

    def __init__(self, setup: Setup, ask: Ask) -> None:
        self.setup = setup
        self.ask = ask
        self.ends = setup.monotonic() + setup.deadline
        self.attempt = 0
        self.refused: str | None = None
        self.met_nonce = False
        self.may_have_acted = False

    @property
    def left(self) -> float:
        return self.ends - self.setup.monotonic()

    def run(self) -> Generator[Effect, Any, Outcome]:
        while True:
            token: Token | None = None
            try:
                if self.ask.needs_token:
                    token = yield from self._token()
                answer = yield from self._try(token)
            except Fault as fault:
                is_unsent = fault.is_unsent
                self.may_have_acted |= not is_unsent
                error: OpenTellerError = self._failure(fault)
            else:
                if 200 <= answer.status < 300:
                    return Outcome(answer, self.attempt, self.ask.key)
                is_unsent = False
                self.may_have_acted |= answer.status >= 500
                error = self._refusal(answer)
                if self._is_to_be_said_again(answer, error, token):
                    self._tell_failed(error, 0.0)
                    continue
            yield Sleep(self._pause(error, is_unsent=is_unsent))

    def _is_to_be_said_again(self, answer: Answer, error: OpenTellerError, token: Token | None) -> bool:
        """Tell whether the same is to be sent at once, once for each reason: the server wants a nonce in the proof, or
        the token was revoked or ran out before its time.
        """
        if not self.met_nonce and self._prover(token) and wants_nonce(answer):
            self.met_nonce = True
            return True
        if token and isinstance(error, AuthenticationFailed) and self.refused is None:
            self.refused = token.value
            return True
        return False

    def _prover(self, token: Token | None) -> Prover | None:
        return token.prover if token else self.ask.prover

    def _time(self) -> float:
        """Give the seconds that are left, and not none."""
        left = self.left
        if left <= 0:
            raise Fault("timeout", "the deadline has passed", is_unsent=True)
        return left

    def _token(self) -> Generator[Effect, Any, Token]:
        """Get a token. An error on the way to it is an error of this call, and tells its key."""
        try:
            token: Token = yield Authorise(self.refused, self._time())
        except OpenTellerError as error:
            error.idempotency_key = self.ask.key
            if self.ask.key and error.retryable == "later":
                error.retryable = "same_key"
            raise
        return token

    def _try(self, token: Token | None) -> Generator[Effect, Any, Answer]:
        timeout = min(self.setup.timeout, self._time())
        request = self.ask.request(token)
        self.attempt += 1
        answer = yield from self._sent(request, timeout)
        if prover := self._prover(token):
            prover.learn(request.url, answer)
        return answer

    def _sent(self, request: Request, timeout: float) -> Generator[Effect, Any, Answer]:
        if not self.setup.hooks:
            answer: Answer = yield Send(request, timeout)
            return answer
        name, attempt = self.ask.name, self.attempt
        sending = hooks.Sending(
            call=self,
            operation=name,
            attempt=attempt,
            method=request.method,
            path=self.ask.path,
            parameters=self.ask.shown,
        )
        hooks.tell(self.setup.hooks, sending)
        began = self.setup.monotonic()
        answer = yield Send(request, timeout)
        seconds = self.setup.monotonic() - began
        request_id = answer.headers.get("x-request-id")
        answered = hooks.Answered(
            call=self, operation=name, attempt=attempt, status=answer.status, seconds=seconds, request_id=request_id
        )
        hooks.tell(self.setup.hooks, answered)
        return answer

    def _pause(self, error: OpenTellerError, *, is_unsent: bool) -> float:
        """Give the seconds until the next try, or raise the error when there is none."""
        pause = None
        if self.attempt <= self.setup.max_retries:
            pause = retry.pause(
                error,
                attempt=self.attempt,
                is_safe=self.ask.is_safe,
                is_unsent=is_unsent,
                random=self.setup.random,
            )
        if pause is not None and pause >= self.left:
            pause = None
        self._tell_failed(error, pause)
        if pause is None:
            raise error
        return pause

    def _tell_failed(self, error: OpenTellerError, retry_in: float | None) -> None:
        if self.setup.hooks:
            failed = hooks.Failed(
                call=self, operation=self.ask.name, attempt=self.attempt, error=error, retry_in=retry_in
            )
            hooks.tell(self.setup.hooks, failed)

    def _failure(self, fault: Fault) -> TransportError:
        host = urlsplit(self.setup.base_url).netloc
        known = self._known()
        match fault.kind:
            case "timeout":
                advice = self._advice() if self.may_have_acted else "nothing was sent"
                return TimedOut(f"{self.ask.name}: no answer from {host} in time ({fault.reason}); {advice}", **known)
            case "broken":
                return BrokenAnswer(f"{self.ask.name}: the answer of {host} cannot be read: {fault.reason}", **known)
        if fault.is_unsent:
            advice = self._advice() if self.may_have_acted else "is the bank running, and base_url right?"
            return ConnectionFailed(f"{self.ask.name}: {host} cannot be reached ({fault.reason}): {advice}", **known)
        text = f"{self.ask.name}: the connection to {host} broke ({fault.reason}); {self._advice()}"
        return ConnectionFailed(text, **known)

    def _advice(self) -> str:
        if self.ask.key:
            return "repeat it with the same idempotency_key, which this error carries"
        return "repeat it" if self.ask.is_safe else "look whether the bank has acted before you repeat it"

    def _known(self) -> dict[str, Any]:
        is_harmless = self.ask.is_safe or not self.may_have_acted
        retryable = "same_key" if self.ask.key else "later" if is_harmless else "never"
        return {"idempotency_key": self.ask.key, "attempts": self.attempt, "retryable": retryable}

    def _refusal(self, answer: Answer) -> OpenTellerError:
        """Make an error of an answer that is no success."""
        known = self._known() | {"status": answer.status, "request_id": answer.headers.get("x-request-id")}
        if answer.status < 400:
            known["retryable"] = "never"
            return BrokenAnswer(f"{self.ask.name}: {_redirection(self.setup, answer)}", **known)
        kind = for_status(answer.status)
        known |= {"retry_after": retry.retry_after(answer.headers)}
        problem = problem_of(answer)
        if problem is not None:
            kind = for_status(answer.status, problem.code)
            retryable = self._said(answer.status, problem.retryable)
            known |= {"code": problem.code, "retryable": retryable, "request_id": problem.request_id}
            reason = "; ".join(_fault(one.pointer or one.name, one.message) for one in problem.errors)
            reason = reason or problem.detail or problem.title
            return kind(
                f"{self.ask.name} was refused: {answer.status} {problem.code}: {reason}", problem=problem, **known
            )
        if answer.status < 500:  # of a server's failure nobody has said that it did nothing
            known["retryable"] = kind.retryable
        if told := oauth_error(answer):
            known["code"] = told[0].upper()
            return kind(f"{self.ask.name} was refused: {answer.status} {told[0]}: {told[1]}", **known)
        media = answer.headers.get("content-type", "no content type").partition(";")[0]
        text = f"{self.ask.name} failed: {answer.status} with {media} and no problem details; is base_url right?"
        return kind(text, **known)

    def _said(self, status: int, retryable: str) -> str:
        """Give what the bank says of repeating, and where it means a key that this call has not, what comes of that."""
        if retryable != "same_key" or self.ask.key:
            return retryable
        return "later" if self.ask.is_safe or status < 500 else "never"


def _fault(where: str | None, message: str) -> str:
    return f"{where}: {message}" if where else message


def _redirection(setup: Setup, answer: Answer) -> str:
    """Say where a redirect would lead: scheme and host, never the query. It is not followed: a token would go along."""
    location = answer.headers.get("location")
    if not location:
        return f"{urlsplit(setup.base_url).netloc} answered {answer.status}, which the contract does not know"
    try:
        parts = urlsplit(location)
        target = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "elsewhere"
    except ValueError:
        target = "no place that can be read"
    return f"{answer.status}, a redirect to {target}, which is not followed; base_url should name the place itself"


def exchange(setup: Setup, ask: Ask) -> Generator[Effect, Any, Outcome]:
    """Make a call; give a 2xx answer, the number of tries and the key.

    Raises:
        OpenTellerError: the bank refuses, or no usable answer comes in time.
    """
    return (yield from _Call(setup, ask).run())
