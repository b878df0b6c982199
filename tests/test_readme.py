"""What README.md shows is what happens: its commands are run, and their output is compared."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.sdk import processes

from openteller import OpenTeller
from openteller._cli import commands
from openteller._cli.demo import story
from openteller._cli.demo.browser import Browser

ROOT = processes.ROOT
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
# What is different each time: identifiers, link codes, check codes, ports, receipt numbers, seconds.
_VOLATILE = (
    (r"\b([a-z]{3})_[0-9a-z]{12,}", r"\1_…"),
    (r"http://127\.0\.0\.1:[0-9]+", "http://127.0.0.1:…"),
    (r"/pay/[a-z2-7]{26}", "/pay/…"),
    (r"\b[0-9A-Z]{4}(-[0-9A-Z]{4}){1,2}\b", "…"),
    (r"(核对码 Check code +)[0-9]{4}", r"\1…"),
    (r"('code4': ')[0-9]{4}", r"\1…"),
    (r"(?<![0-9])10:3[0-9]:[0-9]{2}\b", "10:3…"),
)
_FENCE = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def settled(text: str) -> str:
    for pattern, replacement in _VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def blocks(kind: str) -> list[str]:
    return [text for name, text in _FENCE.findall(README) if name == kind]


def walk() -> Iterator[tuple[str, str, str]]:
    """Give the steps of the walk: the remark before it, its commands, and what README says they print."""
    pattern = r"^<!-- (walk[a-z ]*) -->\n```sh\n(.*?)^```\n(?:```(?:text|json)\n(.*?)^```\n)?"
    yield from re.findall(pattern, README, re.MULTILINE | re.DOTALL)


def pay(url: str, link: str) -> None:
    """Do what README tells the payer to do."""
    with OpenTeller(url, client_id="") as client:
        answers = story.answers(story.cast_for(client))
    assert answers["account"].values == {"in_account_number": "3100000011"}
    assert answers["sign_in"].values == {"customer_number": "62000001", "demo_code": "246810"}
    browser = Browser()
    story.walk(browser, browser.open(link), answers)


def test_the_demo_prints_what_readme_shows(tmp_path: Path) -> None:
    done = processes.run("demo", cwd=tmp_path, env={"ONCE": "1"})

    assert done.returncode == 0, done.stderr
    assert settled(done.stdout) == settled(blocks("text")[0])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_walk_through_the_first_payment_goes_as_told(tmp_path: Path) -> None:
    shell = subprocess.Popen(
        ["bash", "-eu"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", cwd=tmp_path
    )
    assert shell.stdin
    assert shell.stdout
    with processes.sandbox(tmp_path, "--clock", processes.MORNING) as (url, _), shell:
        for remark, told, expected in walk():
            if remark == "walk after the payer":
                shell.stdin.write("""echo "$PAYMENT" | member '["payment_link"]["url"]'\n""")
                shell.stdin.flush()
                pay(url, shell.stdout.readline().strip())
            shell.stdin.write(told.replace("http://127.0.0.1:8080", url) + "echo END\n")
            shell.stdin.flush()
            printed = "".join(iter(shell.stdout.readline, "END\n"))
            assert settled(printed) == settled(expected), told
        shell.stdin.close()
    assert shell.returncode == 0


def test_the_magic_accounts_are_those_of_the_sandbox(tmp_path: Path) -> None:
    shown = re.findall(r"^\| `([0-9]{10})` \| ([A-Z_]+) \| (.*) \|$", README, re.MULTILINE)

    with (
        processes.sandbox(tmp_path, "--clock", processes.MORNING) as (url, _),
        OpenTeller(url, client_id="") as client,
    ):
        values = story.cast_for(client).values

    assert shown == [(value.inputs["account_number"], value.scenario, value.description.en) for value in values.data]
    for customer in values.demo_customers:
        assert f"`{customer.customer_number}` / `{customer.demo_code}`" in " ".join(README.split())


def test_every_make_target_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    documents = [README, *(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))]
    named = {name for text in documents for name in re.findall(r"(?:^|`)make ([a-z]+)", text, re.MULTILINE)}

    assert {"demo", "test", "lint", "specs"} <= named
    assert named <= targets
    assert phony == targets


def test_every_openteller_command_that_documents_name_exists() -> None:
    documents = [README, *(page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("*.md"))]
    named = {line for text in documents for line in re.findall(r"(?:^|`)openteller ([^`\n#]+)", text, re.MULTILINE)}

    assert any(line.startswith("demo") for line in named)
    for line in named:
        command: click.Command | None = commands.openteller
        words = line.split()
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command, line
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_link_between_documents_leads_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert target.startswith(("https://", "http://")) or (page.parent / target).exists(), f"{page}: {target}"
