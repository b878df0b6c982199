"""The UK Open Data API's branches and ATMs, as its banks publish them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from openteller_sandbox.imports import open_data_uk

ADDRESS = {
    "BuildingNumber": "1",
    "StreetName": "Bank Street",
    "TownName": "London",
    "Country": "GB",
    "PostCode": "EC2R 8AH",
    "GeoLocation": {"GeographicCoordinates": {"Latitude": " 51.5136", "Longitude": "-0.0890"}},
}
HOURS = [{"OpeningTime": "10:00", "ClosingTime": "14:00"}]


def branch(**members: Any) -> tuple[dict[str, Any], Counter[str]]:
    left: Counter[str] = Counter()
    sent = {"Identification": "B1", "SequenceNumber": "1", "Name": "Bank Street", "PostalAddress": ADDRESS, **members}
    record, faults = open_data_uk.branch(sent, left)
    assert faults == []
    return record, left


def special(*entries: dict[str, Any]) -> tuple[list[dict[str, Any]], Counter[str]]:
    record, left = branch(Availability={"StandardAvailability": {"Day": []}, "NonStandardAvailability": list(entries)})
    found: list[dict[str, Any]] = record["availability"]["special"]
    return found, left


def test_days_that_differ_and_are_dated_are_special_days() -> None:
    closed = {"Name": "Christmas Day", "FromDate": "2026-12-25", "ToDate": "2026-12-25", "Notes": "Closed"}
    short = {"Name": "Christmas Eve", "FromDate": "2026-12-24", "Day": [{"OpeningHours": HOURS}]}
    refit = {"FromDate": "2027-01-04T00:00:00.000Z", "ToDate": "2027-01-06T00:00:00.000Z"}
    refit["Day"] = [{"Name": day, "OpeningHours": HOURS} for day in ("Monday", "Sunday")]  # type: ignore[assignment]
    found, left = special(closed, short, refit)

    assert found[0]["closed"] is True
    assert (found[0]["start_date"], found[0]["end_date"], found[0]["days"]) == ("2026-12-25", "2026-12-25", [])
    hours = [{"opens": "10:00", "closes": "14:00"}]
    assert found[1]["days"] == [{"day": "THURSDAY", "opening_hours": hours}]
    assert found[2]["days"] == [{"day": "MONDAY", "opening_hours": hours}], "no Sunday is among these days"
    assert (found[2]["start_date"], found[2]["end_date"]) == ("2027-01-04", "2027-01-06")
    assert left == {}


def test_days_that_have_a_name_only_are_counted_and_told() -> None:
    found, left = special({"Name": "Bank holiday", "Day": []}, {"Name": "Carnival", "FromDate": "in February"})
    assert (found, left) == ([], {"NonStandardAvailability without dates": 2})
    assert open_data_uk.told(left) == ["Nothing is made of: NonStandardAvailability without dates (2)."]
    assert open_data_uk.told(Counter()) == []


def test_one_entry_that_is_no_list_is_an_entry() -> None:
    differs = {"Name": "Refit", "StartDate": "2026-12-01", "EndDate": "2026-12-03"}
    record, _ = branch(Availability={"StandardAvailability": {"Day": []}, "NonStandardAvailability": differs})
    assert [one["end_date"] for one in record["availability"]["special"]] == ["2026-12-03"]


def test_codes_are_the_contracts_others_are_kept_beside_them_or_told() -> None:
    other = {"Code": "COFF", "Name": "Coffee", "Description": "Free coffee"}
    record, left = branch(
        ServiceAndFacility=["CounterServices", "OnDemandCurrency", "BureauDeChange", "NightSafe", "Other"],
        OtherServiceAndFacility=[other, {"Name": "Print shop"}],
        Accessibility=["LevelAccess", "HelpingHandUnit", "Other"],
        CustomerSegment=["Personal", "SME", "Select"],
        ContactInfo=[{"ContactType": "Phone", "ContactContent": "+44-2070000000"}, {"ContactType": "Fax"}],
        SortCode=["000000"],
    )
    assert [one["code"] for one in record["services"]] == ["CASH", "FOREIGN_EXCHANGE"]
    assert [one["code"] for one in record["other_services"]] == ["NIGHT_SAFE", "COFF", "PRINT_SHOP"]
    assert record["other_services"][1]["description"] == "Free coffee"
    assert (record["accessibility"], record["customer_segments"]) == (["LEVEL_ACCESS"], ["PERSONAL", "BUSINESS"])
    assert left == {
        "Accessibility HelpingHandUnit": 1,
        "CustomerSegment Select": 1,
        "ContactInfo Fax": 1,
        "SortCode": 1,
    }


@pytest.mark.parametrize(
    ("begin", "end", "opens", "closes"),
    [
        ("09:30", "16:30", "09:30", "16:30"),
        ("9:30", "00:00", "09:30", "24:00"),
        ("09:30:00.000Z", "16:30:00Z", "09:30", "16:30"),
        ("00:00:00", "23:59:59", "00:00", "24:00"),
    ],
)
def test_times_are_read_as_banks_write_them(begin: str, end: str, opens: str, closes: str) -> None:
    day = {"Name": "Monday", "OpeningHours": [{"OpeningTime": begin, "ClosingTime": end}]}
    record, _ = branch(Availability={"StandardAvailability": {"Day": [day]}})
    assert record["availability"]["standard"] == [
        {"day": "MONDAY", "opening_hours": [{"opens": opens, "closes": closes}]}
    ]


def test_what_closes_after_midnight_is_cut_there_as_in_a_table() -> None:
    night = [{"OpeningTime": "22:00", "ClosingTime": "02:00"}]
    late = [{"OpeningTime": "09:00", "ClosingTime": "00:00"}]
    days = [{"Name": "Sunday", "OpeningHours": night}, {"Name": "Monday", "OpeningHours": late}]
    record, _ = branch(Availability={"StandardAvailability": {"Day": days}})
    assert {each["day"]: each["opening_hours"] for each in record["availability"]["standard"]} == {
        "SUNDAY": [{"opens": "22:00", "closes": "24:00"}],
        "MONDAY": [{"opens": "00:00", "closes": "02:00"}, {"opens": "09:00", "closes": "24:00"}],
    }


@pytest.mark.parametrize("amount", ["10", "10.00", "£10", "10 GBP", " GBP 10.00"])
def test_an_atm_is_read_with_its_amount_and_what_it_cannot_say_is_told(amount: str) -> None:
    left: Counter[str] = Counter()
    location = {"LocationCategory": "RetailerOutlet", "PostalAddress": ADDRESS, "Site": {"Name": "Corner shop"}}
    sent = {"Identification": "A1", "Location": location, "SupportedCurrencies": ["EUR", "GBP"]}
    sent |= {"ATMServices": ["PINUnblock", "PINChange", "MiniStatement"], "MinimumPossibleAmount": amount}
    record, faults = open_data_uk.atm(sent | {"Note": ["Inside"], "Branch": {"Identification": "B1"}}, left)
    assert (faults, record["minimum_amount"]) == ([], {"amount": "10.00", "currency": "GBP"})
    assert (record["atm_services"], record["location_category"]) == (["PIN_CHANGE"], "RETAILER_OUTLET")
    assert record["location"] == {"latitude": 51.5136, "longitude": -0.089}
    assert left == {"ATMServices MiniStatement": 1, "Note": 1, "Branch": 1}


def test_an_amount_that_is_none_is_told() -> None:
    sent = {"SupportedCurrencies": ["GBP"], "MinimumPossibleAmount": "ten"}
    _, faults = open_data_uk.atm(sent, Counter())
    assert [fault.field for fault in faults] == ["minimum_amount.amount"]


def test_what_is_left_out_is_counted_up_to_a_number_of_names() -> None:
    left: Counter[str] = Counter()
    for number in range(1000):
        open_data_uk.branch({"Photo": "x", f"Member{number}": 1}, left)
    assert len(left) <= 101
    assert left["Photo"] == 1000
