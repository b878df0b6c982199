"""The paths and methods of the contract are those of the server, no fewer and no more, for heads and browsers too."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from flask import Flask
from flask.testing import FlaskClient
from tests.conftest import Partner, make_partner
from tests.contract.good_requests import Good, good_requests
from tests.contract.walk import breaking_app
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank

CONTRACT = contracts.load()
OF_HTTP = {"HEAD", "OPTIONS"}
OF_THE_CONTRACT = ("/v1", "/sandbox")
PATHS = sorted({operation.path for operation in CONTRACT.operations.values()})
READS = [name for name, operation in CONTRACT.operations.items() if operation.method == "GET"]
EXPOSED = {"ETag", "Last-Modified", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"}
DIFFERS = {"X-Request-Id", "RateLimit", "Date"}
"""Headers that no two answers share."""


@pytest.fixture(scope="module")
def reader(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False))


@pytest.fixture(scope="module")
def good(bank: Bank, reader: Partner) -> dict[str, Good]:
    return good_requests(bank, reader)


def routed(app: Flask) -> Counter[tuple[str, str]]:
    """Count the rules for each (method, path in the contract's spelling)."""
    return Counter(
        (method, re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    )


def test_every_operation_has_exactly_one_route(flask_app: Flask) -> None:
    rules = routed(flask_app)
    wanted = [(operation.method, operation.path) for operation in CONTRACT.operations.values()]
    assert {place: rules[place] for place in wanted} == dict.fromkeys(wanted, 1)


def test_nothing_is_routed_that_the_contract_lacks(flask_app: Flask) -> None:
    """HEAD stands with GET, and OPTIONS with every path; there is no other."""
    found = {(method, path) for method, path in routed(flask_app) if path.startswith(OF_THE_CONTRACT)}
    operations = {(operation.method, operation.path) for operation in CONTRACT.operations.values()}
    heads = {("HEAD", path) for method, path in operations if method == "GET"}
    assert found == operations | heads | {("OPTIONS", path) for path in PATHS}


def test_the_metadata_and_token_endpoints_are_where_the_contract_says(client: FlaskClient) -> None:
    token_url = CONTRACT.at("/components/securitySchemes/oauth/flows/clientCredentials/tokenUrl")
    metadata = client.get("/.well-known/oauth-authorization-server").json
    assert metadata["token_endpoint"] == f"{metadata['issuer']}{token_url}"
    flows = CONTRACT.at("/components/securitySchemes/oauth/flows")
    scopes = flows["clientCredentials"]["scopes"] | flows["authorizationCode"]["scopes"]
    assert metadata["scopes_supported"] == list(scopes)


@pytest.mark.parametrize("operation_id", READS)
def test_head_answers_as_get_does_without_a_body(operation_id: str, reader: Partner, good: dict[str, Good]) -> None:
    read = good[operation_id].send(reader)
    head = good[operation_id].send(reader, method="HEAD")
    assert head.status_code == read.status_code == 200
    assert head.data == b""
    kept = {name: value for name, value in read.headers.items() if name not in DIFFERS}
    if operation_id != "listRequests":  # which lists the first of the two
        assert {name: value for name, value in head.headers.items() if name not in DIFFERS} == kept


@pytest.mark.parametrize("path", PATHS)
def test_a_browser_may_ask_before_it_calls(path: str, client: FlaskClient) -> None:
    asks = {
        "Origin": "https://bot.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    answer = client.options(re.sub(r"\{[a-z_]+\}", "any_thing", path), headers=asks)
    methods = {operation.method for operation in CONTRACT.operations.values() if operation.path == path}
    assert answer.status_code == 204
    assert answer.data == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert listed(answer, "Access-Control-Allow-Methods") >= methods
    assert listed(answer, "Access-Control-Allow-Methods") == listed(answer, "Allow")
    sent = {"Authorization", "Content-Type", "DPoP", "Idempotency-Key", "If-None-Match"}
    assert listed(answer, "Access-Control-Allow-Headers") == sent


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_any_origin_may_read_an_answer_and_a_refusal(operation_id: str, reader: Partner, good: dict[str, Good]) -> None:
    request = good[operation_id]
    origin = {"Origin": "https://bot.example"}
    answers = [
        request.send(reader, headers=request.headers(reader.headers) | origin),
        request.send(reader, headers={"Authorization": "Bearer ota_unknown"} | origin),
        request.send(reader, query_string={"surplus": "1"}, headers=request.headers(reader.headers) | origin),
        request.send(reader, method="PUT"),
    ]
    assert [answer.status_code for answer in answers[1:]] == [401, 400, 405]
    for answer in answers:
        assert_readable(answer)


def test_any_origin_may_read_what_went_wrong_on_our_side(bank: Bank, reader: Partner, good: dict[str, Good]) -> None:
    broken = Partner(breaking_app(bank).test_client(), reader.app, reader.headers)
    answer = good["listBillers"].send(broken)
    assert answer.status_code == 500
    assert_readable(answer)


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/", "/sandbox/v1/nothing", "/v1/payments/", "/v1//billers", "/oauth/token"]
)
def test_any_origin_may_read_that_there_is_nothing(path: str, client: FlaskClient) -> None:
    answer = client.get(path)
    assert answer.status_code == (405 if path == "/oauth/token" else 404)
    CONTRACT.check_component("Problem", answer.json)
    assert_readable(answer)


def assert_readable(answer: TestResponse) -> None:
    assert answer.headers.getlist("Access-Control-Allow-Origin") == ["*"]
    assert listed(answer, "Access-Control-Expose-Headers") >= EXPOSED
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert answer.headers["X-Request-Id"].startswith("rqs_")


def listed(answer: TestResponse, header: str) -> set[str]:
    return {name.strip() for name in answer.headers[header].split(",")}
