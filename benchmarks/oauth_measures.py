"""What the front door costs: protected requests and tokens, over the same route without protection.

Both are sent to one server in turn, round by round. Proofs and assertions are good once: they are signed before a
round, and the generator only sends them. Races are run by the tests that hold them, on both databases.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import servers
from load import Result, Step
from measures import Lab, Row, alternate, branch_path, get, rates
from servers import PROJECT, Server, Unavailable

_CONNECTIONS = 16
_TOKEN_CONNECTIONS = 32
_MOST = 2000
"""Requests with a signature in a round of the full pace; a quick one has a fifth of them."""
_FORM = "application/x-www-form-urlencoded"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OPEN = "the same route, open"
_RACE_TESTS = "tests/attacks/oauth/test_races.py"
_RACES = {
    "one code: one token": "test_one_code_gives_one_token",
    "one pushed request: one code": "test_one_pushed_request_gives_one_code",
    "one device code: one token": "test_one_device_code_gives_one_token",
    "one-off mandate: one payment": "test_a_one_off_mandate_pays_once",
    "one rotated refresh token: one successor": "test_one_refresh_token_has_one_successor",
}
_ROUNDS = 20
_RACE_NOTE = "20 rounds on SQLite and 20 on PostgreSQL; a round in which it is not exactly one fails its database."


class _Signer:
    """A client of the profile fapi2, which signs for itself."""

    def __init__(self, server: Server) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._server = server
        self._issuer: str = server.get("/.well-known/oauth-authorization-server")["issuer"]
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        point = {"x": _b64(numbers.x.to_bytes(32, "big")), "y": _b64(numbers.y.to_bytes(32, "big"))}
        self._jwk = {"kty": "EC", "crv": "P-256", **point}
        wanted = {"client_name": "bench", "profile": "fapi2", "jwks": {"keys": [self._jwk]}}
        headers = {"Content-Type": "application/json"}
        status, client = server.call("POST", "/oauth/register", json.dumps(wanted).encode(), headers)
        if status != 201:
            raise Unavailable(f"no client: {status} {client}")
        self.client_id: str = client["client_id"]

    def _signed(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        content = f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(content.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{content}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"

    def proof(self, method: str, path: str, token: str | None = None) -> str:
        """Sign a DPoP proof."""
        claims = {"jti": secrets.token_hex(16), "htm": method, "htu": f"{self._issuer}{path}", "iat": int(time.time())}
        if token:
            claims["ath"] = _b64(sha256(token.encode()).digest())
        return self._signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": self._jwk}, claims)

    def form(self) -> str:
        """Give the body of a request for a token, with a fresh assertion; all of them have the same length."""
        now = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": self._issuer, "iat": now, "exp": now + 240}
        assertion = self._signed({"alg": "ES256"}, claims | {"jti": secrets.token_hex(16)})
        form = {"grant_type": "client_credentials", "scope": "open-data"}
        return urlencode(form | {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion})

    def token(self) -> str:
        """Get a token that is bound to the key."""
        headers = {"Content-Type": _FORM, "DPoP": self.proof("POST", "/oauth/token")}
        status, answer = self._server.call("POST", "/oauth/token", self.form().encode(), headers)
        if status != 200:
            raise Unavailable(f"no token: {status} {answer}")
        return str(answer["access_token"])


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _protected(lab: Lab) -> list[Row]:
    """Read a branch openly, with a bearer token, and with a token that is bound to a key."""
    path = branch_path()
    server, plain = lab.run(servers.sandbox(path)), get(path)
    bearer = get(path, servers.token(server))
    for step in (plain, bearer):
        lab.load(server, [step], _CONNECTIONS, seconds=lab.pace.warm_s)
    rounds = alternate(
        lab, lambda: lab.load(server, [bearer], _CONNECTIONS), lambda: lab.load(server, [plain], _CONNECTIONS)
    )
    return [rates("resource request, opaque Bearer", _OPEN, rounds, 0.6), _with_dpop(lab, server, path)]


def _with_dpop(lab: Lab, server: Server, path: str) -> Row:
    signer = _Signer(server)
    token = signer.token()

    def make(count: int) -> Step:
        proofs = [signer.proof("GET", path, token) for _ in range(count)]
        headers = {"Authorization": f"DPoP {token}", "DPoP": "{choice}"}
        return replace(get(path, headers), choices=proofs)

    rounds = _in_turn(lab, server, make, get(path), _CONNECTIONS)
    return rates("resource request, DPoP", _OPEN, rounds, 0.2)


def _tokens(lab: Lab) -> list[Row]:
    """Ask for tokens over as many connections as payments are created over."""
    path = branch_path()
    server, plain = lab.run(servers.sandbox(path)), get(path)
    signer = _Signer(server)

    def make(count: int) -> Step:
        proofs = [signer.proof("POST", "/oauth/token") for _ in range(count)]
        headers = {"Content-Type": _FORM, "DPoP": "{choice}"}
        return Step(
            "POST", "/oauth/token", 200, headers, "{other}", choices=proofs, others=[signer.form() for _ in proofs]
        )

    lab.load(server, [plain], _TOKEN_CONNECTIONS, seconds=lab.pace.warm_s)
    rounds = _in_turn(lab, server, make, plain, _TOKEN_CONNECTIONS)
    return [rates(f"a token for a fapi2 client, {_TOKEN_CONNECTIONS} connections", _OPEN, rounds, 0.05)]


def _in_turn(
    lab: Lab, server: Server, make: Callable[[int], Step], plain: Step, connections: int
) -> list[tuple[Result, Result]]:
    """Send so many requests, each with signatures of its own, and plain ones in turn."""
    most = _MOST if lab.pace.rounds > 3 else _MOST // 5

    def signed(most: int = most) -> Result:
        return lab.load(server, [make(most + connections)], connections, most=most)

    signed(most // 5)  # what is needed for the first signature is imported
    return alternate(lab, signed, lambda: lab.load(server, [plain], connections))


def _races(_: Lab) -> list[Row]:
    """Use things that are good once twelve times at once, by the tests that hold them on both databases."""
    with TemporaryDirectory() as folder:
        seen = Path(folder) / "seen.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={seen}", _RACE_TESTS]
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        if not seen.is_file():
            raise Unavailable(f"no races: {done.stdout[-600:]}")
        cases = list(ET.parse(seen).iter("testcase"))
    return [
        _race(what, [case for case in cases if case.attrib["name"].startswith(test)]) for what, test in _RACES.items()
    ]


def _race(what: str, cases: list[ET.Element]) -> Row:
    held = [not (case.findall("failure") or case.findall("error") or case.findall("skipped")) for case in cases]
    rounds = _ROUNDS * sum(held)
    detail = {case.attrib["name"]: right for case, right in zip(cases, held, strict=True)}
    ratio = sum(held) / len(held) if held else 0.0
    return Row(f"rounds with {what}, 12 at once", "", rounds, "", None, [ratio], 1.0, "more", detail, _RACE_NOTE)


OAUTH_MEASURES: dict[str, Callable[[Lab], list[Row]]] = {
    "protected": _protected,
    "token": _tokens,
    "races": _races,
}
