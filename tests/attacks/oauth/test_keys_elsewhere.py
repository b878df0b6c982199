"""Keys at a client's address: fetched from where the operator allows, within bounds, and not at a stranger's wish."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.attacks.oauth.parties import ASSERTION_TYPE, CREDENTIALS, GONE, Client, new_key, public, refused, signed
from tests.conftest import WallClock, make_bank
from tests.sandbox.test_serving import _call
from tests.sdk.processes import sandbox

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import keysets

FRESH_S, FLOOR_S = keysets.FRESH_MS // 1000, keysets.FLOOR_MS // 1000


@dataclass
class KeyServer:
    """A client's server, which says whatever a test wants."""

    port: int
    keys: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[], bytes] | None = None
    asked: list[bytes] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def uri(self) -> str:
        return f"https://localhost:{self.port}/keys.json"

    def say(self) -> bytes:
        return self.answer() if self.answer else saying(json.dumps({"keys": self.keys}).encode())


def saying(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of localhost that only these tests trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "localhost.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture(scope="module")
def listening(certificate: Path) -> Iterator[KeyServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = KeyServer(listener.getsockname()[1])

        def serve() -> None:
            while not server.stop.is_set():
                with suppress(OSError), listener.accept()[0] as connection:
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as secured:
                        server.asked.append(secured.recv(4096))
                        secured.sendall(server.say())

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server
        server.stop.set()
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port)).close()
        thread.join()


