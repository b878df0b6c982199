"""A sandbox in a process of its own, on a free port and a temporary database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from openteller import errors

BANK_TIME = "2026-09-29T10:30:00+08:00"
"""A Tuesday before the holidays, with every kind of the seed's rates at hand."""

_START_S = 60.0
_STOP_S = 10.0
_LOOK_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that runs. log: where its standard error goes."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Wait until the sandbox ends, which it should not do by itself.

        Raises:
            click.ClickException: it has.
        """
        self.process.wait()
        raise click.ClickException(self.last_words())

    def last_words(self) -> str:
        """Give the last line that it wrote."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        said = [line for line in lines if line.strip()]
        return said[-1].removeprefix("Error: ") if said else f"the sandbox ended with code {self.process.returncode}"


@contextmanager
def started(folder: Path) -> Iterator[Sandbox]:
    """Start a sandbox, wait until it answers, and end it afterwards.

    Raises:
        click.ClickException: it does not answer; the message is its own.
    """
    port = _free_port()
    log = folder / "stderr.log"
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - this program itself, with options made here
            _command(port, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            env=_environment(),
        )
    sandbox = Sandbox(f"http://127.0.0.1:{port}", process, log)
    try:
        _wait_until_it_answers(sandbox)
        yield sandbox
    finally:
        _stop(process)


def _command(port: int, folder: Path) -> list[str]:
    database = str(folder / "bank.db")
    options = ["--port", str(port), "--database", database, "--clock", BANK_TIME]
    return [sys.executable, "-m", "openteller", "sandbox", "serve", *options]


def _environment() -> dict[str, str]:
    """Give the environment without what would change the demo's sandbox."""
    return {name: value for name, value in os.environ.items() if not name.startswith("OPENTELLER_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(sandbox: Sandbox) -> None:
    from openteller import OpenTeller  # noqa: PLC0415 - the help of all commands needs no client

    deadline = time.monotonic() + _START_S
    with OpenTeller(sandbox.url, client_id="", max_retries=0) as client:
        while sandbox.process.poll() is None:
            try:
                client.status.get()
            except errors.TransportError:
                if time.monotonic() > deadline:
                    raise click.ClickException(f"the sandbox did not answer within {_START_S:.0f} s") from None
            else:
                return
            time.sleep(_LOOK_AGAIN_S)
    raise click.ClickException(sandbox.last_words())


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
