"""How a client is made: by arguments, by the environment, and from another client."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.sdk.doubles import APP, BANK, answer, bank, example, gives_token, refusal, serving

from openteller import AsyncOpenTeller, OpenTeller, errors, hooks
from openteller._drivers import network
from openteller.errors import ConfigurationError
from openteller.hooks import Event

NAMES = ("OPENTELLER_BASE_URL", "OPENTELLER_CLIENT_ID", "OPENTELLER_CLIENT_SECRET")
OTHERS = ("OPENTELLER_CREDENTIALS", "OPENTELLER_PRIVATE_KEY")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *OTHERS, *PROXIES, *(name.upper() for name in PROXIES)):
        monkeypatch.delenv(name, raising=False)


def status_bank() -> Any:
    return bank(answer(200, example("getStatus")))


# --- where the bank is


def test_without_a_word_it_is_the_sandbox_of_this_machine() -> None:
    assert repr(OpenTeller()) == "OpenTeller('http://127.0.0.1:8080', anonymous)"
    assert repr(AsyncOpenTeller()) == "AsyncOpenTeller('http://127.0.0.1:8080', anonymous)"


def test_the_environment_fills_in_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("https://bank.test/", "app_1", "secret-1"), strict=True):
        monkeypatch.setenv(name, value)
    setup = OpenTeller()._caller.setup

    assert setup.base_url == "https://bank.test"
    assert setup.credentials is not None
    assert (setup.credentials.client_id, setup.credentials.client_secret) == ("app_1", "secret-1")
    assert repr(OpenTeller()) == "OpenTeller('https://bank.test', with credentials)"


def test_the_file_of_the_command_line_is_the_clients_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "app.json"
    file.write_text('{"client_id": "app_1", "client_secret": "secret-1", "name": "机器人"}', encoding="utf-8")
    monkeypatch.setenv("OPENTELLER_CREDENTIALS", str(file))

    assert repr(OpenTeller()) == "OpenTeller('http://127.0.0.1:8080', with credentials)"
    assert repr(OpenTeller(client_id="")) == "OpenTeller('http://127.0.0.1:8080', anonymous)"
    monkeypatch.setenv("OPENTELLER_CLIENT_ID", "app_2")
    monkeypatch.setenv("OPENTELLER_CLIENT_SECRET", "secret-2")
    credentials = OpenTeller()._caller.setup.credentials
    assert credentials is not None and credentials.client_id == "app_2"


@pytest.mark.parametrize("content", ["client_secret=hidden", '["hidden"]', '{"client_id": "a", "secret": "hidden"}'])
def test_a_file_without_credentials_is_refused_without_what_it_holds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "app.json"
    file.write_text(content, encoding="utf-8")
    monkeypatch.setenv("OPENTELLER_CREDENTIALS", str(file))

    with pytest.raises(ConfigurationError, match="openteller apps create") as caught:
        OpenTeller()

    assert "hidden" not in str(caught.value)
    monkeypatch.setenv("OPENTELLER_CREDENTIALS", str(tmp_path / "none.json"))
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        OpenTeller()


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(NAMES, ("https://other.test", "app_1", "secret-1"), strict=True):
        monkeypatch.setenv(name, value)
    setup = OpenTeller(BANK, client_id="app_2", client_secret="secret-2")._caller.setup

    assert setup.base_url == BANK
    assert setup.credentials is not None and setup.credentials.client_id == "app_2"


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")

    assert repr(OpenTeller()) == "OpenTeller('http://127.0.0.1:8080', anonymous)"


@pytest.mark.parametrize(
    ("given", "missing"),
    [({"client_id": "app_1"}, "client_secret"), ({"client_secret": "secret-1"}, "client_id")],
)
def test_half_of_the_credentials_are_none(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{missing} is missing.*OPENTELLER_{missing.upper()}"):
        OpenTeller(**given)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost:80", "http://LOCALHOST", "http://127.9.9.9", "http://[::1]:8080"],
)
def test_clear_text_may_go_to_this_machine(url: str) -> None:
    OpenTeller(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.test",
        "http://192.168.1.5:8080",
        "http://127.0.0.1.bank.test",
        "http://0.0.0.0",
        "http://localhost.a",
    ],
)
def test_clear_text_to_another_machine_is_refused(url: str) -> None:
    for kind in (OpenTeller, AsyncOpenTeller):
        with pytest.raises(ConfigurationError, match=r"clear text.*allow_http=True"):
            kind(url)
        kind(url, allow_http=True)


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://bank.test/", "https://bank.test"),
        (" https://bank.test/api/v9// ", "https://bank.test/api/v9"),
        ("https://BANK.test:8443", "https://BANK.test:8443"),
        ("https://银行.test", "https://银行.test"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_base_url_ends_without_a_slash(url: str, base: str) -> None:
    assert OpenTeller(url)._caller.setup.base_url == base


@pytest.mark.parametrize(
    "url",
    [
        "bank.test",
        "ftp://bank.test",
        "https://",
        "https:///v1",
        "https://bank.test:port",
        "https://bank.test:99999",
        "https://[::1",
        "https://user@bank.test",
        "https://user:secret@bank.test",
        "https://bank.test?x=1",
        "https://bank.test/v1",
        "https://bank.test/api/v1//",
        "https://bank.test/#x",
        "https://ba nk.test",
        "https://bank\x00.test",
        "https://bank.test\\@elsewhere.test",
        "https://ba%6ek.test",
        f"https://{'a' * 64}.test",
        "https://-.-..x",
        "https://.",
        5,
        b"https://bank.test",
    ],
)
def test_a_base_url_that_cannot_be_is_refused(url: Any) -> None:
    with pytest.raises(ConfigurationError, match="base_url") as caught:
        OpenTeller(url)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": float("nan")},
        {"timeout": float("inf")},
        {"timeout": "10"},
        {"deadline": 0},
        {"deadline": [5]},
        {"max_retries": -1},
        {"max_retries": 1.5},
        {"max_retries": "3"},
        {"headers": {"Authorization": "Bearer x"}},
        {"headers": {"HOST": "elsewhere.test"}},
        {"headers": {"content-length": "5"}},
        {"headers": {"Idempotency-Key": "always-the-same"}},
        {"headers": {"Accept-Encoding": "br"}},
        {"headers": {"": "x"}},
        {"headers": {"X-Te am": "x"}},
        {"headers": {"X-Team:": "x"}},
        {"headers": {"X-团队": "x"}},
        {"headers": {"X-Team": "x\r\nX-Other: y"}},
        {"headers": {"X-Team": "账单"}},
        {"headers": {"X-Team": 5}},
        {"headers": [("X-Team", "x")]},
        {"hooks": print},
        {"hooks": ["log"]},
    ],
    ids=str,
)
def test_an_option_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    for kind in (OpenTeller, AsyncOpenTeller):
        with pytest.raises(ConfigurationError) as caught:
            kind(BANK, **options)
        assert next(iter(options)).rstrip("s") in str(caught.value)
        client = kind(BANK)
        with pytest.raises(ConfigurationError):
            client.with_options(**options)


@pytest.mark.parametrize(
    "credentials", [{"client_id": 5, "client_secret": "x"}, {"client_id": "x", "client_secret": b"y"}]
)
def test_credentials_are_strings(credentials: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="are strings"):
        OpenTeller(BANK, **credentials)


def test_a_callers_own_name_for_the_client_goes_before_ours() -> None:
    app = status_bank()
    OpenTeller(BANK, wsgi_app=app, headers={"User-Agent": "bot/1", "X-Team": "a"}).with_options(
        headers={"x-team": "b", "X-More": "c"}
    ).status.get()

    environ = app.seen[0]
    assert (environ["HTTP_USER_AGENT"], environ["HTTP_X_TEAM"], environ["HTTP_X_MORE"]) == ("bot/1", "b", "c")


# --- one client from another


def test_with_options_shares_token_and_connections() -> None:
    def handle(visit: Any) -> None:
        gives_token(visit) or visit.answer(example("getStatus"))

    with serving(handle) as server, OpenTeller(server.url, **APP) as client:
        client.status.get()
        client.with_options(timeout=5, headers={"X-Team": "a"}).status.get()
        client.with_options(max_retries=0).with_options(deadline=9).status.get()

        assert server.connections == 1
        assert [visit.path for visit in server.visits].count("/oauth/token") == 1


@pytest.mark.anyio
async def test_with_options_shares_token_and_connections_for_async_programs() -> None:
    def handle(visit: Any) -> None:
        gives_token(visit) or visit.answer(example("getStatus"))

    with serving(handle) as server:
        async with AsyncOpenTeller(server.url, **APP) as client:
            await client.with_options(timeout=5).status.get()
            await client.status.get()

        assert (server.connections, len(server.visits)) == (1, 3)


def test_with_options_changes_only_the_new_client() -> None:
    events: list[Event] = []
    client = OpenTeller(BANK, timeout=5, deadline=6, max_retries=1, headers={"X-Team": "a"}, hooks=[hooks.log()])
    other = client.with_options(timeout=7, hooks=[events.append])
    old, new = client._caller.setup, other._caller.setup

    assert type(other) is OpenTeller
    assert (old.timeout, old.deadline, old.max_retries) == (5, 6, 1)
    assert (new.timeout, new.deadline, new.max_retries) == (7, 6, 1)
    assert new.headers == old.headers and len(new.hooks) == len(old.hooks) == 1
    assert new.hooks != old.hooks
    assert client.with_options(hooks=[])._caller.setup.hooks == ()
    assert client.payments is client.payments is not other.payments


def test_a_client_that_is_closed_says_so() -> None:
    client = OpenTeller(BANK, wsgi_app=status_bank())
    other = client.with_options(timeout=5)
    with client:
        client.status.get()
    client.close()

    for closed in (client, other):
        with pytest.raises(ConfigurationError, match="this client is closed"):
            closed.status.get()


@pytest.mark.anyio
async def test_an_async_client_that_is_closed_says_so() -> None:
    client = AsyncOpenTeller(BANK, wsgi_app=status_bank())
    async with client:
        await client.status.get()
    await client.aclose()

    with pytest.raises(ConfigurationError, match="this client is closed"):
        await client.status.get()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_an_async_client_outlives_its_event_loop(backend: str) -> None:
    """A notebook, or tests with a loop each: what was open is gone, and the client goes on, token and all."""

    def handle(visit: Any) -> None:
        gives_token(visit) or visit.answer(example("getStatus"))

    with serving(handle) as server:
        client = AsyncOpenTeller(server.url, **APP)
        for _ in range(3):
            anyio.run(client.status.get, backend=backend)
        anyio.run(client.aclose, backend=backend)
        gc.collect()

        assert [visit.path for visit in server.visits] == ["/oauth/token", *["/v1/status"] * 3]


def test_two_event_loops_at_once_are_refused() -> None:
    client = AsyncOpenTeller(BANK, wsgi_app=status_bank())
    theirs = asyncio.new_event_loop()
    ours = asyncio.new_event_loop()
    theirs.run_until_complete(client.status.get())
    with pytest.raises(ConfigurationError, match="another event loop, which has not ended"):
        ours.run_until_complete(client.status.get())

    theirs.close()
    assert ours.run_until_complete(client.status.get()).services
    ours.close()


def test_a_client_that_was_never_used_closes() -> None:
    OpenTeller(BANK).close()


def test_what_needs_credentials_says_so_before_anything_is_sent() -> None:
    app = status_bank()
    with pytest.raises(ConfigurationError, match=r"getPayment needs an app's credentials \(scope payments:read\)"):
        OpenTeller(BANK, wsgi_app=app).payments.get("pay_1")

    assert app.seen == []


def test_an_idempotency_key_that_cannot_be_sent_is_refused() -> None:
    client = OpenTeller(BANK, wsgi_app=status_bank(), **APP)
    for key in ("", "a b", "键", "a\nb", "x" * 65):
        with pytest.raises(ConfigurationError, match="1 to 64 characters"):
            client.payments.create(partner_reference="order-1", idempotency_key=key)


def test_values_that_cannot_be_sent_are_refused() -> None:
    client: Any = OpenTeller(BANK, wsgi_app=status_bank(), **APP)

    with pytest.raises(ConfigurationError, match="rate is a float"):
        client.calculators.loan(product_code="x", amount=None, term="P1Y", rate=0.03)
    with pytest.raises(ConfigurationError, match=r"inputs\.account_number is a float"):
        client.payments.create(partner_reference="x", inputs={"account_number": 3.1})
    with pytest.raises(ConfigurationError, match="bill_ids cannot be sent: no way to write a set"):
        client.payments.create(partner_reference="x", bill_ids={"a"})
    with pytest.raises(ConfigurationError, match="limit is a float"):
        client.payments.list(limit=1.5).page()
    with pytest.raises(ConfigurationError, match="needs a time zone"):
        client.sandbox.advance_clock(to=datetime(2026, 9, 29))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("near", [(39.9,), (91, 0), (0, 181), (float("nan"), 0), ("a", "b"), 5, (116.4, 39.9, 1)])
def test_a_place_that_cannot_be_is_refused(near: Any) -> None:
    with pytest.raises(ConfigurationError, match="near is"):
        OpenTeller(BANK).branches.list(near=near)


# --- proxies and TLS


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://proxy.test", "socks5://proxy.test", "ftp://u:secret@proxy.test"])
def test_a_proxy_that_cannot_be_is_refused(proxy: str) -> None:
    with OpenTeller(BANK, proxy=proxy) as client, pytest.raises(ConfigurationError, match="the proxy") as caught:
        client.status.get()

    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("verify", ["/etc/ca.pem", False, True])
def test_a_context_that_is_none_is_refused(verify: Any) -> None:
    with OpenTeller(BANK, verify=verify) as client, pytest.raises(ConfigurationError, match=r"an ssl\.SSLContext"):
        client.status.get()


def test_a_proxy_gets_what_goes_through_it() -> None:
    with serving(lambda visit: visit.answer(example("getStatus"))) as proxy:
        with OpenTeller("http://bank.test", allow_http=True, proxy=proxy.url) as client:
            client.status.get()

        assert proxy.lines == ["GET http://bank.test/v1/status HTTP/1.1"]


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_the_environments_proxy_is_used(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    with serving(lambda visit: visit.answer(example("getStatus"))) as proxy:
        monkeypatch.setenv(variable, proxy.url)
        with OpenTeller("http://bank.test", allow_http=True) as client:
            client.status.get()

        assert len(proxy.lines) == 1


def test_what_goes_to_this_machine_does_not_leave_it_for_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clear text is allowed to this machine only because nobody is in between."""
    monkeypatch.setenv("http_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("all_proxy", "http://proxy.test:3128")
    for host in ("127.0.0.1", "localhost", "[::1]"):
        assert network._proxy(f"http://{host}:8080", None) is None
    assert network._proxy("http://192.168.1.5", None) == "http://proxy.test:3128"


def test_the_environments_exceptions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("no_proxy", "bank.test")

    assert network._proxy("https://bank.test", None) is None
    assert network._proxy("https://other.test", None) == "http://proxy.test:3128"
    assert network._proxy("https://bank.test", "http://mine.test") == "http://mine.test"


def test_a_proxy_that_refuses_is_told() -> None:
    def handle(visit: Any) -> None:
        visit.answer(b"", "407 Proxy Authentication Required", "text/plain")

    with (
        serving(handle) as proxy,
        OpenTeller(BANK, proxy=proxy.url, max_retries=0) as client,
        pytest.raises(errors.ConnectionFailed, match="cannot be reached"),
    ):
        client.status.get()


def test_an_error_of_a_client_with_options_is_the_same() -> None:
    app = bank(refusal(404, "NOT_FOUND"))
    with pytest.raises(errors.NotFound):
        OpenTeller(BANK, wsgi_app=app, **APP).with_options(timeout=1).payments.get("pay_1")
