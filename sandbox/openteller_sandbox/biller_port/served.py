"""The simulated billers in a process of their own: their side of the port over HTTP, as a WSGI application.

They keep their books in a database of their own, by world and by when the world began: a world that was reset is a new
one to them. ``remote`` is the bank's side, and docs/billers-over-http.md the protocol.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from openteller_sandbox.bank import World
from openteller_sandbox.biller_port import wire
from openteller_sandbox.biller_port.port import Asking, Ground, Turn
from openteller_sandbox.biller_port.simulated import SimulatedBiller
from openteller_sandbox.billers import service as billers
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.db import Database, DatabaseError, EngineError
from openteller_sandbox.http import Problem

log = logging.getLogger("openteller_sandbox.biller_port")
_MOST_BYTES = 1024 * 1024
_AT = "@"
_WRONG = (KeyError, TypeError, ValueError, AttributeError)

StartResponse = Callable[..., Any]
Json = dict[str, Any]


class ServedBillers:
    """Answers the questions of banks.

    Args:
        database: with the seed's billers, and their books.
        token: what a bank has to show; empty where everybody may ask.
    """

    def __init__(self, database: Database, token: str = "") -> None:
        self._db = database
        self._expected = f"Bearer {token}".encode() if token else b""
        self._biller = SimulatedBiller(database, _began_at)
        self._verbs: Mapping[str, Callable[[World, int, Json], Json]] = {
            "/query": self._query,
            "/post": self._post,
            "/query-posting": self._query_posting,
            "/reverse": self._reverse,
            "/reconcile": self._reconcile,
            "/play": self._play,
        }

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a question."""
        status, said = self._answer(environ)
        body = json.dumps(said, ensure_ascii=False).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        start_response(f"{status.value} {status.phrase}", headers)
        return (body,)

    def _answer(self, environ: dict[str, Any]) -> tuple[HTTPStatus, Json]:
        verb = self._verbs.get(environ["PATH_INFO"])
        if self._expected and not compare_digest(environ.get("HTTP_AUTHORIZATION", "").encode(), self._expected):
            return _refused(HTTPStatus.UNAUTHORIZED)
        if verb is None:
            return _refused(HTTPStatus.NOT_FOUND)
        if environ["REQUEST_METHOD"] != "POST":
            return _refused(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            length = min(int(environ.get("CONTENT_LENGTH") or 0), _MOST_BYTES)
            question = json.loads(environ["wsgi.input"].read(length))
            return HTTPStatus.OK, verb(_world(question["world"]), _instant(question["at"]), question)
        except Problem:  # there is no such biller
            return _refused(HTTPStatus.UNPROCESSABLE_ENTITY)
        except _WRONG:
            return _refused(HTTPStatus.BAD_REQUEST)
        except (EngineError, DatabaseError) as error:
            log.error("%s", error)  # noqa: TRY400 - it says all
            return _refused(HTTPStatus.SERVICE_UNAVAILABLE)

    def _query(self, world: World, at: int, question: Json) -> Json:
        inputs, asking = _texts(question["inputs"]), Asking[question["asking"]]
        return wire.answer_to_json(self._biller.query(world, self._of(question), inputs, at, asking))

    def _post(self, world: World, at: int, question: Json) -> Json:
        posting = wire.posting_from_json(question, self._of(question))
        return wire.posted_to_json(self._biller.post(world, posting, at))

    def _query_posting(self, world: World, at: int, question: Json) -> Json:
        posting = wire.posting_from_json(question, self._of(question))
        return wire.posted_to_json(self._biller.query_posting(world, posting, at))

    def _reverse(self, world: World, at: int, question: Json) -> Json:
        posting, ground = wire.posting_from_json(question, self._of(question)), Ground[question["ground"]]
        return {"answer": self._biller.reverse(world, posting, at, ground).value}

    def _reconcile(self, world: World, at: int, question: Json) -> Json:
        listed = self._biller.reconcile(world, self._of(question), date.fromisoformat(question["day"]), at)
        return {"postings": [wire.listed_to_json(entry) for entry in listed]}

    def _play(self, world: World, at: int, question: Json) -> Json:
        self._biller.play(world, str(question["posting_id"]), Turn[question["turn"]], at)
        return {}

    def _of(self, question: Json) -> Biller:
        return billers.get(self._db.read(), str(question["biller_id"]))


def _world(said: Mapping[str, Any]) -> World:
    """Name a world by when it began, too."""
    began_at = said["began_at"]
    return World(f"{said['world_id']}{_AT}{'' if began_at is None else _instant(began_at)}")


def _began_at(world: World) -> int | None:
    text = world.world_id.rpartition(_AT)[2]
    return int(text) if text else None


def _instant(value: object) -> int:
    if type(value) is not int:
        raise TypeError("an instant is a whole number")
    return value


def _texts(said: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in said.items()}


def _refused(status: HTTPStatus) -> tuple[HTTPStatus, Json]:
    return status, {"error": status.phrase}
