"""Faults, triggers, scenarios, drills and the log from the command line."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest
from tests.sdk import processes
from tests.sdk.cli.conftest import Counter

from openteller_sandbox.scenarios.incidents import INCIDENTS


@pytest.fixture(scope="module")
def drilled(new_counter: Callable[..., Counter]) -> Counter:
    """One world for all drills: none is in the way of another."""
    return new_counter()


@pytest.mark.parametrize("name", [incident.name for incident in INCIDENTS])
def test_a_drill_tells_its_story_and_ends_well(drilled: Counter, name: str) -> None:
    done = drilled.run("drill", name)

    assert done.exit_code == 0, done.output
    assert "Reaction: " in done.stdout
    checks = re.findall(r"^(.+?)  +(ok|FAILED)$", done.stdout, re.MULTILINE)
    assert len(checks) >= 6
    assert {held for _, held in checks} == {"ok"}


def test_a_drill_that_ends_otherwise_says_which_check_and_ends_with_one(new_counter: Callable[..., Counter]) -> None:
    """A fault stands in the way: the biller rejects what the drill expects it to post."""
    counter = new_counter()
    counter.table("faults", "create", "--leg", "post", "--status", "500")
    done = counter.run("drill", "biller-slow")

    assert done.exit_code == 1
    assert re.search(r"^the payment is succeeded +FAILED$", done.stdout, re.MULTILINE)
    assert done.stderr.endswith("Error: the incident did not end as it should\n")


def test_drills_are_listed_and_one_that_is_not_there_is_refused(counter: Counter) -> None:
    listed = counter.table("drill", "--list")

    assert [line.split()[0] for line in listed.splitlines()[1:]] == [incident.name for incident in INCIDENTS]
    assert counter.table("drill") == listed == counter.table("scenarios", "list")
    done = counter.run("drill", "bank-run")
    assert (done.exit_code, "openteller drill --list" in done.stderr) == (2, True)


def test_a_drill_can_be_read_by_a_program(counter: Counter) -> None:
    found = counter.json("drill", "biller-slow")

    assert all(check["held"] for check in found["checks"])
    assert found["run"]["steps"]


def test_a_scenario_is_played(counter: Counter) -> None:
    assert re.search(r"PAYER +signs in", counter.table("scenarios", "run", "biller-slow"))


def test_faults_are_ordered_listed_and_taken_away(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter()
    until = ("--until", "2026-12-01T00:00:00+08:00")
    fault = counter.json("faults", "create", "--operation", "createPayment", "--code", "RATE_LIMITED", *until)
    counter.table("faults", "create", "--path", "/pay/*", "--delay-ms", "1500", "--probability", "0.5", "--times", "3")
    counter.table("faults", "create", "--leg", "query", "--drop", "BEFORE")

    shown = counter.table("faults", "list")

    assert re.search(r"createPayment +RATE_LIMITED +0 +2026-12-01 00:00", shown), shown
    assert re.search(r"/pay/\* +after 1500 ms at 0\.5 +0 +3", shown), shown
    assert re.search(r"query +lost before", shown), shown
    assert counter.json("faults", "delete", fault["fault_id"])["hits"] == 0
    assert len(counter.json("faults", "list")["data"]) == 2
    outages = counter.table("outages", "--limit", "1")
    assert re.search(r"^KIND +STATUS +FROM +TO +EFFECT +BILLER$", outages, re.MULTILINE)


def test_an_event_is_triggered_on_a_payment_or_a_new_one(counter: Counter) -> None:
    payment = counter.json("payments", "create", "--category", "GAS")["payment_id"]

    assert payment in counter.table("trigger", "payment.unknown", "--payment", payment)
    assert counter.json("payments", "show", payment)["status"] == "unknown"
    assert counter.json("trigger", "payment.expired")["type"] == "payment.expired"
    refused = counter.run("trigger", "payment.created", "--payment", payment)
    assert (refused.exit_code, "INVALID_TRANSITION" in refused.stderr) == (1, True)


def test_the_log_shows_what_was_asked(counter: Counter) -> None:
    for _ in range(5):
        counter.run("payments", "show", "pay_zzzzzzzz")
    lines = counter.table("logs", "--limit", "5").splitlines()

    assert re.search(r"404  GET +/v1/payments/\{payment_id\} +[0-9]+ ms  NOT_FOUND  rqs_", lines[-1])
    assert len(lines) == 5
    newest = counter.table("logs", "--limit", "1", "--json").splitlines()
    assert [json.loads(line)["operation_id"] for line in newest] == ["listRequests"]


def test_the_log_is_followed_until_ctrl_c(counter: Counter, tmp_path: Any) -> None:
    variables = {"OPENTELLER_BASE_URL": counter.url, "OPENTELLER_CREDENTIALS": str(counter.file)}
    counter.json("status")
    with processes.running("logs", "--follow", "--json", cwd=tmp_path, env=variables) as running:
        running.read_until("getStatus")
        counter.json("payments", "list", "--reference", "followed")
        running.read_until("listPayments")
        code, _ = running.end(signal.SIGINT)
    assert code == 0
