"""Authlib's authorization server with our strict layer around it.

Authlib dispatches grants and authenticates clients; what it lets through that it should not is refused before (query
parameters, repeated or non-ASCII parameters, two ways of authenticating at once), and its error texts, some of which
repeat the input, are replaced by our own. This module imports Authlib, which takes 0.14 s: it is loaded with the
first token request.
"""

from __future__ import annotations

import hmac
import logging
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6749.util import scope_to_list
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from werkzeug.datastructures import MultiDict

from openteller_sandbox.bank import Bank
from openteller_sandbox.http.answers import Answer, json_answer
from openteller_sandbox.oauth import service
from openteller_sandbox.partners import service as partners

# Authlib's debug lines show tokens: dropped where they are made, so that no logging configuration lets them out.
for _name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "authlib"]:
    logging.getLogger(_name).addFilter(lambda record: record.levelno > logging.DEBUG)

_VALUE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E ]{1,512}")
_PARAMETERS = frozenset({"grant_type", "scope", "client_id", "client_secret"})
# Transport security is the operator's; the sandbox speaks HTTP on loopback. Authlib only wants to see a secure address.
_REQUEST_URI = "https://sandbox.invalid/oauth/token"
_DESCRIPTIONS = {
    "invalid_request": "Send a form of single, printable parameters that this grant has, in the body of a POST.",
    "invalid_client": (
        "The client is unknown, its secret is wrong, or it did not authenticate: "
        "client_secret_basic or client_secret_post, and only one of them."
    ),
    "invalid_scope": "A scope is unknown, or the app does not hold it.",
    "unsupported_grant_type": "This server has the grant client_credentials.",
    "unauthorized_client": "The app may not use this grant.",
}


@dataclass(frozen=True)
class _Client(ClientMixin):  # type: ignore[misc]
    """An app as Authlib sees a client."""

    app: partners.App

    def get_client_id(self) -> str:
        return self.app.app_id

    def get_default_redirect_uri(self) -> None:
        return None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.app.return_urls

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = dict.fromkeys(scope_to_list(scope)) if scope else self.app.scopes
        return " ".join(name for name in asked if name in self.app.scopes)

    def check_client_secret(self, client_secret: str) -> bool:
        return hmac.compare_digest(partners.hash_secret(client_secret), self.app.secret_hash)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:  # noqa: ARG002
        return False

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "client_credentials"


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_token_request(self) -> None:
        """Refuse a scope that the app does not hold; Authlib would give a token for less, or for nothing."""
        super().validate_token_request()
        asked = self.request.payload.scope
        if asked and not set(scope_to_list(asked)) <= set(self.request.client.app.scopes):
            raise InvalidScopeError


class Server(AuthorizationServer):  # type: ignore[misc]
    """The token endpoint over a bank."""

    def __init__(self, bank: Bank) -> None:
        super().__init__(scopes_supported=list(partners.SCOPES))
        self._bank = bank
        self.register_token_generator("default", self._token_generator())
        self.register_grant(_ClientCredentials)

    def answer(
        self, args: Mapping[str, str], form: MultiDict[str, str], headers: Mapping[str, str], mimetype: str
    ) -> Answer:
        """Answer a request to the token endpoint (RFC 6749 section 3.2)."""
        if args or mimetype != "application/x-www-form-urlencoded" or not _acceptable(form, headers):
            return _refusal(400, "invalid_request")
        answer: Answer = self.create_token_response(_Request(form.to_dict(), headers))
        return answer

    def query_client(self, client_id: str) -> _Client | None:
        """Find a client; Authlib calls it."""
        app = partners.find(self._bank.db.read(), client_id)
        return _Client(app) if app else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """The generator has kept the token already, as it makes it and its hash at once."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        """Pass our own request through."""
        return request

    def handle_response(self, status: int, body: Mapping[str, Any], headers: object) -> Answer:  # noqa: ARG002
        """Turn Authlib's answer into ours."""
        if status == 200:
            return json_answer(body, 200, Cache_Control="no-store", Pragma="no-cache")
        return _refusal(401 if body["error"] == "invalid_client" else 400, body["error"])

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""

    def _token_generator(self) -> BearerTokenGenerator:
        def access_token(client: _Client, grant_type: str, user: object, scope: str) -> str:  # noqa: ARG001
            return service.issue_token(self._bank, client.app.app_id, scope)

        def expires_in(client: _Client, grant_type: str) -> int:  # noqa: ARG001
            return service.ACCESS_TOKEN_SECONDS

        return BearerTokenGenerator(access_token, None, expires_in)


class _Request(OAuth2Request):  # type: ignore[misc]
    """A POST of a form, as Authlib sees it; the query is empty, as ``answer`` refuses another one."""

    def __init__(self, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__("POST", _REQUEST_URI, headers=headers)
        self.payload = BasicOAuth2Payload(form)

    @property
    def args(self) -> Mapping[str, str]:
        return {}

    @property
    def form(self) -> Mapping[str, str]:
        return self.payload.data  # type: ignore[no-any-return]


def _acceptable(form: MultiDict[str, str], headers: Mapping[str, str]) -> bool:
    single = all(len(values) == 1 and _VALUE.fullmatch(values[0]) for values in form.listvalues())
    if not single or "grant_type" not in form or not set(form) <= _PARAMETERS:
        return False
    basic = headers.get("Authorization")
    if basic is None:
        return True
    return "client_secret" not in form and _readable_basic(basic, form.get("client_id"))


def _readable_basic(header: str, client_id: str | None) -> bool:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        text = b64decode(encoded, validate=True).decode("ascii")
    except ValueError:
        return False
    name, colon, secret = text.partition(":")
    return bool(colon and _VALUE.fullmatch(name) and _VALUE.fullmatch(secret)) and client_id in {None, name}


def _refusal(status: int, error: str) -> Answer:
    answer = json_answer(
        {"error": error, "error_description": _DESCRIPTIONS[error]}, status, Cache_Control="no-store", Pragma="no-cache"
    )
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="openteller"'
    return answer
