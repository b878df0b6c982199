"""The whole story on one machine: a stand-in for Weibo, the account, the bank's sandbox, and a payer.

python -m v_jiaofei.demo            tells it and stays up, for a visitor to go on
python -m v_jiaofei.demo --once     ends when it is told
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from openteller import OpenTeller, OpenTellerError
from openteller.models import App, Biller

from .app import Settings, create_app, create_bot
from .payer import Payer
from .serving import serving
from .stand_in import VISITOR, User, WeiboStandIn, What
from .stand_in import create_app as create_weibo
from .store import Store
from .weibo import WeiboClient
from .workers import Workers

BANK_TIME = "2026-09-29T10:30:00+08:00"
"""A Tuesday before the holidays, with every kind of the seed's rates at hand."""
BILLER = "SH-ELECTRICITY-01"
VISITORS_BILLER = "SH-GAS-01"
"""Whose bill a visitor can pay, when the story is told."""
ACCOUNT = "3100000011"
OTHER_ACCOUNT = "3100000029"
CUSTOMER = {"customer_number": "62000001", "demo_code": "246810"}
HINT = """试试私信：上海 燃气费 户号{account}
付款：客户号 {customer_number}，验证码 {demo_code}
Try in private: Shanghai gas {account}
To pay: customer {customer_number}, code {demo_code}"""
_PATIENCE_S = 30.0
_LINK = re.compile(r"https?://[!-~]+?/pay/[a-z0-9]+")


class StoryError(Exception):
    """The story did not go as it should; the message says where."""


def main() -> None:
    """Tell the story."""
    parser = argparse.ArgumentParser(prog="python -m v_jiaofei.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", default=bool(os.environ.get("ONCE")), help="end when it is told")
    options = parser.parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # told as it happens, through a pipe too
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ExitStack() as stack:
            Story(stack).tell(stays=not options.once)
    except KeyboardInterrupt:
        print()
    except (StoryError, OpenTellerError) as error:
        raise SystemExit(f"the demo failed: {error}") from error


