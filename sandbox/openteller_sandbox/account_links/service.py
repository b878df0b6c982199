"""Linking a social account with a customer: who may approve, who must bring the nonce, and how it ends.

LINE's protocol for account linking, for every channel: https://developers.line.biz/en/docs/messaging-api/linking-accounts/

    AWAITING   the app has started it: its page is open for ten minutes
    APPROVED   a signed-in customer has approved there: the nonce is good for ten minutes
    ACTIVE     the account that it was started for has brought the nonce in the chat

An app is taken at its word for who writes to it, so channel and account are compared twice: what starts a link must
confirm it. Whoever is led to a page that was made for somebody else has the nonce in a browser, or brings it from
another account, and that burns the link. All this happens in bank time, which is never behind wall time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.account_links import store
from openteller_sandbox.account_links.masking import masked
from openteller_sandbox.account_links.schemas import AccountLinkSchema
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.clock import DAY, MINUTE
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import Kept, Problem, addresses, idempotency, json_text, with_tail
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners

PATH = "/account-link"
LIFETIME_MS = 10 * MINUTE
"""Of the page, and after the approval of the nonce."""
MOST_WRONG_NONCES = 3
EXPIRE = "account_link.expire"
FORGET_KEYS = "account_link.forget_keys"
_LINK = AccountLinkSchema()
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Of a nonce: without vowels, so that no words arise, and without letters that look alike."""
_NONCE_LENGTH = 16
_NO_ACTOR, _NO_LABEL, _NO_NONCE = "-" * 16, "***", "A" * 16
"""In a request that is done again. No nonce has an A."""
_OPEN = frozenset({"AWAITING", "APPROVED"})
EVENTS = {
    "APPROVED": "approved",
    "ACTIVE": "confirmed",
    "REFUSED": "refused",
    "EXPIRED": "expired",
    "FAILED": "failed",
    "UNLINKED": "unlinked",
}


class NotConfirmed(Exception):
    """A nonce does not fit. What the try has burnt must be kept: the act goes on to its end, then the app is told."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is kept. Instants are bank time, epoch milliseconds; record: the contract's ``AccountLink``."""

    account_link_id: str
    world_id: str
    app_id: str
    channel: str
    actor_hash: str | None = field(repr=False)
    actor_masked: str | None = field(repr=False)
    nonce_hash: str | None = field(repr=False)
    wrong_nonces: int
    customer_id: str | None = field(repr=False)
    return_url: str | None = field(repr=False)
    locale: str
    status: str
    expires_at: int | None
    confirmed_at: int | None
    consent_id: str | None
    version: int
    wire: str = field(repr=False)

    @property
    def shown(self) -> str:
        """Give the record with the consent that was given last, as JSON."""
        return _shown(self.wire, self.consent_id)

    @property
    def record(self) -> dict[str, Any]:
        """What the app reads."""
        return dict(json.loads(self.wire))

    def is_open(self, now: int) -> bool:
        """Tell whether it can still come to hold."""
        return self.status in _OPEN and self.expires_at is not None and now < self.expires_at


# What the app does.


def start(bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any], now: int) -> tuple[str, str]:
    """Start a link; give its identifier, and its record with the page's address, which nobody is shown again.

    Raises:
        Problem: ACCOUNT_LINK_EXISTS, RETURN_URL_NOT_REGISTERED.
    """
    _check_return_url(bank, tx, caller, request.get("return_url"))
    actor_hash = _actor_hash(bank, caller.app_id, request["channel"], request["actor_ref"])
    before = _of_actor(tx, caller.app_id, request["channel"], actor_hash)
    if before is not None and before.status == "ACTIVE":
        raise Problem("ACCOUNT_LINK_EXISTS", members={"account_link_id": before.account_link_id})
    if before is not None:
        _end(bank, tx, caller.world, before, now, "FAILED", "REPLACED")
    facts = {
        "account_link_id": ids.new("acl"),
        "channel": request["channel"],
        "status": "AWAITING",
        "created_at": now,
        "expires_at": now + LIFETIME_MS,
        "version": 1,
    }
    token = ids.link_code()
    shown = _LINK.present(facts | {"link_url": f"{bank.settings.public_url}{PATH}/{token}"})
    bank.contract.check_record("AccountLink", shown)
    _insert(tx, caller, request, facts, actor_hash, _hash(token))
    return shown["account_link_id"], json_text(shown)


