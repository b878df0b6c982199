"""A token that one customer gave an app opens nothing of the app's other customers."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conftest import Partner
from tests.linked import POWER, Linked, link_customer, mandate

pytestmark = pytest.mark.both_engines
SCOPES = ["bills:read", "payments:create", "payments:read", "disputes:create", "saved-billers"]
READS = (
    "/v1/payments/{payment}",
    "/v1/payments/{payment}/receipt",
    "/v1/bills/{bill}",
    "/v1/bill-fetches/{fetch}",
    "/v1/disputes/{dispute}",
)


@pytest.fixture
def customers(partner: Partner) -> tuple[Linked, Linked]:
    one, other = (
        link_customer(partner, mandate(partner), customer_number=number, scopes=SCOPES)
        for number in ("62000001", "62000004")
    )
    return one, other


def pay_a_bill(user: Linked, key: str = "new") -> dict[str, Any]:
    """Fetch a bill of a saved account and pay it; give what that has made, by kind."""
    saved = user.save(POWER, "DISPUTE_UPHELD")
    fetched = user.post(f"/v1/saved-billers/{saved}/bill-fetches", key=None)
    (bill,) = fetched.json["bills"]
    body = {"bill_ids": [bill["bill_id"]], "key": key}
    paid = user.pay(saved, bill["outstanding"]["amount"], **body)
    assert paid.status_code == 201, paid.text
    dispute = user.post("/v1/disputes", {"payment_id": paid.json["payment_id"], "type": "DUPLICATE"})
    assert dispute.status_code == 201, dispute.text
    return {
        "payment": paid.json["payment_id"],
        "bill": bill["bill_id"],
        "fetch": fetched.json["bill_fetch_id"],
        "dispute": dispute.json["dispute_id"],
    }


@pytest.mark.abuse("oauth", "reads what another customer of the app has paid")
def test_what_a_customer_has_paid_is_seen_with_no_other_customers_token(customers: tuple[Linked, Linked]) -> None:
    one, other = customers
    made = pay_a_bill(one)
    for path in READS:
        seen = [user.get(path.format_map(made)).status_code for user in (one, one.owner, other)]
        assert seen == [200, 200, 404], path
    assert [len(user.get("/v1/payments").json["data"]) for user in (one, one.owner, other)] == [1, 1, 0]


@pytest.mark.abuse("oauth", "reads an app's lists with one customer's token")
def test_a_list_of_the_whole_app_is_the_apps(customers: tuple[Linked, Linked]) -> None:
    for path in ("/v1/events", "/v1/disputes"):
        assert [customers[0].owner.get(path).status_code, customers[0].get(path).status_code] == [200, 403]


@pytest.mark.abuse("oauth", "cancels, disputes and pays what another customer of the app has")
def test_nothing_is_done_to_what_another_customer_has(customers: tuple[Linked, Linked]) -> None:
    one, other = customers
    made = pay_a_bill(one)
    link = one.post("/v1/payments", {"partner_reference": "a-link-of-one"}).json["payment_id"]
    assert other.post(f"/v1/payments/{link}:cancel").status_code == 404
    assert other.post("/v1/disputes", {"payment_id": made["payment"], "type": "DUPLICATE"}).status_code == 422
    refused = other.post("/v1/payments", {"partner_reference": "with-ones-bill", "bill_ids": [made["bill"]]})
    assert refused.status_code == 422
    assert refused.json["errors"][0]["pointer"] == "/bill_ids/0"
    assert [user.get(f"/v1/payments/{link}").status_code for user in (one, other)] == [200, 404]
    assert one.post(f"/v1/payments/{link}:cancel").status_code == 200


@pytest.mark.abuse("oauth", "repeats another customer's request with its key")
def test_a_key_of_one_customer_replays_nothing_to_another(customers: tuple[Linked, Linked]) -> None:
    one, other = customers
    body = {"partner_reference": "by-one"}
    made = one.post("/v1/payments", body, key="the-same-key")
    assert made.status_code == 201
    assert one.post("/v1/payments", body, key="the-same-key").json["payment_id"] == made.json["payment_id"]
    refused = other.post("/v1/payments", body, key="the-same-key")
    assert (refused.status_code, refused.json["code"]) == (409, "DUPLICATE_REFERENCE")


@pytest.mark.abuse("oauth", "asks about bills in another customer's name")
def test_a_customer_asks_in_no_other_name(customers: tuple[Linked, Linked]) -> None:
    """Whoever is named, the fetch is the customer's: it counts for that customer, and only that customer sees it."""
    one, other = customers
    inputs = one.owner.magic(POWER, "DUE_BILL")
    ask = {
        "biller_id": one.owner.biller(POWER)["biller_id"],
        "inputs": inputs,
        "end_user_ref": "somebody-else-00000000",
    }
    fetched = one.post("/v1/bill-fetches", ask)
    assert fetched.status_code == 201, fetched.text
    path = f"/v1/bill-fetches/{fetched.json['bill_fetch_id']}"
    assert [user.get(path).status_code for user in (one, other)] == [200, 404]
