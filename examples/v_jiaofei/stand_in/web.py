"""The stand-in for Weibo over HTTP: the calls of the bot, and a page for whoever tries it out.

    python -m v_jiaofei.stand_in.web --push-url http://127.0.0.1:8090/weibo

The page shows the public timeline and a private chat as on a phone, and lets a visitor write to either. It is for this
machine only: it knows no passwords, and everybody on it is the same visitor.
"""

from __future__ import annotations

import argparse
import os
import re
import threading
from datetime import datetime
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, redirect, render_template, request
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as AnyResponse

from v_jiaofei.serving import serving

from .platform import BOT, VISITOR, Comment, Post, Refusal, User, WeiboStandIn, as_json, weibo_time

__all__ = ["create_app", "linked"]

LONGEST_TEXT = 2000
"""Characters of a visitor's message."""
_LINK = re.compile(r"https?://[!-~]{1,300}(?<![.,;:!?)])")
_SAME_ORIGIN = {"same-origin", "none", ""}

api = Blueprint("api", __name__)
page = Blueprint("page", __name__)


def create_app(stand_in: WeiboStandIn, *, hint: str = "") -> Flask:
    """The stand-in as a WSGI app. It must be served with threads: the bot calls back while it is being pushed to.

    Args:
        hint: what a visitor should know, above the forms.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 65_536
    app.extensions["weibo_stand_in"] = stand_in
    app.config["HINT"] = hint
    app.register_blueprint(api)
    app.register_blueprint(page)
    app.jinja_env.filters["linked"] = linked
    app.jinja_env.filters["clock"] = lambda at: datetime.fromtimestamp(at).astimezone().strftime("%H:%M")
    return app


def _stand_in() -> WeiboStandIn:
    found = current_app.extensions["weibo_stand_in"]
    assert isinstance(found, WeiboStandIn)
    return found


# Calls


@api.errorhandler(Refusal)
def _refused(refusal: Refusal) -> tuple[Response, int]:
    """A refusal in Weibo's own shape."""
    _stand_in().note_refusal(refusal)
    body = {"error": refusal.error, "error_code": refusal.code, "request": request.path.removesuffix(".json")}
    return jsonify(body), refusal.status


@api.before_request
def _authorise() -> None:
    header = request.headers.get("Authorization", "")
    token = header.removeprefix("OAuth2 ") if header.startswith("OAuth2 ") else request.values.get("access_token", "")
    _stand_in().check_call(token)


def _number(name: str, default: int | None = None) -> int:
    value = request.values.get(name, "" if default is None else str(default))
    if not value:
        raise Refusal(10016, f"Miss required parameter ({name}), see doc for more info.")
    if not (value.isascii() and value.isdigit() and len(value) <= 19):
        raise Refusal(10017, f"Parameter ({name})'s value invalid, expect (int64)")
    return int(value)


def _words(name: str) -> str:
    value = request.form.get(name, "")
    if not value:
        raise Refusal(10016, f"Miss required parameter ({name}), see doc for more info.")
    return value


@api.post("/2/messages/reply.json")
def reply() -> Response:
    """messages/reply."""
    return jsonify(_stand_in().reply(_number("receiver_id"), _words("type"), _words("data")))


@api.post("/2/comments/create.json")
def create_comment() -> Response:
    """comments/create."""
    return jsonify(_comment_json(*_stand_in().bot_comment(_number("id"), _words("comment"))))


@api.post("/2/comments/reply.json")
def reply_to_comment() -> Response:
    """comments/reply."""
    return jsonify(_comment_json(*_stand_in().bot_comment(_number("id"), _words("comment"), _number("cid"))))


@api.get("/2/statuses/mentions.json")
def mentions() -> Response:
    """statuses/mentions."""
    found = _stand_in().mentions(_number("since_id", 0), _number("max_id", 0))
    shown = found[: _number("count", 20)]
    return jsonify({"statuses": [_post_json(post) for post in shown], "total_number": len(found)})


@api.get("/2/comments/mentions.json")
def comment_mentions() -> Response:
    """comments/mentions."""
    found = _stand_in().comment_mentions(_number("since_id", 0), _number("max_id", 0))
    shown = found[: _number("count", 50)]
    return jsonify({"comments": [_comment_json(*pair) for pair in shown], "total_number": len(found)})


def _user_json(user: User) -> dict[str, Any]:
    return {"id": user.id, "idstr": str(user.id), "screen_name": user.name, "name": user.name}


def _post_json(post: Post) -> dict[str, Any]:
    return _said_json(post.id, post.user, post.text, post.at) | {"comments_count": len(post.comments)}


def _comment_json(post: Post, comment: Comment) -> dict[str, Any]:
    return _said_json(comment.id, comment.user, comment.text, comment.at) | {"status": _post_json(post)}


def _said_json(own_id: int, user: User, text: str, at: float) -> dict[str, Any]:
    return {
        "id": own_id,
        "idstr": str(own_id),
        "mid": str(own_id),
        "created_at": weibo_time(at),
        "text": text,
        "user": _user_json(user),
    }


# The page


def linked(text: str) -> Markup:
    """A text with its links to be followed."""
    parts, at = [], 0
    for found in _LINK.finditer(text):
        url = escape(found[0])
        parts += [
            escape(text[at : found.start()]),
            Markup('<a href="{0}" target="_blank" rel="noreferrer">{0}</a>').format(url),
        ]
        at = found.end()
    return Markup("").join([*parts, escape(text[at:])])


@page.after_request
def _guard(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _view() -> dict[str, Any]:
    stand_in = _stand_in()
    return {"bot": BOT, "visitor": VISITOR, "posts": list(reversed(stand_in.timeline)), "chat": stand_in.chat(VISITOR)}


@page.get("/")
def home() -> str:
    """The timeline and the chat."""
    return render_template("weibo.html", hint=current_app.config["HINT"], **_view())


@page.get("/feed")
def feed() -> str:
    """What changes on the page."""
    return render_template("weibo_feed.html", **_view())


@page.get("/transcript.json")
def transcript() -> Response:
    """All that happened, for programs."""
    return jsonify([as_json(entry) for entry in _stand_in().transcript])


def _visitor_text() -> str:
    """What the visitor wrote; "" when another site sent the form."""
    own = request.headers.get("Sec-Fetch-Site", "") in _SAME_ORIGIN
    return request.form.get("text", "").strip()[:LONGEST_TEXT] if own else ""


@page.post("/say/public")
def say_in_public() -> AnyResponse:
    """A visitor's post."""
    if text := _visitor_text():
        _stand_in().post(VISITOR, text)
    return redirect("/", 303)


@page.post("/say/private")
def say_in_private() -> AnyResponse:
    """A visitor's private message."""
    if text := _visitor_text():
        _stand_in().message(VISITOR, text)
    return redirect("/#write", 303)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A stand-in for Weibo, on this machine.")
    parser.add_argument("--push-url", required=True, help="where the bot hears, such as http://127.0.0.1:8090/weibo")
    parser.add_argument("--port", type=int, default=8091)
    given = parser.parse_args()
    stand_in = WeiboStandIn(
        given.push_url,
        os.environ.get("WEIBO_APP_SECRET", "stand-in-secret"),
        os.environ.get("WEIBO_ACCESS_TOKEN", "stand-in-token"),
    )
    with serving(create_app(stand_in), port=given.port) as url:
        print(url)  # noqa: T201 - a program for the terminal
        threading.Event().wait()


if __name__ == "__main__":
    main()
