"""What takes long gives others their turn. The shell is driven by hand: what is told is an order, never a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, cast

import pytest

from openteller_sandbox.http.front import PARKING, Reply, Turn, Waiting
from openteller_sandbox.serve import Shell, Turns

PIECES = 6
Start = Callable[..., Any]


class Durable:
    """All that was done is on disk already."""

    async def durable(self) -> bool:
        return True


class App:
    """Answers ``/`` at once, ``/pieces`` after so many pieces, and ``/compute`` when it is let."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.may_compute = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/":
            self.done.append("question")
            start_response("200 OK", [])
        elif path == "/pieces":
            environ[PARKING].append(self._pieces(environ["QUERY_STRING"], PIECES))
        elif path == "/compute":
            environ[PARKING].append(Waiting(self._compute, self._answered, self._failed, Turn.COMPUTING))
        else:
            environ[PARKING].append(Waiting(lambda: self.done.append("waited"), self._answered, self._failed))
        return ()

    def _pieces(self, name: str, left: int) -> Waiting:
        def go_on(_: object) -> Reply | Waiting:
            self.done.append(name)
            return self._pieces(name, left - 1) if left > 1 else Reply(200, [], b"")

        return Waiting(lambda: None, go_on, self._failed, Turn.GIVEN)

    def _compute(self) -> None:
        assert self.may_compute.wait(60)
        self.done.append("computed")

    def _answered(self, _: object) -> Reply:
        return Reply(200, [], b"")

    def _failed(self, error: Exception) -> Reply:
        raise error


@pytest.fixture
def app() -> Iterator[App]:
    app = App()
    yield app
    app.may_compute.set()


def play(app: App, script: Callable[[Callable[[str], Awaitable[object]]], Awaitable[None]]) -> None:
    """Let requests come, each as a task, as the server makes them."""

    async def main() -> None:
        shell = Shell(app, cast("Turns", Durable()), lambda _: (503, [], b""))

        def come(path: str) -> asyncio.Task[object]:
            path, _, query = path.partition("?")
            environ = {"REQUEST_METHOD": "POST", "PATH_INFO": path, "QUERY_STRING": query}
            return asyncio.create_task(shell._answer(environ))  # type: ignore[arg-type]

        try:
            await script(come)
        finally:
            app.may_compute.set()
            shell.close()

    asyncio.run(main())


def test_a_question_has_its_turn_between_two_pieces_whoever_they_are_of(app: App) -> None:
    async def script(come: Callable[[str], Awaitable[object]]) -> None:
        long = [come(f"/pieces?{name}") for name in ("a", "b", "c")]
        while len(app.done) < 4:  # noqa: ASYNC110 - it counts rounds of the loop
            await asyncio.sleep(0)
        before = len(app.done)
        await come("/")
        assert "question" in app.done[before : before + 2], "after one piece at most"
        assert len(app.done) < 3 * PIECES, "and long before they are done"
        await asyncio.gather(*long)

    play(app, script)
    assert app.done[:4] == ["a", "b", "c", "a"], "they take turns"
    assert len(app.done) == 3 * PIECES + 1


def test_between_two_pieces_of_anybody_there_is_room_for_what_takes_several_rounds(app: App) -> None:
    """A request with a body is answered a few rounds of the loop after it has come."""

    async def script(come: Callable[[str], Awaitable[object]]) -> None:
        long = [come(f"/pieces?{number}") for number in range(10)]
        while not app.done:  # noqa: ASYNC110 - it counts rounds of the loop
            await asyncio.sleep(0)
        before = len(app.done)
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(app.done) <= before + 1
        await asyncio.gather(*long)

    play(app, script)


def test_however_many_compute_who_waits_for_a_partners_server_does_not_wait_for_them(app: App) -> None:
    async def script(come: Callable[[str], Awaitable[object]]) -> None:
        computing = [come("/compute") for _ in range(40)]
        await come("/wait")
        assert app.done == ["waited"]
        app.may_compute.set()
        await asyncio.gather(*computing)

    play(app, script)
    assert app.done == ["waited", *["computed"] * 40]
