"""Every incident ends as its row says, can be played twice in one world, and leaves the books right."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.conftest import Partner

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments.states import TRANSITIONS, Status
from openteller_sandbox.scenarios.incidents import INCIDENTS, Incident


def test_there_are_at_least_twelve_and_each_has_a_name_of_its_own(partner: Partner) -> None:
    listed = partner.get("/sandbox/v1/scenarios").json["data"]
    assert [row["name"] for row in listed] == [incident.name for incident in INCIDENTS]
    assert len({row["name"] for row in listed}) == len(listed) >= 12


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_an_incident_ends_as_its_row_says(bank: Bank, partner: Partner, incident: Incident) -> None:
    for _ in range(2):
        ran = partner.post(f"/sandbox/v1/scenarios/{incident.name}:run", key=None)
        assert ran.status_code == 200, ran.text
        assert ran.json["steps"]
        payment = partner.payment(ran.json["payment_ids"][0])
        found = (payment["status"], payment["money_at"], tuple(each["type"] for each in payment["exceptions"]))
        assert found == (incident.expected.status, incident.expected.money_at, incident.expected.exceptions)
        for payment_id in ran.json["payment_ids"]:
            moves = [Status(entry["status"]) for entry in partner.payment(payment_id)["history"]]
            assert all(to in TRANSITIONS[since] for since, to in pairwise(moves))
        for fault in partner.get("/sandbox/v1/faults").json["data"]:
            partner.client.delete(f"/sandbox/v1/faults/{fault['fault_id']}", headers=partner.headers)
    assert ledger.is_balanced(bank.db.read())
    assert sum(ledger.balances(bank.db.read(), World(partner.app["world_id"])).values()) == 0


def test_an_unknown_scenario_is_refused_with_the_list(partner: Partner) -> None:
    answer = partner.post("/sandbox/v1/scenarios/bank-run:run", key=None)
    assert answer.status_code == 404
    assert "biller-slow" in answer.json["detail"]


def test_what_was_ordered_ends_with_the_play(partner: Partner) -> None:
    partner.post("/sandbox/v1/scenarios/silent-until-reconciliation:run", key=None)
    assert partner.get("/sandbox/v1/faults").json["data"] == []