def _insert(
    tx: Tx, caller: Caller, request: Mapping[str, Any], facts: Mapping[str, Any], actor_hash: str, token_hash: str
) -> None:
    tx.run(
        store.INSERT,
        **{name: facts[name] for name in ("account_link_id", "channel", "status", "expires_at", "version")},
        world_id=caller.world.world_id,
        app_id=caller.app_id,
        actor_hash=actor_hash,
        actor_masked=_masked(request),
        token_hash=token_hash,
        nonce_hash=None,
        wrong_nonces=0,
        customer_id=None,
        return_url=request.get("return_url"),
        locale=request["locale"],
        confirmed_at=None,
        wire=json_text(_LINK.present(facts)),
    )
    due.schedule(tx, caller.world, facts["expires_at"], EXPIRE, facts["account_link_id"])


def _check_return_url(bank: Bank, tx: Tx, caller: Caller, return_url: str | None) -> None:
    if return_url is None:
        return
    if not oauth.may_return(bank, tx, caller.app_id, return_url):
        raise Problem("RETURN_URL_NOT_REGISTERED")
    address = addresses.parse(return_url)
    if address is not None and not address.is_safe:
        raise field_invalid("/return_url", "Must be https, or http on this machine: the browser brings a nonce there.")


def confirm(bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any], now: int) -> tuple[str, str]:
    """Confirm the link that a nonce belongs to; give its identifier and record.

    Raises:
        NotConfirmed: ACCOUNT_LINK_ACTOR_MISMATCH, another account has brought it, and the link is burnt;
            ACCOUNT_LINK_NONCE_INVALID, it is of no link that waits for it.
    """
    channel = request["channel"]
    actor_hash = _actor_hash(bank, caller.app_id, channel, request["actor_ref"])
    link = _of_nonce(tx, caller.app_id, _letters(bank, tx, request))
    if link is None or not link.is_open(now):
        _count_wrong(bank, tx, caller, _of_actor(tx, caller.app_id, channel, actor_hash), now)
        raise NotConfirmed("ACCOUNT_LINK_NONCE_INVALID")
    if (link.channel, link.actor_hash) != (channel, actor_hash):
        _end(bank, tx, caller.world, link, now, "FAILED", "ACTOR_MISMATCH")
        raise NotConfirmed("ACCOUNT_LINK_ACTOR_MISMATCH")
    return link.account_link_id, _activate(bank, tx, caller.world, link, now)


def _activate(bank: Bank, tx: Tx, world: World, link: Link, now: int) -> str:
    app = partners.find(tx, link.app_id)
    assert app is not None and link.customer_id is not None
    subject = oauth.subject(bank, app.partner_id, link.world_id, link.customer_id)
    due.cancel(tx, world, EXPIRE, link.account_link_id)
    columns = {"nonce_hash": None, "expires_at": None, "confirmed_at": now}
    facts = {"subject": subject, "confirmed_at": now}
    return _change(bank, tx, world, link, now, "ACTIVE", facts, **columns)


def _of_nonce(tx: Tx, app_id: str, letters: str) -> Link | None:
    """Give an app's link that waits for a nonce."""
    row = tx.one(store.BY_NONCE, app_id=app_id, nonce_hash=_hash(letters))
    return _link(row) if row else None


def _count_wrong(bank: Bank, tx: Tx, caller: Caller, link: Link | None, now: int) -> None:
    """Count a nonce that does not fit against the link that its bringer's account waits for; the third burns it."""
    if link is None or link.status != "APPROVED" or not link.is_open(now):
        return
    if link.wrong_nonces + 1 >= MOST_WRONG_NONCES:
        _end(bank, tx, caller.world, link, now, "FAILED", "WRONG_NONCES")
    else:
        _save(tx, link, wrong_nonces=link.wrong_nonces + 1)


def unlink(bank: Bank, tx: Tx, caller: Caller, account_link_id: str, now: int) -> str | None:
    """End an app's link, or withdraw it; give its record, or None where the app has none such."""
    link = _own(tx, caller.app_id, account_link_id)
    if link is None:
        return None
    return _unlink(bank, tx, caller.world, link, now, "BY_PARTNER")


def find_wire(tx: Tx, app_id: str, account_link_id: str) -> str | None:
    """Give an app's link, as JSON."""
    link = _own(tx, app_id, account_link_id)
    return link.shown if link else None


