"""A customer with a browser at the bank's pages of authorization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from tests.payer import RICH, Payer
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank

AUTHORIZE = "/oauth/authorize"


class Customer(Payer):
    """Goes where a client sends it, signs in and answers. returned: what it brings back to the client."""

    def __init__(self, app: Flask, query: Mapping[str, Any]) -> None:
        self._client = app.test_client()
        self.returned: dict[str, str] = {}
        self.left_to = ""
        self.answer = self.go(query)

    def go(self, query: Mapping[str, Any]) -> TestResponse:
        """Follow the client's redirect to the authorization endpoint."""
        self.answer = self._client.get(AUTHORIZE, query_string=dict(query))
        return self._follow()

    def _follow(self) -> TestResponse:
        """Follow redirects up to the page that is next, or out of the bank."""
        while self.answer.status_code == 303:
            place = self.answer.headers["Location"]
            if not place.startswith("/"):
                self.left_to = place.partition("?")[0]
                self.returned = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
                break
            self.path = place
            self.answer = self._client.get(place)
        return self.answer

    def send(self, step: str | None = None, /, **values: Any) -> Customer:
        """Fill in a form and send it."""
        form = self.forms[step or self.step]
        filled = form.values.copy()
        for name, value in values.items():
            filled.setlist(name, value if isinstance(value, list) else [value])
        self.answer = self._client.post(form.action, data=filled)
        self._follow()
        return self

    def sign_in(self, who: tuple[str, str] = RICH) -> Customer:
        return self.send("sign_in", customer_number=who[0], demo_code=who[1])

    def approve(self) -> Customer:
        return self.send("approve")


def rows(bank: Bank, table: str) -> list[dict[str, Any]]:
    """Read a table of the bank."""
    from openteller_sandbox.db import Statement, metadata

    return [
        dict(zip(row.keys(), row, strict=True))
        for row in bank.db.read().all(Statement(metadata.tables[table].select()))
    ]
