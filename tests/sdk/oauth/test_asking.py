"""A customer is asked, tokens are got, kept, renewed, described and ended, with every kind of app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.sdk.oauth.conftest import CALLBACK, URL, Door, entry, spoil

from openteller import AsyncOpenTeller, OpenTeller, errors, hooks
from openteller._core.customers import credentials_of
from openteller._core.forms import post_form
from openteller.oauth import MemoryTokenStore, SigningKey


@pytest.mark.parametrize("kind", ["EC", "Ed25519", "RSA"])
def test_an_app_with_a_key_gets_tokens_bound_to_it(kind: str, door: Door) -> None:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    made = {"EC": (ECKey, "P-256"), "Ed25519": (OKPKey, "Ed25519"), "RSA": (RSAKey, 2048)}[kind]
    key = SigningKey(made[0].generate_key(made[1]).as_dict(private=True))
    with door.client(client_id=door.register(key=key).client_id, private_key=key) as bank:
        assert bank.payments.list().first() is None
        token = bank._caller.driver._tokens._held
    assert token is not None and token.prover is not None


def test_a_customer_allows_it_and_the_client_calls_with_their_token(app: OpenTeller, door: Door) -> None:
    asked = app.authorization.start(redirect_uri=CALLBACK, scope=["open-data"], locale="en")
    came_back = door.approve(asked)
    allowed = app.authorization.finish(came_back, state=asked.state, customer="user-1")

    assert (allowed.scope, allowed.renewable) == (("open-data",), True)
    mine = app.for_customer("user-1")
    assert mine.billers.categories().first() is not None
    assert app.authorization.get("user-1") == allowed
    told = app.authorization.introspect("user-1")
    assert told.active and told.scope == "open-data" and (told.sub or "").startswith("sub_")


def test_another_process_takes_the_answer_with_one_request(door: Door, key: SigningKey) -> None:
    """Whatever fails after the answer was taken costs the customer another visit: so nothing else is asked."""
    store, sent = MemoryTokenStore(), []
    options = {"client_id": door.register(key=key).client_id, "private_key": key, "token_store": store}
    with (
        door.client(**options) as one,
        door.client(**options, hooks=[lambda event: sent.append(event.operation)]) as other,
    ):
        asked = one.authorization.start(redirect_uri=CALLBACK, scope=["open-data"])
        other.authorization.finish(door.approve(asked), state=asked.state, customer="user-1")
        assert set(sent) == {"redeemCode"}
        assert one.authorization.introspect("user-1").active


def test_the_server_may_want_a_nonce_in_every_proof(strict_door: Door, key: SigningKey) -> None:
    client_id = strict_door.register(key=key).client_id
    with strict_door.client(client_id=client_id, private_key=key, max_retries=0) as bank:
        assert bank.payments.list().first() is None
        strict_door.link(bank)
        answer = bank.raw(bank.for_customer("user-1").billers.categories().page)
    assert (answer.status, answer.attempts) == (200, 1)


def test_the_first_proof_without_the_nonce_is_made_again_once(strict_door: Door, key: SigningKey) -> None:
    client_id = strict_door.register(key=key).client_id
    with strict_door.client(client_id=client_id, private_key=SigningKey(key.to_jwk()), max_retries=0) as bank:
        bank.payments.list().page()
        prover = bank._caller.setup.credentials.prover  # type: ignore[union-attr]
        prover._nonces.clear()  # type: ignore[union-attr]
        assert bank.raw(bank.payments.list().page).attempts == 2


def test_a_token_that_ran_out_is_renewed(app: OpenTeller, door: Door) -> None:
    door.link(app)
    mine = app.for_customer("user-1")
    first = app.authorization.get("user-1")
    spoil(app, "user-1")
    mine.billers.categories().page()

    assert app.authorization.get("user-1") != first


def test_a_public_app_has_a_key_for_each_customer_and_its_refresh_token_rotates(
    public: Callable[..., OpenTeller], door: Door
) -> None:
    bank = public()
    with pytest.raises(errors.ConfigurationError, match="for_customer"):
        bank.payments.list().first()
    door.link(bank, "user-1")
    door.link(bank, "user-2")
    kept = {name: entry(bank, name) for name in ("user-1", "user-2")}
    assert kept["user-1"].key["x"] != kept["user-2"].key["x"]
    app_token = kept["user-1"].refresh_token
    spoil(bank, "user-1")
    bank.for_customer("user-1").billers.categories().page()
    assert entry(bank, "user-1").refresh_token != app_token
    with pytest.raises(errors.AuthenticationFailed) as caught:
        bank.authorization.introspect("user-1")
    assert caught.value.code == "INVALID_CLIENT"


def test_an_app_with_a_secret_can_ask_customers_too(door: Door) -> None:
    made = door.register(profile="baseline", auth_method="client_secret_basic")
    with door.client(client_id=made.client_id, client_secret=made.client_secret) as bank:
        door.link(bank)
        assert bank.authorization.introspect("user-1").token_type == "DPoP"
        bank.for_customer("user-1").billers.categories().page()


def test_what_was_revoked_needs_a_new_consent(app: OpenTeller, door: Door) -> None:
    door.link(app)
    mine = app.for_customer("user-1")
    mine.billers.categories().page()
    app.authorization.revoke("user-1")

    assert app.authorization.get("user-1") is None
    with pytest.raises(errors.ConsentRequired, match="there are no tokens of this customer"):
        mine.payments.list().first()
    app.authorization.revoke("user-1")


def test_a_consent_that_the_bank_has_ended_is_told_as_such_and_forgotten(app: OpenTeller, door: Door) -> None:
    door.link(app)
    mine = app.for_customer("user-1")
    setup, form = app._caller.setup, {"token": entry(app, "user-1").refresh_token}
    steps = post_form(setup, "revokeToken", f"{URL}/oauth/revoke", form, credentials=credentials_of(setup))
    app._caller.driver.run(setup, steps)

    with pytest.raises(errors.ConsentRequired, match="consent has ended") as caught:
        mine.billers.categories().page()
    assert caught.value.code == "CONSENT_REQUIRED"
    assert app.authorization.get("user-1") is None


def test_a_customer_who_refuses_is_heard(app: OpenTeller, door: Door) -> None:
    asked = app.authorization.start(redirect_uri=CALLBACK, scope=["bills:read"])
    browser = door.visit(asked).sign_in().send("refuse")
    with pytest.raises(errors.AuthorizationRefused) as caught:
        app.authorization.finish(browser.answer.headers["Location"], state=asked.state, customer="user-1")
    assert caught.value.code == "ACCESS_DENIED"


@pytest.mark.anyio
async def test_async_programs_do_the_same(door: Door, key: SigningKey) -> None:
    client_id = door.register(key=key).client_id
    async with AsyncOpenTeller(URL, client_id=client_id, private_key=key, wsgi_app=door.app) as bank:
        asked = await bank.authorization.start(redirect_uri=CALLBACK, scope=["open-data"])
        await bank.authorization.finish(door.approve(asked), state=asked.state, customer="user-1")
        assert await bank.for_customer("user-1").billers.categories().first() is not None
        assert (await bank.authorization.introspect("user-1")).active
        await bank.authorization.revoke("user-1")
        with pytest.raises(errors.ConsentRequired):
            await bank.for_customer("user-1").payments.list().first()


@pytest.mark.anyio
async def test_a_task_that_is_cancelled_keeps_the_tokens_of_its_code(door: Door, key: SigningKey) -> None:
    """As when a browser goes away while its answer is taken."""
    scope = anyio.CancelScope()

    def cancel(event: hooks.Event) -> None:
        if isinstance(event, hooks.Sending) and event.operation == "redeemCode":
            scope.cancel()

    options = {"client_id": door.register(key=key).client_id, "private_key": key, "hooks": [cancel]}
    async with AsyncOpenTeller(URL, wsgi_app=door.app, **options) as bank:
        asked = await bank.authorization.start(redirect_uri=CALLBACK, scope=["open-data"])
        with scope:
            await bank.authorization.finish(door.approve(asked), state=asked.state, customer="user-1")
        assert (await bank.authorization.introspect("user-1")).active


def test_a_mandate_is_asked_for_and_told(app: OpenTeller, door: Door) -> None:
    import datetime as dt

    from openteller import Money

    biller = app.with_options().billers.list(q="SH-WATER-01").first()
    assert biller is not None
    today = app.status.get().bank_time.date()
    mandate = {
        "type": "bill_payment_mandate",
        "billers": [biller.biller_id],
        "maximum_individual_amount": Money("200.00"),
        "valid_from": today,
        "valid_to": today + dt.timedelta(days=30),
    }
    door.link(app, scope=None, authorization_details=[mandate])
    found = app.authorization.get("user-1")
    assert found is not None
    assert found.authorization_details[0]["maximum_individual_amount"] == {"amount": "200.00", "currency": "CNY"}
    assert app.authorization.introspect("user-1").authorization_details == found.authorization_details


# --- how an app is told who it is


def test_the_environment_names_the_file_of_the_key(
    door: Door, key: SigningKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key.save(tmp_path / "key.json")
    monkeypatch.setenv("OPENTELLER_CLIENT_ID", door.register(key=key).client_id)
    monkeypatch.setenv("OPENTELLER_PRIVATE_KEY", str(tmp_path / "key.json"))
    with door.client() as bank:
        assert bank.payments.list().first() is None


def test_a_key_that_is_passed_goes_before_a_secret_of_the_environment(
    door: Door, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENTELLER_CLIENT_SECRET", "of another app")
    with door.client(client_id=door.register(key=key).client_id, private_key=key) as bank:
        assert bank.payments.list().first() is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"client_id": "app_1", "client_secret": "s", "private_key": "k.json"}, "the one that it is registered with"),
        ({"client_id": "app_1", "private_key": "nowhere.json"}, "cannot be read: No such file"),
        ({"client_id": "app_1", "private_key": 5}, "is a SigningKey, or the path"),
        ({"private_key": SigningKey.generate()}, "client_id is missing"),
    ],
    ids=["both", "no file", "number", "nobody"],
)
def test_an_app_that_cannot_be_is_told_at_once(given: dict[str, Any], said: str) -> None:
    with pytest.raises(errors.ConfigurationError, match=said):
        OpenTeller(URL, **given)


def test_nobody_asks_customers_without_an_app(door: Door) -> None:
    with door.client(client_id="") as nobody:
        with pytest.raises(errors.ConfigurationError, match="needs an app: pass client_id"):
            nobody.authorization.start(redirect_uri=CALLBACK, scope=["bills:read"])
        with pytest.raises(errors.ConfigurationError, match="needs an app: pass client_id"):
            nobody.for_customer("user-1")


def test_an_app_joins_the_world_of_the_one_that_registers_it(door: Door) -> None:
    with door.client(client_id="") as nobody:
        first = nobody.sandbox.create_app(name="一")
    with door.client(client_id=first.client_id, client_secret=first.client_secret) as bank:
        made = bank.authorization.register(name="二", auth_method="client_secret_basic")
        world = bank.sandbox.worlds.get("current")
    assert {first.app_id, made.client_id} == set(world.apps)


def test_a_bank_at_another_address_than_it_says_is_not_believed(door: Door) -> None:
    known = {"client_id": "app_1", "client_secret": "s", "wsgi_app": door.app}
    with (
        OpenTeller("https://www.bank.example", **known) as bank,
        pytest.raises(errors.BrokenAnswer, match="speaks for another issuer"),
    ):
        bank.authorization.start(redirect_uri=CALLBACK, scope=["bills:read"])


# --- tokens that came another way


def test_a_token_that_came_another_way_is_used_as_it_is(door: Door) -> None:
    with door.client(client_id="") as nobody:
        app = nobody.sandbox.create_app(name="一")
    with door.client(client_id=app.client_id, client_secret=app.client_secret) as bank:
        given = bank.sandbox.create_consent(authorization_details=[])
        bank.authorization.adopt("user-1", access_token=given.access_token, expires_in=given.expires_in)
        assert bank.for_customer("user-1").saved_billers.list().first() is None
        assert bank.authorization.introspect("user-1").token_type == "Bearer"
        bank.consents.revoke(given.consent_id)
        with pytest.raises(errors.ConsentRequired, match="none came with it to renew it"):
            bank.for_customer("user-1").saved_billers.list().first()


def test_one_that_is_bound_to_the_apps_key_is_proved_with_it(app: OpenTeller, key: SigningKey) -> None:
    given = app.sandbox.create_consent(authorization_details=[], dpop_jkt=key.thumbprint)
    app.authorization.adopt(
        "user-1", access_token=given.access_token, expires_in=given.expires_in, token_type=given.token_type
    )
    assert app.for_customer("user-1").saved_billers.list().first() is None


@pytest.mark.parametrize("wrong", [{"access_token": "a b"}, {"access_token": ""}, {"token_type": "MAC"}], ids=str)
def test_what_can_be_no_token_is_not_kept(wrong: dict[str, str], app: OpenTeller) -> None:
    with pytest.raises(errors.ConfigurationError):
        app.authorization.adopt("user-1", **{"access_token": "t", "expires_in": 60, **wrong})  # type: ignore[arg-type]
    assert app.authorization.get("user-1") is None
