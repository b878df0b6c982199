"""A biller with faults on the way to it. Nothing sleeps: whoever is slow answers later, in bank time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from openteller_sandbox import clock
from openteller_sandbox.bank import World
from openteller_sandbox.biller_port.port import (
    Asking,
    Behaviour,
    BillerPort,
    Failed,
    Ground,
    Later,
    LegFault,
    Listed,
    Posting,
    PostingAnswer,
    PostingState,
    QueryAnswer,
    Reversal,
    Turn,
)
from openteller_sandbox.billers.model import Biller

_NO_ANSWER = PostingAnswer(PostingState.NO_ANSWER)


Strike = Callable[[World, str, str, str | None, int, bool], LegFault | None]
"""Takes the world, the leg, the biller, the payment where it is about one, bank time, and whether delays count."""


class FaultyBiller:
    """Implements the port over another one.

    Args:
        biller: who answers where no fault strikes.
        strike: says whether one does.
    """

    def __init__(self, biller: BillerPort, strike: Strike) -> None:
        self._biller = biller
        self._strike = strike

    def query(self, world: World, biller: Biller, inputs: Mapping[str, str], now: int, asking: Asking) -> QueryAnswer:
        """Fail, or answer later: to a payer who is about to confirm, later is never."""
        found = self._strike(world, "query", biller.biller_id, None, now, asking is not Asking.AGAIN)
        if found is None:
            return self._biller.query(world, biller, inputs, now, asking)
        return Later(found.delay_ms) if found.delay_ms and asking is Asking.FIRST else Failed()

    def post(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Reject, post and answer late, post and say nothing, or never get it."""
        found = self._strike(world, "post", posting.biller.biller_id, posting.posting_id, now, True)
        if found is None:
            return self._biller.post(world, posting, now)
        if found.status:
            return PostingAnswer(PostingState.REJECTED)
        if found.drop == "BEFORE":
            return _NO_ANSWER
        self._biller.post(world, posting, now)
        return PostingAnswer(PostingState.NO_ANSWER, answers_after_ms=found.delay_ms or None)

    def query_posting(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Say nothing."""
        found = self._strike(world, "query_posting", posting.biller.biller_id, posting.posting_id, now, True)
        return _NO_ANSWER if found else self._biller.query_posting(world, posting, now)

    def reconcile(self, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed] | None:
        """Have no list today."""
        found = self._strike(world, "reconcile", biller.biller_id, None, now, True)
        return None if found else self._biller.reconcile(world, biller, day, now)

    def reverse(self, world: World, posting: Posting, now: int, ground: Ground) -> Reversal:
        """Say nothing, having taken it back or not."""
        found = self._strike(world, "reverse", posting.biller.biller_id, posting.posting_id, now, True)
        if found is None:
            return self._biller.reverse(world, posting, now, ground)
        if found.drop == "AFTER":
            self._biller.reverse(world, posting, now, ground)
        return Reversal.NO_ANSWER

    def reversal_late_by(self, world: World, biller: Biller, posting_id: str, now: int) -> int:
        """Let the bank hear of it late, or only when the two reconcile."""
        found = self._strike(world, "reverse", biller.biller_id, posting_id, now, True)
        if found is None:
            return self._biller.reversal_late_by(world, biller, posting_id, now)
        tomorrow = clock.start_of_day(clock.bank_date(now)) + clock.DAY + 2 * clock.HOUR
        return found.delay_ms or tomorrow - now

    def behaviour(self, biller: Biller, inputs: Mapping[str, str]) -> Behaviour:
        """Say what the payer does."""
        return self._biller.behaviour(biller, inputs)

    def play(self, world: World, posting_id: str, turn: Turn, now: int) -> None:
        """Let a simulated biller do something by itself: no fault is on the way of what nobody sends."""
        self._biller.play(world, posting_id, turn, now)