def wire_of_actor(bank: Bank, tx: Tx, app_id: str, *, channel: str, actor_ref: str) -> str | None:
    """Give the link of a social account that holds or is on its way, as JSON."""
    link = _of_actor(tx, app_id, channel, _actor_hash(bank, app_id, channel, actor_ref))
    return link.shown if link else None


def page(tx: Tx, app_id: str, *, before: int | None, status: str | None, count: int) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of an app's links, newest first."""
    rows = tx.all(
        store.PAGE, app_id=app_id, before=2**62 if before is None else before, status=status or "", count=count
    )
    return [(row["seq"], _shown(row["wire"], row["consent_id"])) for row in rows]


# What the log of deeds has of it: no label, no reference and no nonce, and yet what comes of them.


def kept_of_start(bank: Bank, caller: Caller, request: Mapping[str, Any]) -> Kept:
    """Keep of a start what the link's row has of its account."""
    actor_hash = _actor_hash(bank, caller.app_id, request["channel"], request["actor_ref"])
    body = {**request, "actor_ref": _NO_ACTOR, "actor_label": _NO_LABEL}
    return Kept(body, {"actor_hash": actor_hash, "actor_masked": _masked(request)})


def kept_of_find(bank: Bank, caller: Caller, request: Mapping[str, Any]) -> Kept:  # noqa: ARG001 - one of several
    """Keep nothing of whom was asked for: the answer changes nothing."""
    return Kept({**request, "actor_ref": _NO_ACTOR}, {})


def kept_of_confirmation(bank: Bank, caller: Caller, request: Mapping[str, Any]) -> Kept:
    """Keep of a nonce whose link waits for it, from which it can be derived again; None where none does."""
    tx = bank.db.read()
    actor_hash = _actor_hash(bank, caller.app_id, request["channel"], request["actor_ref"])
    link = _of_nonce(tx, caller.app_id, _letters(bank, tx, request))
    body = {**request, "actor_ref": _NO_ACTOR, "nonce": _NO_NONCE}
    return Kept(body, {"actor_hash": actor_hash, "nonce_of": link.account_link_id if link else None})


def identity_of_confirmation(bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any]) -> list[str]:
    """Give what makes two confirmations the same, in every life of the world."""
    channel = request["channel"]
    actor_hash = _actor_hash(bank, caller.app_id, channel, request["actor_ref"])
    return [channel, actor_hash, _hash(_letters(bank, tx, request))]


# What the customer does.


def by_token(tx: Tx, token: str) -> Link | None:
    """Give the link of a page's address."""
    row = tx.one(store.BY_TOKEN, token_hash=_hash(token))
    return _link(row) if row else None


def get(tx: Tx, account_link_id: str) -> Link | None:
    """Give a link."""
    row = tx.one(store.BY_ID, account_link_id=account_link_id)
    return _link(row) if row else None


def answer(bank: Bank, world: World, account_link_id: str, customer_id: str, *, approves: bool) -> bool:
    """Keep what a signed-in customer has answered; False where it was answered before, or is too late."""
    kept = {"account_link_id": account_link_id, "customer_id": customer_id, "approves": approves}
    name = "approve_link" if approves else "refuse_link"
    with deeds.doing(bank, world, deeds.PAYER, name, lambda: kept), bank.db.act(world.world_id) as tx:
        link, now = get(tx, account_link_id), bank.now(world)
        if link is None or link.status != "AWAITING" or not link.is_open(now):
            return False
        if approves:
            _approve(bank, tx, world, link, customer_id, now)
        else:
            _end(bank, tx, world, link, now, "REFUSED")
    return True


def _approve(bank: Bank, tx: Tx, world: World, link: Link, customer_id: str, now: int) -> None:
    until = now + LIFETIME_MS
    due.cancel(tx, world, EXPIRE, link.account_link_id)
    due.schedule(tx, world, until, EXPIRE, link.account_link_id)
    letters = nonce_of(bank, link).replace("-", "")
    columns = {"customer_id": customer_id, "nonce_hash": _hash(letters), "expires_at": until}
    _change(bank, tx, world, link, now, "APPROVED", {"expires_at": until}, **columns)


