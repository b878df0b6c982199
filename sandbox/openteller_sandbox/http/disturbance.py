"""What an ordered fault does to a request, and how a server that can wait is told to.

A server that sets ``HOLDS`` in the environment holds answers back itself, beside everything else that it does; any
other WSGI host waits in the request.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.http.front import Pieces

HOLDS = "openteller.holds"
"""Set by a server that does what ``HELD_MS`` and ``CUT`` ask for."""
HELD_MS = "openteller.held_ms"
CUT = "openteller.cut"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """code: the problem that is answered, nothing done; drop: BEFORE or AFTER the operation was done."""

    code: str | None = None
    delay_ms: int = 0
    drop: str | None = None


class Lost(Exception):
    """The request never arrives."""


Disturb = Callable[[Bank, World, str | None, str, int], Disturbance | None]
"""Takes the bank, the world, the operation's id (None for a page), the path and bank time."""


def undisturbed(bank: Bank, world: World, operation_id: str | None, path: str, now: int) -> None:
    """Let everything through."""


def hand_over(environ: dict[str, Any], disturbance: Disturbance, wait: Callable[[float], None]) -> bool:
    """Have an answer held back and cut by the server where it can; give whether the caller has to cut it.

    wait: sleeps for some seconds, where nobody else can.
    """
    if environ.get(HOLDS):
        environ[HELD_MS] = disturbance.delay_ms
        environ[CUT] = disturbance.drop is not None
        return False
    if disturbance.delay_ms:
        wait(disturbance.delay_ms / 1000)
    return disturbance.drop is not None


def cut(headers: list[tuple[str, str]], body: bytes | Pieces) -> tuple[list[tuple[str, str]], bytes]:
    """Announce more than is sent, and hang up: what a client sees of a connection that broke in the middle."""
    if isinstance(body, Pieces):
        body = next(body, b"")
    kept = [item for item in headers if item[0].lower() not in {"content-length", "connection"}]
    announced = [("Content-Length", str(len(body) + 1)), ("Connection", "close")]
    return [*kept, *announced], body[: len(body) // 2]
