"""Faults over real sockets: answers that are late keep nobody else waiting, and answers that are lost break off."""

from __future__ import annotations

import http.client
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.sdk.processes import MORNING, sandbox

from openteller_sandbox.partners.service import DEMO_APP_ID, DEMO_CLIENT_SECRET

AT_ONCE, DELAY_MS = 20, 2000


def call(url: str, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)) as connection:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        kind = {} if isinstance(body, bytes | None) else {"Content-Type": "application/json"}
        sent = kind | {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, data, sent)
        answer = connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    with sandbox(tmp_path_factory.mktemp("served"), "--clock", MORNING) as (url, _):
        basic = b64encode(f"{DEMO_APP_ID}:{DEMO_CLIENT_SECRET}".encode()).decode()
        form = {"Content_Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
        _, body = call(url, "POST", "/oauth/token", b"grant_type=client_credentials", **form)
        yield url, {"Authorization": f"Bearer {json.loads(body)['access_token']}"}


def test_twenty_late_answers_keep_neither_each_other_nor_anyone_else_waiting(
    served: tuple[str, dict[str, str]],
) -> None:
    """One after the other they would take 40 s. The bound is ten times what it takes."""
    url, token = served
    fault = {"match": {"operation_id": "listPayments"}, "effect": {"delay_ms": DELAY_MS}, "times": AT_ONCE}
    assert call(url, "POST", "/sandbox/v1/faults", fault, **token)[0] == 201
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        late = [pool.submit(call, url, "GET", "/v1/payments", **token) for _ in range(AT_ONCE)]
        plain = [call(url, "GET", "/v1/status")[0] for _ in range(50)]
        between = time.monotonic() - began
        assert [each.result()[0] for each in late] == [200] * AT_ONCE
    assert plain == [200] * 50
    assert between < AT_ONCE * DELAY_MS / 2000
    assert DELAY_MS / 1000 <= time.monotonic() - began < AT_ONCE * DELAY_MS / 2000


@pytest.mark.parametrize(("drop", "made"), [("BEFORE", 0), ("AFTER", 1)])
def test_an_answer_that_is_lost_breaks_off_in_the_middle(
    served: tuple[str, dict[str, str]], drop: str, made: int
) -> None:
    url, token = served
    fault = {"match": {"operation_id": "createPayment"}, "effect": {"drop": drop}, "times": 1}
    assert call(url, "POST", "/sandbox/v1/faults", fault, **token)[0] == 201
    reference = f"lost-{drop.lower()}"
    with pytest.raises(http.client.IncompleteRead):
        call(url, "POST", "/v1/payments", {"partner_reference": reference}, Idempotency_Key=reference, **token)
    _, body = call(url, "GET", f"/v1/payments?partner_reference={reference}", **token)
    assert json.loads(body)["meta"]["count"] == made
