"""Who a client is: authenticated by the one method that it is registered with, or not at all."""

from __future__ import annotations

import hmac

from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import assertions, clients
from openteller_sandbox.oauth.forms import Form
from openteller_sandbox.oauth.model import Client, Method, Profile, Refusal
from openteller_sandbox.partners import service as partners

_NOBODYS_HASH = "-" * 64


def client_of(bank: Bank, form: Form) -> Client:
    """Find out which client sends a form.

    Raises:
        Refusal: invalid_request, more than one way of authenticating; invalid_client; unauthorized_client, the server
            takes clients of the profile fapi2 only.
    """
    values = form.values
    ways = {
        Method.BASIC: form.basic is not None,
        Method.POST: "client_secret" in values,
        Method.KEY: bool({"client_assertion", "client_assertion_type"} & values.keys()),
    }
    tried = [method for method, used in ways.items() if used]
    if len(tried) > 1:
        raise Refusal("invalid_request", "Authenticate in one way only.")
    client = _authenticated(bank, form, tried[0] if tried else Method.NONE)
    if bank.settings.fapi_only and client.profile is not Profile.FAPI2:
        raise Refusal("unauthorized_client", "This server takes clients of the profile fapi2 only.")
    return client


def _authenticated(bank: Bank, form: Form, method: Method) -> Client:
    values, tx = form.values, bank.db.read()
    if method is Method.KEY:
        if values.get("client_assertion_type") != assertions.TYPE or "client_assertion" not in values:
            raise Refusal("invalid_client")
        return assertions.authenticate(
            bank, lambda name: clients.find(tx, name), values["client_assertion"], values.get("client_id")
        )
    if method is Method.BASIC:
        assert form.basic is not None
        name, secret = form.basic
        if values.get("client_id", name) != name:
            raise Refusal("invalid_request", "client_id names another client than the header Authorization.")
    else:
        name, secret = values.get("client_id", ""), values.get("client_secret", "")
    client = clients.find(tx, name)
    if method is Method.NONE:
        if client is None or not client.public:
            raise Refusal("invalid_client")
        return client
    right = client.app.secret_hash if client and _may(client, method) else _NOBODYS_HASH
    if not hmac.compare_digest(partners.hash_secret(secret), right):
        raise Refusal("invalid_client")
    assert client is not None
    return client


def _may(client: Client, method: Method) -> bool:
    """Tell whether a client's secret may come this way; an app that was not registered may choose."""
    return method is client.method or (not client.registered and method is Method.POST)
