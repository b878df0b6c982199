"""Who sends deliveries: claim what is due, send it with no transaction open, record what came of it.

A claim is a lease: it ends by itself, and who comes next takes over. Killed between claim and record, a dispatcher
leaves at most what was on its way to be sent twice, and loses nothing. Several may run, in one process or in many.
"""

from __future__ import annotations

import logging
import random
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.db import DatabaseError, EngineError, Tx
from openteller_sandbox.webhooks import schedule, store
from openteller_sandbox.webhooks.crew import Claim, Crew, Result, Standing
from openteller_sandbox.webhooks.outgoing import outgoing
from openteller_sandbox.webhooks.sender import TIMEOUT_S, Attempt, Send, Sender

MOST_AT_ONCE = 16
MOST_IN_FLIGHT = 32
"""Deliveries that are on their way, or were sent and have not been recorded yet: what a kill may send twice."""
MOST_FOR_AN_ENDPOINT = 4
"""So that one server that does not answer leaves others' deliveries their room."""
MOST_CLAIMED = 64
MOST_CLAIMED_FOR_AN_ENDPOINT = 16
"""Claimed ahead, so that nobody waits for the database between two deliveries."""
MOST_TRIED = {Standing.NEW: 6, Standing.SLOW: 4}
"""Deliveries to endpoints of which nothing is known, and to those that kept the last one waiting, in hand at one time;
each may hold a thread until its time is over. The other threads are for endpoints whose servers answer."""
MOST_TRIED_IN_ALL = sum(MOST_TRIED.values())
MOST_TRIED_FOR_A_WORLD = 2
LEASE_MS = int(2 * TIMEOUT_S * 1000)
_POLL_S = 0.5
"""Between two looks at the database when nothing calls: other processes write, and time passes."""
_PAUSE_S = 0.01
_PATIENCE_S = 3.0

Work = tuple[str, World]
"""An endpoint with a delivery that is due, and its world."""

log = logging.getLogger("openteller_sandbox.webhooks")


