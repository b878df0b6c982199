"""The benchmarks run. What they measure decides no test: a busy machine is no fault of the code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "benchmarks" / "run.py"
PRISM = ROOT / "node_modules" / ".bin" / "prism"


@pytest.mark.skipif(shutil.which("node") is None, reason="Prism, the peer, needs Node")
@pytest.mark.skipif(not PRISM.exists(), reason="Prism, the peer, is not installed: npm ci")
def test_a_quick_run_of_one_measure_gives_a_table_and_json(tmp_path: Path) -> None:
    seen = tmp_path / "seen.json"

    done = subprocess.run(
        [sys.executable, RUN, "branch", "--quick", "--json", seen], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "one branch" in done.stdout
    (row,) = json.loads(seen.read_text(encoding="utf-8"))["rows"]
    assert row["peer_name"] == "Prism"
    assert min(row["ours"], row["peer"], row["ratio"]) > 0


def test_without_redis_webhooks_are_not_measured_and_the_reason_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, RUN, "webhooks", "--quick"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": str(tmp_path)},
    )

    assert done.returncode == 0, done.stderr
    assert "webhooks: not measured, redis-server is not installed" in done.stderr


def test_the_dispatcher_is_measured_by_what_its_partners_receive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(RUN.parent))
    measures, own, cores = (import_module(name) for name in ("measures", "webhook_measures", "servers"))
    with (
        measures.Lab(tmp_path, measures.QUICK, cores.Cores(None, None)) as lab,
        own._receiving(lab) as receiver,
        own._backlog(tmp_path, receiver.ports) as backlog,
    ):
        deliveries = backlog.fill(400)
        with receiver.round(400) as came, own._dispatcher(lab, backlog.database, tmp_path):
            seen = came()

    assert len({url for url, *_ in deliveries}) == 8
    assert (seen["count"], seen["twice"]) == (200, 0)
    assert seen["seconds"] > 0


def test_an_unknown_measure_is_refused_with_the_names_that_there_are() -> None:
    done = subprocess.run([sys.executable, RUN, "everything"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "cold-start" in done.stderr


def test_the_readme_keeps_what_was_not_measured_this_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(RUN.parent))
    report, measures, servers = (import_module(name) for name in ("report", "measures", "servers"))
    cores = servers.Cores(None, None)

    def row(measure: str, ours: float, peer: str = "", note: str = "") -> object:
        return measures.Row(measure, "ms", ours, peer, 8.0 if peer else None, [ours], 1, "less", {}, note)

    readme = tmp_path / "README.md"
    readme.write_text(f"above\n{report._BEGIN}\n{report._END}\nbelow\n", encoding="utf-8")
    report.quote(readme, [row("one: a", 1.5, "A 1", "first."), row("one: a", 2.5, "B"), row("two", 3.5)], cores)
    report.quote(readme, [row("one: a", 0.5, "B", "again."), row("three", 4.5)], cores)
    text = readme.read_text(encoding="utf-8")
    table = [line.split(" | ")[:3] for line in text.splitlines() if line.startswith("| ")]
    assert table[2:] == [
        ["| one: a", "1.50 ms", "A 1 8.00 ms"],
        ["| one: a", "0.50 ms", "B 8.00 ms"],
        ["| two", "3.50 ms", ""],
        ["| three", "4.50 ms", ""],
    ]
    assert (text.count("first."), text.count("again.")) == (0, 1)
    assert text.startswith("above\n") and text.endswith("below\n")
