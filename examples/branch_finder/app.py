"""The web app: a search that is an address, so that it can be kept and sent on, and numbers in the lines of branches.

Nothing about visitors is stored. A cookie holds a random name, of which the bank is told an HMAC, and the numbers that
were drawn under it.
"""

from __future__ import annotations

import hmac
import math
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import urlencode

from flask import Flask, abort, current_app, make_response, redirect, render_template, request, session, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from openteller import OpenTeller, errors, user_ref
from openteller.models import AccessibilityFeature, AtmService, BranchServiceCode, LocationCrs, TicketService

from . import sketch, texts
from .search import KINDS, Found, Kind, Place, Search, find, get
from .texts import language, say

__all__ = ["create_app"]

_PATIENCE_S = 15
"""After how long a visitor of a bank that is down is asked to come back, where the bank does not say."""
_MOST_TICKETS = 5
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def create_app(bank: OpenTeller, secret: str) -> Flask:
    """Make the app.

    Args:
        bank: a client; with an app's credentials it draws numbers.
        secret: signs cookies, and makes the names under which the bank counts visitors; at least 16 bytes.

    Raises:
        ConfigurationError: the secret is too short.
    """
    user_ref(secret, "web", "nobody")  # now, and not when the first visitor draws a number
    app = Flask(__name__)
    # Lax: a form of another site brings no cookie along, and without it no token fits.
    app.config.update(SECRET_KEY=secret, SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.config.update(MAX_CONTENT_LENGTH=4096)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        say=say, language=language, here=_here, code=texts.code, title=texts.title, refused=texts.refused
    )
    app.jinja_env.globals.update(opening=texts.opening, week=texts.week, special=texts.special, kind_of=_kind_of)
    app.jinja_env.globals.update(WIDTH=sketch.WIDTH, HEIGHT=sketch.HEIGHT, at=texts.at, id_of=_id_of)
    app.jinja_env.globals.update(zone_of=texts.zone_of)
    app.before_request(_choose_language)
    _add_places(app, bank)
    _add_tickets(app, bank, secret)
    _add_answers(app)
    return app


def _add_places(app: Flask, bank: OpenTeller) -> None:
    @app.get("/")
    def home() -> Response:
        return redirect(url_for("places", kind="branches"))

    @app.get("/<any(branches, atms):kind>")
    def places(kind: Kind) -> Response:
        search = Search.read(request.args)
        found = find(bank, kind, search)
        drawn = sketch.draw([one.location for one in found.places], _centre(found))
        page = render_template(
            "places.html", kind=kind, search=search, found=found, sketch=drawn, choices=_choices(kind)
        )
        return make_response(page, 422 if found.faults else 200)

    @app.get("/<any(branches, atms):kind>/<place_id>")
    def place(kind: Kind, place_id: str) -> str:
        return _place_page(kind, get(bank, kind, place_id))


def _add_tickets(app: Flask, bank: OpenTeller, secret: str) -> None:
    @app.post("/branches/<place_id>/tickets")
    def draw(place_id: str) -> Response:
        """Draw a number. Pressed twice, the bank says that there is one, and it is shown."""
        _check_token()
        service: Any = request.form.get("service", "")
        visitor = user_ref(secret, "web", session["visitor"])
        try:
            drawn = bank.tickets.create(place_id, service=service, end_user_ref=visitor).ticket_id
        except (errors.Conflict, errors.InvalidRequest, errors.RateLimited, errors.ConfigurationError) as error:
            held = error.ticket_id if isinstance(error, errors.BankError) else None
            if held is None:
                return _refused(get(bank, "branches", place_id), error)
            drawn = held
        kept = [one for one in session.get("tickets", []) if one != drawn]
        session["tickets"] = [*kept, drawn][-_MOST_TICKETS:]
        return redirect(url_for("ticket", ticket_id=drawn), 303)

    @app.get("/tickets/<ticket_id>")
    def ticket(ticket_id: str) -> str:
        """Show a number to whoever has drawn it."""
        with _forgetting(_own(ticket_id)):
            found = bank.tickets.get(ticket_id)
            branch = bank.branches.get(found.branch_id)
        return render_template("ticket.html", ticket=found, branch=branch, token=_token())

    @app.post("/tickets/<ticket_id>/cancel")
    def cancel(ticket_id: str) -> Response:
        _check_token()
        # A conflict: it was called meanwhile, which its page shows.
        with suppress(errors.Conflict), _forgetting(_own(ticket_id)):
            bank.tickets.cancel(ticket_id)
        return redirect(url_for("ticket", ticket_id=ticket_id), 303)


