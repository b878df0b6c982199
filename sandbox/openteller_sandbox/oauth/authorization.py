"""Authorization requests: checked, then pushed (RFC 9126) or sent along; and the way of a customer's browser from there
to a decision.

A request that was pushed is good for a first visit of 90 seconds. A visit makes an interaction of 10 minutes, bound to
the browser by a cookie of 256 bits, which changes when the customer signs in. However often it is visited, a request is
decided once: a conditional update decides who was first.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlencode

from openteller_sandbox import clock, ids
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import MINUTE, SECOND
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer, SignIn
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.oauth import clients, consents, details, store
from openteller_sandbox.oauth.model import CUSTOMER_SCOPES, Client, Grant, Refusal
from openteller_sandbox.oauth.tokens import CODE_PREFIX, hash_of
from openteller_sandbox.worlds import service as worlds

REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
PUSHED_SECONDS = 90
UNPUSHED_MS = 5 * SECOND
"""A request that a browser brought along itself is visited in the same breath."""
CODE_SECONDS = 60
INTERACTION_MS = 10 * MINUTE
_KEPT_MS = 24 * 60 * MINUTE
"""How long a used code is remembered, so that a second use is known for what it is."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_THUMBPRINT = _CHALLENGE
_SINGLE = re.compile(r"[ -~]{1,512}")
_DETAILS = re.compile(r"[ -~]{2,8192}")
_LINK = re.compile(r"acl_[0-9a-z]{4,44}")
_CONSENT = re.compile(r"cns_[0-9a-z]{4,44}")
_INTERACTION = re.compile(r"iac_[a-z2-7]{20}")
_SCOPES_GIVEN = f"Ask for scopes that the client holds and a customer may give, of {', '.join(CUSTOMER_SCOPES)}."


class Redirected(Exception):
    """An error that the client is told of over the browser: its redirect URI has been checked."""

    def __init__(self, refusal: Refusal, redirect_uri: str, state: str | None) -> None:
        super().__init__(refusal.error)
        self.refusal = refusal
        self.redirect_uri = redirect_uri
        self.state = state


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that has been checked."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str | None = field(repr=False)
    code_challenge: str = field(repr=False)
    details: list[dict[str, Any]] = field(repr=False)
    jkt: str | None
    locale: str
    account_link_id: str | None = None
    consent_id: str | None = None

    @property
    def of_device(self) -> bool:
        """Whether a device asks, to which no browser goes back (RFC 8628)."""
        return not self.redirect_uri


@dataclass(slots=True)
class Interaction:
    """A browser that was sent here with a request. cookie: the value that its cookie has to get, once."""

    interaction_id: str
    request_hash: str = field(repr=False)
    client: Client
    world: World
    asked: Asked
    decided: bool
    csrf: str = field(repr=False)
    locale: str
    customer: Customer | None = field(repr=False)
    notice: str | None
    cookie: str | None = field(default=None, repr=False)

    def allows(self, csrf: str) -> bool:
        """Tell whether a form came from a page of this interaction."""
        return hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())


def check(bank: Bank, client: Client, sent: Mapping[str, str]) -> Asked:
    """Check an authorization request.

    Raises:
        Refusal: it must not go back to the client over a browser.
        Redirected: it may.
    """
    redirect_uri = sent.get("redirect_uri", "")
    if not client.may_redirect(redirect_uri):
        raise Refusal("invalid_request", "redirect_uri is not one of the client's, letter for letter.")
    state = sent.get("state")
    if state is not None and not _SINGLE.fullmatch(state):
        raise Refusal("invalid_request", "state: up to 512 printable ASCII characters.")
    try:
        return _checked(bank, client, sent, redirect_uri, state)
    except Refusal as refusal:
        raise Redirected(refusal, redirect_uri, state) from refusal


def _checked(bank: Bank, client: Client, sent: Mapping[str, str], redirect_uri: str, state: str | None) -> Asked:
    if Grant.AUTHORIZATION_CODE not in client.grants:
        raise Refusal("unauthorized_client", "The client is not registered with the grant authorization_code.")
    _check_form(bank, sent)
    world = _world(bank, client)
    today = clock.bank_date(bank.now(world))
    allowed = details.parse(bank.db.read(), client, sent.get("authorization_details"), today)
    return Asked(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scope=scope_of(client, sent.get("scope"), optional=bool(allowed)),
        state=state,
        code_challenge=sent["code_challenge"],
        details=allowed,
        jkt=sent.get("dpop_jkt"),
        locale="en" if sent.get("ui_locales", "").lower().startswith("en") else "zh-CN",
        account_link_id=_link_of(bank.db.read(), client, sent.get("account_link_id")),
        consent_id=_consent_of(bank, client, sent),
    )