@pytest.fixture(scope="module")
def listing(
    tmp_path_factory: pytest.TempPathFactory, listening: KeyServer, certificate: Path
) -> Iterator[tuple[Bank, WallClock]]:
    """A bank whose operator has listed that server."""
    clock, hosts = WallClock(), frozenset({f"localhost:{listening.port}", f"127.0.0.1:{listening.port}"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        keysets._tls.cache_clear()
        opened = make_bank(tmp_path_factory.mktemp("listing"), clock, jwks_hosts=hosts)
        yield opened, clock
        opened.db.close()
    keysets._tls.cache_clear()


@pytest.fixture
def server(listening: KeyServer) -> KeyServer:
    keysets.forget()
    listening.keys, listening.answer = [], None
    listening.asked.clear()
    return listening


@pytest.fixture
def me(listing: tuple[Bank, WallClock], server: KeyServer) -> Client:
    """A client whose keys are there."""
    bank, clock = listing
    client = Client(create_app(bank).test_client(use_cookies=False), clock)
    server.keys = [public(client.key, kid="k1")]
    return client.register(jwks=GONE, jwks_uri=server.uri)


def ask(me: Client, kid: str | None = "k1", **changes: Any) -> Any:
    """Ask for a token with a fresh assertion."""
    assertion = me.assertion(header={"kid": kid} if kid else {}, **changes)
    return me.grant(CREDENTIALS | {"client_assertion": assertion})


def test_keys_are_fetched_once_and_kept(me: Client, server: KeyServer) -> None:
    assert me.registration["jwks_uri"] == server.uri
    assert "jwks" not in me.registration
    assert not server.asked, "nothing is fetched before it is needed"
    assert [ask(me).status_code for _ in range(3)] == [200] * 3
    assert ask(me, kid=None).status_code == 200
    (request,) = server.asked
    assert request.startswith(b"GET /keys.json HTTP/1.1\r\nHost: localhost:")
    assert b"Authorization" not in request


def test_a_new_key_is_found_by_its_name_and_an_old_one_goes(me: Client, server: KeyServer) -> None:
    assert ask(me).status_code == 200
    new = new_key()
    server.keys = [public(new, kid="k2")]
    refused(ask(me, "k2", key=new), "invalid_client")
    me.wall.advance(FLOOR_S)
    assert ask(me, "k2", key=new).status_code == 200
    refused(ask(me), "invalid_client")


def test_a_key_that_was_taken_away_is_taken_for_some_minutes_at_most(me: Client, server: KeyServer) -> None:
    assert ask(me).status_code == 200
    server.keys = [public(new_key(), kid="k9")]
    me.wall.advance(FRESH_S - 1)
    assert ask(me).status_code == 200
    me.wall.advance(1)
    refused(ask(me), "invalid_client")


@pytest.mark.abuse("credentials", "has a client's keys fetched again and again")
def test_unknown_key_names_do_not_make_the_bank_ask_without_end(me: Client, server: KeyServer) -> None:
    assert ask(me).status_code == 200
    for number in range(20):
        refused(ask(me, f"stranger-{number}"), "invalid_client")
    assert len(server.asked) == 1
    me.wall.advance(FLOOR_S)
    for number in range(20):
        refused(ask(me, f"stranger-{number}"), "invalid_client")
    assert len(server.asked) == 2
    assert ask(me).status_code == 200, "whose keys are known is not locked out by it"


BROKEN: dict[str, Callable[[KeyServer], bytes]] = {
    "a redirect": lambda to: saying(b"", "302 Found", f"Location: {to.uri}2\r\n"),
    "an error": lambda to: saying(json.dumps({"keys": to.keys}).encode(), "500 Oops"),
    "no JSON": lambda _: saying(b"<html>"),
    "no set": lambda to: saying(json.dumps(to.keys).encode()),
    "a member twice": lambda to: saying(b'{"keys": [], "keys": ' + json.dumps(to.keys).encode() + b"}"),
    "too deep": lambda _: saying(b"[" * 5000 + b"]" * 5000),
    "too long": lambda to: saying(json.dumps({"keys": to.keys, "fill": "x" * 70_000}).encode()),
    "a head without end": lambda to: saying(json.dumps({"keys": to.keys}).encode(), headers="X: y\r\n" * 20_000),
    "too many keys": lambda to: saying(json.dumps({"keys": to.keys * 11}).encode()),
    "two keys of one name": lambda to: saying(json.dumps({"keys": [*to.keys, public(new_key(), kid="k1")]}).encode()),
    "half an answer": lambda to: saying(json.dumps({"keys": to.keys}).encode())[:-4],
    "another protocol": lambda _: b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing": lambda _: b"",
}


@pytest.mark.abuse("credentials", "answers the bank, which asks for keys, with something else")
@pytest.mark.parametrize("how", BROKEN)
def test_whatever_the_server_says_no_broken_set_is_taken(me: Client, server: KeyServer, how: str) -> None:
    server.answer = lambda: BROKEN[how](server)
    refused(ask(me), "invalid_client")
    server.answer = None
    refused(ask(me), "invalid_client")
    assert len(server.asked) == 1, "a redirect is not followed, and nobody asks again at once"
    me.wall.advance(FLOOR_S)
    assert ask(me).status_code == 200


@pytest.mark.abuse("credentials", "publishes a private or a shared key for everybody to sign with")
@pytest.mark.parametrize("kind", ["private", "shared"])
def test_a_set_with_a_private_key_is_not_taken(me: Client, server: KeyServer, kind: str) -> None:
    extra = me.key.as_dict(private=True) if kind == "private" else {"kty": "oct", "k": "c2VjcmV0"}
    server.keys = [*server.keys, {**extra, "kid": "k2"}]
    refused(ask(me), "invalid_client")


def test_keys_that_are_for_something_else_are_passed_over(me: Client, server: KeyServer) -> None:
    server.keys += [{"kty": "OKP", "crv": "X25519", "x": "A" * 43, "kid": "e1"}, {**server.keys[0], "use": "enc"}]
    assert ask(me).status_code == 200


def test_a_server_that_drips_is_not_waited_for(me: Client, server: KeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keysets, "TIMEOUT_S", 0.2)
    over = threading.Event()

    def drip() -> bytes:
        over.wait(5)
        return b""

    server.answer = drip
    refused(ask(me), "invalid_client")
    over.set()


def test_a_name_that_leads_to_the_banks_own_net_is_not_asked(
    me: Client, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", server.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    refused(ask(me), "invalid_client")
    assert not server.asked


@pytest.mark.abuse("credentials", "signs with a key of another place than the registered one")
@pytest.mark.parametrize("header", ["jku", "x5u", "jwk"])
def test_a_header_that_names_keys_elsewhere_is_of_no_account(me: Client, server: KeyServer, header: str) -> None:
    other = new_key()
    value = public(other) if header == "jwk" else f"https://localhost:{server.port}/other.json"
    answer = me.grant(CREDENTIALS | {"client_assertion": me.assertion(header={header: value, "kid": "k1"}, key=other)})
    refused(answer, "invalid_client")
    assert all(request.startswith(b"GET /keys.json ") for request in server.asked)


@pytest.mark.abuse("credentials", "registers an address of keys that only the bank can reach")
@pytest.mark.parametrize(
    "uri",
    [
        "http://localhost:{port}/keys.json",
        "https://localhost/keys.json",
        "https://LOCALHOST.evil.example:{port}/keys.json",
        "https://localhost:{port}@evil.example/keys.json",
        "https://user@localhost:{port}/keys.json",
        "https://evil.example#@localhost:{port}/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]:{port}/keys.json",
        "https://2130706433:{port}/keys.json",
        "https://localhost:{port}/keys.json#k1",
        "file:///etc/passwd",
        "javascript:alert(1)//{port}",
    ],
)
def test_only_listed_places_can_be_registered(me: Client, server: KeyServer, uri: str) -> None:
    wanted = {"client_name": "x", "profile": "fapi2", "jwks_uri": uri.format(port=server.port)}
    refused(me.http.post("/oauth/register", json=wanted), "invalid_client_metadata")
    assert not server.asked


def test_keys_come_by_value_or_from_a_place(me: Client, server: KeyServer) -> None:
    both = {"client_name": "x", "profile": "fapi2", "jwks_uri": server.uri, "jwks": {"keys": [public(new_key())]}}
    refused(me.http.post("/oauth/register", json=both), "invalid_client_metadata")


def test_a_client_changes_from_one_to_the_other(me: Client, server: KeyServer) -> None:
    bearer = {"Authorization": f"Bearer {me.registration['registration_access_token']}"}
    place = f"/oauth/register/{me.client_id}"
    wanted = {"client_id": me.client_id, "client_name": "x", "jwks": {"keys": [public(me.key, kid="k1")]}}
    changed = me.http.put(place, json=wanted, headers=bearer)
    assert changed.status_code == 200 and "jwks_uri" not in changed.json
    assert ask(me).status_code == 200
    assert not server.asked


def test_without_a_list_no_place_is_taken(new_client: Callable[..., Client], server: KeyServer) -> None:
    wanted = {"client_name": "x", "profile": "fapi2", "jwks_uri": server.uri}
    refused(new_client().http.post("/oauth/register", json=wanted), "invalid_client_metadata")


def test_nobody_else_waits_for_a_slow_server(server: KeyServer, certificate: Path, tmp_path: Path) -> None:
    """A real server: it asks for the keys beside its loop."""
    key, asked, over = new_key(), threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        over.wait(2)
        return saying(json.dumps({"keys": [public(key, kid="k1")]}).encode())

    server.answer = slow
    options = ("--jwks-host", f"localhost:{server.port}")
    with (
        sandbox(tmp_path, *options, env={"SSL_CERT_FILE": str(certificate)}) as (url, _),
        ThreadPoolExecutor(1) as beside,
    ):
        status, _, made = _call(
            url,
            "POST",
            "/oauth/register",
            json.dumps({"client_name": "x", "profile": "fapi2", "jwks_uri": server.uri}).encode(),
            Content_Type="application/json",
        )
        assert status == 201, made
        client_id, now = json.loads(made)["client_id"], int(time.time())
        claims = {"iss": client_id, "sub": client_id, "aud": url, "iat": now, "exp": now + 60, "jti": "once"}
        proof = {"htm": "POST", "htu": f"{url}/oauth/token", "iat": now, "jti": "once"}
        form = CREDENTIALS | {
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": signed({"alg": "ES256", "kid": "k1"}, claims, key),
        }
        headers = {
            "Content_Type": "application/x-www-form-urlencoded",
            "DPoP": signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": public(key)}, proof, key),
        }
        waiting = beside.submit(_call, url, "POST", "/oauth/token", urlencode(form).encode(), **headers)
        assert asked.wait(60)
        assert _call(url, "GET", "/v1/status")[0] == 200
        assert not waiting.done()
        over.set()
        status, _, answer = waiting.result()
        assert status == 200, answer
