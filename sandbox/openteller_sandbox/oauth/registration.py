"""Dynamic registration of clients (RFC 7591) and its management (RFC 7592), each member strictly checked.

A client that registers without a token gets a world and a partner of its own; with a token of the scope ``sandbox`` it
joins those of the token. Members that this server does not know are left out of the answer, as RFC 7591 section 2 says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.clock import SECOND
from openteller_sandbox.http import addresses
from openteller_sandbox.oauth import clients, jose, keysets
from openteller_sandbox.oauth.model import SCOPE_PROFILES, Client, Grant, Method, Profile, Refusal
from openteller_sandbox.partners import service as partners

_MOST_URIS = 10
_MOST_KEYS = 10
_MOST_URI = 300
_MOST_NAME = 60
_URI = re.compile(r"[!-;=?-\[\]_a-z~]{8,300}")  # printable ASCII that a URI may have
_TEXT = re.compile(r"[ -~]{1,300}")
_OWN_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+-]*(?:\.[A-Za-z0-9+-]+)+:/(?:[!-\"$-.0-~][!-\"$-~]*)?")
"""An own scheme of an app: a domain of the app's in reverse, so with a dot. It names the app; there is no host, and so
one slash before the path (RFC 8252 section 7.1).
"""
_KEPT = ("client_uri", "tos_uri", "policy_uri", "software_id", "software_version")
_FLAGS = ("dpop_bound_access_tokens", "require_pushed_authorization_requests")
_METHODS = {
    Profile.PUBLIC_DATA: frozenset({Method.BASIC, Method.POST, Method.KEY}),
    Profile.BASELINE: frozenset({Method.BASIC, Method.KEY, Method.NONE}),
    Profile.FAPI2: frozenset({Method.KEY}),
}
_GRANTS: Mapping[Profile, frozenset[str]] = {
    Profile.PUBLIC_DATA: frozenset({Grant.CLIENT_CREDENTIALS}),
    Profile.BASELINE: frozenset(Grant),
    Profile.FAPI2: frozenset(Grant) - {Grant.DEVICE_CODE},
}
_OF_USERS: frozenset[str] = frozenset({Grant.AUTHORIZATION_CODE, Grant.DEVICE_CODE})
"""Grants behind which a person stands."""


class Metadata:
    """The members of a registration, taken one by one.

    Args:
        sent: the JSON object.
    """

    def __init__(self, sent: object) -> None:
        if not isinstance(sent, dict):
            raise Refusal("invalid_client_metadata", "Send a JSON object.")
        self._sent = sent

    def text(self, name: str, pattern: re.Pattern[str] = _TEXT) -> str | None:
        """Give a text, or None where there is none."""
        value = self._sent.get(name)
        if value is not None and (not isinstance(value, str) or not pattern.fullmatch(value)):
            raise _bad(name)
        return value

    def flag(self, name: str) -> bool:
        """Give a truth value, false unless sent."""
        value = self._sent.get(name, False)
        if not isinstance(value, bool):
            raise _bad(name)
        return value

    def texts(self, name: str, most: int) -> tuple[str, ...] | None:
        """Give a list of different texts, or None where there is none."""
        value = self._sent.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > most or not all(isinstance(each, str) for each in value):
            raise _bad(name)
        if len(set(value)) != len(value):
            raise _bad(name)
        return tuple(value)

    def raw(self, name: str) -> Any:
        """Give a member as it was sent."""
        return self._sent.get(name)


def register(bank: Bank, caller: Caller, sent: object) -> dict[str, Any]:
    """Make a client of what was sent; give the answer (RFC 7591 section 3.2.1).

    Raises:
        Refusal: invalid_client_metadata, invalid_redirect_uri, unauthorized_client.
    """
    wanted, name, scopes = _read(bank, Metadata(sent), None)
    client, secret, token = clients.create(bank, caller, wanted, name, scopes)
    answer = described(bank, client) | _managed(bank, client, token)
    if client.method in {Method.BASIC, Method.POST}:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    return answer


def change(bank: Bank, client: Client, sent: object) -> dict[str, Any]:
    """Put a client's registration in the place of its former one; its registration token changes, too (RFC 7592).

    Raises:
        Refusal: invalid_client_metadata, invalid_redirect_uri, invalid_token.
    """
    metadata = Metadata(sent)
    if metadata.raw("client_id") != client.client_id or metadata.raw("client_secret") is not None:
        raise Refusal("invalid_client_metadata", "Name the client_id, and no client_secret: this server makes them.")
    wanted, name, scopes = _read(bank, metadata, client)
    token = clients.update(bank, client, wanted, name, scopes)
    changed = clients.find(bank.db.read(), client.client_id)
    if token is None or changed is None:
        raise Refusal("invalid_token")
    return described(bank, changed) | _managed(bank, changed, token)


def described(bank: Bank, client: Client) -> dict[str, Any]:
    """Give a client's metadata as they are registered."""
    answer: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": clients.registered_at(bank.db.read(), client.client_id) // SECOND,
        "client_name": client.app.name,
        "profile": client.profile,
        "token_endpoint_auth_method": client.method,
        "grant_types": sorted(client.grants),
        "redirect_uris": list(client.redirect_uris),
        "scope": " ".join(client.app.scopes),
        "response_types": ["code"] if Grant.AUTHORIZATION_CODE in client.grants else [],
        "dpop_bound_access_tokens": client.needs_proof,
        "require_pushed_authorization_requests": client.must_push,
        **{name: value for name, value in client.settings.items() if name in _KEPT},
    }
    if client.jwks_uri:
        answer["jwks_uri"] = client.jwks_uri
    if client.jwks:
        answer["jwks"] = {"keys": list(client.jwks)}
    return answer


