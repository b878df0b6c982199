"""What the bank finds on saved accounts, what it tells the app, and what becomes of each answer."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Partner, make_partner
from tests.contract.direct_payer import DirectPayer
from tests.linked import POWER, TOPUP, link_customer, mandate
from tests.reminded import TAKES_PARTS, answer, look, only, pay, reminded, reminders, save_ordinary, told

from openteller_sandbox import contract
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import DAY, bank_date, parse, start_of_day
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.due import service as due
from openteller_sandbox.reminders import looking, moves
from openteller_sandbox.reminders.model import TRANSITIONS
from openteller_sandbox.saved_billers import service as saved_billers

NOON = "2026-09-30T12:00:00+08:00"
NEXT_MONTH = "2026-10-01T12:00:00+08:00"


@pytest.mark.both_engines
def test_a_bill_is_found_told_and_paid_under_the_mandate(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner))
    user.save(POWER)
    assert not reminders(user)
    partner.advance(to=NOON)
    reminder = only(user)
    assert (reminder["status"], reminder["outstanding"], reminder["version"]) == ("OPEN", reminder["amount"], 1)
    (event,) = [each for each in partner.events() if each["type"] == "bill.issued"]
    ids = {"reminder_id": reminder["reminder_id"], "consent_id": user.consent_id}
    assert event["data"] == ids | {"status": "OPEN", "version": 1}
    paid = pay(user, reminder, "reminded")
    assert (paid.status_code, paid.json["status"], paid.json["consent_id"]) == (201, "authorised", user.consent_id)
    assert partner.payment(paid.json["payment_id"])["status"] == "succeeded"
    assert (only(user)["status"], only(user)["payment_id"]) == ("PAID", paid.json["payment_id"])
    partner.advance(to=NEXT_MONTH)
    issued, _ = reminders(user)
    assert (issued["status"], issued["period"]["from"]) == ("OPEN", "2026-09-01")
    assert told(partner) == ["bill.issued", "bill.issued"]


def test_the_table_of_moves_is_the_one_of_the_contract() -> None:
    published = contract.load().document["components"]["schemas"]["ReminderStatus"]["x-transitions"]
    assert published == {
        since.value: [to for to in published if to in following] for since, following in TRANSITIONS.items()
    }


def test_each_account_has_a_minute_of_its_own_between_nine_and_eleven() -> None:
    noon = parse(NOON)
    times = {looking.next_at(f"svb_{number:04d}", noon) for number in range(300)}
    tomorrow = start_of_day(bank_date(noon)) + DAY
    assert len(times) > 90
    assert all(tomorrow + looking.FROM_MS <= at < tomorrow + looking.FROM_MS + 2 * 3_600_000 for at in times)
    assert all(looking.next_at("svb_0001", at - 1) == at for at in [looking.next_at("svb_0001", noon)])


def test_the_due_date_is_told_once_and_the_penalty_kept_up_with(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner))
    look(user, save_ordinary(user))
    partner.advance(to="2026-10-04T12:00:00+08:00")
    old = reminders(user)[-1]
    assert told(partner).count("bill.due") == 1
    assert (old["status"], old["penalty"]["amount"] > "0") == ("OPEN", True)
    partner.advance(to="2026-10-05T08:00:00+08:00")
    changed = pay(user, old, "late")
    assert (changed.status_code, changed.json["code"]) == (409, "BILL_CHANGED")
    assert pay(user, old, "late").json["status"] == "authorised"


def test_without_a_mandate_the_customer_pays_on_the_page(partner: Partner, bank: Bank) -> None:
    user = reminded(partner, most=None)
    reminder = only(user)
    made = pay(user, reminder, "by-link").json
    assert (made["status"], made["amount"]) == ("created", reminder["outstanding"])
    assert (only(user)["status"], only(user)["payment_id"]) == ("PAYING", made["payment_id"])
    for verb, body in (("decline", None), ("postpone", {"remind_on": "2026-09-30"})):
        assert answer(user, reminder, verb, body).json["allowed"] == ["OPEN", "PAID"]
    assert partner.post(f"/v1/payments/{made['payment_id']}:cancel").status_code == 200
    again = pay(user, only(user), "by-link-2").json
    DirectPayer(bank).pay(again["payment_id"])
    assert only(user)["status"] == "PAID"


@pytest.mark.parametrize("form", [{"most": 10}, {"cooling": True}])
def test_what_the_mandate_does_not_allow_the_page_asks_for(partner: Partner, form: dict[str, Any]) -> None:
    user = reminded(partner, **form)
    assert pay(user, only(user), "too-much").json["status"] == "created"
    partner.advance(seconds=25 * 3600)
    assert only(user)["status"] == "OPEN"


def test_a_part_is_paid_and_the_rest_asked_for(partner: Partner, bank: Bank) -> None:
    user = reminded(partner, code=TAKES_PARTS)
    whole = float(only(user)["outstanding"]["amount"])
    assert pay(user, only(user), "part-1", 100).json["status"] == "authorised"
    rest = only(user)
    assert (rest["status"], float(rest["outstanding"]["amount"])) == ("OPEN", pytest.approx(whole - 100))
    free = link_customer(partner)
    made = pay(free, rest, "part-2", 20).json
    assert (made["status"], made["amount"]["amount"]) == ("created", "20.00")
    DirectPayer(bank).pay(made["payment_id"])
    assert partner.payment(made["payment_id"])["amount"]["amount"] == "20.00"
    assert float(only(user)["outstanding"]["amount"]) == pytest.approx(whole - 120)
    assert pay(user, only(user), "part-3").status_code == 201
    assert only(user)["status"] == "PAID"


def test_later_it_comes_again_and_at_the_last_time_that_was_said(partner: Partner) -> None:
    user = reminded(partner)
    soon, later = "2026-09-29T18:00:00+08:00", "2026-09-30T20:00:00+08:00"
    assert answer(user, only(user), "postpone", {"remind_at": soon}).json["remind_at"] == soon
    postponed = answer(user, only(user), "postpone", {"remind_at": later}).json
    assert (postponed["status"], postponed["remind_at"], postponed["version"]) == ("POSTPONED", later, 3)
    partner.advance(to=NOON)
    assert (only(user)["status"], told(partner)) == ("POSTPONED", ["bill.issued"])
    partner.advance(to="2026-09-30T21:00:00+08:00")
    assert (only(user)["status"], "remind_at" in only(user), told(partner)) == (
        "OPEN",
        False,
        ["bill.issued", "bill.due"],
    )


def test_a_bill_that_was_declined_is_not_reminded_of_again(partner: Partner) -> None:
    user = reminded(partner)
    declined = answer(user, only(user), "decline").json
    assert declined["status"] == "DECLINED"
    assert answer(user, declined, "decline").json == declined
    for verb, body in (("postpone", {"remind_on": "2026-09-30"}), ("pay", {"partner_reference": "x"})):
        refused = answer(user, declined, verb, body, key="new" if verb == "pay" else None).json
        assert (refused["code"], refused["allowed"]) == ("INVALID_TRANSITION", [])
    partner.advance(to="2026-10-20T12:00:00+08:00")
    assert [each["status"] for each in reminders(user)] == ["OPEN", "DECLINED"]


def test_paid_by_whomever_it_closes_itself(partner: Partner, bank: Bank) -> None:
    user = reminded(partner)
    other = make_partner(partner.client, partner.headers, join="world")
    bill = other.fetch().json["bills"][0]
    DirectPayer(bank).pay(other.pay_link(bill_ids=[bill["bill_id"]])["payment_id"])
    assert (only(user)["status"], "payment_id" in only(user)) == ("PAID", False)


def test_a_bill_that_is_being_paid_is_not_issued_and_a_stated_one_no_more_is_withdrawn(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner))
    known, being_paid = user.save(POWER, "UNANSWERED_POSTED"), user.save(POWER, "TIMEOUT_REFUNDED")
    look(user, known)
    for saved in (known, being_paid):
        bill = user.post(f"/v1/saved-billers/{saved}/bill-fetches", key=None).json["bills"][0]
        assert user.pay(saved, bill["outstanding"]["amount"], bill_ids=[bill["bill_id"]]).status_code == 201
    assert look(user, being_paid).json["code"] == "INVALID_TRANSITION"
    look(user, known)
    assert [each["status"] for each in reminders(user)] == ["WITHDRAWN"]
    partner.advance(to="2026-09-30T08:00:00+08:00")
    assert [each["status"] for each in reminders(user, saved_biller_id=known)] == ["PAID"]
    partner.advance(to=NOON)
    assert [each["status"] for each in reminders(user, saved_biller_id=being_paid)] == ["OPEN"]


def test_a_bill_whose_payment_the_biller_takes_back_is_due_again(partner: Partner) -> None:
    user = reminded(partner, "REVERSED")
    assert pay(user, only(user), "taken-back").status_code == 201
    assert only(user)["status"] == "PAID"
    partner.advance(to=NOON)
    assert (only(user)["status"], told(partner)) == ("OPEN", ["bill.issued", "bill.issued"])


@pytest.mark.parametrize("scenario", ["POSTING_REJECTED", "TIMEOUT_REFUNDED"])
def test_a_payment_of_which_nothing_comes_opens_it_again(partner: Partner, scenario: str) -> None:
    user = reminded(partner, scenario)
    pay(user, only(user), "nothing-came")
    partner.advance(seconds=3600)
    assert only(user)["status"] == "OPEN"


def test_a_slow_biller_is_waited_for(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner))
    user.save(POWER, "SLOW")
    partner.advance(to=NOON)
    assert pay(user, only(user), "slowly").status_code == 201
    assert only(user)["status"] == "PAID"


def test_a_biller_that_fails_is_asked_again_the_same_day(partner: Partner) -> None:
    partner.advance(to="2026-09-29T12:00:00+08:00")
    user = link_customer(partner)
    user.save(POWER)
    fault = {"match": {"leg": "query"}, "effect": {"status": 500}, "times": 1}
    assert partner.post("/sandbox/v1/faults", fault, key=None).status_code == 201
    partner.advance(to="2026-09-30T11:00:00+08:00")
    assert not reminders(user)
    partner.advance(to="2026-09-30T15:00:00+08:00")
    assert only(user)["status"] == "OPEN"


@pytest.mark.parametrize(("code", "scenario"), [(TOPUP, "DUE_BILL"), (POWER, "UNKNOWN_ACCOUNT"), (POWER, "NO_BILL")])
def test_where_there_is_no_bill_nothing_is_told(partner: Partner, code: str, scenario: str) -> None:
    user = link_customer(partner)
    user.save(code, scenario)
    partner.advance(to=NEXT_MONTH)
    assert not reminders(user)
    assert not told(partner)


def test_where_the_app_is_not_shown_amounts_the_page_asks(partner: Partner) -> None:
    user = reminded(partner, code="CD-WATER-01")
    reminder = only(user)
    assert "outstanding" not in reminder
    part = pay(user, reminder, "blind", 5)
    assert [fault["pointer"] for fault in part.json["errors"]] == ["/amount"]
    made = pay(user, reminder, "blind").json
    assert (made["status"], "amount" in made) == ("created", False)


@pytest.mark.parametrize("by", ["the app", "the customer"])
def test_reminders_go_with_the_saved_account(by: str, partner: Partner, bank: Bank) -> None:
    user = reminded(partner)
    reminder, world = only(user), World(partner.app["world_id"])
    answer(user, reminder, "postpone", {"remind_on": "2026-09-30"})
    if by == "the app":
        path = f"/v1/saved-billers/{reminder['saved_biller_id']}"
        assert user.client.delete(path, headers=user.headers).status_code == 204
    else:
        customer_id = CUSTOMERS[0].customer_id
        assert saved_billers.forget_as_customer(bank, world, reminder["saved_biller_id"], customer_id)
    assert not reminders(user)
    assert user.get(f"/v1/reminders/{reminder['reminder_id']}").status_code == 404
    for kind, subject in ((looking.LOOK, reminder["saved_biller_id"]), (moves.REMIND, reminder["reminder_id"])):
        assert due.when(bank.db.read(), world, kind, subject) is None
    partner.advance(to=NEXT_MONTH)
    assert told(partner) == ["bill.issued"]


def test_nobody_is_reminded_of_what_no_consent_allows(partner: Partner) -> None:
    """The accounts that an app has saved may outlive a consent that was used up."""
    user = link_customer(partner, mandate(partner, POWER, maximum_uses=1), scopes=["saved-billers"])
    look(user, user.save(POWER))
    assert pay(user, only(user), "the-only-one").status_code == 201
    assert partner.get(f"/v1/consents/{user.consent_id}").json["status"] == "CONSUMED"
    partner.advance(to=NEXT_MONTH)
    assert told(partner) == ["bill.issued"]


def test_a_closed_reminder_is_forgotten_in_time(partner: Partner) -> None:
    user = reminded(partner)
    assert pay(user, only(user), "long-ago").status_code == 201
    partner.advance(to="2026-11-02T12:00:00+08:00")
    assert {each["period"]["from"] for each in reminders(user)} == {"2026-09-01", "2026-10-01"}


def test_a_world_with_reminders_can_be_lived_again(partner: Partner) -> None:
    user = reminded(partner, "SEVERAL_BILLS")
    newest, middle, oldest = reminders(user)
    answer(user, newest, "decline")
    answer(user, middle, "postpone", {"remind_on": "2026-09-30"})
    pay(user, oldest, "lived-again")
    partner.advance(to=NEXT_MONTH)
    report = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (report["same"], report["not_repeated"]) == (True, []), report
    partner.post("/sandbox/v1/reset", key=None)
    assert not reminders(link_customer(partner))
