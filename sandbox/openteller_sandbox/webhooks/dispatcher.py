"""Who sends deliveries: claim what is due, send it with no transaction open, record what came of it.

A claim is a lease: it ends by itself, and who comes next takes over. Killed between claim and record, a dispatcher
leaves at most what was on its way to be sent twice, and loses nothing. Several may run, in one process or in many.
"""

from __future__ import annotations

import logging
import queue
import random
import secrets
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.db import DatabaseError, EngineError, Tx
from openteller_sandbox.webhooks import schedule, store
from openteller_sandbox.webhooks.outgoing import outgoing
from openteller_sandbox.webhooks.sender import TIMEOUT_S, Attempt, Outgoing, Send, Sender

MOST_IN_FLIGHT = 16
MOST_FOR_AN_ENDPOINT = 4
"""So that one server that does not answer leaves others' deliveries their room."""
LEASE_MS = int(2 * TIMEOUT_S * 1000)
_POLL_S = 0.5
"""Between two looks at the database when nothing calls: other processes write, and time passes."""
_PAUSE_S = 0.01
_PATIENCE_S = 3.0

log = logging.getLogger("openteller_sandbox.webhooks")


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours for a while. at: bank time of the attempt; made: attempts of the schedule before it."""

    webhook_delivery_id: str
    webhook_endpoint_id: str
    world_id: str
    at: int
    made: int
    number: int
    outgoing: Outgoing = field(repr=False)


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
        self._lease = secrets.token_hex(8)
        self._signals: queue.SimpleQueue[tuple[Claim, Attempt] | None] = queue.SimpleQueue()
        self._work: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._in_flight: dict[str, Claim] = {}
        self._slow: set[str] = set()  # endpoints whose server did not answer last time
        self._turns = 0
        self._senders: list[threading.Thread] = []
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
        self._signals.put(None)

    def stop(self) -> None:
        """Claim nothing more, and wait a little for what is on its way."""
        self._stopping.set()
        self.wake()
        if self._thread:
            self._thread.join(_PATIENCE_S + 2)

    def run(self) -> None:
        """Send what is due, until ``stop``. A database that fails is tried again; results wait for it."""
        results: list[tuple[Claim, Attempt]] = []
        while not self._stopping.is_set():
            try:
                claims = self._turn(results)
            except (EngineError, DatabaseError) as error:
                log.warning("deliveries wait: %s", error)
                claims = []
            for claim in claims:
                self._hand_out(claim)
            self._collect(results, _POLL_S if not claims else 0)
        self._end(results)

    def _turn(self, results: list[tuple[Claim, Attempt]]) -> list[Claim]:
        """Record what has come back and claim what there is room for, in one act for each world concerned."""
        room = MOST_IN_FLIGHT - len(self._in_flight)
        work = self._endpoints_with_work() if room > 0 else []
        by_world: defaultdict[str, list[tuple[Claim, Attempt]]] = defaultdict(list)
        for result in results:
            by_world[result[0].world_id].append(result)
        claims: list[Claim] = []
        for world_id in dict.fromkeys([*by_world, *(world.world_id for _, world in work)]):
            mine = [(endpoint, world) for endpoint, world in work if world.world_id == world_id]
            with self._bank.db.act(world_id) as tx:
                for claim, attempt in by_world[world_id]:
                    self.record(tx, claim, attempt)
                claimed = self.claim(tx, mine, room - len(claims))
            results[:] = [result for result in results if result[0].world_id != world_id]
            claims += claimed
        return claims

    def _hand_out(self, claim: Claim) -> None:
        self._in_flight[claim.webhook_delivery_id] = claim
        if len(self._senders) < min(len(self._in_flight), MOST_IN_FLIGHT):
            sender = threading.Thread(target=self._send_all, name="openteller-send", daemon=True)
            self._senders.append(sender)
            sender.start()
        self._work.put(claim)

    def _send_all(self) -> None:
        while (claim := self._work.get()) is not None:
            self._signals.put((claim, self._send(claim.outgoing)))

    def _collect(self, results: list[tuple[Claim, Attempt]], patience_s: float) -> None:
        """Wait for the first result or call, and take all that is there by then."""
        try:
            signal = self._signals.get(timeout=patience_s) if patience_s else self._signals.get_nowait()
            while True:
                if signal is not None:
                    self._came_back(*signal)
                    results.append(signal)
                signal = self._signals.get_nowait()
        except queue.Empty:
            return

    def _came_back(self, claim: Claim, attempt: Attempt) -> None:
        self._in_flight.pop(claim.webhook_delivery_id, None)
        if attempt.outcome == "TIMED_OUT":
            self._slow.add(claim.webhook_endpoint_id)
        else:
            self._slow.discard(claim.webhook_endpoint_id)

    def _end(self, results: list[tuple[Claim, Attempt]]) -> None:
        """Wait a little for what is on its way, and give the rest free for whoever comes next."""
        deadline = time.monotonic() + _PATIENCE_S
        while self._in_flight and time.monotonic() < deadline:
            self._collect(results, _PAUSE_S)
        for _ in self._senders:
            self._work.put(None)
        left = list(self._in_flight.values())
        try:
            with self._bank.db.act() as tx:
                for claim, attempt in results:
                    self.record(tx, claim, attempt)
                for claim in left:
                    tx.run(store.RELEASE, id=claim.webhook_delivery_id, held=self._lease)
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
                    self.record(tx, claim, attempt)

    # --- claims and records ------------------------------------------------------------------------------------------

    def _endpoints_with_work(self, world_id: str = "", *, leased: bool = False) -> list[tuple[str, World]]:
        """Give endpoints with a delivery that is due, in no order. leased: those that somebody sends now, too."""
        wall = self._bank.clock.wall() + (LEASE_MS if leased else 0)
        rows = self._bank.db.read().all(store.ENDPOINTS_WITH_WORK, now=self._bank.now(), wall=wall, world=world_id)
        self._turns += 1
        first = self._turns % (len(rows) or 1)  # nobody is always the last in the queue
        return [
            (row["webhook_endpoint_id"], World(row["world_id"], row["offset_ms"]))
            for row in [*rows[first:], *rows[:first]]
        ]

    def claim(self, tx: Tx, work: Iterable[tuple[str, World]], room: int) -> list[Claim]:
        """Take deliveries that are due, of each endpoint so many that others find room."""
        busy = Counter(claim.webhook_endpoint_id for claim in self._in_flight.values())
        claims: list[Claim] = []
        for endpoint_id, world in work:
            most = 1 if endpoint_id in self._slow else MOST_FOR_AN_ENDPOINT
            count = min(room - len(claims), most - busy[endpoint_id])
            if count > 0:
                claims += self._claim_of(tx, endpoint_id, world, count)
        return claims

    def _claim_of(self, tx: Tx, endpoint_id: str, world: World, count: int) -> list[Claim]:
        now, wall = self._bank.now(world), self._bank.clock.wall()
        claims = []
        for row in tx.all(store.WORK, endpoint=endpoint_id, until=now, wall=wall, count=count):
            delivery_id = row["webhook_delivery_id"]
            taken = tx.run(
                store.LEASE,
                id=delivery_id,
                until=now,
                wall=wall,
                new_lease=self._lease,
                new_until=wall + self._lease_ms,
            )
            if taken:
                sent = outgoing(self._bank, row, delivery_id, row["wire"], now)
                claims.append(
                    Claim(
                        delivery_id,
                        endpoint_id,
                        row["world_id"],
                        now,
                        row["step"],
                        row["attempt_count"] + 1,
                        sent,
                    )
                )
        return claims

    def record(self, tx: Tx, claim: Claim, attempt: Attempt) -> None:
        """Write down what came of an attempt, unless somebody has taken the delivery over or removed it."""
        held = {"id": claim.webhook_delivery_id, "held": self._lease, "number": claim.number}
        if attempt.outcome == "DELIVERED":
            written = tx.run(store.RECORD_DELIVERED, **held, at=claim.at)
        else:
            ended = claim.at + attempt.duration_ms
            due_at = schedule.next_attempt(claim.made + 1, ended, self._chance(), attempt.retry_after_s)
            status = "EXHAUSTED" if due_at is None else "RETRYING"
            written = tx.run(store.RECORD_FAILED, **held, new_status=status, new_due_at=due_at)
        if not written:
            return
        tx.run(
            store.INSERT_ATTEMPT,
            webhook_delivery_id=claim.webhook_delivery_id,
            number=claim.number,
            at=claim.at,
            outcome=attempt.outcome,
            status_code=attempt.status_code,
            duration_ms=attempt.duration_ms,
            answer_excerpt=attempt.excerpt or None,
        )
        if attempt.outcome == "GONE":
            tx.run(store.DISABLE, id=claim.webhook_endpoint_id, reason="GONE", now=claim.at)
            tx.run(store.STOP, id=claim.webhook_endpoint_id)
