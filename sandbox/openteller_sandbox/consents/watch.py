"""What wall time brings about for consents, which no test clock moves: an app is told that one ends soon, and one whose
time is over is ended, with what was saved under it.

Due acts are bank time; these are not among them. The server looks every second, as does ``openteller sandbox
dispatch``. Who of several processes is first, a conditional update decides, in the act that writes the event: one for
each time at which a consent would end.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.db import DatabaseError, EngineError, EngineUnavailable
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import Consent
from openteller_sandbox.saved_billers import service as saved_billers

log = logging.getLogger("openteller_sandbox.consents")
EXPIRING, EXPIRE = "consent.expiring", "consent.expire"
"""Deeds of the bank's."""


def watch(bank: Bank, most: int = 20) -> int:
    """Do what is to be done by now, at most so much of it; give for how many consents. What another process is at is
    left to it. A full disk or a locked database ends it, not the server: the next call tries again. A consent for which
    it cannot be done is tried again a minute later, and holds up no other.
    """
    done = 0
    try:
        if oauth.waking_consents(bank, 1):
            with bank.db.alone("consents", wait=False) as mine:
                for consent in oauth.waking_consents(bank, most) if mine else ():
                    _wake_or_put_off(bank, consent)
                    done += 1
    except (EngineError, DatabaseError) as error:
        log.error("what is told of consents waits: %s", error)  # noqa: TRY400 - it says all
    return done


def _wake_or_put_off(bank: Bank, consent: Consent) -> None:
    try:
        wake(bank, consent)
    except (EngineUnavailable, DatabaseError):
        raise  # the next one could not be done either
    except Exception as error:  # noqa: BLE001 - whatever it was, the other consents go on
        log.error("what is told of a consent failed: %s; again in 1 min", type(error).__name__)  # noqa: TRY400 - a traceback may show values
        with bank.db.act(consent.world_id) as tx:
            oauth.put_off(bank, tx, consent, MINUTE)


def wake(bank: Bank, consent: Consent) -> None:
    """Do what is to be done for a consent by now."""
    world = oauth.world_of(bank.db.read(), consent)
    assert world is not None
    over = consent.expires_at <= bank.clock.wall()
    _do(bank, world, EXPIRE if over else EXPIRING, consent)


def tell_expiring(bank: Bank, consent_id: str) -> bool:
    """Tell an app now that a consent will end, however long it lasts; False where it was told, or has ended. For the
    sandbox.
    """
    consent = oauth.get_consent(bank.db.read(), consent_id)
    world = oauth.world_of(bank.db.read(), consent) if consent else None
    return consent is not None and world is not None and _do(bank, world, EXPIRING, consent)


def repeat(bank: Bank, world: World, name: str, details: Mapping[str, Any]) -> None:
    """Do again what was done for a consent in another life of the world."""
    consent = oauth.get_consent(bank.db.read(), details["subject"])
    if consent is not None:
        _do(bank, world, name, consent)


def _do(bank: Bank, world: World, name: str, consent: Consent) -> bool:
    details = {"subject": consent.consent_id}
    deed = deeds.doing(bank, world, deeds.BANK, name, lambda: details, consent.app_id)
    with deed, bank.db.act(world.world_id) as tx:
        if name == EXPIRING:
            return oauth.tell_expiring(bank, tx, world, consent)
        expired = oauth.expire_consent(bank, tx, consent.consent_id)
        if expired:
            saved_billers.forget_unallowed(bank, tx, world, consent.app_id)
        return expired
