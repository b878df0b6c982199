"""What a customer allows from a chat: for the chat's own customer only, and no longer than the link holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import Client, refused
from tests.attacks.oauth.test_customer_pages import Home
from tests.linker import Customer as Linker
from tests.payer import POOR, RICH
from werkzeug.test import TestResponse

from openteller_sandbox.account_links import service
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.customers.service import CUSTOMERS

pytestmark = pytest.mark.both_engines
NewClient = Callable[..., Client]
Browse = Callable[[dict[str, Any]], Customer]


class Chat:
    """Somebody who writes to a client, and what the client asks the bank about it."""

    def __init__(self, client: Client, app: Flask, name: str = "writer-of-these-tests") -> None:
        self.client = client
        self._app = app
        self._account = {"channel": "weibo", "actor_ref": name}
        self._token = client.token(scope="account-links bills:read sandbox")
        self.link: dict[str, Any] = {}

    def post(self, path: str, body: dict[str, str] | None = None) -> TestResponse:
        headers = {"Authorization": f"DPoP {self._token}", "DPoP": self.client.proof("POST", path, token=self._token)}
        return self.client.http.post(path, json=body or {}, headers=headers)

    def start(self) -> dict[str, Any]:
        body = {**self._account, "actor_label": "@小明", "return_url": self.client.redirect_uri}
        self.link = dict(self.post("/v1/account-links", body).json or {})
        return self.link

    def linked(self, who: tuple[str, str] = RICH) -> str:
        """Link the account with a customer; give the link."""
        browser = Linker(self._app, self.start()["link_url"]).approve(who)
        assert browser.left_to == self.client.redirect_uri
        answer = self.post("/v1/account-links:confirm", self._account | {"nonce": browser.returned["nonce"]})
        assert answer.status_code == 200, answer.text
        self.link = dict(answer.json or {})
        return str(self.link["account_link_id"])

    def read(self) -> dict[str, Any]:
        return dict(self.post("/v1/account-links:find", self._account).json or {})

    def unlink(self) -> dict[str, Any]:
        return dict(self.post(f"/v1/account-links/{self.link['account_link_id']}:unlink").json or {})


@pytest.fixture
def chat(linking: Client, flask_app: Flask) -> Chat:
    return Chat(linking, flask_app)


def granted(chat: Chat, customer: Browse, **changes: Any) -> dict[str, Any]:
    """Have the customer allow something; give the token's answer."""
    browser = customer(chat.client.pushed(**changes)).sign_in().approve()
    answer = chat.client.redeem(browser.returned["code"])
    assert answer.status_code == 200, answer.text
    return dict(answer.json or {})


def test_a_consent_under_a_link_ends_with_it(chat: Chat, customer: Browse) -> None:
    tokens = granted(chat, customer, account_link_id=chat.linked())
    assert chat.client.call(tokens["access_token"], "/v1/bills/bil_zzzzzzzzzzzz").status_code == 404
    assert chat.read()["consent_id"].startswith("cns_")
    described = dict(chat.client.post("/oauth/introspect", {"token": tokens["access_token"]}).json or {})
    assert described["sub"] == chat.link["subject"]
    ended = chat.unlink()
    assert (ended["status"], ended["consent_id"][:4]) == ("UNLINKED", "cns_")
    assert chat.client.call(tokens["access_token"], "/v1/bills/bil_zzzzzzzzzzzz").status_code == 401
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    refused(chat.client.grant(form), "invalid_grant")


def test_every_consent_under_a_link_ends_when_its_customer_ends_it(chat: Chat, customer: Browse, bank: Bank) -> None:
    link = chat.linked()
    under = [granted(chat, customer, account_link_id=link)["access_token"] for _ in range(2)]
    beside = granted(chat, customer)["access_token"]
    found = service.get(bank.db.read(), link)
    assert found is not None
    assert service.unlink_as_customer(bank, World(found.world_id), link, CUSTOMERS[0].customer_id)
    statuses = [chat.client.call(token, "/v1/bills/bil_zzzzzzzzzzzz").status_code for token in (*under, beside)]
    assert statuses == [401, 401, 404]


def test_its_customer_reads_from_which_account_a_consent_was_asked_for(
    chat: Chat, customer: Browse, flask_app: Flask, bank: Bank
) -> None:
    granted(chat, customer, account_link_id=chat.linked())
    found = service.get(bank.db.read(), chat.link["account_link_id"])
    assert found is not None
    allowed = Home(flask_app, found.world_id).sign_in(RICH).text.partition("应用授权")[2]
    assert "来自您的账号 微博 @***明 授权日期" in allowed


@pytest.mark.abuse("linking", "has another customer allow what he has asked for from his own chat")
def test_only_the_linked_customer_can_answer(chat: Chat, customer: Browse, bank: Bank) -> None:
    browser = customer(chat.client.pushed(account_link_id=chat.linked(RICH))).sign_in(POOR)
    assert browser.step == "sign_in"
    assert "只能由绑定该社交账号的客户答复" in browser.text
    form = browser.forms["sign_in"]
    form.values.setlist("step", ["approve"])
    browser._client.post(form.action, data=form.values)
    assert not [row for row in rows(bank, "consents") if row["app_id"] == chat.client.client_id]
    browser.sign_in(RICH)
    assert "来自您的账号 微博 @***明" in browser.text
    assert "code" in browser.approve().returned


@pytest.mark.abuse("linking", "asks under a link that is not confirmed, or has ended, or is another app's")
def test_a_request_names_a_link_of_its_own_that_holds(chat: Chat, new_client: NewClient, flask_app: Flask) -> None:
    other = Chat(new_client(**LINKING), flask_app).linked()
    waiting = chat.start()["account_link_id"]
    ended = chat.linked()
    chat.unlink()
    for link in (waiting, ended, other, "acl_zzzzzzzzzzzzzzzzzzzz", "acl_", "x", "acl_' OR 1=1 --"):
        answer = chat.client.post("/oauth/par", chat.client.request(account_link_id=link))
        refused(answer, "invalid_request")


@pytest.mark.abuse("linking", "has a link ended while its customer reads what is asked for")
def test_a_link_that_ended_meanwhile_is_found_out_at_the_approval(chat: Chat, customer: Browse, bank: Bank) -> None:
    browser = customer(chat.client.pushed(account_link_id=chat.linked())).sign_in()
    chat.unlink()
    assert browser.approve().returned["error"] == "access_denied"
    assert not [row for row in rows(bank, "consents") if row["app_id"] == chat.client.client_id]


@pytest.mark.abuse("replay", "ends a link and allows something under it at once")
def test_no_consent_outlives_its_link(chat: Chat, customer: Browse, bank: Bank) -> None:
    for _ in range(3):
        link = chat.linked()
        browsers = [customer(chat.client.pushed(account_link_id=link)).sign_in() for _ in range(5)]
        acts: list[Callable[[], Any]] = [browser.approve for browser in browsers]
        acts.insert(2, chat.unlink)
        with ThreadPoolExecutor(len(acts)) as pool:
            for future in [pool.submit(act) for act in acts]:
                future.result()
        given = [row for row in rows(bank, "consents") if row["app_id"] == chat.client.client_id]
        assert {row["status"] for row in given} <= {"REVOKED"}
        assert chat.read()["code"] == "NOT_FOUND"
