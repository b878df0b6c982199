"""What belongs to another app is, for everybody else, not there; what happens in one world is not felt in another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner
from tests.contract.direct_payer import DirectPayer
from tests.contract.good_requests import Good
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.http import Problem
from openteller_sandbox.partners.service import SCOPES
from openteller_sandbox.payments.authorisation import Confirmed

OPERATIONS = contracts.load().operations
NewPartner = Callable[..., Partner]


@dataclass(frozen=True)
class Owned:
    """What one app has made, and how others ask for it: method, path with its identifier, path with an unknown one."""

    owner: Partner
    payment_id: str
    bill_ids: list[str]
    event_id: str
    requests: list[tuple[str, str, str]]


@pytest.fixture
def owned(bank: Bank, partner: Partner) -> Owned:
    fetch = partner.fetch(scenario="SEVERAL_BILLS").json
    bills = [bill["bill_id"] for bill in fetch["bills"]]
    paid = partner.pay_link(bill_ids=bills[:1], partner_reference="the-owners-order")["payment_id"]
    opened = partner.pay_link()["payment_id"]
    DirectPayer(bank).pay(paid)
    nothing = "zzzzzzzzzzzzzzzzzzzz"
    requests = [
        ("GET", f"/v1/bill-fetches/{fetch['bill_fetch_id']}", f"/v1/bill-fetches/bft_{nothing}"),
        ("GET", f"/v1/bills/{bills[0]}", f"/v1/bills/bil_{nothing}"),
        ("GET", f"/v1/payments/{paid}", f"/v1/payments/pay_{nothing}"),
        ("GET", f"/v1/payments/{paid}/receipt", f"/v1/payments/pay_{nothing}/receipt"),
        ("GET", f"/v1/payments/{opened}/receipt", f"/v1/payments/pay_{nothing}/receipt"),
        ("POST", f"/v1/payments/{opened}:cancel", f"/v1/payments/pay_{nothing}:cancel"),
        ("POST", f"/v1/payments/{paid}:cancel", f"/v1/payments/pay_{nothing}:cancel"),
    ]
    return Owned(partner, paid, bills, partner.events()[0]["event_id"], requests)


STRANGERS = {
    "another world": {},
    "the same world": {"join": "world"},
    "the same partner": {"join": "partner"},
}


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, owned: Owned, new_partner: NewPartner) -> Partner:
    """An app that is not the owner, ever nearer to it."""
    form = STRANGERS[request.param]
    return new_partner(headers=owned.owner.headers if form else None, **form)


def without_ids(answer: TestResponse) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Give all that an answer tells, but for what no two answers share."""
    body = {name: value for name, value in answer.json.items() if name != "request_id"}
    headers = {name: value for name, value in answer.headers if name not in {"X-Request-Id", "RateLimit"}}
    length = int(headers.pop("Content-Length"))
    assert length == len(answer.data)
    return answer.status_code, body, headers


def call(partner: Partner, method: str, path: str) -> TestResponse:
    return partner.get(path) if method == "GET" else partner.post(path)


@pytest.mark.abuse("strangers", "reads or cancels what another app has made, and learns whether it is there")
def test_what_is_anothers_is_answered_as_what_is_not_there(owned: Owned, stranger: Partner, bank: Bank) -> None:
    before = snapshot(bank)
    for method, path, nowhere in owned.requests:
        foreign, unknown = call(stranger, method, path), call(stranger, method, nowhere)
        assert foreign.status_code == 404
        assert foreign.json["code"] == "NOT_FOUND"
        assert without_ids(foreign) == without_ids(unknown), path
    assert snapshot(bank) == before


