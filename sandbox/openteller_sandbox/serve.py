"""The server: a small RSGI shell on granian that calls the WSGI app inline on the event loop's thread.

One thread answers: several Python threads in a process cost three to four times as much. Once a second the loop does
what has fallen due, piece by piece while there is more; requests have their turn in between. Webhooks, and requests
that wait for a partner's server, wait in threads of their own; replays have one. Where billers are asked over HTTP,
what falls due and requests that may ask one run in threads, too: nobody else waits for a biller.
"""

from __future__ import annotations

import asyncio
import io
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import unquote_to_bytes

from openteller_sandbox.bank import Bank
from openteller_sandbox.consents import service as consents
from openteller_sandbox.db import Database, DatabaseError
from openteller_sandbox.due import service as due
from openteller_sandbox.http.checks import BODY_LIMIT
from openteller_sandbox.http.disturbance import CUT, HELD_MS, HOLDS, cut
from openteller_sandbox.http.front import PARKING, Pieces, Turn, Waiting
from openteller_sandbox.http.front import Reply as Parked
from openteller_sandbox.http.problems import unavailable
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.spool import NoRoom, Spool, Spooled
from openteller_sandbox.webhooks import service as webhooks

if TYPE_CHECKING:
    from flask import Flask
    from granian._granian import RSGIHTTPProtocol as HTTPProtocol
    from granian.rsgi import Scope
    from granian.server.embed import Server

log = logging.getLogger("openteller_sandbox")
_TICK_S = 1.0
_ROUNDS = 4
"""Of the loop, in a turn: what has come with its first request needs as many until its body is read and it is done."""
_MOST_WAITING = 32
"""Requests that wait for a partner's server, a biller, or for deliveries, at one time; the next ones wait for these."""
_ASKING = (
    "/pay/",
    "/v1/bill-fetches",
    "/v1/saved-billers/",
    "/v1/mandate-payments",
    "/v1/reminders/",
    "/customer/",
    "/sandbox/",
)
"""What a POST to may ask a biller."""
_FETCHING = ("/oauth/",)
"""What a POST to may fetch a client's keys."""
_MOST_SPOOLING = 4
_SPOOLED_S = 10.0
"""For how long a file of a long answer can be found."""
_NO_ROOM = ("Retry-After", "30")
"""When somebody may have read such an answer to its end."""
_BODY_HEADERS = frozenset({"content-length", "transfer-encoding"})  # the body is read whole before the app sees it
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

T = TypeVar("T")
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
Reply = tuple[int, list[tuple[str, str]], bytes | Pieces]


