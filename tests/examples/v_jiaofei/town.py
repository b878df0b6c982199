"""A town to try the account in: the sandbox, the stand-in for Weibo over loopback, a clock that stands still.

Nothing works by itself: `work` does the workers' steps until there is nothing left to do.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from flask import Flask
from tests.conftest import Partner, make_partner
from tests.payer import Payer
from werkzeug.wsgi import ClosingIterator

from openteller import OpenTeller
from openteller_sandbox.bank import Bank as Sandbox
from openteller_sandbox.webhooks import service as webhooks
from openteller_sandbox.worlds import service as worlds
from v_jiaofei.app import Settings, create_app, create_bot
from v_jiaofei.bank import BankDown
from v_jiaofei.bot import Bot
from v_jiaofei.serving import serving
from v_jiaofei.stand_in import BOT, VISITOR, Entry, User, WeiboStandIn, What
from v_jiaofei.stand_in import create_app as create_weibo
from v_jiaofei.store import LEASE_S, Store
from v_jiaofei.weibo import WeiboClient

SECRET, TOKEN = "secret-of-the-tests", "token-of-the-tests"
START = 1_790_000_000.0
NOWHERE = "http://127.0.0.1:9"
ELECTRICITY = "3100000011"


KNOWN: WeakKeyDictionary[Flask, Any] = WeakKeyDictionary()
"""What the first account has learnt of a bank: it is the same for all."""


class Crash(BaseException):
    """The end of a process, in the middle of something."""


@dataclass
class Bank:
    """The sandbox behind a wire that can be cut."""

    app: Flask
    sandbox: Sandbox
    answers: bool = True
    broken_paths: tuple[str, ...] = ()
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._lock:
            path = environ["PATH_INFO"]
            self.asked.append(path)
            if not self.answers:
                start_response("200 OK", [("Content-Length", "9")])
                return [b""]  # the connection broke
            if path in self.broken_paths:
                start_response("500 Internal Server Error", [("Content-Type", "text/html")])
                return [b"<h1>Oops</h1>"]
            return list(self.app(environ, start_response))


class _Mortal:
    """An answer whose end may be the process's, too."""

    def __init__(self, inner: Iterable[bytes]) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._inner)

    def close(self) -> None:
        with suppress(Crash):
            self._inner.close()  # type: ignore[attr-defined]


