"""Telling the apps of every world that what all worlds share is other than before.

An import runs in a process of its own, and worlds are many. So it writes, in the act with which it lets everybody read
what it has brought, one due act for each world; whoever does what is due there tells the world's apps. Killed before
that act, the import has changed nothing; after it, nobody is forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.db import Tx
from openteller_sandbox.db import facts as bank_facts
from openteller_sandbox.due import service as due
from openteller_sandbox.events import service as events
from openteller_sandbox.http import json_text
from openteller_sandbox.imports.outcome import Outcome
from openteller_sandbox.partners import service as partners
from openteller_sandbox.worlds import service as worlds

ANNOUNCED = "announcement"
BRANCHES, ATMS, BILLERS = "branch.changed", "atm.changed", "biller.changed"
_NOTHING_YET: Mapping[str, Any] = {"added": 0, "changed": 0, "removed": 0, "version": 1}


def imported(bank: Bank, tx: Tx, type_: str, outcome: Outcome, *, before: int | None = None) -> None:
    """Have every app of every world told what an import has changed, in the act that lets it be read.

    Args:
        bank: whose worlds they are.
        tx: the act.
        type_: the event.
        outcome: how many are new, other or gone; where there are none, nobody is told.
        before: since when what is changed had been as it was, for ``changed_since``.
    """
    counts = {"added": outcome.added, "changed": outcome.changed, "removed": outcome.removed}
    if not any(counts.values()):
        return
    told = counts | {"version": _last(tx, type_)["version"] + 1}
    if before is not None:
        told["changed_since"] = before
    bank_facts.put(tx, _fact(type_), json_text(told))
    subject = json_text({"type": type_, **told})
    for world in worlds.all_of(tx):
        due.schedule(tx, world, bank.now(world), ANNOUNCED, subject)


def announce(bank: Bank, act: Due) -> None:
    """Tell the apps of a world; an act that is done again finds nothing to do."""
    told = json.loads(act.subject)
    type_ = told.pop("type")
    with bank.db.act(act.world.world_id) as tx:
        if not due.cancel(tx, act.world, ANNOUNCED, act.subject):
            return
        for app_id in partners.app_ids_of_world(tx, act.world.world_id):
            events.record(bank, tx, act.world, app_id, type_, told, act.at)


def tell_again(bank: Bank, world: World, app_id: str, type_: str, now: int) -> None:
    """Tell an app once more of the last import; of none, that nothing has changed."""
    with bank.db.act(world.world_id) as tx:
        events.record(bank, tx, world, app_id, type_, _last(tx, type_), now)


def schedule_again(bank: Bank, world: World, subject: str, at: int) -> None:
    """Note in another life of a world what an import had noted in the first one, unless it waits there already."""
    with bank.db.act(world.world_id) as tx:
        if due.when(tx, world, ANNOUNCED, subject) is None:
            due.schedule(tx, world, at, ANNOUNCED, subject)


def _last(tx: Tx, type_: str) -> dict[str, Any]:
    told = bank_facts.get(tx, _fact(type_))
    return dict(json.loads(told) if told else _NOTHING_YET)


def _fact(type_: str) -> str:
    return f"announced {type_}"


DUE_HANDLERS = {ANNOUNCED: announce}
