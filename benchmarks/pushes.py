"""Push messages at V缴费 as Weibo would, and look whether each is answered once, and how soon.

    python benchmarks/pushes.py [--pushes 5000] [--duplicates 1200] [--connections 16]

Four programs on this machine: the sandbox, the account (``python -m v_jiaofei``), and in this one the stand-in for
Weibo, which signs the pushes and takes the answers, and the crowd that writes. Three messages in five ask for a bill,
which the account fetches and makes a link for; the others are mentions, and questions for a rate, a branch and help.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any

PROJECT = Path(__file__).parents[1]
sys.path[:0] = [str(PROJECT / part) for part in ("sdk", "sandbox", "examples")]

from openteller import OpenTeller, OpenTellerError  # noqa: E402
from v_jiaofei.serving import serving  # noqa: E402
from v_jiaofei.stand_in import BOT, User, WeiboStandIn, What, create_app  # noqa: E402
from v_jiaofei.weibo import limits  # noqa: E402 - found by the line above

BANK_TIME = "2026-09-29T10:30:00+08:00"
_UNLIMITED = 10**9
_LATEST_S = 60.0
_SCATTERED = random.Random(20260929).sample(range(1000, 100_000), 20_000)


def measure(pushes: int, duplicates: int, connections: int) -> dict[str, Any]:
    """Push, wait for the last answer, and count.

    Returns:
        seconds of an answer as p50, p99 and longest; how many messages were answered once, more than once, never.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=PROJECT / "benchmarks" / "results")))
        secret, token = secrets.token_hex(16), secrets.token_urlsafe(16)
        port = _free_port()
        generous = replace(limits(), calls_per_day=_UNLIMITED, comments_per_hour=_UNLIMITED, push_timeout_seconds=30.0)
        weibo = WeiboStandIn(f"http://127.0.0.1:{port}/weibo", secret, token, rules=generous, seed=1)
        weibo_url = stack.enter_context(serving(create_app(weibo)))
        bank_url = stack.enter_context(_sandbox(folder))
        with OpenTeller(bank_url) as anyone:
            app = anyone.sandbox.create_app(name="V缴费")
        settings = {
            "OPENTELLER_BASE_URL": bank_url,
            "OPENTELLER_CLIENT_ID": app.client_id,
            "OPENTELLER_CLIENT_SECRET": app.client_secret,
            "WEIBO_URL": weibo_url,
            "WEIBO_APP_SECRET": secret,
            "WEIBO_ACCESS_TOKEN": token,
            "USER_REF_KEY": secrets.token_hex(16),
            "DATABASE": str(folder / "account.db"),
        }
        stack.enter_context(_account_served(folder, port, weibo, settings))
        crowd = Crowd(weibo, pushes - duplicates, duplicates)
        began = time.monotonic()
        crowd.write(connections)
        return crowd.seen(time.monotonic() - began)


class Crowd:
    """People who write, one message each, and what came of it."""

    def __init__(self, weibo: WeiboStandIn, messages: int, duplicates: int) -> None:
        chance = random.Random(20260929)
        self._weibo = weibo
        self._writers = [weibo.add_user(f"writer {number}") for number in range(messages)]
        twice = set(chance.sample(range(messages), duplicates))
        self._todo = [
            (writer, *_text(chance, number), 2 if number in twice else 1) for number, writer in enumerate(self._writers)
        ]

    def write(self, connections: int) -> None:
        """Write everything, and wait until everybody has an answer."""
        with ThreadPoolExecutor(connections) as pool:
            for future in [pool.submit(self._write, *one) for one in self._todo]:
                future.result()
        ends = time.monotonic() + _LATEST_S
        while time.monotonic() < ends and len(self._answers()) < len(self._writers):
            time.sleep(0.2)

    def _write(self, writer: User, text: str, is_public: bool, copies: int) -> None:
        write = self._weibo.post if is_public else self._weibo.message
        if not write(writer, text, copies=copies).accepted:
            raise SystemExit("a push was refused, or not answered in time")

    def _answers(self) -> dict[int, list[float]]:
        """Give when each writer was answered, in seconds after writing."""
        wrote: dict[int, float] = {}
        posts: dict[int, int] = {post.id: post.user.id for post in list(self._weibo.timeline)}
        answers: dict[int, list[float]] = {}
        for entry in list(self._weibo.transcript):
            if entry.sender_id != BOT.id and entry.what in {What.POST, What.MESSAGE}:
                wrote[entry.sender_id] = entry.at
            elif entry.sender_id == BOT.id and entry.what is What.MESSAGE:
                answers.setdefault(entry.receiver_id, []).append(entry.at - wrote[entry.receiver_id])
        for post in list(self._weibo.timeline):
            for comment in post.comments:
                answers.setdefault(posts[post.id], []).append(comment.at - post.at)
        return answers

    def seen(self, seconds: float) -> dict[str, Any]:
        """Sum up."""
        answers = self._answers()
        firsts = [times[0] for times in answers.values()]
        cuts = quantiles(firsts, n=100)
        tally = Counter(min(len(answers.get(writer.id, ())), 2) for writer in self._writers)
        pushes = sum(copies for *_, copies in self._todo)
        return {
            "pushes": pushes,
            "with_link": sum("/pay/" in entry.text for entry in self._weibo.said_by_bot()),
            "messages": len(self._todo),
            "once": tally[1],
            "more_than_once": tally[2],
            "never": tally[0],
            "p50_s": round(cuts[49], 4),
            "p99_s": round(cuts[98], 4),
            "longest_s": round(max(firsts), 4),
            "pushes_per_second": round(pushes / seconds, 1),
        }


