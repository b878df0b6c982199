"""What is printed and kept is whole, or an error in one line says that it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest
from tests.sdk import processes

from openteller._cli.files import keep

NEW = b"a,b\n" * 2000


def test_a_download_takes_the_place_of_the_file_before_it_and_its_mode(tmp_path: Path) -> None:
    file, link = tmp_path / "places.csv", tmp_path / "link.csv"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(file)
    keep(NEW, link)
    assert (file.read_bytes(), file.stat().st_mode & 0o777, link.is_symlink()) == (NEW, 0o640, True)
    keep(NEW, tmp_path / "first.csv")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["first.csv", "link.csv", "places.csv"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_of_a_download_that_fails_nothing_stays_and_the_file_before_it_does(
    failure: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "places.csv"
    file.write_bytes(b"old")

    def fail(_: int) -> NoReturn:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(click.ClickException if isinstance(failure, OSError) else KeyboardInterrupt):
        keep(NEW, file)
    assert [one.name for one in tmp_path.iterdir()] == ["places.csv"]
    assert file.read_bytes() == b"old"


def test_a_device_is_written_as_it_is() -> None:
    keep(NEW, Path(os.devnull))
    assert not Path(os.devnull).is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_where_the_output_takes_no_more_a_line_says_so() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "openteller", "branches", "--help"],
            env=processes.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: the standard output cannot be written: No space left on device\n"
