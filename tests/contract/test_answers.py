"""Every documented answer is given by the running bank, and what it gives and keeps is what is documented."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import select
from tests.conftest import Partner
from tests.contract.observer import Observer
from tests.linked import link_customer

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Statement, metadata
from openteller_sandbox.oauth.model import LINKED_SCOPES

CONTRACT = contracts.load()
TAKES_PARTS = "BJ-PROPERTY_FEE-01"
NO_OPERATION = "No operation answers with it."
COMPONENT_OF_TABLE = {
    "account_links": "AccountLink",
    "atms": "Atm",
    "bill_fetches": "BillFetch",
    "biller_categories": "BillerCategory",
    "billers": "Biller",
    "bills": "Bill",
    "branches": "Branch",
    "events": "Event",
    "payments": "Payment",
    "rate_sheets": "RateSheet",
    "disputes": "Dispute",
    "receipts": "Receipt",
    "refunds": "Refund",
    "saved_billers": "SavedBiller",
    "reminders": "Reminder",
    "statement_rows": "StatementRow",
    "statements": "Statement",
    "tickets": "Ticket",
}


def test_every_answer_is_as_documented(walked: Observer) -> None:
    assert not walked.faults


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_every_documented_answer_of_an_operation_is_given(operation_id: str, walked: Observer) -> None:
    """Good answers and refusals alike: what nobody can get should not be promised."""
    operation = CONTRACT.operations[operation_id]
    documented = {int(status) for status in CONTRACT.at(operation.pointer)["responses"]}
    given = {status for name, status in walked.answers if name == operation_id}
    assert given == documented


@pytest.mark.parametrize("operation_id", CONTRACT.operations)
def test_every_error_code_that_an_operation_lists_is_given_by_it(operation_id: str, walked: Observer) -> None:
    given = {code for name, code in walked.codes if name == operation_id}
    assert given >= CONTRACT.operations[operation_id].error_codes


def test_every_error_code_is_given_by_some_operation_or_says_that_none_does(walked: Observer) -> None:
    beside = {"METHOD_NOT_ALLOWED", "DPOP_PROOF_INVALID"}  # of no operation, and of clients with keys of their own
    given = {code for _, code in walked.codes} | beside
    silent = {code for code, row in CONTRACT.error_codes.items() if NO_OPERATION in row.meaning}
    assert given | silent == CONTRACT.error_codes.keys()
    assert not given & silent


@pytest.mark.parametrize("code", CONTRACT.error_codes)
def test_the_type_of_an_error_opens_a_page_about_it(code: str, client: FlaskClient) -> None:
    """Every problem's ``type`` is ``{public_url}/errors/{code}``: the observer compares it in each answer."""
    page = client.get(f"/errors/{code}")
    assert page.status_code == 200
    assert page.mimetype == "text/html"
    row = CONTRACT.error_codes[code]
    text = page.text.replace("<code>", "`").replace("</code>", "`")
    for words in (code, str(row.status), row.meaning, row.remedy, *row.display_message.values()):
        assert escape(words) in text


def test_a_path_with_other_methods_says_which(client: FlaskClient) -> None:
    answer = client.put("/v1/payments", json={})
    assert answer.status_code == 405
    assert answer.json["code"] == "METHOD_NOT_ALLOWED"
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    CONTRACT.check_component("Problem", answer.json)


def test_every_table_of_records_is_checked_below(bank: Bank) -> None:
    tables = {name for name, table in metadata.tables.items() if "wire" in table.c}
    # Places have their tables twice; the seed is in the first ones.
    assert tables == COMPONENT_OF_TABLE.keys() | {"branches_2", "atms_2"}


@pytest.mark.parametrize("name", COMPONENT_OF_TABLE)
def test_every_stored_record_fits_the_contract(name: str, bank: Bank, walked: Observer) -> None:
    """As stored: computed members are absent, and no member is there that the contract does not name."""
    table, component = metadata.tables[name], COMPONENT_OF_TABLE[name]
    named = CONTRACT.at(f"/components/schemas/{component}")["properties"]
    stored = {member for member, schema in named.items() if not schema.get("x-computed")}
    rows = bank.db.read().all(Statement(select(table.c.wire)))
    assert rows
    for row in rows:
        record = json.loads(row["wire"])
        CONTRACT.check_record(component, record)
        assert record.keys() <= stored


