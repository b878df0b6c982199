"""`branch.changed`, `atm.changed`, `biller.changed`: each app of each world is told once of what an import changed."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner, WallClock, make_bank, make_partner
from tests.sandbox.branches.conftest import a_branch, an_atm, seed

from openteller_sandbox import app, clock
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank, Due, World
from openteller_sandbox.due import service as due
from openteller_sandbox.imports.files import opened
from openteller_sandbox.imports.outcome import Outcome, Watch, Wish
from openteller_sandbox.partners import service as partners
from openteller_sandbox.settings import SEED_FOLDER
from openteller_sandbox.worlds import service as worlds

Record = dict[str, Any]
Bring = Callable[..., Outcome]
BILLER = json.loads(gzip.decompress((SEED_FOLDER / "billers.jsonl.gz").read_bytes()).splitlines()[0])
FEW = [
    {name: value for name, value in record.items() if name != "parent_branch_id"} for record in seed("branches")[:20]
]


@pytest.fixture(scope="module")
def own_bank(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Bank]:
    """A bank with a few of the seed's places, which these tests change."""
    folder = tmp_path_factory.mktemp("announcing")
    bank = make_bank(folder, WallClock(), engine=engine)
    import_records(bank, folder, "branches", FEW, replace=True)
    do_what_is_due(bank)
    yield bank
    bank.db.close()


@pytest.fixture(scope="module")
def anyone(own_bank: Bank) -> FlaskClient:
    return app.create_app(own_bank).test_client(use_cookies=False)


@pytest.fixture
def bring(own_bank: Bank, tmp_path: Path) -> Bring:
    return partial(import_records, own_bank, tmp_path)


def import_records(bank: Bank, folder: Path, kind: str, records: list[Record], **wish: Any) -> Outcome:
    file = folder / "file"
    file.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    with opened(str(file)) as source:
        return app.import_file(bank, kind, source, Wish(**wish), Watch())


def world_of(bank: Bank, partner: Partner) -> World:
    found = partners.find(bank.db.read(), partner.app["app_id"])
    assert found is not None
    world = worlds.find(bank.db.read(), found.world_id)
    assert world is not None
    return world


def a_new(number: int, **members: Any) -> Record:
    return a_branch(number, branch_code=f"9{number:09d}", **members)


def do_what_is_due(bank: Bank) -> None:
    while due.run_all(bank):
        pass


def told(partner: Partner, type_: str) -> list[Record]:
    return [dict(event["data"]) for event in partner.get("/v1/events", type=type_, limit=100).json["data"]]


@pytest.mark.both_engines
def test_every_app_of_every_world_is_told_once_and_asks_for_just_what_has_changed(
    own_bank: Bank, bring: Bring, anyone: FlaskClient
) -> None:
    first, stranger = make_partner(anyone), make_partner(anyone)
    second = make_partner(anyone, headers=first.headers, join="world")
    stranger.advance(seconds=3 * 86_400)
    for number, removed in ((1, 0), (2, 1)):
        gone = [a_new(1)] if removed else []
        assert bring("branches", [*FEW, a_new(number)], replace=True).added == 1
        do_what_is_due(own_bank)
        do_what_is_due(own_bank)

        heard = [told(each, "branch.changed") for each in (first, second, stranger)]
        assert heard[0] == heard[1] == heard[2]
        assert len(heard[0]) == number
        news = heard[0][-1]
        assert (news["added"], news["changed"], news["removed"]) == (1, 0, removed)
        page = anyone.get("/v1/branches", query_string={"changed_since": news["changed_since"]}).json
        assert [row["branch_code"] for row in page["data"]] == [a_new(number)["branch_code"]]
        assert [row["branch_id"] for row in page["removed"]] == [record["branch_id"] for record in gone]
    versions = [news["version"] for news in told(first, "branch.changed")]
    assert versions[1] == versions[0] + 1

    late = make_partner(anyone)
    do_what_is_due(own_bank)
    assert told(late, "branch.changed") == []


def test_machines_and_billers_are_told_as_what_they_are(own_bank: Bank, bring: Bring, anyone: FlaskClient) -> None:
    partner = make_partner(anyone)
    biller = copy.deepcopy(BILLER) | {"aliases": ["换了个名字"]}
    assert bring("atms", [an_atm(1)]).added == 1
    assert bring("billers", [biller]).changed == 1
    do_what_is_due(own_bank)

    (machines,), (billers,) = told(partner, "atm.changed"), told(partner, "biller.changed")
    page = anyone.get("/v1/atms", query_string={"changed_since": machines["changed_since"]}).json
    assert [row["atm_code"] for row in page["data"]] == [an_atm(1)["atm_code"]]
    assert (billers["added"], billers["changed"], billers["removed"]) == (0, 1, 0)
    assert "changed_since" not in billers
    assert told(partner, "branch.changed") == []


