"""Clients: an app of the sandbox is a client of the profile public-data; what was registered is what it was registered
as.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.db import Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.oauth import consents, store
from openteller_sandbox.oauth.model import Client, Method, Profile
from openteller_sandbox.oauth.tokens import hash_of
from openteller_sandbox.partners import service as partners
from openteller_sandbox.worlds import service as worlds

REGISTRATION_PREFIX = "otg_"
CHANGE, END = "changeClient", "endClient"
"""Deeds."""
_IDENTIFIER = re.compile(r"app_[0-9a-z]{4,44}")  # a database takes no text with NUL, and looks for nothing else


def find(tx: Tx, client_id: str) -> Client | None:
    """Give a client; None where there is none, or not any more."""
    app = partners.find(tx, client_id) if _IDENTIFIER.fullmatch(client_id) else None
    if app is None:
        return None
    row = tx.one(store.FIND_CLIENT, client_id=client_id)
    if row is None:
        return Client(app)
    if row["status"] != "ACTIVE":
        return None
    return Client(
        app,
        profile=Profile(row["profile"]),
        method=Method(row["method"]),
        grants=frozenset(json.loads(row["grants"])),
        redirect_uris=tuple(json.loads(row["redirect_uris"])),
        jwks=tuple(json.loads(row["jwks"])),
        registered=True,
        **_settings(json.loads(row["settings"])),
    )


def _settings(settings: dict[str, Any]) -> dict[str, Any]:
    return {"settings": settings, "dpop_bound": settings.get("dpop_bound_access_tokens", False)}


def create(bank: Bank, caller: Caller, wanted: Client, name: str, scopes: tuple[str, ...]) -> tuple[Client, str, str]:
    """Make an app that is the client which is wanted; give it with its secret and its registration token.

    With a caller it joins the caller's world and partner, else it gets its own.
    """
    token = REGISTRATION_PREFIX + secrets.token_urlsafe(32)
    join = "none" if caller.anonymous else "partner"

    def also(tx: Tx, app: partners.App) -> None:
        tx.run(
            store.INSERT_CLIENT,
            client_id=app.app_id,
            profile=wanted.profile,
            registered_at=bank.clock.wall(),
            **_row(wanted, hash_of(token)),
        )

    made = partners.create(bank, caller, name=name, scopes=scopes, return_urls=(), join=join, also=also)
    client = find(bank.db.read(), made.app.app_id)
    assert client is not None
    return client, made.client_secret, token


def update(bank: Bank, client: Client, wanted: Client, name: str, scopes: tuple[str, ...]) -> str | None:
    """Change a client's registration; give its next registration token, or None where there is no such client."""
    token, client_id = REGISTRATION_PREFIX + secrets.token_urlsafe(32), client.client_id
    values = {f"to_{name}": value for name, value in _row(wanted, hash_of(token)).items()}
    world = worlds.find(bank.db.read(), client.app.world_id)
    assert world is not None
    # What the world sees of it: the app's name and scopes. Its keys and addresses are between it and this server.
    kept = {"path": f"/oauth/register/{client_id}", "name": name, "scopes": list(scopes)}
    deed = deeds.doing(bank, world, deeds.PARTNER, CHANGE, lambda: kept, client_id)
    with deed, bank.db.act(world.world_id) as tx:
        if tx.run(store.UPDATE_CLIENT, id=client_id, **values) == 0:
            return None
        partners.change(tx, client_id, name=name, scopes=scopes)
    return token


def change_again(bank: Bank, world: World, client_id: str, kept: Mapping[str, Any]) -> None:
    """Do again what a change of a client's registration has done to its app, in another life of the world."""
    with bank.db.act(world.world_id) as tx:
        partners.change(tx, client_id, name=kept["name"], scopes=kept["scopes"])


def end(bank: Bank, client: Client) -> bool:
    """End a client, with what customers have allowed it and its account links: from now on nobody is it, and its tokens
    are worth nothing.
    """
    client_id, world = client.client_id, worlds.find(bank.db.read(), client.app.world_id)
    assert world is not None
    end_what_it_was_allowed(bank, world, client_id)
    with bank.db.act(client_id) as tx:
        ended = tx.run(store.END_CLIENT, id=client_id) == 1
        tx.run(store.REVOKE_ALL, app_id=client_id)
        tx.run(store.END_REFRESH_OF_APP, app_id=client_id)
        tx.run(store.END_CONSENTS_OF_APP, app=client_id)
    return ended


def end_what_it_was_allowed(bank: Bank, world: World, client_id: str) -> None:
    """End a client's account links and consents, with the events of each end, which its webhooks still hear."""
    from openteller_sandbox.account_links import service as account_links  # noqa: PLC0415 - it needs this module

    kept = {"path": f"/oauth/register/{client_id}"}
    deed = deeds.doing(bank, world, deeds.PARTNER, END, lambda: kept, client_id)
    with deed, bank.db.act(world.world_id) as tx:
        account_links.end_of_app(bank, tx, world, client_id)
        for row in tx.all(store.ACTIVE_OF_APP, app_id=client_id):
            consents.revoke(bank, tx, row["consent_id"])


def owns(tx: Tx, client_id: str, registration_token: str) -> bool:
    """Tell whether a registration token is that of a client."""
    row = tx.one(store.FIND_CLIENT, client_id=client_id)
    right = row["registration_hash"] if row and row["status"] == "ACTIVE" else "-"
    return registration_token.startswith(REGISTRATION_PREFIX) and secrets.compare_digest(
        hash_of(registration_token), right
    )


def registered_at(tx: Tx, client_id: str) -> int:
    """Give when a client was registered (wall time, epoch milliseconds)."""
    row = tx.one(store.FIND_CLIENT, client_id=client_id)
    assert row is not None
    return int(row["registered_at"])


def _row(client: Client, registration_hash: str) -> dict[str, Any]:
    return {
        "status": "ACTIVE",
        "method": client.method,
        "grants": json.dumps(sorted(client.grants)),
        "redirect_uris": json.dumps(client.redirect_uris),
        "jwks": json.dumps(client.jwks),
        "settings": json.dumps(dict(client.settings)),
        "registration_hash": registration_hash,
    }
