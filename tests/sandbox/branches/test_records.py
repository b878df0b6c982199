"""One branch, one ATM: conditional GET, tokens, schemas, privacy."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner, WallClock, make_bank
from tests.sandbox.branches.conftest import seed

from openteller_sandbox.app import create_app
from openteller_sandbox.branches import service
from openteller_sandbox.branches.nearest import Point
from openteller_sandbox.branches.schemas import AtmSchema, BranchSchema
from openteller_sandbox.branches.service import Filters

BRANCH = seed("branches")[0]
ATM = seed("atms")[0]
ONE_BRANCH, ONE_ATM = f"/v1/branches/{BRANCH['branch_id']}", f"/v1/atms/{ATM['atm_id']}"
EVERY = ["/v1/branches", "/v1/branches?near=31.2,121.4", ONE_BRANCH, "/v1/atms", "/v1/atms?near=31.2,121.4", ONE_ATM]
NEXT_MINUTE = 60


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FlaskClient, WallClock]]:
    """A bank whose wall clock these tests may move."""
    wall = WallClock()
    bank = make_bank(tmp_path_factory.mktemp("moving"), wall)
    yield create_app(bank).test_client(use_cookies=False), wall
    bank.db.close()


@pytest.mark.parametrize(("path", "record"), [(ONE_BRANCH, BRANCH), (ONE_ATM, ATM)])
def test_a_record_is_its_facts_and_what_is_computed(client: FlaskClient, path: str, record: dict[str, Any]) -> None:
    found = client.get(path).json
    assert {name: found[name] for name in record} == record
    assert found.keys() - record.keys() <= {"page_url", "open_now", "next_change_at", "wait"}
    assert found["open_now"] is True


@pytest.mark.parametrize(
    "path", ["/v1/branches/brn_unknown", "/v1/branches/x", f"/v1/branches/{ATM['atm_id']}", "/v1/atms/atm_unknown"]
)
def test_what_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")


def test_a_branch_that_moved_names_the_one_that_took_over(client: FlaskClient) -> None:
    moved = next(record for record in seed("branches") if record["status"] == "RELOCATED")
    found = client.get(f"/v1/branches/{moved['branch_id']}").json
    assert (found["open_now"], "next_change_at" in found) == (False, False)
    assert client.get(f"/v1/branches/{found['moved_to']}").status_code == 200


@pytest.mark.parametrize("path", EVERY)
def test_a_copy_is_good_for_its_minute(moving: tuple[FlaskClient, WallClock], path: str) -> None:
    client, wall = moving
    first = client.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('"')

    same = client.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)

    wall.advance(NEXT_MINUTE)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_not_modified_is_said_without_looking_for_anything(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = "/v1/branches?near=31.2,121.4&q=支行"
    tag = client.get(path).headers["ETag"]

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the body was made")

    monkeypatch.setattr(service, "find", never)
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_other_filters_are_another_representation(client: FlaskClient) -> None:
    tags = {
        client.get(f"/v1/branches?{query}").headers["ETag"] for query in ("", "limit=2", "city=上海", "near=31,121")
    }
    assert len(tags) == 4


@pytest.mark.parametrize("path", EVERY)
def test_head_says_what_get_would(client: FlaskClient, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Length", "Cache-Control", "Content-Type"):
        assert head.headers[name] == get.headers[name]


def test_last_modified_is_when_the_record_changed(client: FlaskClient) -> None:
    one = parsedate_to_datetime(client.get(ONE_BRANCH).headers["Last-Modified"])
    assert one == datetime.fromisoformat(BRANCH["last_updated"]).astimezone(UTC)
    every = parsedate_to_datetime(client.get("/v1/branches").headers["Last-Modified"])
    assert every == max(datetime.fromisoformat(record["last_updated"]) for record in seed("branches"))


def test_only_an_anonymous_copy_may_be_shared(client: FlaskClient, partner: Partner) -> None:
    assert client.get(ONE_BRANCH).headers["Cache-Control"].startswith("public")
    assert partner.get(ONE_BRANCH).headers["Cache-Control"].startswith("private")


@pytest.mark.parametrize("path", EVERY)
def test_a_token_without_the_scope_is_refused_where_none_would_be_needed(
    new_partner: Callable[..., Partner], path: str
) -> None:
    reader = new_partner(scopes=["payments:read"])
    answer = reader.client.get(path, headers=reader.headers)
    assert (answer.status_code, answer.json["code"]) == (403, "INSUFFICIENT_SCOPE")
    bad = reader.client.get(path, headers={"Authorization": "Bearer nonsense"})
    assert (bad.status_code, bad.json["code"]) == (401, "TOKEN_INVALID")


def test_the_schemas_write_what_they_read(client: FlaskClient) -> None:
    """They mirror the contract; what goes out is stored, so this holds the two together."""
    for path, schema in (("/v1/branches", BranchSchema()), ("/v1/atms", AtmSchema())):
        for record in client.get(f"{path}?near=31.2,121.4&limit=20").json["data"]:
            assert schema.present(schema.load(record)) == record


def test_no_log_and_no_repr_holds_a_position_or_a_query(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/v1/branches?near=31.98765,121.43219&q=虹口")
        client.get("/v1/branches?near=31.98765,121.43219x&q=虹口")
    filters = repr(Filters(near=Point(31.98765, 121.43219), q="虹口"))
    written = caplog.text + filters
    assert caplog.records
    assert not any(secret in written for secret in ("31.98765", "121.43219", "虹口", "%E8%99%B9"))


@pytest.mark.on_sqlite
def test_no_file_of_the_bank_holds_a_position(bank: Any, client: FlaskClient) -> None:
    client.get("/v1/branches?near=31.98761,121.43217")
    folder = Path(bank.settings.database).parent
    assert not any(b"31.98761" in file.read_bytes() for file in folder.iterdir())


def test_a_problem_does_not_repeat_what_was_sent(client: FlaskClient) -> None:
    answer = client.get("/v1/branches?near=31.98765,999")
    assert answer.status_code == 422
    assert "31.98765" not in json.dumps(answer.json)
