"""What opens something stands nowhere but in the answer that gives it out: not in logs, databases, reprs or errors."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import GONE, Client
from tests.attacks.oauth.test_code_flow import mandate
from tests.attacks.oauth.test_customer_pages import Home
from tests.attacks.oauth.test_devices import GRANT, Screen, begin, poll
from tests.conftest import Partner, WallClock
from tests.linked import POWER, link_customer
from tests.linked import mandate as a_mandate
from tests.payer import RICH

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import metadata


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ``repr`` of every dataclass of the authorization server that is made."""
    from openteller_sandbox import bank as bank_module
    from openteller_sandbox.http import exchange
    from openteller_sandbox.oauth import authorization, consents, forms, jose, model

    found: list[str] = []
    for module in (authorization, consents, forms, jose, model, exchange, bank_module):
        for each in vars(module).values():
            if isinstance(each, type) and dataclasses.is_dataclass(each) and each.__module__ == module.__name__:
                _watch(each, found, monkeypatch)
    return found


def _watch(cls: Any, found: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    made = cls.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        found.append(repr(self))

    monkeypatch.setattr(cls, "__init__", init)


@pytest.mark.abuse("oauth", "reads tokens, codes or account numbers in logs, databases or reprs")
def test_nothing_that_opens_something_is_logged_kept_or_shown(
    flask_app: Flask,
    wall: WallClock,
    bank: Bank,
    partner: Partner,
    made: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One walk over all flows, with every logger at DEBUG."""
    http = flask_app.test_client(use_cookies=False)
    secrets: dict[str, str] = {}
    with caplog.at_level(logging.DEBUG):
        me = Client(http, wall).register(**LINKING)
        secrets["registration token"] = me.registration["registration_access_token"]
        pushed = me.pushed(authorization_details=json.dumps(mandate(partner)))
        secrets["request"] = pushed["request_uri"].rpartition(":")[2]
        secrets["verifier"] = me.verifier
        browser = Customer(flask_app, pushed)
        secrets["form token"] = browser.forms["sign_in"].values["csrf"]
        browser.sign_in((RICH[0], "999111999"))
        secrets["wrong demo code"] = "999111999"
        browser.sign_in()
        secrets["form token after signing in"] = browser.forms["approve"].values["csrf"]
        for number, cookie in enumerate(browser._client._cookies.values()):  # type: ignore[union-attr]
            secrets[f"cookie {number}"] = cookie.value
        secrets["code"] = browser.approve().returned["code"]
        proof, form = me.proof(), me.authenticated(**me.code_form(secrets["code"]))
        secrets["assertion"], secrets["proof"] = form["client_assertion"], proof
        got = dict(http.post("/oauth/token", data=form, headers={"DPoP": proof}).json or {})
        secrets["access token"], secrets["refresh token"] = got["access_token"], got["refresh_token"]
        assert me.call(got["access_token"], "/v1/bills/bil_000000000000").status_code == 404
        assert me.refresh(got["refresh_token"]).status_code == 200
        me.post("/oauth/introspect", {"token": got["access_token"]})
        me.refresh("otr_wrong-refresh-token-of-the-test")
        me.redeem("otc_wrong-code-of-the-test")
        me.call("ota_wrong-token-of-the-test")
        secrets |= {name: f"{name}-of-the-test" for name in ("wrong-refresh-token", "wrong-code", "wrong-token")}
        device = Client(http, wall).register(
            profile="baseline", token_endpoint_auth_method="none", jwks=GONE, grant_types=[GRANT]
        )
        begun = begin(device)
        secrets["device code"], secrets["user code"] = begun["device_code"], begun["user_code"].replace("-", "")
        Screen(flask_app, begun["user_code"]).sign_in().approve()
        secrets["token of the device"] = dict(poll(device, begun["device_code"]).json or {})["access_token"]
        me.post("/oauth/revoke", {"token": got["refresh_token"]})
        secrets["account number"] = partner.magic(POWER, "DUE_BILL")["account_number"]
        user = link_customer(partner, a_mandate(partner))
        saved = user.save(POWER)
        fetched = user.post(f"/v1/saved-billers/{saved}/bill-fetches", key=None)
        assert fetched.status_code == 201, fetched.text
        (bill,) = fetched.json["bills"]
        assert user.pay(saved, bill["outstanding"]["amount"], bill_ids=[bill["bill_id"]]).status_code == 201
        secrets["token of a customer"] = user.headers["Authorization"].partition(" ")[2]
        home = Home(flask_app, str(partner.app["world_id"]))
        secrets["cookie before the sign-in"] = home.cookie()
        home.sign_in()
        secrets["cookie of a customer"] = home.cookie()
        assert secrets["account number"] in home.get("/export.json").text
        assert home.get("/export.csv").status_code == 200
        assert home.send("revoke").answer.status_code == 200

    kept = {name: [str(row) for row in rows(bank, name)] for name in metadata.tables if name.startswith(KEPT)}
    assert kept and made and caplog.text
    for what, secret in secrets.items():
        tail = PREFIX.sub("", secret)
        assert tail not in caplog.text, f"{what} is logged"
        assert not [text for text in made if tail in text], f"{what} is shown"
        where = [name for name, found in kept.items() if any(tail in row for row in found)]
        assert where == (["oauth_interactions"] if what.startswith("form token after") else []), f"{what} is kept"


PREFIX = re.compile("^ot[a-z]_")
"""What a token says of its kind; it may be logged. Other secrets have an underscore anywhere."""
KEPT = (
    "oauth_",
    "access_tokens",
    "refresh_tokens",
    "consents",
    "apps",
    "customer_sessions",
    "customer_notices",
    "mandate_uses",
)
"""Where the account number must not be, either: saved billers have it, and payments while they need it."""


def test_the_form_token_of_a_page_is_worth_nothing_without_its_cookie(
    flask_app: Flask, linking: Client, customer: Callable[[dict[str, Any]], Customer]
) -> None:
    """It is kept as it is, as the page shows it again."""
    browser = customer(linking.pushed()).sign_in()
    form = browser.forms["approve"].values
    assert flask_app.test_client().post(browser.path, data=form).status_code == 400