NAMES_SOMETHING = {
    ("createPayment", "bills"): "/bill_ids/0",
    ("createDispute", "duplicate"): "/payment_id",
    ("createDispute", "not_received"): "/payment_id",
    ("createMandatePayment", "bill"): "/saved_biller_id",
    ("createMandatePayment", "top_up"): "/saved_biller_id",
}
"""Examples that name what nobody has fetched or paid here, and where they name it."""


NOTHING_THERE = {"confirmAccountLink": "ACCOUNT_LINK_NONCE_INVALID", "findAccountLink": "NOT_FOUND"}
"""Operations whose examples are about an account that nobody here has linked, and how they are answered."""


def own_things(path: str, partner: Partner) -> dict[str, str]:
    """Give identifiers of an app's own things for the parameters of a path."""
    if "{payment_id}" in path:
        return {"payment_id": partner.pay_link()["payment_id"]}
    if "{consent_id}" in path:
        return {"consent_id": link_customer(partner).consent_id}
    if "{branch_id}" in path:
        return {"branch_id": partner.get("/v1/branches", limit=1).json["data"][0]["branch_id"]}
    if "{type}" in path:
        return {"type": "payment.succeeded"}
    if "{reminder_id}" in path:
        saved = link_customer(partner).save(TAKES_PARTS)
        looked = partner.post("/sandbox/v1/events/bill.issued:trigger", {"saved_biller_id": saved}, key=None)
        return {"reminder_id": looked.json["data"]["reminder_id"]}
    if "{webhook_endpoint_id}" not in path:
        return {}
    made = partner.post("/v1/webhook-endpoints", {"url": "https://bot.example/first"})
    return {"webhook_endpoint_id": made.json["webhook_endpoint_id"]}


def request_examples() -> list[tuple[str, str]]:
    return [
        (name, example)
        for name, operation in CONTRACT.operations.items()
        if operation.has_body
        for example in CONTRACT.at(f"{operation.pointer}/requestBody/content/application~1json")["examples"]
    ]


@pytest.mark.parametrize(("operation_id", "example"), request_examples())
def test_a_request_of_the_documents_works_as_it_stands(operation_id: str, example: str, partner: Partner) -> None:
    """Who copies an example from the reference gets what the reference promises."""
    operation = CONTRACT.operations[operation_id]
    body = CONTRACT.at(f"{operation.pointer}/requestBody/content/application~1json/examples/{example}/value")
    path = operation.path.format_map(own_things(operation.path, partner))
    headers = link_customer(partner).headers if operation.scopes & set(LINKED_SCOPES) else partner.headers
    answer = partner.client.open(
        path, method=operation.method, json=body, headers=headers | {"Idempotency-Key": f"of-{example}"}
    )
    if pointer := NAMES_SOMETHING.get((operation_id, example)):
        assert [fault["pointer"] for fault in answer.json["errors"]] == [pointer]
    elif code := NOTHING_THERE.get(operation_id):
        assert answer.json["code"] == code
    else:
        assert answer.status_code < 300, answer.text


@pytest.mark.parametrize(
    "operation_id", [name for name, each in CONTRACT.operations.items() if each.open_data and "{" in each.path]
)
def test_an_identifier_of_the_documents_names_something(operation_id: str, client: FlaskClient) -> None:
    """Of open data, which is the same for everybody: the examples are of the seed."""
    operation = CONTRACT.operations[operation_id]
    nodes = [CONTRACT.resolve(node)[0] for node in CONTRACT.at(operation.pointer)["parameters"]]
    (parameter,) = (node for node in nodes if node["in"] == "path")
    example = parameter.get("example") or CONTRACT.resolve(parameter["schema"])[0]["examples"][0]
    assert client.get(operation.path.replace(f"{{{parameter['name']}}}", example)).status_code == 200
