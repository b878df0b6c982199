"""The example that needs nothing but curl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.sdk.processes import MORNING, ROOT, free_port, sandbox

SCRIPT = ROOT / "examples" / "first_payment" / "first_payment.sh"


def _run(url: str, **env: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": "/usr/local/bin:/usr/bin:/bin"} | env
    return subprocess.run(
        ["sh", str(SCRIPT), url], capture_output=True, encoding="utf-8", env=known, timeout=60, check=False
    )


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_script_ends_with_a_link_and_its_code(tmp_path: Path) -> None:
    with sandbox(tmp_path, "--clock", MORNING) as (url, _):
        done = _run(url)
        assert done.returncode == 0, done.stderr + done.stdout
        lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
        assert lines["link"].startswith(f"{url}/pay/")
        assert len(lines["code4"]) == 4
        refused = _run(url, CLIENT_SECRET="ots_wrong")
        assert refused.returncode != 0
        assert "Traceback" not in refused.stderr
        assert "ots_wrong" not in refused.stdout + refused.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_without_a_bank_the_script_says_so_in_one_line() -> None:
    done = _run(f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "openteller sandbox serve" in done.stderr
