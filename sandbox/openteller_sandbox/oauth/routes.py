"""The OAuth endpoints. Their shapes are those of the RFCs, not of the contract."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request

from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.http import Answer, json_answer
from openteller_sandbox.http.api import Api
from openteller_sandbox.http.checks import read_body
from openteller_sandbox.partners.service import SCOPES

if TYPE_CHECKING:
    from openteller_sandbox.oauth.server import Server


class _Late:
    """Holds the server, which is made with the first token request: importing Authlib would double the start."""

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
        api.count(ANONYMOUS)
        if request.content_length is None or request.content_length > _FORM_LIMIT:
            read_body(request)
        return _response(late.server.answer(request.args, request.form, dict(request.headers), request.mimetype))

    @routes.get("/.well-known/oauth-authorization-server")
    def metadata() -> Response:
        return _response(json_answer(_metadata(bank.settings.public_url), Cache_Control="public, max-age=300"))

    return routes


_FORM_LIMIT = 8 * 1024


def _metadata(issuer: str) -> dict[str, object]:
    """Describe the server (RFC 8414)."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "scopes_supported": list(SCOPES),
        "service_documentation": f"{issuer}/docs",
        "ui_locales_supported": ["zh-CN", "en"],
    }


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers, content_type=answer.media_type)
