"""One-time things under twelve requests at once, in twenty rounds: used exactly once in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from tests.attacks.oauth.browsers import Customer, rows
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import CREDENTIALS, GONE, TOKEN, Client
from tests.attacks.oauth.test_devices import GRANT, Screen, begin
from tests.conftest import Partner, WallClock
from tests.linked import Linked, link_customer, mandate

from openteller_sandbox.bank import Bank

AT_ONCE = 12
ROUNDS = 20

pytestmark = pytest.mark.both_engines
AtOnce = Callable[[Callable[[], Any]], list[Any]]


@pytest.fixture(scope="module")
def at_once() -> Iterator[AtOnce]:
    """Do the same on twelve threads, as close together as can be."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def run(act: Callable[[], Any]) -> list[Any]:
            barrier = Barrier(AT_ONCE)

            def one() -> Any:
                barrier.wait()
                return act()

            return [future.result() for future in [pool.submit(one) for _ in range(AT_ONCE)]]

        yield run


@pytest.fixture
def me(flask_app: Flask, wall: WallClock) -> Client:
    return Client(flask_app.test_client(use_cookies=False), wall).register(**LINKING)


def statuses(answers: list[Any]) -> list[int]:
    return sorted(answer.status_code for answer in answers)


@pytest.mark.abuse("oauth", "redeems a code twelve times at once")
def test_one_code_gives_one_token(me: Client, flask_app: Flask, at_once: AtOnce, bank: Bank) -> None:
    for _ in range(ROUNDS):
        code = Customer(flask_app, me.pushed()).sign_in().approve().returned["code"]
        forms = [(me.authenticated(**me.code_form(code)), {"DPoP": me.proof()}) for _ in range(AT_ONCE)]

        def redeem(forms: list[tuple[dict[str, Any], dict[str, str]]] = forms) -> Any:
            form, headers = forms.pop()
            return flask_app.test_client().post(TOKEN, data=form, headers=headers)

        answers = at_once(redeem)
        assert statuses(answers) == [200] + [400] * (AT_ONCE - 1)
        assert {answer.json["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}
    tokens = [row for row in rows(bank, "access_tokens") if row["app_id"] == me.client_id]
    assert not tokens, "a code that came twice has ended what came of it"


@pytest.mark.abuse("oauth", "has one request allowed in twelve browsers at once")
def test_one_pushed_request_gives_one_code(me: Client, flask_app: Flask, at_once: AtOnce, bank: Bank) -> None:
    for number in range(ROUNDS):
        query = me.pushed()
        browsers = [Customer(flask_app, query).sign_in() for _ in range(AT_ONCE)]
        waiting = list(browsers)
        at_once(lambda waiting=waiting: waiting.pop().approve())  # type: ignore[misc]
        assert sum("code" in browser.returned for browser in browsers) == 1
        assert len([row for row in rows(bank, "consents") if row["app_id"] == me.client_id]) == number + 1


@pytest.mark.abuse("oauth", "uses an assertion twelve times at once")
def test_one_assertion_authenticates_once(me: Client, flask_app: Flask, at_once: AtOnce) -> None:
    for _ in range(ROUNDS):
        form = me.authenticated(**CREDENTIALS)
        proofs = [me.proof() for _ in range(AT_ONCE)]

        def ask(form: dict[str, Any] = form, proofs: list[str] = proofs) -> Any:
            return flask_app.test_client().post(TOKEN, data=form, headers={"DPoP": proofs.pop()})

        assert statuses(at_once(ask)) == [200] + [401] * (AT_ONCE - 1)


@pytest.mark.abuse("oauth", "uses a proof twelve times at once")
def test_one_proof_opens_a_resource_once(me: Client, flask_app: Flask, at_once: AtOnce) -> None:
    token = me.token()
    for _ in range(ROUNDS):
        headers = {"Authorization": f"DPoP {token}", "DPoP": me.proof("GET", "/v1/payments", token=token)}

        def call(headers: dict[str, str] = headers) -> Any:
            return flask_app.test_client().get("/v1/payments", headers=headers)

        assert statuses(at_once(call)) == [200] + [401] * (AT_ONCE - 1)


@pytest.mark.abuse("oauth", "redeems a device code twelve times at once")
def test_one_device_code_gives_one_token(flask_app: Flask, wall: WallClock, at_once: AtOnce, bank: Bank) -> None:
    me = Client(flask_app.test_client(use_cookies=False), wall).register(
        profile="baseline", token_endpoint_auth_method="none", jwks=GONE, grant_types=[GRANT]
    )
    for number in range(ROUNDS):
        begun = begin(me)
        Screen(flask_app, begun["user_code"]).sign_in().approve()
        form = me.authenticated(grant_type=GRANT, device_code=begun["device_code"])
        answers = at_once(lambda form=form: flask_app.test_client().post(TOKEN, data=form))  # type: ignore[misc]
        assert statuses(answers) == [200] + [400] * (AT_ONCE - 1)
        assert len([row for row in rows(bank, "access_tokens") if row["app_id"] == me.client_id]) == number + 1


@pytest.mark.abuse("oauth", "uses a refresh token twelve times at once")
def test_one_refresh_token_has_one_successor(flask_app: Flask, wall: WallClock, at_once: AtOnce, bank: Bank) -> None:
    me = Client(flask_app.test_client(use_cookies=False), wall).register(
        **LINKING
        | {
            "profile": "baseline",
            "token_endpoint_auth_method": "none",
            "jwks": GONE,
            "grant_types": ["authorization_code", "refresh_token"],
        }
    )
    code = Customer(flask_app, me.pushed()).sign_in().approve().returned["code"]
    token = dict(me.redeem(code).json or {})["refresh_token"]
    for number in range(ROUNDS):
        form = me.authenticated(grant_type="refresh_token", refresh_token=token)
        proofs = [me.proof() for _ in range(AT_ONCE)]

        def refresh(form: dict[str, Any] = form, proofs: list[str] = proofs) -> Any:
            return flask_app.test_client().post(TOKEN, data=form, headers={"DPoP": proofs.pop()})

        answers = at_once(refresh)
        assert statuses(answers) == [200] * AT_ONCE
        (token,) = {answer.json["refresh_token"] for answer in answers}
        assert len([row for row in rows(bank, "refresh_tokens") if row["client_id"] == me.client_id]) == number + 2


@pytest.mark.abuse("oauth", "pays twelve times at once under a one-off mandate")
def test_a_one_off_mandate_pays_once(partner: Partner, flask_app: Flask, at_once: AtOnce) -> None:
    for number in range(ROUNDS):
        user = link_customer(partner, mandate(partner, maximum_uses=1))
        saved = user.save()

        def pay(user: Linked = user, saved: str = saved) -> Any:
            return replace(user, client=flask_app.test_client(use_cookies=False)).pay(saved)

        answers = at_once(pay)
        assert statuses(answers) == [201] + [403] * (AT_ONCE - 1)
        assert {answer.json["code"] for answer in answers if answer.status_code == 403} == {"MANDATE_EXCEEDED"}
        paid = [each for each in partner.get("/v1/payments", limit=100).json["data"] if each["total"]]
        assert len(paid) == number + 1