def _managed(bank: Bank, client: Client, token: str) -> dict[str, str]:
    place = f"{bank.settings.public_url}/oauth/register/{client.client_id}"
    return {"registration_access_token": token, "registration_client_uri": place}


def _read(bank: Bank, metadata: Metadata, before: Client | None) -> tuple[Client, str, tuple[str, ...]]:
    """Give the client that the metadata describe, its name and its scopes; before: which client it changes."""
    grants = _grants(metadata)
    if not set(metadata.texts("response_types", 4) or ()) <= {"code"}:
        raise Refusal("invalid_client_metadata", "response_types: code, and no other.")
    profile = _profile(bank, metadata, grants, before)
    method = _method(metadata, profile)
    _check_grants(grants, profile, method)
    if before and before.method is not method and method in {Method.BASIC, Method.POST}:
        raise Refusal("invalid_client_metadata", "A client that had no secret gets none later: register another one.")
    settings: dict[str, Any] = {name: value for name in _KEPT if (value := metadata.text(name)) is not None}
    settings |= {name: metadata.flag(name) for name in _FLAGS}
    if (keys_at := _keys_at(bank, metadata)) is not None:
        settings["jwks_uri"] = keys_at
    wanted = Client(
        partners.NOBODY,
        profile=profile,
        method=method,
        grants=grants,
        redirect_uris=_redirect_uris(metadata, grants, method),
        jwks=_keys(metadata, method),
        settings=settings,
    )
    return wanted, _name(metadata), _scopes(metadata, profile)


def _grants(metadata: Metadata) -> frozenset[str]:
    """Give what it asks for; unless told codes, as RFC 7591 has it, where browsers come back to it."""
    default = Grant.AUTHORIZATION_CODE if metadata.raw("redirect_uris") else Grant.CLIENT_CREDENTIALS
    grants = metadata.texts("grant_types", len(Grant)) or (default,)
    if not set(grants) <= set(Grant):
        raise Refusal("invalid_client_metadata", "grant_types has a grant that this server does not have.")
    return frozenset(grants)


def _profile(bank: Bank, metadata: Metadata, grants: frozenset[str], before: Client | None) -> Profile:
    """Give the profile that is asked for; who asks for a customer's data gets the strictest unless told otherwise."""
    asks = Grant.AUTHORIZATION_CODE in grants
    default = Profile.FAPI2 if asks or bank.settings.fapi_only else Profile.PUBLIC_DATA
    text = metadata.text("profile")
    if text is not None and text not in set(Profile):
        raise _bad("profile")
    profile = Profile(text) if text else before.profile if before else default
    if before and profile is not before.profile:
        raise Refusal("invalid_client_metadata", "A client's profile does not change: register another one.")
    if bank.settings.fapi_only and profile is not Profile.FAPI2:
        raise Refusal("invalid_client_metadata", "This server takes clients of the profile fapi2 only.")
    return profile


def _method(metadata: Metadata, profile: Profile) -> Method:
    text = metadata.text("token_endpoint_auth_method")
    method = Method.KEY if profile is Profile.FAPI2 else Method.BASIC
    if text is not None:
        if text not in set(Method):
            raise _bad("token_endpoint_auth_method")
        method = Method(text)
    if method not in _METHODS[profile]:
        raise Refusal("invalid_client_metadata", "token_endpoint_auth_method: one that its profile does not allow.")
    return method


