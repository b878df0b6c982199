"""The command, as cron runs it: made once, kept when anything is wrong, one line each time."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from packaging.requirements import Requirement
from PIL import Image, ImageChops, ImageStat
from tests.conftest import WallClock, make_bank
from tests.sdk.processes import MORNING, ROOT, environment, free_port, sandbox

from openteller import OpenTeller
from openteller_sandbox import clock
from openteller_sandbox.app import create_app
from rate_card import drawing
from rate_card.command import Order, main, make_card
from rate_card.faults import BankAway, NoMeans, UnfitData
from rate_card.keeping import Made, is_current, keep

EXAMPLE = ROOT / "examples" / "rate_card"
FILES = {"card.json", "card.png", "card.svg", "card.txt"}
MADE = Made("rsh_1", "rsh_2", None, ("USD",), "weibo", None, 1)


class Line:
    """A client whose line to the bank can be broken, and that remembers what was asked."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.broken = ""
        """The path that fails."""
        self.asked: list[str] = []
        self.client = OpenTeller("https://bank.test", wsgi_app=self._wsgi, max_retries=0)

    def _wsgi(self, environ: Any, start_response: Any) -> Any:
        self.asked.append(environ["PATH_INFO"])
        if self.broken and environ["PATH_INFO"].startswith(self.broken):
            start_response("500 Internal Server Error", [("Content-Type", "text/html")])
            return [b"<h1>Gateway</h1>"]
        return self._app(environ, start_response)


