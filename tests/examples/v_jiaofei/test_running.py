"""The threads around the account, and the account and its demo as programs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.examples.v_jiaofei.town import ELECTRICITY, NOWHERE, SECRET, TOKEN, Town
from tests.sdk.processes import ROOT, environment, free_port, sandbox

from openteller import OpenTeller
from v_jiaofei.app import Settings
from v_jiaofei.bank import BankDown
from v_jiaofei.bot import Bot
from v_jiaofei.serving import serving
from v_jiaofei.stand_in import VISITOR, WeiboStandIn
from v_jiaofei.stand_in import create_app as create_weibo
from v_jiaofei.workers import Workers

EXAMPLES = ROOT / "examples"
PATIENCE_S = 30.0


def until(is_so: Callable[[], object]) -> None:
    """Wait for what threads do."""
    done = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if is_so():
            return
        done.wait(0.02)
    raise AssertionError("it did not come about")


def test_workers_answer_tell_and_end(town: Town) -> None:
    workers = Workers(town.bot)
    workers.start()

    town.weibo.post(VISITOR, "@V缴费 交上海电费")
    until(town.comments)
    town.weibo.message(VISITOR, f"上海 电费 户号{ELECTRICITY}")
    until(town.heard)
    until(lambda: town.bot.endpoint.stands)
    town.payer(town.heard()[0]).pay("0011")
    town.deliver()
    until(lambda: len(town.heard()) == 2)

    assert workers.stop()
    assert "谢谢" in town.heard()[1]


def test_workers_read_the_events_where_the_bank_does_not_send_them(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.lose_endpoint()
    monkeypatch.setattr("v_jiaofei.workers._EVENTS_S", 0.02)
    town.bank.broken_paths = ("/v1/webhook-endpoints",)
    workers = Workers(town.bot)
    workers.start()

    town.weibo.message(VISITOR, f"上海 电费 户号{ELECTRICITY}")
    until(town.heard)
    town.payer(town.heard()[0]).pay("0011")
    until(lambda: len(town.heard()) == 2)
    assert not town.bot.endpoint.stands and not town.store.hook()
    town.bank.broken_paths = ()
    until(lambda: town.bot.endpoint.stands)

    assert workers.stop()


def test_workers_look_for_mentions_where_they_are_not_pushed(new_town: Callable[..., Town]) -> None:
    town = new_town(mentions_pushed=False)
    town.weibo.post(VISITOR, "@V缴费 交上海电费")
    workers = Workers(town.bot, count=1, poll_s=0.05)
    workers.start()

    until(town.comments)
    assert workers.stop()


def test_a_worker_survives_whatever_is_raised(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([ValueError(ELECTRICITY), OSError(), BankDown("TIMED_OUT")])

    def fail_first(self: Bot) -> bool:
        for error in failures:
            raise error
        return False

    monkeypatch.setattr("v_jiaofei.workers.PAUSE_S", 0.01)
    monkeypatch.setattr("v_jiaofei.workers._IDLE_S", 0.01)
    monkeypatch.setattr(Bot, "say_one", fail_first)
    workers = Workers(town.bot, count=1)
    workers.start()
    town.weibo.post(VISITOR, "@V缴费 交上海电费")

    until(lambda: town.store.counts().get("inbox DONE"))
    assert workers.stop()
    assert "a worker failed: ValueError in fail_first" in caplog.text and ELECTRICITY not in caplog.text


def test_the_end_waits_for_what_is_in_hand(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    comment = town.bot._weibo.comment

    def slowly(*args: Any, **kwargs: Any) -> int:
        begun.set()
        assert may_go_on.wait(PATIENCE_S)
        return comment(*args, **kwargs)

    monkeypatch.setattr(town.bot._weibo, "comment", slowly)
    workers = Workers(town.bot)
    workers.start()
    town.weibo.post(VISITOR, "@V缴费 交上海电费")
    assert begun.wait(PATIENCE_S)

    ended: list[bool] = []
    end = threading.Thread(target=lambda: ended.append(workers.stop(PATIENCE_S)))
    end.start()
    may_go_on.set()
    end.join()

    assert ended == [True]
    assert town.store.counts() == {"inbox DONE": 1, "outbox SAID": 1}


# Programs


def settings_with(**more: str) -> dict[str, str]:
    app = {"OPENTELLER_CLIENT_ID": "app_of_the_tests", "OPENTELLER_CLIENT_SECRET": "ots_of_the_tests"}
    return app | {"WEIBO_APP_SECRET": SECRET, "WEIBO_ACCESS_TOKEN": TOKEN, "USER_REF_KEY": "k" * 16} | more


def test_settings_come_from_the_environment_and_show_no_secret() -> None:
    settings = Settings.from_environment(settings_with(DATABASE="there.db"), own_url="http://127.0.0.1:8090")

    assert (settings.weibo_url, settings.database) == ("https://api.weibo.com", Path("there.db"))
    assert settings.webhook_url == "http://127.0.0.1:8090/bank"
    public = settings_with(WEBHOOK_URL="https://your.example/bank")
    assert Settings.from_environment(public, own_url="http://127.0.0.1:8090").webhook_url.startswith("https://your")
    assert SECRET not in repr(settings) and TOKEN not in repr(settings) and "kkk" not in repr(settings)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"WEIBO_APP_SECRET": ""}, "set WEIBO_APP_SECRET in the environment"),
        ({"OPENTELLER_CLIENT_ID": ""}, "set OPENTELLER_CLIENT_ID in the environment"),
        ({"WEIBO_ACCESS_TOKEN": "", "USER_REF_KEY": ""}, "set WEIBO_ACCESS_TOKEN and USER_REF_KEY"),
        ({"USER_REF_KEY": "short"}, "USER_REF_KEY is shorter than 16 bytes"),
    ],
)
def test_a_setting_that_is_missing_is_named(changed: dict[str, str], says: str) -> None:
    with pytest.raises(SystemExit, match=says):
        Settings.from_environment(settings_with(**changed))


def test_the_account_serves_and_ends_on_a_signal_having_finished(tmp_path: Path) -> None:
    port = free_port()
    weibo = WeiboStandIn(f"http://127.0.0.1:{port}/weibo", SECRET, TOKEN)
    with sandbox(tmp_path) as (bank_url, _), serving(create_weibo(weibo)) as weibo_url:
        with OpenTeller(bank_url) as anyone:
            app = anyone.sandbox.create_app(name="V缴费")
        more = {"OPENTELLER_BASE_URL": bank_url, "WEIBO_URL": weibo_url, "DATABASE": str(tmp_path / "account.db")}
        more |= {"OPENTELLER_CLIENT_ID": app.client_id, "OPENTELLER_CLIENT_SECRET": app.client_secret}
        process = subprocess.Popen(
            [sys.executable, "-m", "v_jiaofei", "--port", str(port)],
            cwd=EXAMPLES,
            env=environment() | settings_with(**more),
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        try:
            until(lambda: process.poll() is not None or weibo.connect())
            assert weibo.message(VISITOR, "美元汇率").accepted
            assert weibo.chat(VISITOR)[1].text.startswith("美元 ")
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=PATIENCE_S)
    weibo.close()

    assert process.returncode == 0, log
    assert log.splitlines()[-1].endswith("INFO stopping")
    assert "signature" not in log and "Traceback" not in log


def test_the_account_begins_although_the_bank_is_down(tmp_path: Path) -> None:
    port = free_port()
    weibo = WeiboStandIn(f"http://127.0.0.1:{port}/weibo", SECRET, TOKEN)
    more = {"OPENTELLER_BASE_URL": NOWHERE, "WEIBO_URL": NOWHERE, "DATABASE": str(tmp_path / "account.db")}
    process = subprocess.Popen(
        [sys.executable, "-m", "v_jiaofei", "--port", str(port)],
        cwd=EXAMPLES,
        env=environment() | settings_with(**more),
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: process.poll() is not None or weibo.connect())
        assert weibo.message(VISITOR, "美元汇率").statuses == (200,)
        assert weibo.chat(VISITOR)[1].text.startswith("银行系统暂时连不上")
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        weibo.close()


def test_the_demo_tells_its_story_to_the_end() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "v_jiaofei.demo", "--once"],
        cwd=EXAMPLES,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for line in ("缴费成功", "核对码", "回单号", "3 times, answered 1 time", "缴费完成"):
        assert line in done.stdout
    assert os.sep + "tmp" not in done.stdout
    shown = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8").split("\n```\n")
    (beginning,) = (part for part in shown if part.startswith("1  A mention in public"))
    assert settled(beginning) in settled(done.stdout)


def settled(text: str) -> str:
    """The text without what every run has of its own: links and codes."""
    return re.sub(r"https?://[!-~]+|[0-9]{4}", "…", text)
