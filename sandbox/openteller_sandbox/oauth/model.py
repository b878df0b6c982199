"""What the parts of the authorization server speak of: clients and their profiles, scopes, and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from openteller_sandbox.partners.service import SCOPES, App


class Profile(StrEnum):
    """How strictly a client is held to; each is stricter than the one before."""

    PUBLIC_DATA = "public-data"  # client_credentials and Bearer, nothing else
    BASELINE = "baseline"  # OAuth 2.1
    FAPI2 = "fapi2"  # the FAPI 2.0 Security Profile: PAR, private_key_jwt, DPoP

    def reaches(self, minimum: Profile) -> bool:
        """Tell whether this profile is at least as strict as another."""
        order = list(Profile)
        return order.index(self) >= order.index(minimum)


class Method(StrEnum):
    """How a client authenticates (RFC 7591 section 2)."""

    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    KEY = "private_key_jwt"
    NONE = "none"


class Grant(StrEnum):
    """The grants that there are. Password and implicit are not among them."""

    CLIENT_CREDENTIALS = "client_credentials"
    AUTHORIZATION_CODE = "authorization_code"
    DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant


LINKED_SCOPES = ("saved-billers",)
"""Of the tier T3: a customer gives them, and no client has them by itself."""

SCOPE_PROFILES: Mapping[str, Profile] = {
    **dict.fromkeys(SCOPES, Profile.PUBLIC_DATA),
    **dict.fromkeys(LINKED_SCOPES, Profile.BASELINE),
}
"""The least profile that a client needs for a scope."""

CUSTOMER_SCOPES = ("open-data", "bills:read", "payments:create", "payments:read", "disputes:create", *LINKED_SCOPES)
"""What a customer may be asked for. The others are about the app's own affairs."""

ALGORITHMS = ("ES256", "PS256", "EdDSA", "Ed25519")
"""What JWTs may be signed with: as FAPI 2.0 says, and Ed25519 by both of its names."""

ACCESS_SECONDS = {Profile.PUBLIC_DATA: 900, Profile.BASELINE: 900, Profile.FAPI2: 300}


_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?")
"""Addresses, and no name: what localhost means another program may decide."""


@dataclass(frozen=True, slots=True)
class Client:
    """An app as the authorization server sees it. jwks: its public keys; settings: the rest of what it registered."""

    app: App
    profile: Profile = Profile.PUBLIC_DATA
    method: Method = Method.BASIC
    grants: frozenset[str] = frozenset({Grant.CLIENT_CREDENTIALS})
    redirect_uris: tuple[str, ...] = ()
    jwks: tuple[dict[str, Any], ...] = ()
    dpop_bound: bool = False
    registered: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def client_id(self) -> str:
        """The app's identifier."""
        return self.app.app_id

    @property
    def jwks_uri(self) -> str | None:
        """Where its public keys are, where it has not sent them."""
        uri: str | None = self.settings.get("jwks_uri")
        return uri

    def may_redirect(self, uri: str) -> bool:
        """Tell whether a browser may be sent to an address: one of the registered ones, letter for letter. A program on
        the customer's own machine takes whatever port is free there (RFC 8252 section 7.3).
        """
        if uri in self.redirect_uris:
            return True
        found = _LOOPBACK.fullmatch(uri) if self.public else None
        if found is None or not 0 < int(found["port"] or 80) < 65536:
            return False
        registered = [known for each in self.redirect_uris if (known := _LOOPBACK.fullmatch(each))]
        return any((each["host"], each["path"]) == (found["host"], found["path"]) for each in registered)

    @property
    def public(self) -> bool:
        """Whether it can keep no secret."""
        return self.method is Method.NONE

    @property
    def needs_proof(self) -> bool:
        """Whether it gets tokens bound to its key only (RFC 9449)."""
        return self.profile is Profile.FAPI2 or self.dpop_bound

    @property
    def access_seconds(self) -> int:
        """How long its access tokens live."""
        return ACCESS_SECONDS[self.profile]

    @property
    def must_push(self) -> bool:
        """Whether its authorization requests are taken from PAR only (RFC 9126)."""
        return self.profile is Profile.FAPI2 or bool(self.settings.get("require_pushed_authorization_requests"))


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as it is kept. Instants are wall time but for given_at, which is bank time; epoch milliseconds."""

    consent_id: str
    world_id: str
    app_id: str
    customer_id: str = field(repr=False)
    scope: str
    details: list[dict[str, Any]] = field(repr=False)
    status: str
    created_at: int
    given_at: int
    expires_at: int
    last_used_at: int | None
    version: int
    wakes_at: int | None = None

    def status_at(self, now: int) -> str:
        """Give the status as it stands at an instant of wall time."""
        return "EXPIRED" if self.status == "ACTIVE" and self.expires_at <= now else self.status


class Refusal(Exception):
    """An error as the RFCs name it. Its description is one of a fixed set: nothing that was sent is repeated.

    Args:
        error: the code of the RFC.
        description: for a developer; the usual one of the code unless given.
        nonce: for ``use_dpop_nonce``.
    """

    def __init__(self, error: str, description: str | None = None, *, nonce: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description or DESCRIPTIONS[error]
        self.nonce = nonce

    @property
    def status(self) -> int:
        """The HTTP status."""
        return 401 if self.error in {"invalid_client", "invalid_token"} else 400


DESCRIPTIONS = {
    "invalid_request": "Send a form of single, printable parameters that this endpoint has, in the body of a POST.",
    "invalid_client": (
        "The client is unknown, its secret or key is wrong, or it did not authenticate as it is registered: by "
        "client_secret_basic, client_secret_post, private_key_jwt or none, and only one of them."
    ),
    "invalid_scope": "A scope is unknown, or the app does not hold it.",
    "unsupported_grant_type": "This server does not have that grant.",
    "unauthorized_client": "The client may not do this, by its profile or its registration.",
    "invalid_grant": "The code or token is unknown, expired, revoked, used before, or another client's or request's.",
    "invalid_authorization_details": "authorization_details has something that this server does not take.",
    "unsupported_response_type": "The response type is code.",
    "invalid_request_uri": "The request_uri is unknown, expired, used, or of another client.",
    "request_not_supported": "Request objects are not taken: push the request.",
    "access_denied": "The customer refused.",
    "authorization_pending": "The customer has not answered yet: ask again after the interval.",
    "slow_down": "Asked too soon: from now on wait 5 seconds more each time.",
    "expired_token": "The device code is too old: begin again.",
    "unsupported_token_type": "The hint is access_token or refresh_token.",
    "invalid_dpop_proof": "The DPoP proof is missing or does not fit this request (RFC 9449 section 4.3).",
    "use_dpop_nonce": "Repeat the request with a DPoP proof that holds the nonce of the header DPoP-Nonce.",
    "invalid_target": "The resource is not one of this server's.",
    "invalid_client_metadata": "A member of the metadata is not what this server takes.",
    "invalid_redirect_uri": "A redirect URI is https, a loopback address, or a public client's scheme; no fragment.",
    "invalid_token": "The token is missing, unknown, or not of this client.",
}
