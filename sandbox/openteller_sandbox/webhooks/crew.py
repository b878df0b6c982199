"""Threads that send what a dispatcher has claimed: of one endpoint a few deliveries at once, of all of them more.

What is claimed ahead waits here, so that nobody waits for the database between two deliveries. A claim that has waited
for so long that it could expire while it is sent is given back instead.

An endpoint whose server answers soon is trusted: it may have several threads, and all of them but a few are for such
ones. One that nothing is known of, or that has kept its last delivery waiting, is tried with one delivery at a time,
and few of these are on their way together: a server that accepts and says nothing costs a thread until the time-out.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from openteller_sandbox.webhooks.sender import Attempt, Outgoing, Send

_BATCH = 16
"""Results that are worth a transaction. With fewer, whoever records waits a moment for more."""
_MOMENT_S = 0.002
_MOST_LANES = 1024
SLOW_MS = 3_000
"""An answer that took longer is worth one that never came: it holds a thread."""
_MOST_OWED = 64


class Standing(Enum):
    """What is known of an endpoint: its server answers soon; nothing; or it kept its last delivery waiting, or another
    one of its world did while nothing is known of it.
    """

    TRUSTED = auto()
    NEW = auto()
    SLOW = auto()


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours for a while.

    at: bank time of the attempt; made: attempts of the schedule before it; lease: what it is held with; good_until: on
    the monotonic clock, when it is too late to begin.
    """

    webhook_delivery_id: str
    webhook_endpoint_id: str
    world_id: str
    at: int
    made: int
    number: int
    lease: str
    good_until: float
    outgoing: Outgoing = field(repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other, an expired one of the same delivery among them."""
        return self.webhook_delivery_id, self.lease


Result = tuple[Claim, Attempt | None]
"""What came of a claim; None where it was too late to begin."""


class _Lane:
    """The deliveries of one endpoint. tokens: how many threads are at it, or will be; owed: answers until it is
    trusted, None before the first; misses: how many never came.
    """

    __slots__ = ("claims", "misses", "owed", "tokens", "world_id")

    def __init__(self, world_id: str) -> None:
        self.claims: deque[Claim] = deque()
        self.tokens = 0
        self.world_id = world_id
        self.owed: int | None = None
        self.misses = 0

    @property
    def is_trusted(self) -> bool:
        return self.owed == 0

    @property
    def is_slow(self) -> bool:
        return bool(self.owed)

    def learn(self, attempt: Attempt) -> None:
        """Take note of an attempt. Who is slow again and again has to answer ever more often to be trusted again, so
        that nobody gets many threads by answering now and then.
        """
        if attempt.outcome == "TIMED_OUT":
            self.misses += 1
            self.owed = min(2 ** min(self.misses, 10), _MOST_OWED)
        elif attempt.duration_ms > SLOW_MS:
            self.owed = max(self.owed or 0, 1)
        else:
            self.owed = max((self.owed or 0) - 1, 0)


class Crew:
    """The threads. One other thread hands out claims and collects results.

    Args:
        send: makes one attempt.
        threads: how many deliveries are on their way at once.
        most_for_one: how many of one endpoint are.
        most_in_flight: how many are, or have come back and have not been recorded yet.
    """

    def __init__(self, send: Send, *, threads: int, most_for_one: int, most_in_flight: int) -> None:
        self._send = send
        self._most = threads
        self._most_for_one = most_for_one
        self._most_in_flight = most_in_flight
        self._lock = threading.Lock()
        self._lanes: dict[str, _Lane] = {}
        self._slow_lanes: Counter[str] = Counter()  # by world
        self._ready: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()
        self._in_flight = 0
        self._held_up: list[_Lane] = []
        self._results: list[Result] = []
        self._called = threading.Event()
        self._threads: list[threading.Thread] = []
        self.in_hand: dict[tuple[str, str], Claim] = {}

    def waiting(self, endpoint_id: str) -> int:
        """Give how many claims of an endpoint are in hand and have not come back."""
        lane = self._lanes.get(endpoint_id)
        return len(lane.claims) + lane.tokens if lane else 0

    def standing(self, endpoint_id: str, world_id: str) -> Standing:
        """Tell what is known of an endpoint."""
        lane = self._lanes.get(endpoint_id)
        if lane is not None and lane.is_trusted:
            return Standing.TRUSTED
        return Standing.SLOW if self._slow_lanes[world_id] else Standing.NEW

    def wake(self) -> None:
        """Let ``collect`` return."""
        self._called.set()

    def hand_out(self, claims: Iterable[Claim]) -> None:
        """Let claims be sent."""
        if len(self._lanes) > _MOST_LANES:
            self._forget_idle_lanes()
        for claim in claims:
            self.in_hand[claim.key] = claim
            with self._lock:
                lane = self._lanes.setdefault(claim.webhook_endpoint_id, _Lane(claim.world_id))
                lane.claims.append(claim)
                is_ready = lane.tokens < self._most_tokens(lane)
                lane.tokens += is_ready
            if is_ready:
                self._ready.put(lane)
        while len(self._threads) < min(len(self.in_hand), self._most):
            thread = threading.Thread(target=self._work, name="openteller-send", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _most_tokens(self, lane: _Lane) -> int:
        return self._most_for_one if lane.is_trusted else 1

    def _forget_idle_lanes(self) -> None:
        with self._lock:
            self._lanes = {
                name: lane for name, lane in self._lanes.items() if lane.claims or lane.tokens or lane.is_slow
            }

    def collect(self, patience_s: float) -> list[Result]:
        """Wait for a call or a result, and a moment longer for several; give the results that are there by then."""
        if self._called.wait(patience_s):
            if 0 < len(self._results) < min(_BATCH, len(self.in_hand)):
                self._called.clear()
                self._called.wait(_MOMENT_S)
            self._called.clear()  # before the results are taken: what comes after calls anew
        with self._lock:
            results, self._results = self._results, []
        for claim, _ in results:
            self.in_hand.pop(claim.key, None)
        return results

    def recorded(self, results: Sequence[Result]) -> None:
        """Make room for as many more."""
        with self._lock:
            self._in_flight -= len(results)
            go_on, self._held_up = self._held_up, []
        for lane in go_on:
            self._ready.put(lane)

    def end(self) -> list[Claim]:
        """Begin nothing more; give the claims that have not been begun."""
        with self._lock:
            left = [claim for lane in self._lanes.values() for claim in lane.claims]
            for lane in self._lanes.values():
                lane.claims.clear()
        for _ in self._threads:
            self._ready.put(None)
        for claim in left:
            self.in_hand.pop(claim.key, None)
        return left

    def _work(self) -> None:
        while (lane := self._ready.get()) is not None:
            if claim := self._begin(lane):
                attempt = self._send(claim.outgoing) if time.monotonic() < claim.good_until else None
                self._came_back(lane, claim, attempt)

    def _begin(self, lane: _Lane) -> Claim | None:
        """Give the lane's next claim, if there is one and room for it."""
        with self._lock:
            if self._in_flight >= self._most_in_flight:
                self._held_up.append(lane)
                return None
            if not lane.claims:
                lane.tokens -= 1
                return None
            self._in_flight += 1
            return lane.claims.popleft()

    def _came_back(self, lane: _Lane, claim: Claim, attempt: Attempt | None) -> None:
        with self._lock:
            before = len(self._results)
            self._results.append((claim, attempt))
            if attempt is not None:
                self._learn(lane, attempt)
            goes_on = bool(lane.claims) and lane.tokens <= self._most_tokens(lane)
            lane.tokens -= not goes_on
            count = len(self._results)
        if goes_on:
            self._ready.put(lane)
        if not before or before < _BATCH <= count:
            self._called.set()

    def _learn(self, lane: _Lane, attempt: Attempt) -> None:
        """Take note of an attempt; of a lane that is slow, what was claimed ahead is given back."""
        was_slow = lane.is_slow
        lane.learn(attempt)
        self._slow_lanes[lane.world_id] += lane.is_slow - was_slow
        if not self._slow_lanes[lane.world_id]:
            del self._slow_lanes[lane.world_id]
        if lane.is_slow and lane.claims:
            self._in_flight += len(lane.claims)
            self._results += [(claim, None) for claim in lane.claims]
            lane.claims.clear()
