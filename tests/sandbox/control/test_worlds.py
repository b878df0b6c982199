"""Apps, worlds, the test clock, reset and the request log."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Partner, WallClock
from tests.payer import Payer

from openteller_sandbox.bank import Bank, World
from openteller_sandbox.ledger import service as ledger

pytestmark = pytest.mark.both_engines

Partners = Callable[..., Partner]


def test_an_app_lives_in_a_world_of_its_own(new_partner: Partners) -> None:
    one, other = new_partner(), new_partner()
    payment = one.pay_link()
    assert one.app["world_id"] != other.app["world_id"]
    assert other.get(f"/v1/payments/{payment['payment_id']}").status_code == 404


def test_the_clock_of_one_world_moves_no_other(new_partner: Partners) -> None:
    one, other = new_partner(), new_partner()
    one.advance(seconds=3600)
    assert one.get("/sandbox/v1/clock").json["bank_time"] == "2026-09-29T11:30:00+08:00"
    assert other.get("/sandbox/v1/clock").json["bank_time"] == "2026-09-29T10:30:00+08:00"


def test_apps_that_share_a_world_share_its_clock_but_not_their_payments(
    partner: Partner, new_partner: Partners
) -> None:
    other = new_partner(headers=partner.headers, join="world")
    payment = partner.pay_link()
    partner.advance(seconds=60)
    assert other.get("/sandbox/v1/clock").json["bank_time"] == "2026-09-29T10:31:00+08:00"
    assert other.get(f"/v1/payments/{payment['payment_id']}").status_code == 404
    assert other.app["partner_id"] != partner.app["partner_id"]


def test_joining_needs_a_token_of_the_world(client: object, partner: Partner) -> None:
    answer = partner.client.post("/sandbox/v1/apps", json={"name": "intruder", "join": "world"})
    assert (answer.status_code, answer.json["code"]) == (401, "TOKEN_MISSING")


def test_an_app_asks_for_fewer_scopes(new_partner: Partners) -> None:
    reader = new_partner(scopes=["payments:read"])
    answer = reader.post("/v1/payments", {"partner_reference": "x"})
    assert (answer.status_code, answer.json["code"]) == (403, "INSUFFICIENT_SCOPE")
    assert "payments:create" in answer.json["detail"]


def test_a_refusal_says_what_to_do(partner: Partner) -> None:
    answer = partner.client.get("/v1/payments", headers={"Authorization": "Bearer nonsense"})
    assert (answer.status_code, answer.json["detail"]) == (401, "Fetch a new token and repeat the request once.")


@pytest.mark.parametrize(
    "how", [{"to": "2026-09-29T10:29:00+08:00"}, {"to": "2028-01-01T00:00:00+08:00"}, {"to": "2026-09-29T02:30:00Z"}]
)
def test_the_clock_only_moves_forward_and_not_too_far(partner: Partner, how: dict) -> None:
    answer = partner.post("/sandbox/v1/clock:advance", how, key=None)
    assert (answer.status_code, answer.json["code"]) == (422, "CLOCK_BACKWARD")


def test_advancing_does_what_is_due_on_the_way_at_its_own_time(partner: Partner) -> None:
    payment = partner.pay_link(expires_in=600)
    partner.advance(to="2026-09-29T18:00:00+08:00")
    read = partner.payment(payment["payment_id"])
    assert read["history"][-1] == {"status": "expired", "at": "2026-09-29T10:40:00+08:00", "actor": "CLOCK"}
    expired = [event for event in partner.events() if event["type"] == "payment.expired"]
    assert [event["timestamp"] for event in expired] == ["2026-09-29T10:40:00+08:00"]


def test_tokens_live_in_wall_time(wall: WallClock, partner: Partner) -> None:
    partner.advance(seconds=86_400 * 30)
    assert partner.get("/sandbox/v1/clock").status_code == 200
    before = wall.at
    try:
        wall.advance(901)
        answer = partner.get("/sandbox/v1/clock")
        assert (answer.status_code, answer.json["code"]) == (401, "TOKEN_INVALID")
    finally:
        wall.at = before


def test_reset_gives_a_fresh_world_and_keeps_the_app(
    bank: Bank, partner: Partner, payer: Callable[[str], Payer]
) -> None:
    bill = partner.fetch().json["bills"][0]
    payment = partner.pay_link(partner_reference="again", bill_ids=[bill["bill_id"]])
    payer(payment["payment_link"]["url"]).pay(partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"][-4:])
    partner.advance(seconds=3600)
    answer = partner.post("/sandbox/v1/reset", key=None)
    assert answer.json["bank_time"] == "2026-09-29T10:30:00+08:00"
    assert (answer.json["deleted"]["payments"], answer.json["deleted"]["bill_fetches"]) == (1, 1)
    assert partner.get(f"/v1/payments/{payment['payment_id']}").status_code == 404
    assert partner.events() == []
    assert partner.pay_link(partner_reference="again")["status"] == "created"
    assert partner.fetch().json["status"] == "READY"
    assert ledger.balances(bank.db.read(), World(partner.app["world_id"]))["customer:cst_demo00000001"] == 1_000_000_00


def test_reset_leaves_other_worlds_alone(new_partner: Partners) -> None:
    one, other = new_partner(), new_partner()
    payment = other.pay_link()
    one.post("/sandbox/v1/reset", key=None)
    assert other.payment(payment["payment_id"])["status"] == "created"


def test_the_request_log_shows_what_was_asked_and_nothing_that_was_sent(partner: Partner) -> None:
    payment = partner.pay_link()
    partner.get(f"/v1/payments/{payment['payment_id']}")
    partner.post("/v1/payments", {"partner_reference": "秘密"})
    rows = partner.get("/sandbox/v1/requests", limit=3).json["data"]
    assert [(row["method"], row["path"], row["status"]) for row in rows] == [
        ("POST", "/v1/payments", 422),
        ("GET", "/v1/payments/{payment_id}", 200),
        ("POST", "/v1/payments", 201),
    ]
    assert rows[0]["code"] == "FIELD_INVALID"
    assert payment["payment_id"] not in str(rows)


def test_the_request_log_is_paged_and_bounded(partner: Partner) -> None:
    for _ in range(510):
        partner.get("/sandbox/v1/clock")
    seen, path = [], "/sandbox/v1/requests?limit=100"
    while path and len(seen) < 1000:
        answer = partner.client.get(path, headers=partner.headers).json
        seen += [row["request_id"] for row in answer["data"]]
        path = answer["links"]["next"]
    assert len(seen) == len(set(seen))
    assert 490 <= len(seen) <= 500


def test_every_magic_value_fits_its_billers_published_format(partner: Partner) -> None:
    import re

    billers = partner.get("/v1/billers", limit=100).json["data"]
    for biller in billers[:40]:
        fields = {field["name"]: field for field in biller["input_fields"]}
        values = partner.get("/sandbox/v1/magic-values", biller_id=biller["biller_id"]).json["data"]
        assert values, biller["biller_code"]
        for value in values:
            for name, text in value["inputs"].items():
                assert re.fullmatch(fields[name].get("pattern", ".*"), text), (biller["biller_code"], value["scenario"])


def test_events_are_followed_from_the_last_one_handled(partner: Partner) -> None:
    for _ in range(3):
        partner.pay_link()
    first = partner.get("/v1/events", limit=2).json
    assert len(first["data"]) == 2
    rest = partner.get("/v1/events", after=first["data"][-1]["event_id"]).json
    assert len(rest["data"]) == 1
    assert partner.get("/v1/events", after=rest["data"][-1]["event_id"]).json["data"] == []
    partner.pay_link()
    assert len(partner.get("/v1/events", after=rest["data"][-1]["event_id"]).json["data"]) == 1


def test_events_are_kept_thirty_days(partner: Partner) -> None:
    partner.pay_link()
    partner.advance(seconds=86_400 * 29)
    assert any(event["type"] == "payment.created" for event in partner.events())
    partner.advance(seconds=86_400 * 3)
    assert not any(event["type"] == "payment.created" for event in partner.events())


def test_a_new_board_is_announced(partner: Partner) -> None:
    partner.advance(to="2026-09-30T10:00:00+08:00")
    kinds = [event["data"]["kind"] for event in partner.events() if event["type"] == "rate.changed"]
    assert kinds.count("FX") >= 2