@pytest.fixture(scope="module", autouse=True)
def _each_picture_is_made_once() -> Iterator[None]:
    """It takes most of a card's time. Equal drawings give equal pictures, as is seen in a process below."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawing, "draw_png", cache(drawing.draw_png))
        yield


@pytest.fixture
def line(flask_app: Flask) -> Iterator[Line]:
    opened = Line(flask_app)
    with opened.client:
        yield opened


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Line, WallClock]]:
    """A bank of its own, whose days pass as the test wants."""
    wall = WallClock(clock.parse("2026-09-28T10:30:00+08:00"))
    bank = make_bank(tmp_path, wall)
    opened = Line(create_app(bank))
    with opened.client:
        yield opened, wall
    bank.db.close()


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _run(*arguments: str, shell: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(EXAMPLE / "make_card.py"), *arguments]
    return subprocess.run(
        ["sh", "-c", f'{shell} exec "$@"', "sh", *command],
        env=environment(**env),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def test_a_card_is_made_once_for_each_board(own: tuple[Line, WallClock], tmp_path: Path) -> None:
    line, wall = own
    order = Order(tmp_path / "cards" / "today")
    assert make_card(line.client, order).startswith(f"made {order.folder}: board rsh_")
    first = _contents(order.folder)
    assert set(first) == FILES
    line.asked.clear()
    assert make_card(line.client, order).startswith("unchanged ")
    assert line.asked == ["/v1/rates/fx", "/v1/rates/deposits"], "what has not changed costs two requests"
    assert _contents(order.folder) == first
    wall.advance(24 * 3600)
    assert "of 2026-09-29" in make_card(line.client, order)
    second = _contents(order.folder)
    assert all(second[name] != first[name] for name in FILES)
    # The rates of the seed end; a bank whose source has dried up goes on publishing the last ones.
    wall.advance(30 * 24 * 3600)
    with pytest.raises(UnfitData, match=r"board of 2026-10-29 is stale: its reference rates are of 2026-\d\d-\d\d"):
        make_card(line.client, order)
    assert _contents(order.folder) == second


def test_another_order_another_card(line: Line, tmp_path: Path) -> None:
    make_card(line.client, Order(tmp_path, currencies=("USD", "EUR")))
    assert make_card(line.client, Order(tmp_path, currencies=("USD",))).startswith("made")
    assert make_card(line.client, Order(tmp_path, currencies=("USD",))).startswith("unchanged")


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_card_that_was_harmed_is_made_again(line: Line, tmp_path: Path, name: str) -> None:
    order = Order(tmp_path, currencies=("USD",))
    make_card(line.client, order)
    whole = _contents(order.folder)
    path = order.folder / name
    for harm in (path.unlink, lambda: path.write_bytes(whole[name][:100])):
        harm()
        assert make_card(line.client, order).startswith("made")
        assert _contents(order.folder) == whole


@pytest.mark.parametrize("content", ["", "[]", "null", '{"files": 3}', '{"files": {"../../etc/passwd": ""}}', "\udcff"])
def test_a_sidecar_that_is_none_of_ours_means_that_there_is_no_card(tmp_path: Path, content: str) -> None:
    (tmp_path / "card.json").write_bytes(content.encode(errors="surrogateescape"))
    assert not is_current(tmp_path, MADE)


def test_a_bank_that_fails_half_way_leaves_the_old_card(line: Line, tmp_path: Path) -> None:
    make_card(line.client, Order(tmp_path, currencies=("USD",)))
    before = _contents(tmp_path)
    for line.broken in ("/v1/rates/fx", "/v1/rates/deposits", "/v1/rates/sheets", "/v1/official-accounts"):
        with pytest.raises(BankAway) as caught:
            make_card(line.client, Order(tmp_path, currencies=("EUR",)))
        assert "\n" not in str(caught.value)
        assert _contents(tmp_path) == before


def test_files_that_cannot_be_renamed_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "card.txt").mkdir()
    with pytest.raises(NoMeans, match="cannot be written"):
        keep(tmp_path, {"card.txt": b"text"}, MADE)
    assert [path.name for path in tmp_path.iterdir()] == ["card.txt"]


def test_the_command_makes_the_card_of_the_readme(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--clock", MORNING) as (url, _):
        order = ("--url", url, "--out", str(tmp_path / "cards"))
        done = _run(*order)
        line = f"{tmp_path}/cards: board rsh_2na5v3rq59sn of 2026-09-29, deposit rates rsh_4x7h30rb8nt5\n"
        assert (done.returncode, done.stdout, done.stderr) == (0, f"made {line}", "")
        card = _contents(tmp_path / "cards")
        again = _run(*order)
        assert (again.returncode, again.stdout, again.stderr) == (0, f"unchanged {line}", "")
        other = _run("--url", url, "--out", str(tmp_path / "others"), PYTHONHASHSEED="7", TZ="America/Lima", LC_ALL="C")
        assert other.returncode == 0
        assert _contents(tmp_path / "others") == card, "neither this machine's time zone nor its locale matter"
        refused = _run(*order, "--date", "2027-01-01")
        assert (refused.returncode, refused.stdout) == (2, "")
        # A full disk: no file may be larger than 100 blocks of 512 bytes, and the picture is.
        full = _run(*order, "--currencies", "USD,EUR", shell="ulimit -f 100;")
        assert (full.returncode, full.stdout) == (5, "")
        assert re.fullmatch(r"make_card: .*cards cannot be written: File too large\n", full.stderr)
        assert _contents(tmp_path / "cards") == card
    assert ET.fromstring(card["card.svg"]).attrib["viewBox"] == "0 0 1080 1440"
    assert card["card.txt"].decode().startswith("示范银行（演示数据）每日外汇牌价与存款利率，2026年9月29日，星期二。")
    assert json.loads(card["card.json"])["board_id"] == "rsh_2na5v3rq59sn"
    assert not any(path.stat().st_mode & 0o111 for path in (tmp_path / "cards").iterdir())
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    assert done.stdout.replace(str(tmp_path / "cards"), "cards") in readme
    shown = EXAMPLE / "card-2026-09-29.png"
    assert shown.stat().st_size < 150_000
    with Image.open(shown) as kept, Image.open(BytesIO(card["card.png"])) as made:
        apart = ImageChops.difference(kept.convert("RGB"), made.convert("RGB"))
    assert max(ImageStat.Stat(apart).mean) < 1, "the README shows another card than the command makes"


def test_a_bank_that_is_down_is_said_in_one_line(tmp_path: Path) -> None:
    done = _run("--url", f"http://127.0.0.1:{free_port()}", "--out", str(tmp_path / "cards"))
    assert (done.returncode, done.stdout) == (3, "")
    assert re.fullmatch(r"make_card: [^\n]*cannot be reached[^\n]*\n", done.stderr)
    assert not (tmp_path / "cards").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--date", "yesterday"), "yesterday is no date such as 2026-09-29"),
        (("--currencies", "dollars"), "dollars is no list of codes such as USD,EUR"),
        (("--currencies", ""), "is no list of codes"),
        (("--currencies", "AAA,BBB,CCC,DDD,EEE,FFF,GGG,HHH,III,JJJ,KKK"), "11 currencies: at most 10 fit"),
        (("--max-age", "-1"), "-1 is no number of days"),
    ],
)
def test_an_order_that_cannot_be_is_refused_before_anything_is_asked(
    options: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--out", "cards", "=".join(options)])
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_a_bank_in_clear_text_on_another_machine_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://bank.example", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("make_card: base_url is http:// to another machine")


def test_the_packages_of_the_example_are_those_that_it_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    tested = {Requirement(line).name: Requirement(line).specifier for line in [*extras["dev"], *extras["sandbox"]]}
    lines = (EXAMPLE / "requirements.txt").read_text(encoding="utf-8").splitlines()
    needed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {each.name for each in needed} > {"openteller"}
    assert all(tested[each.name] == each.specifier for each in needed if each.name != "openteller")
