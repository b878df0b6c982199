"""HTTP to servers that may be slow, endless or broken: one deadline and one budget of bytes for a whole exchange.

``http.client`` has a time-out for each read and none for an answer that drips. These stand between it and the socket.
"""

from __future__ import annotations

import io
import math
import socket
import time
from contextlib import suppress
from typing import Any

_PART_BYTES = 8192


class BoundedSocket:
    """A socket as http.client uses one, that keeps to a deadline and reads only so much of an answer.

    Args:
        opened: a connected socket.
        most_bytes: of an answer altogether, its head included.
    """

    def __init__(self, opened: socket.socket, most_bytes: int) -> None:
        self._opened = opened
        self._most_bytes = most_bytes
        self.deadline = -math.inf
        self._budget = 0
        self._unsent: list[bytes] = []
        self._unread = b""
        self.was_read_up = True

    def begin(self, deadline: float) -> None:
        """Begin an exchange."""
        self.deadline = deadline
        self._budget = self._most_bytes
        self._unsent.clear()
        self._unread = b""
        self.was_read_up = True

    def ask(self, request: bytes) -> bytes:
        """Send a whole request and give what comes first, before the deadline; nothing when the other side has closed.

        It is still to be read: by ``taken``, if it is all, or from a reader.
        """
        self._opened.settimeout(seconds_left(self.deadline))
        self._opened.sendall(request)
        self._opened.settimeout(seconds_left(self.deadline))
        self._unread = self._opened.recv(_PART_BYTES)
        self._budget -= len(self._unread)
        return self._unread

    def taken(self) -> None:
        """Note that what came first was the whole answer."""
        self._unread = b""

    def sendall(self, data: bytes) -> None:
        """Take what is to be sent: head and body, which come one after the other, leave in one packet."""
        self._unsent.append(data)

    def receive(self, buffer: Any) -> int:
        """Receive what comes first, before the deadline.

        Raises:
            ValueError: the answer is too long.
        """
        if self._budget <= 0:
            raise ValueError("the answer is too long")
        if self._unread:
            part, self._unread = self._unread[: len(buffer)], self._unread[len(buffer) :]
            buffer[: len(part)] = part
            return len(part)
        self._opened.settimeout(seconds_left(self.deadline))
        count = self._opened.recv_into(buffer)
        self._budget -= count
        return count

    def makefile(self, mode: str) -> _Reader:  # noqa: ARG002 - as http.client calls it
        """Send what was taken, before the deadline, and give a reader of the answer."""
        if self._unsent:
            self._opened.settimeout(seconds_left(self.deadline))
            self._opened.sendall(b"".join(self._unsent))
            self._unsent.clear()
        return _Reader(_Source(self))

    def fileno(self) -> int:
        """Give the descriptor, to wait on."""
        return self._opened.fileno()

    def close(self) -> None:
        """Stay open: http.client lets go of sockets that it still reads an answer from."""

    def end(self) -> None:
        """Close the socket."""
        self._opened.close()


class _Source(io.RawIOBase):
    """What a reader of an answer reads from."""

    def __init__(self, bounded: BoundedSocket) -> None:
        self.bounded = bounded
        self.ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return 0 if self.ended else self.bounded.receive(buffer)


class _Reader(io.BufferedReader):
    """Notes, when it is closed, whether the server had sent more than its answer: the next one could begin there."""

    def close(self) -> None:
        if not self.closed:
            source = self.raw
            assert isinstance(source, _Source)
            source.ended = True
            with suppress(OSError, ValueError):
                source.bounded.was_read_up = not self.read()
        super().close()


def seconds_left(deadline: float) -> float:
    """Give the seconds that are left.

    Raises:
        TimeoutError: none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