def _consent_of(bank: Bank, client: Client, sent: Mapping[str, str]) -> str | None:
    """Check the consent that a request would change or renew: one of the client's that holds."""
    consent_id = sent.get("consent_id")
    if consent_id is None:
        return None
    known = consents.find(bank.db.read(), consent_id) if _CONSENT.fullmatch(consent_id) else None
    if known is None or known.app_id != client.client_id or known.status_at(bank.clock.wall()) != "ACTIVE":
        raise Refusal("invalid_request", "consent_id: of a consent of this client that is ACTIVE.")
    if "account_link_id" in sent:
        raise Refusal("invalid_request", "consent_id: a consent stays with the account link that it has, or has not.")
    return consent_id


def _link_of(tx: Tx, client: Client, account_link_id: str | None) -> str | None:
    """Check the account link that a request names: only its own customer can then allow anything."""
    if account_link_id is None:
        return None
    known = _LINK.fullmatch(account_link_id)
    if not known or account_links.customer_of(tx, client.client_id, account_link_id) is None:
        raise Refusal("invalid_request", "account_link_id: of a link of this client that is ACTIVE.")
    return account_link_id


def _check_form(bank: Bank, sent: Mapping[str, str]) -> None:
    for name, value in sent.items():
        if not (_DETAILS if name == "authorization_details" else _SINGLE).fullmatch(value):
            raise Refusal("invalid_request", "A parameter is empty, too long, or not of printable ASCII.")
    if "request" in sent:
        raise Refusal("request_not_supported")
    if sent.get("response_type") != "code":
        raise Refusal("unsupported_response_type")
    if sent.get("response_mode", "query") != "query":
        raise Refusal("invalid_request", "The response mode is query.")
    if sent.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(sent.get("code_challenge", "")):
        raise Refusal("invalid_request", "PKCE: code_challenge, and code_challenge_method S256 (RFC 7636).")
    if "dpop_jkt" in sent and not _THUMBPRINT.fullmatch(sent["dpop_jkt"]):
        raise Refusal("invalid_request", "dpop_jkt: the RFC 7638 thumbprint of a key.")
    if sent.get("resource", bank.settings.public_url).rstrip("/") != bank.settings.public_url:
        raise Refusal("invalid_target")


def scope_of(client: Client, asked: str | None, *, optional: bool = False) -> str:
    """Give the scopes that a customer is asked for.

    Raises:
        Refusal: invalid_scope.
    """
    if asked is None and optional:
        return ""
    wanted = tuple(dict.fromkeys((asked or "").split()))
    if not wanted or not set(wanted) <= set(client.app.scopes) & set(CUSTOMER_SCOPES):
        raise Refusal("invalid_scope", _SCOPES_GIVEN)
    return " ".join(wanted)


def push(bank: Bank, asked: Asked, *, visits_ms: int = PUSHED_SECONDS * SECOND) -> str:
    """Keep a request; give the secret part of its ``request_uri``. visits_ms: how long a first visit is welcome."""
    reference = secrets.token_urlsafe(32)
    with bank.db.act(asked.client_id) as tx:
        keep(bank, tx, asked, reference, visits_ms)
    return reference


def keep(bank: Bank, tx: Tx, asked: Asked, reference: str, visits_ms: int) -> str:
    """Keep a request under a reference; give its hash."""
    now, request_hash = bank.clock.wall(), hash_of(reference)
    tx.run(store.PURGE_REQUESTS, now=now)
    tx.run(
        store.INSERT_REQUEST,
        request_hash=request_hash,
        client_id=asked.client_id,
        parameters=json.dumps(asdict(asked)),
        expires_at=now + visits_ms,
        kept_until=now + visits_ms + INTERACTION_MS,
        decided_at=None,
    )
    return request_hash


