"""No identifier leaves its place in the path, as the other side of a real socket sees it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sdk import doubles
from tests.sdk.doubles import APP, Server, Visit, example

from openteller import AsyncOpenTeller, OpenTeller
from openteller._core.encoding import segment
from openteller.errors import ConfigurationError

HOSTILE = {
    "../../x?y=1": "..%2F..%2Fx%3Fy%3D1",
    "..": "%2E%2E",
    ".": "%2E",
    "...": "%2E%2E%2E",
    "%2e%2e": "%252e%252e",
    "a/b": "a%2Fb",
    "/": "%2F",
    "\\..\\": "%5C..%5C",
    "a#b": "a%23b",
    "a b\r\nHost: x": "a%20b%0D%0AHost%3A%20x",
    "a;b=c": "a%3Bb%3Dc",
    "支付": "%E6%94%AF%E4%BB%98",
    "\x00": "%00",
    "pay_1:cancel": "pay_1%3Acancel",
}


def handle(visit: Visit) -> None:
    if not doubles.gives_token(visit):
        visit.answer(example("getPayment"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with doubles.serving(handle) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[OpenTeller]:
    with OpenTeller(server.url, **APP) as bank:
        yield bank


@pytest.mark.parametrize(("identifier", "written"), HOSTILE.items())
def test_an_identifier_stays_one_segment_on_the_wire(
    client: OpenTeller, server: Server, identifier: str, written: str
) -> None:
    client.payments.get(identifier)
    client.payments.cancel(identifier)

    asked, cancelled = server.lines[-2:]
    assert asked == f"GET /v1/payments/{written} HTTP/1.1"
    assert cancelled == f"POST /v1/payments/{written}:cancel HTTP/1.1"


@pytest.mark.anyio
async def test_an_identifier_stays_one_segment_for_async_programs_too(server: Server) -> None:
    async with AsyncOpenTeller(server.url, **APP) as bank:
        for identifier in HOSTILE:
            await bank.payments.get(identifier)

    assert server.lines[-len(HOSTILE) :] == [f"GET /v1/payments/{written} HTTP/1.1" for written in HOSTILE.values()]


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_a_segment_is_its_identifier_and_never_a_step(identifier: str) -> None:
    written = segment("payment_id", identifier)

    assert unquote(written) == identifier
    assert "/" not in written and "?" not in written and "#" not in written and "\\" not in written
    assert written.isascii() and written.isprintable()
    assert written.strip(".")


@pytest.mark.parametrize("identifier", ["", None, 5, b"pay_1"])
def test_an_identifier_that_is_no_text_is_refused(client: OpenTeller, server: Server, identifier: str) -> None:
    before = len(server.visits)
    with pytest.raises(ConfigurationError, match="payment_id is needed"):
        client.payments.get(identifier)

    assert len(server.visits) == before


def test_half_a_character_is_refused(client: OpenTeller) -> None:
    with pytest.raises(ConfigurationError, match="half a character"):
        client.payments.get("pay_\ud83d")
    with pytest.raises(ConfigurationError, match="half a character"):
        client.billers.list(q="\ud83d").page()
    with pytest.raises(ConfigurationError, match="half a character"):
        client.payments.create(partner_reference="\ud83d")


def test_an_address_that_no_server_takes_is_refused(client: OpenTeller) -> None:
    with pytest.raises(ConfigurationError, match="too long to be sent"):
        client.payments.get("9" * 70_000)
    with pytest.raises(ConfigurationError, match="too long to be sent"):
        client.billers.list(q="电" * 8_000).page()


@pytest.mark.parametrize(
    "path",
    [
        "v1/status",
        "//elsewhere.test/v1",
        "",
        "/v1/../x",
        "/v1/%2e%2E/x",
        "/v1/./x",
        "/v1/x?y=1",
        "/v1/x#y",
        "/v1/a b",
        "/v1/\\x",
        "/v1/{payment_id}",
        "/v1/x\r\nHost: y",
        "/v1/支付",
        "https://elsewhere.test/v1",
        "/v1/\x00",
        "/..",
    ],
)
def test_a_path_of_ones_own_cannot_lead_elsewhere(client: OpenTeller, server: Server, path: str) -> None:
    before = len(server.visits)
    with pytest.raises(ConfigurationError, match="begins with one slash"):
        client.request("GET", path)

    assert len(server.visits) == before


@pytest.mark.parametrize("path", ["/", "/v1/payments/pay_1:cancel", "/v1/a%2Fb/", "/v1/...", "/sandbox/v1/clock"])
def test_a_path_of_ones_own_goes_out_as_it_is(client: OpenTeller, server: Server, path: str) -> None:
    client.request("GET", path)

    assert server.lines[-1] == f"GET {path} HTTP/1.1"
