"""What is out of order is told to everybody, and what was ordered to be to the world alone."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient
from tests.conftest import Partner

IN_MAINTENANCE = "SZ-WATER-01"


def test_maintenance_is_announced_and_is_current_when_it_has_begun(partner: Partner, client: FlaskClient) -> None:
    biller = partner.biller(IN_MAINTENANCE)
    (found,) = client.get("/v1/outages", query_string={"biller_id": biller["biller_id"]}).json["data"]
    window = biller["maintenance_windows"][0]
    assert (found["kind"], found["biller_id"]) == ("MAINTENANCE", biller["biller_id"])
    assert (found["starts_at"], found["ends_at"]) == (window["starts_at"], window["ends_at"])
    assert found["status"] == "CURRENT"
    partner.advance(to=window["ends_at"])
    assert partner.get("/v1/outages", biller_id=biller["biller_id"]).json["data"] == []


def test_a_fault_on_the_way_to_a_biller_is_an_outage_of_its_world(
    partner: Partner, new_partner: Callable[..., Partner]
) -> None:
    biller_id = partner.biller("BJ-TUITION-01")["biller_id"]
    fault = {"match": {"leg": "query", "biller_id": biller_id}, "effect": {"delay_ms": 5000}}
    partner.post("/sandbox/v1/faults", fault, key=None)
    (found,) = partner.get("/v1/outages", biller_id=biller_id).json["data"]
    assert (found["kind"], found["effect"], found["biller_name"]["zh-CN"]) == (
        "OUTAGE",
        "SLOW",
        partner.biller("BJ-TUITION-01")["name"]["zh-CN"],
    )
    assert new_partner().get("/v1/outages", biller_id=biller_id).json["data"] == []
    assert partner.get("/v1/status").json["status"] == "OPERATIONAL"


def test_a_fault_on_the_way_to_every_biller_degrades_payment(partner: Partner, client: FlaskClient) -> None:
    partner.post("/sandbox/v1/faults", {"match": {"leg": "post"}, "effect": {"drop": "AFTER"}}, key=None)
    status = partner.get("/v1/status").json
    health = {each["service"]: each["status"] for each in status["services"]}
    assert (status["status"], health["bill-payment"], health["rates"]) == ("DEGRADED", "DEGRADED", "OPERATIONAL")
    assert client.get("/v1/status").json["status"] == "OPERATIONAL"


def test_pages_go_on_where_they_ended(partner: Partner) -> None:
    everything = partner.get("/v1/outages", limit=100).json["data"]
    path, seen = "/v1/outages?limit=1", []
    while path:
        answer = partner.client.get(path, headers=partner.headers).json
        seen += answer["data"]
        path = answer["links"]["next"]
    assert seen == everything
    assert [row["starts_at"] for row in seen] == sorted(row["starts_at"] for row in seen)
