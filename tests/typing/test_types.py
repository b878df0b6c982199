"""Two type checkers agree on what the public face of the client is, and on what is a mistake."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FILES = sorted(file for file in HERE.glob("*.py") if file != Path(__file__).resolve())
PATIENCE_S = 300
STRICT = ("--strict", "--warn-unreachable", "--enable-error-code", "ignore-without-code", "--python-version", "3.11")


def mypy(*files: Path, cache: Path) -> list[str]:
    """Check files; give the errors."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            os.devnull,
            "--cache-dir",
            str(cache),
            *STRICT,
            *map(str, files),
        ],
        env={**os.environ, "MYPYPATH": str(ROOT / "sdk")},
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=PATIENCE_S,
    )
    assert done.returncode in {0, 1}, done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def pyright(folder: Path) -> list[str]:
    """Check a folder with its configuration; give the errors."""
    places = [str(ROOT / "node_modules" / ".bin"), os.environ.get("PATH", "")]
    command = shutil.which("pyright", path=os.pathsep.join(places))
    if command is None:
        pytest.skip("pyright is missing: npm ci installs it")
    done = subprocess.run(
        [command, "--project", str(folder), "--pythonpath", sys.executable, "--outputjson"],
        capture_output=True,
        check=False,
        encoding="utf-8",
        timeout=PATIENCE_S,
    )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["summary"]["filesAnalyzed"] >= len(list(folder.glob("*.py")))
    return [
        f"{one['file']}:{one['range']['start']['line'] + 1}: {one['message']}" for one in said["generalDiagnostics"]
    ]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    """Give a folder with the same files and configuration, in which one type is not what it is said to be."""
    folder = tmp_path / "wrong"
    folder.mkdir()
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        (folder / file.name).write_text(text.replace("(rows.first(), Branch | None)", "(rows.first(), Branch)"))
    configuration = json.loads((HERE / "pyrightconfig.json").read_text(encoding="utf-8"))
    (folder / "pyrightconfig.json").write_text(json.dumps(configuration | {"extraPaths": [str(ROOT / "sdk")]}))
    return folder


def test_mypy_agrees(cache: Path) -> None:
    assert FILES
    assert mypy(*FILES, cache=cache) == []


def test_mypy_would_not_agree_to_another_type(wrong: Path, cache: Path) -> None:
    (error,) = mypy(wrong / "blocking.py", cache=cache)

    assert 'Expression is of type "Branch | None", not "Branch"' in error


def test_pyright_agrees() -> None:
    assert pyright(HERE) == []


def test_pyright_would_not_agree_to_another_type(wrong: Path) -> None:
    (error,) = pyright(wrong)

    assert '"assert_type" mismatch' in error
