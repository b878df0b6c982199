"""What has changed in the directory since an instant."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.conftest import Partner
from tests.sandbox.branches.conftest import Record, seed

from openteller_sandbox import clock

BOTH = [("/v1/branches", "branches", "branch_id", "branch_code"), ("/v1/atms", "atms", "atm_id", "atm_code")]


def pages(client: FlaskClient, path: str = "/v1/branches", **query: Any) -> list[Record]:
    """Every page of a list."""
    found, url, sent = [], path, query
    while url:
        answer = client.get(url, query_string=sent or None)
        assert answer.status_code == 200, answer.text
        found.append(answer.json)
        url, sent = answer.json["links"]["next"], {}
    return found


@pytest.mark.parametrize(("path", "name", "identifier", "code"), BOTH)
def test_what_changed_later_comes_in_the_order_of_when_and_once(
    client: FlaskClient, path: str, name: str, identifier: str, code: str
) -> None:
    at = {record[identifier]: (clock.parse(record["last_updated"]), record[code]) for record in seed(name)}
    since = sorted(at.values())[-60][0]
    expected = [key for when, key in sorted((when, key) for key, when in at.items()) if when[0] > since]
    found = pages(client, path, changed_since=clock.to_wire(since), limit=13)
    rows = [row[identifier] for each in found for row in each["data"]]
    assert sorted(rows, key=at.__getitem__) == rows
    assert set(rows) == set(expected) and len(rows) == len(expected) > 26
    assert all(each["removed"] == [] for each in found)


def test_the_next_question_tells_nothing_when_nothing_has_changed(client: FlaskClient) -> None:
    (last,) = pages(client, changed_since="2026-09-06T00:00:00+08:00", limit=100)[-1:]
    (after,) = pages(client, changed_since=last["next_changed_since"])
    assert (after["data"], after["removed"], after["next_changed_since"]) == ([], [], last["next_changed_since"])


def test_a_copy_is_known_by_its_tag(client: FlaskClient) -> None:
    query = {"changed_since": "2026-09-06T00:00:00+08:00", "crs": "gcj02"}
    first = client.get("/v1/branches", query_string=query)
    assert first.json["data"][0]["location"]["crs"] == "gcj02"
    again = client.get("/v1/branches", query_string=query, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(("path", "name", "identifier", "code"), BOTH)
def test_a_row_says_what_it_says_in_any_list(
    client: FlaskClient, partner: Partner, path: str, name: str, identifier: str, code: str
) -> None:
    """How long one waits too, in the lines of whoever asks: of an app its own world's."""
    query = {"changed_since": "2026-09-06T00:00:00+08:00", "limit": 40}
    for_anybody, for_app = (
        caller.get(path, query_string=query, headers=headers)
        for caller, headers in ((client, None), (client, partner.headers))
    )
    for rows, headers in ((for_anybody.json["data"], None), (for_app.json["data"], partner.headers)):
        for row in rows:
            assert row == client.get(f"{path}/{row[identifier]}", headers=headers).json
    waits = [[row.get("wait") for row in answer.json["data"]] for answer in (for_anybody, for_app)]
    assert (waits[0] != waits[1]) is (name == "branches")
    assert (for_anybody.headers["ETag"] != for_app.headers["ETag"]) is (name == "branches")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("near", "31,121"),
        ("city", "上海"),
        ("q", "支行"),
        ("open_now", "true"),
        ("bbox", "1,2,3,4"),
        ("service", "CASH"),
    ],
)
def test_filters_do_not_go_with_changes(client: FlaskClient, name: str, value: str) -> None:
    answer = client.get("/v1/branches", query_string={"changed_since": "2026-09-06T00:00:00Z", name: value})
    assert (answer.status_code, [fault["name"] for fault in answer.json["errors"]]) == (422, [name])


@pytest.mark.parametrize(
    ("value", "accept"),
    [
        ("2099-01-01T00:00:00Z", "application/json"),
        ("2026-09-06", "application/json"),
        ("2026-09-06T00:00:00", "application/json"),
        ("yesterday", "application/json"),
        ("2026-09-06T00:00:00Z", "application/geo+json"),
        ("2026-09-06T00:00:00Z", "application/x-ndjson"),
        ("2026-09-06T00:00:00Z", "text/csv"),
    ],
)
def test_what_is_no_moment_that_was_or_has_no_place_for_what_is_gone_is_refused(
    client: FlaskClient, value: str, accept: str
) -> None:
    for path in ("/v1/branches", "/v1/atms"):
        answer = client.get(path, query_string={"changed_since": value}, headers={"Accept": accept})
        assert (answer.status_code, {fault["name"] for fault in answer.json["errors"]}) == (422, {"changed_since"})


def test_a_cursor_of_another_list_is_refused(client: FlaskClient) -> None:
    after = client.get("/v1/branches").json["links"]["next"].partition("after=")[2]
    query = {"changed_since": "2026-09-06T00:00:00Z", "after": after}
    assert client.get("/v1/branches", query_string=query).status_code == 400
