"""The walks of a newcomer, as the documents tell them: the quick start, the demo, the first payment with curl."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.docs.snippets import ROOT, allow, approve, blocks, pay, settled
from tests.sdk import processes

from openteller import OpenTeller
from openteller._cli import commands
from openteller._cli.demo import story

README = ROOT / "README.md"
CURL = ROOT / "docs" / "first-payment-with-curl.md"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def documents() -> list[str]:
    return [page.read_text(encoding="utf-8") for page in (README, *(ROOT / "docs").rglob("*.md"))]


def test_the_quick_start_goes_as_told(tmp_path: Path) -> None:
    python, output = [block for block in blocks(README) if block.language in {"python", "text"}][:2]
    script = tmp_path / "quick_start.py"
    script.write_text(python.text, encoding="utf-8")
    assert len([line for line in python.text.splitlines() if line]) <= 15

    with processes.sandbox(tmp_path, "--clock", processes.MORNING) as (url, _):
        told = processes.environment(OPENTELLER_BASE_URL=url, PYTHONUNBUFFERED="1", PYTHONWARNINGS="default")
        with (
            OpenTeller(url, client_id="") as anyone,
            subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, encoding="utf-8", env=told) as run,
        ):
            assert run.stdout
            first = run.stdout.readline()
            pay(anyone, first.split()[-1])
            printed = first + run.stdout.read()

    assert run.returncode == 0
    assert settled(printed) == settled(output.text)


def test_the_linking_flow_goes_as_told(tmp_path: Path) -> None:
    python, output = [block for block in blocks(README) if block.language in {"python", "text"}][2:]
    script = tmp_path / "linking.py"
    script.write_text(python.text, encoding="utf-8")
    pipe = subprocess.PIPE
    with processes.sandbox(tmp_path, "--clock", processes.MORNING) as (url, _):
        told = processes.environment(OPENTELLER_BASE_URL=url, PYTHONUNBUFFERED="1", PYTHONWARNINGS="default")
        command = [sys.executable, str(script)]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, encoding="utf-8", env=told) as run:
            assert run.stdin and run.stdout
            run.stdin.write(approve(run.stdout.readline().split()[-1]) + "\n")
            run.stdin.flush()
            run.stdout.readline()
            run.stdin.write(allow(run.stdout.readline().split()[-1]) + "\n")
            run.stdin.flush()
            run.stdout.readline()
            printed = run.stdout.read()

    assert run.returncode == 0
    assert settled(printed) == settled(output.text)


def test_the_quick_start_tells_the_payer_what_the_page_asks() -> None:
    text = README.read_text(encoding="utf-8")

    assert {"`0011`", "`62000001`", "`246810`"} <= set(re.findall(r"`[0-9]+`", text))


def test_the_demo_prints_what_its_page_shows(tmp_path: Path) -> None:
    (shown,) = [block.text for block in blocks(ROOT / "docs" / "demo.md")]
    done = processes.run("demo", cwd=tmp_path, env={"ONCE": "1"})

    assert done.returncode == 0, done.stderr
    assert settled(done.stdout) == settled(shown)


def walk() -> Iterator[tuple[str, str, str]]:
    """Give the steps with curl: the remark before it, its commands, and what the page says they print."""
    pattern = r"^<!-- (walk[a-z ]*) -->\n```sh\n(.*?)^```\n(?:```(?:text|json)\n(.*?)^```\n)?"
    yield from re.findall(pattern, CURL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_first_payment_with_curl_goes_as_told(tmp_path: Path) -> None:
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
                with OpenTeller(url, client_id="") as anyone:
                    pay(anyone, shell.stdout.readline().strip())
            shell.stdin.write(told.replace("http://127.0.0.1:8080", url) + "echo END\n")
            shell.stdin.flush()
            printed = "".join(iter(shell.stdout.readline, "END\n"))
            assert settled(printed) == settled(expected), told
        shell.stdin.close()
    assert shell.returncode == 0
    assert len(list(walk())) == 7


def test_the_magic_accounts_are_those_of_the_sandbox(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `([0-9]{10})` \| ([A-Z_]+) \| (.*) \|$", text, re.MULTILINE)

    with (
        processes.sandbox(tmp_path, "--clock", processes.MORNING) as (url, _),
        OpenTeller(url, client_id="") as client,
    ):
        values = story.cast_for(client).values

    assert shown == [(value.inputs["account_number"], value.scenario, value.description.en) for value in values.data]
    for customer in values.demo_customers:
        assert f"`{customer.customer_number}` / `{customer.demo_code}`" in " ".join(text.split())


def test_every_make_target_that_documents_name_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
    phony = set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())
    named = {name for text in documents() for name in re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE)}

    assert {"demo", "test", "lint", "specs"} <= named
    assert named <= targets
    assert phony == targets


def test_every_openteller_command_that_documents_name_exists() -> None:
    named = {line for text in documents() for line in re.findall(r"(?:^|`)openteller ([^`\n#]+)", text, re.MULTILINE)}

    assert any(line.startswith("demo") for line in named)
    for line in named:
        command: click.Command | None = commands.openteller
        words = line.split()
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            command = command.get_command(click.Context(command), words.pop(0))
        assert command, line
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line
