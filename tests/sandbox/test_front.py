"""The short way to an operation and the one through Flask give the same answers; what is not plain takes the latter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import Client, TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.http.front import Front

CONTRACT = contracts.load()
DIFFERS = {"X-Request-Id", "RateLimit"}
REQUESTS = [
    ("GET", "/v1/status"),
    ("GET", "/v1/branches/brn_wzod52qo9pfo"),
    ("GET", "/v1/branches/brn_nobody"),
    ("GET", "/v1/branches?near=31.2304,121.4737&limit=3"),
    ("GET", "/v1/branches?limit=many"),
    ("GET", "/v1/branches?limit=1&limit=2"),
    ("GET", "/v1/rates/fx"),
    ("GET", "/v1/payments/pay_aaaa/receipt"),
    ("POST", "/v1/payments"),
    ("POST", "/v1/payments/pay_aaaa:cancel"),
    ("POST", "/v1/calculators/fx"),
]


@pytest.fixture
def front(flask_app: Flask) -> Front:
    found = flask_app.extensions["openteller"]._front
    assert isinstance(found, Front)
    return found


def told(answer: TestResponse) -> tuple[int, dict[str, str], Any]:
    body = dict((answer.json if answer.data else None) or {})
    body.pop("request_id", None)
    return answer.status_code, {name: text for name, text in answer.headers.items() if name not in DIFFERS}, body


@pytest.mark.parametrize(("method", "target"), REQUESTS)
def test_both_ways_give_the_same_answer(front: Front, method: str, target: str) -> None:
    short, long = Client(front), Client(front._beyond)

    answer = told(short.open(target, method=method))

    assert answer == told(long.open(target, method=method))
    assert "Access-Control-Allow-Origin" in answer[1]


def test_both_ways_say_not_modified_with_the_same_headers(front: Front) -> None:
    path = "/v1/branches/brn_wzod52qo9pfo"
    known = {"If-None-Match": Client(front).get(path).headers["ETag"]}

    short, long = (Client(way).get(path, headers=known) for way in (front, front._beyond))

    assert (short.status_code, short.data, told(short)) == (304, b"", told(long))
    assert "Content-Type" not in short.headers


def where(front: Front, method: str, path: str) -> str:
    """Send a request through a front with nothing behind it; tell whether it was for the short way."""
    beyond: list[str] = []

    def catch(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        beyond.append(environ["PATH_INFO"])
        start_response("404 NOT FOUND", [])
        return []

    caught = Front(catch)
    caught._fixed, caught._patterns = front._fixed, front._patterns
    Client(caught).open(path, method=method)
    return "long" if beyond else "short"


@pytest.mark.parametrize("operation", CONTRACT.operations.values(), ids=lambda operation: operation.operation_id)
def test_every_operation_has_a_short_way(front: Front, operation: contracts.Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")

    assert where(front, operation.method, path) == "short"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/v1/status"),
        ("OPTIONS", "/v1/payments"),
        ("DELETE", "/v1/payments/pay_aaaa"),
        ("GET", "/v1/branches/brn_%E4%B8%AD"),
        ("GET", "/v1/branches/brn_aaaa/"),
        ("GET", "/v1/branches/brn_aaaa%0A"),
        ("GET", "/v1//status"),
        ("GET", "/docs"),
    ],
)
def test_whatever_is_not_plain_goes_the_long_way(front: Front, method: str, path: str) -> None:
    assert where(front, method, path) == "long"
