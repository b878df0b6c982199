"""Nothing that is printed, logged, raised or pickled by mistake shows a token, a code, a verifier, a state or a key."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.sdk.oauth.conftest import CALLBACK, Door, entry, spoil

from openteller import OpenTeller, errors, hooks
from openteller.oauth import DeviceAuthorization, SigningKey

SOMEBODY = "user-of-the-tests"


def test_nothing_shows_what_is_secret(
    public: Callable[..., OpenTeller], door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    events: list[hooks.Event] = []
    bank = public(hooks=[events.append, hooks.log()])
    asked = bank.authorization.start(redirect_uri=CALLBACK, scope=["open-data"])
    came_back = door.approve(asked)
    pending = next(iter(bank._caller.setup.store._rows.values())).kept.content  # type: ignore[union-attr]
    allowed = bank.authorization.finish(came_back, state=asked.state, customer=SOMEBODY)
    mine = bank.for_customer(SOMEBODY)
    first = entry(bank, SOMEBODY)
    spoil(bank, SOMEBODY)
    mine.billers.categories().page()
    second = entry(bank, SOMEBODY)
    shown: list[Any] = [bank, mine, asked, allowed, first, second, bank._caller.setup, mine._caller.setup]
    shown += [mine._caller.setup.customer, bank._caller.driver, bank._caller.setup.store, *events]
    with pytest.raises(errors.InvalidCallback) as caught:
        bank.authorization.finish(came_back, state=asked.state, customer=SOMEBODY)
    shown += ["".join(traceback.format_exception(caught.value)), caplog.text]
    source = mine._caller.setup.customer
    assert source is not None
    shown += [source._held, source._held.prover if source._held else None]

    texts = [one if isinstance(one, str) else repr(one) for one in shown]
    code = dict(parse_qsl(urlsplit(came_back).query))["code"]
    assert first.key is not None and first.refresh_token and second.refresh_token
    secret = [first.access_token, first.refresh_token, second.access_token, second.refresh_token, first.key["d"]]
    secret += [asked.state, code, pending.decode(), "eyJ", SOMEBODY, urlsplit(asked.url).query]
    assert len(events) > 8 and "refreshToken" in caplog.text
    for word in secret:
        assert [text for text in texts if word in text] == [], word


def test_a_registration_hides_its_secrets(door: Door) -> None:
    made = door.register(profile="baseline", auth_method="client_secret_basic")

    assert made.client_secret and made.registration_access_token
    assert made.client_secret not in repr(made) and made.registration_access_token not in repr(made)
    assert made.to_dict()["client_secret"] == made.client_secret


def test_keys_and_codes_of_devices_are_hidden(key: SigningKey) -> None:
    device = DeviceAuthorization("BCDF-GHJK", "https://bank.example/device", 600, 5, "otd_secret", key)

    assert "otd_secret" not in repr(device) and "BCDF" not in repr(device)
    assert key.to_jwk()["d"] not in repr(key) + repr(device)


def test_introspection_hides_who_it_is(app: OpenTeller, door: Door) -> None:
    door.link(app)
    told = app.authorization.introspect("user-1")

    assert told.sub and told.sub not in repr(told) and "sub=…" in repr(told)
