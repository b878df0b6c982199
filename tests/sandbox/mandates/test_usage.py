"""What a partner reads of a mandate: what was used and is left is what payments are refused by."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from tests.conftest import Partner, make_partner
from tests.linked import TOPUP, Linked, limit, link_customer, mandate, yuan


@pytest.fixture
def partner(flask_app: Flask) -> Partner:
    return make_partner(flask_app.test_client(use_cookies=False))


def usage(user: Linked) -> list[dict[str, Any]]:
    answer = user.owner.get(f"/v1/consents/{user.consent_id}/usage")
    assert answer.status_code == 200, answer.text
    return list(answer.json["mandates"])


@pytest.mark.both_engines
def test_what_is_left_of_each_period_is_told_with_its_end(partner: Partner) -> None:
    limits = [limit("DAY", 120), limit("MONTH", 200), limit("WEEK", 500, "CONSENT")]
    user = link_customer(partner, mandate(partner, most=90, periodic_limits=limits, maximum_uses=9))
    saved = user.save()
    assert user.pay(saved).status_code == 201
    (one,) = usage(user)
    assert (one["state"], one["uses"], one["maximum_uses"]) == ("IN_FORCE", 1, 9)
    assert (one["maximum_individual_amount"], one["payable_now"]) == (yuan(90), yuan(70))
    day, month, week = one["periods"]
    assert [each["used"] for each in one["periods"]] == [yuan(50)] * 3
    assert [each["remaining"] for each in one["periods"]] == [yuan(70), yuan(150), yuan(450)]
    assert (day["begins_on"], day["resets_at"]) == ("2026-09-29", "2026-09-30T00:00:00+08:00")
    assert (month["begins_on"], month["resets_at"]) == ("2026-09-01", "2026-10-01T00:00:00+08:00")
    assert (week["begins_on"], week["resets_at"]) == ("2026-09-28", "2026-10-05T00:00:00+08:00")
    partner.advance(to="2026-09-30T09:00:00+08:00")
    (one,) = usage(user)
    assert [each["remaining"] for each in one["periods"]] == [yuan(120), yuan(150), yuan(450)]
    assert one["payable_now"] == yuan(90)


def test_what_is_payable_now_is_paid_and_a_fen_more_is_not(partner: Partner) -> None:
    user = link_customer(partner, mandate(partner, periodic_limits=[limit("YEAR", 130)]))
    saved = user.save()
    assert user.pay(saved, 100).status_code == 201
    (one,) = usage(user)
    assert one["payable_now"] == yuan(30)
    assert user.pay(saved, "30.01").json["code"] in {"MANDATE_EXCEEDED", "AMOUNT_OUT_OF_RANGE", "AMOUNT_NOT_EXACT"}
    assert user.pay(saved, 30).status_code == 201
    (one,) = usage(user)
    assert (one["payable_now"], one["periods"][0]["remaining"]) == (yuan(0), yuan(0))


def test_a_state_says_why_nothing_can_be_paid(partner: Partner) -> None:
    cooling = link_customer(partner, mandate(partner), cooling=True)
    later = {"valid_from": "2026-10-02", "valid_to": "2026-10-03"}
    begun = link_customer(partner, mandate(partner, **later), mandate(partner, TOPUP, maximum_uses=1))
    (first,) = usage(cooling)
    assert (first["state"], first["usable_from"]) == ("COOLING", "2026-09-30T10:30:00+08:00")
    assert first["payable_now"] == yuan(0)
    assert begun.pay(begun.save()).status_code == 201
    waits, spent = usage(begun)
    assert (waits["state"], waits["usable_from"], waits["uses"]) == ("NOT_BEGUN", "2026-10-02T00:00:00+08:00", 0)
    assert (spent["state"], spent["uses"], spent["payable_now"]) == ("USED_UP", 1, yuan(0))
    partner.advance(to="2026-10-04T00:00:00+08:00")
    assert usage(begun)[0]["state"] == "ENDED"
    assert usage(cooling)[0]["state"] == "IN_FORCE"
    partner.post(f"/v1/consents/{cooling.consent_id}:revoke", key=None)
    assert usage(cooling)[0]["state"] == "ENDED"


@pytest.mark.abuse("mandates", "reads what another app's customer has spent")
def test_anothers_usage_is_as_one_that_is_not_there(partner: Partner, flask_app: Flask) -> None:
    user = link_customer(partner, mandate(partner))
    stranger = make_partner(flask_app.test_client(use_cookies=False), partner.headers, join="world")
    for path in (f"/v1/consents/{user.consent_id}/usage", "/v1/consents/cns_zzzzzzzz/usage"):
        assert stranger.get(path).json["code"] == "NOT_FOUND"
    assert user.get(f"/v1/consents/{user.consent_id}/usage").json["code"] == "INSUFFICIENT_SCOPE"
    assert usage(link_customer(partner)) == []
