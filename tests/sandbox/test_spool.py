"""Long answers lie on a disk until they are read, and do not fill it. The shell is driven by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from openteller_sandbox.http.front import Pieces
from openteller_sandbox.serve import Shell, Turns
from openteller_sandbox.spool import NoRoom, Spool, Spooled

MOST = 1000


@pytest.fixture
def spool() -> Iterator[Spool]:
    made = Spool(MOST)
    yield made
    made.close()


def written(spool: Spool, size: int) -> Spooled:
    with spool.new() as file:
        file.write(b"x" * size)
    return file


def test_files_take_so_much_together_and_no_more(spool: Spool) -> None:
    written(spool, 600)
    with spool.new() as second:
        second.write(b"x" * 400)
        with pytest.raises(NoRoom):
            second.write(b"x")
    with pytest.raises(NoRoom):
        spool.new()


def test_a_file_without_a_name_takes_room_for_as_long_as_it_is_read(spool: Spool) -> None:
    first = written(spool, 700)
    with first.path.open("rb") as reader:
        first.remove()
        with pytest.raises(NoRoom):
            written(spool, 301)
        assert len(reader.read()) == 700
    written(spool, 301)


def test_a_file_that_has_its_name_still_takes_room(spool: Spool) -> None:
    first = written(spool, 1000)
    with pytest.raises(NoRoom):
        spool.new()
    first.remove()
    written(spool, 1000)


def test_what_was_refused_half_way_takes_no_room(spool: Spool) -> None:
    with spool.new() as file:
        file.write(b"x" * 900)
        with pytest.raises(NoRoom):
            file.write(b"x" * 101)
    file.remove()
    assert written(spool, 1000).size == 1000


def test_nothing_is_left_when_it_is_closed() -> None:
    spool = Spool()
    path = written(spool, 3).path
    spool.close()
    spool.close()
    assert not path.parent.exists()


# --- the server


class Protocol:
    """A connection, or a slow one: whoever has begun to read a file goes on."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.file: BinaryIO | None = None

    def response_bytes(self, status: int, headers: list[tuple[str, str]], _: bytes) -> None:
        self.status, self.headers = status, dict(headers)

    def response_file(self, status: int, headers: list[tuple[str, str]], path: str) -> None:
        self.status, self.headers, self.file = status, dict(headers), Path(path).open("rb")  # noqa: SIM115 - the test closes it


def drive(script: Callable[[Shell, Callable[..., Coroutine[Any, Any, Protocol]]], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        fault = [("Retry-After", "5"), ("Content-Length", "0")]
        shell = Shell(lambda *_: (), cast("Turns", None), lambda _: (503, list(fault), b"{}"))
        shell._spool = Spool(MOST)

        asked: list[Protocol] = []

        async def ask(*pieces: bytes | Exception) -> Protocol:
            protocol = Protocol()
            asked.append(protocol)
            await shell._send_pieces(cast("Any", protocol), {}, (200, [("ETag", '"1"')], Pieces(made(pieces))))
            return protocol

        try:
            await script(shell, ask)
        finally:
            shell.close()
            for protocol in asked:
                if protocol.file is not None:
                    protocol.file.close()

    asyncio.run(main())


def made(pieces: tuple[bytes | Exception, ...]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        yield piece


def test_slow_readers_are_answered_until_there_is_no_room_and_others_are_told_to_come_again() -> None:
    async def script(shell: Shell, ask: Callable[..., Coroutine[Any, Any, Protocol]]) -> None:
        slow = [await ask(b"x" * 300, b"y" * 100) for _ in range(2)]
        assert [(each.status, each.headers["Content-Length"]) for each in slow] == [(200, "400")] * 2
        for each in list(shell._spool._files.values()):
            each.remove()  # as it is some seconds after it was sent
        refused = await ask(b"x" * 150, b"y" * 150)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "30")
        assert "ETag" not in refused.headers
        assert (await ask(b"x" * 50)).status == 200, "what is short has room"

        assert slow[0].file is not None and slow[0].file.read() == b"x" * 300 + b"y" * 100
        slow[0].file.close()
        assert (await ask(b"x" * 150, b"y" * 150)).status == 200

    drive(script)


def test_an_answer_that_fails_is_told_as_before_and_leaves_no_file() -> None:
    async def script(shell: Shell, ask: Callable[..., Coroutine[Any, Any, Protocol]]) -> None:
        failed = await ask(b"x" * 900, OSError("No space left on device"))
        assert (failed.status, failed.headers["Retry-After"]) == (503, "5")
        assert not any(file.path.exists() for file in shell._spool._files.values())
        assert (await ask(b"x" * 900)).status == 200

    drive(script)
