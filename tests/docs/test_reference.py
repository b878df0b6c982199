"""The reference has every public name, and says what the docstrings say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import pytest
from tests.docs.snippets import ROOT

import openteller
from openteller import OpenTeller, errors, hooks, models, money
from openteller.models import Model
from tools import build_reference

FOLDER = ROOT / "docs" / "reference"


@cache
def headings(page: str) -> frozenset[str]:
    return frozenset(re.findall(r"^#+ (.*)$", (FOLDER / page).read_text(encoding="utf-8"), re.MULTILINE))


def everywhere() -> frozenset[str]:
    return frozenset().union(*(headings(page.name) for page in FOLDER.glob("*.md")))


def test_every_public_name_of_the_package_has_an_entry() -> None:
    modules = {"errors", "geo", "hooks", "models", "oauth", "receipts", "statements", "webhooks"}

    assert set(openteller.__all__) - modules - {"__version__"} <= everywhere()
    assert {f"{name}.md" for name in modules} <= {page.name for page in FOLDER.glob("*.md")}


@pytest.mark.parametrize(("module", "page"), [(errors, "errors.md"), (hooks, "hooks.md"), (money, "money.md")])
def test_every_name_of_a_module_has_an_entry_on_its_page(module: ModuleType, page: str) -> None:
    assert set(module.__all__) <= headings(page)


def test_every_record_has_an_entry_and_every_member_of_it_a_row() -> None:
    pages = {page.name: page.read_text(encoding="utf-8") for page in FOLDER.glob("models*.md")}

    for name in models.__all__:
        entry = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", "\n".join(pages.values()), re.MULTILINE | re.DOTALL)
        assert entry, name
        found = getattr(models, name)
        if issubclass(found, Model):
            for member in found.__struct_fields__:
                assert f"| `{member}` |" in entry[1], f"{name}.{member}"
        else:
            for value in found:
                assert f"`{value.value}`" in entry[1], f"{name}.{value}"


def resources(of: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name in dir(of):
        value = getattr(of, name)
        if not name.startswith("_") and type(value).__module__.startswith("openteller._sync"):
            yield prefix + name, value
            yield from resources(value, f"{prefix}{name}.")


def test_every_method_of_the_client_and_its_resources_has_an_entry() -> None:
    with OpenTeller("https://bank.test", client_id="") as client:
        found = dict(resources(client))
        own = [name for name, _ in inspect.getmembers(client, inspect.ismethod) if not name.startswith("_")]

    assert found.keys() == build_reference.RESOURCES.keys()
    assert {f"OpenTeller.{name}" for name in own} <= headings("client.md")
    for name, resource in found.items():
        assert name in headings("resources.md")
        for method, _ in inspect.getmembers(resource, inspect.ismethod):
            if not method.startswith("_"):
                assert f"{name}.{method}" in headings("resources.md")


def test_nothing_private_and_no_markup_of_docstrings_is_left() -> None:
    for page in FOLDER.glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert "``" not in text.replace("```", ""), page.name
        assert not re.search(r"^#+ .*\b_", text, re.MULTILINE), page.name
        assert not re.search(r"^(Args|Attributes):$", text, re.MULTILINE), page.name


def test_the_reference_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert build_reference.main(["--check"]) == 0, capsys.readouterr().err


def test_the_tree_of_errors_on_the_page_of_the_client_is_that_of_the_module() -> None:
    tree = re.search(r"^    OpenTellerError\n(?:    [├│└ ].*\n)+", errors.__doc__ or "", re.MULTILINE)
    assert tree
    drawn = "\n".join(line.removeprefix("    ").replace("``", "") for line in tree[0].splitlines())

    assert drawn in (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
