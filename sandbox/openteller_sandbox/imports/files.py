"""Opening a file as text: plain or gzip, UTF-8 with or without a mark, or GB 18030."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from openteller_sandbox.imports.refusals import SourceError

STDIN = "-"
HEAD_CHARACTERS = 1 << 16
_HEAD_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"
_ENCODINGS = ("utf-8-sig", "gb18030")


class Source:
    """A file that is being read.

    name: as it was given. head: its first characters, which are read again. done: how far, as a fraction; None of what
    has no length.
    """

    def __init__(self, name: str, text: TextIO, done: Callable[[], float | None]) -> None:
        self.name = name
        self.done = done
        self._text = text
        with _told(name):
            self.head = text.read(HEAD_CHARACTERS)
        self._left: str | None = self.head

    def read(self, count: int) -> str:
        """Give some characters, at least one; none at the end.

        Raises:
            SourceError: the file cannot be read, or has bytes that are no text.
        """
        if self._left:
            piece, self._left = self._left[:count], self._left[count:] or None
            return piece
        with _told(self.name):
            return self._text.read(count)

    def lines(self, longest: int) -> Iterator[str]:
        """Give the lines, with their ends; of one that is too long no more than so many characters and one.

        Raises:
            SourceError: as ``read``.
        """
        held = ""
        while piece := self.read(HEAD_CHARACTERS):
            *whole, held = (held + piece).split("\n")
            yield from (f"{line}\n" for line in whole)
            if len(held) > longest:
                held = held[: longest + 1]
        if held:
            yield held


@contextmanager
def opened(name: str, encoding: str | None = None) -> Iterator[Source]:
    """Open a file, or the standard input (``-``).

    Args:
        name: where it is.
        encoding: what it is written in; found out where it is not said.

    Raises:
        SourceError: it cannot be opened or read, or is no text.
    """
    try:
        raw: BinaryIO = sys.stdin.buffer if name == STDIN else Path(name).open("rb")  # noqa: SIM115 - closed below
    except OSError as error:
        raise SourceError(f"cannot open {name}: {error.strerror or error}") from error
    try:
        counted = _Counted(raw)
        size = 0 if name == STDIN else Path(name).stat().st_size
        buffered = io.BufferedReader(cast("io.RawIOBase", counted), 1 << 18)
        with _told(name):
            is_packed = buffered.peek(2)[:2] == _GZIP
        data = buffered
        if is_packed:
            data = io.BufferedReader(cast("io.RawIOBase", gzip.GzipFile(fileobj=buffered)), 1 << 18)
        with _told(name):
            chosen = encoding or _encoding(name, data.peek(_HEAD_BYTES)[:_HEAD_BYTES])
        try:
            text = io.TextIOWrapper(data, chosen, errors="strict", newline="")
        except LookupError as error:
            raise SourceError(f"{chosen} is no encoding: try utf-8 or gb18030") from error
        yield Source(name, text, lambda: counted.count / size if size else None)
    finally:
        if name != STDIN:
            raw.close()


class _Counted(io.RawIOBase):
    """Bytes of a file, counted as they are read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.count = 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read some bytes."""
        data = self._raw.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def _encoding(name: str, head: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    raise SourceError(f"{name} is neither UTF-8 nor GB 18030: name its --encoding, or write it anew as UTF-8")


@contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        advice = "write it anew as UTF-8, or name its --encoding"
        raise SourceError(f"{name} has bytes that are no {error.encoding} ({error.reason}): {advice}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{name} is a broken or cut-off gzip file: {error}") from error
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror or error}") from error
