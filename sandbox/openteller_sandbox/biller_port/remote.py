"""Billers that are asked over HTTP. ``served`` is the other side of it, and docs/billers-over-http.md the protocol.

Nothing is ever sent twice: where no answer comes, nobody knows what became of a question, and the bank asks about it
later, as the port wants it. No transaction of the bank is open meanwhile.
"""

from __future__ import annotations

import http.client
import json
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from openteller_sandbox.bank import World
from openteller_sandbox.biller_port import scenarios, wire
from openteller_sandbox.biller_port.port import (
    Asking,
    Behaviour,
    BillerUnreachable,
    Failed,
    Ground,
    Listed,
    Posting,
    PostingAnswer,
    PostingState,
    QueryAnswer,
    Reversal,
    Turn,
)
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.bounded import BoundedSocket, seconds_left
from openteller_sandbox.settings import BillerLeg

log = logging.getLogger("openteller_sandbox.biller_port")
_MOST_BYTES = 16 * 1024 * 1024  # of an answer: the list of a day has a line for each payment
_NOT_PLAYED = 404
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)


class NoAnswer(Exception):
    """None came in time, or not a whole one."""


class RemoteBiller:
    """Implements the port for every biller behind one URL.

    Args:
        leg: where, and how long to wait.
        began_at: says when a world began: one that was reset is another one to the biller.
    """

    def __init__(self, leg: BillerLeg, began_at: Callable[[World], int | None]) -> None:
        self._line = _line(leg)
        self._began_at = began_at

    def query(self, world: World, biller: Biller, inputs: Mapping[str, str], now: int, asking: Asking) -> QueryAnswer:
        """Ask what an account owes; no answer is a failure."""
        question = {"biller_id": biller.biller_id, "inputs": dict(inputs), "asking": asking.name}
        try:
            return wire.answer_from_json(self._ask("query", world, now, question))
        except (NoAnswer, *_UNREADABLE) as error:
            return _failed(error)

    def post(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Send a payment, once."""
        return self._about("post", world, posting, now)

    def query_posting(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Ask what became of a payment."""
        return self._about("query-posting", world, posting, now)

    def reverse(self, world: World, posting: Posting, now: int, ground: Ground) -> Reversal:
        """Ask for a posting back."""
        question = {**wire.posting_to_json(posting), "ground": ground.name}
        try:
            return Reversal(self._ask("reverse", world, now, question)["answer"])
        except (NoAnswer, *_UNREADABLE) as error:
            log.warning("reverse: %s", _told(error))
            return Reversal.NO_ANSWER

    def reconcile(self, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed] | None:
        """Get the list of a day."""
        question = {"biller_id": biller.biller_id, "day": day.isoformat()}
        try:
            said = self._ask("reconcile", world, now, question)
            return [wire.listed_from_json(entry) for entry in said["postings"]]
        except (NoAnswer, *_UNREADABLE) as error:
            log.warning("reconcile: %s", _told(error))
            return None

    def reversal_late_by(self, world: World, biller: Biller, posting_id: str, now: int) -> int:  # noqa: ARG002
        """Tell the bank at once."""
        return 0

    def behaviour(self, biller: Biller, inputs: Mapping[str, str]) -> Behaviour:
        """Say what the payer of a magic account does: that is the bank's own side."""
        return scenarios.behaviour(biller, inputs)

    def play(self, world: World, posting_id: str, turn: Turn, now: int) -> None:
        """Let a simulated biller do something by itself; another one does not know the question, and does as it does.

        Raises:
            BillerUnreachable: it cannot be told now.
        """
        try:
            self._ask("play", world, now, {"posting_id": posting_id, "turn": turn.name}, without=_NOT_PLAYED)
        except (NoAnswer, *_UNREADABLE) as error:
            raise BillerUnreachable(_told(error)) from error

    def _about(self, verb: str, world: World, posting: Posting, now: int) -> PostingAnswer:
        try:
            return wire.posted_from_json(self._ask(verb, world, now, wire.posting_to_json(posting)))
        except (NoAnswer, *_UNREADABLE) as error:
            log.warning("%s: %s", verb, _told(error))
            return PostingAnswer(PostingState.NO_ANSWER)

    def _ask(
        self, verb: str, world: World, now: int, question: Mapping[str, Any], without: int | None = None
    ) -> Mapping[str, Any]:
        place = {"world_id": world.world_id, "began_at": self._began_at(world)}
        body = json.dumps({"world": place, "at": now, **question}, ensure_ascii=False).encode()
        status, text = self._line.exchange(f"/{verb}", body)
        if status == without:
            return {}
        if status != 200:
            raise NoAnswer(f"HTTP status {status}")
        said = json.loads(text)
        if not isinstance(said, dict):
            raise TypeError("not an object")
        return said


class _Line(threading.local):
    """A connection to the biller, one for each thread that asks."""

    def __init__(self, leg: BillerLeg, rest: _Rest) -> None:
        self._leg = leg
        self._rest = rest
        parts = urlsplit(leg.url)
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port or (443 if self._secure else 80)
        self._prefix = parts.path.rstrip("/")
        self._socket: BoundedSocket | None = None
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if leg.token:
            self._headers["Authorization"] = f"Bearer {leg.token}"

    def exchange(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Send a question once; give the status and the body of the answer.

        Raises:
            NoAnswer: there is none, or nobody is asked now.
        """
        self._rest.check()
        deadline = time.monotonic() + self._leg.timeout_s
        try:
            return self._exchange(path, body, deadline)
        except TimeoutError as error:
            self._rest.begin()
            raise NoAnswer("timed out") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswer(type(error).__name__) from error

    def _exchange(self, path: str, body: bytes, deadline: float) -> tuple[int, bytes]:
        bounded, self._socket = self._socket, None
        if bounded is None or not _is_quiet(bounded):
            if bounded is not None:
                bounded.end()
            bounded = BoundedSocket(self._connect(deadline), _MOST_BYTES)
        try:
            bounded.begin(deadline)
            connection = http.client.HTTPConnection(self._host, self._port)
            connection.sock = bounded
            connection.request("POST", f"{self._prefix}{path}", body, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except BaseException:
            bounded.end()
            raise
        if answer.will_close or not bounded.was_read_up:
            bounded.end()
        else:
            self._socket = bounded
        return answer.status, text

    def _connect(self, deadline: float) -> socket.socket:
        opened = socket.create_connection((self._host, self._port), seconds_left(deadline))
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure:
                opened.settimeout(seconds_left(deadline))
                return _tls().wrap_socket(opened, server_hostname=self._host)
        except BaseException:
            opened.close()
            raise
        return opened


class _Rest:
    """Leaves a biller alone for a while that did not answer in time."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._until = 0.0

    def begin(self) -> None:
        """Ask nobody for a while."""
        self._until = time.monotonic() + self._pause_s

    def check(self) -> None:
        """See whether somebody may be asked.

        Raises:
            NoAnswer: not yet.
        """
        if time.monotonic() < self._until:
            raise NoAnswer("it has just timed out, and is left alone")


@lru_cache(maxsize=16)
def _line(leg: BillerLeg) -> _Line:
    """Give the connections to a URL, which outlive a question."""
    return _Line(leg, _Rest(leg.pause_s))


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _is_quiet(bounded: BoundedSocket) -> bool:
    """Tell whether the other side has neither closed a kept connection nor said anything since."""
    with suppress(OSError, ValueError):
        return not select.select([bounded], [], [], 0)[0]
    return False


def _failed(error: Exception) -> Failed:
    log.warning("query: %s", _told(error))
    return Failed()


def _told(error: Exception) -> str:
    """Say what was wrong without what the biller has sent."""
    return str(error) if isinstance(error, NoAnswer) else f"unreadable answer ({type(error).__name__})"