class Story:
    """The cast, and what they do.

    Args:
        stack: ends what was started, when the story is over.
    """

    def __init__(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="v_jiaofei-")))
        self.bank_url = stack.enter_context(_sandbox(folder))
        app = _create_app(self.bank_url)
        self.bank = stack.enter_context(
            OpenTeller(self.bank_url, client_id=app.client_id, client_secret=app.client_secret)
        )
        secret, token = secrets.token_hex(16), secrets.token_urlsafe(16)
        bot_port = _free_port()
        self.weibo = WeiboStandIn(f"http://127.0.0.1:{bot_port}/weibo", secret, token)
        stack.callback(self.weibo.close)
        hint = HINT.format(account=self._account_of_a_visitor(), **CUSTOMER)
        self.weibo_url = stack.enter_context(serving(create_weibo(self.weibo, hint=hint)))
        settings = Settings(
            weibo_app_secret=secret,
            weibo_access_token=token,
            weibo_url=self.weibo_url,
            user_ref_key=secrets.token_hex(16),
            database=folder / "v_jiaofei.db",
            webhook_url=f"http://127.0.0.1:{bot_port}/bank",
        )
        store = stack.enter_context(closing(Store(settings.database)))
        weibo = stack.enter_context(WeiboClient(settings.weibo_url, settings.weibo_access_token))
        bot = create_bot(settings, self.bank, store, weibo)
        workers = Workers(bot)
        stack.callback(workers.stop)
        workers.start()
        self.bot_url = stack.enter_context(serving(create_app(settings, bot, store), port=bot_port))
        if not self.weibo.connect():
            raise StoryError("the account did not answer Weibo's check of its address")
        self._steps = 0

    def tell(self, *, stays: bool) -> None:
        """Tell it, and stay up for a visitor if asked."""
        _row("微博 Weibo", self.weibo_url, "a stand-in: true signatures, limits, redeliveries")
        _row("账号 Account", f"{self.bot_url}/weibo", "V缴费, which Weibo pushes to")
        _row("银行 Bank", self.bank_url, "the sandbox; bank time 2026-09-29 10:30 in Beijing")
        paid = self._in_public()
        self._pay(paid, ACCOUNT)
        self._thanks(before=0)
        self._careless()
        self._in_private()
        self._anyone_may_ask()
        self._twice()
        print("\nThe bills are paid, and nobody's number stood in public · 缴费完成")
        if stays:
            self._stay()

    # The scenes

    def _in_public(self) -> str:
        self._scene("A mention in public, and the account's one reply", "公开提到账号")
        said = self._mention(VISITOR, "@V缴费 交上海电费")
        _row("小明 writes", "@V缴费 交上海电费")
        _row("V缴费 replies", said)
        return _link(said)

    def _pay(self, url: str, account: str) -> None:
        self._scene("The payer opens the link: the bank's page asks the rest", "付款人在银行页面缴费")
        answers = {
            "start": {},
            "biller": {"biller_id": self._biller(BILLER).biller_id},
            "account": {"in_account_number": account},
            "digits": {"digits": account[-4:]},
            "sign_in": CUSTOMER,
            "confirm": {},
        }
        with Payer() as payer:
            pages = list(payer.walk(url, answers))
        for page in pages:
            _row("银行页面 Page", page.heading)
        if "成功" not in pages[-1].heading:
            raise StoryError(f"the bank's page ended with {pages[-1].heading!r}")

    def _thanks(self, before: int) -> None:
        self._scene("Thanks, in private, with the way to the receipt", "私信致谢")
        _row("V缴费 writes", self._next_private(VISITOR, before, "the thanks"))

    def _careless(self) -> None:
        self._scene("Somebody posts a number in public", "有人公开发了户号")
        careless = self.weibo.add_user("小红")
        text = "@V缴费 帮我交上海电费，户号 ３１００ ００００２９"
        _row("小红 writes", text)
        _row("V缴费 replies", self._mention(careless, text))
        _row("", "the digits were dropped before anything was stored · 号码未被保存")

    def _in_private(self) -> None:
        self._scene("In private: the bill itself, read from a message as people write", "私信缴费")
        for text in ("电費 三一零零 零零零零二九", "上海"):
            before = len(self.weibo.chat(VISITOR))
            self.weibo.message(VISITOR, text)
            _row("小明 writes", text)
            said = self._next_private(VISITOR, before + 1, f"the answer to {text!r}")
            _row("V缴费 writes", said)
        before = len(self.weibo.chat(VISITOR))
        self._pay(_link(said), OTHER_ACCOUNT)
        self._thanks(before)

    def _anyone_may_ask(self) -> None:
        self._scene("What anyone may ask: a branch, a rate", "网点与汇率")
        for text in ("上海 人民广场 最近的网点", "美元汇率"):
            before = len(self.weibo.chat(VISITOR))
            self.weibo.message(VISITOR, text)
            _row("小明 writes", text)
            _row("V缴费 writes", self._next_private(VISITOR, before + 1, f"the answer to {text!r}"))

    def _twice(self) -> None:
        self._scene("Weibo delivers a message three times", "重复推送")
        before = len(self.weibo.said_by_bot())
        delivery = self.weibo.message(VISITOR, "帮助", copies=3)
        answers = len(self.weibo.said_by_bot()) - before
        _row("推送 Pushed", f"{len(delivery.statuses)} times, answered {answers} time")
        if answers != 1:
            raise StoryError(f"one message, {answers} answers")

    def _stay(self) -> None:
        print("\nStill here, until Ctrl-C · 可以继续试用")
        _row("微博 Weibo", self.weibo_url, "write to @V缴费 in public or in private, and open its links")
        account, customer = self._account_of_a_visitor(), CUSTOMER["customer_number"]
        _row("试试 Try", f"上海 燃气费 户号{account}")
        _row("付款人 Payer", f"customer {customer}, code {CUSTOMER['demo_code']}")
        _row("参考 Reference", f"{self.bank_url}/docs")
        threading.Event().wait()

    # How

    def _biller(self, code: str) -> Biller:
        return next(one for one in self.bank.billers.list(q=code) if one.biller_code == code)

    def _account_of_a_visitor(self) -> str:
        """Give an account on which a bill is due."""
        values = self.bank.sandbox.magic_values(biller_id=self._biller(VISITORS_BILLER).biller_id)
        return next(value.inputs["account_number"] for value in values if value.scenario == "DUE_BILL")

    def _scene(self, english: str, chinese: str) -> None:
        self._steps += 1
        print(f"\n{self._steps}  {english} · {chinese}")

    def _mention(self, user: User, text: str) -> str:
        before = len(self._comments())
        self.weibo.post(user, text)
        return _awaited("the comment", lambda: self._comments()[before:])

    def _comments(self) -> list[str]:
        return [entry.text for entry in self.weibo.said_by_bot() if entry.what is What.COMMENT]

    def _next_private(self, user: User, before: int, what: str) -> str:
        def said() -> list[str]:
            return [entry.text for entry in self.weibo.chat(user)[before:] if entry.sender_id != user.id]

        return _awaited(what, said)


def _awaited(what: str, look: Callable[[], list[str]]) -> str:
    ends = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends:
        if found := look():
            return found[0]
        time.sleep(0.05)
    raise StoryError(f"{what} did not come within {_PATIENCE_S:.0f} s")


def _link(text: str) -> str:
    found = _LINK.search(text)
    if found is None:
        raise StoryError(f"there is no payment link in {text!r}")
    return found.group()


def _create_app(bank_url: str) -> App:
    with OpenTeller(bank_url) as anyone:
        return anyone.sandbox.create_app(name="V缴费 Demo")


@contextmanager
def _sandbox(folder: Path) -> Iterator[str]:
    """Run a sandbox in a process of its own, on a new database."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "openteller", "sandbox", "serve", "--port", str(port)]
    command += ["--database", str(folder / "bank.db"), "--clock", BANK_TIME]
    log = folder / "sandbox.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)  # noqa: S603 - this Python, our own options
    try:
        _wait_until_up(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    with OpenTeller(url, max_retries=0) as bank:
        while time.monotonic() < ends and process.poll() is None:
            try:
                bank.status.get()
            except OpenTellerError:
                time.sleep(0.1)
            else:
                return
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    raise StoryError(f"the sandbox did not start: {lines[-1] if lines else process.returncode}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _row(label: str, *words: str) -> None:
    width = sum(2 if ord(one) > 0x2E80 else 1 for one in label)
    first, *rest = "  ".join(words).split("\n")
    print(f"   {label}{' ' * (16 - width)}{first}")
    for line in rest:
        print(f"   {' ' * 16}{line}")


if __name__ == "__main__":
    main()
