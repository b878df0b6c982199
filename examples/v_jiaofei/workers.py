"""The threads that do what a push does not wait for, and keep on through whatever goes wrong."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .bank import PAUSE_S, BankDown
from .bot import Bot, where

__all__ = ["Workers"]

log = logging.getLogger("v_jiaofei")

_IDLE_S = 0.5
_EVENTS_S = 5.0
"""Between two looks for events while the bank does not send them."""
_SWEEP_S = 600.0
"""Between two looks while it does: for what it could not send, without waiting for it to try again."""
_UPKEEP_S = 60.0


class Workers:
    """Threads around a bot.

    Args:
        bot: whose steps they do.
        count: how many answer and say.
        poll_s: seconds between two looks for mentions, where Weibo has not approved that it pushes them; None for none.
    """

    def __init__(self, bot: Bot, *, count: int = 4, poll_s: float | None = None) -> None:
        self._bot = bot
        self._stopping = threading.Event()
        self._work = threading.Semaphore(0)
        bot.wake = self._work.release
        loops: list[Callable[[], None]] = [self._catch_up] * count
        loops += [self._listen, lambda: self._every(_UPKEEP_S, bot.tidy)]
        if poll_s is not None:
            loops.append(lambda: self._every(poll_s, bot.look_for_mentions))
        self._threads = [
            threading.Thread(target=loop, name=f"v_jiaofei-{number}", daemon=True) for number, loop in enumerate(loops)
        ]

    def start(self) -> None:
        """Begin: what a crash left undone comes first."""
        for thread in self._threads:
            thread.start()

    def stop(self, patience_s: float = 20.0) -> bool:
        """Finish what is in hand; tell whether all ended in time. What is left is done after the next start."""
        self._stopping.set()
        for _ in self._threads:
            self._work.release()
        for thread in self._threads:
            thread.join(patience_s)
        return not any(thread.is_alive() for thread in self._threads)

    def _catch_up(self) -> None:
        while not self._stopping.is_set():
            self._work.acquire(timeout=_IDLE_S)
            self._try(self._do_all)

    def _do_all(self) -> None:
        steps = (self._bot.say_one, self._bot.answer_one, self._bot.hear_one)
        while not self._stopping.is_set() and any(step() for step in steps):
            pass

    def _listen(self) -> None:
        """See to it that the bank sends its events, and read those that it could not send."""
        while not self._stopping.is_set():
            self._try(self._bot.see_to_events)
            while self._try(self._bot.look_for_events) is True and not self._stopping.is_set():
                pass
            self._stopping.wait(_SWEEP_S if self._bot.endpoint.stands else _EVENTS_S)

    def _every(self, seconds: float, step: Callable[[], object]) -> None:
        """Do a step; at once again where there may be more to do, else after a pause."""
        while not self._stopping.is_set():
            more = self._try(step)
            if more is not True:
                self._stopping.wait(seconds)

    def _try(self, step: Callable[[], object]) -> object:
        try:
            return step()
        except BankDown:
            self._stopping.wait(PAUSE_S)
        except Exception as error:  # noqa: BLE001 - a thread that dies would leave messages unanswered
            log.error("a worker failed: %s", where(error))  # noqa: TRY400 - its words may be somebody's
            self._stopping.wait(_IDLE_S)
        return None