def _text(chance: random.Random, number: int) -> tuple[str, bool]:
    """Give what one writes, and whether in public: bills for three in five."""
    kind = chance.randrange(20)
    if kind < 12:
        return f"上海 电费 户号{_account(number)}", False
    if kind < 15:
        where, what = chance.choice(("上海", "广州", "成都")), chance.choice(("电费", "水费"))
        return f"@{BOT.name} 交{where}{what} #{_letters(number)}", True
    return chance.choice(("美元汇率", "上海 人民广场 最近的网点", "帮助", "欧元今天多少")), False


def _letters(number: int) -> str:
    """Tell posts apart without digits, which the account drops."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def _account(number: int) -> str:
    """Make an account number of SH-ELECTRICITY-01: 3100, five digits, and a check digit (ISO/IEC 7812-1 Annex B).

    The first hundred play scenarios. Whose accounts stand side by side asks for them one after the other, and is taken
    for somebody who tries them out: people's accounts lie scattered.
    """
    digits = f"3100{_SCATTERED[number % len(_SCATTERED)]:05d}"
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return f"{digits}{-total % 10}"


@contextmanager
def _running(
    command: list[str], log: Path, environment: dict[str, str] | None = None, cwd: Path = PROJECT
) -> Iterator[None]:
    with log.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written, env=environment, cwd=cwd)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def _sandbox(folder: Path) -> Iterator[str]:
    port = _free_port()
    command = [sys.executable, "-m", "openteller", "sandbox", "serve", "--port", str(port)]
    command += ["--database", str(folder / "bank.db"), "--clock", BANK_TIME, "--rate-limit-app", str(_UNLIMITED)]
    url = f"http://127.0.0.1:{port}"
    with _running(command, folder / "bank.log", _environment()):
        with OpenTeller(url, max_retries=0) as bank:
            _await(lambda: bool(bank.status.get()), folder / "bank.log")
        yield url


@contextmanager
def _account_served(folder: Path, port: int, weibo: WeiboStandIn, settings: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "v_jiaofei", "--port", str(port)]
    with _running(command, folder / "account.log", _environment() | settings, PROJECT / "examples"):
        _await(weibo.connect, folder / "account.log")
        yield


def _environment() -> dict[str, str]:
    paths = os.pathsep.join(str(PROJECT / part) for part in ("sdk", "sandbox"))
    return os.environ | {"PYTHONPATH": paths}


def _await(is_up: Any, log: Path) -> None:
    ends = time.monotonic() + _LATEST_S
    while time.monotonic() < ends:
        try:
            if is_up():
                return
        except OpenTellerError:
            pass  # not yet
        time.sleep(0.1)
    raise SystemExit(f"it did not start: {log.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def main() -> None:
    """Measure, and print what was seen as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pushes", type=int, default=5000)
    parser.add_argument("--duplicates", type=int, default=1200)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    print(json.dumps(measure(options.pushes, options.duplicates, options.connections), indent=2))


if __name__ == "__main__":
    main()