@dataclass
class Town:
    """All who take part."""

    weibo: WeiboStandIn
    bank: Bank
    partner: Partner
    client: OpenTeller
    settings: Settings
    clock: list[float]
    stack: ExitStack
    bot: Bot = field(init=False)
    store: Store = field(init=False)
    app: Flask = field(init=False)
    is_down: bool = False
    _in_hand: int = 0
    _pushes: threading.Condition = field(default_factory=threading.Condition)

    def start(self, *, weibo_url: str | None = None, token: str = TOKEN) -> None:
        """Start the account on the file that it has; after `crash`, anew. It sees to its events, as its thread does."""
        self.store = Store(self.settings.database)
        self.stack.callback(self.store.close)
        way_out = self.stack.enter_context(WeiboClient(weibo_url or self.settings.weibo_url, token))
        sandbox = self.bank.sandbox
        self.bot = create_bot(
            self.settings,
            self.client,
            self.store,
            way_out,
            clock=lambda: self.clock[0],
            wall=lambda: sandbox.clock.wall() / 1000,
        )
        self.app = create_app(self.settings, self.bot, self.store, clock=lambda: self.clock[0])
        self.bot._counter._known = KNOWN.get(self.bank.app)
        self.sweep()

    def restart(self, **how: Any) -> None:
        """End the account as a crash does, and start it again when its leases have run out."""
        self.settle()
        self.store.close()
        self.clock[0] += LEASE_S + 1
        self.start(**how)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Serve what is pushed to the account, as long as that lives."""
        if self.is_down:
            start_response("502 Bad Gateway", [("Content-Length", "0")])
            return [b""]
        with self._pushes:
            self._in_hand += 1
        try:
            return ClosingIterator(_Mortal(self.app(environ, start_response)), self._done)
        except Crash:
            start_response("502 Bad Gateway", [("Content-Length", "0")])
            return ClosingIterator([b""], self._done)

    def _done(self) -> None:
        with self._pushes:
            self._in_hand -= 1
            self._pushes.notify_all()

    def settle(self) -> None:
        """Wait until every push is done with: Weibo has its answer a moment before."""
        with self._pushes:
            assert self._pushes.wait_for(lambda: not self._in_hand, 30)

    def sweep(self) -> None:
        """See to the endpoint, and read the bank's events, as at a start and from time to time."""
        self.bot.see_to_events()
        with suppress(BankDown):
            while self.bot.look_for_events():
                pass

    def lose_endpoint(self) -> None:
        """Remove the endpoint at the bank, and what is known of it."""
        hook = self.store.hook()
        assert hook is not None
        self.client.webhook_endpoints.delete(hook.endpoint_id)
        self.store.forget_hook(hook.endpoint_id)
        self.bot.endpoint.stands = False

    def deliver(self) -> None:
        """Let the bank send the events that are due, in their order."""
        if self.bank.answers:
            world = worlds.find(self.bank.sandbox.db.read(), self.partner.app["world_id"])
            assert world is not None
            webhooks.deliver(self.bank.sandbox, world, time.monotonic() + 30)
            self.settle()

    def work(self) -> None:
        """Do what there is to do. The bank sends its events; nobody reads them."""
        self.settle()
        self.deliver()
        while self.bot.answer_one() or self.bot.say_one() or self.bot.hear_one():
            pass

    def later(self, seconds: float) -> None:
        """Let time pass, and work."""
        self.clock[0] += seconds
        self.work()

    # People

    def ask(self, text: str, user: User = VISITOR) -> str:
        """Write in private, let the account work, and give what it says: lines for several messages."""
        before = len(self.weibo.chat(user))
        assert self.weibo.message(user, text).accepted
        self.work()
        return "\n".join(entry.text for entry in self.weibo.chat(user)[before:] if entry.sender_id == BOT.id)

    def mention(self, text: str, user: User = VISITOR) -> str:
        """Write in public, let the account work, and give its comments."""
        self.weibo.post(user, text)
        self.work()
        return "\n".join(comment.text for comment in self.weibo.timeline[-1].comments)

    def heard(self, user: User = VISITOR) -> list[str]:
        """Give what the account has written to somebody in private."""
        return [entry.text for entry in self.weibo.chat(user) if entry.sender_id == BOT.id]

    def comments(self) -> list[str]:
        """Give all that the account has written in public."""
        return [entry.text for entry in self.weibo.said_by_bot() if entry.what is What.COMMENT]

    def refusals(self) -> list[str]:
        return [entry.text for entry in self.weibo.transcript if entry.what is What.REFUSAL]

    def payer(self, text: str) -> Payer:
        """Give somebody who follows the link in a text."""
        [url] = [word for word in text.replace("：", " ").split() if "/pay/" in word]
        return Payer(self.bank.app.test_client(), url)

    def entries(self) -> list[Entry]:
        return list(self.weibo.transcript)

    def values(self) -> str:
        """Give every text in the account's memory."""
        with closing(sqlite3.connect(self.settings.database)) as file:
            return "\n".join(file.iterdump())

    def files(self) -> bytes:
        """Give every byte that the account has on disk."""
        return b"".join(path.read_bytes() for path in self.settings.database.parent.glob("account.db*"))


@contextmanager
def a_town(flask_app: Flask, sandbox: Sandbox, folder: Path, **options: Any) -> Iterator[Town]:
    """Build one."""
    clock = [START]
    bank = Bank(flask_app, sandbox)
    partner = make_partner(flask_app.test_client())
    with ExitStack() as stack:
        client = stack.enter_context(
            OpenTeller(
                "http://127.0.0.1:8080",
                client_id=partner.app["client_id"],
                client_secret=partner.app["client_secret"],
                wsgi_app=bank,
            )
        )
        account: list[Town] = []

        def front(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            return account[0](environ, start_response)

        url = stack.enter_context(serving(front))
        weibo = WeiboStandIn(f"{url}/weibo", SECRET, TOKEN, now=lambda: clock[0], seed=1, **options)
        stack.callback(weibo.close)
        settings = Settings(
            weibo_app_secret=SECRET,
            weibo_access_token=TOKEN,
            weibo_url=stack.enter_context(serving(create_weibo(weibo))),
            user_ref_key="key-of-the-tests-",
            database=folder / "account.db",
            webhook_url=f"{url}/bank",
        )
        town = Town(weibo, bank, partner, client, settings, clock, stack)
        account.append(town)
        town.start()
        if flask_app not in KNOWN:
            town.bot._counter.learn()
            KNOWN[flask_app] = town.bot._counter._known
        yield town
