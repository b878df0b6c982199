"""Hooks see every try of every call, and nothing of what must not be seen."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from tests.sdk.doubles import APP, BANK, CREDENTIALS, LOST, Stage, answer, bank, contract, example, operations, refusal

from openteller import AsyncOpenTeller, OpenTeller, errors, hooks
from openteller._core import catalogue
from openteller._core.call import call
from openteller._core.operation import Operation
from openteller.hooks import Answered, Event, Failed, Sending

NUMBER = "3100000011"


def watched(*script: Any, **options: Any) -> tuple[OpenTeller, list[Event]]:
    events: list[Event] = []
    given = {**APP, "max_retries": 0, "hooks": [events.append], **options}
    return OpenTeller(BANK, wsgi_app=bank(*script), **given), events


def test_a_call_tells_what_it_sends_and_what_comes() -> None:
    client, events = watched(answer(200, example("getPayment"), x_request_id="rqs_1"))
    client.payments.get("pay_1")
    asked_token, got_token, asked, got = events

    assert isinstance(asked, Sending) and isinstance(got, Answered)
    assert (asked.operation, asked.method, asked.path, asked.attempt) == (
        "getPayment",
        "GET",
        "/v1/payments/{payment_id}",
        1,
    )
    assert (got.status, got.request_id) == (200, "rqs_1") and got.seconds >= 0
    assert [event.operation for event in (asked_token, got_token)] == ["fetchToken", "fetchToken"]
    assert asked.call is got.call is not asked_token.call


@pytest.mark.anyio
async def test_async_calls_tell_the_same() -> None:
    events: list[Event] = []
    app = bank(answer(200, example("getPayment")))
    async with AsyncOpenTeller(BANK, wsgi_app=app, **APP, hooks=[events.append]) as client:
        await client.payments.get("pay_1")

    assert [type(event) for event in events] == [Sending, Answered, Sending, Answered]


def test_every_try_is_told() -> None:
    events: list[Event] = []
    stage = Stage(LOST, refusal(503, retryable="later"), answer(), taking=0.5, hooks=(events.append,))
    stage.play(call(stage.setup, catalogue.GET_STATUS))

    assert [(type(event), event.attempt) for event in events] == [
        (Sending, 1),
        (Failed, 1),
        (Sending, 2),
        (Answered, 2),
        (Failed, 2),
        (Sending, 3),
        (Answered, 3),
    ]
    failed = [event for event in events if isinstance(event, Failed)]
    assert [event.retry_in for event in failed] == [0.25, 0.5]
    assert isinstance(failed[0].error, errors.ConnectionFailed) and isinstance(failed[1].error, errors.BankFailure)
    assert next(event for event in events if isinstance(event, Answered)).seconds == 0.5
    assert len({id(event.call) for event in events}) == 1


def test_the_last_failure_is_told_as_the_last() -> None:
    client, events = watched(refusal(404, "NOT_FOUND"))
    with pytest.raises(errors.NotFound) as caught:
        client.payments.get("pay_1")

    last = events[-1]
    assert isinstance(last, Failed) and last.error is caught.value and last.retry_in is None


def test_a_refused_token_is_told_as_a_try_that_follows_at_once() -> None:
    events: list[Event] = []
    stage = Stage(refusal(401, "TOKEN_INVALID"), answer(), credentials=CREDENTIALS, hooks=(events.append,))
    stage.play(call(stage.setup, catalogue.GET_STATUS))

    assert [event.retry_in for event in events if isinstance(event, Failed)] == [0.0]


def test_what_is_personal_is_not_shown() -> None:
    client, events = watched(answer(201, example("createBillFetch")))
    client.bills.fetch(biller_id="blr_1", inputs={"account_number": NUMBER}, end_user_ref="ref-1")
    (sending,) = [event for event in events if isinstance(event, Sending) and event.operation == "createBillFetch"]

    assert sending.parameters == {"biller_id": "blr_1", "inputs": "…", "end_user_ref": "ref-1"}
    assert NUMBER not in repr(events)


def test_a_persons_place_is_not_shown() -> None:
    client, events = watched(answer(200, example("listBranches")))
    client.branches.list(near="39.91,116.40", q="我家", open_now=True).page()

    assert isinstance(events[-2], Sending)
    assert events[-2].parameters == {"near": "…", "q": "…", "open_now": True}


def test_of_a_request_of_ones_own_no_value_is_shown() -> None:
    """The client does not know which of them are personal."""
    client, events = watched(answer(201, example("createBillFetch")))
    client.request("POST", "/v1/bill-fetches", query={"a": NUMBER}, body={"inputs": {"account_number": NUMBER}})

    assert isinstance(events[-2], Sending)
    assert events[-2].parameters == {"a": "…", "inputs": "…"}
    assert NUMBER not in repr(events)


def hidden_of(operation: dict[str, Any]) -> set[str]:
    """Find what the contract calls personal or secret of an operation's parameters and members, however deep."""
    parts = contract()["components"]

    def resolved(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in node:
            return node
        kind, name = node["$ref"].split("/")[-2:]
        return {**parts[kind][name], **{key: value for key, value in node.items() if key != "$ref"}}

    def is_hidden(node: dict[str, Any]) -> bool:
        whole = resolved(node)
        if whole.get("x-sensitivity") in {"PERSONAL", "SECRET"}:
            return True
        inner = [*whole.get("properties", {}).values(), whole.get("items"), whole.get("additionalProperties")]
        return any(is_hidden(one) for one in inner if isinstance(one, dict))

    found = {resolved(one)["name"] for one in operation.get("parameters", ()) if is_hidden(one)}
    for media in operation.get("requestBody", {}).get("content", {}).values():
        found |= {name for name, node in resolved(media["schema"])["properties"].items() if is_hidden(node)}
    return found


def test_what_is_hidden_is_what_the_contract_marks() -> None:
    known = {row.name: row for row in vars(catalogue).values() if isinstance(row, Operation)}

    assert {name: row.hidden for name, row in known.items()} == {
        operation["operationId"]: hidden_of(operation) for _, _, operation in operations()
    }


def test_a_hook_that_raises_is_logged_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Event] = []

    def broken(_: Event) -> None:
        raise ZeroDivisionError

    client, _ = watched(answer(200, example("getStatus")), hooks=[broken, seen.append], client_id="app_1")
    assert client.status.get().services

    assert len(seen) == 4
    assert {record.getMessage() for record in caplog.records} == {
        "a hook failed on Sending",
        "a hook failed on Answered",
    }
    assert all(record.name == "openteller" and record.exc_info for record in caplog.records)


