"""Saving a customer's accounts at billers, finding and forgetting them. Whoever calls has a token of the customer's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.billers.model import masked
from openteller_sandbox.bills import service as bills
from openteller_sandbox.db import Row, Tx
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.http.problems import field_invalid
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.model import LINKED_SCOPES, Consent
from openteller_sandbox.partners import service as partners
from openteller_sandbox.saved_billers import store
from openteller_sandbox.saved_billers.schemas import SavedBillerSchema

FORGET = "forgetSavedBiller"
"""A deed of a customer's."""
MOST = 50
"""Of one customer, for one app."""
LINKED = frozenset(LINKED_SCOPES)
"""What a consent must have in it for its app to save anything."""
_SAVED = SavedBillerSchema()


@dataclass(frozen=True, slots=True)
class SavedBiller:
    """A saved account, as only the bank knows it."""

    saved_biller_id: str
    world_id: str
    app_id: str
    customer_id: str = field(repr=False)
    biller_id: str
    account_digest: str
    inputs: dict[str, str] = field(repr=False)
    wire: str = field(repr=False)

    @property
    def label(self) -> str | None:
        """What the customer calls it."""
        label: str | None = json.loads(self.wire).get("label")
        return label


def save(bank: Bank, tx: Tx, caller: Caller, request: Mapping[str, Any], now: int) -> tuple[SavedBiller, bool]:
    """Save an account; give it, and whether it is new.

    Raises:
        Problem: BILLER_NOT_FOUND, BILLER_INACTIVE, FIELD_INVALID, FIELD_MISSING, SAVED_BILLERS_EXCEEDED.
    """
    biller = bills.payable_biller(tx, request["biller_id"], now, hours=False)
    inputs = request["inputs"]
    if not partners.is_readable(request.get("label", biller.name["en"])):
        # What the contract's pattern cannot name alike in every engine: such characters beyond U+FFFF.
        raise field_invalid("/label", "Must be a name that people can read as it is: it has an invisible character.")
    bills.check_inputs(biller, inputs, on_page=False)
    account = {"biller_id": biller.biller_id, "account_digest": bills.account_digest(caller.world, biller, inputs)}
    known = tx.one(store.BY_ACCOUNT, **_owner(caller), **account)
    if known is not None:
        return _saved(known), False
    count = tx.one(store.COUNT, **_owner(caller))
    if count is not None and count["count"] >= MOST:
        raise Problem("SAVED_BILLERS_EXCEEDED")
    facts = {
        "saved_biller_id": ids.new("svb"),
        "biller_id": biller.biller_id,
        "account_ref_masked": masked(biller.account(inputs)),
        "label": request.get("label"),
        "created_at": now,
    }
    record = _SAVED.present(facts)
    bank.contract.check_record("SavedBiller", record)
    tx.run(
        store.INSERT,
        saved_biller_id=facts["saved_biller_id"],
        world_id=caller.world.world_id,
        **_owner(caller),
        **account,
        inputs=json_text(dict(inputs)),
        wire=json_text(record),
    )
    saved = tx.one(store.BY_ACCOUNT, **_owner(caller), **account)
    assert saved is not None
    return _saved(saved), saved["saved_biller_id"] == facts["saved_biller_id"]


def find(tx: Tx, caller: Caller, saved_biller_id: str) -> SavedBiller | None:
    """Give a saved biller of the caller's customer."""
    row = tx.one(store.FIND, **_owner(caller), saved_biller_id=saved_biller_id)
    return _saved(row) if row else None


def by_id(tx: Tx, saved_biller_id: str) -> SavedBiller | None:
    """Give a saved biller to the bank itself, whoever's it is."""
    row = tx.one(store.BY_ID, saved_biller_id=saved_biller_id)
    return _saved(row) if row else None


def allowed_by(bank: Bank, tx: Tx, saved: SavedBiller) -> Consent | None:
    """Give the latest consent that allows the app to have an account saved now; None where none does."""
    given = oauth.consents_of_customer(tx, saved.world_id, saved.customer_id)
    return next((each for each in given if each.app_id == saved.app_id and _may_save(bank, each)), None)


