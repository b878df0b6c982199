"""Pages of documentation as programs: their Python runs from top to bottom, and what they show is what is printed.

The blocks of a page share one namespace, as they do for a reader who types them one after the other. A block of text
directly below a block of Python is what that prints. A remark above a block says what else happens:

- ``the payer pays``: before it, somebody follows the link of ``payment`` and pays; with four digits after it, these are
  the last of the account that the link names
- ``the customer allows``: before it, somebody goes to the address of ``asked``, signs in and allows it; ``came_back``
  is where the browser comes back to
- ``the customer links``: before it, somebody follows the address of ``link``, and approves; ``nonce`` is what the page
  shows then
- ``needs NAME``: it runs where that package is installed; it must compile anyway
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
from tests.payer import forms_of
from tests.sdk import processes

from openteller import OpenTeller
from openteller._cli.demo import story
from openteller._cli.demo.browser import Browser

ROOT = processes.ROOT
_FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*) -->\n)?^```(?P<language>[a-z]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
# What is different each time: identifiers, link codes, check codes, ports, receipt numbers, seconds.
_VOLATILE = (
    (r"\b([a-z]{3})_[0-9a-z]{12,}", r"\1_…"),
    (r"http://127\.0\.0\.1:[0-9]+", "http://127.0.0.1:…"),
    (r"/(pay|account-link)/[a-z2-7]{26}", r"/\1/…"),
    (r"\bsub_[0-9A-Za-z_-]{26}", "sub_…"),
    (r"\b[B-Z]{4}(-[B-Z]{4}){3}\b", "…"),
    (r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){1,2}\b", "…"),
    (r"((?:核对码 Check code|code4|check code):? +)[0-9]{4}\b", r"\1…"),
    (r"('code4': ')[0-9]{4}", r"\1…"),
    (r"(?<![0-9])10:3[0-9]:[0-9]{2}\b(\.[0-9]+)?", "10:3…"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a page. shown: what the page says that it prints."""

    page: Path
    line: int
    mark: str
    language: str
    text: str
    shown: str = ""


def blocks(page: Path) -> list[Block]:
    """Give the blocks of a page; what is printed goes with what prints it."""
    text = page.read_text(encoding="utf-8")
    found: list[Block] = []
    end = 0
    for fence in _FENCE.finditer(text):
        line = text.count("\n", 0, fence.start("text")) + 1
        one = Block(page, line, fence["mark"] or "", fence["language"], fence["text"])
        below = found and found[-1].language == "python" and not text[end : fence.start()].strip()
        end = fence.end()
        if below and one.language in {"text", "json"}:
            last = found.pop()
            found.append(Block(page, last.line, last.mark, last.language, last.text, shown=one.text))
        else:
            found.append(one)
    return found


def settled(text: str) -> str:
    """Give a text without what is different each time."""
    for pattern, replacement in _VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text.strip()


@contextlib.contextmanager
def namespace() -> Iterator[dict[str, Any]]:
    """Give what the blocks of a page share; clients that they leave open are closed."""
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        yield names
    finally:
        for value in names.values():
            if isinstance(value, OpenTeller):
                value.close()


def run(block: Block, names: dict[str, Any]) -> str:
    """Run a block; give what it prints."""
    # Lines are counted as in the page, so that a traceback leads there.
    code = compile("\n" * (block.line - 1) + block.text, str(block.page), "exec")
    if needed := re.match(r"needs ([a-z_]+)$", block.mark):
        if importlib.util.find_spec(needed[1]) is None:
            return block.shown
    elif paying := re.match(r"the payer pays(?: ([0-9]{4}))?$", block.mark):
        pay(names["bank"], names["payment"].payment_link.url, paying[1] or "0011")
    elif block.mark == "the customer allows":
        names["came_back"] = allow(names["asked"].url)
    elif block.mark == "the customer links":
        names["nonce"] = approve(names["link"].link_url)
    else:
        assert not block.mark, f"{block.page}:{block.line}: nobody knows what {block.mark!r} means"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, names)
    return printed.getvalue()


def allow(url: str) -> str:
    """Go to the bank as the customer of the pages, and allow what is asked for; give where the browser goes then."""
    sign_in = {"customer_number": "62000001", "demo_code": "246810"}
    with httpx2.Client() as browser:
        answer = browser.get(url)
        while True:
            if answer.status_code == 303:
                place = urljoin(url, answer.headers["Location"])
                if urlsplit(place).netloc != urlsplit(url).netloc:
                    return place
                answer = browser.get(place)
                continue
            forms = {form.step: form for form in forms_of(answer.text)}
            form = forms.get("sign_in") or forms["approve"]
            values = form.values.to_dict() | (sign_in if form.step == "sign_in" else {})
            answer = browser.post(urljoin(url, form.action), data=values)


def pay(bank: OpenTeller, link: str, digits: str = "0011") -> None:
    """Follow a link as the payer of the pages does, and pay."""
    answers = story.answers(story.cast_for(bank))
    assert answers["account"].values == {"in_account_number": "3100000011"}
    assert answers["sign_in"].values == {"customer_number": "62000001", "demo_code": "246810"}
    answers["digits"] = story.Answer("types the last four digits of the account", {"digits": digits})
    browser = Browser()
    with contextlib.redirect_stdout(io.StringIO()):
        story.walk(browser, browser.open(link), answers)


def approve(url: str) -> str:
    """Follow the address of an account link as the customer of the pages does; give the nonce."""
    browser = Browser()
    page = browser.open(url)
    for values in ({}, {"customer_number": "62000001", "demo_code": "246810"}, {}):
        form = next(one for one in page.forms if one.step not in {"language", "refuse"})
        page = browser.submit(page, form, values)
    return page.facts["绑定码"]