def _add_answers(app: Flask) -> None:
    @app.errorhandler(404)
    @app.errorhandler(errors.NotFound)
    def nothing(_: Exception) -> tuple[str, int]:
        return render_template("trouble.html", text=say("not_found"), retry=None), 404

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> Response:
        """A form of another site, one that is too long, an address that forms only are sent to, a fault of ours."""
        status = error.code or 500
        text = say("forged" if status < 500 else "failed")
        answer = make_response(render_template("trouble.html", text=text, retry=_here()), status)
        answer.headers.extend({name: value for name, value in error.get_headers() if name == "Allow"})
        return answer

    @app.errorhandler(errors.OpenTellerError)
    def down(error: errors.OpenTellerError) -> Response:
        """Ask to come back: the bank cannot be reached, has failed, or has too much to do."""
        _note(error)
        wait = error.retry_after if isinstance(error, errors.BankError) else None
        answer = make_response(render_template("trouble.html", text=say("down"), retry=_here()), 503)
        answer.headers["Retry-After"] = str(math.ceil(wait or _PATIENCE_S))
        return answer

    @app.after_request
    def guard(answer: Response) -> Response:
        """Nothing but our own; and no address that says where somebody is goes on to another site."""
        answer.headers["Content-Security-Policy"] = _POLICY
        answer.headers["Referrer-Policy"] = "no-referrer"
        answer.headers["X-Content-Type-Options"] = "nosniff"
        if request.endpoint != "static":
            answer.headers["Cache-Control"] = "no-store"
        return answer


def _place_page(kind: Kind, place: Place, refusal: str = "") -> str:
    services = [one.code for one in getattr(place, "services", ()) if one.code in set(TicketService)]
    drawn = sketch.draw([place.location])
    known = {"kind": kind, "place": place, "sketch": drawn, "services": services, "refusal": refusal}
    return render_template("place.html", **known, token=_token() if services else "")


def _refused(place: Place, error: errors.OpenTellerError) -> Response:
    """Show the branch again, with the bank's words for people."""
    if isinstance(error, errors.ConfigurationError):
        _note(error)
    told = error.display_message if isinstance(error, errors.BankError) else None
    text = texts.title(told) if told else say("no_tickets")
    return make_response(_place_page("branches", place, text), error.status or 503)


def _note(error: errors.OpenTellerError) -> None:
    """Tell who runs this what is wrong: what to change, where it is theirs to change."""
    current_app.logger.warning("%s", error if isinstance(error, errors.ConfigurationError) else repr(error))


def _choices(kind: Kind) -> dict[str, list[str]]:
    """Give what each list of the form offers."""
    services: Any = BranchServiceCode if kind == "branches" else AtmService
    return {"service": list(services), "accessibility": list(AccessibilityFeature), "crs": list(LocationCrs)}


def _centre(found: Found) -> tuple[float, float] | None:
    """Give what was looked around; the bank has read it, so it can be read."""
    if found.centre is None or not found.places:
        return None
    if isinstance(found.centre, str):
        latitude, longitude = map(float, found.centre.split(","))
        return latitude, longitude
    return found.centre.latitude, found.centre.longitude


def _kind_of(place: Place) -> Kind:
    return KINDS[hasattr(place, "atm_id")]


def _id_of(place: Place) -> str:
    return cast("str", getattr(place, "atm_id" if hasattr(place, "atm_id") else "branch_id"))


def _choose_language() -> None:
    if (wanted := request.args.get("lang")) in texts.LANGUAGES:
        session["language"] = wanted


def _here(**other: str) -> str:
    """Give the address of this page, or of the one whose form was sent; ``url_for`` sees no name that a visitor chose,
    as some of them have a meaning there.
    """
    known = request.view_args or {}
    query = dict(other)
    if request.method == "GET" and request.endpoint:
        path = url_for(request.endpoint, **known)
        query = {name: value for name, value in request.args.items() if name != "lang"} | query
    elif "place_id" in known:
        path = url_for("place", kind="branches", place_id=known["place_id"])
    elif "ticket_id" in known:
        path = url_for("ticket", ticket_id=known["ticket_id"])
    else:
        path = url_for("places", kind="branches")
    return f"{path}?{urlencode(query)}" if query else path


def _token() -> str:
    """Give what forms of this browser carry, and make the browser known where it is not."""
    session.setdefault("visitor", secrets.token_urlsafe(16))
    return cast("str", session.setdefault("token", secrets.token_urlsafe(16)))


def _check_token() -> None:
    """Let only forms of this app's own pages through; others: 403."""
    sent, kept = request.form.get("token", ""), session.get("token", "")
    if not kept or not hmac.compare_digest(sent.encode(), kept.encode()):
        abort(403)


def _own(ticket_id: str) -> str:
    """Let only who has drawn a number see it or give it back; others: 404."""
    if ticket_id not in session.get("tickets", []):
        abort(404)
    return ticket_id


@contextmanager
def _forgetting(ticket_id: str) -> Iterator[None]:
    """Take a number that the bank has forgotten out of the cookie: nothing leads to it any more."""
    try:
        yield
    except errors.NotFound:
        session["tickets"] = [one for one in session["tickets"] if one != ticket_id]
        raise
