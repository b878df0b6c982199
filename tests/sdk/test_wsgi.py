"""A WSGI application as the bank: nothing but a function call between them."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any
from wsgiref.validate import validator

import pytest
from tests.sdk.doubles import APP, BANK, Bank, Wsgi, answer, bank, example

from openteller import AsyncOpenTeller, Money, OpenTeller, errors

STATUS = json.dumps(example("getStatus")).encode()
JSON = ("Content-Type", "application/json")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a socket was connected")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def told(app: Wsgi, **options: Any) -> Any:
    with OpenTeller(BANK, wsgi_app=app, max_retries=0, **options) as client:
        return client.status.get()


def test_what_the_application_is_asked() -> None:
    app = bank(answer(200, example("createPayment")))
    with OpenTeller("https://bank.test:8443/api", wsgi_app=app, **APP) as client:
        client.payments.create(partner_reference="订单-1", amount=Money("1.50"), idempotency_key="key-1")
    environ = app.seen[0]

    assert environ["REQUEST_METHOD"] == "POST"
    assert environ["PATH_INFO"] == "/api/v1/payments"
    assert (environ["SCRIPT_NAME"], environ["QUERY_STRING"]) == ("", "")
    assert environ["REQUEST_URI"] == "/api/v1/payments"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"], environ["HTTP_HOST"]) == (
        "bank.test",
        "8443",
        "bank.test:8443",
    )
    assert environ["wsgi.url_scheme"] == "https"
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("application/json", str(len(app.bodies[0])))
    assert environ["HTTP_AUTHORIZATION"] == "Bearer token-1"
    assert environ["HTTP_IDEMPOTENCY_KEY"] == "key-1"
    assert "HTTP_ACCEPT_ENCODING" not in environ
    assert json.loads(app.bodies[0]) == {
        "partner_reference": "订单-1",
        "amount": {"amount": "1.50", "currency": "CNY"},
    }


@pytest.mark.parametrize("amount", ["50", 50, Decimal(50)])
def test_an_amount_without_a_currency_is_refused_with_how_to_write_it(amount: Any) -> None:
    with OpenTeller(BANK, wsgi_app=bank(), **APP) as client:
        with pytest.raises(errors.ConfigurationError, match=r'^amount is Money, with a currency: Money\("50"\)'):
            client.payments.create(partner_reference="order-1", amount=amount)
        with pytest.raises(errors.ConfigurationError, match="upfront_fee is Money"):
            client.calculators.loan(product_code="CAR", amount=Money(1), term="P1Y", upfront_fee=amount)


def test_a_path_comes_decoded_as_servers_give_it() -> None:
    app = bank(answer(200, example("getPayment")))
    with OpenTeller(BANK, wsgi_app=app, **APP) as client:
        client.payments.get("支付/1?x")

    assert app.seen[0]["PATH_INFO"].encode("latin-1").decode() == "/v1/payments/支付/1?x"
    assert app.seen[0]["REQUEST_URI"] == "/v1/payments/%E6%94%AF%E4%BB%98%2F1%3Fx"


def test_a_query_comes_encoded() -> None:
    app = bank(answer(200, example("listBranches")))
    with OpenTeller(BANK, wsgi_app=app) as client:
        client.branches.list(near=(39.91, -116.4), open_now=True, q="国贸 &", limit=3).page()

    assert app.seen[0]["QUERY_STRING"] == "near=39.91%2C-116.4&q=%E5%9B%BD%E8%B4%B8+%26&open_now=true&limit=3"


def test_both_sides_keep_to_the_protocol() -> None:
    """As the standard library's own validator sees it (PEP 3333)."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [JSON])
        return [STATUS]

    assert told(validator(app)).services


def test_a_body_may_come_in_every_way_of_the_protocol() -> None:
    closed = []

    class Pieces:
        def __init__(self, start: Callable[[], Any]) -> None:
            self.start = start

        def __iter__(self) -> Iterator[bytes]:
            self.start()  # only when the first piece is asked for
            yield STATUS[10:]

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        def start() -> None:
            start_response("200 OK", [JSON])(STATUS[:10])

        return Pieces(start)

    assert told(app).services
    assert closed == [True]


def test_an_answer_that_was_begun_anew_is_the_last_one() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [JSON])
        start_response("404 Not Found", [("Content-Type", "text/plain")], (None, None, None))
        return [b""]

    with pytest.raises(errors.NotFound):
        told(app)


@pytest.mark.parametrize(
    ("status", "headers", "body", "says"),
    [
        ("200 OK", [JSON, ("Content-Length", "999")], STATUS[:20], "shorter than its Content-Length"),
        ("200 OK", [JSON, ("Content-Length", "many")], STATUS, "no number"),
        ("fine", [JSON], STATUS, "no number"),
        ("", [JSON], STATUS, "no number"),
        (None, [], b"", "never called start_response"),
    ],
)
def test_an_application_that_answers_badly(
    status: str | None, headers: list[tuple[str, str]], body: bytes, says: str
) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if status is not None:
            start_response(status, headers)
        return [body]

    with pytest.raises(errors.TransportError, match=says) as caught:
        told(app)
    assert caught.value.__cause__ is None and caught.value.__context__ is None


def test_a_head_has_a_length_and_no_body() -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [JSON, ("Content-Length", "999")])
        return []

    with OpenTeller(BANK, wsgi_app=app) as client:
        raw = client.request("HEAD", "/v1/status")

    assert (raw.parsed, raw.headers["content-length"]) == (None, "999")


def test_what_the_application_raises_comes_through() -> None:
    """A test wants to see the fault of its own bank, not an error about it."""
    closed = []

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            raise ZeroDivisionError

        def close(self) -> None:
            closed.append(True)

    with pytest.raises(ZeroDivisionError):
        told(lambda environ, start_response: Broken())
    assert closed == [True]


@pytest.mark.anyio
async def test_async_programs_too() -> None:
    app = bank(answer(200, example("getStatus")))
    async with AsyncOpenTeller(BANK, wsgi_app=app, **APP) as client:
        assert (await client.status.get()).services
    assert app.tokens == 1


def test_no_scheme_of_another_machine_is_refused_when_nothing_leaves() -> None:
    app = Bank([answer(200, example("getStatus"))])

    with OpenTeller("http://bank.test", wsgi_app=app) as client:
        assert client.status.get().services
