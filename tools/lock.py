"""Write `requirements/dev.txt`: every package of the development environment, pinned, with its hashes.

    python tools/lock.py            resolve anew and write the file (asks the package index)
    python tools/lock.py --check    write nothing, ask nobody; exit 1 when a requirement has no fitting pin

The file names no index, so that any mirror serves.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["LOCK", "main", "missing_pins", "requirements"]

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "dev.txt"
EXTRA = "dev"
_PIN = re.compile(r"^([a-z0-9.-]+)(?:\[[a-z,-]+\])?==(\S+)", re.MULTILINE)
_OPTIONS = (
    "--allow-unsafe",
    "--generate-hashes",
    "--no-annotate",
    "--no-emit-find-links",
    "--no-emit-index-url",
    "--no-emit-trusted-host",
    "--quiet",
    "--resolver=backtracking",
    "--strip-extras",
)


def requirements(pyproject: str, extra: str = EXTRA) -> list[str]:
    """Give what an extra needs, with the project's own extras in it resolved.

    pip-compile would write this folder's path for them.
    """
    project = tomllib.loads(pyproject)["project"]
    return sorted({*project.get("dependencies", ()), *_flattened(project, extra)})


def _flattened(project: dict[str, object], extra: str) -> Iterator[str]:
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)
    for line in extras[extra]:
        requirement = Requirement(line)
        if requirement.name != project["name"]:
            yield line
        for inner in requirement.extras if requirement.name == project["name"] else ():
            yield from _flattened(project, inner)


def missing_pins(pyproject: str, lock: str) -> list[str]:
    """Give the requirements to which no pin of the lock file fits."""
    pins = {canonicalize_name(name): version for name, version in _PIN.findall(lock)}
    return [line for line in requirements(pyproject) if not _fits(Requirement(line), pins)]


def _fits(requirement: Requirement, pins: dict[str, str]) -> bool:
    version = pins.get(canonicalize_name(requirement.name))
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _write(wanted: list[str]) -> int:
    command = [sys.executable, "-m", "piptools", "compile", *_OPTIONS, f"--output-file={LOCK.relative_to(ROOT)}", "-"]
    environment = os.environ | {"CUSTOM_COMPILE_COMMAND": "make lock"}
    text = "\n".join(wanted)
    done = subprocess.run(  # noqa: S603 - pip-compile, with options that stand here
        command, cwd=ROOT, env=environment, input=text, encoding="utf-8", check=False
    )
    return done.returncode


def main(arguments: list[str] | None = None) -> int:
    """Run the command; give its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing, compare only")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if not parser.parse_args(arguments).check:
        return _write(requirements(pyproject))
    missing = missing_pins(pyproject, LOCK.read_text(encoding="utf-8"))
    if missing:
        print(f"{LOCK.relative_to(ROOT)} has no fitting pin for {', '.join(missing)}: run make lock", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
