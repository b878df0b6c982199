"""Finding who an access token stands for. This module is loaded with the bank: what imports much, it imports late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.http import Problem
from openteller_sandbox.http.exchange import Proof
from openteller_sandbox.http.problems import challenge
from openteller_sandbox.oauth import clients, consents, details, keys, secrecy, store, tokens
from openteller_sandbox.oauth.model import ACCESS_SECONDS, LINKED_SCOPES, Client, Consent, Profile, Refusal
from openteller_sandbox.partners import service as partners
from openteller_sandbox.worlds import service as worlds

ACCESS_TOKEN_SECONDS = ACCESS_SECONDS[Profile.PUBLIC_DATA]

USE_NOTED_MS = MINUTE
"""How exactly the customer is told when a consent was last used: a note with each request would be a write."""

CLIENT_CHANGED, CLIENT_ENDED = clients.CHANGE, clients.END
change_client_again = clients.change_again
end_client_again = clients.end_what_it_was_allowed
ensure_secret = secrecy.ensure
mac = secrecy.mac
subject = consents.subject
ensure_signing_key = keys.ensure
rotate_signing_key = keys.rotate
published_keys = keys.published
RotationPending = keys.RotationPending
check_mandate = details.check
renewed_until = consents.renewed_until
put_off = consents.put_off
tell_expiring = consents.tell_expiring
expire_consent = consents.expire
extend_consent_in = consents.extend
get_consent = consents.find
MOST_CONSENT_MS = consents.MOST_MS
CONSENT_NOTICE_MS = consents.NOTICE_MS
CONSENT_DEEDS = (consents.GIVE, consents.REVOKE)


def find_client(bank: Bank, client_id: str) -> Client | None:
    """Give a client; None where there is none."""
    return clients.find(bank.db.read(), client_id)


def find_consent(bank: Bank, consent_id: str) -> Consent | None:
    """Give a consent, whoever's it is; None where there is none."""
    return consents.find(bank.db.read(), consent_id)


def consents_of_app(
    bank: Bank, app_id: str, *, before: tuple[int, str] | None, status: str | None, count: int
) -> list[Consent]:
    """Give what customers have allowed an app, newest first, from behind a consent (created_at, consent_id) on."""
    return consents.page(bank, bank.db.read(), app_id, before=before, status=status, count=count)


def consents_of_customer(tx: Tx, world_id: str, customer_id: str) -> list[Consent]:
    """Give all that a customer has allowed in a world, newest first."""
    return consents.of_customer(tx, world_id, customer_id)


def use_consent(bank: Bank, tx: Tx, consent_id: str) -> Consent | None:
    """Give a consent that holds now, and note that it was used; None where it does not hold."""
    return consents.use(bank, tx, consent_id)


def revoke_consent(bank: Bank, consent_id: str) -> bool:
    """End a consent and with it every token that it has led to; False where it had ended."""
    found = consents.find(bank.db.read(), consent_id)
    if found is None or found.status != "ACTIVE":
        return False
    world = worlds.find(bank.db.read(), found.world_id)
    assert world is not None
    deed = deeds.doing(bank, world, deeds.PAYER, consents.REVOKE, lambda: {"consent_id": consent_id}, found.app_id)
    with deed, bank.db.act(world.world_id) as tx:
        return consents.revoke(bank, tx, consent_id)


def extend_consent(bank: Bank, consent_id: str) -> bool:
    """Do what the page does when a customer renews a consent without changing it; False where it has ended."""
    found = consents.find(bank.db.read(), consent_id)
    world = worlds.find(bank.db.read(), found.world_id) if found else None
    if found is None or world is None:
        return False
    with bank.db.act(world.world_id) as tx:
        return consents.extend(bank, tx, world, found)


def waking_consents(bank: Bank, count: int) -> list[Consent]:
    """Give consents for which wall time has something to be done, those that have waited longest first."""
    return consents.waking(bank, bank.db.read(), count)


def world_of(tx: Tx, consent: Consent) -> World | None:
    """Give the world of a consent."""
    return worlds.find(tx, consent.world_id)


