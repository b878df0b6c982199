"""What may be sent to an endpoint at all: a form of known, single, printable, not too long parameters, and no query.

A parameter that a grant does not have is refused, so that a mistake shows; so is a query, which ends in logs.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from openteller_sandbox.oauth.model import Grant, Refusal

FORM_TYPE = "application/x-www-form-urlencoded"
_VALUE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E ]{1,512}")
_LONG_VALUES = {
    "client_assertion": re.compile(r"[A-Za-z0-9._-]{1,4096}"),
    "authorization_details": re.compile(r"[ -~]{2,8192}"),
    "state": re.compile(r"[ -~]{1,512}"),
    "code_verifier": re.compile(r"[A-Za-z0-9._~-]{43,128}"),
}
AUTHENTICATION = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})
_OF_GRANTS: Mapping[str, frozenset[str]] = {
    Grant.CLIENT_CREDENTIALS: frozenset({"scope", "resource"}),
    Grant.AUTHORIZATION_CODE: frozenset({"code", "redirect_uri", "code_verifier", "resource"}),
    Grant.REFRESH_TOKEN: frozenset({"refresh_token", "scope", "resource"}),
    Grant.DEVICE_CODE: frozenset({"device_code", "resource"}),
}
_NEEDED: Mapping[str, frozenset[str]] = {
    Grant.AUTHORIZATION_CODE: frozenset({"code", "redirect_uri", "code_verifier"}),
    Grant.REFRESH_TOKEN: frozenset({"refresh_token"}),
    Grant.DEVICE_CODE: frozenset({"device_code"}),
}
_OF_ENDPOINTS: Mapping[str, frozenset[str]] = {
    "revocation": frozenset({"token", "token_type_hint"}),
    "introspection": frozenset({"token", "token_type_hint"}),
    "device": frozenset({"scope", "resource"}),
}


@dataclass(frozen=True, slots=True)
class Sent:
    """A POST as it came: its path, whether it has a query, its media type, and all values of each parameter.

    authorization: the values of that header; proofs: those of ``DPoP``.
    """

    path: str
    has_query: bool
    media_type: str
    form: Mapping[str, Sequence[str]] = field(repr=False)
    authorization: Sequence[str] = field(repr=False)
    proofs: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that may be looked at. basic: name and secret of the header Authorization."""

    path: str
    values: Mapping[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(repr=False)
    proofs: tuple[str, ...] = field(repr=False)


def of_token_request(sent: Sent) -> Form:
    """Read a request to the token endpoint.

    Raises:
        Refusal: invalid_request; unsupported_grant_type, there is no such grant.
    """
    form = _read(sent)
    grant = form.values.get("grant_type")
    if grant is None:
        raise Refusal("invalid_request", "grant_type is missing.")
    if grant not in _OF_GRANTS:
        known = frozenset().union(*_OF_GRANTS.values())
        raise Refusal("unsupported_grant_type" if _within(form, known | {"grant_type"}) else "invalid_request")
    needed = _NEEDED.get(grant, frozenset())
    if missing := needed - form.values.keys():
        raise Refusal("invalid_request", f"This grant needs also: {', '.join(sorted(missing))}.")
    if not _within(form, _OF_GRANTS[grant] | {"grant_type"}):
        raise Refusal("invalid_request")
    return form


def of_pushed_request(sent: Sent) -> Form:
    """Read a pushed authorization request: parameters that nobody knows are left out, as RFC 6749 section 3.1 says.

    Raises:
        Refusal: invalid_request.
    """
    form = _read(sent)
    if "request_uri" in form.values:
        raise Refusal("invalid_request", "A pushed request names no other one (RFC 9126 section 2.1).")
    return form


def of_endpoint(name: str, sent: Sent) -> Form:
    """Read a request to another endpoint at which clients authenticate.

    Raises:
        Refusal: invalid_request.
    """
    form = _read(sent)
    if not _within(form, _OF_ENDPOINTS[name]):
        raise Refusal("invalid_request")
    return form


def _within(form: Form, names: frozenset[str]) -> bool:
    return form.values.keys() <= names | AUTHENTICATION


def _read(sent: Sent) -> Form:
    if sent.has_query or sent.media_type != FORM_TYPE or len(sent.authorization) > 1:
        raise Refusal("invalid_request")
    values: dict[str, str] = {}
    for name, given in sent.form.items():
        if len(given) != 1 or not _LONG_VALUES.get(name, _VALUE).fullmatch(given[0]):
            raise Refusal("invalid_request")
        values[name] = given[0]
    basic = _basic(sent.authorization[0]) if sent.authorization else None
    return Form(sent.path, values, basic, sent.proofs)


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        text = b64decode(encoded, validate=True).decode("ascii") if scheme.lower() == "basic" else ""
    except ValueError as error:
        raise Refusal("invalid_request") from error
    name, _, secret = text.partition(":")
    if not _VALUE.fullmatch(name) or not _VALUE.fullmatch(secret):
        raise Refusal("invalid_request")
    return name, secret
