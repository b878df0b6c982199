"""Letting a consent last longer: an app asks, its customer answers, signed in at the bank.

    AWAITING   the customer can answer, for three days of bank time
    APPROVED   the consent lasts as long as was asked
    REFUSED    it stays as it is
    EXPIRED    nobody has answered in time, another one has taken its place, or the consent has ended

An app's token alone extends nothing. What is allowed stays as it is: a change of that goes by the authorization
endpoint, whose page shows it. Both end in one function, ``change`` of ``oauth/consents.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox import clock, ids
from openteller_sandbox.bank import Bank, Caller, Due, World
from openteller_sandbox.clock import DAY, SECOND
from openteller_sandbox.consents import store
from openteller_sandbox.consents.schemas import ConsentExtensionSchema
from openteller_sandbox.contract import Fault
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.due import service as due
from openteller_sandbox.http import Problem, idempotency, json_text
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import Consent

LIFETIME_MS = 3 * DAY
EXPIRE = "consent_extension.expire"
FORGET_KEYS = "consent_extension.forget_keys"
APPROVE, REFUSE = "approveExtension", "refuseExtension"
"""Deeds of a customer's."""
_EXTENSION = ConsentExtensionSchema()


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension as it is kept. consent_expires_at is wall time, the others are bank time; epoch milliseconds."""

    extension_id: str
    world_id: str
    app_id: str
    consent_id: str
    customer_id: str = field(repr=False)
    consent_expires_at: int
    return_url: str | None
    locale: str
    status: str
    status_reason: str | None
    created_at: int
    expires_at: int
    answered_at: int | None

    @property
    def path(self) -> str:
        """Where the customer answers."""
        return f"/customer/{self.world_id}/extensions/{self.extension_id}"


# What the app does.


def ask(bank: Bank, tx: Tx, caller: Caller, consent: Consent, request: Mapping[str, Any], now: int) -> tuple[str, str]:
    """Ask the customer of a consent; give the extension's identifier and its JSON.

    Raises:
        Problem: CONSENT_NOT_ACTIVE, EXTENSION_OUT_OF_RANGE, RETURN_URL_NOT_REGISTERED.
    """
    status = consent.status_at(bank.clock.wall())
    if status != "ACTIVE":
        raise Problem("CONSENT_NOT_ACTIVE", f"The consent is {status}: only one that is ACTIVE can be extended.")
    return_url = request.get("return_url")
    if return_url is not None and not oauth.may_return(bank, tx, caller.app_id, return_url):
        raise Problem("RETURN_URL_NOT_REGISTERED")
    until = request["consent_expires_at"]
    _check_until(bank, consent, until)
    for row in tx.all(store.AWAITING, consent_id=consent.consent_id):
        _end(tx, caller.world, _extension(row), now, "EXPIRED", "REPLACED")
    extension = Extension(
        extension_id=ids.new("cex"),
        world_id=caller.world.world_id,
        app_id=caller.app_id,
        consent_id=consent.consent_id,
        customer_id=consent.customer_id,
        consent_expires_at=until,
        return_url=return_url,
        locale=request["locale"],
        status="AWAITING",
        status_reason=None,
        created_at=now,
        expires_at=now + LIFETIME_MS,
        answered_at=None,
    )
    tx.run(store.INSERT, **{name: getattr(extension, name) for name in Extension.__dataclass_fields__})
    due.schedule(tx, caller.world, extension.expires_at, EXPIRE, extension.extension_id)
    return extension.extension_id, json_text(_record(bank, extension, consent, now))


def find_wire(bank: Bank, tx: Tx, caller: Caller, consent: Consent, extension_id: str) -> str:
    """Give an extension of a consent, as JSON.

    Raises:
        Problem: NOT_FOUND.
    """
    extension = get(tx, extension_id)
    if extension is None or extension.consent_id != consent.consent_id:
        raise Problem("NOT_FOUND")
    return json_text(_record(bank, extension, consent, bank.now(caller.world)))


def _check_until(bank: Bank, consent: Consent, asked: int) -> None:
    """Look whether a consent can last so long, in wall time; that it lasts longer is seen on the wire, in seconds.

    Raises:
        Problem: EXTENSION_OUT_OF_RANGE.
    """
    latest = bank.clock.wall() + oauth.MOST_CONSENT_MS
    if consent.expires_at // SECOND < asked // SECOND and asked <= latest:
        return
    bounds = f"later than {clock.to_wire(consent.expires_at)}, and not later than {clock.to_wire(latest)}"
    fault = Fault("body", "/consent_expires_at", "FIELD_INVALID", f"Must be {bounds}.")
    raise Problem("EXTENSION_OUT_OF_RANGE", f"A consent can last until a time that is {bounds}.", faults=[fault])


# What the customer does.


def get(tx: Tx, extension_id: str) -> Extension | None:
    """Give an extension."""
    row = tx.one(store.FIND, extension_id=extension_id)
    return _extension(row) if row else None


def of_customer(tx: Tx, world_id: str, customer_id: str) -> list[Extension]:
    """Give all that a customer was asked for in a world, newest first."""
    return [_extension(row) for row in tx.all(store.OF_CUSTOMER, world_id=world_id, customer_id=customer_id)]


def standing(bank: Bank, tx: Tx, world: World, extension: Extension) -> str:
    """Give the status of an extension as it is now."""
    return _standing(bank, extension, oauth.get_consent(tx, extension.consent_id), bank.now(world))[0]


def answer(bank: Bank, world: World, extension_id: str, customer_id: str, *, approves: bool) -> bool:
    """Keep what a signed-in customer has answered, and let the consent last longer where they agree; False where it is
    not theirs to answer, or not any more.
    """
    found = get(bank.db.read(), extension_id)
    kept = {"extension_id": extension_id, "customer_id": customer_id, "approves": approves}
    deed = deeds.doing(
        bank, world, deeds.PAYER, APPROVE if approves else REFUSE, lambda: kept, found.app_id if found else ""
    )
    with deed, bank.db.act(world.world_id) as tx:
        extension, now = get(tx, extension_id), bank.now(world)
        if extension is None or (extension.world_id, extension.customer_id) != (world.world_id, customer_id):
            return False
        consent = oauth.get_consent(tx, extension.consent_id)
        if consent is None or _standing(bank, extension, consent, now)[0] != "AWAITING":
            return False
        if approves and not oauth.extend_consent_in(bank, tx, world, consent, extension.consent_expires_at):
            return False
        _end(tx, world, extension, now, "APPROVED" if approves else "REFUSED")
    return True


def repeat(bank: Bank, world: World, deed: Mapping[str, Any]) -> None:
    """Do again what a customer has answered, in another life of the world."""
    answer(bank, world, deed["extension_id"], deed["customer_id"], approves=deed["approves"])


def renew(bank: Bank, consent_id: str) -> bool:
    """Have the customer agree to the extension that waits; without one, renew the consent. For the sandbox."""
    tx = bank.db.read()
    consent = oauth.get_consent(tx, consent_id)
    world = oauth.world_of(tx, consent) if consent else None
    if consent is None or world is None:
        return False
    for row in tx.all(store.AWAITING, consent_id=consent_id):
        if answer(bank, world, row["extension_id"], consent.customer_id, approves=True):
            return True
    return oauth.extend_consent(bank, consent_id)


# What falls due.


def expire(bank: Bank, act: Due) -> None:
    """End an extension that nobody has answered in time."""
    with bank.db.act(act.world.world_id) as tx:
        extension = get(tx, act.subject)
        if extension is not None and extension.status == "AWAITING":
            consent = oauth.get_consent(tx, extension.consent_id)
            reason = _standing(bank, extension, consent, act.at)[1] or "TIMED_OUT"
            _end(tx, act.world, extension, act.at, "EXPIRED", reason)


def forget_keys(bank: Bank, act: Due) -> None:
    """Forget the idempotency keys of an extension, 24 hours after it was final."""
    with bank.db.act(act.world.world_id) as tx:
        idempotency.forget(tx, act.world.world_id, act.subject)


def reset(tx: Tx, world_id: str) -> None:
    """Forget every extension of a world."""
    tx.run(store.RESET, world_id=world_id)


def _end(tx: Tx, world: World, extension: Extension, now: int, status: str, reason: str | None = None) -> None:
    answered_at = None if status == "EXPIRED" else now
    tx.run(store.END, id=extension.extension_id, to_status=status, to_status_reason=reason, to_answered_at=answered_at)
    due.cancel(tx, world, EXPIRE, extension.extension_id)
    due.schedule(tx, world, now + DAY, FORGET_KEYS, extension.extension_id)


def _standing(bank: Bank, extension: Extension, consent: Consent | None, now: int) -> tuple[str, str | None]:
    """Give status and reason at an instant of bank time; whether the consent holds is wall time."""
    if extension.status != "AWAITING":
        return extension.status, extension.status_reason
    if consent is None or consent.status_at(bank.clock.wall()) != "ACTIVE":
        return "EXPIRED", "CONSENT_ENDED"
    if consent.expires_at >= extension.consent_expires_at:
        return "EXPIRED", "REPLACED"
    return ("EXPIRED", "TIMED_OUT") if now >= extension.expires_at else ("AWAITING", None)


def _record(bank: Bank, extension: Extension, consent: Consent, now: int) -> dict[str, Any]:
    status, reason = _standing(bank, extension, consent, now)
    facts = {
        **{name: getattr(extension, name) for name in Extension.__dataclass_fields__},
        "status": status,
        "status_reason": reason,
        "approval_url": _url(bank, extension) if status == "AWAITING" else None,
    }
    return _EXTENSION.present(facts)


def _url(bank: Bank, extension: Extension) -> str:
    language = "?lang=en" if extension.locale == "en" else ""
    return f"{bank.settings.public_url}{extension.path}{language}"


def _extension(row: Row) -> Extension:
    return Extension(**{name: row[name] for name in Extension.__dataclass_fields__})


DUE_HANDLERS = {EXPIRE: expire, FORGET_KEYS: forget_keys}
