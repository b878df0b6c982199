"""A customer with a browser at the page on which a social account is linked, and the app that asks for it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from tests.conftest import Partner
from tests.payer import RICH, Payer
from werkzeug.test import TestResponse

_numbers = itertools.count(1)
NONCE = r"\b[B-Z]{4}(?:-[B-Z]{4}){3}\b"


class Customer(Payer):
    """Opens a link's page. returned: what the browser brings back to the app, where it goes there."""

    def __init__(self, app: Flask, url: str) -> None:
        self.returned: dict[str, str] = {}
        self.left_to = ""
        super().__init__(app.test_client(), url)

    def send(self, step: str | None = None, /, **values: Any) -> Customer:
        """Send a form, and follow the redirect, or keep what it takes out of the bank."""
        form = self.forms[step or self.step]
        filled = form.values.copy()
        for name, value in values.items():
            filled.setlist(name, value if isinstance(value, list) else [value])
        self.answer = self._client.post(form.action, data=filled)
        if self.answer.status_code == 303:
            place = self.answer.headers["Location"]
            if place.startswith("/"):
                self.open()
            else:
                self.left_to = place.partition("?")[0]
                self.returned = {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}
        return self

    def sign_in(self, who: tuple[str, str] = RICH) -> Customer:
        return self.send("sign_in", customer_number=who[0], demo_code=who[1])

    def approve(self, who: tuple[str, str] = RICH) -> Customer:
        """Go from the landing page to the nonce."""
        return self.send("start").sign_in(who).send("approve")


@dataclass
class Actor:
    """Somebody who writes to an app from a social account."""

    partner: Partner
    channel: str = "weibo"
    actor_ref: str = ""
    label: str = "@小明在成都"

    def __post_init__(self) -> None:
        self.actor_ref = self.actor_ref or f"actor-of-the-tests-{next(_numbers)}"

    @property
    def account(self) -> dict[str, str]:
        return {"channel": self.channel, "actor_ref": self.actor_ref}

    def ask(self, **form: Any) -> TestResponse:
        """Have a link started."""
        body = {**self.account, "actor_label": self.label, "return_url": "https://bot.example/done", **form}
        sent = {name: value for name, value in body.items() if value is not None}
        return self.partner.post("/v1/account-links", sent, key=None)

    def start(self, **form: Any) -> dict[str, Any]:
        answer = self.ask(**form)
        assert answer.status_code == 201, answer.text
        return dict(answer.json)

    def bring(self, nonce: str, *, key: str | None = "new", **form: Any) -> TestResponse:
        """Send a nonce in the chat."""
        return self.partner.post("/v1/account-links:confirm", {**self.account, "nonce": nonce, **form}, key=key)

    def find(self) -> TestResponse:
        return self.partner.post("/v1/account-links:find", self.account, key=None)

    def link(self, app: Flask, who: tuple[str, str] = RICH) -> dict[str, Any]:
        """Go the whole way, as one person."""
        browser = Customer(app, self.start()["link_url"]).approve(who)
        answer = self.bring(browser.returned["nonce"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json)


def read(partner: Partner, link: dict[str, Any]) -> dict[str, Any]:
    """Read a link as it stands."""
    return dict(partner.get(f"/v1/account-links/{link['account_link_id']}").json)
