"""Every link between documents leads to a file that is there, and every anchor to a heading."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from tests.docs.snippets import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"), *ROOT.glob("specs/*.md")]
)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ELSEWHERE = re.compile(r"[a-z]+:")


@cache
def prose(page: Path) -> str:
    """Give a page without its fenced blocks."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> Iterator[str]:
    yield from (target for target in _LINK.findall(prose(page)) if not _ELSEWHERE.match(target))


@cache
def anchors(page: Path) -> frozenset[str]:
    """Give the anchors of a page's headings, made as code hosts make them: small letters, dashes, no punctuation."""
    seen: Counter[str] = Counter()
    found = set()
    for heading in re.findall(r"^#{1,6} +(.*?)\s*$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        found.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return frozenset(found)


def faults(page: Path) -> list[str]:
    wrong = []
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        is_known = target.exists() and (not anchor or (target.suffix == ".md" and unquote(anchor) in anchors(target)))
        if not is_known:
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_document_leads_somewhere(page: Path) -> None:
    assert faults(page) == []


def test_every_page_is_linked_from_the_documentation_or_the_reference() -> None:
    folder = ROOT / "docs"
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in (folder / "README.md", *(folder / "reference").glob("*.md"))
        for link in links(page)
    }

    assert {page for page in folder.rglob("*.md") if page not in linked} == set()


def test_a_heading_becomes_the_anchor_that_code_hosts_make(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# The client\n## `user_ref`\n## Is it well?\n```sh\n# no heading\n```\n## Is it well?\n### rates.fx.list\n"
    )

    assert anchors(page) == {"the-client", "user_ref", "is-it-well", "is-it-well-1", "ratesfxlist"}


def test_a_link_to_nothing_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](#here) [b](#there) [c](gone.md) [d](page.md#here) [e](https://bank.example/#x)\n")

    assert faults(page) == ["#there", "gone.md"]
