"""A partner's calls, as a program makes them: an app, its token, JSON in and out."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import click

from openteller._cli import wire

Json = dict[str, Any]


class Refused(click.ClickException):
    """The bank refused a request; the message says what and why, in one line."""

    def __init__(self, request: str, status: int, problem: Json) -> None:
        faults = [
            f"{item.get('pointer') or item.get('name')}: {item.get('message')}" for item in problem.get("errors", ())
        ]
        reason = "; ".join(faults) or problem.get("detail") or problem.get("title", "")
        super().__init__(f"{request} was refused: {status} {problem.get('code', '')} {reason}".rstrip())


def create_app(url: str, *, name: str, return_urls: Sequence[str] = ()) -> Json:
    """Make an app in a running sandbox; give it with its secret.

    Raises:
        click.ClickException: nobody answers, or the bank refuses.
    """
    form: Json = {"name": name} | ({"return_urls": list(return_urls)} if return_urls else {})
    try:
        return Partner(url).post("/sandbox/v1/apps", form)
    except wire.Unreachable as error:
        raise wire.Unreachable(f"{error.message}; start one with: openteller sandbox serve") from error


class Partner:
    """Calls the API, with a token once it has one."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._headers: dict[str, str] = {}
        self._run = secrets.token_hex(4)
        self._keys = itertools.count(1)

    def authorise(self, client_id: str, client_secret: str) -> Json:
        """Fetch a token by client credentials (RFC 6749 section 4.4) and use it from now on."""
        pair = base64.b64encode(f"{quote(client_id)}:{quote(client_secret)}".encode()).decode()
        form = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
        reply = wire.send("POST", f"{self._url}/oauth/token", body=b"grant_type=client_credentials", headers=form)
        token: Json = reply.json()
        if reply.status != 200:
            raise click.ClickException(f"no token: {token.get('error')}, {token.get('error_description', '')}")
        self._headers["Authorization"] = f"Bearer {token['access_token']}"
        return token

    def get(self, path: str, query: Mapping[str, object] | None = None) -> Json:
        """Read."""
        return self._call("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: Json, *, once: bool = False) -> Json:
        """Create. once: with an idempotency key, so that repeating it makes nothing twice."""
        headers = {"Content-Type": "application/json"}
        if once:
            headers["Idempotency-Key"] = f"{self._run}-{next(self._keys)}"
        return self._call("POST", path, json.dumps(body).encode(), headers)

    def _call(
        self, method: str, target: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Json:
        reply = wire.send(method, self._url + target, body=body, headers={**self._headers, **(headers or {})})
        answer: Json = reply.json()
        if reply.status >= 400:
            raise Refused(f"{method} {target.partition('?')[0]}", reply.status, answer)
        return answer