class Turns:
    """Makes durable, at the end of each turn, what acts have done in it: one sync to disk for all.

    A turn begins with an act and is a few rounds of the running loop. Requests that have come meanwhile wait for the
    sync and are the next turn, so that turns grow with the load.

    Args:
        database: where acts are done.
        tell: called when whatever was done by then is durable.
    """

    def __init__(self, database: Database, tell: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._durable: asyncio.Future[bool] | None = None
        database.gather(self._begin, self._ended)

    async def durable(self) -> bool:
        """Wait until all that was done by now is on disk; False when it cannot be and is undone."""
        if self._durable is not None:
            return await self._durable
        self._tell()
        return True

    def close(self) -> None:
        """End the last turn, and gather no more."""
        if self._durable:
            self._end()
        self._database.gather(None)

    def _begin(self) -> None:
        self._durable = self._loop.create_future()
        self._loop.call_soon(self._go_round, self._durable, _ROUNDS)

    def _go_round(self, turn: asyncio.Future[bool], left: int) -> None:
        if turn is not self._durable:  # something has had to be on disk at once, and all before it with it
            return
        if left > 1:
            self._loop.call_soon(self._go_round, turn, left - 1)
        else:
            self._end()

    def _end(self) -> None:
        try:
            self._database.commit()
        except DatabaseError as error:
            log.error("%s", error)  # noqa: TRY400 - it says all

    def _ended(self, kept: bool) -> None:
        durable, self._durable = self._durable, None
        if durable is not None:
            durable.set_result(kept)
        if kept:
            self._tell()


class Shell:
    """Turns RSGI requests into WSGI calls, and holds back every answer until what it tells of is durable.

    Args:
        app: what answers.
        turns: knows what is durable.
        fault: gives the answer to a WSGI environment instead, where something is not.
        beside: tells which requests are answered in threads of their own, as they may wait long.
    """

    def __init__(
        self,
        app: Wsgi,
        turns: Turns,
        fault: Callable[[dict[str, Any]], Reply],
        beside: Callable[[dict[str, Any]], bool] = lambda _: False,
    ) -> None:
        self._app = app
        self._turns = turns
        self._fault = fault
        self._beside = beside
        self._waiters = ThreadPoolExecutor(_MOST_WAITING, "openteller-wait")
        self._computer = ThreadPoolExecutor(1, "openteller-compute")
        self._going_on = asyncio.Lock()
        self._spool = Spool()
        self._spooling = asyncio.Semaphore(_MOST_SPOOLING)

    def close(self) -> None:
        """Wait for nobody any more."""
        self._spool.close()
        for pool in (self._waiters, self._computer):
            pool.shutdown(wait=False, cancel_futures=True)

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Serve one request."""
        body = b"" if scope.method in _BODILESS else await _read(scope, protocol)
        environ = _environ(scope, body)
        reply = await self._answer(environ)
        status, headers, chunks = reply if await self._turns.durable() else self._fault(_environ(scope, b""))
        if held_ms := environ.get(HELD_MS):  # beside the loop: nobody else waits
            await asyncio.sleep(held_ms / 1000)
        if environ.get(CUT):
            headers, chunks = cut(headers, chunks or b"{}")
        if isinstance(chunks, Pieces):
            await self._send_pieces(protocol, environ, (status, headers, chunks))
        elif chunks:
            protocol.response_bytes(status, headers, chunks)
        else:
            protocol.response_empty(status, headers)

    async def _send_pieces(self, protocol: HTTPProtocol, environ: dict[str, Any], reply: Reply) -> None:
        """Send what is made piece by piece, from a file: granian takes what a program sends faster than a client reads
        and keeps it in memory, but reads a file no faster than that. And so its length is known, and a part of it is
        never taken for the whole.
        """
        status, headers, pieces = reply
        async with self._spooling:
            try:
                file = await self._spooled(cast("Pieces", pieces))
            except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
                log.error("%s while a long answer was made", type(error).__name__)  # noqa: TRY400 - may hold what was asked
                status, headers, body = self._fault(environ)
                if isinstance(error, NoRoom):
                    headers = [*(each for each in headers if each[0] != "Retry-After"), _NO_ROOM]
                protocol.response_bytes(status, headers, cast("bytes", body))
                return
        protocol.response_file(status, [*headers, ("Content-Length", str(file.size))], str(file.path))
        # It is opened at once, and can be read to its end by whoever has opened it.
        asyncio.get_running_loop().call_later(_SPOOLED_S, file.remove)

    async def _spooled(self, pieces: Pieces) -> Spooled:
        """Write what is made piece by piece into a file.

        Raises:
            NoRoom: those that others still read take too much.
        """
        with self._spool.new() as file:
            try:
                while piece := await self.after_others(partial(next, pieces, b"")):
                    file.write(piece)
            except BaseException:  # a caller who is gone, too
                file.remove()
                raise
        return file

    async def _answer(self, environ: dict[str, Any]) -> Reply:
        """Get the answer of the app; what it waits for is waited for beside the loop, and nobody else waits."""
        parking: list[Waiting] = []
        environ[PARKING] = parking
        beside = self._beside(environ)
        call = partial(self._call, environ)
        reply = await self._in_thread(call) if beside else call()
        if not parking:
            return reply
        parked: Parked | Waiting = parking.pop()
        while isinstance(parked, Waiting):
            if not await self._turns.durable():
                return self._fault(environ)
            parked = await (self._piece(parked, beside) if parked.turn is Turn.GIVEN else self._waited(parked, beside))
        return parked

    async def _waited(self, waiting: Waiting, beside: bool) -> Parked | Waiting:
        pool = self._computer if waiting.turn is Turn.COMPUTING else self._waiters
        try:
            result = await self._in_thread(waiting.wait, pool)
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
            return waiting.fail(error)
        resume = partial(waiting.resume, result)
        return await self._in_thread(resume) if beside else resume()

    async def _piece(self, waiting: Waiting, beside: bool) -> Parked | Waiting:
        """Do a piece of what takes long."""
        resume = partial(waiting.resume, None)
        if beside:
            return await self._in_thread(resume)
        return await self.after_others(resume)

    async def after_others(self, work: Callable[[], T]) -> T:
        """Do here what takes long for the loop. Before it everybody else has a turn, and one such thing comes after the
        other.
        """
        async with self._going_on:
            for _ in range(_ROUNDS):
                await asyncio.sleep(0)
            return work()

    async def _in_thread(self, work: Callable[[], T], pool: ThreadPoolExecutor | None = None) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool or self._waiters, work)

    def _call(self, environ: dict[str, Any]) -> Reply:
        answer: list[Any] = [500, []]

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:  # noqa: ARG001
            answer[0] = int(status[:3])
            answer[1] = headers

        result = self._app(environ, start_response)
        try:
            data = result if isinstance(result, Pieces) else b"".join(result)
        finally:
            close = getattr(result, "close", None)
            if close:
                close()
        return answer[0], answer[1], data


async def _read(scope: Scope, protocol: HTTPProtocol) -> bytes:
    """Read the body, but not more than one byte over the limit: the app then refuses it."""
    announced = scope.headers.get("content-length")
    if announced is not None and announced.isdigit():
        # At once, where it is known to be short: each part would be a turn of the loop.
        return await protocol() if int(announced) <= BODY_LIMIT else b"\0" * (BODY_LIMIT + 1)
    parts, size = [], 0
    async for part in protocol:
        parts.append(part)
        size += len(part)
        if size > BODY_LIMIT:
            break
    return b"".join(parts)


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    server_name, _, server_port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope.path).decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server_name,
        "SERVER_PORT": server_port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(body)),
        HOLDS: True,
    }
    for name, value in scope.headers.items():
        if name == "content-type":
            environ["CONTENT_TYPE"] = value
        elif name not in _BODY_HEADERS:
            key = f"HTTP_{name.upper().replace('-', '_')}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
    environ.setdefault("HTTP_HOST", scope.authority or scope.server)
    return environ


async def _serve(bank: Bank, app: Flask, host: str, port: int, ready: Callable[[], None], leash: int | None) -> None:
    dispatcher, printer = webhooks.dispatcher(bank, lease_s=bank.settings.webhook_lease_s), receipts.printer(bank)
    herald = _herald(bank, dispatcher.wake, printer.wake)
    turns = Turns(bank.db, herald)
    remote = bank.settings.billers is not None
    asking = (*(_ASKING if remote else ()), *(_FETCHING if bank.settings.jwks_hosts else ()))
    shell = Shell(app.wsgi_app, turns, partial(_fault, app), partial(_may_ask, asking))
    requests = app.extensions["openteller"].requests
    do_due = partial(_do_due, bank, due.Rounds(bank))
    loop = asyncio.get_running_loop()
    server, serving = _listen(shell, host, port)
    if leash is not None:
        _end_with(leash, loop, server.stop)
    dispatcher.start()
    printer.start()
    ready()
    try:
        while not serving.done():
            if remote:
                done = await loop.run_in_executor(None, do_due)
                herald()
            else:
                done = await shell.after_others(do_due)
            requests.flush()
            kept = await turns.durable()
            await asyncio.wait([serving], timeout=0 if done and kept else _TICK_S)
        serving.result()
    finally:
        requests.flush()
        turns.close()
        shell.close()
        await loop.run_in_executor(None, printer.stop)
        await loop.run_in_executor(None, dispatcher.stop)


def _do_due(bank: Bank, rounds: due.Rounds) -> int:
    """Do a piece of what has fallen due, in bank time and in wall time; give how much that was."""
    return rounds.go(due.PIECE, due.PIECE_S) + consents.watch(bank)


def _listen(shell: Shell, host: str, port: int) -> tuple[Server, asyncio.Task[None]]:
    """Serve until SIGINT or SIGTERM; give what stops it, and what ends with it."""
    from granian.constants import Interfaces  # noqa: PLC0415 - a WSGI host needs no granian
    from granian.server.embed import Server  # noqa: PLC0415

    server = Server(shell, address=host, port=port, interface=Interfaces.RSGI, websockets=False, log_enabled=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, server.stop)
    return server, asyncio.create_task(server.serve())


def _may_ask(asking: tuple[str, ...], environ: dict[str, Any]) -> bool:
    return environ["REQUEST_METHOD"] == "POST" and str(environ["PATH_INFO"]).startswith(asking)


def _herald(bank: Bank, *wakes: Callable[[], None]) -> Callable[[], None]:
    """Give what wakes dispatcher and printer when something that they wait for has become durable."""
    told = bank.news

    def tell() -> None:
        nonlocal told
        if bank.news != told:
            told = bank.news
            for wake in wakes:
                wake()

    return tell


def _end_with(leash: int, loop: asyncio.AbstractEventLoop, stop: Callable[[], None]) -> None:
    """Stop when a descriptor can be read."""

    def let_go() -> None:
        loop.remove_reader(leash)
        stop()

    loop.add_reader(leash, let_go)


def _fault(app: Flask, environ: dict[str, Any]) -> Reply:
    """Answer as the app answers where it cannot keep anything: with a page where a person asks."""
    with app.request_context(environ):
        app.preprocess_request()
        problem = app.make_response(app.handle_user_exception(unavailable()))
        response = app.process_response(problem)
        return response.status_code, list(response.headers.items()), response.get_data()


def serve(bank: Bank, app: Flask, host: str, port: int, ready: Callable[[], None], *, leash: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        bank: whose due acts are done.
        app: what answers.
        host: the address to listen on.
        port: the port to listen on.
        ready: called when the listener is about to accept.
        leash: of one of several workers: a descriptor that can be read when the process that has begun them is gone,
            which ends this one, too. They share the address.

    Raises:
        OSError: the address is taken.
    """
    if leash is None:
        check_free(host, port)
    asyncio.run(_serve(bank, app, host, port, ready, leash))


async def _serve_plain(app: Wsgi, database: Database, host: str, port: int, ready: Callable[[], None]) -> None:
    turns = Turns(database)
    shell = Shell(app, turns, lambda _: (503, [("Retry-After", "1"), ("Content-Length", "0")], b""))
    _, serving = _listen(shell, host, port)
    ready()
    try:
        await serving
    finally:
        turns.close()
        shell.close()


def serve_plain(app: Wsgi, database: Database, host: str, port: int, ready: Callable[[], None]) -> None:
    """Serve an application that has nothing but its database until SIGINT or SIGTERM: no due acts, no webhooks.

    Raises:
        OSError: the address is taken.
    """
    check_free(host, port)
    asyncio.run(_serve_plain(app, database, host, port, ready))


def check_free(host: str, port: int) -> None:
    """Find a taken port now, with the system's own error, instead of inside the server's thread.

    Raises:
        OSError: the address is taken, or not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