def nonce_of(bank: Bank, link: Link) -> str:
    """Give the nonce of a link, 69 bits that only the bank can derive: it is shown to its customer and kept nowhere."""
    digest = sha256(oauth.mac(bank, "account-link-nonce", link.account_link_id).encode()).digest()
    number = int.from_bytes(digest)
    letters = "".join(_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(_NONCE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, _NONCE_LENGTH, 4))


def of_customer(tx: Tx, world_id: str, customer_id: str) -> list[Link]:
    """Give the links of a customer that hold, over all apps of a world, newest first."""
    rows = tx.all(store.OF_CUSTOMER, world_id=world_id, customer_id=customer_id)
    return [link for link in map(_link, rows) if link.status == "ACTIVE"]


def unlink_as_customer(bank: Bank, world: World, account_link_id: str, customer_id: str) -> bool:
    """End a link for its customer; False where it is not theirs, or does not hold."""
    kept = {"account_link_id": account_link_id, "customer_id": customer_id, "ends": True}
    with deeds.doing(bank, world, deeds.PAYER, "unlink", lambda: kept), bank.db.act(world.world_id) as tx:
        link = get(tx, account_link_id)
        if (
            link is None
            or link.status != "ACTIVE"
            or (link.world_id, link.customer_id) != (world.world_id, customer_id)
        ):
            return False
        _unlink(bank, tx, world, link, bank.now(world), "BY_CUSTOMER")
    return True


def repeat(bank: Bank, world: World, deed: Mapping[str, Any]) -> None:
    """Do again what a customer did in another life of the world."""
    account_link_id, customer_id = deed["account_link_id"], deed["customer_id"]
    if "ends" in deed:
        unlink_as_customer(bank, world, account_link_id, customer_id)
    else:
        answer(bank, world, account_link_id, customer_id, approves=deed["approves"])


def bring(bank: Bank, world: World, account_link_id: str, customer_id: str, status: str) -> None:
    """Bring a link as far as it goes towards a status, in the place of a customer and of a chat: for the sandbox."""
    now = bank.now(world)
    if status not in {"REFUSED", "EXPIRED", "FAILED"}:
        answer(bank, world, account_link_id, customer_id, approves=True)
    elif status == "REFUSED":
        answer(bank, world, account_link_id, customer_id, approves=False)
    with bank.db.act(world.world_id) as tx:
        link = get(tx, account_link_id)
        assert link is not None
        if link.is_open(now) and status == "EXPIRED":
            _end(bank, tx, world, link, now, "EXPIRED")
        elif link.is_open(now) and status == "FAILED":
            _end(bank, tx, world, link, now, "FAILED", "ACTOR_MISMATCH")
        elif link.status == "APPROVED" and link.is_open(now) and status in {"ACTIVE", "UNLINKED"}:
            _activate(bank, tx, world, link, now)
    if status == "UNLINKED":
        unlink_as_customer(bank, world, account_link_id, customer_id)


# What others ask.


def customer_of(tx: Tx, app_id: str, account_link_id: str) -> str | None:
    """Give whose an app's link is; None where the app has none such that holds."""
    link = _own(tx, app_id, account_link_id)
    return link.customer_id if link and link.status == "ACTIVE" else None


def hold(tx: Tx, app_id: str, account_link_id: str, customer_id: str) -> bool:
    """Keep an app's link from being ended until an act is over; False where it does not hold, or is another one's."""
    return tx.run(store.HOLD, id=account_link_id, app=app_id, customer=customer_id) == 1


def bind(tx: Tx, world: World, account_link_id: str, consent_id: str) -> None:
    """Let a consent end with a link, in the act that gives it and has hold of the link."""
    tx.run(store.NAME_CONSENT, id=account_link_id, to_consent_id=consent_id)
    tx.run(store.INSERT_CONSENT, consent_id=consent_id, world_id=world.world_id, account_link_id=account_link_id)


def end_of_app(bank: Bank, tx: Tx, world: World, app_id: str) -> None:
    """End every link of an app, with what was allowed through it, in the act that ends the app."""
    for row in tx.all(store.OPEN_OF_APP, app_id=app_id):
        _unlink(bank, tx, world, _link(row), bank.now(world), "BY_PARTNER")


def expire(bank: Bank, act: Due) -> None:
    """End a link that nobody has approved, or confirmed, in time."""
    with bank.db.act(act.world.world_id) as tx:
        link = get(tx, act.subject)
        if link is not None and link.status in _OPEN and not link.is_open(act.at):
            _end(bank, tx, act.world, link, act.at, "EXPIRED")


