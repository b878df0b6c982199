"""Partners, payers, clocks and disks that try to move money where it does not belong."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Partner
from tests.payer import Payer

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"
END_USER = "user-of-the-attacks"


# A malicious partner.


def test_half_of_what_the_page_asks_for_is_no_account(partner: Partner) -> None:
    """A traffic fine is found by its number, or by plate and day; a day alone would fetch a bill of nobody."""
    biller_id = partner.biller("SH-TRAFFIC_FINE-01")["biller_id"]
    body = {"biller_id": biller_id, "inputs": {"violation_date": "2026-09-01"}, "end_user_ref": END_USER}
    refused = partner.post("/v1/bill-fetches", body)
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/inputs/violation_date")
    published = partner.get(f"/v1/billers/{biller_id}/input-schema").json["properties"]
    assert set(published) == {"account_number"}


def test_a_purged_fetch_is_not_read_any_more_by_sending_its_key_again(partner: Partner) -> None:
    inputs = partner.magic(POWER, "DUE_BILL")
    body = {"biller_id": partner.biller(POWER)["biller_id"], "inputs": inputs, "end_user_ref": END_USER}
    first, replayed = (partner.post("/v1/bill-fetches", body, key="fetch-1") for _ in range(2))
    assert replayed.data == first.data
    partner.advance(seconds=86_400)
    assert partner.get(first.headers["Location"]).status_code == 404
    later = partner.post("/v1/bill-fetches", body, key="fetch-1")
    assert later.json["bill_fetch_id"] != first.json["bill_fetch_id"]
    assert partner.get(later.headers["Location"]).status_code == 200