def may_return(bank: Bank, tx: Tx, app_id: str, return_url: str) -> bool:
    """Tell whether a browser may be sent to an address after one of the bank's pages: the app has registered it, to
    return to or for codes, letter for letter.
    """
    app, client = partners.find(tx, app_id), find_client(bank, app_id)
    return return_url in (*(app.return_urls if app else ()), *(client.redirect_uris if client else ()))


def repeat(bank: Bank, world: World, name: str, details: Mapping[str, Any], app_id: str) -> None:
    """Do again what a customer has done with a consent, in another life of the world."""
    from openteller_sandbox.oauth import authorization  # noqa: PLC0415 - it needs what needs this module

    if name == consents.GIVE:
        authorization.approve_again(bank, world, details, app_id)
    else:
        revoke_consent(bank, details["consent_id"])


def play_consent(
    bank: Bank,
    caller: Caller,
    *,
    customer_number: str,
    scopes: Iterable[str],
    details: str,
    jkt: str | None,
    ago_ms: int,
    lasts_ms: int = consents.LIFETIME_MS,
) -> dict[str, Any]:
    """Do what the page does when a demo customer allows an app something; give the token's answer.

    Args:
        bank: whose sandbox it is.
        caller: whose app is allowed it.
        customer_number: of a demo customer.
        scopes: what is allowed, as far as the app holds it.
        details: ``authorization_details`` that were checked, as JSON.
        jkt: of the key that the token is bound to.
        ago_ms: how long ago it was given, in bank time.
        lasts_ms: how long it lasts, in wall time.
    """
    client = clients.find(bank.db.read(), caller.app_id)
    assert client is not None
    customer = next(each for each in customers.CUSTOMERS if each.customer_number == customer_number)
    held = {*client.app.scopes, *LINKED_SCOPES}
    scope = " ".join(each for each in scopes if each in held)
    with bank.db.act(caller.world.world_id) as tx:
        consent_id = consents.give(
            bank,
            tx,
            caller.world,
            app_id=caller.app_id,
            customer_id=customer.customer_id,
            scope=scope,
            details=details,
            ago_ms=ago_ms,
            lasts_ms=lasts_ms,
        )
        answer = tokens.issue(bank, tx, client, scope, jkt, consent_id=consent_id)
    return answer | {"consent_id": consent_id}


def end_consent(bank: Bank, tx: Tx, consent_id: str) -> None:
    """End a consent with all its tokens, in the act of what it depends on."""
    consents.revoke(bank, tx, consent_id)


def consume_consent(bank: Bank, tx: Tx, consent_id: str) -> None:
    """End a consent of which nothing is left to use, in the act of its last use."""
    consents.consume(bank, tx, consent_id)


def reset(tx: Tx, world_id: str) -> None:
    """Forget what customers of a world have allowed, and what they were about to."""
    tx.run(store.RESET_INTERACTIONS, world_id=world_id)
    tx.run(store.RESET_CONSENTS, world_id=world_id)


def identify(bank: Bank, token: str, proof: Proof | None = None) -> Caller | None:
    """Find the caller that an access token stands for; None when it is unknown, expired, or not sent as its kind is.

    Args:
        bank: whose tokens they are.
        token: what was sent.
        proof: what came with it, where it was sent as DPoP and not as Bearer.

    Raises:
        Problem: DPOP_PROOF_INVALID.
    """
    found = tokens.holder(bank, token)
    if found is None or (found.jkt is None) is not (proof is None):
        return None
    if proof is None:
        if bank.settings.fapi_only:
            return None
    else:
        assert found.jkt is not None
        _check(bank, proof, token, found.jkt)
    if found.caller.consent_id and bank.clock.wall() >= found.used_at + USE_NOTED_MS:
        with bank.db.act(found.caller.world.world_id) as tx:
            consents.use(bank, tx, found.caller.consent_id)
    return found.caller


def _check(bank: Bank, proof: Proof, token: str, jkt: str) -> None:
    from openteller_sandbox.oauth import dpop  # noqa: PLC0415 - cryptography, which many starts never need

    try:
        dpop.check(bank, proof, token=token, bound_to=jkt)
    except Refusal as refusal:
        headers = {"WWW-Authenticate": challenge(bank.settings.public_url, refusal.error, "DPoP")}
        if refusal.nonce:
            headers["DPoP-Nonce"] = refusal.nonce
        raise Problem("DPOP_PROOF_INVALID", refusal.description, headers=headers) from refusal