def page(tx: Tx, caller: Caller, *, before: int | None, count: int) -> list[tuple[int, str]]:
    """Give (sequence, JSON) of the saved billers of the caller's customer, newest first."""
    rows = tx.all(store.PAGE, **_owner(caller), before=2**62 if before is None else before, count=count)
    return [(row["seq"], row["wire"]) for row in rows]


def forget(tx: Tx, caller: Caller, saved_biller_id: str) -> None:
    """Forget a saved biller of the caller's customer.

    Raises:
        Problem: NOT_FOUND.
    """
    if find(tx, caller, saved_biller_id) is None:
        raise Problem("NOT_FOUND")
    tx.run(store.DELETE, saved_biller_id=saved_biller_id)
    _forget_reminders(tx, caller.world, saved_biller_id)


def forget_as_customer(bank: Bank, world: World, saved_biller_id: str, customer_id: str) -> bool:
    """Forget a saved biller for its customer, whichever app has saved it; False where the customer has none such."""
    own = of_customer(bank.db.read(), world.world_id, customer_id)
    saved = next((each for each in own if each.saved_biller_id == saved_biller_id), None)
    if saved is None:
        return False
    kept = {"saved_biller_id": saved_biller_id, "customer_id": customer_id}
    deed = deeds.doing(bank, world, deeds.PAYER, FORGET, lambda: kept, saved.app_id)
    with deed, bank.db.act(world.world_id) as tx:
        is_forgotten = tx.run(store.DELETE, saved_biller_id=saved_biller_id) == 1
        _forget_reminders(tx, world, saved_biller_id)
    return is_forgotten


def of_customer(tx: Tx, world_id: str, customer_id: str) -> list[SavedBiller]:
    """Give all that apps have saved for a customer in a world, newest first."""
    return [_saved(row) for row in tx.all(store.OF_CUSTOMER, world_id=world_id, customer_id=customer_id)]


def hear(bank: Bank, tx: Tx, world: World, app_id: str, event_id: str, type_: str, now: int) -> None:  # noqa: ARG001
    """Forget what customers no longer allow, in the act that ends a consent, or changes what it allows."""
    if type_ in {"consent.revoked", "consent.extended"}:
        forget_unallowed(bank, tx, world, app_id)


def forget_unallowed(bank: Bank, tx: Tx, world: World, app_id: str) -> None:
    """Forget what an app has saved for customers none of whose consents allows it any more."""
    for row in tx.all(store.CUSTOMERS_OF_APP, app_id=app_id):
        given = oauth.consents_of_customer(tx, world.world_id, row["customer_id"])
        if any(each.app_id == app_id and _may_save(bank, each) for each in given):
            continue
        for saved in of_customer(tx, world.world_id, row["customer_id"]):
            if saved.app_id == app_id:
                _forget_reminders(tx, world, saved.saved_biller_id)
        tx.run(store.FORGET, app_id=app_id, customer_id=row["customer_id"])


def _forget_reminders(tx: Tx, world: World, saved_biller_id: str) -> None:
    """Forget what came of an account that is forgotten, in the same act."""
    from openteller_sandbox.reminders import service as reminders  # noqa: PLC0415 - it needs this module

    reminders.forget(tx, world, saved_biller_id)


def _may_save(bank: Bank, consent: Consent) -> bool:
    return consent.status_at(bank.clock.wall()) == "ACTIVE" and not LINKED.isdisjoint(consent.scope.split())


def reset(tx: Tx, world_id: str) -> None:
    """Forget every saved biller of a world."""
    tx.run(store.RESET, world_id=world_id)


def _owner(caller: Caller) -> dict[str, str]:
    """Name whose saved billers a caller sees: the customer's, as far as the caller's app has saved them."""
    assert caller.customer_id
    return {"app_id": caller.app_id, "customer_id": caller.customer_id}


def _saved(row: Row) -> SavedBiller:
    names = [name for name in SavedBiller.__dataclass_fields__ if name != "inputs"]
    return SavedBiller(**{name: row[name] for name in names}, inputs=json.loads(row["inputs"]))
