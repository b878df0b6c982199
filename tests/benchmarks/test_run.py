"""The benchmarks run. What they measure decides no test: a busy machine is no fault of the code."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
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


def test_an_unknown_measure_is_refused_with_the_names_that_there_are() -> None:
    done = subprocess.run([sys.executable, RUN, "everything"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "cold-start" in done.stderr
