"""Consents: what a customer has allowed a client, until when. The root of every code and token: ended, it ends them."""

from __future__ import annotations

import json

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import DAY
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.events import service as events
from openteller_sandbox.oauth import secrecy, store
from openteller_sandbox.oauth.model import Consent
from openteller_sandbox.worlds import service as worlds

LIFETIME_MS = 180 * DAY
MOST_MS = 366 * DAY
"""The longest that a consent may last from the day on which it is given or extended: twelve months of any year."""
NOTICE_MS = 7 * DAY
"""So long before a consent ends its app is told."""
GIVE, REVOKE = "giveConsent", "endConsent"
"""Deeds of a customer's."""


def give(
    bank: Bank,
    tx: Tx,
    world: World,
    *,
    app_id: str,
    customer_id: str,
    scope: str,
    details: str,
    ago_ms: int = 0,
    lasts_ms: int = LIFETIME_MS,
) -> str:
    """Keep what a customer allows; give its identifier. details: JSON; ago_ms: how long ago it was, in bank time;
    lasts_ms: in wall time.
    """
    now, consent_id = bank.clock.wall(), ids.new("cns")
    tx.run(
        store.INSERT_CONSENT,
        consent_id=consent_id,
        world_id=world.world_id,
        app_id=app_id,
        customer_id=customer_id,
        scope=scope,
        details=details,
        status="ACTIVE",
        created_at=now,
        given_at=bank.now(world) - ago_ms,
        expires_at=now + lasts_ms,
        last_used_at=None,
        version=1,
        wakes_at=now + lasts_ms - NOTICE_MS,
    )
    return consent_id


def find(tx: Tx, consent_id: str) -> Consent | None:
    """Give a consent."""
    row = tx.one(store.FIND_CONSENT, consent_id=consent_id)
    return _consent(row) if row else None


def page(
    bank: Bank, tx: Tx, app_id: str, *, before: tuple[int, str] | None, status: str | None, count: int
) -> list[Consent]:
    """Give an app's consents, newest first, from behind one of them (by created_at and identifier)."""
    at, consent_id = before or (2**62, "")
    rows = tx.all(
        store.CONSENTS_OF_APP,
        app_id=app_id,
        before=at,
        before_id=consent_id,
        status=status or "",
        now=bank.clock.wall(),
        count=count,
    )
    return [_consent(row) for row in rows]


def of_customer(tx: Tx, world_id: str, customer_id: str) -> list[Consent]:
    """Give all that a customer has allowed in a world, newest first."""
    return [_consent(row) for row in tx.all(store.CONSENTS_OF_CUSTOMER, world_id=world_id, customer_id=customer_id)]


def use(bank: Bank, tx: Tx, consent_id: str) -> Consent | None:
    """Give a consent that is good now, and note that it was used; None where it is not good."""
    if tx.run(store.USE_CONSENT, id=consent_id, now=bank.clock.wall()) == 0:
        return None
    return find(tx, consent_id)


def revoke(bank: Bank, tx: Tx, consent_id: str) -> bool:
    """End a consent, and tell its app; False where it had ended. Its tokens are worth nothing from the next request
    on.
    """
    return _end(bank, tx, consent_id, "REVOKED")


def renewed_until(bank: Bank, before: Consent | None = None) -> int:
    """Give until when a consent lasts that is given now, or in the place of one: not shorter than that one does."""
    until = bank.clock.wall() + LIFETIME_MS
    return max(until, before.expires_at) if before else until


