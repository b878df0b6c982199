"""Deciding whether a mandate allows a payment, counting its use, and paying: in one act.

What a mandate says is compared with the payment field by field. Sums are made in SQL, by the statement that counts the
use; whether it counted decides. Days, periods and the first 24 hours are bank time: a mandate is business of the bank.
Whether the consent holds is wall time, as everything of OAuth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.mandates import store, usage
from openteller_sandbox.mandates.model import COOLING_MS, PERIODS, Limit, Mandate, in_force, period
from openteller_sandbox.money import Money
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import LINKED_SCOPES, Consent
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.service import Order
from openteller_sandbox.saved_billers import service as saved_billers

usage_of_consent = usage.of_consent
MANDATE_USED = "MANDATE_USED"
"""The kind of notice that a customer gets of each use."""
_NO_LIMIT = 2**60
_EVER = ("0000-00-00", "9999-99-99")


@dataclass(frozen=True, slots=True)
class Use:
    """A use of a mandate, for the customer. amount: with its fees; used_at: bank time, epoch milliseconds."""

    consent_id: str
    app_id: str
    payment_id: str
    biller_id: str
    amount: Money
    used_at: int


@dataclass(frozen=True, slots=True)
class Paying:
    """What is about to be paid under a consent."""

    consent: Consent
    saved_biller_id: str
    biller_id: str
    total: Money
    now: int

    @property
    def day(self) -> date:
        """The day of the bank's calendar."""
        return clock.bank_date(self.now)

    @property
    def given_on(self) -> date:
        """The day on which the customer gave the consent."""
        return clock.bank_date(self.consent.given_at)

    def of(self, mandate: Mandate) -> dict[str, Any]:
        """Name a mandate of the consent in the table."""
        return {"consent_id": self.consent.consent_id, "mandate": mandate.number}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A payment that was checked, and about which the biller was asked."""

    order: Order = field(repr=False)
    saved_biller_id: str


def prepare(bank: Bank, caller: Caller, request: Mapping[str, Any], now: int) -> Prepared:
    """Check a payment and ask the biller once more; nothing is counted, and no act is open.

    Raises:
        Problem: what the mandate, the biller, the bills or the amount refuse.
    """
    tx = bank.db.read()
    saved = saved_billers.find(tx, caller, request["saved_biller_id"])
    consent = oauth.find_consent(bank, caller.consent_id)
    if consent is None or consent.status_at(bank.clock.wall()) != "ACTIVE":  # since the token was looked up
        raise Problem("CONSENT_EXPIRED")
    if saved is None:
        raise field_invalid("/saved_biller_id", "No saved biller of this customer and app.")
    covering = _covering(consent, saved.biller_id)
    order = payments.order_under_mandate(
        bank, caller, request, biller_id=saved.biller_id, inputs=saved.inputs, consent_id=consent.consent_id, now=now
    )
    paying = Paying(consent, saved.saved_biller_id, saved.biller_id, order.total, now)
    _choose(tx, covering, paying)
    payments.ask_about(bank, caller.world, order, now)
    return Prepared(order, saved.saved_biller_id)


def pay(bank: Bank, tx: Tx, caller: Caller, prepared: Prepared, now: int) -> Held:
    """Count the use, hold the money, and tell the customer.

    Raises:
        Problem: what the mandate or the customer's account no longer allows.
    """
    consent = oauth.use_consent(bank, tx, caller.consent_id)
    if consent is None:
        raise Problem("CONSENT_EXPIRED")
    if saved_billers.find(tx, caller, prepared.saved_biller_id) is None:
        raise field_invalid("/saved_biller_id", "No saved biller of this customer and app.")
    order = prepared.order
    paying = Paying(consent, prepared.saved_biller_id, order.biller_id, order.total, now)
    _count(tx, caller, _covering(consent, order.biller_id), paying, order.payment_id)
    held = payments.pay_order(bank, tx, caller, order, now)
    facts = {
        "consent_id": consent.consent_id,
        "app_id": caller.app_id,
        "payment_id": order.payment_id,
        "biller_id": order.biller_id,
        "account_ref_masked": held.payment.account_ref_masked,
        "amount": order.total.wire(),
    }
    if _is_used_up(tx, paying):
        oauth.consume_consent(bank, tx, consent.consent_id)
        saved_billers.forget_unallowed(bank, tx, caller.world, caller.app_id)
    customers.tell(tx, caller.world, caller.customer_id, MANDATE_USED, facts, now)
    return held


def uses_of_customer(tx: Tx, world_id: str, customer_id: str, count: int = 100) -> list[Use]:
    """Give the latest uses of all mandates of a customer in a world, newest first."""
    rows = tx.all(store.OF_CUSTOMER, world_id=world_id, customer_id=customer_id, count=count)
    return [
        Use(
            row["consent_id"],
            row["app_id"],
            row["payment_id"],
            row["biller_id"],
            Money.from_minor(row["amount_minor"]),
            row["used_at"],
        )
        for row in rows
    ]


def reset(tx: Tx, world_id: str) -> None:
    """Forget the uses of a world."""
    tx.run(store.RESET, world_id=world_id)


def _covering(consent: Consent, biller_id: str) -> list[Mandate]:
    """Give the mandates of a consent that name a biller.

    Raises:
        Problem: CONSENT_REQUIRED, none does.
    """
    mandates = [Mandate.read(number, detail) for number, detail in enumerate(consent.details)]
    covering = [mandate for mandate in mandates if biller_id in mandate.billers]
    if not covering:
        raise Problem("CONSENT_REQUIRED")
    return covering


def _choose(tx: Tx, covering: list[Mandate], paying: Paying) -> Mandate:
    """Give the first mandate that allows a payment.

    Raises:
        Problem: none does; what the first one refuses it for.
    """
    refusals = []
    for mandate in covering:
        refusal = _refusal(tx, mandate, paying)
        if refusal is None:
            return mandate
        refusals.append(refusal)
    raise refusals[0]


def _count(tx: Tx, caller: Caller, covering: list[Mandate], paying: Paying, payment_id: str) -> None:
    """Count a use of the first mandate that allows it. Whoever was faster has taken its place: look again."""
    while True:
        mandate = _choose(tx, covering, paying)
        counted = tx.run(
            store.USE,
            **paying.of(mandate),
            number=_used(tx, mandate, paying) + 1,
            world_id=caller.world.world_id,
            app_id=caller.app_id,
            customer_id=caller.customer_id,
            payment_id=payment_id,
            saved_biller_id=paying.saved_biller_id,
            biller_id=paying.biller_id,
            amount_minor=paying.total.minor,
            used_on=paying.day.isoformat(),
            used_at=paying.now,
            most_uses=mandate.maximum_uses or _NO_LIMIT,
            **_bounds(mandate, paying),
        )
        if counted:
            return


def _bounds(mandate: Mandate, paying: Paying) -> dict[str, Any]:
    """Give, for each kind of period, from when until when uses count, and what they may come to."""
    by_type = {limit.period_type: limit for limit in mandate.limits}
    bounds: dict[str, Any] = {}
    for period_type in PERIODS:
        since, until = _EVER
        limit = by_type.get(period_type)
        if limit:
            since, until = (day.isoformat() for day in period(limit, paying.day, paying.given_on))
        name = period_type.lower()
        most = limit.most.minor if limit else _NO_LIMIT
        bounds |= {f"{name}_since": since, f"{name}_until": until, f"{name}_most": most}
    return bounds


def _refusal(tx: Tx, mandate: Mandate, paying: Paying) -> Problem | None:
    """Say why a mandate does not allow a payment; None where it does."""
    state, usable_from = in_force(mandate, paying.consent.given_at, paying.now)
    if state == "ENDED":
        return Problem("CONSENT_EXPIRED")
    if state == "COOLING":
        return _refused("MANDATE_NOT_IN_FORCE", "COOLING", paying.consent.given_at + COOLING_MS)
    if state == "NOT_BEGUN":
        return _refused("MANDATE_NOT_IN_FORCE", "VALID_FROM", usable_from)
    most = mandate.maximum_individual_amount
    if paying.total.currency != most.currency or paying.total.amount > most.amount:
        return _refused("MANDATE_EXCEEDED", "MAXIMUM_INDIVIDUAL_AMOUNT")
    if mandate.maximum_uses is not None and _used(tx, mandate, paying) >= mandate.maximum_uses:
        return _refused("MANDATE_EXCEEDED", "MAXIMUM_USES")
    over = (_over(tx, mandate, limit, paying) for limit in mandate.limits)
    return next((refusal for refusal in over if refusal), None)


def _over(tx: Tx, mandate: Mandate, limit: Limit, paying: Paying) -> Problem | None:
    since, until = period(limit, paying.day, paying.given_on)
    spent = usage.spent(tx, paying.consent.consent_id, mandate, since, until)
    if spent + paying.total.minor <= limit.most.minor:
        return None
    ends = clock.start_of_day(until) if paying.total.minor <= limit.most.minor else None
    return _refused("MANDATE_EXCEEDED", limit.period_type, ends)


def _is_used_up(tx: Tx, paying: Paying) -> bool:
    """Tell whether nothing is left of a consent: it has no scopes but those of its mandates, which were all used as
    often as they may be.
    """
    mandates = [Mandate.read(number, detail) for number, detail in enumerate(paying.consent.details)]
    return set(paying.consent.scope.split()) <= set(LINKED_SCOPES) and all(
        each.maximum_uses is not None and _used(tx, each, paying) >= each.maximum_uses for each in mandates
    )


def _used(tx: Tx, mandate: Mandate, paying: Paying) -> int:
    return usage.times(tx, paying.consent.consent_id, mandate)


def _refused(code: str, limit: str, until: int | None = None) -> Problem:
    members = {"limit": limit} | ({"resets_at": clock.to_wire(until)} if until is not None else {})
    return Problem(code, members=members)
