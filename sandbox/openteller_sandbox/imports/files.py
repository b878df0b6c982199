"""Opening a file as text: plain or gzip, UTF-8 with or without a mark, GB 18030, or UTF-16 with one."""

from __future__ import annotations

import codecs
import gzip
import io
import re
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
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP = b"PK\x03\x04"
_SPACE = re.compile(r"[ \t\r\n]*")


class Source:
    """A file that is being read.

    name: as it was given. encoding: what it is written in. head: its first characters, which are read again. done: how
    far, as a fraction; None of what has no length.
    """

    def __init__(self, name: str, encoding: str, text: TextIO, done: Callable[[], float | None]) -> None:
        self.name = name
        self.encoding = encoding
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


class Lines:
    """The lines of a source, with their ends; of one that is too long its beginning, which is too long as well, and
    nobody waits for its end.

    number: of the line that was given last, from 1.
    """

    def __init__(self, source: Source, longest: int) -> None:
        self.number = 0
        self._source = source
        self._longest = longest
        self._end = "\n" if "\n" in source.head or "\r" not in source.head else "\r"
        self._text = ""
        self._at = 0
        self._is_cut = False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        """Give a line.

        Raises:
            SourceError: as ``Source.read``.
        """
        self._pass_cut()
        line = self._line()
        if not line:
            raise StopIteration
        self.number += 1
        return line

    def skip_blank(self) -> None:
        """Go on to the next line that has more than spaces.

        Raises:
            SourceError: as ``Source.read``.
        """
        self._pass_cut()
        while True:
            found = _SPACE.match(self._text, self._at)
            end = found.end() if found else self._at
            begin = self._text.rfind(self._end, self._at, end) + 1 or self._at
            self.number += self._text.count(self._end, self._at, begin)
            self._at = begin
            if end < len(self._text):
                return
            piece = self._source.read(HEAD_CHARACTERS)
            self._text, self._at = self._text[begin : begin + HEAD_CHARACTERS] + piece, 0
            if not piece:
                return

    def _line(self) -> str:
        """Give the next line; nothing at the end."""
        end = self._text.find(self._end, self._at) + 1
        if end:
            line, self._at = self._text[self._at : end], end
            return line
        held, self._text, self._at = self._text[self._at :], "", 0
        while piece := self._source.read(HEAD_CHARACTERS):
            end = piece.find(self._end) + 1
            if end:
                self._text, self._at = piece, end
                return held + piece[:end]
            held += piece
            if len(held) > self._longest:
                self._is_cut = True
                break
        return held

    def _pass_cut(self) -> None:
        """Go over the rest of a line that was too long."""
        while self._is_cut:
            piece = self._source.read(HEAD_CHARACTERS)
            self._text, self._at = piece, piece.find(self._end) + 1
            self._is_cut = bool(piece) and not self._at


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
            raise SourceError(f"{chosen} is no encoding of texts: try utf-8 or gb18030") from error
        yield Source(name, chosen, text, lambda: counted.count / size if size else None)
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
    """Find out what a file is written in.

    Raises:
        SourceError: it is no text, or none that is known.
    """
    if head.startswith(_ZIP):
        raise SourceError(f"{name} is an archive or a workbook (.zip, .xlsx): save what is in it as CSV, in UTF-8")
    if head.startswith(_UTF_16):
        return "utf-16"
    if b"\0" in head:
        raise SourceError(f"{name} is no text, or UTF-16 without a mark: name its --encoding, or write it as UTF-8")
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
        advice = "name its --encoding, such as gb18030, or write it anew as UTF-8"
        raise SourceError(f"{name} has bytes that are no {error.encoding} ({error.reason}): {advice}") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise SourceError(f"{name} is a broken or cut-off gzip file: {error}") from error
    except OSError as error:
        raise SourceError(f"cannot read {name}: {error.strerror or error}") from error
