"""What holds for every file that is kept: nothing of anybody's machine, nothing of a package index."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tools import lock

ROOT = Path(__file__).resolve().parents[1]
_MACHINE = re.compile(r"(?<![\w.:}/$-])/(?:work|root|home|Users|mnt|tmp)/\w")
_BESIDE = re.compile(r"\.\./shared\b")
# Written so that the pattern does not name what it looks for: this file is of the tree, too.
_INDEXES = re.compile(
    r"p[y]pi[.]org|python[h]osted[.]|npm[j]s[.]|yarn[p]kg[.]|crates[.]io|ana[c]onda[.]|//[\w.-]*/simple\b"
)


@cache
def texts() -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    readable = {}
    for file in files:
        if file.is_file():
            content = file.read_bytes()
            if b"\0" not in content:
                readable[str(file.relative_to(ROOT))] = content.decode()
    return readable


def places(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts().items()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("pattern", [_MACHINE, _BESIDE], ids=["absolute", "beside"])
def test_no_file_names_a_path_of_a_machine(pattern: re.Pattern[str]) -> None:
    assert places(pattern) == []


def test_no_file_names_a_package_index() -> None:
    assert places(_INDEXES) == []


def test_every_text_ends_with_one_newline_and_has_no_carriage_return() -> None:
    wrong = [name for name, text in texts().items() if text and (not text.endswith("\n") or "\r" in text)]

    assert wrong == []


def test_no_database_and_no_build_is_tracked() -> None:
    wrong = [name for name in texts() if re.search(r"\.(db|pyc|whl|log)$|(^|/)(dist|build|node_modules|\.venv)/", name)]

    assert wrong == []


def test_the_lock_file_fits_the_project() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert lock.missing_pins(pyproject, lock.LOCK.read_text(encoding="utf-8")) == []


def test_a_requirement_without_a_fitting_pin_is_named() -> None:
    pyproject = """
[project]
name = "bank"
[project.optional-dependencies]
cli = ["click>=8"]
dev = ["bank[cli]", "py-test>=2"]
"""
    assert lock.requirements(pyproject) == ["click>=8", "py-test>=2"]
    assert lock.missing_pins(pyproject, "click==8.1 \\\n    --hash=sha256:0\npy_test==2\n") == ["py-test>=2"]
    assert lock.missing_pins(pyproject, "click==7.9\npy-test==2.1\n") == ["click>=8"]


def test_the_lock_file_pins_everything_with_hashes() -> None:
    text = lock.LOCK.read_text(encoding="utf-8")
    pinned = re.findall(r"^[a-z0-9.-]+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)

    assert len(pinned) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