@pytest.mark.abuse("strangers", "makes a link for a bill that another app has fetched")
def test_anothers_bill_cannot_be_paid_and_is_answered_as_an_unknown_one(owned: Owned, stranger: Partner) -> None:
    answers = [
        stranger.post("/v1/payments", {"partner_reference": "with-anothers-bill", "bill_ids": [bill_id]})
        for bill_id in (owned.bill_ids[0], owned.bill_ids[1], "bil_zzzzzzzzzzzzzzzzzzzz")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert without_ids(answers[0]) == without_ids(answers[1]) == without_ids(answers[2])


@pytest.mark.abuse("strangers", "reads on from another app's event")
def test_anothers_event_is_no_place_to_go_on_from(owned: Owned, stranger: Partner) -> None:
    foreign = stranger.get("/v1/events", after=owned.event_id)
    unknown = stranger.get("/v1/events", after="evt_zzzzzzzzzzzzzzzzzzzz")
    assert foreign.status_code == 422
    assert without_ids(foreign) == without_ids(unknown)


@pytest.mark.abuse("strangers", "lists another app's payments by their reference")
def test_lists_show_the_apps_own_only(owned: Owned, stranger: Partner) -> None:
    assert stranger.get("/v1/payments").json["data"] == []
    assert stranger.get("/v1/payments", partner_reference="the-owners-order").json["data"] == []
    assert stranger.events() == []


@pytest.mark.abuse("strangers", "reads another partner's statement, or learns whether it is there")
def test_a_statement_is_for_every_app_of_its_partner_and_for_others_not_there(owned: Owned, stranger: Partner) -> None:
    owned.owner.advance(to="2026-09-30T00:00:00+08:00")
    (statement,) = owned.owner.get("/v1/statements").json["data"]
    shared = stranger.app["partner_id"] == owned.owner.app["partner_id"]
    assert stranger.get("/v1/statements").json["data"] == ([statement] if shared else [])
    for end in ("", "/rows", "/csv"):
        path, nowhere = f"/v1/statements/{statement['statement_id']}{end}", f"/v1/statements/stm_zzzzzzzzzzzz{end}"
        foreign, unknown = stranger.get(path), stranger.get(nowhere)
        if shared:
            assert foreign.data == owned.owner.get(path).data
        else:
            assert foreign.status_code == 404
            assert without_ids(foreign) == without_ids(unknown)


@pytest.mark.abuse("strangers", "takes the references of other partners away")
def test_a_reference_is_taken_for_its_partner_only(owned: Owned, stranger: Partner) -> None:
    answer = stranger.post("/v1/payments", {"partner_reference": "the-owners-order"})
    if stranger.app["partner_id"] == owned.owner.app["partner_id"]:
        assert (answer.status_code, answer.json["payment_id"]) == (409, owned.payment_id)
    else:
        assert answer.status_code == 201


@pytest.mark.abuse("strangers", "uses another app's idempotency key to get its answer")
def test_a_key_is_its_apps_own(owned: Owned, stranger: Partner) -> None:
    ours = owned.owner.post("/v1/payments", {"partner_reference": "under-one-key-1"}, key="one-key").json
    theirs = stranger.post("/v1/payments", {"partner_reference": "under-one-key-2"}, key="one-key").json
    assert ours["payment_id"] != theirs["payment_id"]


@pytest.mark.abuse("enumeration", "changes a character of a link to get to another payment")
def test_a_payment_link_leads_to_its_own_payment_only(owned: Owned, client: FlaskClient) -> None:
    """A code that differs in one character names nothing."""
    link = owned.owner.pay_link()["payment_link"]["url"].partition("127.0.0.1:8080")[2]
    assert client.get(link).status_code == 200
    last = "a" if link[-1] != "a" else "b"
    assert client.get(link[:-1] + last).status_code == 404


# Worlds.


@pytest.mark.abuse("strangers", "moves the clock of another world")
def test_one_worlds_clock_moves_no_other(partner: Partner, new_partner: NewPartner, client: FlaskClient) -> None:
    other = new_partner()
    ours = other.pay_link(expires_in=3600)["payment_id"]
    before = other.get("/sandbox/v1/clock").json, client.get("/v1/status").json
    partner.advance(seconds=40 * 86_400)
    assert (other.get("/sandbox/v1/clock").json, client.get("/v1/status").json) == before
    assert other.payment(ours)["status"] == "created"
    assert other.get("/v1/rates/fx").json == client.get("/v1/rates/fx").json


@pytest.mark.abuse("strangers", "resets another world")
def test_one_worlds_reset_deletes_nothing_of_another(
    bank: Bank, partner: Partner, owned: Owned, new_partner: NewPartner
) -> None:
    other = new_partner()
    body = {"partner_reference": "a-few-things-of-its-own", "context": {"channel": "weibo"}}
    fetched = other.fetch().json["bills"][0]["bill_id"]
    DirectPayer(bank).pay(other.pay_link(bill_ids=[fetched])["payment_id"])
    assert other.post("/v1/payments", body, key="kept-through-a-reset").status_code == 201
    world_id = other.app["world_id"]

    def rows() -> dict[str, list[Any]]:
        return {
            name: [row for row in content if world_id in row]
            for name, content in snapshot(bank).items()
            if isinstance(content, list)
        }

    before = rows()
    link = owned.owner.pay_link()["payment_link"]["url"].partition("127.0.0.1:8080")[2]
    assert partner.client.post(link, data={"step": "start"}).status_code == 303  # a browser on the page
    assert sum(map(len, before.values())) > 20
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert rows() == before
    gone = partner.app["world_id"]
    kept = {"worlds", "apps", "partners", "customer_accounts", "ledger_lines", "due_acts", "deeds"}  # its new beginning
    for name, content in snapshot(bank).items():
        if isinstance(content, list) and name not in kept:
            assert not [row for row in content if gone in row], name


@pytest.mark.abuse("strangers", "reads the requests of another world")
def test_the_log_of_requests_is_the_worlds_own(owned: Owned, stranger: Partner) -> None:
    seen = {row["app_id"] for row in stranger.get("/sandbox/v1/requests", limit=100).json["data"]}
    together = stranger.app["world_id"] == owned.owner.app["world_id"]
    assert (owned.owner.app["app_id"] in seen) is together


@pytest.mark.abuse("strangers", "joins a world, or a partner, that is not its own")
def test_nobody_joins_a_world_without_a_token_of_it(client: FlaskClient, new_partner: NewPartner) -> None:
    for join in ("world", "partner"):
        form = {"name": "\u4e0d\u901f\u4e4b\u5ba2", "join": join}
        assert client.post("/sandbox/v1/apps", json=form).json["code"] == "TOKEN_MISSING"
        weak = new_partner(scopes=[scope for scope in SCOPES if scope != "sandbox"])
        answer = client.post("/sandbox/v1/apps", json=form, headers=weak.headers)
        assert answer.json["code"] == "INSUFFICIENT_SCOPE"


# One bill is paid once.


@pytest.mark.abuse("bills", "has a bill paid that was paid through another app")
def test_one_bill_is_not_paid_twice_through_two_apps(bank: Bank, partner: Partner, new_partner: NewPartner) -> None:
    """Both links are made while the bill is due; the second payer is stopped before any money is held."""
    other = new_partner(headers=partner.headers, join="world")
    links = [app.pay_link(bill_ids=[app.fetch().json["bills"][0]["bill_id"]])["payment_id"] for app in (partner, other)]
    first, second = DirectPayer(bank), DirectPayer(bank, CUSTOMERS[0])
    _, attempt = second.sign_in(links[1])
    assert first.pay(links[0]) is Confirmed.DONE
    before = snapshot(bank)
    with pytest.raises(Problem) as refusal:
        second.confirm(links[1], attempt)
    assert refusal.value.code == "BILL_ALREADY_PAID"
    assert snapshot(bank) == before
    assert partner.payment(links[0])["status"] == "succeeded"
    assert other.payment(links[1])["money_at"] == "PAYER"
    bill = other.payment(links[1])["allocations"][0]["bill_id"]
    assert other.get(f"/v1/bills/{bill}").json["status"] == "PAID"
    refused = other.post("/v1/payments", {"partner_reference": "once-more", "bill_ids": [bill]})
    assert refused.json["code"] == "BILL_ALREADY_PAID"


def test_the_same_bill_is_due_in_another_world(bank: Bank, partner: Partner, new_partner: NewPartner) -> None:
    for app in (partner, new_partner()):
        bill = app.fetch().json["bills"][0]
        assert bill["status"] == "OPEN"
        assert DirectPayer(bank).pay(app.pay_link(bill_ids=[bill["bill_id"]])["payment_id"]) is Confirmed.DONE


# Scopes.


@pytest.fixture(scope="module")
def weak(flask_app: Any) -> dict[str, Partner]:
    """An app for each scope that it lacks."""
    from tests.conftest import make_partner

    client = flask_app.test_client(use_cookies=False)
    return {scope: make_partner(client, scopes=[name for name in SCOPES if name != scope]) for scope in SCOPES}


@pytest.mark.abuse("credentials", "calls what its scopes do not allow")
@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_an_app_without_the_scope_is_refused_and_told_which(
    operation_id: str, good: dict[str, Good], weak: dict[str, Partner], bank: Bank
) -> None:
    (scope,) = OPERATIONS[operation_id].scopes
    before = snapshot(bank)
    answer = good[operation_id].send(weak.get(scope, weak["open-data"]))  # none has what only a customer gives
    assert answer.status_code == 403
    assert answer.json["code"] == "INSUFFICIENT_SCOPE"
    assert scope in answer.json["detail"]
    assert snapshot(bank) == before


@pytest.mark.abuse("credentials", "calls without a token, or with an invented one")
@pytest.mark.parametrize("operation_id", [name for name, each in OPERATIONS.items() if not each.anonymous])
def test_nobody_without_a_token_gets_in(
    operation_id: str, good: dict[str, Good], client: FlaskClient, bank: Bank
) -> None:
    before = snapshot(bank)
    answer = good[operation_id].send(Partner(client, {}))
    assert answer.status_code == 401
    assert answer.json["code"] == "TOKEN_MISSING"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert snapshot(bank) == before
