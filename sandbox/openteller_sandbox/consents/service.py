"""Reading, extending and ending an app's consents, and playing a customer who gives one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.billers.model import money
from openteller_sandbox.consents import extensions
from openteller_sandbox.consents import watch as watching
from openteller_sandbox.consents.schemas import ConsentSchema
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.money import Money
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import Consent, Refusal

PLAYED_AGO_MS = 25 * clock.HOUR
"""How long ago a consent was given that the sandbox plays: its mandates are in force."""
_CONSENT = ConsentSchema()

Extension = extensions.Extension
get_extension = extensions.get
standing_of_extension = extensions.standing
extensions_of_customer = extensions.of_customer
answer_extension = extensions.answer
renew = extensions.renew
reset = extensions.reset
watch = watching.watch
tell_expiring = watching.tell_expiring
DUE_HANDLERS = extensions.DUE_HANDLERS
DEEDS = (extensions.APPROVE, extensions.REFUSE, watching.EXPIRING, watching.EXPIRE)

Place = tuple[int, str]
"""Where a consent stands in a list: when it was given (wall time), and its identifier."""


def find_wire(bank: Bank, caller: Caller, consent_id: str) -> str:
    """Give a consent of the caller's app, as JSON.

    Raises:
        Problem: NOT_FOUND.
    """
    return _wire(bank, caller, own(bank, caller, consent_id))


def page(
    bank: Bank, caller: Caller, *, before: Place | None, status: str | None, customer: str | None, count: int
) -> list[tuple[Place, str]]:
    """Give (place, JSON) of the consents of the caller's app, newest first."""
    found: list[tuple[Place, str]] = []
    while len(found) < count:
        rows = oauth.consents_of_app(bank, caller.app_id, before=before, status=status, count=count)
        for consent in rows:
            before = (consent.created_at, consent.consent_id)
            if customer is None or customer == _subject(bank, caller, consent):
                found.append((before, _wire(bank, caller, consent)))
        if len(rows) < count:
            break
    return found[:count]


def revoke(bank: Bank, caller: Caller, consent_id: str) -> str:
    """End a consent of the caller's app; give it as it stands then.

    Raises:
        Problem: NOT_FOUND.
    """
    own(bank, caller, consent_id)
    oauth.revoke_consent(bank, consent_id)
    return find_wire(bank, caller, consent_id)


def own(bank: Bank, caller: Caller, consent_id: str) -> Consent:
    """Give a consent of the caller's app.

    Raises:
        Problem: NOT_FOUND.
    """
    return _own(bank.db.read(), caller, consent_id)


def ask_for_extension(
    bank: Bank, tx: Tx, caller: Caller, consent_id: str, request: Mapping[str, Any], now: int
) -> tuple[str, str]:
    """Ask the customer of a consent of the caller's app to let it last longer; give the extension's id and JSON.

    Raises:
        Problem: NOT_FOUND, CONSENT_NOT_ACTIVE, EXTENSION_OUT_OF_RANGE, RETURN_URL_NOT_REGISTERED.
    """
    return extensions.ask(bank, tx, caller, _own(tx, caller, consent_id), request, now)


def find_extension(bank: Bank, caller: Caller, consent_id: str, extension_id: str) -> str:
    """Give an extension of a consent of the caller's app, as JSON.

    Raises:
        Problem: NOT_FOUND.
    """
    tx = bank.db.read()
    return extensions.find_wire(bank, tx, caller, _own(tx, caller, consent_id), extension_id)


def repeat(bank: Bank, world: World, name: str, details: Mapping[str, Any]) -> None:
    """Do again what a customer, or wall time, has done with a consent, in another life of the world."""
    if name in {extensions.APPROVE, extensions.REFUSE}:
        extensions.repeat(bank, world, details)
    else:
        watching.repeat(bank, world, name, details)


def play(bank: Bank, caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """Have a demo customer allow the caller's app something; give the contract's ``SandboxConsent``.

    Raises:
        Problem: FIELD_INVALID, a mandate that the page would not show.
    """
    today = clock.bank_date(bank.now(caller.world))
    details = [_checked(bank, index, each, today) for index, each in enumerate(request["authorization_details"])]
    return oauth.play_consent(
        bank,
        caller,
        customer_number=request["customer_number"],
        scopes=request["scopes"],
        details=json_text(details),
        jkt=request.get("dpop_jkt"),
        ago_ms=0 if request["cooling"] else PLAYED_AGO_MS,
        lasts_ms=request["lasts_seconds"] * clock.SECOND,
    )


def _checked(bank: Bank, index: int, mandate: Mapping[str, Any], today: date) -> dict[str, Any]:
    """Check a mandate as one that a client asks for."""
    try:
        return oauth.check_mandate(bank.db.read(), _plain(mandate), today)
    except Refusal as refusal:
        raise field_invalid(f"/authorization_details/{index}", refusal.description) from refusal


def _plain(value: Any) -> Any:
    """Give what was converted as it stands in JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, Money):
        return value.wire()
    return value.isoformat() if isinstance(value, date) else value


def _own(tx: Tx, caller: Caller, consent_id: str) -> Consent:
    consent = oauth.get_consent(tx, consent_id)
    if consent is None or consent.app_id != caller.app_id:
        raise Problem("NOT_FOUND")
    return consent


def _subject(bank: Bank, caller: Caller, consent: Consent) -> str:
    return oauth.subject(bank, caller.partner_id, consent.world_id, consent.customer_id)


def _wire(bank: Bank, caller: Caller, consent: Consent) -> str:
    facts = {
        "consent_id": consent.consent_id,
        "app_id": consent.app_id,
        "customer": _subject(bank, caller, consent),
        "status": consent.status_at(bank.clock.wall()),
        "scope": consent.scope,
        "authorization_details": [_mandate(detail) for detail in consent.details],
        "created_at": consent.created_at,
        "expires_at": consent.expires_at,
        "last_used_at": consent.last_used_at,
        "version": consent.version,
    }
    return json_text(_CONSENT.present(facts))


def _mandate(detail: Mapping[str, Any]) -> dict[str, Any]:
    limits = [{**limit, "amount": money(limit["amount"])} for limit in detail["periodic_limits"]]
    days = {name: date.fromisoformat(detail[name]) for name in ("valid_from", "valid_to")}
    most = money(detail["maximum_individual_amount"])
    return {**detail, **days, "maximum_individual_amount": most, "periodic_limits": limits}
