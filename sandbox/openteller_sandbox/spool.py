"""Files in which long answers lie until they are read: so much of a disk, and no more.

A file that was taken away takes room for as long as somebody reads it. Nobody tells when that is over, so the process
looks at what it has open when there seems to be no room left.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

MOST = 4 << 30
"""Bytes of all files together. A million branches are 2.5 GB, and packed a seventeenth of that."""
_OPEN = Path("/dev/fd")  # what the process has open, on Linux and macOS

_Key = tuple[int, int]
"""Device and inode, by which a file is known when it has no name any more."""


class NoRoom(Exception):
    """Long answers that are being read take all the room that they may take."""


class Spool:
    """A folder of its own, which is there from the first file on. most: bytes, of all files together."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._folder: TemporaryDirectory[str] | None = None
        self._files: dict[_Key, Spooled] = {}

    def new(self) -> Spooled:
        """Begin a file.

        Raises:
            NoRoom: there is none at all.
        """
        self.make_room(1)
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="openteller-")
        file = Spooled(self, Path(self._folder.name, secrets.token_hex(8)))
        self._files[file.key] = file
        return file

    def make_room(self, size: int) -> None:
        """See to it that so many bytes more may be written.

        Raises:
            NoRoom: they may not.
        """
        if self.taken() + size > self._most:
            self._forget()
            if self.taken() + size > self._most:
                raise NoRoom

    def taken(self) -> int:
        """Give how many bytes are taken, as far as is known: rather too many."""
        return sum(file.size for file in self._files.values())

    def close(self) -> None:
        """Take everything away."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
        self._files.clear()

    def _forget(self) -> None:
        """Forget the files that have no name any more and that nobody reads."""
        read = _open_files()
        self._files = {key: file for key, file in self._files.items() if key in read or file.path.exists()}


class Spooled:
    """A file that is written, and then read under its name or by whoever has opened it."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self.path = path
        self.size = 0
        self._spool = spool
        self._file = path.open("xb")
        self.key = _key(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, piece: bytes) -> None:
        """Write what comes next.

        Raises:
            NoRoom: it would be too much.
            OSError: the disk is full.
        """
        self._spool.make_room(len(piece))
        self.size += len(piece)
        self._file.write(piece)

    def remove(self) -> None:
        """Take its name away."""
        self.path.unlink(missing_ok=True)


def _open_files() -> set[_Key]:
    """Give the files that this process has open; none where the system does not tell."""
    found = set()
    with suppress(OSError):
        for each in _OPEN.iterdir():
            with suppress(OSError):  # such as the one that listed them
                found.add(_key(int(each.name)))
    return found


def _key(descriptor: int) -> _Key:
    about = os.fstat(descriptor)
    return about.st_dev, about.st_ino
