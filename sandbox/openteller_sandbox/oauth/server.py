"""Authlib's authorization server with our strict layer around it.

Authlib dispatches grants and endpoints. Each decision about security is ours: which parameters there may be, who a
client is, what it may ask for, what is issued. Its error texts, some of which repeat the input, are replaced by our
own. This module imports Authlib, which takes 0.14 s: it is loaded with the first request that needs it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from authlib.oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import BaseGrant, ClientCredentialsGrant, TokenEndpointMixin
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from openteller_sandbox.bank import Bank
from openteller_sandbox.http.answers import Answer, json_answer
from openteller_sandbox.http.exchange import Proof
from openteller_sandbox.oauth import authentication, authorization, codes, devices, dpop, forms, introspection, tokens
from openteller_sandbox.oauth.model import DESCRIPTIONS, LINKED_SCOPES, Client, Grant, Refusal

# Authlib's debug lines show tokens: dropped where they are made, so that no logging configuration lets them out.
for _name in [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "authlib"]:
    logging.getLogger(_name).addFilter(lambda record: record.levelno > logging.DEBUG)

# Transport security is the operator's; the sandbox speaks HTTP on loopback. Authlib only wants to see a secure address.
_REQUEST_URI = "https://sandbox.invalid"


class _Request(OAuth2Request):  # type: ignore[misc]
    """A POST of a form, as Authlib sees it."""

    def __init__(self, form: forms.Form) -> None:
        super().__init__("POST", _REQUEST_URI + form.path)
        self.sent = form
        self.payload = BasicOAuth2Payload(form.values)

    @property
    def form(self) -> Mapping[str, str]:
        return self.sent.values


class _AuthlibClient(ClientMixin):  # type: ignore[misc]
    """A client as Authlib asks it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.client.grants


