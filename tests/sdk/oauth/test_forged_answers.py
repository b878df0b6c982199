"""What a browser may bring that this program did not begin, and what is stolen on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from tests.sdk.oauth.conftest import CALLBACK, Door, entry

from openteller import OpenTeller, errors
from openteller.oauth import MemoryTokenStore

ANOTHER = "https://evil.example"


@pytest.fixture
def sent() -> list[str]:
    """What the client under attack sends."""
    return []


@pytest.fixture
def asking(app: OpenTeller, sent: list[str]) -> OpenTeller:
    return app.with_options(hooks=[lambda event: sent.append(event.operation)])


def begun(bank: OpenTeller, door: Door) -> tuple[str, dict[str, str]]:
    """Let a customer allow something; give the state, and what the browser brings back."""
    asked = bank.authorization.start(redirect_uri=CALLBACK, scope=["bills:read"])
    return asked.state, dict(parse_qsl(urlsplit(door.approve(asked)).query))


Change = Callable[[dict[str, str]], Any]
FORGED: dict[str, tuple[Change, str]] = {
    "another state": (lambda a: a.update(state="x" * 32), "state"),
    "a state with a letter more": (lambda a: a.update(state=a["state"] + "x"), "state"),
    "no state": (lambda a: a.pop("state"), "state"),
    "an empty state": (lambda a: a.update(state=""), "state"),
    "a state that is no ASCII": (lambda a: a.update(state="状态"), "state"),
    "another server's issuer": (lambda a: a.update(iss=ANOTHER), "issuer"),
    "an issuer that begins like the bank's": (lambda a: a.update(iss=a["iss"] + ".evil.example"), "issuer"),
    "an issuer with a slash": (lambda a: a.update(iss=a["iss"] + "/"), "issuer"),
    "no issuer": (lambda a: a.pop("iss"), "issuer"),
    "another server's error": (lambda a: (a.pop("code"), a.update(error="access_denied", iss=ANOTHER)), "issuer"),
    "neither code nor error": (lambda a: a.pop("code"), "form"),
}


@pytest.mark.abuse("credentials", "brings a client's browser an answer that the client did not ask for")
@pytest.mark.parametrize("what", FORGED)
def test_a_forged_answer_is_refused_and_nothing_is_sent(
    what: str, asking: OpenTeller, door: Door, sent: list[str]
) -> None:
    change, reason = FORGED[what]
    state, answer = begun(asking, door)
    change(answer)
    sent.clear()
    with pytest.raises(errors.InvalidCallback) as caught:
        asking.authorization.finish(f"{CALLBACK}?{urlencode(answer)}", state=state, customer="user-1")

    assert caught.value.reason == reason and sent == []
    assert asking.authorization.get("user-1") is None


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?",
        "?code",
        "nonsense",
        "?" + "a=1&" * 30,
        "?code=1&code=2&state={s}&iss={i}",
        "?x=" + "y" * 9000,
        "?%ff=%ff",
        "?state=\udcff",
    ],
    ids=range(9),
)
def test_what_cannot_be_read_is_no_answer(query: str, asking: OpenTeller, door: Door, sent: list[str]) -> None:
    state, answer = begun(asking, door)
    sent.clear()
    callback = CALLBACK + query.format(s=state, i=answer["iss"])
    with pytest.raises(errors.InvalidCallback):
        asking.authorization.finish(callback, state=state, customer="user-1")
    assert sent == []


def test_an_answer_that_nobody_here_asked_for_is_refused(asking: OpenTeller, door: Door, sent: list[str]) -> None:
    """Login CSRF: an attacker's own code, with a state that the attacker has put into the session."""
    answer = urlencode({"code": "otc_of-the-attacker", "state": "s" * 32, "iss": "https://bank.example"})
    with pytest.raises(errors.InvalidCallback) as caught:
        asking.authorization.finish(f"?{answer}", state="s" * 32, customer="user-1")
    assert caught.value.reason == "unknown" and sent == []