def visit(
    bank: Bank, client: Client | None, reference: str, begun: Callable[[Bank, str], Interaction | None]
) -> Interaction:
    """Take a browser that comes with a pushed request: as it was here before, or as a new one.

    Args:
        bank: whose request it is.
        client: whom the address names; None where it names nobody, as a device's.
        reference: the secret part of the ``request_uri``.
        begun: gives the interaction that the browser has begun with a request, by the request's hash.

    Raises:
        Refusal: invalid_request_uri.
    """
    request_hash = hash_of(reference)
    row = bank.db.read().one(store.FIND_REQUEST, request_hash=request_hash)
    if row is None or row["decided_at"] is not None or (client and row["client_id"] != client.client_id):
        raise Refusal("invalid_request_uri")
    client = client or clients.find(bank.db.read(), row["client_id"])
    if client is None:
        raise Refusal("invalid_request_uri")
    found = begun(bank, request_hash)
    if found is not None:
        return found
    if row["expires_at"] <= bank.clock.wall():
        raise Refusal("invalid_request_uri")
    return _begin(bank, client, row)


def _begin(bank: Bank, client: Client, request: Row) -> Interaction:
    now, cookie, interaction_id = bank.clock.wall(), secrets.token_urlsafe(32), ids.new("iac")
    asked = Asked(**json.loads(request["parameters"]))
    with bank.db.act(client.client_id) as tx:
        tx.run(store.PURGE_INTERACTIONS, now=now)
        tx.run(
            store.INSERT_INTERACTION,
            interaction_id=interaction_id,
            cookie_hash=hash_of(cookie),
            request_hash=request["request_hash"],
            client_id=client.client_id,
            world_id=client.app.world_id,
            csrf=secrets.token_urlsafe(24),
            locale=asked.locale,
            customer_id=None,
            notice=None,
            expires_at=min(now + INTERACTION_MS, request["kept_until"]),
        )
    begun = find(bank, interaction_id, cookie)
    assert begun is not None
    begun.cookie = cookie
    return begun


def find(bank: Bank, interaction_id: str, cookie: str | None) -> Interaction | None:
    """Give the interaction of a browser; None where it is another browser's, or over."""
    tx = bank.db.read()
    if not _INTERACTION.fullmatch(interaction_id):
        return None
    row = tx.one(store.FIND_INTERACTION, interaction_id=interaction_id)
    if row is None or cookie is None or not hmac.compare_digest(hash_of(cookie), row["cookie_hash"]):
        return None
    request = tx.one(store.FIND_REQUEST, request_hash=row["request_hash"])
    client = clients.find(tx, row["client_id"])
    if request is None or client is None or row["expires_at"] <= bank.clock.wall():
        return None
    return Interaction(
        interaction_id=interaction_id,
        request_hash=row["request_hash"],
        client=client,
        world=_world(bank, client),
        asked=Asked(**json.loads(request["parameters"])),
        decided=request["decided_at"] is not None,
        csrf=row["csrf"],
        locale=row["locale"],
        customer=customers.by_id(row["customer_id"]) if row["customer_id"] else None,
        notice=row["notice"],
    )


def _world(bank: Bank, client: Client) -> World:
    world = worlds.find(bank.db.read(), client.app.world_id)
    assert world is not None
    return world


def sign_in(bank: Bank, interaction: Interaction, number: str, code: str) -> bool:
    """Take a customer's number and code; who signs in gets another cookie and other forms. Tell whether they fit."""
    with bank.db.act(interaction.world.world_id) as tx:
        result, customer = customers.sign_in(tx, interaction.world, number, code, bank.now(interaction.world))
    interaction.notice = {SignIn.WRONG: "WRONG_SIGN_IN", SignIn.LOCKED: "LOCKED"}.get(result)
    if customer is not None and not _may_answer(bank.db.read(), interaction.asked, customer):
        interaction.notice = "OTHER_CUSTOMER"
    elif customer is not None:
        interaction.customer = customer
        interaction.cookie, interaction.csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    save(bank, interaction)
    return customer is not None


def _may_answer(tx: Tx, asked: Asked, customer: Customer) -> bool:
    """Tell whether a request is for a customer: for everybody, unless it names a link or a consent."""
    if asked.consent_id:
        consent = consents.find(tx, asked.consent_id)
        return consent is not None and consent.customer_id == customer.customer_id
    link = asked.account_link_id
    return link is None or account_links.customer_of(tx, asked.client_id, link) == customer.customer_id


def save(bank: Bank, interaction: Interaction) -> None:
    """Keep what a browser has done."""
    row = bank.db.read().one(store.FIND_INTERACTION, interaction_id=interaction.interaction_id)
    if row is None:
        return
    with bank.db.act(interaction.client.client_id) as tx:
        tx.run(
            store.SAVE_INTERACTION,
            id=interaction.interaction_id,
            to_cookie_hash=hash_of(interaction.cookie) if interaction.cookie else row["cookie_hash"],
            to_csrf=interaction.csrf,
            to_locale=interaction.locale,
            to_customer_id=interaction.customer.customer_id if interaction.customer else None,
            to_notice=interaction.notice,
        )


