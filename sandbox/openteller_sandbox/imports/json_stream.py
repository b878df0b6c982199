"""Reading long JSON value by value: what stands at a path, and no more of it in memory than one value.

A path names members, and ``*`` for each item of an array: ``("features", "*")``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import msgspec

from openteller_sandbox.imports.files import Source
from openteller_sandbox.imports.refusals import Refusal, SourceError, wrong
from openteller_sandbox.imports.shape import shown

EACH = "*"
LONGEST = 1 << 20
"""Characters of one value: a branch has about two thousand."""

_CHUNK = 1 << 16
_OTHERWISE = (" :", "\t:", "\n:", "\r:", "\\u0022")
_SPACE = re.compile(r"[ \t\n\r]*")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


class RepeatedError(ValueError):
    """An object has a member twice: which of them is meant, nobody knows."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the member {shown(name)} is there twice")
        self.name = name


def repeated(name: str) -> Refusal:
    """Refuse a record for a member that is there twice."""
    return wrong(shown(name), "MEMBER_REPEATED", "is there twice: leave in the one that is meant")


def loads(text: str) -> Any:
    """Read one value.

    Raises:
        ValueError: it is no JSON, or nested too deep; or (RepeatedError) an object of it has a member twice.
    """
    try:
        value = msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    _check_repeated(text, value)
    return value


def _check_repeated(text: str, value: object) -> None:
    """Look for members that are there twice: the decoder takes the last one.

    Written anew, a text without any is the same, or has as many names; where it may be written otherwise than that it
    is read once more, slowly.
    """
    anew = msgspec.json.encode(value)
    if anew == text.encode():
        return
    if anew.count(b'":') == text.count('":') and not any(mark in text for mark in _OTHERWISE):
        return
    try:
        json.loads(text, object_pairs_hook=_only_once)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _only_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise RepeatedError(_twice(pairs))
    return members


def _twice(pairs: list[tuple[str, Any]]) -> str:
    names = [name for name, _ in pairs]
    return next(name for name in names if names.count(name) > 1)


def dumps(value: object) -> bytes:
    """Write a value, compact.

    Raises:
        ValueError: a text of it has half a character.
    """
    return msgspec.json.encode(value)


class JsonReader:
    """Goes through one JSON text."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._text = ""
        self._at = 0
        self._gone = 0
        self._ended = False
        self._repeated = ""
        self._decoder = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=self._object)

    def at(self, path: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """Give (JSON pointer, value) of what stands at a path, in order; where one has a member twice, why it is
        refused.

        Raises:
            SourceError: it is no JSON, or not this; the message says at which character.
        """
        yield from self._walk(tuple(path), "")
        if self._peek():
            self._fail("something follows the end")

    def _walk(self, path: tuple[str, ...], pointer: str) -> Iterator[tuple[str, Any]]:
        if not path:
            value = self._value()
            yield pointer, repeated(self._repeated) if self._repeated else value
        elif path[0] == EACH:
            yield from self._items(path[1:], pointer)
        else:
            yield from self._members(path, pointer)

    def _items(self, rest: tuple[str, ...], pointer: str) -> Iterator[tuple[str, Any]]:
        self._take("[")
        number = 0
        while self._peek() != "]":
            if number:
                self._take(",")
            yield from self._walk(rest, f"{pointer}/{number}")
            number += 1
        self._take("]")

    def _members(self, path: tuple[str, ...], pointer: str) -> Iterator[tuple[str, Any]]:
        self._take("{")
        first, met = True, False
        while self._peek() != "}":
            if not first:
                self._take(",")
            first = False
            name = self._value()
            if not isinstance(name, str):
                self._fail("a member's name is missing")
            self._take(":")
            if name == path[0]:
                if met:
                    self._fail(f"the member {name} is there twice")
                met = True
                yield from self._walk(path[1:], f"{pointer}/{name}")
            else:
                self._value()
        self._take("}")

    def _value(self) -> Any:
        """Give the value that begins here. One that ends where the text in memory does may go on behind it."""
        self._peek()
        while True:
            self._repeated = ""
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
                if end < len(self._text) or self._ended:
                    if self._text.find("\\u", self._at, end) >= 0:
                        self._check_letters(value)
                    self._at = end
                    return value
            except RecursionError:
                self._fail("it is nested too deep")
            except ValueError as error:
                if self._ended:
                    self._fail(str(error).partition(":")[0])
            if len(self._text) - self._at > LONGEST:
                self._fail(f"a value is longer than {LONGEST:,} characters, or no JSON")
            self._more()

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            self._repeated = self._repeated or _twice(pairs)
        return members

    def _check_letters(self, value: object) -> None:
        """Refuse half a character (a surrogate by itself): JSON may have it, but nothing that is stored or sent."""
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            self._fail("a text has half a character")

    def _peek(self) -> str:
        """Give the next character that is no space; none at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._more()

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            self._fail(f"{wanted} is expected")
        self._at += 1

    def _more(self) -> None:
        """Have at least twice as much of the value in memory: it is looked at from its beginning again."""
        piece = self._source.read(max(_CHUNK, len(self._text) - self._at))
        self._ended = not piece
        self._gone += self._at
        self._text = self._text[self._at :] + piece
        self._at = 0

    def _fail(self, reason: str) -> NoReturn:
        raise SourceError(f"{self._source.name}, character {self._gone + self._at + 1:,}: {reason}")
