"""The account on the web: where Weibo pushes to, and where the bank sends its events."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from openteller import OpenTeller
from openteller.errors import InvalidSignature

from .bot import Bot, where
from .counter import HEARD_OF, Counter
from .endpoint import Endpoint, NoSecretYet
from .paying import Room
from .store import Store
from .weibo import LARGEST_PUSH, PushError, WeiboClient, limits, passive_reply, verify_echo, verify_push

__all__ = ["Settings", "create_app", "create_bot"]

log = logging.getLogger("v_jiaofei")

_SHORTEST_KEY = 16
_NEEDED = (
    "OPENTELLER_CLIENT_ID",  # read by the client itself
    "OPENTELLER_CLIENT_SECRET",
    "WEIBO_APP_SECRET",
    "WEIBO_ACCESS_TOKEN",
    "USER_REF_KEY",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the account needs to know. Secrets come from the environment, and no ``repr`` shows them.

    Attributes:
        weibo_app_secret: with which Weibo signs its pushes.
        weibo_access_token: of the account.
        weibo_url: Weibo's API, or a stand-in.
        user_ref_key: the key of references to users, at least 16 bytes; never changed.
        database: the account's memory, a SQLite file.
        webhook_url: where the bank reaches this account's ``/bank``.
    """

    weibo_app_secret: str = field(repr=False)
    weibo_access_token: str = field(repr=False)
    weibo_url: str
    user_ref_key: str = field(repr=False)
    database: Path
    webhook_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, *, own_url: str = "") -> Settings:
        """Read WEIBO_APP_SECRET, WEIBO_ACCESS_TOKEN, WEIBO_URL, USER_REF_KEY, DATABASE, WEBHOOK_URL; see README.md.

        Args:
            own_url: of this account as this machine reaches it, which is enough for a bank on it.

        Raises:
            SystemExit: one is missing or too short; the message names it.
        """
        missing = [name for name in _NEEDED if not environment.get(name)]
        if missing:
            raise SystemExit(f"set {' and '.join(missing)} in the environment; README.md says what they are")
        if len(environment["USER_REF_KEY"].encode()) < _SHORTEST_KEY:
            raise SystemExit(
                f"USER_REF_KEY is shorter than {_SHORTEST_KEY} bytes; `openssl rand -hex 16` makes a good one"
            )
        return cls(
            weibo_app_secret=environment["WEIBO_APP_SECRET"],
            weibo_access_token=environment["WEIBO_ACCESS_TOKEN"],
            weibo_url=environment.get("WEIBO_URL") or "https://api.weibo.com",
            user_ref_key=environment["USER_REF_KEY"],
            database=Path(environment.get("DATABASE") or "v_jiaofei.db"),
            webhook_url=environment.get("WEBHOOK_URL") or f"{own_url}/bank",
        )


def create_bot(
    settings: Settings,
    bank: OpenTeller,
    store: Store,
    weibo: WeiboClient,
    *,
    clock: Callable[[], float] = time.time,
    wall: Callable[[], float] = time.time,
) -> Bot:
    """Put the account together; its owner closes what it was given.

    Args:
        clock: epoch seconds, by which the account works.
        wall: epoch seconds, by which the bank signs.
    """
    room = Room(public=limits().comment_characters, private=limits().message_characters)
    counter = Counter(bank, settings.user_ref_key, room=room)
    endpoint = Endpoint(store, settings.webhook_url, HEARD_OF, wall=wall)
    return Bot(bank, counter, weibo, store, endpoint, clock=clock)


def create_app(settings: Settings, bot: Bot, store: Store, *, clock: Callable[[], float] = time.time) -> Flask:
    """Make the web application over a bot. ``clock`` gives epoch seconds."""
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_PUSH

    @app.get("/weibo")
    def echo() -> Response:
        text = verify_echo(settings.weibo_app_secret, request.args, now=clock())
        return Response(text, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})

    @app.post("/weibo")
    def push() -> Response:
        began = time.monotonic()
        body = request.get_data(cache=False)
        received = verify_push(settings.weibo_app_secret, request.args, body, nonces=store, now=clock())
        said = bot.receive(received)
        if said is None:
            return Response(status=200)
        response = jsonify(passive_reply(received, said))
        response.call_on_close(lambda: bot.was_said(received, after_s=time.monotonic() - began))
        return response

    @app.post("/bank")
    def hear() -> Response:
        bot.hear(request.get_data(cache=False), request.headers)
        return Response(status=204)

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(bot.health())

    _answer_errors(app)
    return app


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(PushError)
    def refuse(error: PushError) -> tuple[Response, int]:
        log.warning("a push was refused: %s", error)
        return jsonify({"error": type(error).__name__}), 403

    @app.errorhandler(InvalidSignature)
    def refuse_event(error: InvalidSignature) -> tuple[Response, int]:
        log.warning("an event was refused: %s", error)
        return jsonify({"error": type(error).__name__, "reason": error.reason}), 400

    @app.errorhandler(NoSecretYet)
    def take_no_event_yet(error: NoSecretYet) -> tuple[Response, int]:
        return jsonify({"error": type(error).__name__}), 503

    @app.errorhandler(Exception)
    def fail(error: Exception) -> tuple[Response, int] | HTTPException:
        if isinstance(error, HTTPException):
            return error
        log.error("a request failed: %s", where(error))  # its words may be somebody's
        return jsonify({"error": "internal"}), 500
