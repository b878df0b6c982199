"""The OAuth endpoints. Their shapes are those of the RFCs; ``specs/oauth.yaml`` describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from openteller_sandbox.bank import ANONYMOUS, Bank, Caller
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.http import Answer, Problem, json_answer
from openteller_sandbox.http.api import Api
from openteller_sandbox.http.checks import read_body, read_json
from openteller_sandbox.oauth import keys, metadata
from openteller_sandbox.oauth.forms import FORM_TYPE, Sent
from openteller_sandbox.oauth.model import Refusal

if TYPE_CHECKING:
    from openteller_sandbox.oauth.server import Server

_FORM_LIMIT = 32 * 1024
_CACHED = "public, max-age=300"


class _Late:
    """Holds the server, made with the first request that needs it: importing Authlib would double the start."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    @cached_property
    def server(self) -> Server:
        from openteller_sandbox.oauth.server import Server  # noqa: PLC0415 - see the class

        return Server(self._bank)


def blueprint(bank: Bank, api: Api) -> Blueprint:
    """Make the endpoints over a bank."""
    routes = Blueprint("oauth", __name__)
    late = _Late(bank)

    @routes.post("/oauth/token")
    def token() -> Response:
        return _response(late.server.token(_sent(api)))

    @routes.post("/oauth/par")
    def par() -> Response:
        return _response(late.server.push(_sent(api)))

    @routes.post("/oauth/device_authorization")
    def device() -> Response:
        return _response(late.server.device(_sent(api)))

    @routes.post("/oauth/revoke")
    def revoke() -> Response:
        return _response(late.server.endpoint("revocation", _sent(api)))

    @routes.post("/oauth/introspect")
    def introspect() -> Response:
        return _response(late.server.endpoint("introspection", _sent(api)))

    @routes.get("/.well-known/oauth-authorization-server")
    def of_server() -> Response:
        said = metadata.of_server(bank.settings)
        said["signed_metadata"] = keys.signed(bank, said)
        return _response(json_answer(said, Cache_Control=_CACHED))

    @routes.get("/oauth/jwks")
    def jwks() -> Response:
        published = {"keys": [key.jwk for key, _ in keys.published(bank)]}
        return _response(replace(json_answer(published, Cache_Control=_CACHED), media_type="application/jwk-set+json"))

    @routes.get("/.well-known/oauth-protected-resource")
    def of_resource() -> Response:
        return _response(json_answer(metadata.of_resource(bank.settings), Cache_Control=_CACHED))

    _add_registration(routes, bank, api)
    return routes


def _add_registration(routes: Blueprint, bank: Bank, api: Api) -> None:
    @routes.post("/oauth/register")
    def register() -> Response:
        from openteller_sandbox.oauth import registration  # noqa: PLC0415 - cryptography, which a start does not need

        caller, raw = _allowed(api.admit()), read_body(request)

        def make() -> dict[str, Any]:
            return registration.register(bank, caller, _json(raw))

        if caller.anonymous:
            return _registered(make, 201)
        # Joining a world is a deed there, which is done again when the world is.
        sent = {"method": "POST", "path": request.path, "body": raw.decode("utf-8", "surrogateescape"), "key": None}
        with deeds.doing(bank, caller.world, deeds.PARTNER, "registerClient", lambda: sent, caller.app_id):
            return _registered(make, 201)

    @routes.route("/oauth/register/<client_id>", methods=["GET", "PUT", "DELETE"])
    def manage(client_id: str) -> Response:
        from openteller_sandbox.oauth import clients, registration  # noqa: PLC0415 - likewise

        api.count(ANONYMOUS)
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        client = clients.find(bank.db.read(), client_id)
        if client is None or scheme.lower() != "bearer" or not clients.owns(bank.db.read(), client_id, sent):
            return _response(_refused(Refusal("invalid_token")))
        if request.method == "DELETE":
            clients.end(bank, client)
            return _response(Answer(b"", 204, {"Cache-Control": "no-store"}))
        if request.method == "PUT":
            raw = read_body(request)
            return _registered(lambda: registration.change(bank, client, _json(raw)), 200)
        return _registered(lambda: registration.described(bank, client), 200)


def _allowed(caller: Caller) -> Caller:
    """Give who registers a client: nobody, or an app that controls its world.

    Raises:
        Problem: INSUFFICIENT_SCOPE.
    """
    if not caller.anonymous and "sandbox" not in caller.scopes:
        raise Problem("INSUFFICIENT_SCOPE", "Registering a client beside an app needs the scope sandbox.")
    return caller


def _json(raw: bytes) -> object:
    """Read a JSON body.

    Raises:
        Refusal: invalid_client_metadata.
    """
    try:
        sent = read_json(raw)
    except ValueError as error:
        raise Refusal("invalid_client_metadata", "Send a JSON object.") from error
    if request.mimetype != "application/json":
        raise Refusal("invalid_client_metadata", "Send it as application/json.")
    return sent


def _registered(act: Callable[[], dict[str, Any]], status: int) -> Response:
    try:
        return _response(json_answer(act(), status, Cache_Control="no-store", Pragma="no-cache"))
    except Refusal as refusal:
        return _response(_refused(refusal))


def _refused(refusal: Refusal) -> Answer:
    body = {"error": refusal.error, "error_description": refusal.description}
    answer = json_answer(body, refusal.status, Cache_Control="no-store", Pragma="no-cache")
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = f'Bearer realm="openteller", error="{refusal.error}"'
    return answer


def _sent(api: Api) -> Sent:
    """Count a POST and take it as it came.

    Raises:
        Problem: RATE_LIMITED, BODY_TOO_LARGE.
    """
    api.count(ANONYMOUS)
    if request.content_length is None or request.content_length > _FORM_LIMIT:
        read_body(request)
    form = dict(request.form.lists()) if request.mimetype == FORM_TYPE else {}
    authorization = request.headers.getlist("Authorization")
    proofs = tuple(request.headers.getlist("DPoP"))
    return Sent(request.path, bool(request.query_string), request.mimetype, form, authorization, proofs)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, content_type=answer.media_type)
