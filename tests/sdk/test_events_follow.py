"""Following events, and waiting for a bill: each waits as it says, and loses nothing."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from tests.sdk.doubles import APP, BANK, Answer, SteadyClock, answer, bank, example, refusal

from openteller import AsyncOpenTeller, OpenTeller, errors

EVENT = example("listEvents")["data"][0]


def page(*names: str, following: str | None = None) -> Answer:
    links = {"self": "/v1/events", "next": following, "prev": None}
    meta = {"as_of": "2026-09-29T10:30:00+08:00", "count": len(names)}
    return answer(200, {"data": [EVENT | {"event_id": name} for name in names], "links": links, "meta": meta})


def client(*script: Answer) -> tuple[OpenTeller, Any, list[float]]:
    """Give a client whose pauses take no time, its bank, and the pauses."""
    app = bank(*script)
    made = OpenTeller(BANK, wsgi_app=app, max_retries=0, **APP)
    pauses: list[float] = []
    made._caller.driver.sleep = pauses.append  # type: ignore[method-assign]
    return made, app, pauses


def test_following_reads_to_the_end_and_then_waits_for_more() -> None:
    asked, app, pauses = client(
        page("evt_1", "evt_2", following="/v1/events?after=evt_2"), page("evt_3"), page(), page(), page("evt_4")
    )
    events = asked.events.follow(interval=5, type="payment.succeeded")

    assert [event.event_id for event in islice(events, 4)] == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert pauses == [5, 5, 5]
    of_type = "type=payment.succeeded&limit=100"
    assert app.addresses == [
        f"/v1/events?{of_type}",
        f"/v1/events?after=evt_2&{of_type}",
        *[f"/v1/events?after=evt_3&{of_type}"] * 3,
    ]


def test_following_begins_after_the_event_that_was_handled_last() -> None:
    asked, app, pauses = client(page(), page("evt_9"))

    assert next(iter(asked.events.follow(after="evt_8"))).event_id == "evt_9"
    assert app.addresses == ["/v1/events?after=evt_8&limit=100"] * 2
    assert pauses == [2.0]


def test_an_error_does_not_lose_an_event() -> None:
    asked, app, pauses = client(page("evt_1"), refusal(503), page("evt_2"))
    events = iter(asked.events.follow())
    assert next(events).event_id == "evt_1"
    with pytest.raises(errors.BankFailure):
        next(events)

    assert next(events).event_id == "evt_2"
    assert app.addresses[1:] == ["/v1/events?after=evt_1&limit=100"] * 2
    assert len(pauses) == 1


@pytest.mark.anyio
async def test_async_following_can_be_left_at_any_event() -> None:
    app = bank(page("evt_1", "evt_2"), page(), page("evt_3"), page("evt_4"))
    pauses: list[float] = []
    async with AsyncOpenTeller(BANK, wsgi_app=app, **APP) as asked:

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)

        asked._caller.driver.sleep = sleep  # type: ignore[method-assign]
        seen = []
        async for event in asked.events.follow(interval=0.5):
            seen.append(event.event_id)
            if event.event_id == "evt_3":
                break

    assert seen == ["evt_1", "evt_2", "evt_3"]
    assert pauses == [0.5, 0.5]


@pytest.mark.parametrize("interval", [0, -1, float("nan")])
def test_an_interval_that_would_not_wait_is_refused(interval: float) -> None:
    asked, app, _ = client(page())
    with pytest.raises(errors.ConfigurationError, match="interval is a number of seconds above 0"):
        asked.events.follow(interval=interval)

    assert app.seen == []


# --- a biller that answers later


def waiting(clock: SteadyClock, *script: Answer) -> tuple[OpenTeller, Any, list[float]]:
    made, app, pauses = client(*script)
    made._caller.setup = made._caller.setup.changed(monotonic=clock)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        clock.now += seconds

    made._caller.driver.sleep = sleep  # type: ignore[method-assign]
    return made, app, pauses


PROCESSING = answer(202, example("createBillFetch", "processing"))
READY = answer(200, example("getBillFetch"))


def fetch(asked: OpenTeller, wait: float) -> str:
    return asked.bills.fetch(biller_id="blr_1", inputs={"account_number": "1"}, end_user_ref="ref", wait=wait).status


def test_a_bill_that_is_ready_is_not_waited_for() -> None:
    asked, app, pauses = waiting(SteadyClock(), answer(201, example("createBillFetch")))

    assert fetch(asked, 60) == "READY"
    assert (len(app.seen), pauses) == (1, [])


def test_a_bill_that_comes_later_is_asked_for_ever_more_rarely() -> None:
    asked, app, pauses = waiting(SteadyClock(), *[PROCESSING] * 7, READY)

    assert fetch(asked, 60) == "READY"
    assert pauses == [1.0, 1.5, 2.25, 3.375, 5.0, 5.0, 5.0]
    assert app.addresses[1] == f"/v1/bill-fetches/{example('createBillFetch', 'processing')['bill_fetch_id']}"


@pytest.mark.parametrize(("wait", "pauses"), [(0, []), (-1, []), (float("nan"), []), (2, [1.0, 1.0]), (0.5, [0.5])])
def test_a_bill_is_waited_for_so_long_and_no_longer(wait: float, pauses: list[float]) -> None:
    asked, app, made = waiting(SteadyClock(), PROCESSING)

    assert fetch(asked, wait) == "PROCESSING"
    assert made == pauses
    assert len(app.seen) == 1 + len(pauses)
