"""What a program sees of an authorization: records whose ``repr`` shows no token, no code and nobody's name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from openteller._core.jose import SigningKey
from openteller.models._base import Model

__all__ = [
    "AuthorizationRequest",
    "CustomerGrant",
    "DeviceAuthorization",
    "RegisteredClient",
    "ServerMetadata",
    "TokenDescription",
]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Something that a customer is to be asked.

    Attributes:
        url: where to send the customer's browser, within 90 seconds.
        state: keep it in the session of this browser, and pass it to ``finish``.
    """

    url: str = field(repr=False)
    state: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CustomerGrant:
    """What a customer has allowed.

    Attributes:
        customer: the program's own name for the customer.
        scope: what the tokens are good for.
        authorization_details: what was allowed in detail, such as mandates (RFC 9396).
        renewable: whether the client can renew the access token without the customer.
        access_expires_at: until when the access token at hand is good.
    """

    customer: str = field(repr=False)
    scope: tuple[str, ...]
    authorization_details: tuple[dict[str, Any], ...] = field(repr=False)
    renewable: bool
    access_expires_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """What a device without a browser shows to the customer (RFC 8628).

    Attributes:
        user_code: what the customer types at ``verification_uri``.
        expires_in: seconds until the customer has to have answered.
        interval: seconds between two questions of ``finish_device``.
    """

    user_code: str = field(repr=False)
    verification_uri: str
    expires_in: float
    interval: float
    device_code: str = field(repr=False)
    key: SigningKey | None = field(repr=False, default=None)


class ServerMetadata(Model, frozen=True):
    """What an authorization server says of itself (RFC 8414); an endpoint that it does not have is None.

    Attributes:
        issuer: its name, which every answer over a browser has to carry.
    """

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    pushed_authorization_request_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    registration_endpoint: str | None = None
    scopes_supported: tuple[str, ...] = ()
    grant_types_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    dpop_signing_alg_values_supported: tuple[str, ...] = ()
    authorization_details_types_supported: tuple[str, ...] = ()


class TokenDescription(Model, frozen=True):
    """What the bank says of a token (RFC 7662).

    Attributes:
        active: whether it is good now; if not, all else is missing.
        sub: the customer, under a name for this partner only.
        exp: until when, in seconds since 1970.
        iat: since when, in seconds since 1970.
        cnf: the thumbprint of the key that it is bound to.
    """

    _hidden: ClassVar[frozenset[str]] = frozenset({"sub", "authorization_details", "cnf"})

    active: bool
    iss: str | None = None
    aud: str | None = None
    client_id: str | None = None
    scope: str | None = None
    sub: str | None = None
    token_type: str | None = None
    exp: int | None = None
    iat: int | None = None
    authorization_details: tuple[dict[str, Any], ...] = ()
    cnf: dict[str, str] | None = None


class RegisteredClient(Model, frozen=True):
    """A client, as the bank has registered it (RFC 7591).

    Attributes:
        client_secret: shown this once; None for a client that has a key, or is public.
        registration_access_token: changes and ends the registration at ``registration_client_uri``; shown this once.
    """

    _hidden: ClassVar[frozenset[str]] = frozenset({"client_secret", "registration_access_token"})

    client_id: str
    client_name: str | None = None
    profile: str | None = None
    token_endpoint_auth_method: str | None = None
    grant_types: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    scope: str | None = None
    dpop_bound_access_tokens: bool | None = None
    client_secret: str | None = None
    registration_access_token: str | None = None
    registration_client_uri: str | None = None
