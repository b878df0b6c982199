"""A payer for the demo: opens the bank's page as a browser without scripts does, and fills in its forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx2

__all__ = ["Form", "Page", "Payer"]

_MOST_PAGES = 12


@dataclass
class Form:
    """A form, its fields as the page fills them in, and what it asks: the value of its hidden field ``step``."""

    action: str
    fields: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def step(self) -> str:
        """Which question this is."""
        return self.fields.get("step", "")


@dataclass
class Page:
    """What a page says and asks."""

    url: str = field(repr=False)
    heading: str
    text: str = field(repr=False)
    forms: list[Form]


class Payer:
    """Someone with a browser: cookies, forms, no scripts."""

    def __init__(self) -> None:
        self._http = httpx2.Client(follow_redirects=True, timeout=20.0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def walk(self, url: str, answers: Mapping[str, Mapping[str, str]]) -> Iterator[Page]:
        """Open a link and answer every form that ``answers`` has something for; give each page.

        Args:
            url: of the payment link.
            answers: by step of a form, what to fill in.
        """
        page = self._read(self._http.get(url))
        for _ in range(_MOST_PAGES):
            yield page
            form = next((form for form in page.forms if form.step in answers), None)
            if form is None:
                return
            filled = form.fields | dict(answers[form.step])
            page = self._read(self._http.post(urljoin(page.url, form.action), data=filled))

    @staticmethod
    def _read(answer: httpx2.Response) -> Page:
        reader = _Reader()
        reader.feed(answer.text)
        return Page(str(answer.url), reader.heading.strip(), " ".join("".join(reader.said).split()), reader.forms)


class _Reader(HTMLParser):
    """Takes forms, the first heading and the words from a page."""

    def __init__(self) -> None:
        super().__init__()
        self.heading = ""
        self.said: list[str] = []
        self.forms: list[Form] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag in {"h1", "style", "title"}:
            self._inside.append(tag)
        elif tag == "form":
            self.forms.append(Form(found.get("action", "")))
        elif self.forms and tag in {"input", "button"} and found.get("name"):
            is_choice = found.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in found:
                self.forms[-1].fields.setdefault(found["name"], found.get("value", ""))
        elif tag in {"p", "dt", "dd", "li", "br", "div"}:
            self.said.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if "h1" in self._inside:
            self.heading += data
        if not {"style", "title"} & set(self._inside):
            self.said.append(data)