def test_a_hook_that_ends_the_program_does() -> None:
    def interrupts(_: Event) -> None:
        raise KeyboardInterrupt

    client, _ = watched(answer(200, example("getStatus")), hooks=[interrupts])
    with pytest.raises(KeyboardInterrupt):
        client.status.get()


def test_without_hooks_nothing_is_put_together_for_them() -> None:
    stage = Stage(answer())
    asked = []
    operation = catalogue.LIST_BRANCHES

    class Spied(dict[str, object]):
        def items(self) -> Any:
            asked.append(True)
            return super().items()

    stage.play(call(stage.setup, operation, query=Spied(q="x")))
    assert len(asked) == 1  # for the address itself


# --- the hook that writes a log


def test_log_writes_answers_as_debug_and_failures_as_warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="openteller")
    stage = Stage(LOST, answer(200, {}, x_request_id="rqs_1"), hooks=(hooks.log(),), taking=0.25)
    stage.play(call(stage.setup, catalogue.LIST_BILLERS, query={"q": "电", "city": "上海"}))

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "listBillers GET /v1/billers {'q': '电', 'city': '上海'}"),
        ("WARNING", "listBillers failed (try 1): ConnectionFailed(CONNECTION_FAILED); again in 0.2 s"),
        ("DEBUG", "listBillers GET /v1/billers {'q': '电', 'city': '上海'}"),
        ("DEBUG", "listBillers 200 in 250 ms [rqs_1]"),
    ]


def test_log_says_when_it_gives_up(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("of.my.own")
    client, _ = watched(refusal(404, "NOT_FOUND"), hooks=[hooks.log(logger)])
    with pytest.raises(errors.NotFound):
        client.payments.get("pay_1")

    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("of.my.own", "getPayment failed (try 1): NotFound(404, NOT_FOUND, rqs_of_the_problem); gave up")
    ]
