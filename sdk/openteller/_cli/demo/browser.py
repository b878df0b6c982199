"""A payer's browser, as small as the payment page needs it: pages, forms, cookies, and no JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin

import click

from openteller._cli.demo import wire

_MOST_REDIRECTS = 5


@dataclass(slots=True)
class Form:
    """A form with the values that it would send untouched. names: every field that it has."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    @property
    def step(self) -> str:
        """Which step of the page it takes."""
        return self.values.get("step", "")


@dataclass(slots=True)
class Page:
    """A page as a reader finds it. code4: the check code; notice: what went wrong; facts: ``dd`` by ``dt``."""

    url: str
    heading: str = ""
    code4: str = ""
    notice: str = ""
    forms: list[Form] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)


class Browser:
    """Opens pages and sends forms, keeping cookies. One site only."""

    def __init__(self) -> None:
        self._cookies: SimpleCookie = SimpleCookie()

    def open(self, url: str) -> Page:
        """Open a page.

        Raises:
            click.ClickException: it is an error page.
        """
        return self._follow("GET", url, None)

    def submit(self, page: Page, form: Form, values: Mapping[str, str]) -> Page:
        """Fill a form in and send it.

        Raises:
            click.ClickException: it lacks a field, or an error page comes back.
        """
        if missing := values.keys() - form.names:
            raise click.ClickException(f"the page {form.step!r} does not ask for {', '.join(sorted(missing))}")
        return self._follow("POST", urljoin(page.url, form.action), urlencode(form.values | dict(values)).encode())

    def _follow(self, method: str, url: str, body: bytes | None) -> Page:
        for _ in range(_MOST_REDIRECTS):
            reply = wire.send(method, url, body=body, headers=self._headers(body))
            for cookie in reply.headers.get_all("Set-Cookie", ()):
                self._cookies.load(cookie)
            if reply.status not in {302, 303}:
                return _read(url, reply)
            method, url, body = "GET", urljoin(url, reply.headers["Location"]), None
        raise click.ClickException("the page redirects without end")

    def _headers(self, body: bytes | None) -> dict[str, str]:
        headers = {"Accept": "text/html", "Accept-Language": "zh-CN, en;q=0.8"}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in self._cookies.items())
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return headers


def _read(url: str, reply: wire.Reply) -> Page:
    reader = _Reader(url)
    reader.feed(reply.body.decode())
    if reply.status >= 400:
        raise click.ClickException(f"the payment page answers {reply.status}: {reader.page.heading}")
    return reader.page


class _Reader(HTMLParser):
    """Collects what a page says and asks."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.page = Page(url)
        self._form: Form | None = None
        self._select = ""
        self._label = ""
        self._texts: list[
            tuple[str, str, list[str]]
        ] = []  # elements whose text is wanted: tag, use, parts; innermost last

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(found.get("action", ""))
            self.page.forms.append(self._form)
        if use := _use(tag, found, self._texts[-1][1] if self._texts else ""):
            self._texts.append((tag, use, []))
        if self._form is not None:
            self._take_field(self._form, tag, found)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif self._texts and self._texts[-1][0] == tag:
            _, use, parts = self._texts.pop()
            self._keep(use, " ".join("".join(parts).split()))

    def handle_data(self, data: str) -> None:
        for _, _, parts in self._texts:
            parts.append(data)

    def _keep(self, use: str, text: str) -> None:
        page = self.page
        match use:
            case "h1":
                page.heading = text
            case "code4":
                page.code4 = text
            case "alert":
                page.notice = text
            case "dt":
                self._label = text
            case "dd":
                page.facts[self._label] = text

    def _take_field(self, form: Form, tag: str, found: dict[str, str]) -> None:
        name, kind = found.get("name", ""), found.get("type", "text")
        if tag == "select":
            self._select = name
            form.names.add(name)
        elif tag == "option" and ("selected" in found or self._select not in form.values):
            form.values[self._select] = found.get("value", "")
        elif tag == "input" and name:
            form.names.add(name)
            if kind not in {"radio", "checkbox"} or "checked" in found:
                form.values[name] = found.get("value", "")


def _use(tag: str, found: Mapping[str, str], inside: str) -> str:
    """Tell what the text of an element is wanted for; nothing for most."""
    if tag in {"h1", "dt", "dd"}:
        return tag
    if found.get("role") == "alert":
        return "alert"
    if "code4" in found.get("class", "").split():
        return "code4 line"
    return "code4" if tag == "strong" and inside == "code4 line" else ""