class Dispatcher:
    """Sends what is due.

    Args:
        bank: whose deliveries.
        send: makes one attempt; the bank's own way unless told.
        chance: gives what is left to chance, from 0 to 1.
        lease_ms: for how long a claim is ours, wall time; longer than an attempt may take.
    """

    def __init__(
        self,
        bank: Bank,
        send: Send | None = None,
        chance: Callable[[], float] = random.random,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._bank = bank
        self._lease_ms = lease_ms
        self._sender = Sender(allow_loopback=bank.settings.webhook_loopback, wall_s=lambda: bank.clock.wall() / 1000)
        self._send = send or self._sender
        self._chance = chance
        self._name = secrets.token_hex(8)
        self._claims = count()
        self._crew = Crew(
            self._send, threads=MOST_AT_ONCE, most_for_one=MOST_FOR_AN_ENDPOINT, most_in_flight=MOST_IN_FLIGHT
        )
        self._turns = 0
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # --- as a thread of its own, or a process ------------------------------------------------------------------------

    def start(self) -> None:
        """Run in a thread of its own, until ``stop``."""
        self._bank.dispatching = True
        self._thread = threading.Thread(target=self.run, name="openteller-dispatch", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be something to do."""
        self._crew.wake()

    def stop(self) -> None:
        """Claim nothing more, and wait a little for what is on its way."""
        self._stopping.set()
        self.wake()
        if self._thread:
            self._thread.join(_PATIENCE_S + 2)

    def run(self) -> None:
        """Send what is due, until ``stop``. A database that fails is tried again; results wait for it."""
        results: list[Result] = []
        is_relaxed = False
        while not self._stopping.is_set():
            try:
                if not is_relaxed:
                    self._bank.db.relax()  # a result that a power cut takes is had again, by sending again
                    is_relaxed = True
                claims = self._turn(results)
            except (EngineError, DatabaseError) as error:
                log.warning("deliveries wait: %s", error)
                claims = []
            else:
                self._crew.recorded(results)
                results.clear()
            self._crew.hand_out(claims)
            results += self._crew.collect(_POLL_S)
        self._end(results)

    def _turn(self, results: list[Result]) -> list[Claim]:
        """Record what has come back and claim what there is room for.

        In one act, or where other processes write, too, in one for each world concerned: none waits for another's.
        """
        room = MOST_CLAIMED - len(self._crew.in_hand)
        work = self._bounded(self._endpoints_with_work()) if room > MOST_CLAIMED // 2 else []
        parts: defaultdict[str | None, tuple[list[Result], list[Work]]] = defaultdict(lambda: ([], []))
        is_shared = self._bank.db.shared
        for result in results:
            parts[result[0].world_id if is_shared else None][0].append(result)
        for one in work:
            parts[one[1].world_id if is_shared else None][1].append(one)
        claims: list[Claim] = []
        for scope, (came_back, due) in parts.items():
            if came_back or len(claims) < room:
                with self._bank.db.act(scope) as tx:
                    self.record(tx, came_back)
                    claims += self.claim(tx, due, room - len(claims))
        return claims

    def _end(self, results: list[Result]) -> None:
        """Wait a little for what is on its way, and give the rest free for whoever comes next."""
        deadline = time.monotonic() + _PATIENCE_S
        left = self._crew.end()
        while self._crew.in_hand and time.monotonic() < deadline:
            results += self._crew.collect(_PAUSE_S)
        left += self._crew.in_hand.values()
        try:
            with self._bank.db.act() as tx:
                self.record(tx, [*results, *((claim, None) for claim in left)])
        except (EngineError, DatabaseError) as error:
            log.warning("what was on its way may be sent again: %s", error)

    def close(self) -> None:
        """Let go of connections."""
        self._sender.close()

    # --- one world, here and now -------------------------------------------------------------------------------------

    def deliver_world(self, world: World, deadline: float) -> None:
        """See to it that what is due in a world by its clock now has been sent.

        Where a dispatcher runs beside the server, this waits for it, and for others; else it sends, one after the
        other.

        Args:
            world: which one.
            deadline: on the monotonic clock; what is left then is left.
        """
        while time.monotonic() < deadline and self._endpoints_with_work(world.world_id, leased=True):
            work = [] if self._bank.dispatching else self._endpoints_with_work(world.world_id)
            claims: list[Claim] = []
            if work:
                with self._bank.db.act(world.world_id) as tx:
                    claims = self.claim(tx, work, 1)
            if not claims:
                time.sleep(_PAUSE_S)
            for claim in claims:
                attempt = self._send(claim.outgoing)
                with self._bank.db.act(world.world_id) as tx:
                    self.record(tx, [(claim, attempt)])

    # --- claims and records ------------------------------------------------------------------------------------------

    def _endpoints_with_work(self, world_id: str = "", *, leased: bool = False) -> list[Work]:
        """Give endpoints with a delivery that is due, in no order. leased: those that somebody sends now, too."""
        wall = self._bank.clock.wall() + (LEASE_MS if leased else 0)
        rows = self._bank.db.read().all(store.ENDPOINTS_WITH_WORK, now=self._bank.now(), wall=wall, world=world_id)
        self._turns += 1
        first = self._turns % (len(rows) or 1)  # nobody is always the last in the queue
        return [
            (row["webhook_endpoint_id"], World(row["world_id"], row["offset_ms"]))
            for row in [*rows[first:], *rows[:first]]
        ]

    def claim(self, tx: Tx, work: Iterable[Work], room: int) -> list[Claim]:
        """Take deliveries that are due, of each endpoint so many that others find room."""
        claims: list[Claim] = []
        for endpoint_id, world in work:
            is_trusted = self._crew.standing(endpoint_id, world.world_id) is Standing.TRUSTED
            most = MOST_CLAIMED_FOR_AN_ENDPOINT if is_trusted else 1
            number = min(room - len(claims), most - self._crew.waiting(endpoint_id))
            if number > 0:
                claims += self._claim_of(tx, endpoint_id, world, number)
        return claims

    def _bounded(self, work: list[Work]) -> list[Work]:
        """Leave out endpoints that may hold a thread, but for few of all and of a world. Worlds that have none in hand
        come first.
        """
        standings = [self._crew.standing(endpoint_id, world.world_id) for endpoint_id, world in work]
        trusted = [one for one, standing in zip(work, standings, strict=True) if standing is Standing.TRUSTED]
        if len(trusted) == len(work):
            return work
        of_worlds, in_all = self._in_hand_to_try()
        tried: list[Work] = []
        for most in range(1, MOST_TRIED_FOR_A_WORLD + 1):
            for one, standing in zip(work, standings, strict=True):
                has_room = of_worlds[one[1].world_id] < most and in_all.total() < MOST_TRIED_IN_ALL
                is_at_it = one in tried or self._crew.waiting(one[0])
                if has_room and in_all[standing] < MOST_TRIED.get(standing, 0) and not is_at_it:
                    tried.append(one)
                    of_worlds[one[1].world_id] += 1
                    in_all[standing] += 1
        return [*tried, *trusted]

    def _in_hand_to_try(self) -> tuple[Counter[str], Counter[Standing]]:
        """Count deliveries in hand to endpoints that are not trusted, by world and by standing."""
        of_worlds, in_all = Counter[str](), Counter[Standing]()
        for claim in self._crew.in_hand.values():
            standing = self._crew.standing(claim.webhook_endpoint_id, claim.world_id)
            if standing is not Standing.TRUSTED:
                of_worlds[claim.world_id] += 1
                in_all[standing] += 1
        return of_worlds, in_all

    def _claim_of(self, tx: Tx, endpoint_id: str, world: World, number: int) -> list[Claim]:
        now, wall, lease = self._bank.now(world), self._bank.clock.wall(), f"{self._name}.{next(self._claims)}"
        lease_s = self._lease_ms / 1000
        good_until = time.monotonic() + max(lease_s - TIMEOUT_S, lease_s / 2)
        of_endpoint = {"endpoint": endpoint_id, "until": now, "count": number}
        taken = tx.run(store.LEASE, **of_endpoint, wall=wall, new_lease=lease, new_until=wall + self._lease_ms)
        if not taken:
            return []
        return [
            Claim(
                row["webhook_delivery_id"],
                endpoint_id,
                row["world_id"],
                now,
                row["step"],
                row["attempt_count"] + 1,
                lease,
                good_until,
                outgoing(self._bank, row, row["webhook_delivery_id"], row["wire"], now),
            )
            for row in tx.all(store.WORK, **of_endpoint, lease=lease)
        ]

    def record(self, tx: Tx, results: Iterable[Result]) -> None:
        """Write down what came of claims, except of deliveries that somebody has taken over, or removed."""
        delivered = [(claim, attempt) for claim, attempt in results if attempt and attempt.outcome == "DELIVERED"]
        tx.run_many(store.INSERT_ATTEMPT, [_attempt(claim, attempt) for claim, attempt in delivered])
        tx.run_many(
            store.RECORD_DELIVERED, [_held(claim) | {"number": claim.number, "at": claim.at} for claim, _ in delivered]
        )
        for claim, attempt in results:
            if attempt is None:
                tx.run(store.RELEASE, **_held(claim))
            elif attempt.outcome != "DELIVERED":
                self._record_failed(tx, claim, attempt)

    def _record_failed(self, tx: Tx, claim: Claim, attempt: Attempt) -> None:
        if not tx.run(store.INSERT_ATTEMPT, **_attempt(claim, attempt)):
            return
        ended = claim.at + attempt.duration_ms
        due_at = schedule.next_attempt(claim.made + 1, ended, self._chance(), attempt.retry_after_s)
        status = "EXHAUSTED" if due_at is None else "RETRYING"
        tx.run(store.RECORD_FAILED, **_held(claim), number=claim.number, new_status=status, new_due_at=due_at)
        if attempt.outcome == "GONE":
            tx.run(store.DISABLE, id=claim.webhook_endpoint_id, reason="GONE", now=claim.at)
            tx.run(store.STOP, id=claim.webhook_endpoint_id)


def _held(claim: Claim) -> dict[str, Any]:
    return {"id": claim.webhook_delivery_id, "held": claim.lease}


def _attempt(claim: Claim, attempt: Attempt) -> dict[str, Any]:
    return _held(claim) | {
        "number": claim.number,
        "at": claim.at,
        "outcome": attempt.outcome,
        "status_code": attempt.status_code,
        "duration_ms": attempt.duration_ms,
        "answer_excerpt": attempt.excerpt or None,
    }
