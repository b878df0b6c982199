"""Queries are read once for all who ask the same, and those that tell of a person are forgotten."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from werkzeug import Request
from werkzeug.test import EnvironBuilder

from openteller_sandbox import contract
from openteller_sandbox.branches.routes import routes
from openteller_sandbox.http import Problem, queries
from openteller_sandbox.http.queries import Queries, Read

LIST = next(bound for bound in routes.bound if bound.operation_id == "listBranches")


@pytest.fixture
def known() -> Queries:
    return Queries(contract.load())


def _read(known: Queries, query: str) -> Read:
    received = Request(EnvironBuilder(path="/v1/branches", query_string=query).get_environ())
    return known.read(contract.load().operations["listBranches"], LIST, received)


def _kept(known: Queries) -> str:
    return repr(vars(known)["_kept"])


def test_what_is_asked_again_comes_to_the_same_whatever_was_done_with_the_first_answer(known: Queries) -> None:
    values, sent = first = _read(known, "city=%E4%B8%8A%E6%B5%B7&limit=20&open_now=true")
    assert values["city"] == "上海" and values["limit"] == 20 and values["open_now"] is True
    assert sent == {"city": "上海", "limit": "20", "open_now": "true"}
    before = (dict(values), dict(sent))
    assert "上海" in _kept(known)
    for each in first:
        each.clear()
    assert _read(known, "city=%E4%B8%8A%E6%B5%B7&limit=20&open_now=true") == before


@pytest.mark.parametrize("query", ["near=31.2304,121.4737&limit=7", "q=%E5%A4%96%E6%BB%A9", "bbox=121,31,122,32"])
def test_a_query_that_tells_of_a_person_is_not_kept(known: Queries, query: str) -> None:
    assert _read(known, query)[1]
    assert _kept(known) == "{}"


@pytest.mark.parametrize("query", ["limit=0", "city=a&city=b", "cty=310000"])
def test_what_is_refused_is_refused_again(known: Queries, query: str) -> None:
    for _ in range(2):
        with pytest.raises(Problem):
            _read(known, query)
    assert _kept(known) == "{}"


def test_what_is_kept_is_bounded(known: Queries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "_MOST", 3)
    for limit in range(1, 9):
        assert _read(known, f"limit={limit}")[0]["limit"] == limit
        assert len(vars(known)["_kept"]) <= 3
    _read(known, f"city={quote('长' * 30)}")
    assert "长" not in _kept(known)


def test_only_what_the_contract_calls_public_may_be_kept() -> None:
    operation = contract.load().operations["listBranches"]
    kinds = {parameter.name: parameter.public for parameter in operation.parameters if parameter.part == "query"}
    assert not (kinds["near"] or kinds["q"] or kinds["bbox"])
    assert kinds["city"] and kinds["limit"]
