"""The account on the web: where Weibo pushes to."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask, Response, jsonify, request

from openteller import OpenTeller

from .bot import Bot
from .counter import Counter
from .store import Store
from .weibo import LARGEST_PUSH, PushError, WeiboClient, passive_reply, verify_echo, verify_push

__all__ = ["Settings", "create_app", "create_bot"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the account needs to know. Secrets come from the environment, and no ``repr`` shows them.

    Attributes:
        weibo_app_secret: with which Weibo signs its pushes.
        weibo_access_token: of the account.
        weibo_url: Weibo's API, or a stand-in.
        user_ref_key: the key of references to users, at least 16 bytes; never changed.
        database: the account's memory, a SQLite file.
    """

    weibo_app_secret: str = field(repr=False)
    weibo_access_token: str = field(repr=False)
    weibo_url: str
    user_ref_key: str = field(repr=False)
    database: Path

    @classmethod
    def from_environment(cls) -> Settings:
        """Read WEIBO_APP_SECRET, WEIBO_ACCESS_TOKEN, WEIBO_URL, USER_REF_KEY and DATABASE.

        Raises:
            SystemExit: one is missing; the message names it.
        """
        names = ("WEIBO_APP_SECRET", "WEIBO_ACCESS_TOKEN", "USER_REF_KEY")
        missing = [name for name in names if not os.environ.get(name)]
        if missing:
            raise SystemExit(f"set {' and '.join(missing)} in the environment; README.md says what they are")
        return cls(
            weibo_app_secret=os.environ["WEIBO_APP_SECRET"],
            weibo_access_token=os.environ["WEIBO_ACCESS_TOKEN"],
            weibo_url=os.environ.get("WEIBO_URL", "https://api.weibo.com"),
            user_ref_key=os.environ["USER_REF_KEY"],
            database=Path(os.environ.get("DATABASE", "v_jiaofei.db")),
        )


def create_bot(settings: Settings, bank: OpenTeller, *, workers: int = 4, polls: bool = False) -> tuple[Bot, Store]:
    """Put the account together. Its bank calls end within three seconds, since Weibo waits for five."""
    quick = bank.with_options(deadline=3.0, timeout=2.5, max_retries=1)
    store = Store(settings.database)
    weibo = WeiboClient(settings.weibo_url, settings.weibo_access_token)
    return Bot(quick, Counter(quick, settings.user_ref_key), weibo, store, workers=workers, polls=polls), store


def create_app(settings: Settings, bot: Bot, store: Store) -> Flask:
    """Make the web application over a bot."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_PUSH

    @app.get("/weibo")
    def echo() -> Response:
        text = verify_echo(settings.weibo_app_secret, request.args)
        return Response(text, content_type="text/plain; charset=utf-8", headers={"X-Content-Type-Options": "nosniff"})

    @app.post("/weibo")
    def push() -> Response:
        body = request.get_data(cache=False)
        received = verify_push(settings.weibo_app_secret, request.args, body, nonces=store)
        said = bot.receive(received)
        return jsonify(passive_reply(received, said)) if said else Response(status=200)

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(store.counts())

    @app.errorhandler(PushError)
    def refuse(error: PushError) -> tuple[Response, int]:
        app.logger.warning("a push was refused: %s", error)
        return jsonify({"error": type(error).__name__}), 403

    return app
