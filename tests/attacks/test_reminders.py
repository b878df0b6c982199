"""Answers to reminders that are nobody's to give, that come too late or at once, or that move what nobody has allowed;
and what could be learnt of accounts by having the bank look at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.conftest import Unharmed
from tests.conftest import Partner, make_partner
from tests.linked import POWER, Linked, link_customer, mandate
from tests.payer import RICH, forms_of
from tests.reminded import ORDINARY, TAKES_PARTS, answer, look, only, pay, reminded, reminders, save_ordinary, told
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.mandates import service as mandates
from openteller_sandbox.payments import amounts

AT_ONCE, ROUNDS = 6, 4
POOR = CUSTOMERS[1].customer_number


@pytest.fixture(scope="module")
def owner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False))


@pytest.fixture(scope="module")
def user(owner: Partner) -> Linked:
    """A customer with a reminder that stays open."""
    return reminded(owner, code=TAKES_PARTS)


def refused(got: TestResponse, status: int, code: str, pointer: str | None = None) -> None:
    body = dict(got.json or {})
    assert (got.status_code, body.get("code")) == (status, code), got.text
    assert pointer is None or [fault["pointer"] for fault in body["errors"]] == [pointer]


@pytest.mark.abuse("reminders", "reads or answers what another customer, or another app's customer, is asked")
def test_nobody_elses_reminder_is_there(owner: Partner, user: Linked, partner: Partner, unharmed: Unharmed) -> None:
    reminder = only(user)
    strangers = [link_customer(owner, mandate(owner), customer_number=POOR), link_customer(partner, mandate(partner))]
    for stranger in strangers:
        assert not reminders(stranger)  # notes that the consent was used
        with unharmed():
            assert stranger.get(f"/v1/reminders/{reminder['reminder_id']}").status_code == 404
            refused(pay(stranger, reminder, "not-mine"), 404, "NOT_FOUND")
            refused(answer(stranger, reminder, "decline"), 404, "NOT_FOUND")
            refused(answer(stranger, reminder, "postpone", {"remind_on": "2026-09-30"}), 404, "NOT_FOUND")
            assert not reminders(stranger, saved_biller_id=reminder["saved_biller_id"])


@pytest.mark.abuse("reminders", "answers in the customer's place with the app's own token")
def test_an_app_alone_answers_nothing(owner: Partner, user: Linked, unharmed: Unharmed) -> None:
    path = f"/v1/reminders/{only(user)['reminder_id']}"
    with unharmed():
        refused(owner.get(path), 403, "INSUFFICIENT_SCOPE")
        refused(owner.post(f"{path}:decline", key=None), 403, "INSUFFICIENT_SCOPE")
        refused(owner.post(f"{path}:pay", {"partner_reference": "alone"}), 403, "INSUFFICIENT_SCOPE")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"remind_on": "2026-09-30", "remind_at": "2026-09-30T09:00:00+08:00"}, ""),
        ({"remind_on": "2026-09-29"}, "/remind_on"),
        ({"remind_on": "2026-10-03"}, "/remind_on"),
        ({"remind_on": "2026-09-31"}, "/remind_on"),
        ({"remind_on": "0001-01-01"}, "/remind_on"),
        ({"remind_on": "9999-12-31"}, "/remind_on"),
        ({"remind_on": 20260930}, "/remind_on"),
        ({"remind_at": "2026-09-29T10:30:00+08:00"}, "/remind_at"),
        ({"remind_at": "2026-10-02T10:30:00+08:00"}, "/remind_at"),
        ({"remind_at": "2026-09-30T10:30:00"}, "/remind_at"),
        ({"remind_at": "9999-12-31T23:59:59-23:59"}, "/remind_at"),
        ({"remind_at": "0001-01-01T00:00:00+14:00"}, "/remind_at"),
        ({"remind_at": "tomorrow at nine o'clock"}, "/remind_at"),
    ],
)
def test_a_time_that_cannot_be_is_named(body: dict[str, Any], pointer: str, user: Linked, unharmed: Unharmed) -> None:
    reminder = only(user)
    with unharmed():
        got = answer(user, reminder, "postpone", body)
        assert got.status_code == 422, got.text
        assert pointer in [fault["pointer"] for fault in got.json["errors"]]


@pytest.mark.parametrize("mandates_too", [True, False])
@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"amount": {"amount": "0.00", "currency": "CNY"}}, "AMOUNT_OUT_OF_RANGE", None),
        ({"amount": {"amount": "-5.00", "currency": "CNY"}}, "FIELD_INVALID", "/amount/amount"),
        ({"amount": {"amount": "50000.01", "currency": "CNY"}}, "AMOUNT_OUT_OF_RANGE", None),
        ({"amount": {"amount": "50.00", "currency": "USD"}}, "AMOUNT_OUT_OF_RANGE", None),
        ({"amount": {"amount": 50, "currency": "CNY"}}, "FIELD_INVALID", "/amount/amount"),
        ({"amount": "50.00"}, "FIELD_INVALID", "/amount"),
        ({"bill_ids": ["bil_000000000000"]}, "FIELD_INVALID", "/bill_ids"),
        ({"return_url": "https://elsewhere.example/"}, "RETURN_URL_NOT_REGISTERED", None),
        ({"partner_reference": "with space"}, "FIELD_INVALID", "/partner_reference"),
    ],
)
def test_a_payment_that_cannot_be_is_refused(
    body: dict[str, Any], code: str, pointer: str | None, mandates_too: bool, user: Linked, owner: Partner
) -> None:
    payer = user if mandates_too else link_customer(owner)
    reminder = only(payer)
    refused(answer(payer, reminder, "pay", {"partner_reference": "bad", **body}, key="new"), 422, code, pointer)
    assert only(payer) == reminder


@pytest.mark.abuse("reminders", "saves account after account, and waits which of them have bills")
def test_looks_find_out_no_more_than_asking_does(partner: Partner) -> None:
    user = link_customer(partner)
    scenarios = ("DUE_BILL", "REVERSED", "POSTED_TWICE", "TIMEOUT_LATE", "POSTING_REJECTED", "INSUFFICIENT_FUNDS")
    for scenario in scenarios:
        user.save(POWER, scenario)
    partner.advance(to="2026-09-30T08:00:00+08:00")
    first = len(reminders(user))  # those whose minute came before eleven of the first day
    partner.advance(to="2026-09-30T12:00:00+08:00")
    assert len(reminders(user)) - first <= 5
    assert len(reminders(user)) <= 6
    fetched = user.post(f"/v1/saved-billers/{reminders(user)[0]['saved_biller_id']}/bill-fetches", key=None)
    assert fetched.status_code == 201


@pytest.mark.abuse("reminders", "asks the bank to look again and again, past the limits on fetches")
def test_looks_are_counted_as_fetches(partner: Partner) -> None:
    user = reminded(partner)
    saved = only(user)["saved_biller_id"]
    answers = [user.post(f"/v1/saved-billers/{saved}/bill-fetches", key=None).status_code for _ in range(10)]
    assert answers == [201] * 9 + [429]
    refused(pay(user, only(user), "once-more"), 429, "FETCH_LIMIT")


@pytest.mark.abuse("reminders", "looks for account numbers in reminders, their events, tables and pages")
def test_no_account_number_is_in_what_is_kept_or_told(partner: Partner, bank: Bank) -> None:
    user = link_customer(partner, mandate(partner))
    look(user, save_ordinary(user))
    rows = bank.db.read().all(Statement(metadata.tables["reminders"].select()))
    kept = [str(tuple(row)) for row in rows if row["app_id"] == partner.app["app_id"]]
    assert kept
    seen = [*kept, user.get("/v1/reminders").text, str(partner.events())]
    assert not any(ORDINARY in text for text in seen)
    assert not any("爸" in text or CUSTOMERS[0].customer_id in text for text in seen[len(kept) :])


@pytest.mark.abuse("reminders", "keeps what it was told after the customer has ended the consent")
def test_with_the_last_consent_reminders_are_forgotten(partner: Partner, bank: Bank) -> None:
    user = reminded(partner)
    answer(user, only(user), "postpone", {"remind_on": "2026-09-30"})
    partner.post(f"/v1/consents/{user.consent_id}:revoke", key=None)
    refused(user.get("/v1/reminders"), 401, "TOKEN_INVALID")
    rows = bank.db.read().all(Statement(metadata.tables["reminders"].select()))
    assert partner.app["app_id"] not in {row["app_id"] for row in rows}
    partner.advance(to="2026-10-01T12:00:00+08:00")
    assert told(partner) == ["bill.issued"]


@pytest.mark.abuse("reminders", "sends an answer again, with its key or without")
def test_an_answer_that_comes_again_pays_once(partner: Partner, bank: Bank) -> None:
    user = reminded(partner)
    reminder = only(user)
    first = pay(user, reminder, "once", key="once")
    assert pay(user, reminder, "once", key="once").data == first.data
    refused(pay(user, reminder, "other", key="once"), 422, "IDEMPOTENCY_MISMATCH")
    refused(pay(user, reminder, "other"), 409, "INVALID_TRANSITION")
    assert len(mandates.uses_of_customer(bank.db.read(), partner.app["world_id"], CUSTOMERS[0].customer_id)) == 1


@pytest.fixture(scope="module")
def hands() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield pool


@pytest.mark.both_engines
@pytest.mark.abuse("reminders", "gives several answers at once")
def test_of_answers_at_once_one_holds(
    partner: Partner, flask_app: Flask, bank: Bank, hands: ThreadPoolExecutor
) -> None:
    user = link_customer(partner, mandate(partner, most=1000))
    scenarios = ("DUE_BILL", "REVERSED", "POSTED_TWICE", "TIMEOUT_LATE")
    for number, scenario in enumerate(scenarios[:ROUNDS]):
        saved = user.save(POWER, scenario)
        look(user, saved)
        (reminder,) = reminders(user, saved_biller_id=saved)
        together = Barrier(AT_ONCE)

        def one(hand: int, number: int = number, reminder: Any = reminder, together: Barrier = together) -> int:
            own = Linked(flask_app.test_client(use_cookies=False), user.app, user.headers, user.owner, user.consent_id)
            together.wait()
            if hand % 2:
                return int(answer(own, reminder, "decline").status_code)
            return int(pay(own, reminder, f"at-once-{number}-{hand}").status_code)

        answers = list(hands.map(one, range(AT_ONCE)))
        held = [status for status in answers if status < 300]  # to decline again changes nothing
        assert held in ([201], [200] * (AT_ONCE // 2))
        assert {status for status in answers if status >= 300} == {409}
        (after,) = reminders(user, saved_biller_id=saved)
        assert (after["status"] == "DECLINED") == (200 in answers)
        used = mandates.uses_of_customer(bank.db.read(), partner.app["world_id"], CUSTOMERS[0].customer_id)
        assert len([each for each in used if each.payment_id == after.get("payment_id")]) == int(201 in answers)


@pytest.mark.both_engines
@pytest.mark.abuse("reminders", "sends one answer with one key on several connections at once")
def test_one_answer_at_once_pays_once_and_everybody_gets_it(
    partner: Partner, flask_app: Flask, hands: ThreadPoolExecutor
) -> None:
    user = link_customer(partner, mandate(partner, most=1000))
    for scenario in ("DUE_BILL", "REVERSED", "POSTED_TWICE"):
        saved = user.save(POWER, scenario)
        look(user, saved)
        (reminder,) = reminders(user, saved_biller_id=saved)
        together = Barrier(AT_ONCE)

        def one(_: int, scenario: str = scenario, reminder: Any = reminder, together: Barrier = together) -> Any:
            own = Linked(flask_app.test_client(use_cookies=False), user.app, user.headers, user.owner, user.consent_id)
            together.wait()
            return pay(own, reminder, f"same-{scenario}", key=f"same-{scenario}").json

        (paid,) = {str(answered.get("payment_id", answered)) for answered in hands.map(one, range(AT_ONCE))}
        assert paid.startswith("pay_"), paid


@pytest.mark.parametrize(
    ("where", "name", "most"),
    [(mandates, "prepare", 500), (mandates, "prepare", None), (amounts, "check_selection", 500)],
)
@pytest.mark.abuse("reminders", "starts the world afresh while an answer is on its way")
def test_an_answer_that_a_reset_overtakes_is_refused(
    where: Any,
    name: str,
    most: float | None,
    partner: Partner,
    flask_app: Flask,
    hands: ThreadPoolExecutor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = reminded(partner, most=most)
    reminder, goes_on = only(user), getattr(where, name)
    owner = Partner(flask_app.test_client(use_cookies=False), partner.app, partner.headers)

    def reset_and_go_on(*given: Any) -> Any:  # where no act is open
        assert hands.submit(owner.post, "/sandbox/v1/reset", key=None).result().status_code == 200
        return goes_on(*given)

    monkeypatch.setattr(where, name, reset_and_go_on)
    got = pay(user, reminder, "overtaken")
    assert got.status_code in {401, 409, 422}, got.text
    assert partner.get("/v1/payments").json["data"] == []


# On the customer's own pages.


class Home:
    """A browser at the pages of a world, signed in."""

    def __init__(self, app: Flask, world_id: str, who: tuple[str, str] = RICH) -> None:
        self._client, self.path = app.test_client(), f"/customer/{world_id}"
        form = forms_of(self._client.get(self.path).text)[0].values
        self.post(csrf=str(form["csrf"]), step="sign_in", customer_number=who[0], demo_code=who[1])

    def read(self, query: str = "") -> str:
        return str(self._client.get(self.path + query).text)

    def post(self, **form: str) -> TestResponse:
        return self._client.post(self.path, data=form)

    def answer(self, step: str, **typed: str) -> TestResponse:
        """Send a form of the first reminder."""
        form = next(each for each in forms_of(self.read()) if each.step == step)
        return self.post(**{**{name: str(value) for name, value in form.values.items()}, **typed})


def test_a_customer_answers_at_the_bank(partner: Partner, flask_app: Flask) -> None:
    user = reminded(partner, "SEVERAL_BILLS")
    home = Home(flask_app, partner.app["world_id"])
    text = home.read()
    assert "待缴账单" in text
    assert "Bills to pay" in home.read("?lang=en")
    assert "去缴费" in text
    newest, middle, oldest = reminders(user)
    assert home.answer("remind_later").status_code == 303
    assert (reminders(user)[0]["status"], reminders(user)[0]["remind_at"][:10]) == ("POSTPONED", "2026-09-30")
    assert (
        home.answer("remind_decline", reminder_id=middle["reminder_id"]).headers["Location"].endswith("done=declined")
    )
    assert "您将不再" in text or "不再提醒" in home.read("?done=declined")
    later = home.answer("remind_pay", reminder_id=newest["reminder_id"])
    assert (later.status_code, "较早的账单" in later.text) == (422, True)
    led = home.answer("remind_pay", reminder_id=oldest["reminder_id"])
    assert (led.status_code, led.headers["Location"][:5]) == (303, "/pay/")
    assert "正在缴费" in home.read()
    assert led.headers["Location"] in home.read()
    paying = partner.payment(reminders(user)[-1]["payment_id"])
    assert (paying["status"], paying["partner_reference"]) == ("created", f"{oldest['reminder_id']}-2")
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["not_repeated"]) == (True, []), report
    exported = flask_app.test_client()
    assert exported.get(f"{home.path}/export.json").status_code == 303


@pytest.mark.abuse("reminders", "sends a form of the customer's page from elsewhere, or for another customer's bill")
def test_forged_answers_at_the_bank_are_refused(partner: Partner, flask_app: Flask, unharmed: Unharmed) -> None:
    user = reminded(partner)
    reminder_id = only(user)["reminder_id"]
    home = Home(flask_app, partner.app["world_id"])
    stranger = Home(flask_app, partner.app["world_id"], (POOR, "135791"))
    csrf = str(forms_of(stranger.read())[0].values["csrf"])
    with unharmed():
        for step in ("remind_pay", "remind_later", "remind_decline"):
            form = {"step": step, "reminder_id": reminder_id, "remind_on": "2026-09-30"}
            assert home.post(**form, csrf="forged").status_code == 422
            assert stranger.post(**form, csrf=csrf).status_code == 422
            assert home.read(f"?step={step}&reminder_id={reminder_id}&csrf={csrf}")
        for typed in ("2026-09-29", "2027-01-01", "soon", "", "9999-99-99"):
            assert "请选择所示范围内的日期" in home.answer("remind_later", remind_on=typed).text
        assert home.answer("remind_decline", reminder_id="rmd_' or 1=1").status_code == 422
    assert only(user)["status"] == "OPEN"