def approve(bank: Bank, interaction: Interaction) -> str | None:
    """Give the client what the customer has read; give where the browser goes (a device's: nowhere), or None where it
    was decided before.
    """
    asked, now = interaction.asked, bank.clock.wall()
    assert interaction.customer is not None
    if interaction.decided:
        return None
    kept: dict[str, Any] = {
        "customer_id": interaction.customer.customer_id,
        "scope": asked.scope,
        "details": json.dumps(asked.details),
    }
    deed = deeds.doing(
        bank,
        interaction.world,
        deeds.PAYER,
        consents.GIVE,
        lambda: {"kept": kept, "link": asked.account_link_id, "consent": asked.consent_id},
        asked.client_id,
    )
    with deed, bank.db.act(interaction.world.world_id) as tx:
        if tx.run(store.DECIDE, h=interaction.request_hash, now=now) == 0:
            return None
        link, customer_id = asked.account_link_id, interaction.customer.customer_id
        if link and not account_links.hold(tx, asked.client_id, link, customer_id):
            return back(bank, asked.redirect_uri, asked.state, error="access_denied")
        consent_id = _allow(bank, tx, interaction.world, asked.client_id, asked.consent_id, kept)
        if consent_id is None:
            return back(bank, asked.redirect_uri, asked.state, error="access_denied")
        if link:
            account_links.bind(tx, interaction.world, link, consent_id)
        if asked.of_device:
            tx.run(store.ANSWER_DEVICE, h=interaction.request_hash, to_status="APPROVED", to_consent_id=consent_id)
            return ""
        code = _code(tx, asked, consent_id, now)
    return back(bank, asked.redirect_uri, asked.state, code=code)


def _allow(
    bank: Bank, tx: Tx, world: World, app_id: str, consent_id: str | None, kept: Mapping[str, Any]
) -> str | None:
    """Give a new consent, or change the one that a request names; None where that has ended meanwhile."""
    if consent_id is None:
        return consents.give(bank, tx, world, app_id=app_id, **kept)
    changed = consents.change(bank, tx, world, consent_id, scope=kept["scope"], details=kept["details"])
    return consent_id if changed else None


def approve_again(bank: Bank, world: World, details: Mapping[str, Any], app_id: str) -> None:
    """Do again what an approval has left, in another life of the world; nobody gets a code."""
    deed = deeds.doing(bank, world, deeds.PAYER, consents.GIVE, lambda: details, app_id)
    with deed, bank.db.act(world.world_id) as tx:
        consent_id = _allow(bank, tx, world, app_id, details["consent"], details["kept"])
        if details["link"] and consent_id:
            account_links.bind(tx, world, details["link"], consent_id)


def _code(tx: Tx, asked: Asked, consent_id: str, now: int) -> str:
    code = CODE_PREFIX + secrets.token_urlsafe(32)
    tx.run(store.PURGE_CODES, now=now)
    tx.run(
        store.INSERT_CODE,
        code_hash=hash_of(code),
        client_id=asked.client_id,
        consent_id=consent_id,
        family_id=ids.new("fam"),
        redirect_uri=asked.redirect_uri,
        code_challenge=asked.code_challenge,
        jkt=asked.jkt,
        expires_at=now + CODE_SECONDS * SECOND,
        kept_until=now + _KEPT_MS,
        used_at=None,
    )
    return code


def refuse(bank: Bank, interaction: Interaction) -> str | None:
    """Tell the client that the customer refuses; give where the browser goes (a device's: nowhere), or None where it
    was decided before.
    """
    asked = interaction.asked
    with bank.db.act(asked.client_id) as tx:
        if tx.run(store.DECIDE, h=interaction.request_hash, now=bank.clock.wall()) == 0:
            return None
        if asked.of_device:
            tx.run(store.ANSWER_DEVICE, h=interaction.request_hash, to_status="DENIED", to_consent_id=None)
            return ""
    return back(bank, asked.redirect_uri, asked.state, error="access_denied")


def back(bank: Bank, redirect_uri: str, state: str | None, **answer: str) -> str:
    """Give the address that a browser is sent back to, with the issuer (RFC 9207)."""
    values = answer | ({"state": state} if state is not None else {}) | {"iss": bank.settings.public_url}
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{urlencode(values)}"
