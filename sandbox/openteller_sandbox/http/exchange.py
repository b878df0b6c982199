"""A request on its way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from werkzeug import Request

from openteller_sandbox import ids
from openteller_sandbox.bank import ANONYMOUS, Caller
from openteller_sandbox.contract import Operation
from openteller_sandbox.http.disturbance import Disturbance
from openteller_sandbox.http.limits import Quota


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request brings to prove that its sender holds a key: the values of its header ``DPoP``, and what the
    proof has to be about.
    """

    proofs: tuple[str, ...] = field(repr=False)
    method: str
    path: str = field(repr=False)


@dataclass(slots=True)
class Exchange:
    """What is known of a request while it is answered; operation: None for a page."""

    received: Request = field(repr=False)
    operation: Operation | None = None
    caller: Caller = ANONYMOUS
    quota: Quota | None = None
    problem_code: str | None = None
    disturbance: Disturbance | None = None
    request_id: str = field(default_factory=lambda: ids.new("rqs"))
    started_ns: int = field(default_factory=time.perf_counter_ns, repr=False)

    @property
    def duration_ms(self) -> int:
        """How long it has taken so far."""
        return (time.perf_counter_ns() - self.started_ns) // 1_000_000
