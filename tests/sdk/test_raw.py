"""Answers as they came, and operations that this release has no method for."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from tests.sdk.doubles import APP, BANK, Answer, answer, bank, example, refusal

from openteller import AsyncOpenTeller, OpenTeller, RawAnswer, errors
from openteller.models import App, BillFetch, Payment


def client(*script: Answer, **options: Any) -> OpenTeller:
    return OpenTeller(BANK, wsgi_app=bank(*script), **{**APP, "max_retries": 0, **options})


def test_a_raw_answer_is_the_answer_and_what_it_means() -> None:
    asked = client(answer(200, example("getPayment"), ratelimit='"app";r=9;t=1', x_request_id="rqs_1"))
    raw = asked.raw(asked.payments.get, "pay_1")

    assert isinstance(raw.parsed, Payment)
    assert (raw.status, raw.attempts, raw.request_id) == (200, 1, "rqs_1")
    assert raw.headers["ratelimit"] == '"app";r=9;t=1'
    assert raw.body.startswith(b"{")


@pytest.mark.anyio
async def test_a_raw_answer_of_an_async_program() -> None:
    app = bank(answer(200, example("getPayment")))
    async with AsyncOpenTeller(BANK, wsgi_app=app, **APP) as asked:
        raw = await asked.raw(asked.payments.get, "pay_1")
        own = await asked.request("GET", "/v1/payments/pay_1")

    assert isinstance(raw.parsed, Payment)
    assert own.parsed["payment_id"] == raw.parsed.payment_id


def test_keyword_arguments_are_passed_on() -> None:
    asked = client(answer(201, example("createPayment")))

    assert asked.raw(asked.payments.create, partner_reference="order-1").status == 200 + 1


def test_the_number_of_tries_is_told() -> None:
    asked = client(refusal(503, retryable="later", retry_after="0"), answer(200, example("getStatus")), max_retries=1)

    assert asked.raw(asked.status.get).attempts == 2


def test_of_several_answers_it_is_the_last() -> None:
    asked = client(answer(202, example("createBillFetch", "processing")), answer(200, example("getBillFetch")))
    asked._caller.sleep = lambda _: None  # type: ignore[method-assign]
    raw = asked.raw(asked.bills.fetch, biller_id="blr_1", inputs={}, end_user_ref="ref-1", wait=60)

    assert isinstance(raw.parsed, BillFetch)
    assert (raw.status, raw.parsed.status) == (200, "READY")


def test_lists_have_raw_pages() -> None:
    asked = client(answer(200, example("listBillers"), etag='"v1"'))
    raw = asked.raw(asked.billers.list().page)

    assert raw.parsed.data and raw.headers["etag"] == '"v1"'


def test_nothing_found_is_none_and_not_the_body() -> None:
    empty = example("listBillers") | {"data": []}
    asked = client(answer(200, empty))

    assert asked.raw(asked.billers.list().first).parsed is None


def test_a_method_that_sends_nothing_is_refused() -> None:
    asked = client(answer(200, example("listBillers")))
    with pytest.raises(errors.ConfigurationError, match=r"client\.raw\(client\.payments\.list\(\)\.page\)"):
        asked.raw(asked.billers.list)
    with pytest.raises(errors.ConfigurationError, match="nothing was sent"):
        asked.raw(len, "abc")


def test_an_error_is_the_error_of_the_method() -> None:
    asked = client(refusal(404, "NOT_FOUND"), answer(200, example("getStatus")))
    with pytest.raises(errors.NotFound):
        asked.raw(asked.payments.get, "pay_1")

    assert asked.status.get().services


def test_one_raw_call_does_not_see_the_next() -> None:
    asked = client(answer(200, example("getStatus")))
    first = asked.raw(asked.status.get)
    asked.status.get()

    assert asked.raw(asked.status.get) == first


def test_a_repr_shows_no_header_and_no_body() -> None:
    asked = client(answer(201, example("createApp"), set_cookie="a=secret-cookie"))
    secret = example("createApp")["client_secret"]
    raw = asked.raw(asked.sandbox.create_app, name="Bot")
    own = asked.request("POST", "/sandbox/v1/apps", body={"name": "Bot"})

    assert isinstance(raw.parsed, App) and own.parsed["client_secret"] == secret
    for shown in (repr(raw), repr(own), str(own)):
        assert secret not in shown and "secret-cookie" not in shown
    assert repr(own) == "RawAnswer(status=201, attempts=1)"


def test_a_raw_answer_survives_pickling() -> None:
    asked = client(answer(200, example("getPayment")))
    raw = asked.raw(asked.payments.get, "pay_1")
    again: RawAnswer[Payment] = pickle.loads(pickle.dumps(raw))

    assert again == raw


# --- operations without a method


def test_a_request_of_ones_own_goes_out_as_it_is() -> None:
    app = bank(answer(200, {"a": [1, "二", None]}))
    asked = OpenTeller(BANK, wsgi_app=app, **APP)
    raw = asked.request("post", "/v9/new-things", query={"x": True, "y": None}, body={"z": 1}, idempotency_key="key-1")

    assert raw.parsed == {"a": [1, "二", None]}
    environ = app.seen[0]
    assert (environ["REQUEST_METHOD"], app.addresses) == ("POST", ["/v9/new-things?x=true"])
    assert (environ["HTTP_IDEMPOTENCY_KEY"], app.bodies) == ("key-1", [b'{"z":1}'])
    assert environ["HTTP_AUTHORIZATION"] == "Bearer token-1"


def test_an_anonymous_client_may_ask_anything() -> None:
    app = bank(answer(200, {}))
    OpenTeller(BANK, wsgi_app=app).request("GET", "/v1/status")

    assert "HTTP_AUTHORIZATION" not in app.seen[0]


@pytest.mark.parametrize(("method", "key", "tries"), [("GET", None, 2), ("POST", "key-1", 2), ("POST", None, 1)])
def test_only_what_can_be_repeated_is_tried_again(method: str, key: str | None, tries: int) -> None:
    app = bank(refusal(503, retryable="later", retry_after="0"))
    with pytest.raises(errors.BankFailure) as caught:
        OpenTeller(BANK, wsgi_app=app, max_retries=1).request(method, "/v9/things", idempotency_key=key)

    assert caught.value.attempts == len(app.seen) == tries
    assert caught.value.idempotency_key == key


def test_an_answer_without_a_body_is_none() -> None:
    assert client(Answer(204, {}, b"")).request("DELETE", "/v9/things/1").parsed is None


@pytest.mark.parametrize(
    "said",
    [Answer(200, {"content-type": "text/html"}, b"<h1>"), Answer(200, {"content-type": "application/json"}, b"{")],
)
def test_an_answer_that_is_no_json_is_a_broken_answer(said: Answer) -> None:
    with pytest.raises(errors.BrokenAnswer, match="GET /v9/things: the answer is") as caught:
        client(said).request("GET", "/v9/things")

    assert caught.value.status == 200


@pytest.mark.parametrize("method", ["", "FETCH", "GET /x HTTP/1.1\r\nX:", "TRACE", "CONNECT"])
def test_a_method_that_is_none_of_https_is_refused(method: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="a method is one of DELETE, GET"):
        client(answer()).request(method, "/v1/status")
