"""What was used of a consent's mandates, and what is left: by the sums by which payments are refused."""

from __future__ import annotations

from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Tx
from openteller_sandbox.mandates import store
from openteller_sandbox.mandates.model import Limit, Mandate, in_force, period
from openteller_sandbox.mandates.schemas import ConsentUsageSchema
from openteller_sandbox.money import Money
from openteller_sandbox.oauth.model import Consent

_USAGE = ConsentUsageSchema()


def times(tx: Tx, consent_id: str, mandate: Mandate) -> int:
    """Tell how often a mandate was used."""
    row = tx.one(store.COUNT, consent_id=consent_id, mandate=mandate.number)
    return int(row["count"]) if row else 0


def spent(tx: Tx, consent_id: str, mandate: Mandate, since: date, until: date) -> int:
    """Give what was paid under a mandate from a day to before another, in fen."""
    days = {"since": since.isoformat(), "until": until.isoformat()}
    row = tx.one(store.SPENT, consent_id=consent_id, mandate=mandate.number, **days)
    return int(row["spent"]) if row else 0


def of_consent(bank: Bank, tx: Tx, consent: Consent, now: int) -> dict[str, Any]:
    """Give the contract's ``ConsentUsage``. now: bank time, epoch milliseconds."""
    active = consent.status_at(bank.clock.wall()) == "ACTIVE"
    mandates = [Mandate.read(number, detail) for number, detail in enumerate(consent.details)]
    used = [_used(tx, consent, mandate, now, active=active) for mandate in mandates]
    return _USAGE.present({"consent_id": consent.consent_id, "mandates": used, "as_of": now})


def _used(tx: Tx, consent: Consent, mandate: Mandate, now: int, *, active: bool) -> dict[str, Any]:
    uses = times(tx, consent.consent_id, mandate)
    state, usable_from = in_force(mandate, consent.given_at, now)
    if mandate.maximum_uses is not None and uses >= mandate.maximum_uses:
        state = "USED_UP"
    elif not active:
        state = "ENDED"
    periods = [_period(tx, consent, mandate, limit, now) for limit in mandate.limits]
    most = min([mandate.maximum_individual_amount.minor, *(each["remaining"].minor for each in periods)])
    return {
        "state": state,
        "usable_from": usable_from if state in {"COOLING", "NOT_BEGUN"} else None,
        "uses": uses,
        "maximum_uses": mandate.maximum_uses,
        "maximum_individual_amount": mandate.maximum_individual_amount,
        "payable_now": Money.from_minor(most if state == "IN_FORCE" else 0),
        "periods": periods,
    }


def _period(tx: Tx, consent: Consent, mandate: Mandate, limit: Limit, now: int) -> dict[str, Any]:
    """Give what was paid in the period that is running; less may be allowed now than was paid under a limit before."""
    since, until = period(limit, clock.bank_date(now), clock.bank_date(consent.given_at))
    paid = spent(tx, consent.consent_id, mandate, since, until)
    return {
        "period_type": limit.period_type,
        "period_alignment": "CONSENT" if limit.aligned_to_consent else "CALENDAR",
        "begins_on": since,
        "resets_at": clock.start_of_day(until),
        "amount": limit.most,
        "used": Money.from_minor(paid),
        "remaining": Money.from_minor(max(0, limit.most.minor - paid)),
    }
