"""What a partner installs: built from this tree, put into an environment of its own, and run from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from email import message_from_string
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from tests.docs.snippets import blocks, pay
from tests.sdk import processes

import openteller

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"sdk": "openteller", "sandbox": "openteller_sandbox"}


def run(command: Sequence[object], cwd: Path) -> str:
    """Run a command without this tree in its way; give what it prints."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "ONCE"}}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=kept | {"PYTHONIOENCODING": "utf-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked(folder: str) -> set[str]:
    return set(run(["git", "ls-files", "-z", "--", folder], ROOT).rstrip("\0").split("\0"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT], folder)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"openteller-{openteller.__version__}.dist-info/METADATA").decode()
    return message_from_string(text)


def test_the_wheel_is_pure_and_has_the_version_of_the_package(wheel: Path) -> None:
    assert wheel.name == f"openteller-{openteller.__version__}-py3-none-any.whl"


def test_the_wheel_holds_all_that_is_tracked_of_both_packages_and_nothing_else(names: set[str]) -> None:
    expected = {path.removeprefix(f"{folder}/") for folder in PACKAGES for path in tracked(folder)}
    info = {name for name in names if name.startswith(f"openteller-{openteller.__version__}.dist-info/")}

    assert names - info == expected


def test_the_wheel_holds_contract_seed_pages_and_licences(names: set[str]) -> None:
    info = f"openteller-{openteller.__version__}.dist-info"

    assert {
        "openteller/py.typed",
        "openteller_sandbox/py.typed",
        "openteller_sandbox/openapi.json",
        "openteller_sandbox/seed/branches.jsonl.gz",
        "openteller_sandbox/seed/billers.jsonl.gz",
        "openteller_sandbox/seed/prebuilt.sqlite.z",
        "openteller_sandbox/hosted/templates/base.html",
        "openteller_sandbox/hosted/static/page.css",
        f"{info}/licenses/LICENSE",
        f"{info}/licenses/NOTICE",
        f"{info}/entry_points.txt",
    } <= names


def test_the_sdk_by_itself_needs_a_transport_and_a_decoder_and_nothing_more(metadata: Message) -> None:
    needed = metadata.get_all("Requires-Dist", [])

    names = {re.split(r"[^a-z0-9-]", line)[0] for line in needed if "extra ==" not in line}
    assert names == {"httpx2", "msgspec"}
    assert {"cli", "sandbox", "dev"} <= set(metadata.get_all("Provides-Extra", []))
    assert metadata["License-Expression"] == "Apache-2.0"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel as README says; give the folder of the commands.

    The pins of the lock file are used, so that the test says something about this tree and not about the day.
    """
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    pins = re.findall(r"^([a-z0-9.-]+==[^ ;\\]+)", lock, re.MULTILINE)
    folder = tmp_path_factory.mktemp("installed")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(pins), encoding="utf-8")
    bin_ = folder / "venv" / "bin"
    run([sys.executable, "-m", "venv", folder / "venv"], folder)
    run([bin_ / "pip", "install", "--quiet", "--constraint", constraints, f"{wheel}[sandbox]"], folder)
    return bin_


def test_a_partner_installs_the_wheel_and_watches_the_demo(installed: Path, tmp_path: Path) -> None:
    assert run([installed / "openteller", "--version"], tmp_path) == f"openteller, version {openteller.__version__}\n"
    told = run([installed / "openteller", "demo", "--once"], tmp_path)
    assert "payment.succeeded" in told
    assert "缴费成功" in told
    assert list(tmp_path.iterdir()) == []
    assert "pytest" not in run([installed / "pip", "list", "--format=freeze"], tmp_path)


def test_a_partner_gets_from_the_wheel_to_a_paid_bill_by_the_quick_start(installed: Path, tmp_path: Path) -> None:
    script = next(block.text for block in blocks(ROOT / "README.md") if block.language == "python")
    port = processes.free_port()
    url = f"http://127.0.0.1:{port}"
    serve = [installed / "openteller", "sandbox", "serve", "--clock", processes.MORNING, "--port", str(port)]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables = kept | {"OPENTELLER_BASE_URL": url, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    piped: Any = {"cwd": tmp_path, "env": variables, "stdout": subprocess.PIPE, "encoding": "utf-8"}

    with subprocess.Popen(serve, **piped) as bank:
        try:
            assert bank.stdout
            assert any("Ctrl-C ends it" in line for line in bank.stdout)
            with subprocess.Popen([installed / "python", "-c", script], **piped) as program:
                assert program.stdout
                link = program.stdout.readline().split()[-1]
                with openteller.OpenTeller(url, client_id="") as anyone:
                    pay(anyone, link)
                assert program.stdout.readline() == "succeeded\n"
                assert program.stdout.readline().startswith("CNY 111.85 ")
            assert program.returncode == 0
        finally:
            bank.kill()
