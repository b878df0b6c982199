"""The printing process: reads what a receipt shall say, writes the PDF, until its input ends.

    python -m openteller_sandbox.receipts.press

A process of its own, as printing takes half a second of work and a hundred megabytes that a server should not hold.
What is printed is a payer's own: it goes through pipes, and no word of it into an error.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from typing import IO, Any

from openteller_sandbox.receipts.paper import Paper

_LENGTH = struct.Struct(">I")
_LARGEST = 4 * 1024 * 1024
_NICENESS = 5
"""Printing waits for serving, where both want the processor."""


class PressError(Exception):
    """A receipt could not be printed; the message has nothing of what it says."""


class Press:
    """A printing process, begun with the first receipt.

    Args:
        patience_s: how long one receipt may take.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_warm(self) -> bool:
        """Whether a process waits for receipts, and holds memory."""
        return self._process is not None

    def print(self, paper: Paper) -> bytes:
        """Give the PDF of a receipt.

        Raises:
            PressError: it cannot be made, or not in time.
        """
        if self._process is None:
            self._process = _begin()
        process = self._process
        overdue = threading.Timer(self._patience_s, process.kill)
        overdue.start()
        try:
            return _ask(process, json.dumps(asdict(paper)).encode())
        except (OSError, EOFError) as error:
            self.close()
            raise PressError("the printing process has died, or took too long") from error
        finally:
            overdue.cancel()

    def close(self) -> None:
        """End the process, and give its memory back."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            assert pipe
            with suppress(OSError):  # what was not read is lost
                pipe.close()


def _begin() -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(  # noqa: S603 - this very module
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except OSError as error:
        raise PressError("the printing process cannot begin") from error


def _ask(process: subprocess.Popen[bytes], facts: bytes) -> bytes:
    assert process.stdin and process.stdout
    _send(process.stdin, facts)
    answer = _receive(process.stdout)
    if not answer.startswith(b"%PDF"):
        raise PressError(f"it cannot be set: {answer.decode('ascii', 'replace')}")
    return answer


def _send(pipe: IO[bytes], data: bytes) -> None:
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    """Read a message.

    Raises:
        EOFError: the other side has ended.
    """
    head = pipe.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else _LARGEST + 1
    data = pipe.read(length) if length <= _LARGEST else b""
    if len(data) != length:
        raise EOFError
    return data


def main() -> None:
    """Print until the input ends. A receipt that cannot be set is answered with the name of what went wrong."""
    with suppress(AttributeError, OSError):  # a system without it prints as fast as it serves
        os.nice(_NICENESS)
    while True:
        try:
            facts = json.loads(_receive(sys.stdin.buffer))
        except EOFError:
            return
        _send(sys.stdout.buffer, _printed(facts))


def _printed(facts: dict[str, Any]) -> bytes:
    try:
        from openteller_sandbox.receipts.sheet import print_receipt  # noqa: PLC0415 - a missing font is an answer

        return print_receipt(Paper(**facts))
    except Exception as error:  # noqa: BLE001 - whatever it was, the receipts after it are printed
        return type(error).__name__.encode()


if __name__ == "__main__":
    main()