def test_an_empty_state_of_a_session_fits_no_answer(asking: OpenTeller, door: Door) -> None:
    _, answer = begun(asking, door)
    with pytest.raises(errors.InvalidCallback):
        asking.authorization.finish("?" + urlencode(answer | {"state": ""}), state="", customer="user-1")


def test_a_code_of_another_request_does_not_fit(asking: OpenTeller, door: Door) -> None:
    """Code injection: PKCE ties a code to the request that it came of."""
    _, stolen = begun(asking, door)
    state, answer = begun(asking, door)
    with pytest.raises(errors.InvalidRequest) as caught:
        asking.authorization.finish("?" + urlencode(answer | {"code": stolen["code"]}), state=state, customer="user-1")
    assert caught.value.code == "INVALID_GRANT"
    assert asking.authorization.get("user-1") is None


def test_an_answer_is_good_once(asking: OpenTeller, door: Door, sent: list[str]) -> None:
    state, answer = begun(asking, door)
    callback = "?" + urlencode(answer)
    asking.authorization.finish(callback, state=state, customer="user-1")
    sent.clear()
    with pytest.raises(errors.InvalidCallback) as caught:
        asking.authorization.finish(callback, state=state, customer="user-2")
    assert caught.value.reason == "unknown" and sent == []
    assert asking.authorization.introspect("user-1").active


@pytest.mark.abuse("credentials", "redeems the code of somebody else's browser once more")
def test_a_code_that_is_replayed_around_the_client_ends_what_came_of_it(door: Door, key: Any) -> None:
    """A copy of the store, from a moment before the answer came, knows verifier and state."""
    store, copy = MemoryTokenStore(), MemoryTokenStore()
    client_id = door.register(key=key).client_id
    with (
        door.client(client_id=client_id, private_key=key, token_store=store) as bank,
        door.client(client_id=client_id, private_key=key, token_store=copy) as thief,
    ):
        state, answer = begun(bank, door)
        for name, row in store._rows.items():
            copy.swap(name, row.kept.content, version=0)
        bank.authorization.finish("?" + urlencode(answer), state=state, customer="user-1")
        with pytest.raises(errors.InvalidRequest) as caught:
            thief.authorization.finish("?" + urlencode(answer), state=state, customer="user-1")
        assert caught.value.code == "INVALID_GRANT"
        with pytest.raises(errors.ConsentRequired):
            bank.for_customer("user-1").payments.list().first()


@pytest.mark.abuse("credentials", "calls with a token from a stolen store")
def test_a_stolen_store_is_of_no_use_without_the_key(app: OpenTeller, door: Door) -> None:
    door.link(app, scope=["open-data"])
    stolen = entry(app, "user-1")
    assert stolen.key is None
    bearer = {"Authorization": f"Bearer {stolen.access_token}"}
    assert door.app.test_client().get("/v1/biller-categories", headers=bearer).status_code == 401


def test_what_the_bank_calls_an_error_is_told_only_as_a_name(asking: OpenTeller, door: Door) -> None:
    state, answer = begun(asking, door)
    del answer["code"]
    answer |= {"error": "<script>alert(1)</script>", "error_description": "<b>call 555</b>"}
    with pytest.raises(errors.AuthorizationRefused, match="unknown_error") as caught:
        asking.authorization.finish("?" + urlencode(answer), state=state, customer="user-1")
    assert "script" not in str(caught.value) + repr(caught.value) + caught.value.code


@pytest.mark.parametrize("customer", ["", "x" * 201])
def test_a_name_that_cannot_be_kept_is_refused_before_the_code_is_used(
    customer: str, asking: OpenTeller, door: Door
) -> None:
    state, answer = begun(asking, door)
    with pytest.raises(errors.ConfigurationError):
        asking.authorization.finish("?" + urlencode(answer), state=state, customer=customer)
    asking.authorization.finish("?" + urlencode(answer), state=state, customer="user-1")