def test_who_has_changed_nothing_tells_nothing(own_bank: Bank, bring: Bring, anyone: FlaskClient) -> None:
    partner = make_partner(anyone)
    assert bring("branches", FEW).unchanged >= len(FEW)
    assert bring("branches", [a_new(5)], dry_run=True).added == 1
    assert bring("billers", [copy.deepcopy(BILLER) | {"aliases": ["另一个名字"]}], dry_run=True).changed == 1
    do_what_is_due(own_bank)
    assert [event for event in partner.events() if event["type"].endswith(".changed")] == []


@pytest.mark.both_engines
def test_an_import_that_ends_before_all_are_noted_is_none_and_one_that_is_killed_afterwards_is_told(
    own_bank: Bank, bring: Bring, anyone: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    partner, noted = make_partner(anyone), []
    make_partner(anyone)

    def killed(tx: Any, world: World, *arguments: Any) -> None:
        noted.append(world.world_id)
        if len(noted) == 2:
            raise KeyboardInterrupt
        schedule(tx, world, *arguments)

    schedule = due.schedule
    monkeypatch.setattr(due, "schedule", killed)
    with pytest.raises(KeyboardInterrupt):
        bring("branches", [a_new(6)])
    monkeypatch.setattr(due, "schedule", schedule)
    do_what_is_due(own_bank)
    assert told(partner, "branch.changed") == []
    assert anyone.get(f"/v1/branches/{a_new(6)['branch_id']}").status_code == 404

    assert bring("branches", [a_new(6)]).added == 1
    assert due.is_waiting(own_bank.db.read(), world_of(own_bank, partner), announcements.ANNOUNCED)
    do_what_is_due(own_bank)
    assert len(told(partner, "branch.changed")) == 1


def test_an_act_that_is_done_again_tells_nobody_again(own_bank: Bank, bring: Bring, anyone: FlaskClient) -> None:
    partner = make_partner(anyone)
    world = world_of(own_bank, partner)
    bring("branches", [a_new(7)])
    do_what_is_due(own_bank)
    (news,) = told(partner, "branch.changed")
    exact = news | {"changed_since": clock.parse(news["changed_since"])}
    act = Due(world, announcements.ANNOUNCED, json.dumps({"type": "branch.changed", **exact}), own_bank.now(world))
    announcements.announce(own_bank, act)
    assert told(partner, "branch.changed") == [news]


@pytest.mark.both_engines
def test_a_world_that_was_told_plays_again_the_same(own_bank: Bank, bring: Bring, anyone: FlaskClient) -> None:
    partner = make_partner(anyone)
    partner.pay_link()
    bring("branches", [a_new(8)])
    do_what_is_due(own_bank)
    partner.pay_link()
    bring("billers", [copy.deepcopy(BILLER) | {"aliases": ["又换了个名字"]}])
    partner.advance(seconds=3600)

    assert [event["type"] for event in partner.events()][:4] == [
        "payment.created",
        "branch.changed",
        "payment.created",
        "biller.changed",
    ]
    bring("branches", [a_new(9)])  # of which nobody has been told yet
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["not_repeated"], report["differences"]) == (True, [], [])


def test_the_last_import_is_told_again_where_an_app_asks_for_it(
    own_bank: Bank, bring: Bring, anyone: FlaskClient
) -> None:
    bring("branches", [a_new(10)])
    partner = make_partner(anyone)
    do_what_is_due(own_bank)
    event = partner.post("/sandbox/v1/events/branch.changed:trigger", {"new": True}, key=None).json
    assert (event["data"]["added"], event["type"]) == (1, "branch.changed")
    refused = partner.post("/sandbox/v1/events/branch.changed:trigger", {"payment_id": "pay_00000000"}, key=None)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/payment_id")


def test_a_type_of_event_that_there_is_not_is_refused_and_no_empty_list(anyone: FlaskClient) -> None:
    partner = make_partner(anyone)
    for type_ in ("foo.bar", "payment.paid", "branch.change"):
        answer = partner.get("/v1/events", type=type_)
        assert (answer.status_code, answer.json["errors"][0]["name"]) == (422, "type")
    assert partner.get("/v1/events", type="branch.changed").json["data"] == []