class _ClientCredentials(ClientCredentialsGrant):  # type: ignore[misc]
    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue a token for scopes that the app holds; Authlib would give one for less, or for nothing."""
        client: Client = self.request.client.client
        scope = granted(client, self.request.payload.scope)
        jkt = self.server.proven_key(self.request, client)
        with self.server.bank.db.act(client.client_id) as tx:
            return 200, tokens.issue(self.server.bank, tx, client, scope, jkt), self.TOKEN_RESPONSE_HEADER


class _AuthorizationCode(BaseGrant, TokenEndpointMixin):  # type: ignore[misc]
    GRANT_TYPE = Grant.AUTHORIZATION_CODE

    def validate_token_request(self) -> None:
        """Find out who asks, and whether it may use this grant."""
        self.request.client = self.server.client_for(self.request, self.GRANT_TYPE)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client: Client = self.request.client.client
        jkt = self.server.proven_key(self.request, client)
        return 200, codes.redeem(self.server.bank, client, self.request.form, jkt), self.TOKEN_RESPONSE_HEADER


class _RefreshToken(_AuthorizationCode):
    GRANT_TYPE = Grant.REFRESH_TOKEN

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client: Client = self.request.client.client
        jkt = self.server.proven_key(self.request, client)
        return 200, codes.refresh(self.server.bank, client, self.request.form, jkt), self.TOKEN_RESPONSE_HEADER


class _DeviceCode(_AuthorizationCode):
    GRANT_TYPE = Grant.DEVICE_CODE

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        client: Client = self.request.client.client
        jkt = self.server.proven_key(self.request, client)
        return 200, devices.redeem(self.server.bank, client, self.request.form, jkt), self.TOKEN_RESPONSE_HEADER


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    def authenticate_token(self, request: _Request, client: _AuthlibClient) -> str:
        """Take any token: whose it is, the one act of revoking decides, and nobody learns it."""
        self.check_params(request, client)
        return request.form["token"]

    def revoke_token(self, token: str, request: _Request) -> None:
        end = codes.revoke if token.startswith(tokens.REFRESH_PREFIX) else tokens.revoke
        end(self.server.bank, token, request.client.client.client_id)


class _Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    def authenticate_token(self, request: _Request, client: _AuthlibClient) -> dict[str, Any] | None:
        self.check_params(request, client)
        if client.client.public:
            raise Refusal("invalid_client", "A public client cannot authenticate, and is told of no token.")
        return introspection.of(self.server.bank, request.form["token"], client.client)

    def create_introspection_payload(self, token: dict[str, Any] | None) -> dict[str, Any]:
        return token or {"active": False}


class Server(AuthorizationServer):  # type: ignore[misc]
    """The endpoints that clients authenticate at, over a bank."""

    def __init__(self, bank: Bank) -> None:
        super().__init__()
        self.bank = bank
        for grant in (_ClientCredentials, _AuthorizationCode, _RefreshToken, _DeviceCode):
            self.register_grant(grant)
        self.register_endpoint(_Revocation)
        self.register_endpoint(_Introspection)

    def token(self, sent: forms.Sent) -> Answer:
        """Answer a request to the token endpoint (RFC 6749 section 3.2)."""
        return self._answer(lambda: self.create_token_response(self._known(_Request(forms.of_token_request(sent)))))

    def _known(self, request: _Request) -> _Request:
        """Look at the resource that a token is asked for (RFC 8707): the whole API is one."""
        resource = request.form.get("resource", self.bank.settings.public_url)
        if resource.rstrip("/") != self.bank.settings.public_url:
            raise Refusal("invalid_target")
        return request

    def endpoint(self, name: str, sent: forms.Sent) -> Answer:
        """Answer a request to the endpoint ``revocation`` or ``introspection``."""
        return self._answer(lambda: self.create_endpoint_response(name, _Request(forms.of_endpoint(name, sent))))

    def device(self, sent: forms.Sent) -> Answer:
        """Let a device begin (RFC 8628 section 3.1)."""

        def begin() -> Answer:
            request = self._known(_Request(forms.of_endpoint("device", sent)))
            client = authentication.client_of(self.bank, request.sent)
            body = devices.begin(self.bank, client, request.form)
            return json_answer(body, 200, Cache_Control="no-store", Pragma="no-cache")

        return self._answer(begin)

    def push(self, sent: forms.Sent) -> Answer:
        """Take a pushed authorization request (RFC 9126)."""
        return self._answer(lambda: self._pushed(_Request(forms.of_pushed_request(sent))))

    def _pushed(self, request: _Request) -> Answer:
        client = authentication.client_of(self.bank, request.sent)
        secret = forms.AUTHENTICATION - {"client_id"}
        sent = {name: value for name, value in request.sent.values.items() if name not in secret}
        if request.sent.proofs:  # RFC 9449 section 10.1: the code shall be bound to this key
            jkt = dpop.check(self.bank, Proof(request.sent.proofs, "POST", request.sent.path))
            if sent.setdefault("dpop_jkt", jkt) != jkt:
                raise Refusal("invalid_dpop_proof", "dpop_jkt names another key than the proof.")
        try:
            asked = authorization.check(self.bank, client, sent)
        except authorization.Redirected as redirected:
            raise redirected.refusal from redirected
        body = {
            "request_uri": authorization.REQUEST_URI + authorization.push(self.bank, asked),
            "expires_in": authorization.PUSHED_SECONDS,
        }
        return json_answer(body, 201, Cache_Control="no-store", Pragma="no-cache")

    def client_for(self, request: _Request, grant_type: str) -> _AuthlibClient:
        """Find out which client asks for a token by a grant.

        Raises:
            Refusal: invalid_client, unauthorized_client.
        """
        found = self.authenticate_client(request, ())
        if not found.check_grant_type(grant_type):
            raise Refusal("unauthorized_client", f"The client is not registered with the grant {Grant(grant_type)}.")
        return found

    def _answer(self, act: Any) -> Answer:
        try:
            answer: Answer = act()
        except Refusal as refusal:
            return refused(refusal)
        return answer

    def authenticate_client(self, request: _Request, methods: object, endpoint: str = "token") -> _AuthlibClient:  # noqa: ARG002
        """Find out which client asks; Authlib calls it.

        Raises:
            Refusal: invalid_client, unauthorized_client.
        """
        return _AuthlibClient(authentication.client_of(self.bank, request.sent))

    def proven_key(self, request: _Request, client: Client) -> str | None:
        """Give the thumbprint of the key that a token shall be bound to; None for a bearer token.

        Raises:
            Refusal: invalid_dpop_proof, use_dpop_nonce.
        """
        sent = request.sent
        if not sent.proofs and not client.needs_proof:
            return None
        return dpop.check(self.bank, Proof(sent.proofs, "POST", sent.path))

    def validate_requested_scope(self, scope: str | None) -> None:
        """Scopes are looked at where they are granted."""

    def create_oauth2_request(self, request: OAuth2Request) -> OAuth2Request:
        """Pass our own request through."""
        return request

    def handle_response(self, status: int, body: Mapping[str, Any], headers: object) -> Answer:  # noqa: ARG002
        """Turn Authlib's answer into ours."""
        if status == 200:
            return json_answer(body, 200, Cache_Control="no-store", Pragma="no-cache")
        error = body["error"]
        return refused(Refusal(error if error in DESCRIPTIONS else "invalid_request"))

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Nobody listens."""


def granted(client: Client, asked: str | None) -> str:
    """Give the scopes that a client gets by itself: those that it asks for, or all that it holds.

    Raises:
        Refusal: invalid_scope.
    """
    own = [scope for scope in client.app.scopes if scope not in LINKED_SCOPES]
    wanted = tuple(dict.fromkeys(asked.split())) if asked else tuple(own)
    if not wanted or not set(wanted) <= set(own):
        raise Refusal("invalid_scope")
    return " ".join(wanted)


def refused(refusal: Refusal) -> Answer:
    """Answer with an error (RFC 6749 section 5.2)."""
    body = {"error": refusal.error, "error_description": refusal.description}
    answer = json_answer(body, refusal.status, Cache_Control="no-store", Pragma="no-cache")
    if refusal.error == "invalid_client":
        answer.headers["WWW-Authenticate"] = 'Basic realm="openteller"'
    if refusal.nonce:
        answer.headers["DPoP-Nonce"] = refusal.nonce
    return answer
