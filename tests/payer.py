"""A payer with a browser without JavaScript: follows a payment link and fills in the forms that the page shows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

RICH = ("62000001", "246810")
POOR = ("62000002", "135791")


@dataclass
class Form:
    """A form of a page, with the values that it would send as it stands."""

    action: str
    values: MultiDict[str, str] = field(default_factory=MultiDict)
    offered: dict[str, list[str]] = field(default_factory=dict)

    @property
    def step(self) -> str:
        return self.values.get("step", "")


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, value = given.get("name") or "", given.get("value") or ""
        if tag == "form":
            self.forms.append(Form(given.get("action") or ""))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            self._offer(self._select, value, chosen="selected" in given)
        elif tag == "input" and self.forms and name:
            if given.get("type") in {"radio", "checkbox"}:
                self._offer(name, value, chosen="checked" in given)
            else:
                self.forms[-1].values.add(name, value)

    def _offer(self, name: str, value: str, *, chosen: bool) -> None:
        form = self.forms[-1]
        form.offered.setdefault(name, []).append(value)
        if chosen:
            form.values.add(name, value)


def forms_of(page: str) -> list[Form]:
    """Find the forms of a page; whoever asks may change what is given."""
    return [Form(form.action, form.values.copy(), dict(form.offered)) for form in _parsed(page)]


@lru_cache(maxsize=8)
def _parsed(page: str) -> list[Form]:
    """Parse a page: once, though it is asked for its step, its form and its fields."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


class Payer:
    """Follows one link."""

    def __init__(self, client: FlaskClient, url: str) -> None:
        self._client = client
        self.path = urlsplit(url).path
        self.answer = self.open()

    def open(self, suffix: str = "") -> TestResponse:
        """Load the page as it is now."""
        self.answer = self._client.get(self.path + suffix)
        return self.answer

    @property
    def text(self) -> str:
        """What the page says, without its tags."""
        return " ".join(re.sub(r"<[^>]+>", " ", self.answer.text).split())

    @property
    def forms(self) -> dict[str, Form]:
        """The forms of the page by their step."""
        return {form.step: form for form in forms_of(self.answer.text)}

    @property
    def step(self) -> str:
        """The step that the page is at."""
        steps = [step for step in self.forms if step not in {"language", "again", "leave", "change_amount"}]
        return steps[0] if steps else ""

    def send(self, step: str | None = None, /, **values: str | list[str]) -> Payer:
        """Fill in the form of a step, send it, and load the page that follows."""
        form = self.forms[step or self.step]
        filled = form.values.copy()
        for name, value in values.items():
            filled.setlist(name, value if isinstance(value, list) else [value])
        self.answer = self._client.post(form.action, data=filled)
        if self.answer.status_code == 303:
            self.open()
        return self

    def sign_in(self, who: tuple[str, str] = RICH) -> Payer:
        """Sign in as a demo customer."""
        return self.send("sign_in", customer_number=who[0], demo_code=who[1])

    def pay(self, digits: str = "", who: tuple[str, str] = RICH) -> Payer:
        """Go from the landing page of a link with a known account to the result, or to where the bank stops."""
        self.send("start").sign_in(who)
        if self.step == "digits":
            self.send("digits", digits=digits)
        return self.send("confirm") if self.step == "confirm" else self