def change(
    bank: Bank, tx: Tx, world: World, consent_id: str, *, scope: str, details: str, expires_at: int | None = None
) -> bool:
    """Put what a customer allows now in the place of what was allowed before, and tell the app; False where it has
    ended. Every renewal, extension and amendment is this. Uses that were made still count for the mandate of the same
    place.

    A mandate that changes is waited for again; one that stays is only renewed. Where anything changes, access tokens of
    before, which may be good for more, are worth nothing; refresh tokens last as long as the consent.

    expires_at: wall time; without it as ``renewed_until`` says.
    """
    consent, now = find(tx, consent_id), bank.clock.wall()
    if consent is None:
        return False
    until = renewed_until(bank, consent) if expires_at is None else expires_at
    same_details = consent.details == json.loads(details)
    changed = tx.run(
        store.CHANGE_CONSENT,
        id=consent_id,
        now=now,
        to_scope=scope,
        to_details=details,
        to_given_at=consent.given_at if same_details else bank.now(world),
        to_expires_at=until,
        to_wakes_at=until - NOTICE_MS,
    )
    if not changed:
        return False
    if not same_details or set(scope.split()) != set(consent.scope.split()):
        tx.run(store.END_TOKENS_OF_CONSENT, app=consent.app_id, consent=consent_id)
    tx.run(store.PROLONG_REFRESH, client=consent.app_id, consent=consent_id, to_expires_at=until)
    data = {"consent_id": consent_id, "status": "ACTIVE", "version": consent.version + 1}
    events.record(bank, tx, world, consent.app_id, "consent.extended", data, bank.now(world))
    return True


def extend(bank: Bank, tx: Tx, world: World, consent: Consent, expires_at: int | None = None) -> bool:
    """Let a consent last longer, as it is; False where it has ended."""
    details = json.dumps(consent.details)
    return change(bank, tx, world, consent.consent_id, scope=consent.scope, details=details, expires_at=expires_at)


def waking(bank: Bank, tx: Tx, count: int) -> list[Consent]:
    """Give consents for which something is to be done by now, those that have waited longest first."""
    return [_consent(row) for row in tx.all(store.WAKING, now=bank.clock.wall(), count=count)]


def put_off(bank: Bank, tx: Tx, consent: Consent, by_ms: int) -> None:
    """Let wall time come back to a consent so much later than now, unless something has happened to it meanwhile."""
    values = {"id": consent.consent_id, "seen": consent.wakes_at, "to_wakes_at": bank.clock.wall() + by_ms}
    tx.run(store.PUT_OFF_WAKING, **values)


def tell_expiring(bank: Bank, tx: Tx, world: World, consent: Consent) -> bool:
    """Tell an app that a consent ends soon, once for each time at which it would; False where it was told, or the
    consent has ended or lasts longer now.
    """
    values = {"id": consent.consent_id, "seen": consent.wakes_at, "now": bank.clock.wall()}
    if tx.run(store.TELL_EXPIRING, **values) == 0:
        return False
    data = {"consent_id": consent.consent_id, "status": "ACTIVE", "version": consent.version}
    events.record(bank, tx, world, consent.app_id, "consent.expiring", data, bank.now(world))
    return True


def expire(bank: Bank, tx: Tx, consent_id: str) -> bool:
    """End a consent whose time is over, as everybody has read it since then; False where it lasts, or had ended."""
    return tx.run(store.EXPIRE_CONSENT, id=consent_id, now=bank.clock.wall()) == 1


def consume(bank: Bank, tx: Tx, consent_id: str) -> bool:
    """End a consent of which nothing is left to use."""
    return _end(bank, tx, consent_id, "CONSUMED")


def _end(bank: Bank, tx: Tx, consent_id: str, to: str) -> bool:
    if tx.run(store.END_CONSENT, id=consent_id, to_status=to) == 0:
        return False
    consent = find(tx, consent_id)
    assert consent is not None
    world = worlds.find(tx, consent.world_id)
    assert world is not None
    if to == "REVOKED":
        data = {"consent_id": consent_id, "status": to, "version": consent.version}
        events.record(bank, tx, world, consent.app_id, "consent.revoked", data, bank.now(world))
    return True


def subject(bank: Bank, partner_id: str, world_id: str, customer_id: str) -> str:
    """Name a customer to a partner: the same name each time, and another one for every other partner."""
    return f"sub_{secrecy.mac(bank, 'subject', f'{partner_id} {world_id} {customer_id}')[:26]}"


def _consent(row: Row) -> Consent:
    names = [name for name in Consent.__dataclass_fields__ if name != "details"]
    return Consent(**{name: row[name] for name in names}, details=json.loads(row["details"]))