def forget_keys(bank: Bank, act: Due) -> None:
    """Forget the idempotency keys of a link, 24 hours after it has ended."""
    with bank.db.act(act.world.world_id) as tx:
        idempotency.forget(tx, act.world.world_id, act.subject)


def reset(tx: Tx, world_id: str) -> None:
    """Delete every link of a world, and every visit."""
    for statement in store.RESET:
        tx.run(statement, world_id=world_id)


# How it is kept.


def _unlink(bank: Bank, tx: Tx, world: World, link: Link, now: int, reason: str) -> str:
    if link.status == "ACTIVE":
        wire = _end(bank, tx, world, link, now, "UNLINKED", reason)
        for row in tx.all(store.CONSENTS, account_link_id=link.account_link_id):
            oauth.end_consent(bank, tx, row["consent_id"])
        return _shown(wire, link.consent_id)
    if link.status in _OPEN:
        return _end(bank, tx, world, link, now, "FAILED", reason)
    return link.shown


def _end(bank: Bank, tx: Tx, world: World, link: Link, now: int, status: str, reason: str | None = None) -> str:
    """End a link, and forget what it knew of the account, and of the customer where it never held; give its record."""
    due.cancel(tx, world, EXPIRE, link.account_link_id)
    due.schedule(tx, world, now + DAY, FORGET_KEYS, link.account_link_id)
    facts = {"status_reason": reason, "ended_at": now}
    gone = {"actor_hash": None, "actor_masked": None, "nonce_hash": None, "expires_at": None}
    whose = link.customer_id if status == "UNLINKED" else None
    return _change(bank, tx, world, link, now, status, facts, customer_id=whose, **gone)


def _change(
    bank: Bank, tx: Tx, world: World, link: Link, now: int, status: str, facts: Mapping[str, Any], **columns: Any
) -> str:
    """Keep a change with its event; give the record. facts: members of the record; columns: of the row."""
    record = link.record
    record.pop("expires_at", None)
    record |= _LINK.present({"status": status, "version": link.version + 1, **facts})
    bank.contract.check_record("AccountLink", record)
    _save(tx, link, status=status, version=link.version + 1, wire=json_text(record), **columns)
    data = {"account_link_id": link.account_link_id, "status": status, "version": link.version + 1}
    events.record(bank, tx, world, link.app_id, f"account_link.{EVENTS[status]}", data, now)
    return json_text(record)


def _save(tx: Tx, link: Link, **columns: Any) -> None:
    values = {name: getattr(link, name) for name in store.CHANGING} | columns
    changed = tx.run(
        store.CHANGE,
        id=link.account_link_id,
        seen=link.version,
        **{f"to_{name}": value for name, value in values.items()},
    )
    if changed != 1:
        raise RuntimeError("somebody else has changed it")


def _shown(wire: str, consent_id: str | None) -> str:
    return with_tail(wire, {"consent_id": consent_id} if consent_id else {})


def _own(tx: Tx, app_id: str, account_link_id: str) -> Link | None:
    link = get(tx, account_link_id)
    return link if link and link.app_id == app_id else None


def _of_actor(tx: Tx, app_id: str, channel: str, actor_hash: str) -> Link | None:
    """Give an account's link that has not ended: only such know their account."""
    row = tx.one(store.BY_ACTOR, app_id=app_id, channel=channel, actor_hash=actor_hash)
    return _link(row) if row else None


def _actor_hash(bank: Bank, app_id: str, channel: str, actor_ref: str) -> str:
    return deeds.held().get("actor_hash") or oauth.mac(bank, "account-link-actor", f"{app_id} {channel} {actor_ref}")


def _masked(request: Mapping[str, Any]) -> str:
    return deeds.held().get("actor_masked") or masked(request["actor_label"])


def _letters(bank: Bank, tx: Tx, request: Mapping[str, Any]) -> str:
    """Give the letters of a nonce, however it was typed."""
    held_by = deeds.held().get("nonce_of")
    link = get(tx, held_by) if held_by else None
    nonce = nonce_of(bank, link) if link else request["nonce"]
    return str(nonce).replace("-", "").replace(" ", "").upper()


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _link(row: Row) -> Link:
    return Link(**{name: row[name] for name in Link.__dataclass_fields__})


DUE_HANDLERS = {EXPIRE: expire, FORGET_KEYS: forget_keys}