def _check_grants(grants: frozenset[str], profile: Profile, method: Method) -> None:
    if not grants <= _GRANTS[profile]:
        raise Refusal("invalid_client_metadata", "grant_types: one that the client's profile does not allow.")
    if method is Method.NONE and Grant.CLIENT_CREDENTIALS in grants:
        raise Refusal(
            "invalid_client_metadata", "A public client has no credentials, so not the grant client_credentials."
        )
    if Grant.REFRESH_TOKEN in grants and not grants & _OF_USERS:
        raise Refusal("invalid_client_metadata", "refresh_token needs a grant that gives refresh tokens.")


def _name(metadata: Metadata) -> str:
    name = metadata.raw("client_name")
    if not isinstance(name, str) or len(name) > _MOST_NAME or not partners.is_readable(name):
        raise Refusal("invalid_client_metadata", "client_name: a name that people can read, of at most 60 characters.")
    if partners.is_the_banks(name):
        raise Refusal(
            "invalid_client_metadata", "client_name: a name of the client's own, not one with the bank's in it."
        )
    return name


def _scopes(metadata: Metadata, profile: Profile) -> tuple[str, ...]:
    allowed = tuple(scope for scope, least in SCOPE_PROFILES.items() if profile.reaches(least))
    text = metadata.text("scope")
    wanted = tuple(dict.fromkeys(text.split())) if text else allowed
    if not wanted or not set(wanted) <= set(allowed):
        raise Refusal("invalid_client_metadata", "scope has one that this server does not have for the profile.")
    return wanted


def _keys_at(bank: Bank, metadata: Metadata) -> str | None:
    """Give where the client keeps its keys: a place that the operator has listed. Nothing is fetched yet."""
    uri = metadata.text("jwks_uri", _URI)
    if uri is None:
        return None
    if metadata.raw("jwks") is not None:
        raise Refusal("invalid_client_metadata", "Send jwks or jwks_uri, not both (RFC 7591 section 2).")
    if not keysets.may_fetch(bank, uri):
        raise Refusal("invalid_client_metadata", "jwks_uri: https, at a host that this server's operator has listed.")
    return uri


def _keys(metadata: Metadata, method: Method) -> tuple[dict[str, Any], ...]:
    sent = metadata.raw("jwks")
    if sent is None and (method is not Method.KEY or metadata.raw("jwks_uri") is not None):
        return ()
    keys = sent.get("keys") if isinstance(sent, dict) else None
    if not isinstance(keys, list) or not 1 <= len(keys) <= _MOST_KEYS:
        raise Refusal("invalid_client_metadata", "jwks: a key set (RFC 7517) of 1 to 10 public keys.")
    try:
        kept = tuple(jose.public_key(key) for key in keys)
    except jose.Invalid as error:
        raise Refusal(
            "invalid_client_metadata", "jwks: public keys only, of EC P-256, RSA from 2048 bits, or Ed25519."
        ) from error
    kids = [key.get("kid") for key in kept]
    if len(kept) > 1 and (None in kids or len(set(kids)) != len(kids)):
        raise Refusal("invalid_client_metadata", "jwks: several keys need a kid each.")
    return kept


def _redirect_uris(metadata: Metadata, grants: frozenset[str], method: Method) -> tuple[str, ...]:
    try:
        uris = metadata.texts("redirect_uris", _MOST_URIS) or ()
    except Refusal as refusal:
        raise Refusal("invalid_redirect_uri") from refusal
    if not all(_may_redirect(uri, public=method is Method.NONE) for uri in uris):
        raise Refusal("invalid_redirect_uri")
    if bool(uris) is not (Grant.AUTHORIZATION_CODE in grants):
        raise Refusal("invalid_redirect_uri", "redirect_uris and authorization_code in grant_types go together.")
    return uris


def _may_redirect(uri: str, *, public: bool) -> bool:
    """Tell whether a browser may be sent to an address with a code."""
    if not _URI.fullmatch(uri) or len(uri) > _MOST_URI:
        return False
    if address := addresses.parse(uri):
        return address.is_safe
    return public and _OWN_SCHEME.fullmatch(uri) is not None


def _bad(name: str) -> Refusal:
    """Refuse a member; its name is one of ours."""
    return Refusal("invalid_client_metadata", f"{name} is not what this server takes.")
